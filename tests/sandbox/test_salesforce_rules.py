"""Validation rules, automations and lead assignment, declared over the control endpoint or installed in Python."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.sandbox.salesforce_client import START, Client, fresh_client
from tests.sandbox.soap_client import soap_one

SELLER = "seller@sandbox.example"


@pytest.fixture
def client() -> Client:
    client = fresh_client()
    client.control("POST", "users", {"username": SELLER})
    return client


def _seller(client: Client) -> str:
    return client.org.people.user_id(SELLER)


def _lead(client: Client, **fields: object) -> str:
    return client.create("Lead", **{"LastName": "n", "Company": "c", **fields})


RULE = {"object": "Lead", "condition": "State = 'XX' AND City != null", "message": "No such state.", "field": "State"}


def test_a_validation_rule_refuses_with_its_text_at_its_field(client):
    client.control("POST", "validation_rules", RULE)
    lead = _lead(client, City="Ulm")
    assert client.call("PATCH", f"sobjects/Lead/{lead}", {"State": "xx"}) == (
        400,
        [{"message": "No such state.", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["State"]}],
    )
    assert client.read("Lead", lead, "State") is None
    assert client.call("PATCH", f"sobjects/Lead/{lead}", {"State": "NSW"})[0] == 204
    body = {"records": [{"attributes": {"type": "Lead"}, "id": lead, "State": "XX"}]}
    _, (result,) = client.call("PATCH", "composite/sobjects", body)
    assert result["errors"] == [
        {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No such state.", "fields": ["State"]}
    ]


def test_a_rule_without_a_field_and_only_on_some_saves(client):
    rule = {"object": "Lead", "condition": "Email = null", "message": "Give an e-mail.", "on": ["create"]}
    client.control("POST", "validation_rules", rule)
    _, (refused,) = client.call("POST", "sobjects/Lead", {"LastName": "n", "Company": "c"})
    assert refused == {"message": "Give an e-mail.", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION"}
    lead = _lead(client, Email="a@x.example")
    assert client.call("PATCH", f"sobjects/Lead/{lead}", {"Email": None})[0] == 204


def test_a_rule_about_a_change_and_about_parents(client):
    rules = [
        {"object": "Lead", "changed": ["Email"], "message": "E-mails stay.", "on": ["update"]},
        {"object": "Lead", "condition": f"Owner.Username = '{SELLER}'", "message": "Not hers."},
    ]
    client.control("POST", "validation_rules", rules)
    lead = _lead(client, Email="a@x.example")
    assert client.call("PATCH", f"sobjects/Lead/{lead}", {"Email": "a@x.example", "City": "Ulm"})[0] == 204
    assert client.call("PATCH", f"sobjects/Lead/{lead}", {"Email": "b@x.example"})[1][0]["message"] == "E-mails stay."
    assert client.call("PATCH", f"sobjects/Lead/{lead}", {"OwnerId": _seller(client)})[1][0]["message"] == "Not hers."


def test_a_rule_of_names_numbers_and_checkboxes(client):
    conditions = [
        "Name = 'ada lind'",
        "AnnualRevenue > 100",
        "DoNotCall = true",
        "CreatedDate > TODAY",
        "Title LIKE 'C%'",
    ]
    rules = [{"object": "Lead", "condition": text, "message": str(n)} for n, text in enumerate(conditions)]
    client.control("POST", "validation_rules", rules)
    wrong: list[dict] = [
        {"FirstName": "Ada", "LastName": "Lind"},
        {"AnnualRevenue": 101},
        {"DoNotCall": True},
        {"Title": "ceo"},
    ]
    said = [
        client.call("POST", "sobjects/Lead", {"LastName": "n", "Company": "c", **one})[1][0]["message"] for one in wrong
    ]
    assert said == ["0", "1", "2", "4"]
    _lead(client, AnnualRevenue=100, Title="boss")


def test_a_rule_in_python(client):
    client.org.refuse_when("Lead", lambda event: event.row["City"] == event.row["State"], "City is no state.", "City")
    lead = _lead(client, City="Ulm")
    status, (refused,) = client.call("PATCH", f"sobjects/Lead/{lead}", {"State": "Ulm"})
    assert (status, refused["message"], refused["fields"]) == (400, "City is no state.", ["City"])


@pytest.mark.parametrize(
    "rule",
    [
        {"object": "Lead", "message": "m", "condition": "Nothing = 1"},
        {"object": "Lead", "message": "m", "condition": "City ="},
        {"object": "Lead", "condition": "City = 'Ulm'"},
        {"object": "Lead", "message": "m", "field": "Nothing"},
        {"object": "Lead", "message": "m", "on": ["delete"]},
        {"object": "Lead", "message": "m", "formula": "1"},
    ],
)
def test_what_makes_no_rule_is_refused(client, rule):
    assert client.call("POST", "/_sandbox/validation_rules", rule)[0] == 400


def test_an_automation_sets_another_field_after_our_write(client):
    rule = {"object": "Lead", "condition": "City = 'Ulm'", "changed": ["City"], "set": {"Rating": "Hot"}, "as": SELLER}
    client.control("POST", "automations", rule)
    lead = _lead(client)
    assert client.read("Lead", lead, "Rating") is None
    client.advance(60)
    client.call("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"})
    row = client.read("Lead", lead, "Rating", "City", "LastModifiedById", "SystemModstamp", "LastModifiedDate")
    assert (row["Rating"], row["City"], row["LastModifiedById"]) == ("Hot", "Ulm", _seller(client))
    assert row["SystemModstamp"] == row["LastModifiedDate"] == "2026-03-01T09:01:00.000+0000"


def test_an_automation_that_comes_later_has_its_own_stamp(client):
    rule = {
        "object": "Lead",
        "on": ["create"],
        "set": {"City": {"field": "State"}, "Rating": None},
        "delay_seconds": 30,
    }
    client.control("POST", "automations", rule)
    lead = _lead(client, State="Wien", Rating="Hot")
    client.advance(29)
    assert client.read("Lead", lead, "City") is None
    client.advance(60)
    row = client.read("Lead", lead, "City", "Rating", "SystemModstamp")
    assert (row["City"], row["Rating"], row["SystemModstamp"]) == ("Wien", None, "2026-03-01T09:00:30.000+0000")
    gone = _lead(client, State="Bonn")
    client.call("DELETE", f"sobjects/Lead/{gone}")
    client.advance(60)
    (row,) = client.query("SELECT City FROM Lead WHERE IsDeleted = true", "queryAll")
    assert row["City"] is None


def test_a_hook_in_python(client):
    seen = []

    def hook(event):
        seen.append((event.operation, event.row["Email"]))
        return {"Description": f"was {event.before['Email']}"} if event.before else None

    client.org.after_write("Lead", hook)
    lead = _lead(client, Email="a@x.example")
    client.call("PATCH", f"sobjects/Lead/{lead}", {"Email": "b@x.example"})
    assert client.read("Lead", lead, "Description") == "was a@x.example"
    assert seen == [("create", "a@x.example"), ("update", "b@x.example")]
    with pytest.raises(LookupError):
        client.org.after_write("Nothing", hook)


def test_automations_reach_bulk_and_soap(client):
    client.control("POST", "automations", {"object": "Lead", "set": {"Rating": "Hot"}})
    _, job = client.call("POST", "jobs/ingest", {"object": "Lead", "operation": "insert", "contentType": "CSV"})
    client.send("PUT", f"jobs/ingest/{job['id']}/batches", b"LastName,Company\nA,c\n")
    client.call("PATCH", f"jobs/ingest/{job['id']}", {"state": "UploadComplete"})
    soap_one(client, "create", "<sObjects><type>Lead</type><LastName>b</LastName><Company>c</Company></sObjects>")
    assert [row["Rating"] for row in client.query("SELECT Rating FROM Lead")] == ["Hot", "Hot"]


def _rule(client: Client) -> str:
    queue = client.control("POST", "queues", {"name": "Inbound", "members": [SELLER]})["id"]
    entries = [{"criteria": "Country = 'DE'", "owner": SELLER}, {"criteria": "Email != null", "owner": "Inbound"}]
    client.control("POST", "lead_assignment", {"entries": entries})
    return str(queue)


def test_the_first_entry_that_fits_names_the_owner(client):
    queue = _rule(client)
    german = _lead(client, Country="de", Email="a@x.example")
    mailed, other = _lead(client, Email="a@x.example"), _lead(client)
    owners = [client.read("Lead", lead, "OwnerId") for lead in (german, mailed, other)]
    assert owners == [_seller(client), queue, client.org.people.user_id("integration@sandbox.example")]


def test_assignment_runs_unless_the_header_says_false(client):
    queue = _rule(client)
    own = client.org.people.user_id("integration@sandbox.example")
    lead = {"LastName": "n", "Company": "c", "Email": "a@x.example"}
    made = [
        client.call("POST", "sobjects/Lead", lead, headers={"sforce-auto-assign": value})[1]["id"]
        for value in ("FALSE", "false", "TRUE", "01Q000000000001AAA")
    ]
    assert [client.read("Lead", one, "OwnerId") for one in made] == [own, own, queue, queue]


def test_in_soap_assignment_is_asked_for(client):
    queue = _rule(client)
    fields = "<LastName>n</LastName><Company>c</Company><Email>a@x.example</Email>"
    record = f"<sObjects><type>Lead</type>{fields}</sObjects>"
    ask = "<u:AssignmentRuleHeader><u:useDefaultRule>true</u:useDefaultRule></u:AssignmentRuleHeader>"
    silent, asked = (soap_one(client, "create", record, headers=headers)["id"] for headers in ("", ask))
    assert client.read("Lead", silent, "OwnerId") != queue
    assert client.read("Lead", asked, "OwnerId") == queue


def test_an_update_is_assigned_too(client):
    queue = _rule(client)
    lead = _lead(client)
    client.call("PATCH", f"sobjects/Lead/{lead}", {"Email": "a@x.example"})
    assert client.read("Lead", lead, "OwnerId") == queue


def test_a_rule_names_owners_there_are(client):
    assert client.call("POST", "/_sandbox/lead_assignment", {"owner": "Nobody"})[0] == 400
    assert client.call("POST", "/_sandbox/lead_assignment", {"entries": [{"criteria": "x", "owner": SELLER}]})[0] == 400
    assert client.control("POST", "lead_assignment", {"owner": None}) == {"owner_ids": [], "owner_id": None}


def test_the_clock_of_the_org_judges_dates(client):
    tomorrow = (START + timedelta(days=1)).date().isoformat()
    rule = {"object": "Opportunity", "condition": "CloseDate < TODAY", "message": "Close it in time."}
    client.control("POST", "validation_rules", rule)
    sale = {"Name": "o", "StageName": "Prospecting"}
    assert client.call("POST", "sobjects/Opportunity", {**sale, "CloseDate": tomorrow})[0] == 201
    assert client.call("POST", "sobjects/Opportunity", {**sale, "CloseDate": "2026-02-28"})[0] == 400
