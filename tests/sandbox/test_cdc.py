"""Change Data Capture: which writes are told, and what the events say."""

from __future__ import annotations

from typing import Any

import pytest

from syncline_sandbox.salesforce.events.bitmaps import places_of
from syncline_sandbox.salesforce.events.event_schema import HEADER, change_event_schema
from tests.sandbox.event_reader import EventReader, capturing_client
from tests.sandbox.salesforce_client import Client
from tests.sandbox.soap_client import soap


@pytest.fixture
def client() -> Client:
    return capturing_client("Lead", "Contact", "Account", "Opportunity")


@pytest.fixture
def events(client: Client) -> EventReader:
    return EventReader(client.org)


def test_a_new_record_is_told_with_all_that_is_not_null(client: Client, events: EventReader) -> None:
    lead = client.create("Lead", LastName="Lind", Company="Acme", City="Ulm")
    (event,) = events.take()
    header = event.pop(HEADER)
    assert header == {
        "entityName": "Lead",
        "recordIds": [lead],
        "changeType": "CREATE",
        "changeOrigin": "com/salesforce/api/rest/59.0;client=",
        "transactionKey": header["transactionKey"],
        "sequenceNumber": 1,
        "commitTimestamp": 1772355600000,
        "commitNumber": header["commitNumber"],
        "commitUser": client.read("Lead", lead, "CreatedById"),
        "nulledFields": [],
        "diffFields": [],
        "changedFields": [],
    }
    assert event["Name"] == {"Salutation": None, "FirstName": None, "LastName": "Lind"}
    assert event["Address"]["City"] == "Ulm"
    assert (event["Company"], event["HasOptedOutOfEmail"], event["Rating"]) == ("Acme", False, None)
    assert event["CreatedDate"] == event["LastModifiedDate"] == 1772355600000
    assert not {"Id", "IsDeleted", "SystemModstamp", "LastName", "City"} & event.keys()


def test_an_update_names_what_changed_and_what_was_cleared(client: Client, events: EventReader) -> None:
    lead = client.create("Lead", LastName="Lind", Company="Acme", City="Ulm", Rating="Hot")
    client.advance(5)
    events.take()
    changes = {"City": None, "FirstName": "Ada", "Rating": None, "Company": "Acme"}
    options = {"sforce-call-options": "client=Astro, defaultNamespace=x"}
    client.call("PATCH", f"sobjects/Lead/{lead}", changes, headers=options)
    (event,) = events.take()
    header = event[HEADER]
    assert header["changeType"] == "UPDATE"
    assert header["changeOrigin"] == "com/salesforce/api/rest/59.0;client=Astro"
    assert events.names("Lead", header["changedFields"]) == {
        "Address.City",
        "Name.FirstName",
        "Rating",
        "LastModifiedDate",
    }
    assert events.names("Lead", header["nulledFields"]) == {"Address.City", "Rating"}
    assert header["nulledFields"][0].startswith("0x")
    assert all(entry.partition("x")[2].upper() == entry.partition("x")[2] for entry in header["changedFields"])
    assert event["Name"] == {"Salutation": None, "FirstName": "Ada", "LastName": None}
    assert (event["Company"], event["LastModifiedById"], event["LastModifiedDate"]) == (None, None, 1772355605000)


def test_delete_and_undelete(client: Client, events: EventReader) -> None:
    account = client.create("Account", Name="Acme")
    contact = client.create("Contact", LastName="Lind", AccountId=account)
    events.take()
    client.call("DELETE", f"sobjects/Account/{account}")
    told = {event[HEADER]["entityName"]: event for event in events.take()}
    assert told["Contact"][HEADER]["recordIds"] == [contact]
    assert told["Account"][HEADER]["changeType"] == told["Contact"][HEADER]["changeType"] == "DELETE"
    assert told["Account"][HEADER]["transactionKey"] == told["Contact"][HEADER]["transactionKey"]
    assert {name for name, value in told["Account"].items() if value is not None} == {HEADER}
    write = {"object": "Account", "operation": "undelete", "records": [{"Id": account}]}
    client.control("POST", "write", write)
    back = {event[HEADER]["entityName"]: event for event in events.take()}
    assert back["Account"][HEADER]["changeType"] == "UNDELETE"
    assert (back["Account"]["Name"], back["Contact"]["AccountId"]) == ("Acme", account)
    assert back["Account"][HEADER]["changeOrigin"] == ""


