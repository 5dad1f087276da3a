"""Each fault by name: what the client sees, and what the org holds afterwards."""

from __future__ import annotations

import pytest

from syncline_sandbox.core.wire import Fate
from tests.sandbox.salesforce_client import Client, fresh_client


@pytest.fixture
def client() -> Client:
    return fresh_client()


@pytest.fixture
def lead(client: Client) -> str:
    return client.create("Lead", LastName="x", Company="c", City="old", Phone="1")


def _patch(client: Client, lead: str, **values):
    return client.send("PATCH", f"sobjects/Lead/{lead}", values)


def test_lost_reply_is_committed(client, lead):
    client.fault("lost_reply", "^PATCH")
    assert _patch(client, lead, City="new").fate is Fate.LOST
    assert client.read("Lead", lead, "City") == "new"


@pytest.mark.parametrize(("processed", "city"), [(False, "old"), (True, "new")])
def test_timeout_and_server_error(client, lead, processed, city):
    client.fault("timeout", "^PATCH", parameters={"processed": processed})
    assert _patch(client, lead, City="new").fate is Fate.TIMED_OUT
    assert client.read("Lead", lead, "City") == city
    client.fault("server_error", "^PATCH", parameters={"processed": processed, "status": 502})
    answer = _patch(client, lead, City="new")
    assert (answer.status, answer.fate) == (502, Fate.ANSWERED)
    assert client.read("Lead", lead, "City") == city


def test_late_write_lands_after_its_delay(client, lead):
    client.fault("late_write", "^PATCH", parameters={"delay_seconds": 60})
    assert _patch(client, lead, City="late").fate is Fate.TIMED_OUT
    client.advance(30)
    assert client.read("Lead", lead, "City") == "old"
    assert _patch(client, lead, City="between").status == 204
    client.advance(30)
    record = client.read("Lead", lead, "City", "SystemModstamp")
    assert (record["City"], record["SystemModstamp"]) == ("late", "2026-03-01T09:01:00.000+0000")


def test_late_commit_shows_later_with_its_earlier_stamp(client):
    client.fault("late_commit", "^POST.*/sobjects/Lead", parameters={"delay_seconds": 300})
    hidden = client.create("Lead", LastName="h", Company="c")
    client.advance(10)
    shown = client.create("Lead", LastName="s", Company="c")
    assert [record["Id"] for record in client.query("SELECT Id FROM Lead")] == [shown]
    assert client.control("GET", "counters")["pending_writes"] == 1
    client.advance(290)
    rows = {row["Id"]: row["SystemModstamp"] for row in client.query("SELECT Id, SystemModstamp FROM Lead")}
    assert rows == {hidden: "2026-03-01T09:00:00.000+0000", shown: "2026-03-01T09:00:10.000+0000"}
    assert client.create("Lead", LastName="t", Company="c") not in rows


def test_a_late_commit_was_judged_when_it_was_answered(client, lead):
    client.fault("late_commit", "^PATCH", parameters={"delay_seconds": 300})
    since = {"if-unmodified-since": "Sun, 01 Mar 2026 09:00:00 GMT"}
    assert client.send("PATCH", f"sobjects/Lead/{lead}", {"Title": "late"}, headers=since).status == 204
    client.advance(10)
    client.send("PATCH", f"sobjects/Lead/{lead}", {"Phone": "2"})
    assert client.send("PATCH", f"sobjects/Lead/{lead}", {"Title": "later"}, headers=since).status == 412
    client.advance(300)
    assert client.query("SELECT Title, Phone FROM Lead")[0]["Title"] == "late"


def test_rate_limit_and_expired_token(client, lead):
    client.fault("rate_limit")
    answer = client.send("GET", "sobjects")
    assert answer.status == 403
    assert b"REQUEST_LIMIT_EXCEEDED" in answer.body
    client.fault("expired_token")
    assert client.call("GET", "sobjects")[1][0]["errorCode"] == "INVALID_SESSION_ID"
    assert client.call("GET", "sobjects")[0] == 401
    client.token = client.login("integration@sandbox.example")
    assert client.call("GET", "sobjects")[0] == 200


def test_session_ends_when_idle(client):
    client.advance(7199)
    assert client.call("GET", "sobjects")[0] == 200
    client.advance(7199)
    assert client.call("GET", "sobjects")[0] == 200
    client.advance(7201)
    assert client.call("GET", "sobjects")[0] == 401


