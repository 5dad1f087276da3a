"""sObject Tree: nested records made in one call or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client


@pytest.fixture
def client() -> Client:
    return fresh_client()


def account(reference: str, *contacts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    shape = {"attributes": {"type": "Account", "referenceId": reference}, "Name": reference, **fields}
    return {**shape, "Contacts": {"records": list(contacts)}} if contacts else shape


def contact(reference: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Contact", "referenceId": reference}, "LastName": reference, **fields}


def plant(client: Client, *records: Any, kind: str = "Account") -> tuple[int, Any]:
    return client.call("POST", f"composite/tree/{kind}/", {"records": list(records)})


def test_a_tree_is_made_level_by_level_in_one_call(client):
    before = client.control("GET", "counters")["api_calls"]["used"]
    status, answer = plant(client, account("a1", contact("c1"), contact("c2")), account("a2", contact("c3")))
    assert (status, answer["hasErrors"]) == (201, False)
    assert [result["referenceId"] for result in answer["results"]] == ["a1", "a2", "c1", "c2", "c3"]
    ids = {result["referenceId"]: result["id"] for result in answer["results"]}
    assert client.read("Contact", ids["c3"], "AccountId") == ids["a2"]
    assert client.control("GET", "counters")["api_calls"]["used"] == before + 2  # the tree and the read


def test_one_bad_record_undoes_the_tree_and_is_named_alone(client):
    status, answer = plant(client, account("a1", contact("c1", Email="no address"), contact("c2")))
    assert (status, answer["hasErrors"]) == (400, True)
    (result,) = answer["results"]
    assert result["referenceId"] == "c1"
    (error,) = result["errors"]
    assert (error["statusCode"], error["fields"]) == ("INVALID_EMAIL_ADDRESS", ["Email"])
    assert client.query("SELECT Id FROM Account") == []


def nested(levels: int) -> dict[str, Any]:
    tree = account(f"a{levels}")
    for level in range(levels - 1, 0, -1):
        tree = {**account(f"a{level}"), "ChildAccounts": {"records": [tree]}}
    return tree


def test_a_tree_has_five_levels(client):
    assert plant(client, nested(5))[0] == 201
    status, answer = plant(client, nested(6))
    assert (status, answer["results"][0]["referenceId"]) == (400, "a6")


@pytest.mark.parametrize(
    ("records", "reference"),
    [
        ([account(f"a{n}") for n in range(201)], "a200"),
        ([account("a"), account("a")], "a"),
        ([contact("c")], "c"),
        ([{**account("a"), "Nobodies": {"records": []}}], "a"),
    ],
)
def test_trees_that_are_refused_because_of_a_record(client, records, reference):
    status, answer = plant(client, *records)
    assert status == 400
    assert [result["referenceId"] for result in answer["results"]] == [reference]
    assert client.query("SELECT Id FROM Account") == []


@pytest.mark.parametrize("body", [{}, {"records": 3}, [], {"records": [3]}, {"records": [{"Name": "x"}]}])
def test_what_is_no_tree(client, body):
    status, answer = client.call("POST", "composite/tree/Account", body)
    assert status == 400
    assert answer[0]["errorCode"] in ("JSON_PARSER_ERROR", "INVALID_INPUT")


def test_a_parent_by_its_key_is_no_child(client):
    client.org.add_field("Account", {"name": "Key__c", "external_id": True, "unique": True})
    client.create("Account", Name="firm", Key__c="K")
    assert plant(client, contact("c", Account={"Key__c": "K"}), kind="Contact")[0] == 201
