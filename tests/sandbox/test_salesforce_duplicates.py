"""Duplicate rules: who is refused, in which words, and what gets past an alert.

The body is the one in public issue threads: an array with the misspelt key `duplicateResut`.
"""

from __future__ import annotations

from typing import Any

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.sandbox.salesforce_client import START, Client, fresh_client
from tests.sandbox.soap_client import codes, convert, soap_one

ALLOW = {"sforce-duplicate-rule-header": "allowSave=true"}
TWIN = {"LastName": "Twin", "Company": "c", "Email": "A@x.example"}


@pytest.fixture
def client() -> Client:
    client = fresh_client()
    client.control("POST", "duplicate_rules", {"object": "Lead", "fields": ["Email"], "against": ["Lead", "Contact"]})
    return client


def _first(client: Client) -> str:
    return client.create("Lead", LastName="First", Company="c", Email="a@x.example")


def _collection(client: Client, method: str, *records: dict[str, Any], **options: Any) -> Any:
    body = {"records": [{"attributes": {"type": "Lead"}, **record} for record in records]}
    status, results = client.call(method, "composite/sobjects", body, **options)
    assert status == 200
    return results


def test_the_documented_body(client):
    first = _first(client)
    assert client.call("POST", "sobjects/Lead", TWIN) == (
        400,
        [
            {
                "duplicateResut": {
                    "allowSave": True,
                    "duplicateRule": "Standard_Lead_Duplicate_Rule",
                    "duplicateRuleEntityType": "Lead",
                    "errorMessage": "Use one of these records?",
                    "matchResults": [
                        {
                            "entityType": "Lead",
                            "errors": [],
                            "matchEngine": "ExactMatchEngine",
                            "matchRecords": [
                                {
                                    "additionalInformation": [],
                                    "fieldDiffs": [],
                                    "matchConfidence": 100.0,
                                    "record": {
                                        "attributes": {
                                            "type": "Lead",
                                            "url": f"/services/data/v59.0/sobjects/Lead/{first}",
                                        },
                                        "Id": first,
                                    },
                                }
                            ],
                            "rule": "Standard_Lead_Match_Rule",
                            "size": 1,
                            "success": True,
                        }
                    ],
                },
                "errorCode": "DUPLICATES_DETECTED",
                "message": "Use one of these records?",
            }
        ],
    )
    assert len(client.query("SELECT Id FROM Lead")) == 1


@pytest.mark.parametrize(
    "value", ["allowSave=true", "allowSave=true; includeRecordDetails=true", "runAsCurrentUser=true, allowSave=TRUE"]
)
def test_an_alert_lets_through_who_says_so(client, value):
    _first(client)
    assert client.call("POST", "sobjects/Lead", TWIN, headers={"sforce-duplicate-rule-header": value})[0] == 201


def test_a_block_lets_nobody_through(client):
    rule = {"object": "Lead", "fields": ["Email"], "action": "block", "message": "No twins.", "name": "Strict"}
    client.control("POST", "duplicate_rules", rule)
    _first(client)
    status, (refused,) = client.call("POST", "sobjects/Lead", TWIN, headers=ALLOW)
    assert (status, refused["message"], refused["duplicateResut"]["allowSave"]) == (400, "No twins.", False)
    assert refused["duplicateResut"]["duplicateRule"] == "Strict"


def test_contacts_are_looked_through_too_and_blanks_match_nothing(client):
    contact = client.create("Contact", LastName="c", Email="a@x.example")
    _, (refused,) = client.call("POST", "sobjects/Lead", TWIN)
    (match,) = refused["duplicateResut"]["matchResults"]
    assert (match["entityType"], match["matchRecords"][0]["record"]["Id"]) == ("Contact", contact)
    for _ in range(2):
        client.create("Lead", LastName="blank", Company="c")


def test_an_update_is_looked_at_when_it_changes_what_is_compared(client):
    _first(client)
    lead = client.create("Lead", LastName="x", Company="c", Email="b@x.example")
    assert client.call("PATCH", f"sobjects/Lead/{lead}", {"Email": "a@x.example"})[0] == 400
    status, _ = client.call("PATCH", f"sobjects/Lead/{lead}", {"Email": "a@x.example"}, headers=ALLOW)
    assert status == 204
    assert client.call("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm", "Email": "a@x.example"})[0] == 204


def test_deleted_and_converted_are_no_match(client):
    first = _first(client)
    client.call("DELETE", f"sobjects/Lead/{first}")
    second = _first(client)
    client.control("POST", "duplicate_rules", {"object": "Contact", "fields": ["Email"], "against": ["Lead"]})
    assert convert(client, second)["success"] == "true"


