"""Record types: describe, defaults, values of restricted picklists, and the wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.sandbox.salesforce_client import START, Client, fresh_client

PARTNER = {"object": "Lead", "name": "Partner lead", "picklists": {"Tier__c": ["Gold"]}}
DIRECT = {"object": "Lead", "name": "Direct", "default": True}
PERSON = {"LastName": "Lind", "Company": "c"}


def _prepared(client: Client) -> tuple[str, str]:
    tier = {"object": "Lead", "name": "Tier__c", "type": "picklist", "values": ["Gold", "Tin"], "restricted": True}
    client.control("POST", "fields", tier)
    first, second = client.control("POST", "record_types", [PARTNER, DIRECT])["ids"]
    return first, second


@pytest.fixture
def client() -> Client:
    return fresh_client()


def test_people_have_none_by_default(client):
    described = client.call("GET", "sobjects/Lead/describe")[1]
    assert "RecordTypeId" not in {field["name"] for field in described["fields"]}
    assert [info["name"] for info in described["recordTypeInfos"]] == ["Master"]


def test_describe_and_soql(client):
    partner, direct = _prepared(client)
    infos = client.call("GET", "sobjects/Lead/describe")[1]["recordTypeInfos"]
    assert [(i["recordTypeId"], i["developerName"], i["defaultRecordTypeMapping"], i["master"]) for i in infos] == [
        (partner, "Partner_lead", False, False),
        (direct, "Direct", True, False),
        ("012000000000000AAA", "Master", False, True),
    ]
    rows = client.query("SELECT Id, SobjectType, IsActive FROM RecordType WHERE DeveloperName = 'Partner_lead'")
    assert (rows[0]["Id"], rows[0]["SobjectType"], rows[0]["IsActive"]) == (partner, "Lead", True)
    lead = client.create("Lead", **PERSON)
    assert client.query("SELECT RecordType.Name FROM Lead")[0]["RecordType"]["Name"] == "Direct"
    client.call("PATCH", f"sobjects/Lead/{lead}", {"RecordTypeId": partner})
    assert client.read("Lead", lead, "RecordTypeId") == partner


def test_the_wrong_one(client):
    _prepared(client)
    other = client.control("POST", "record_types", {"object": "Contact", "name": "Customer"})["ids"][0]
    idle = client.control("POST", "record_types", {"object": "Lead", "name": "Idle", "active": False})["ids"][0]
    for wrong in (other, idle):
        status, answer = client.call("POST", "sobjects/Lead", {**PERSON, "RecordTypeId": wrong})
        assert (status, answer[0]["errorCode"], answer[0]["fields"]) == (
            400,
            "INVALID_CROSS_REFERENCE_KEY",
            ["RecordTypeId"],
        )


def test_values_of_a_restricted_picklist(client):
    partner, direct = _prepared(client)
    lead = client.create("Lead", **PERSON, RecordTypeId=direct, Tier__c="Tin")
    refused = client.call("POST", "sobjects/Lead", {**PERSON, "RecordTypeId": partner, "Tier__c": "Tin"})[1][0]
    assert refused["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    client.create("Lead", **PERSON, RecordTypeId=partner, Tier__c="Gold")
    assert client.call("PATCH", f"sobjects/Lead/{lead}", {"RecordTypeId": partner})[0] == 204


def test_a_campaign_names_that_of_its_members(client):
    kind = client.control("POST", "record_types", {"object": "CampaignMember", "name": "Guest"})["ids"][0]
    campaign = client.create("Campaign", Name="Spring", CampaignMemberRecordTypeId=kind)
    member = client.create("CampaignMember", CampaignId=campaign, LeadId=client.create("Lead", **PERSON))
    assert client.read("CampaignMember", member, "RecordTypeId") == kind


def test_they_outlive_a_restart_and_a_reset(tmp_path: Path) -> None:
    path = str(tmp_path / "org.sqlite")
    _, direct = _prepared(Client(SalesforceOrg(path, clock=SandboxClock(frozen_at=START))))
    client = Client(SalesforceOrg(path, clock=SandboxClock(frozen_at=START)))
    assert client.read("Lead", client.create("Lead", **PERSON), "RecordTypeId") == direct
    client.control("POST", "reset")
    client.token = client.login("integration@sandbox.example")
    assert client.read("Lead", client.create("Lead", **PERSON), "RecordTypeId") == direct
    assert len(client.query("SELECT Id FROM RecordType")) == 2


@pytest.mark.parametrize("spec", [{"object": "Nope", "name": "x"}, {"object": "Lead"}, {**DIRECT, "colour": 1}])
def test_record_types_the_org_does_not_take(client, spec):
    assert client.call("POST", "/_sandbox/record_types", spec)[0] == 400
