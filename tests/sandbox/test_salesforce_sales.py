"""Opportunities, contact roles, tasks, queues and owners: fields, derived values, relations in SOQL."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client
from tests.sandbox.soap_client import convert

SALE = {"Name": "o", "StageName": "Prospecting", "CloseDate": "2026-05-01"}


@pytest.fixture
def client() -> Client:
    return fresh_client()


def _queue(client: Client, *objects: str) -> str:
    return str(client.control("POST", "queues", {"name": "Inbound", "objects": list(objects) or ["Lead"]})["id"])


@pytest.mark.parametrize(
    ("sobject", "prefix", "required"),
    [
        ("Opportunity", "006", {"Name", "StageName", "CloseDate"}),
        ("OpportunityContactRole", "00K", {"OpportunityId", "ContactId"}),
        ("Task", "00T", set()),
        ("Group", "00G", {"Name"}),
        ("QueueSobject", "03g", {"QueueId", "SobjectType"}),
    ],
)
def test_describe_says_what_a_create_needs(client, sobject, prefix, required):
    _, described = client.call("GET", f"sobjects/{sobject}/describe")
    assert described["keyPrefix"] == prefix
    needed = {
        field["name"]
        for field in described["fields"]
        if field["createable"] and not field["nillable"] and not field["defaultedOnCreate"]
    }
    assert needed == required


def test_describe_says_what_comes_back_and_what_children_there_are(client):
    described = {name: client.call("GET", f"sobjects/{name}/describe")[1] for name in ("Account", "Contact", "Lead")}
    children = {
        (name, child["childSObject"], child["relationshipName"]): child["cascadeDelete"]
        for name, shape in described.items()
        for child in shape["childRelationships"]
    }
    assert children[("Account", "Opportunity", "Opportunities")] is True
    assert children[("Contact", "Task", "Tasks")] is True
    assert children[("Lead", "Task", "Tasks")] is True
    assert client.call("GET", "sobjects/OpportunityContactRole/describe")[1]["undeletable"] is False
    converted = next(field for field in described["Lead"]["fields"] if field["name"] == "ConvertedOpportunityId")
    assert converted["referenceTo"] == ["Opportunity"]


def test_the_stage_drives_an_opportunity(client):
    sale = client.create("Opportunity", **SALE, Amount=1000)
    fields = ("Probability", "ExpectedRevenue", "IsClosed", "IsWon", "ForecastCategoryName")
    row = client.read("Opportunity", sale, *fields)
    assert [row[name] for name in fields] == [10.0, 100.0, False, False, "Pipeline"]
    client.call("PATCH", f"sobjects/Opportunity/{sale}", {"StageName": "Closed Won"})
    row = client.read("Opportunity", sale, *fields)
    assert [row[name] for name in fields] == [100.0, 1000.0, True, True, "Closed"]
    client.call("PATCH", f"sobjects/Opportunity/{sale}", {"StageName": "Qualification", "Probability": 33})
    assert client.read("Opportunity", sale, "Probability") == 33.0
    assert client.query("SELECT Id FROM Opportunity WHERE IsClosed = true") == []
    assert len(client.query("SELECT Id FROM Opportunity WHERE IsWon = false AND ExpectedRevenue > 300")) == 1


def test_one_role_of_an_opportunity_is_primary(client):
    first, second = (client.create("Contact", LastName=name) for name in "ab")
    sale = client.create("Opportunity", **SALE, ContactId=first)
    client.create("OpportunityContactRole", OpportunityId=sale, ContactId=second, IsPrimary=True, Role="Evaluator")
    soql = "SELECT ContactId, IsPrimary, Role, Opportunity.Name, Contact.LastName FROM OpportunityContactRole"
    roles = {row["ContactId"]: row for row in client.query(soql)}
    assert (roles[first]["IsPrimary"], roles[second]["IsPrimary"]) == (False, True)
    assert (roles[second]["Opportunity"]["Name"], roles[second]["Contact"]["LastName"]) == ("o", "b")
    client.call("DELETE", f"sobjects/Opportunity/{sale}")
    assert client.query("SELECT Id FROM OpportunityContactRole") == []


def test_a_task_knows_its_account_and_whether_it_is_done(client):
    account = client.create("Account", Name="a")
    contact = client.create("Contact", LastName="c", AccountId=account)
    task = client.create("Task", Subject="Call", WhoId=contact, Priority="High", ActivityDate="2026-03-06")
    fields = ("Status", "IsClosed", "IsHighPriority", "AccountId", "CompletedDateTime")
    row = client.read("Task", task, *fields)
    assert [row[name] for name in fields] == ["Not Started", False, True, account, None]
    client.call("PATCH", f"sobjects/Task/{task}", {"Status": "Completed"})
    row = client.read("Task", task, *fields)
    assert [row[name] for name in fields] == ["Completed", True, True, account, "2026-03-01T09:00:00.000+0000"]
    (row,) = client.query("SELECT Who.Name, Who.Type, What.Name FROM Task WHERE IsClosed = true")
    assert (row["Who"]["Name"], row["Who"]["Type"], row["What"]) == ("c", "Contact", None)
    (row,) = client.query("SELECT Id, (SELECT Subject FROM Tasks) FROM Contact")
    assert [task["Subject"] for task in row["Tasks"]["records"]] == ["Call"]


def test_a_queue_is_read_by_soql_and_owns_leads(client):
    queue = _queue(client)
    lead = client.create("Lead", LastName="n", Company="c", OwnerId=queue)
    client.create("Lead", LastName="n", Company="c")
    (row,) = client.query("SELECT Id, Owner.Name, Owner.Type FROM Lead WHERE Owner.Type = 'Queue'")
    assert (row["Id"], row["Owner"]["Name"], row["Owner"]["Type"]) == (lead, "Inbound", "Queue")
    url = f"/services/data/v59.0/sobjects/Group/{queue}"
    assert row["Owner"]["attributes"] == {"type": "Name", "url": url}
    assert len(client.query("SELECT Id FROM Lead WHERE Owner.Type = 'User'")) == 1
    (row,) = client.query("SELECT Queue.Name, SobjectType FROM QueueSobject WHERE SobjectType = 'Lead'")
    assert (row["Queue"]["Name"], row["SobjectType"]) == ("Inbound", "Lead")
    assert client.query("SELECT Id, Name FROM Group WHERE Type = 'Queue'")[0]["Id"] == queue
    assert client.control("GET", "queues") == [{"id": queue, "name": "Inbound"}]


def test_who_may_own_what(client):
    queue = _queue(client)
    lead = client.create("Lead", LastName="n", Company="c")
    cases = [
        client.call("POST", "sobjects/Contact", {"LastName": "n", "OwnerId": queue}),
        client.call("POST", "sobjects/Task", {"Subject": "s", "OwnerId": queue}),
        client.call("PATCH", f"sobjects/Lead/{lead}", {"OwnerId": "00G000000000000AAA"}),
    ]
    assert [(status, body[0]["errorCode"]) for status, body in cases] == [
        (400, "MALFORMED_ID"),
        (400, "INVALID_OPERATION"),
        (400, "INVALID_CROSS_REFERENCE_KEY"),
    ]
    assert cases[0][1][0]["message"] == f"Owner ID: id value of incorrect type: {queue}"
    assert cases[1][1][0]["message"] == "Queue not associated with this SObject type"
    seller = client.control("POST", "users", {"username": "left@sandbox.example", "IsActive": False})["id"]
    status, (refused,) = client.call("PATCH", f"sobjects/Lead/{lead}", {"OwnerId": seller})
    assert (status, refused["errorCode"], refused["fields"]) == (400, "INACTIVE_OWNER_OR_USER", ["OwnerId"])


def test_a_lead_owner_is_looked_up_by_the_key_of_either_kind(client):
    body = {"LastName": "n", "Company": "c", "Owner": {"Username": "admin@sandbox.example"}}
    status, made = client.call("POST", "sobjects/Lead", body)
    assert status == 201
    assert client.read("Lead", made["id"], "OwnerId") == client.org.people.user_id("admin@sandbox.example")
    body["Owner"] = {"attributes": {"type": "Group"}, "Username": "admin@sandbox.example"}
    assert client.call("POST", "sobjects/Lead", body)[1][0]["errorCode"] == "INVALID_FIELD"


def test_a_queue_goes_with_what_it_was_set_up_for(client):
    queue = _queue(client)
    assert client.call("DELETE", f"sobjects/Group/{queue}")[0] == 204
    assert client.query("SELECT Id FROM QueueSobject") == []
    assert client.call("GET", f"sobjects/Group/{queue}")[0] == 404


def test_the_people_routes_act_as_somebody_else(client):
    seller = client.control("POST", "users", {"username": "seller@sandbox.example"})["id"]
    used = client.org.usage.used
    first, second, third = (client.create("Lead", LastName=name, Company="c") for name in "abc")
    done = client.control("POST", "convert", {"as": "seller@sandbox.example", "lead_id": first, "owner_id": seller})
    assert client.read("Lead", first, "LastModifiedById") == seller
    assert client.read("Contact", done["contact_id"], "CreatedById") == seller
    wanted = {"object": "Lead", "master": second, "losers": [third], "fields": {"City": "Ulm"}}
    done = client.control("POST", "merge", {**wanted, "as": "seller@sandbox.example"})
    assert done == {"master_id": second, "merged_ids": [third], "related_ids": []}
    row = client.read("Lead", second, "City", "LastModifiedById")
    assert (row["City"], row["LastModifiedById"]) == ("Ulm", seller)
    assert client.org.usage.used == used + 3 + 3
    assert client.control("POST", "purge", {}) == {"purged": 1}
    assert client.call("POST", "/_sandbox/convert", {"lead_id": first})[0] == 400
    assert client.call("POST", "/_sandbox/convert", {"lead_id": second, "colour": "red"})[0] == 400


def test_another_user_acts_with_a_session_of_their_own(client):
    seller = client.control("POST", "users", {"username": "seller@sandbox.example"})["id"]
    lead = client.create("Lead", LastName="n", Company="c")
    hers = Client(client.org, "seller@sandbox.example")
    done = convert(hers, lead)
    assert client.read("Lead", lead, "LastModifiedById") == seller
    assert client.read("Contact", done["contactId"], "CreatedById") == seller


def test_giving_a_record_of_somebody_else_away_is_a_permission(client):
    admin = client.org.people.user_id("admin@sandbox.example")
    mine, hers = (client.create("Contact", LastName="n", **owner) for owner in ({}, {"OwnerId": admin}))
    me = client.org.people.user_id("integration@sandbox.example")
    client.control("POST", "rights", {"permissions": ["ApiEnabled"]})
    assert client.call("PATCH", f"sobjects/Contact/{hers}", {"OwnerId": me}) == (
        400,
        [
            {
                "message": f"insufficient access rights on cross-reference id: {me}",
                "errorCode": "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
            }
        ],
    )
    assert client.call("PATCH", f"sobjects/Contact/{hers}", {"OwnerId": admin, "Title": "t"})[0] == 204
    assert client.call("PATCH", f"sobjects/Contact/{mine}", {"OwnerId": admin})[0] == 204


def test_a_row_whose_role_is_refused_leaves_nothing(client):
    contact = client.create("Contact", LastName="c")
    rule = {"object": "OpportunityContactRole", "condition": "IsPrimary = true", "message": "No primary roles."}
    client.control("POST", "validation_rules", rule)
    records = [{"attributes": {"type": "Opportunity"}, **SALE, **more} for more in ({"ContactId": contact}, {})]
    _, (refused, made) = client.call("POST", "composite/sobjects", {"records": records})
    assert (refused["errors"][0]["message"], made["success"]) == ("No primary roles.", True)
    assert [row["Id"] for row in client.query("SELECT Id FROM Opportunity")] == [made["id"]]