def test_nobody_hears_of_a_purge_a_touch_a_roll_back_or_an_object_that_is_not_selected(
    client: Client, events: EventReader
) -> None:
    lead = client.create("Lead", LastName="Lind", Company="Acme")
    client.call("DELETE", f"sobjects/Lead/{lead}")
    other = client.create("Lead", LastName="Lund", Company="Acme")
    events.take()
    client.control("POST", "purge", {})
    client.control("POST", "touch", {"object": "Lead", "ids": [other]})
    client.create("Task", Subject="Call")
    client.control("POST", "seed", {"Lead": [{"LastName": "Seed", "Company": "Acme"}]})
    good, bad = {"LastName": "a", "Company": "b"}, {"LastName": "a"}
    records = [{"attributes": {"type": "Lead"}, **row} for row in (good, bad)]
    client.call("POST", "composite/sobjects", {"allOrNone": True, "records": records})
    assert events.take() == []


def test_one_event_for_a_record_and_a_transaction(client: Client, events: EventReader) -> None:
    client.org.after_write("Lead", lambda event: {"Rating": "Warm"})
    client.create("Lead", LastName="Lind", Company="Acme", Rating="Hot")
    (event,) = events.take()
    assert (event[HEADER]["changeType"], event["Rating"]) == ("CREATE", "Warm")


def test_changes_of_a_transaction_share_its_key_and_like_ones_are_merged(client: Client, events: EventReader) -> None:
    ids = [client.create("Lead", LastName=name, Company="Acme") for name in "abc"]
    events.take()
    cities = dict(zip(ids, ("Ulm", "Ulm", "Bern"), strict=True))
    records = [{"attributes": {"type": "Lead"}, "Id": lead, "City": city} for lead, city in cities.items()]
    client.call("PATCH", "composite/sobjects", {"records": records})
    first, second = (event[HEADER] for event in events.take())
    assert first["recordIds"] == ids[:2]
    assert second["recordIds"] == ids[2:]
    assert (first["sequenceNumber"], second["sequenceNumber"]) == (1, 2)
    assert (first["transactionKey"], first["commitNumber"]) == (second["transactionKey"], second["commitNumber"])
    client.call("DELETE", "composite/sobjects", ids=",".join(ids))
    (gone,) = events.take()
    assert gone[HEADER]["recordIds"] == ids
    assert gone[HEADER]["transactionKey"] != first["transactionKey"]
    assert gone[HEADER]["commitNumber"] > first["commitNumber"]


def test_a_conversion_ends_with_the_update_of_the_lead(client: Client, events: EventReader) -> None:
    lead = client.create("Lead", LastName="Lind", Company="Acme")
    events.take()
    client.control("POST", "convert", {"lead_id": lead})
    told = events.take()
    kinds = [(event[HEADER]["entityName"], event[HEADER]["changeType"]) for event in told]
    assert kinds == [("Account", "CREATE"), ("Contact", "CREATE"), ("Opportunity", "CREATE"), ("Lead", "UPDATE")]
    assert [event[HEADER]["sequenceNumber"] for event in told] == [1, 2, 3, 4]
    assert told[3]["IsConverted"] is True
    assert told[3]["ConvertedContactId"] == told[1][HEADER]["recordIds"][0]


def test_a_merge_is_an_update_of_the_master_and_deletes(client: Client, events: EventReader) -> None:
    master, loser = (client.create("Lead", LastName=name, Company="Acme") for name in "ab")
    events.take()
    client.control("POST", "merge", {"object": "Lead", "master": master, "losers": [loser], "fields": {"City": "Ulm"}})
    told = {event[HEADER]["changeType"]: event[HEADER]["recordIds"] for event in events.take()}
    assert told == {"DELETE": [loser], "UPDATE": [master]}


