"""What `query?columns=true` answers, against the shapes recorded in the vendor's own CLI tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client

PLAIN = {
    "aggregate": False,
    "apexType": "String",
    "booleanType": False,
    "columnName": "Name",
    "custom": False,
    "displayName": "Name",
    "foreignKeyName": None,
    "insertable": False,
    "joinColumns": [],
    "numberType": False,
    "textType": True,
    "updatable": False,
}
NAMELESS = {**PLAIN, "apexType": None, "textType": False}


@pytest.fixture(scope="module")
def client() -> Client:
    return fresh_client()


def _columns(client: Client, soql: str) -> Any:
    status, answer = client.call("GET", "query", q=soql, columns="true")
    assert status == 200, answer
    return answer


def test_of_plain_records(client: Client) -> None:
    answer = _columns(client, "SELECT id, name FROM Contact")
    id_column = {**PLAIN, "apexType": "Id", "columnName": "Id", "displayName": "Id", "textType": False}
    assert answer == {
        "columnMetadata": [id_column, PLAIN],
        "entityName": "Contact",
        "groupBy": False,
        "idSelected": True,
        "keyPrefix": "003",
    }


def test_of_children_and_parents(client: Client) -> None:
    (children,) = _columns(client, "SELECT (SELECT LastName FROM Contacts) FROM Account")["columnMetadata"]
    last_name = {**PLAIN, "columnName": "LastName", "displayName": "LastName", "insertable": True, "updatable": True}
    shape = {"aggregate": True, "columnName": "Contacts", "displayName": "Contacts", "joinColumns": [last_name]}
    assert children == {**NAMELESS, **shape}
    (owner,) = _columns(client, "SELECT Owner.Name FROM Account")["columnMetadata"]
    shape = {"columnName": "Owner", "displayName": "Owner", "foreignKeyName": "OwnerId", "joinColumns": [PLAIN]}
    assert owner == {**NAMELESS, **shape}
    (what,) = _columns(client, "SELECT TYPEOF What WHEN Account THEN Name, Phone ELSE Name END FROM Task")[
        "columnMetadata"
    ]
    assert [column["columnName"] for column in what["joinColumns"]] == ["Name", "Phone"]


def test_of_groups(client: Client) -> None:
    answer = _columns(client, "SELECT CampaignId, AVG(Amount), COUNT(Id) n FROM Opportunity GROUP BY CampaignId")
    campaign, average, count = answer["columnMetadata"]
    assert (campaign["apexType"], campaign["insertable"], campaign["aggregate"]) == ("Id", True, False)
    about = {"aggregate": True, "columnName": "expr0", "displayName": "avg(Amount)", "numberType": True}
    assert average == {**NAMELESS, **about}
    assert (count["columnName"], count["displayName"]) == ("n", "count(Id)")
    assert answer["groupBy"] is True


def test_of_a_count_alone_and_of_what_does_not_compile(client: Client) -> None:
    assert _columns(client, "SELECT COUNT() FROM Account")["columnMetadata"] == []
    status, _ = client.call("GET", "query", q="SELECT Nonsense FROM Account", columns="true")
    assert status == 400
