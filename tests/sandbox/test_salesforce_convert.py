"""convertLead of the SOAP API: what a lead becomes, and every rule that can stop it."""

from __future__ import annotations

import pytest

from syncline_sandbox.core.wire import Fate
from tests.sandbox.salesforce_client import Client, fresh_client
from tests.sandbox.soap_client import NO_TOKEN, Refused, codes, convert, envelope, soap

LEAD = {"LastName": "Lind", "FirstName": "Ada", "Company": "Acme", "Email": "ada@x.example", "City": "Ulm"}
_CONVERTED = "<convertedStatus>Closed - Converted</convertedStatus>"
NO_OPPORTUNITY = "<doNotCreateOpportunity>true</doNotCreateOpportunity>"


@pytest.fixture
def client() -> Client:
    return fresh_client()


@pytest.mark.parametrize("flavour", ["partner", "enterprise"])
def test_a_lead_becomes_a_contact_with_account_and_opportunity(client, flavour):
    lead = client.create("Lead", **LEAD, LeadSource="Web", HasOptedOutOfEmail=True, Industry="Banking", Phone="1")
    client.advance(60)
    done = convert(client, lead, "<sendNotificationEmail>true</sendNotificationEmail>", flavour=flavour)
    assert list(done) == ["accountId", "contactId", "leadId", "opportunityId", "success"]
    assert (done["leadId"], done["success"]) == (lead, "true")
    contact = client.read("Contact", done["contactId"], "FirstName", "LastName", "Email", "MailingCity", "AccountId")
    assert [contact[name] for name in ("FirstName", "LastName", "Email", "MailingCity", "AccountId")] == [
        "Ada",
        "Lind",
        "ada@x.example",
        "Ulm",
        done["accountId"],
    ]
    assert client.read("Contact", done["contactId"], "HasOptedOutOfEmail") is True
    account = client.read("Account", done["accountId"], "Name", "Industry", "BillingCity", "AccountSource", "Phone")
    assert [account[name] for name in ("Name", "Industry", "BillingCity", "AccountSource", "Phone")] == [
        "Acme",
        "Banking",
        "Ulm",
        "Web",
        "1",
    ]
    opportunity = client.read("Opportunity", done["opportunityId"], "Name", "AccountId", "StageName", "CloseDate")
    assert (opportunity["Name"], opportunity["AccountId"]) == ("Acme", done["accountId"])
    assert (opportunity["StageName"], opportunity["CloseDate"]) == ("Prospecting", "2026-03-31")
    roles = client.query("SELECT ContactId, IsPrimary FROM OpportunityContactRole")
    assert [(role["ContactId"], role["IsPrimary"]) for role in roles] == [(done["contactId"], True)]


def test_the_lead_says_what_it_became_and_is_read_only(client):
    lead = client.create("Lead", **LEAD)
    client.advance(60)
    done = convert(client, lead)
    fields = "IsConverted ConvertedDate ConvertedAccountId ConvertedContactId ConvertedOpportunityId Status".split()
    row = client.read("Lead", lead, *fields, "SystemModstamp", "IsDeleted")
    assert [row[name] for name in fields] == [
        True,
        "2026-03-01",
        done["accountId"],
        done["contactId"],
        done["opportunityId"],
        "Closed - Converted",
    ]
    assert (row["SystemModstamp"], row["IsDeleted"]) == ("2026-03-01T09:01:00.000+0000", False)
    status, refused = client.call("PATCH", f"sobjects/Lead/{lead}", {"City": "Bern"})
    assert (status, refused) == (
        400,
        [{"errorCode": "CANNOT_UPDATE_CONVERTED_LEAD", "message": "cannot reference converted lead"}],
    )
    assert codes(convert(client, lead)) == ["CANNOT_UPDATE_CONVERTED_LEAD"]


