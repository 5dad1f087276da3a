"""Campaigns, their members, statuses and roll-ups; what conversion, merge and deletes do to members."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client
from tests.sandbox.soap_client import convert

PERSON = {"LastName": "Lind", "FirstName": "Ada", "Company": "Acme", "Email": "ada@x.example", "City": "Ulm"}


@pytest.fixture
def client() -> Client:
    return fresh_client()


@pytest.fixture
def campaign(client: Client) -> str:
    return client.create("Campaign", Name="Spring")


def _member(client: Client, campaign: str, **fields: str) -> str:
    return client.create("CampaignMember", CampaignId=campaign, **fields)


def test_a_campaign_comes_with_two_statuses(client, campaign):
    rows = client.query("SELECT Label, SortOrder, IsDefault, HasResponded FROM CampaignMemberStatus ORDER BY SortOrder")
    assert [(r["Label"], r["SortOrder"], r["IsDefault"], r["HasResponded"]) for r in rows] == [
        ("Sent", 1, True, False),
        ("Responded", 2, False, True),
    ]
    assert client.read("Campaign", campaign, "Status", "IsActive", "NumberOfLeads")["IsActive"] is False
    described = client.call("GET", "sobjects/Campaign/describe")[1]
    assert described["keyPrefix"] == "701"
    assert {c["relationshipName"] for c in described["childRelationships"]} >= {
        "CampaignMembers",
        "CampaignMemberStatuses",
        "ChildCampaigns",
        "Opportunities",
    }


def test_the_status_tells_the_response_and_its_first_day(client, campaign):
    lead = client.create("Lead", **PERSON)
    member = _member(client, campaign, LeadId=lead)
    fields = ("Status", "HasResponded", "FirstRespondedDate")
    assert [client.read("CampaignMember", member, *fields)[f] for f in fields] == ["Sent", False, None]
    client.call("PATCH", f"sobjects/CampaignMember/{member}", {"Status": "responded"})
    assert [client.read("CampaignMember", member, *fields)[f] for f in fields] == ["Responded", True, "2026-03-01"]
    client.advance(3_600)
    client.call("PATCH", f"sobjects/CampaignMember/{member}", {"Status": "Sent"})
    assert [client.read("CampaignMember", member, *fields)[f] for f in fields] == ["Sent", False, "2026-03-01"]


@pytest.mark.parametrize(("switch", "status"), [("default", "Sent"), ("store", "Attended"), ("refuse", None)])
def test_a_status_the_campaign_does_not_have(client, campaign, switch, status):
    client.control("POST", "campaigns", {"unknown_status": switch})
    lead = client.create("Lead", **PERSON)
    code, answer = client.call(
        "POST", "sobjects/CampaignMember", {"CampaignId": campaign, "LeadId": lead, "Status": "Attended"}
    )
    if status is None:
        assert (code, answer[0]["errorCode"]) == (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    else:
        assert client.read("CampaignMember", answer["id"], "Status") == status


def test_a_person_is_a_member_once_and_by_one_id(client, campaign):
    lead = client.create("Lead", **PERSON)
    contact = client.create("Contact", LastName="Berg")
    _member(client, campaign, LeadId=lead)
    refused = client.call("POST", "sobjects/CampaignMember", {"CampaignId": campaign, "LeadId": lead})
    assert refused == (400, [{"message": "Already a campaign member.", "errorCode": "DUPLICATE_VALUE"}])
    both = _member(client, campaign, LeadId=lead, ContactId=contact)
    row = client.read("CampaignMember", both, "LeadId", "ContactId", "Type", "LeadOrContactId")
    assert (row["LeadId"], row["ContactId"], row["Type"], row["LeadOrContactId"]) == (None, contact, "Contact", contact)
    assert client.call("POST", "sobjects/CampaignMember", {"CampaignId": campaign})[1][0]["errorCode"] == (
        "REQUIRED_FIELD_MISSING"
    )
    assert client.call("PATCH", f"sobjects/CampaignMember/{both}", {"ContactId": contact})[1][0]["errorCode"] == (
        "INVALID_FIELD_FOR_INSERT_UPDATE"
    )


def test_a_member_mirrors_its_person_and_takes_no_writes_of_it(client, campaign):
    lead = client.create("Lead", **PERSON, HasOptedOutOfEmail=True)
    member = _member(client, campaign, LeadId=lead)
    fields = ("Name", "Email", "City", "CompanyOrAccount", "HasOptedOutOfEmail", "DoNotCall")
    row = client.read("CampaignMember", member, *fields)
    assert [row[f] for f in fields] == ["Ada Lind", "ada@x.example", "Ulm", "Acme", True, False]
    refused = client.call("PATCH", f"sobjects/CampaignMember/{member}", {"Email": "b@x.example"})[1][0]
    assert refused["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    soql = "SELECT Id, Lead.Email, Campaign.Name FROM CampaignMember WHERE Email = 'ada@x.example' AND City != 'X'"
    assert client.query(soql)[0]["Campaign"]["Name"] == "Spring"


def test_roll_ups_of_a_campaign_move_its_system_modstamp_alone(client, campaign):
    lead, contact = client.create("Lead", **PERSON), client.create("Contact", LastName="Berg")
    before = client.read("Campaign", campaign, "LastModifiedDate", "SystemModstamp")
    client.advance(60)
    member = _member(client, campaign, LeadId=lead, Status="Responded")
    _member(client, campaign, ContactId=contact)
    sale = {"StageName": "Closed Won", "CloseDate": "2026-05-01", "Amount": 70, "CampaignId": campaign}
    client.create("Opportunity", Name="o", **sale)
    client.create("Opportunity", Name="p", **{**sale, "StageName": "Prospecting"})
    names = (
        "NumberOfLeads NumberOfContacts NumberOfResponses NumberOfOpportunities NumberOfWonOpportunities "
        "AmountAllOpportunities AmountWonOpportunities LastModifiedDate"
    ).split()
    row = client.read("Campaign", campaign, *names, "SystemModstamp")
    assert [row[name] for name in names] == [1, 1, 1, 2, 1, 140.0, 70.0, before["LastModifiedDate"]]
    assert row["SystemModstamp"] > before["SystemModstamp"]
    client.call("DELETE", f"sobjects/CampaignMember/{member}")
    assert client.read("Campaign", campaign, "NumberOfLeads") == 0
    assert client.query("SELECT Id FROM Campaign WHERE NumberOfContacts = 1")[0]["Id"] == campaign


def test_a_hierarchy_sums_what_is_below(client, campaign):
    child = client.create("Campaign", Name="Child", ParentId=campaign, BudgetedCost=5)
    _member(client, child, LeadId=client.create("Lead", **PERSON))
    row = client.read("Campaign", campaign, "NumberOfLeads", "HierarchyNumberOfLeads", "HierarchyBudgetedCost")
    assert (row["NumberOfLeads"], row["HierarchyNumberOfLeads"], row["HierarchyBudgetedCost"]) == (0, 1, 5.0)
    refused = client.call("PATCH", f"sobjects/Campaign/{campaign}", {"ParentId": child})[1][0]
    assert refused["errorCode"] == "CIRCULAR_DEPENDENCY"


def test_status_rows_of_a_campaign(client, campaign):
    made = {"CampaignId": campaign, "Label": "Attended", "SortOrder": 3, "IsDefault": True, "HasResponded": True}
    attended = client.create("CampaignMemberStatus", **made)
    assert client.call("POST", "sobjects/CampaignMemberStatus", made)[1][0]["errorCode"] == "DUPLICATE_VALUE"
    defaults = client.query("SELECT Label FROM CampaignMemberStatus WHERE IsDefault = true")
    assert [row["Label"] for row in defaults] == ["Attended"]
    member = _member(client, campaign, LeadId=client.create("Lead", **PERSON))
    assert client.read("CampaignMember", member, "HasResponded") is True
    client.call("PATCH", f"sobjects/CampaignMemberStatus/{attended}", {"HasResponded": False})
    assert client.read("CampaignMember", member, "HasResponded") is False
    assert client.call("DELETE", f"sobjects/CampaignMemberStatus/{attended}")[1][0]["errorCode"] == "DELETE_FAILED"
    responded = client.query("SELECT Id FROM CampaignMemberStatus WHERE Label = 'Responded'")[0]["Id"]
    last = client.call("PATCH", f"sobjects/CampaignMemberStatus/{responded}", {"HasResponded": False})
    assert last[1][0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    client.control("POST", "campaigns", {"statuses_writable": False})
    assert client.call("POST", "sobjects/CampaignMemberStatus", made)[0] >= 400


def test_conversion_keeps_the_lead_and_adds_the_contact(client, campaign):
    lead = client.create("Lead", **PERSON)
    member = _member(client, campaign, LeadId=lead)
    contact = str(convert(client, lead)["contactId"])
    row = client.read("CampaignMember", member, "LeadId", "ContactId", "Type")
    assert (row["LeadId"], row["ContactId"], row["Type"]) == (lead, contact, "Contact")
    counts = client.read("Campaign", campaign, "NumberOfLeads", "NumberOfConvertedLeads", "NumberOfContacts")
    assert list(counts.values())[1:] == [1, 1, 0]


def test_conversion_into_a_contact_who_is_a_member_too(client, campaign):
    account = client.create("Account", Name="Acme")
    contact = client.create("Contact", LastName="Lind", AccountId=account)
    lead = client.create("Lead", **PERSON)
    _member(client, campaign, LeadId=lead, Status="Responded")
    kept = _member(client, campaign, ContactId=contact)
    convert(client, lead, f"<accountId>{account}</accountId><contactId>{contact}</contactId>")
    rows = client.query("SELECT Id, Status, HasResponded FROM CampaignMember")
    assert [(row["Id"], row["Status"], row["HasResponded"]) for row in rows] == [(kept, "Responded", True)]


def test_a_merge_leaves_one_membership_and_a_delete_none(client, campaign):
    master, loser = client.create("Lead", **PERSON), client.create("Lead", LastName="L", Company="c")
    other = client.create("Campaign", Name="Other")
    _member(client, campaign, LeadId=master)
    _member(client, campaign, LeadId=loser)
    moved = _member(client, other, LeadId=loser)
    client.control("POST", "merge", {"object": "Lead", "master": master, "losers": [loser]})
    rows = client.query("SELECT Id, LeadId FROM CampaignMember")
    assert [row["LeadId"] for row in rows] == [master, master]
    assert moved in {row["Id"] for row in rows}
    client.call("DELETE", f"sobjects/Lead/{master}")
    assert client.query("SELECT Id FROM CampaignMember") == []