def test_the_origin_names_api_version_and_client(client: Client, events: EventReader) -> None:
    lead = "<sObjects><type>Lead</type><LastName>x</LastName><Company>y</Company></sObjects>"
    soap(client, "create", lead, headers="<CallOptions><client>Loader/1</client></CallOptions>")
    job = client.call("POST", "jobs/ingest", {"object": "Lead", "operation": "insert", "contentType": "CSV"})[1]["id"]
    client.send("PUT", f"jobs/ingest/{job}/batches", b"LastName,Company\na,b\n")
    client.call("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"})
    client.call("GET", f"jobs/ingest/{job}")
    origins = [event[HEADER]["changeOrigin"] for event in events.take()]
    assert origins[0].startswith("com/salesforce/api/soap/")
    assert origins[0].endswith(";client=Loader/1")
    assert origins[1] == "com/salesforce/api/bulkapi/59.0;client="


def test_too_many_changes_overflow(client: Client, events: EventReader) -> None:
    client.control("POST", "events", {"overflow_changes": 4})
    records = [{"attributes": {"type": "Lead"}, "LastName": str(n), "Company": "c"} for n in range(6)]
    records += [{"attributes": {"type": "Account"}, "Name": "Acme"}]
    client.call("POST", "composite/sobjects", {"records": records})
    told = [event[HEADER] for event in events.take()]
    assert [header["changeType"] for header in told] == ["CREATE"] * 4 + ["GAP_OVERFLOW"] * 2
    assert {header["entityName"] for header in told[4:]} == {"Lead", "Account"}
    assert told[4]["recordIds"] == ["000000000000000AAA"]
    assert told[4]["sequenceNumber"] == 1
    ids = [header["recordIds"][0] for header in told[:4]]
    rows = [{"attributes": {"type": "Lead"}, "Id": lead, "City": "Ulm", "Rating": "Hot"} for lead in ids]
    client.call("PATCH", "composite/sobjects", {"records": rows})
    # Each field of an update counts: two and LastModifiedDate in the first record, and there is no room for the next.
    assert [event[HEADER]["changeType"] for event in events.take()] == ["UPDATE", "GAP_OVERFLOW"]


def test_an_event_that_weighs_too_much_is_a_gap(client: Client, events: EventReader) -> None:
    client.control("POST", "events", {"event_bytes": 3000})
    lead = client.create("Lead", LastName="Lind", Company="Acme", Description="x" * 4000)
    (event,) = events.take()
    assert (event[HEADER]["changeType"], event[HEADER]["recordIds"]) == ("GAP_CREATE", [lead])
    assert event["Company"] is None
    client.control("POST", "gap_events", {"object": "Lead", "change": "DELETE", "ids": [lead]})
    assert events.take()[0][HEADER]["changeType"] == "GAP_DELETE"


def test_long_texts_are_told_by_their_difference(client: Client, events: EventReader) -> None:
    lines = "\n".join(f"line {n}" for n in range(300))
    lead = client.create("Lead", LastName="Lind", Company="Acme", Description=lines)
    events.take()
    client.call("PATCH", f"sobjects/Lead/{lead}", {"Description": lines.replace("line 7\n", "line seven\n")})
    (event,) = events.take()
    assert events.names("Lead", event[HEADER]["diffFields"]) == {"Description"}
    assert "-line 7\n+line seven\n" in event["Description"]


