"""Sharing and permission sets: who sees and changes which records and fields, and setup beside other objects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client
from tests.sandbox.test_salesforce_custom_objects import LINE, ORDER

SELLER = "seller@sandbox.example"
PERSON = {"LastName": "Lind", "Company": "c"}
EDIT_ALONE = {"PermissionsRead": False, "PermissionsEdit": True}


@pytest.fixture
def client() -> Client:
    return fresh_client()


@pytest.fixture
def seller(client: Client) -> Client:
    client.control("POST", "users", {"username": SELLER, "rights": {"permissions": ["ApiEnabled"]}})
    return Client(client.org, SELLER)


def _user(client: Client) -> str:
    return str(client.org.people.user_id(SELLER))


def _code(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1][0]["errorCode"]


def test_without_a_default_everything_is_open(client, seller):
    lead = client.create("Lead", **PERSON)
    assert seller.call("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"})[0] == 204


def test_private_records_are_their_owners(client, seller):
    lead = client.create("Lead", **PERSON, Email="a@x.example")
    own = seller.create("Lead", **PERSON)
    assert client.control("POST", "sharing", {"Lead": "Private"}) == {"Lead": "Private"}
    assert [row["Id"] for row in seller.query("SELECT Id FROM Lead")] == [own]
    assert seller.call("GET", "query", q="SELECT COUNT() FROM Lead")[1]["totalSize"] == 1
    assert _code(seller.call("GET", f"sobjects/Lead/{lead}")) == (404, "NOT_FOUND")
    assert _code(seller.call("PATCH", f"sobjects/Lead/{lead}", {"City": "x"})) == (404, "NOT_FOUND")
    task = seller.call("POST", "sobjects/Task", {"WhoId": lead})
    assert _code(task)[1] == "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
    updated = seller.call("GET", "sobjects/Lead/updated", start="2026-02-28T00:00:00Z", end="2026-03-01T09:01:00Z")[1]
    assert lead not in updated["ids"]
    assert len(client.query("SELECT Id FROM Lead")) == 2


def test_read_is_not_write(client, seller):
    client.control("POST", "sharing", {"Lead": "Read"})
    lead = client.create("Lead", **PERSON)
    assert seller.read("Lead", lead, "LastName") == "Lind"
    refused = seller.call("PATCH", f"sobjects/Lead/{lead}", {"City": "x"})
    assert _code(refused) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")


def test_shares_by_user_and_by_group(client, seller):
    client.control("POST", "sharing", {"Lead": "Private"})
    lead, other = client.create("Lead", **PERSON), client.create("Lead", **PERSON)
    share = client.create("LeadShare", LeadId=lead, UserOrGroupId=_user(client), LeadAccessLevel="Read")
    assert seller.read("Lead", lead, "LastName") == "Lind"
    assert _code(seller.call("PATCH", f"sobjects/Lead/{lead}", {"City": "x"}))[0] == 403
    client.call("PATCH", f"sobjects/LeadShare/{share}", {"LeadAccessLevel": "Edit"})
    assert seller.call("PATCH", f"sobjects/Lead/{lead}", {"City": "x"})[0] == 204
    assert _code(seller.call("DELETE", f"sobjects/Lead/{lead}"))[0] == 403
    group = client.create("Group", Name="g", Type="Regular")
    client.create("GroupMember", GroupId=group, UserOrGroupId=_user(client))
    client.create("LeadShare", LeadId=other, UserOrGroupId=group, LeadAccessLevel="Read")
    assert len(seller.query("SELECT Id FROM Lead")) == 2


def test_queues_and_the_role_hierarchy(client, seller):
    client.control("POST", "sharing", {"Lead": "Private"})
    queue = client.control("POST", "queues", {"name": "Inbound", "objects": ["Lead"], "members": [SELLER]})["id"]
    client.create("Lead", **PERSON, OwnerId=queue)
    assert len(seller.query("SELECT Id FROM Lead")) == 1
    client.create("Lead", **PERSON)
    top = client.create("UserRole", Name="Head")
    below = client.create("UserRole", Name="Seller", ParentRoleId=top)
    me = client.org.people.user_id("integration@sandbox.example")
    client.call("PATCH", f"sobjects/User/{me}", {"UserRoleId": below})
    client.call("PATCH", f"sobjects/User/{_user(client)}", {"UserRoleId": top})
    assert len(seller.query("SELECT Id FROM Lead")) == 2


def test_details_are_as_visible_as_their_master(client, seller):
    client.control("POST", "objects", [ORDER, LINE])
    client.control("POST", "sharing", {"Account": "Private"})
    order = client.create("Order__c", Account__c=client.create("Account", Name="Acme"))
    line = client.create("Line__c", Order__c=order)
    assert seller.query("SELECT Id FROM Line__c") == []
    client.create(
        "AccountShare",
        AccountId=client.query("SELECT Id FROM Account")[0]["Id"],
        UserOrGroupId=_user(client),
        AccountAccessLevel="Edit",
    )
    assert seller.query("SELECT Id FROM Line__c")[0]["Id"] == line
    assert seller.call("DELETE", f"sobjects/Line__c/{line}")[0] == 204


def test_permission_sets_open_fields_objects_and_all_records(client, seller):
    client.control("POST", "sharing", {"Lead": "Private"})
    client.control(
        "POST",
        "rights",
        {
            "username": SELLER,
            "hidden_fields": ["Lead.Phone"],
            "read_only_fields": ["Lead.City"],
            "denied_objects": {"Account": ["read"]},
            "permissions": [],
        },
    )
    lead = client.create("Lead", **PERSON, Phone="1")
    made = client.create("PermissionSet", Name="Sync", Label="Sync")
    client.create("PermissionSetAssignment", PermissionSetId=made, AssigneeId=_user(client))
    assert "'Phone'" not in str(seller.call("GET", "sobjects/Lead/describe"))
    read = {"ParentId": made, "PermissionsRead": True}
    phone = client.create("FieldPermissions", **read, SobjectType="Lead", Field="Lead.Phone")
    client.create("ObjectPermissions", **read, SobjectType="Lead", PermissionsViewAllRecords=True)
    client.create("ObjectPermissions", **read, SobjectType="Account")
    assert seller.read("Lead", lead, "Phone") == "1"
    fields = {f["name"]: f for f in seller.call("GET", "sobjects/Lead/describe")[1]["fields"]}
    assert (fields["Phone"]["updateable"], fields["City"]["updateable"]) == (False, False)
    client.call("PATCH", f"sobjects/FieldPermissions/{phone}", {"PermissionsEdit": True})
    assert {f["name"]: f for f in seller.call("GET", "sobjects/Lead/describe")[1]["fields"]}["Phone"]["updateable"]
    accounts = seller.call("GET", "sobjects/Account/describe")[1]
    assert (accounts["queryable"], accounts["createable"]) == (True, False)
    client.call("DELETE", f"sobjects/PermissionSet/{made}")
    assert client.query("SELECT Id FROM FieldPermissions") == []
    assert _code(seller.call("GET", f"sobjects/Lead/{lead}"))[0] == 404


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"SobjectType": "Nope", "Field": "Nope.X"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"SobjectType": "Lead", "Field": "Lead.Nope"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"SobjectType": "Lead", "Field": "Lead.LastName"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"SobjectType": "Lead", "Field": "Lead.City", **EDIT_ALONE}, "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_grants_of_what_is_not_there(client, row, code):
    made = client.create("PermissionSet", Name="Sync", Label="Sync")
    refused = client.call("POST", "sobjects/FieldPermissions", {"ParentId": made, "PermissionsRead": True, **row})
    assert _code(refused) == (400, code)


def test_campaigns_need_the_marketing_user(client, seller):
    assert _code(seller.call("POST", "sobjects/Campaign", {"Name": "x"}))[0] == 403
    campaign = client.create("Campaign", Name="Spring")
    assert seller.read("Campaign", campaign, "Name") == "Spring"
    seller.create("CampaignMember", CampaignId=campaign, LeadId=client.create("Lead", **PERSON))


def test_setup_objects_do_not_mix_with_others(client):
    lead = {"attributes": {"type": "Lead"}, **PERSON}
    role = {"attributes": {"type": "UserRole"}, "Name": "Head"}
    results = client.call("POST", "composite/sobjects", {"records": [lead, role]})[1]
    assert [row["success"] for row in results] == [True, False]
    error = results[1]["errors"][0]
    assert error["statusCode"] == "MIXED_DML_OPERATION"
    assert error["message"].endswith("(or vice versa): UserRole, original object: Lead")
    parts = [
        {"method": "POST", "url": "/services/data/v59.0/sobjects/Lead", "referenceId": "a", "body": PERSON},
        {"method": "POST", "url": "/services/data/v59.0/sobjects/UserRole", "referenceId": "b", "body": {"Name": "x"}},
    ]
    whole = client.call("POST", "composite", {"compositeRequest": parts})[1]["compositeResponse"]
    assert [part["httpStatusCode"] for part in whole] == [201, 201]