def test_in_an_existing_contact_only_empty_fields_are_filled(client):
    lead = client.create("Lead", **LEAD, LeadSource="Web", Title="CEO", Industry="Banking")
    account = client.create("Account", Name="Old", Industry="Energy")
    contact = client.create("Contact", LastName="Old", AccountId=account, Email="old@x.example", LeadSource="Other")
    target = f"<accountId>{account}</accountId>", f"<contactId>{contact}</contactId>"
    done = convert(client, lead, *target, NO_OPPORTUNITY)
    assert (done["accountId"], done["contactId"], done["opportunityId"]) == (account, contact, None)
    row = client.read("Contact", contact, "LastName", "Email", "Title", "FirstName", "LeadSource")
    assert [row[name] for name in ("LastName", "Email", "Title", "FirstName", "LeadSource")] == [
        "Old",
        "old@x.example",
        "CEO",
        "Ada",
        "Other",
    ]
    named = client.read("Account", account, "Name", "Industry", "BillingCity")
    assert [named[name] for name in ("Name", "Industry", "BillingCity")] == ["Old", "Energy", "Ulm"]


def test_the_lead_source_is_overwritten_on_request(client):
    lead = client.create("Lead", **LEAD, LeadSource="Web")
    account = client.create("Account", Name="Old")
    contact = client.create("Contact", LastName="Old", AccountId=account, LeadSource="Other")
    target = f"<accountId>{account}</accountId><contactId>{contact}</contactId>"
    convert(client, lead, target, "<overwriteLeadSource>true</overwriteLeadSource>")
    assert client.read("Contact", contact, "LeadSource") == "Web"


def test_a_lead_of_a_queue_needs_an_owner(client):
    queue = client.control("POST", "queues", {"name": "Inbound"})["id"]
    lead = client.create("Lead", **LEAD)
    assert client.call("PATCH", f"sobjects/Lead/{lead}", {"OwnerId": queue}, headers={})[0] == 204
    refused = convert(client, lead)
    assert codes(refused) == ["INVALID_CROSS_REFERENCE_KEY"]
    assert (refused["accountId"], refused["leadId"], refused["success"]) == (None, lead, "false")
    seller = client.control("POST", "users", {"username": "seller@sandbox.example"})["id"]
    done = convert(client, lead, f"<ownerId>{seller}</ownerId>")
    owners = [client.read(kind, done[key], "OwnerId") for kind, key in _MADE]
    assert owners == [seller, seller, seller]


_MADE = [("Account", "accountId"), ("Contact", "contactId"), ("Opportunity", "opportunityId")]


def test_the_owner_of_the_lead_owns_what_it_becomes(client):
    seller = client.control("POST", "users", {"username": "seller@sandbox.example"})["id"]
    lead = client.create("Lead", **LEAD, OwnerId=seller)
    done = convert(client, lead)
    assert [client.read(kind, done[key], "OwnerId") for kind, key in _MADE] == [seller] * 3


def test_refusals_leave_nothing_behind(client):
    account, other = client.create("Account", Name="A"), client.create("Account", Name="B")
    contact = client.create("Contact", LastName="C", AccountId=other)
    lead = client.create("Lead", **LEAD)
    cases = [
        (convert(client, lead, status="Working - Contacted"), "INVALID_STATUS"),
        (convert(client, lead, status=""), "INVALID_STATUS"),
        (convert(client, lead, f"<contactId>{contact}</contactId>"), "INVALID_FIELD"),
        (convert(client, lead, NO_OPPORTUNITY, "<opportunityName>x</opportunityName>"), "INVALID_FIELD"),
        (
            convert(client, lead, f"<accountId>{account}</accountId>", f"<contactId>{contact}</contactId>"),
            "INVALID_CROSS_REFERENCE_KEY",
        ),
        (convert(client, "00Q000000000000AAA"), "INVALID_CROSS_REFERENCE_KEY"),
    ]
    assert [codes(result) for result, _ in cases] == [[code] for _, code in cases]
    assert client.read("Lead", lead, "IsConverted") is False
    assert len(client.query("SELECT Id FROM Account")) == 2
    assert client.query("SELECT Id FROM Opportunity") == []


def test_rows_stand_for_themselves_and_a_hundred_is_the_most(client):
    good, gone = client.create("Lead", **LEAD), client.create("Lead", **LEAD)
    client.call("DELETE", f"sobjects/Lead/{gone}")
    one = "<leadConverts><convertedStatus>Closed - Converted</convertedStatus><leadId>{}</leadId></leadConverts>"
    first, second = soap(client, "convertLead", one.format(gone) + one.format(good))
    assert (codes(first), second["success"]) == (["ENTITY_IS_DELETED"], "true")
    with pytest.raises(Refused) as refused:
        soap(client, "convertLead", one.format(good) * 101)
    assert refused.value.code == "EXCEEDED_LEAD_CONVERT_LIMIT"