def test_formulas_are_on_no_event_and_a_new_field_makes_a_new_schema(client: Client, events: EventReader) -> None:
    lead = client.org.schema.sobject("Lead")
    assert lead is not None
    before = change_event_schema(lead)
    client.org.add_field("Lead", {"name": "Twice__c", "type": "double", "formula_sql": "2", "formula": "2"})
    assert change_event_schema(lead).id == before.id
    record = client.create("Lead", LastName="Lind", Company="Acme")
    client.org.add_field("Lead", {"name": "Score__c", "type": "int"})
    client.call("PATCH", f"sobjects/Lead/{record}", {"Score__c": 7})
    old, new = events.raw()
    assert old.schema_id == before.id != new.schema_id
    assert events.take()[1]["Score__c"] == 7


def test_what_may_be_selected(client: Client) -> None:
    control = "/_sandbox/change_data_capture"
    for wanted in ({"objects": ["Nothing"]}, {"objects": ["Profile"]}, {"objects": ["Lead"], "channel": "Mine"}):
        assert client.call("POST", control, wanted)[0] == 400
    six = ["Lead", "Contact", "Account", "Opportunity", "Task", "User"]
    assert client.call("POST", control, {"objects": six})[0] == 400
    client.control("POST", "change_data_capture", {"objects": ["LeadChangeEvent"], "channel": "Mine__chn"})
    assert client.control("GET", "change_data_capture")["Mine__chn"] == ["Lead"]
    client.control("POST", "reset")
    assert client.control("GET", "change_data_capture") == {"ChangeEvents": []}


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("gap_events", ["GAP_CREATE", "CREATE"]),
        ("overflow", ["GAP_OVERFLOW", "CREATE"]),
        ("missing_events", ["CREATE"]),
    ],
)
def test_faults_of_publishing(client: Client, events: EventReader, fault: str, kinds: list[str]) -> None:
    client.fault(fault, "^PUBLISH /data/LeadChangeEvent$")
    for name in "ab":
        client.create("Lead", LastName=name, Company="Acme")
    assert [event[HEADER]["changeType"] for event in events.take()] == kinds


def test_selection_and_events_survive_a_restart(tmp_path: Any) -> None:
    path = str(tmp_path / "org.sqlite")
    client = capturing_client("Lead", database=path)
    client.create("Lead", LastName="a", Company="Acme")
    again = capturing_client(database=path)
    again.create("Lead", LastName="b", Company="Acme")
    told = EventReader(again.org).take()
    assert [event["Name"]["LastName"] for event in told] == ["a", "b"]


def test_bitmaps_name_what_they_were_made_of() -> None:
    assert places_of(["0x650004E0", "4-0x03"]) == {(n, None) for n in (5, 6, 7, 10, 24, 26, 29, 30)} | {(4, 0), (4, 1)}


def test_roll_ups_are_told_only_with_a_save_of_their_record(client: Client, events: EventReader) -> None:
    client.control("POST", "change_data_capture", {"objects": ["Campaign", "CampaignMember"]})
    lead, campaign = client.create("Lead", LastName="a", Company="b"), client.create("Campaign", Name="Spring")
    events.take()
    client.create("CampaignMember", LeadId=lead, CampaignId=campaign)
    assert [event[HEADER]["entityName"] for event in events.take()] == ["CampaignMember"]
    assert client.read("Campaign", campaign, "NumberOfLeads") == 1


def test_a_custom_object_has_a_channel_and_grows(client: Client, events: EventReader) -> None:
    client.control("POST", "objects", {"name": "Visit__c", "fields": [{"name": "Place__c"}]})
    client.control("POST", "change_data_capture", {"objects": ["Visit__c"]})
    visit = client.create("Visit__c", Name="v", Place__c="Ulm")
    client.control("POST", "fields", {"object": "Visit__c", "name": "Stars__c", "type": "int"})
    client.call("PATCH", f"sobjects/Visit__c/{visit}", {"Stars__c": 4})
    assert {event.topic for event in events.raw()} == {"/data/Visit__ChangeEvent"}
    created, updated = events.take()
    assert (created["Place__c"], updated["Place__c"], updated["Stars__c"]) == ("Ulm", None, 4)
    assert events.names("Visit__c", updated[HEADER]["changedFields"]) == {"Stars__c", "LastModifiedDate"}