def test_partial_failure_of_a_collection(client):
    client.fault("partial_failure", "composite/sobjects", parameters={"index": 1, "code": "UNABLE_TO_LOCK_ROW"})
    records = [{"attributes": {"type": "Lead"}, "LastName": name, "Company": "c"} for name in "abc"]
    _, answer = client.call("POST", "composite/sobjects", {"records": records})
    assert [result["success"] for result in answer] == [True, False, True]
    assert answer[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert {record["LastName"] for record in client.query("SELECT LastName FROM Lead")} == {"a", "c"}


def test_partial_failure_inside_composite(client):
    client.fault("partial_failure", "^PATCH.*composite/sobjects", parameters={"index": 0})
    lead = client.create("Lead", LastName="x", Company="c")
    record = {"attributes": {"type": "Lead"}, "id": lead, "City": "new"}
    url = "/services/data/v59.0/composite/sobjects"
    part = {"method": "PATCH", "url": url, "referenceId": "w", "body": {"records": [record]}}
    _, answer = client.call("POST", "composite", {"compositeRequest": [part]})
    assert answer["compositeResponse"][0]["body"][0]["success"] is False


def test_replica_lag(client, lead):
    client.fault("replica_lag", "GET .*/query", times=None, parameters={"delay_seconds": 60})
    _patch(client, lead, City="new")
    other = client.create("Lead", LastName="y", Company="c")
    soql = "SELECT Id, City FROM Lead ORDER BY Id"
    assert [(row["Id"], row["City"]) for row in client.query(soql)] == [(lead, "old")]
    assert client.read("Lead", lead, "City") == "new"
    client.advance(60)
    assert [(row["Id"], row["City"]) for row in client.query(soql)] == [(lead, "new"), (other, None)]
    client.call("DELETE", f"sobjects/Lead/{other}")
    assert len(client.query(soql)) == 2
    client.control("DELETE", "faults")
    assert len(client.query(soql)) == 1


def test_ignored_field(client, lead):
    client.fault("ignore_field", "^PATCH", parameters={"object": "Lead", "field": "City"})
    assert _patch(client, lead, City="new", Phone="2").status == 204
    record = client.read("Lead", lead, "City", "Phone")
    assert (record["City"], record["Phone"]) == ("old", "2")
    _patch(client, lead, City="new")
    assert client.read("Lead", lead, "City") == "new"


def test_overridden_field_is_the_callers_own_change(client, lead):
    client.fault("override_field", parameters={"object": "Lead", "field": "City", "value": "flow"})
    _patch(client, lead, City="new")
    record = client.read("Lead", lead, "City", "LastModifiedById")
    assert record["City"] == "flow"
    assert record["LastModifiedById"] == client.org.people.user_id("integration@sandbox.example")


def test_flow_runs_in_the_save(client, lead):
    def shout(event):
        if event.sobject == "Lead" and "City" in event.values:
            event.values["Title"] = f"{event.operation} {event.before['City']} to {event.values['City']}"

    client.org.flows.append(shout)
    _patch(client, lead, City="new")
    assert client.read("Lead", lead, "Title") == "update old to new"


def test_write_by_another_hand_and_touch(client, lead):
    body = {"as": "admin@sandbox.example", "object": "Lead", "operation": "update"}
    client.control("POST", "write", {**body, "records": [{"Id": lead, "City": "new"}]})
    record = client.read("Lead", lead, "City", "LastModifiedById")
    assert (record["City"], record["LastModifiedById"]) == ("new", client.org.people.user_id("admin@sandbox.example"))
    client.advance(60)
    client.control("POST", "touch", {"object": "Lead", "ids": [lead]})
    stamps = client.read("Lead", lead, "SystemModstamp", "LastModifiedDate")
    assert stamps["LastModifiedDate"] < stamps["SystemModstamp"] == "2026-03-01T09:01:00.000+0000"


def test_requests_are_logged(client, lead):
    client.control("DELETE", "requests")
    _patch(client, lead, City="x")
    entry = client.control("GET", "requests")[0]
    assert (entry["method"], entry["path"], entry["status"]) == (
        "PATCH",
        f"/services/data/v59.0/sobjects/Lead/{lead}",
        204,
    )


def test_control_refuses_nonsense(client):
    for name, body in [
        ("seed", {"Nothing": [{}]}),
        ("seed", {"Lead": [{"Nope": 1}]}),
        ("fields", {"object": "Lead", "name": "NoSuffix"}),
        ("rights", {"username": "nobody"}),
        ("rights", {"rights": {}}),
        ("rights", {"denied_objects": {"Lead": ["burn"]}}),
        ("write", {"object": "Lead", "operation": "burn", "records": [{}]}),
    ]:
        status, answer = client.call("POST", f"/_sandbox/{name}", body)
        assert (status, list(answer)) == (400, ["error"])


def test_any_error_of_the_catalogue(client, lead):
    client.fault("error_code", "/query")
    status, answer = client.call("GET", "query", q="SELECT Id FROM Lead")
    assert (status, answer[0]["errorCode"]) == (400, "QUERY_TIMEOUT")
    parameters = {"code": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access", "processed": True}
    client.fault("error_code", "^PATCH", parameters=parameters)
    answer = _patch(client, lead, City="new")
    assert (answer.status, b"UNABLE_TO_LOCK_ROW" in answer.body) == (400, True)
    assert client.read("Lead", lead, "City") == "new"