def test_converting_is_a_permission(client):
    lead = client.create("Lead", **LEAD)
    client.control("POST", "rights", {"permissions": ["ApiEnabled"]})
    assert codes(convert(client, lead)) == ["INSUFFICIENT_ACCESS_OR_READONLY"]


def test_open_tasks_follow_to_the_contact(client):
    lead = client.create("Lead", **LEAD)
    open_task = client.create("Task", Subject="Call", WhoId=lead)
    closed_task = client.create("Task", Subject="Called", WhoId=lead, Status="Completed")
    done = convert(client, lead)
    moved = client.read("Task", open_task, "WhoId", "WhatId", "AccountId")
    assert [moved[name] for name in ("WhoId", "WhatId", "AccountId")] == [
        done["contactId"],
        done["opportunityId"],
        done["accountId"],
    ]
    assert client.read("Task", closed_task, "WhoId") == lead


def test_custom_fields_cross_over_as_the_org_maps_them(client):
    for name in ("Lead", "Contact", "Account"):
        client.control("POST", "fields", {"object": name, "name": "Score__c", "type": "double", "scale": 2})
    lead = client.create("Lead", **LEAD, Score__c=7.5)
    client.control("POST", "lead_mapping", {"Score__c": {"Contact": "Score__c"}})
    done = convert(client, lead)
    assert client.read("Contact", done["contactId"], "Score__c") == 7.5
    assert client.read("Account", done["accountId"], "Score__c") is None


def test_sessions_and_quota_answer_by_faults(client):
    client.control("POST", "quota", {"maximum": 0})
    with pytest.raises(Refused, match="TotalRequests Limit exceeded") as refused:
        convert(client, "00Q000000000000AAA")
    assert refused.value.code == "REQUEST_LIMIT_EXCEEDED"
    client.control("POST", "quota", {"maximum": 1000})
    client.control("POST", "sessions", {"expire": True})
    with pytest.raises(Refused) as refused:
        convert(client, "00Q000000000000AAA")
    assert refused.value.code == "INVALID_SESSION_ID"


def test_a_lost_reply_still_converts(client):
    lead = client.create("Lead", **LEAD)
    client.fault("lost_reply", "^POST /services/Soap/u/")
    sent = envelope(client, "convertLead", f"<leadConverts>{_CONVERTED}<leadId>{lead}</leadId></leadConverts>")
    assert client.send("POST", "/services/Soap/u/59.0", sent, headers=NO_TOKEN).fate is Fate.LOST
    assert client.read("Lead", lead, "IsConverted") is True


def test_a_row_fails_when_a_fault_says_so(client):
    first, second = client.create("Lead", **LEAD), client.create("Lead", **LEAD)
    client.fault("partial_failure", "^POST /services/Soap/u/", parameters={"index": 1})
    rows = "".join(f"<leadConverts>{_CONVERTED}<leadId>{lead}</leadId></leadConverts>" for lead in (first, second))
    done, failed = soap(client, "convertLead", rows)
    assert (done["success"], codes(failed), failed["leadId"]) == ("true", ["UNABLE_TO_LOCK_ROW"], second)
    assert client.read("Lead", second, "IsConverted") is False


def test_a_late_commit_shows_later_what_was_answered(client):
    lead = client.create("Lead", **LEAD)
    client.fault("late_commit", "^POST /services/Soap/u/", parameters={"delay_seconds": 60})
    done = convert(client, lead)
    assert client.query("SELECT Id FROM Contact") == []
    client.advance(61)
    assert [row["Id"] for row in client.query("SELECT Id FROM Contact")] == [done["contactId"]]
    assert client.read("Lead", lead, "SystemModstamp") == "2026-03-01T09:00:00.000+0000"


def test_a_refused_server_answers_in_soap(client):
    client.fault("server_error", "^POST /services/Soap/u/")
    with pytest.raises(Refused) as refused:
        convert(client, "00Q000000000000AAA")
    assert refused.value.code == "SERVER_UNAVAILABLE"
