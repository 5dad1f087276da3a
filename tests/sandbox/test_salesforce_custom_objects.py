"""Custom objects: made by control route, two levels of details, in every API, over a restart and a reset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.sandbox.salesforce_client import START, Client, fresh_client

ORDER = {
    "name": "Order__c",
    "label": "Order",
    "plural_label": "Orders",
    "name_field": {"type": "AutoNumber", "format": "O-{0000}", "label": "Order Number"},
    "fields": [
        {"name": "Account__c", "type": "reference", "reference_to": "Account", "master_detail": 0}
        | {"child_relationship_name": "Orders__r"},
        {"name": "Lead__c", "type": "reference", "reference_to": "Lead", "child_relationship_name": "Orders__r"},
        {"name": "Ext__c", "type": "string", "length": 20, "external_id": True, "unique": True},
    ],
}
LINE = {
    "name": "Line__c",
    "fields": [
        {"name": "Order__c", "type": "reference", "reference_to": "Order__c", "master_detail": 0}
        | {"child_relationship_name": "Lines__r"},
        {"name": "Amount__c", "type": "currency", "scale": 2},
        {"name": "Day__c", "type": "date"},
    ],
}


@pytest.fixture
def client() -> Client:
    client = fresh_client()
    client.control("POST", "objects", [ORDER, LINE])
    return client


def _order(client: Client, **more: Any) -> str:
    return client.create("Order__c", Account__c=client.create("Account", Name="Acme"), **more)


def test_describe(client):
    listed = {one["name"]: one for one in client.call("GET", "sobjects")[1]["sobjects"]}
    assert (listed["Order__c"]["custom"], listed["Order__c"]["keyPrefix"], listed["Line__c"]["keyPrefix"]) == (
        True,
        "a00",
        "a01",
    )
    described = client.call("GET", "sobjects/Order__c/describe")[1]
    fields = {field["name"]: field for field in described["fields"]}
    assert "OwnerId" not in fields
    assert (fields["Name"]["autoNumber"], fields["Name"]["createable"], fields["Name"]["label"]) == (
        True,
        False,
        "Order Number",
    )
    master = fields["Account__c"]
    assert (master["relationshipOrder"], master["nillable"], master["updateable"], master["relationshipName"]) == (
        0,
        False,
        False,
        "Account__r",
    )
    child = described["childRelationships"][0]
    assert (child["childSObject"], child["relationshipName"], child["cascadeDelete"]) == ("Line__c", "Lines__r", True)


def test_records_in_soql_and_back(client):
    order = _order(client, Lead__c=client.create("Lead", LastName="Lind", Company="c"))
    client.create("Line__c", Order__c=order, Amount__c=5)
    client.create("Line__c", Name="second", Order__c=order, Amount__c=7)
    rows = client.query("SELECT Name, Order__r.Name, Order__r.Account__r.Name FROM Line__c ORDER BY Amount__c DESC")
    assert (rows[0]["Name"], rows[0]["Order__r"]["Name"]) == ("second", "O-0001")
    assert rows[1]["Order__r"]["Account__r"]["Name"] == "Acme"
    assert rows[1]["Name"].startswith("a01")
    parent = client.query("SELECT Id, (SELECT Amount__c FROM Lines__r) FROM Order__c WHERE Lead__r.LastName = 'Lind'")
    assert parent[0]["Lines__r"]["totalSize"] == 2
    assert len(client.query("SELECT Id, (SELECT Id FROM Orders__r) FROM Account")[0]["Orders__r"]["records"]) == 1


def test_a_master_is_required_and_stays(client):
    refused = client.call("POST", "sobjects/Order__c", {"Ext__c": "1"})[1][0]
    assert (refused["errorCode"], refused["fields"]) == ("REQUIRED_FIELD_MISSING", ["Account__c"])
    moved = client.call("PATCH", f"sobjects/Order__c/{_order(client)}", {"Account__c": None})[1][0]
    assert moved["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_details_go_with_their_master_and_come_back(client):
    line = client.create("Line__c", Order__c=_order(client))
    account = client.query("SELECT Id FROM Account")[0]["Id"]
    client.call("DELETE", f"sobjects/Account/{account}")
    assert client.query("SELECT Id FROM Line__c") == client.query("SELECT Id FROM Order__c") == []
    assert client.query("SELECT IsDeleted FROM Line__c", "queryAll")[0]["IsDeleted"] is True
    gone = client.call("GET", "sobjects/Line__c/deleted", start="2026-02-28T00:00:00Z", end="2026-03-02T00:00:00Z")[1]
    assert [one["id"] for one in gone["deletedRecords"]] == [line]
    client.control("POST", "write", {"object": "Account", "operation": "undelete", "records": [{"Id": account}]})
    assert client.query("SELECT Id FROM Line__c")[0]["Id"] == line


def test_collections_upsert_and_bulk(client):
    account = client.create("Account", Name="Acme")
    records = [{"attributes": {"type": "Order__c"}, "Account__c": account, "Ext__c": key} for key in "ab"]
    made = client.call("PATCH", "composite/sobjects/Order__c/Ext__c", {"records": records})[1]
    assert [row["created"] for row in made] == [True, True]
    again = client.call("PATCH", "sobjects/Order__c/Ext__c/a", {"Lead__c": None})
    assert (again[0], again[1]["id"]) == (200, made[0]["id"])
    job = client.call("POST", "jobs/ingest", {"object": "Line__c", "operation": "insert", "contentType": "CSV"})[1][
        "id"
    ]
    client.send("PUT", f"jobs/ingest/{job}/batches", b"Order__r.Ext__c,Amount__c\na,1.5\nb,2\n")
    client.call("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"})
    done = client.call("GET", f"jobs/ingest/{job}")[1]
    assert (done["state"], done["numberRecordsFailed"]) == ("JobComplete", 0)
    assert {row["Order__r"]["Ext__c"] for row in client.query("SELECT Order__r.Ext__c FROM Line__c")} == {"a", "b"}


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "Order"},
        {"name": "Order__c"},
        {"name": "X__c", "colour": "red"},
        {"name": "X__c", "fields": [{"name": "L__c", "type": "reference", "reference_to": "Lead", "master_detail": 0}]},
    ],
)
def test_objects_the_org_does_not_take(client, spec):
    assert client.call("POST", "/_sandbox/objects", spec)[0] == 400
    assert "X__c" not in {one["name"] for one in client.call("GET", "sobjects")[1]["sobjects"]}


def test_they_outlive_a_restart_and_a_reset(tmp_path: Path) -> None:
    path = str(tmp_path / "org.sqlite")
    first = Client(SalesforceOrg(path, clock=SandboxClock(frozen_at=START)))
    first.control("POST", "objects", [ORDER, LINE])
    line = first.create("Line__c", Order__c=_order(first), Amount__c=3)
    second = Client(SalesforceOrg(path, clock=SandboxClock(frozen_at=START)))
    assert second.query("SELECT Id, Order__r.Name FROM Line__c")[0]["Id"] == line
    assert second.read("Order__c", _order(second), "Name") == "O-0002"
    second.control("POST", "reset")
    second.token = second.login("integration@sandbox.example")
    assert second.query("SELECT Id FROM Line__c") == []
    assert second.read("Order__c", _order(second), "Name") == "O-0001"


def test_seeding_numbers_them(client):
    account = client.create("Account", Name="Acme")
    made = client.control("POST", "seed", {"Order__c": [{"Account__c": account}] * 3})["Order__c"]
    assert [client.read("Order__c", one, "Name") for one in made] == ["O-0001", "O-0002", "O-0003"]
