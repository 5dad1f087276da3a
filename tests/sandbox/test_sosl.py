"""SOSL in small: what is found, what is returned, what is refused in the vendor's words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client

URL = "/services/data/v59.0/sobjects/"


@pytest.fixture(scope="module")
def client() -> Client:
    client = fresh_client()
    acme = client.create("Account", Name="Acme Corp", Phone="(617) 555-1234")
    client.create("Contact", LastName="Smith", FirstName="John", AccountId=acme, Email="john.smith@acme.example")
    client.create("Lead", LastName="Johnson", Company="Acme-Works", Rating="Hot")
    client.create("Task", Subject="Call Marie-Pier")
    return client


def found(client: Client, text: str) -> list[Any]:
    status, answer = client.call("GET", "search", q=text)
    assert status == 200, answer
    return list(answer["searchRecords"])


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("FIND {acme}", "Account Contact Lead"),
        ("FIND {ACME} RETURNING Lead, Account", "Lead Account"),
        ("find {john} returning Contact, Lead", "Contact"),
        ("FIND {john*} RETURNING Contact, Lead", "Contact Lead"),
        ("FIND {j?hn} RETURNING Contact, Lead", "Contact"),
        ('FIND {"john smith"} RETURNING Contact', "Contact"),
        ('FIND {"smith john"} RETURNING Contact', ""),
        ("FIND {acme AND corp}", "Account"),
        ("FIND {acme corp}", "Account"),
        ("FIND {acme AND NOT corp}", "Contact Lead"),
        ("FIND {(corp OR works) AND acme}", "Account Lead"),
        ("FIND {smith@acme.example} IN EMAIL FIELDS", "Contact"),
        ("FIND {acme} IN NAME FIELDS", "Account"),
        ("FIND {617} IN PHONE FIELDS", "Account"),
        ("FIND {Marie\\-Pier}", "Task"),
        ("FIND {acme} LIMIT 2", "Account Contact"),
        ("FIND {acme} RETURNING Lead(Id WHERE Rating = 'Cold')", ""),
        ("FIND {acme} RETURNING Lead(Id WHERE Rating = 'Hot' ORDER BY Name LIMIT 1 OFFSET 0) UPDATE TRACKING", "Lead"),
    ],
)
def test_a_search_finds_words(client: Client, text: str, kinds: str) -> None:
    assert " ".join(record["attributes"]["type"] for record in found(client, text)) == kinds


def test_records_hold_what_is_asked_for(client: Client) -> None:
    (contact,) = found(client, "FIND {smith} RETURNING Contact(Name, Account.Name)")
    assert contact["attributes"]["url"].startswith(f"{URL}Contact/003")
    assert (contact["Name"], contact["Account"]["Name"]) == ("John Smith", "Acme Corp")
    (alone,) = found(client, "FIND {smith}")
    assert list(alone) == ["attributes", "Id"]


def test_before_version_37_the_answer_is_an_array(client: Client) -> None:
    status, answer = client.call("GET", "/services/data/v36.0/search", q="FIND {smith}")
    assert (status, [record["attributes"]["type"] for record in answer]) == (200, ["Contact"])


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            "FIND {Marie-Pier}",
            "MALFORMED_SEARCH",
            "\nFIND {Marie-Pier}\n          ^\nERROR at Row:1:Column:11\n"
            "line 1:11 mismatched character '-' expecting '}'",
        ),
        (
            "FIND u.email RETURNING Contact (Name)",
            "MALFORMED_SEARCH",
            "No search term found. The search term must be enclosed in braces.",
        ),
        ("FIND {acme} IN ALL TYPE", "MALFORMED_SEARCH", "Malformed search token: TYPE"),
        ("FIND {acme} RETURNING", "MALFORMED_SEARCH", "unexpected token: '<EOF>'"),
        ("FIND {acme} RETURNING Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported."),
        ("FIND {acme} RETURNING Lead(Nope)", "INVALID_FIELD", "No such column 'Nope' on entity 'Lead'."),
        ("FIND {a}", "MALFORMED_SEARCH", "search term must be longer than one character: a"),
        ("FIND {*acme}", "MALFORMED_SEARCH", "must not start with a wildcard"),
        ("FIND {acme AND}", "MALFORMED_SEARCH", "unexpected token"),
        ("FIND {(acme}", "MALFORMED_SEARCH", "unexpected token: '<EOF>'"),
        ("FIND {}", "MALFORMED_SEARCH", "unexpected token: '<EOF>'"),
    ],
)
def test_refusals(client: Client, text: str, code: str, message: str) -> None:
    status, answer = client.call("GET", "search", q=text)
    assert (status, answer[0]["errorCode"]) == (400, code)
    assert message in answer[0]["message"]


def test_a_search_sees_what_its_user_sees() -> None:
    client = fresh_client()
    ids = [client.create("Lead", LastName="Lind", Company=company, City="Ulm") for company in ("Acme", "Beta")]
    client.control("POST", "hide", {"ids": ids[:1], "username": "integration@sandbox.example"})
    assert [record["Id"] for record in found(client, "FIND {lind}")] == ids[1:]
    client.control("POST", "rights", {"username": "integration@sandbox.example", "hidden_fields": ["Lead.City"]})
    assert found(client, "FIND {ulm}") == []


def test_parameters_in_place_of_sosl(client: Client) -> None:
    query = {"q": "Acme", "sobject": "Account", "Account.fields": "id,name", "Account.limit": "10"}
    status, answer = client.call("GET", "parameterizedSearch", **query)
    assert (status, [record["Name"] for record in answer["searchRecords"]]) == (200, ["Acme Corp"])
    assert len(client.call("GET", "parameterizedSearch", q="Acme")[1]["searchRecords"]) == 3
    lead_filter = {"name": "Lead", "where": "Rating = 'Hot'", "fields": ["Company"]}
    body = {
        "q": "acme",
        "fields": ["id", "name"],
        "in": "ALL",
        "overallLimit": 5,
        "sobjects": [lead_filter, {"name": "Account", "limit": 1}],
    }
    status, answer = client.call("POST", "parameterizedSearch", body)
    lead, account = answer["searchRecords"]
    assert (lead["Company"], account["Name"]) == ("Acme-Works", "Acme Corp")
    refused: tuple[Any, ...] = (
        {"q": ""},
        {"q": "x", "sobjects": "Lead"},
        {"q": "acme", "sobjects": [{"name": "Lead)("}]},
        [],
    )
    for bad in refused:
        status, answer = client.call("POST", "parameterizedSearch", bad)
        assert status == 400, bad
    assert client.call("POST", "parameterizedSearch", {"q": "Marie-Pier"})[1]["searchRecords"] != []
