"""Relationships in SOQL: parents, polymorphic parents and TYPEOF, children and their pages, semi-joins, rights."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client

URL = "/services/data/v59.0/sobjects/"


@pytest.fixture(scope="module")
def client() -> Client:
    client = fresh_client()
    acme = client.create("Account", Name="Acme", Industry="Banking")
    beta = client.create("Account", Name="beta")
    ann = client.create("Contact", LastName="Adams", FirstName="Ann", AccountId=acme, Email="ann@acme.example")
    client.create("Contact", LastName="Brown", AccountId=acme)
    client.create("Contact", LastName="Cole", AccountId=beta)
    lead = client.create("Lead", LastName="Lind", Company="Lind & Co")
    deal = client.create(
        "Opportunity", Name="Deal", StageName="Prospecting", CloseDate="2026-03-10", AccountId=acme, Amount=44000
    )
    client.create("Task", Subject="a", WhatId=acme, WhoId=ann)
    client.create("Task", Subject="b", WhatId=deal, WhoId=lead)
    client.create("Task", Subject="c")
    return client


def refused(client: Client, text: str, **options: Any) -> tuple[str, str]:
    status, answer = client.call("GET", "query", q=text, **options)
    assert status == 400, answer
    return answer[0]["errorCode"], answer[0]["message"].rpartition("\n")[2]


def test_typeof_selects_by_what_the_parent_is(client: Client) -> None:
    text = (
        "SELECT Subject, TYPEOF What WHEN Account THEN Industry, Owner.Username WHEN opportunity THEN Amount, "
        "Account.Name ELSE Name END FROM Task ORDER BY Subject"
    )
    account, deal, nothing = (row["What"] for row in client.query(text))
    assert account["attributes"]["type"] == "Account"
    assert (account["Industry"], account["Owner"]["Username"]) == ("Banking", "integration@sandbox.example")
    assert deal["attributes"] == {"type": "Opportunity", "url": f"{URL}Opportunity/{deal['attributes']['url'][-18:]}"}
    assert (deal["Amount"], deal["Account"]["Name"]) == (44000.0, "Acme")
    assert nothing is None


def test_typeof_without_a_branch_that_fits_is_null_or_the_else(client: Client) -> None:
    (row,) = client.query("SELECT TYPEOF What WHEN Account THEN Id END FROM Task WHERE Subject = 'b'")
    assert row["What"] is None
    (row,) = client.query("SELECT TYPEOF Who WHEN Contact THEN Email ELSE Name, Type END FROM Task WHERE Subject = 'b'")
    assert row["Who"]["attributes"]["type"] == "Name"
    assert (row["Who"]["Name"], row["Who"]["Type"]) == ("Lind", "Lead")


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            "SELECT TYPEOF What WHEN Contact THEN Id END FROM Task",
            "MALFORMED_QUERY",
            "Entity 'Contact' cannot be the type of relationship 'What'",
        ),
        ("SELECT TYPEOF What ELSE Id END FROM Task", "MALFORMED_QUERY", "unexpected token: 'ELSE'"),
        (
            "SELECT What.Name, TYPEOF What WHEN Account THEN Id END FROM Task",
            "INVALID_FIELD",
            "duplicate field selected: What",
        ),
        (
            "SELECT COUNT(Id), TYPEOF What WHEN Account THEN Id END FROM Task",
            "MALFORMED_QUERY",
            "Sub-queries and TYPEOF are not allowed in aggregate queries",
        ),
    ],
)
def test_typeof_where_it_makes_no_sense(client: Client, text: str, code: str, message: str) -> None:
    assert refused(client, text) == (code, message)


def test_relationships_of_a_polymorphic_owner(client: Client) -> None:
    (row,) = client.query("SELECT Owner.Profile.Name, Owner.Type, Owner.Email FROM Lead")
    assert row["Owner"]["attributes"]["type"] == "Name"
    assert row["Owner"]["Profile"]["Name"] == "System Administrator"
    assert row["Owner"]["Type"] == "User"


def test_a_relationship_may_have_an_alias(client: Client) -> None:
    text = "SELECT c.LastName, a.Name FROM Contact c, c.Account a WHERE a.Name = 'BETA'"
    (row,) = client.query(text)
    assert (row["LastName"], row["Account"]["Name"]) == ("Cole", "beta")


def test_paths_end_after_five_levels(client: Client) -> None:
    five = "Account.Owner.Manager.Manager.Manager.Name"
    assert client.query(f"SELECT {five} FROM Contact WHERE LastName = 'Cole'")[0]["Account"]["Owner"]["Manager"] is None
    code, message = refused(client, "SELECT Account.Owner.Manager.Manager.Manager.Manager.Name FROM Contact")
    assert (code, "5 levels" in message) == ("INVALID_FIELD", True)


def test_children_of_children_from_version_58(client: Client) -> None:
    text = (
        "SELECT Name, (SELECT LastName, (SELECT Subject, What.Name FROM Tasks WHERE Subject LIKE '_') FROM Contacts "
        "ORDER BY LastName DESC) FROM Account WHERE Name = 'Acme'"
    )
    (acme,) = client.query(text)
    brown, adams = acme["Contacts"]["records"]
    assert (brown["LastName"], brown["Tasks"]) == ("Brown", None)
    assert adams["Tasks"]["records"][0]["What"]["Name"] == "Acme"
    status, answer = client.call("GET", "/services/data/v57.0/query", q=text)
    assert status == 400
    assert "more than 1 level away from the root entity object" in answer[0]["message"]


def test_children_of_a_custom_relationship_and_more_columns_than_a_call_takes() -> None:
    client = fresh_client()
    for number in range(120):
        client.org.add_field("Contact", {"name": f"F{number}__c", "type": "string", "length": 20})
    account = client.create("Account", Name="Acme")
    client.create("Contact", LastName="Adams", AccountId=account, F119__c="last")
    (row,) = client.query("SELECT (SELECT FIELDS(ALL) FROM Account.Contacts LIMIT 200) FROM Account")
    assert row["Contacts"]["records"][0]["F119__c"] == "last"


def test_many_children_come_in_pages_of_their_own() -> None:
    client = fresh_client()
    account = client.create("Account", Name="Acme")
    client.org.seed("Contact", [{"LastName": f"n{n:04}", "AccountId": account} for n in range(1200)])
    text = "SELECT Name, (SELECT LastName, Account.Name FROM Contacts ORDER BY LastName) FROM Account"
    (row,) = client.query(text)
    children = row["Contacts"]
    assert (children["totalSize"], children["done"], len(children["records"])) == (1200, False, 499)
    assert children["nextRecordsUrl"].endswith("-499")
    status, rest = client.call("GET", children["nextRecordsUrl"])
    assert (status, rest["done"], rest["totalSize"]) == (200, True, 1200)
    names = [record["LastName"] for record in (*children["records"], *rest["records"])]
    assert names == [f"n{n:04}" for n in range(1200)]
    assert rest["records"][0]["Account"]["Name"] == "Acme"


@pytest.mark.parametrize(
    ("where", "code", "words"),
    [
        ("Id IN (SELECT ParentId FROM Account)", "MALFORMED_QUERY", "should not be on the same object type"),
        ("Id IN (SELECT WhatId FROM Task)", "MALFORMED_QUERY", "Entity 'Task' is not supported for semi join"),
        (
            "Name = 'x' OR Id IN (SELECT AccountId FROM Contact)",
            "MALFORMED_QUERY",
            "not allowed with the 'OR' operator",
        ),
        (
            "(Id IN (SELECT AccountId FROM Contact) AND Name != null) AND Name != 'x'",
            "MALFORMED_QUERY",
            "only allowed at the top level WHERE expressions and not in nested WHERE expressions.",
        ),
        ("NOT Id IN (SELECT AccountId FROM Contact)", "MALFORMED_QUERY", "not in nested WHERE expressions."),
        (
            "Id IN (SELECT AccountId FROM Contact WHERE AccountId IN (SELECT AccountId FROM Opportunity))",
            "MALFORMED_QUERY",
            "Nesting of semi join sub-selects is not supported",
        ),
        ("Id IN (SELECT Account.ParentId FROM Contact)", "INVALID_FIELD", "is not an id field"),
        (
            "Id IN (SELECT AccountId FROM Contact LIMIT 1)",
            "MALFORMED_QUERY",
            "do not allow GROUP BY, ORDER BY or LIMIT",
        ),
        ("Owner.ManagerId IN (SELECT Id FROM User)", "MALFORMED_QUERY", "cannot use: 'Owner.ManagerId'"),
        (
            " AND ".join(f"Id IN (SELECT AccountId FROM Contact WHERE LastName = '{n}')" for n in range(3)),
            "EXCEEDED_MAX_SEMIJOIN_SUBSELECTS",
            "Maximum 2 semi join sub-selects are allowed",
        ),
    ],
)
def test_where_a_semi_join_may_not_stand(client: Client, where: str, code: str, words: str) -> None:
    found, message = refused(client, f"SELECT Id FROM Account WHERE {where}")
    assert found == code
    assert words in message


def test_semi_joins_and_anti_joins(client: Client) -> None:
    text = (
        "SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE LastName != 'x') "
        "AND Id NOT IN (SELECT AccountId FROM Opportunity WHERE Amount > 1)"
    )
    assert [row["Name"] for row in client.query(text)] == ["beta"]


def test_rights_hold_in_every_part_of_a_query() -> None:
    client = fresh_client()
    acme, beta = client.create("Account", Name="Acme"), client.create("Account", Name="Beta")
    for account in (acme, beta):
        client.create("Contact", LastName=f"of {account}", AccountId=account)
    rights = {"hidden_rows": {"Account": "{row}.\"Name\" = 'Beta'"}, "hidden_fields": ["Contact.Phone"]}
    client.control("POST", "rights", {"username": "integration@sandbox.example", **rights})
    hidden = next(
        row for row in client.query("SELECT AccountId, Account.Name FROM Contact") if row["AccountId"] == beta
    )
    assert hidden["Account"] is None
    assert client.query("SELECT Id FROM Contact WHERE Account.Name = 'Beta'") == []
    assert len(client.query("SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account)")) == 1
    assert client.query("SELECT COUNT(Id) n FROM Account")[0]["n"] == 1
    for text in (
        "SELECT MAX(Phone) FROM Contact",
        "SELECT Id FROM Contact WHERE Phone = null",
        "SELECT Id FROM Contact ORDER BY Phone",
        "SELECT (SELECT Phone FROM Contacts) FROM Account",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Phone = 'x')",
    ):
        code, message = refused(client, text)
        assert (code, message[:36]) == ("INVALID_FIELD", "No such column 'Phone' on entity 'Co")
