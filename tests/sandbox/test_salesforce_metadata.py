"""Metadata calls: components made and read by the Tooling API and by SOAP, with simple-salesforce and jsforce too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce

from syncline_sandbox.core.certificates import make_certificate
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import PASSWORD, SECURITY_TOKEN, USERNAME
from tests.clients.node import NodeClient
from tests.sandbox.salesforce_client import START, Client, fresh_client

TIER = {"label": "Tier", "type": "Text", "length": 20, "externalId": True, "unique": True}


@pytest.fixture
def client() -> Client:
    client = fresh_client()
    client.control("POST", "metadata", {"tooling_fields_granted": False})
    return client


def _tooling(client: Client, soql: str) -> list[Any]:
    status, answer = client.call("GET", "tooling/query", q=soql)
    assert status == 200, answer
    return list(answer["records"])


def _make(client: Client, name: str = "Lead.Tier__c", kind: str = "CustomField", **metadata: Any) -> tuple[int, Any]:
    return client.call("POST", f"tooling/sobjects/{kind}", {"FullName": name, "Metadata": metadata or TIER})


def _names(client: Client, sobject: str = "Lead") -> set[str]:
    return {field["name"] for field in client.call("GET", f"sobjects/{sobject}/describe")[1]["fields"]}


def test_a_field_made_by_metadata_is_seen_when_it_is_granted(client):
    status, made = _make(client)
    assert (status, made["success"]) == (201, True)
    assert "Tier__c" not in _names(client)
    assert client.call("GET", "query", q="SELECT Tier__c FROM Lead")[1][0]["errorCode"] == "INVALID_FIELD"
    grants = client.create("PermissionSet", Name="Sync", Label="Sync")
    field = {"ParentId": grants, "SobjectType": "Lead", "Field": "Lead.Tier__c"}
    client.create("FieldPermissions", **field, PermissionsRead=True, PermissionsEdit=True)
    me = client.org.people.user_id(USERNAME)
    assert "Tier__c" not in _names(client)
    client.create("PermissionSetAssignment", PermissionSetId=grants, AssigneeId=me)
    lead = client.create("Lead", LastName="Lind", Company="c", Tier__c="gold")
    assert client.read("Lead", lead, "Tier__c") == "gold"


def test_a_profile_grants_too_and_a_switch_does_away_with_it(client):
    _make(client)
    profile = client.query("SELECT Id FROM PermissionSet WHERE IsOwnedByProfile = true")[0]["Id"]
    field = {"ParentId": profile, "SobjectType": "Lead", "Field": "Lead.Tier__c"}
    client.create("FieldPermissions", **field, PermissionsRead=True)
    assert "Tier__c" in _names(client)
    switches = client.control("POST", "metadata", {"tooling_fields_granted": True})
    assert switches == {"metadata_fields_granted": False, "tooling_fields_granted": True}
    _make(client, "Contact.Tier__c")
    assert "Tier__c" in _names(client, "Contact")


@pytest.mark.parametrize(
    ("name", "metadata", "code"),
    [
        ("Lead.Tier__c", {"type": "Nope"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Nope.Tier__c", TIER, "INVALID_CROSS_REFERENCE_KEY"),
        ("Lead.City", TIER, "FIELD_INTEGRITY_EXCEPTION"),
        ("Tier__c", TIER, "REQUIRED_FIELD_MISSING"),
        ("Lead.Tier__c", {"type": "Text", "formula": "Nope__c"}, "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_fields_the_org_does_not_take(client, name, metadata, code):
    status, answer = _make(client, name, **metadata)
    assert (status, answer[0]["errorCode"]) == (400, code)


def test_the_same_field_twice(client):
    _make(client)
    assert _make(client)[1][0]["errorCode"] == "DUPLICATE_DEVELOPER_NAME"


def test_tooling_queries(client):
    client.control("POST", "metadata", {"tooling_fields_granted": True})
    made = _make(client)[1]["id"]
    _make(client, "Lead.Whole__c", label="Whole", type="Text", formula='FirstName & "!"')
    rows = _tooling(client, "SELECT Id, DeveloperName, TableEnumOrId FROM CustomField WHERE DeveloperName = 'Tier'")
    assert (rows[0]["Id"], rows[0]["TableEnumOrId"]) == (made, "Lead")
    one = _tooling(client, "SELECT FullName, Metadata FROM CustomField WHERE DeveloperName = 'Whole'")[0]
    assert (one["FullName"], one["Metadata"]["formula"]) == ("Lead.Whole__c", 'FirstName & "!"')
    several = client.call("GET", "tooling/query", q="SELECT Metadata FROM CustomField")
    assert (several[0], several[1][0]["errorCode"]) == (400, "MALFORMED_QUERY")
    soql = "SELECT QualifiedApiName, DataType FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Lead'"
    types = {row["QualifiedApiName"]: row["DataType"] for row in _tooling(client, soql)}
    assert (types["Tier__c"], types["Company"]) == ("Text(20)", "Text(255)")
    soql = "SELECT Name, IsUnique FROM EntityParticle WHERE EntityDefinitionId = 'Lead' AND IsUnique = true"
    assert [row["Name"] for row in _tooling(client, soql)] == ["Tier__c"]
    soql = "SELECT QualifiedApiName FROM EntityDefinition WHERE KeyPrefix = '00Q'"
    assert _tooling(client, soql)[0]["QualifiedApiName"] == "Lead"
    assert client.call("GET", f"tooling/sobjects/CustomField/{made}")[1]["Metadata"]["unique"] is True
    assert client.call("GET", "tooling/query", q="SELECT Id FROM Nope")[1][0]["errorCode"] == "INVALID_TYPE"


def test_validation_rules_can_be_read(client):
    rule = {"object": "Lead", "condition": "State = 'XX'", "message": "No such state.", "field": "State"}
    client.control("POST", "validation_rules", rule)
    row = _tooling(client, "SELECT Id, ValidationName, Active, ErrorMessage, Metadata FROM ValidationRule")[0]
    assert (row["ErrorMessage"], row["Active"]) == ("No such state.", True)
    assert row["Metadata"]["errorConditionFormula"] == "State = 'XX'"
    hidden = client.control("POST", "rights", {"hidden_fields": ["Lead.Phone"]})
    assert hidden["hidden_fields"] == ["Lead.Phone"]
    soql = "SELECT Id FROM FieldDefinition WHERE EntityDefinitionId = 'Lead' AND QualifiedApiName = 'Phone'"
    assert _tooling(client, soql) == []


OBJECT: dict[str, Any] = {
    "fullName": "Order__c",
    "label": "Order",
    "pluralLabel": "Orders",
    "nameField": {"type": "AutoNumber", "label": "Number", "displayFormat": "O-{000}"},
    "deploymentStatus": "Deployed",
    "sharingModel": "ReadWrite",
}
FIELDS: list[dict[str, Any]] = [
    {"fullName": "Order__c.Account__c", "label": "Account", "type": "MasterDetail", "referenceTo": "Account"}
    | {"relationshipName": "Orders", "relationshipLabel": "Orders"},
    {"fullName": "Order__c.Amount__c", "label": "Amount", "type": "Currency", "precision": 18, "scale": 2},
    {"fullName": "Account.Total__c", "label": "Total", "type": "Summary", "summaryOperation": "sum"}
    | {"summarizedField": "Order__c.Amount__c", "summaryForeignKey": "Order__c.Account__c"},
]
GRANT = {
    "fullName": "Sync",
    "label": "Sync",
    "fieldPermissions": [
        {"field": "Order__c.Amount__c", "readable": True, "editable": True},
        {"field": "Account.Total__c", "readable": True, "editable": False},
    ],
}


@pytest.fixture
def served() -> Iterator[tuple[SalesforceOrg, str]]:
    org = SalesforceOrg(clock=SandboxClock(frozen_at=START))
    with serve(org) as url:
        yield org, url


def _rolled_up(org: SalesforceOrg) -> float:
    client = Client(org)
    grants = client.query("SELECT Id FROM PermissionSet WHERE Name = 'Sync'")[0]["Id"]
    client.create("PermissionSetAssignment", PermissionSetId=grants, AssigneeId=org.people.user_id(USERNAME))
    account = client.create("Account", Name="Acme")
    order = client.create("Order__c", Account__c=account, Amount__c=7)
    assert client.read("Order__c", order, "Name") == "O-001"
    rows = client.query("SELECT Total__c, (SELECT Id FROM Orders__r) FROM Account")
    assert len(rows[0]["Orders__r"]["records"]) == 1
    return float(rows[0]["Total__c"])


def test_jsforce_makes_and_reads_components(served: tuple[SalesforceOrg, str]) -> None:
    org, url = served
    with NodeClient("jsforce", url) as node:
        node("login", USERNAME, PASSWORD + SECURITY_TOKEN)
        assert node("metadata.create", "CustomObject", OBJECT) == {
            "fullName": "Order__c",
            "success": True,
            "errors": [],
        }
        assert all(made["success"] for made in node("metadata.create", "CustomField", FIELDS))
        again = node("metadata.create", "CustomField", FIELDS[:1])
        assert again[0]["errors"][0]["statusCode"] == "DUPLICATE_DEVELOPER_NAME"
        assert node("metadata.upsert", "PermissionSet", GRANT)["created"] is True
        assert _rolled_up(org) == 7.0
        assert node("metadata.upsert", "PermissionSet", GRANT)["created"] is False
        read = node("metadata.read", "CustomObject", ["Order__c"])
        assert (read[0] if isinstance(read, list) else read)["label"] == "Order"
        listed = node("metadata.list", [{"type": "CustomField"}], "59.0")
        assert {one["fullName"] for one in listed} >= {"Order__c.Amount__c", "Account.Total__c"}
        assert node("metadata.describe", "59.0")["partialSaveAllowed"] is True
        rows = node("tooling.query", "SELECT Id FROM CustomField WHERE TableEnumOrId = 'Order__c'")
        assert rows["totalSize"] == 2


def test_simple_salesforce_makes_and_reads_components(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    org = SalesforceOrg(clock=SandboxClock(frozen_at=START))
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(org, https=True, certificate=certificate) as url, requests.Session() as kept:
        session = Client(org).token
        sf = Salesforce(instance_url=url, session_id=session, session=kept)
        api = sf.mdapi
        shown = {key: value for key, value in OBJECT.items() if key != "nameField"}
        name = api.CustomField(**OBJECT["nameField"])
        sharing = api.SharingModel(shown.pop("sharingModel"))
        status = api.DeploymentStatus(shown.pop("deploymentStatus"))
        api.CustomObject.create(
            api.CustomObject(**shown, nameField=name, sharingModel=sharing, deploymentStatus=status)
        )
        for field in FIELDS:
            api.CustomField.create(api.CustomField(**field))
        api.PermissionSet.create(api.PermissionSet(**GRANT))
        assert _rolled_up(org) == 7.0
        read: Any = api.CustomObject.read(["Order__c"])
        assert (read.label, [field.fullName for field in read.fields]) == (
            "Order",
            ["Order__c.Account__c", "Order__c.Amount__c"],
        )
        described = api.describe_metadata()
        assert "PermissionSet" in {one.xmlName for one in described.metadataObjects}
        listed = api.list_metadata([api.ListMetadataQuery(type="CustomObject")])
        assert "Order__c" in {one.fullName for one in listed}
        api._client.transport.session.close()  # zeep keeps connections of its own