def test_several_fields_must_all_agree(client):
    client.control("POST", "duplicate_rules", {"object": "Lead", "fields": ["LastName", "Phone"]})
    client.create("Lead", LastName="a", Company="c", Phone="1")
    client.create("Lead", LastName="a", Company="c", Phone="2")
    assert client.call("POST", "sobjects/Lead", {"LastName": "A", "Company": "c", "Phone": "1"})[0] == 400


def test_rows_of_a_collection(client):
    _first(client)
    refused, made = _collection(client, "POST", TWIN, {"LastName": "other", "Company": "c"})
    assert refused == {
        "success": False,
        "errors": [{"statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": []}],
    }
    assert made["success"] is True
    assert [result["success"] for result in _collection(client, "POST", TWIN, headers=ALLOW)] == [True]


def test_a_part_of_a_composite(client):
    _first(client)
    part = {"method": "POST", "url": "/services/data/v59.0/sobjects/Lead", "referenceId": "r", "body": TWIN}
    _, answer = client.call("POST", "composite", {"compositeRequest": [part]})
    (answered,) = answer["compositeResponse"]
    assert answered["httpStatusCode"] == 400
    assert answered["body"][0]["duplicateResut"]["matchResults"][0]["size"] == 1


def test_a_row_of_a_bulk_job(client):
    _first(client)
    _, job = client.call("POST", "jobs/ingest", {"object": "Lead", "operation": "insert", "contentType": "CSV"})
    client.send("PUT", f"jobs/ingest/{job['id']}/batches", b"LastName,Company,Email\nTwin,c,a@x.example\n")
    client.call("PATCH", f"jobs/ingest/{job['id']}", {"state": "UploadComplete"})
    failed = client.send("GET", f"jobs/ingest/{job['id']}/failedResults").body.decode()
    assert "DUPLICATES_DETECTED:Use one of these records?:--" in failed


def test_soap_names_what_was_found(client):
    first = _first(client)
    fields = "<LastName>Twin</LastName><Company>c</Company><Email>a@x.example</Email>"
    record = f"<sObjects><type>Lead</type>{fields}</sObjects>"
    refused = soap_one(client, "create", record)
    assert codes(refused) == ["DUPLICATES_DETECTED"]
    found = refused["errors"][0]["duplicateResult"]
    assert (found["allowSave"], found["duplicateRule"]) == ("true", "Standard_Lead_Duplicate_Rule")
    assert found["matchResults"][0]["matchRecords"][0]["record"] == {"type": "Lead", "Id": first}
    allow = "<u:DuplicateRuleHeader><u:allowSave>true</u:allowSave></u:DuplicateRuleHeader>"
    assert soap_one(client, "create", record, headers=allow)["success"] == "true"


def test_a_person_in_the_org_saves_past_the_alert_unless_told_to_heed_it(client):
    _first(client)
    write = {"object": "Lead", "operation": "create", "records": [TWIN]}
    assert client.call("POST", "/_sandbox/write", {**write, "allow_duplicates": False})[0] == 400
    assert len(client.control("POST", "write", write)["ids"]) == 1


def test_matches_are_those_the_caller_sees(client):
    first = _first(client)
    client.control("POST", "hide", {"ids": [first]})
    assert client.call("POST", "sobjects/Lead", TWIN)[0] == 201


def test_rules_outlive_a_restart_and_end_with_a_reset(tmp_path):
    database = str(tmp_path / "org.sqlite")
    before = Client(SalesforceOrg(database, clock=SandboxClock(frozen_at=START)))
    before.control("POST", "duplicate_rules", {"object": "Lead", "fields": ["Email"]})
    before.control("POST", "lead_assignment", {"owner": "admin@sandbox.example"})
    _first(before)
    client = Client(SalesforceOrg(database, clock=SandboxClock(frozen_at=START)))
    assert client.call("POST", "sobjects/Lead", TWIN)[0] == 400
    (row,) = client.query("SELECT Owner.Username FROM Lead")
    assert row["Owner"]["Username"] == "admin@sandbox.example"
    client.control("POST", "reset")
    client.token = client.login("integration@sandbox.example")
    for _ in range(2):
        _first(client)
    assert client.query("SELECT Id FROM Lead WHERE Owner.Username = 'admin@sandbox.example'") == []


@pytest.mark.parametrize(
    "rule",
    [
        {"object": "Nothing", "fields": ["Email"]},
        {"object": "Lead", "fields": ["Nothing"]},
        {"object": "Lead", "fields": []},
        {"object": "Lead", "fields": ["Email"], "action": "shrug"},
        {"object": "Lead", "fields": ["Email"], "colour": "red"},
    ],
)
def test_what_makes_no_rule_is_refused(client, rule):
    assert client.call("POST", "/_sandbox/duplicate_rules", rule)[0] == 400
