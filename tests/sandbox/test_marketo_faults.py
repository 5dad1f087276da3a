"""Every fault by name: what the client sees, and what really happened."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncline_sandbox.core.wire import Fate
from tests.sandbox.marketo_client import Client, attributes

LEADS = "/rest/v1/leads.json"
ANN = {"input": [{"email": "a@example.com"}]}


@pytest.fixture
def client() -> Client:
    return Client()


def _stored(client: Client, *fields: str) -> list[dict[str, Any]]:
    """The truth, past every fault."""
    wanted = {"field": "email", "values": ["a@example.com"], "fields": list(fields)}
    return list(client.control("POST", "people/read", wanted))


def _code(answer: dict) -> str:
    assert answer["success"] is False
    return str(answer["errors"][0]["code"])


def test_lost_reply_after_commit(client: Client) -> None:
    client.fault("lost_reply", "^POST .*leads.json")
    assert client.send("POST", LEADS, document=ANN).fate is Fate.LOST
    assert len(_stored(client)) == 1
    assert client.sync(*ANN["input"])[0]["status"] == "updated"  # once only


@pytest.mark.parametrize(("processed", "people"), [(False, 0), (True, 1)])
def test_server_error(client: Client, processed: bool, people: int) -> None:
    client.fault("server_error", "leads.json", status=503, processed=processed)
    answer = client.send("POST", LEADS, document=ANN)
    assert (answer.status, answer.headers[0]) == (503, ("Content-Type", "text/html"))
    assert len(_stored(client)) == people


@pytest.mark.parametrize(("processed", "people"), [(False, 0), (True, 1)])
def test_timeout(client: Client, processed: bool, people: int) -> None:
    client.fault("timeout", "leads.json", processed=processed)
    assert client.send("POST", LEADS, document=ANN).fate is Fate.TIMED_OUT
    assert len(_stored(client)) == people


@pytest.mark.parametrize(("processed", "people"), [(False, 0), (True, 1)])
def test_error_code(client: Client, processed: bool, people: int) -> None:
    client.fault("error_code", "leads.json", code=604, message="Request timed out", processed=processed)
    answer = client.post(LEADS, ANN)
    assert answer["errors"] == [{"code": "604", "message": "Request timed out"}]
    assert len(_stored(client)) == people


@pytest.mark.parametrize(("name", "code"), [("rate_limit", "606"), ("quota", "607"), ("concurrency", "615")])
def test_limits_on_demand(client: Client, name: str, code: str) -> None:
    client.fault(name, times=2)
    assert [_code(client.post(LEADS, ANN)) for _ in range(2)] == [code, code]
    assert client.sync(*ANN["input"])[0]["status"] == "created"


def test_late_write_by_the_clock(client: Client) -> None:
    client.fault("late_write", "^POST", delay_seconds=30)
    assert client.send("POST", LEADS, document=ANN).fate is Fate.TIMED_OUT
    client.wait(29)
    assert client.leads("email", "a@example.com") == []
    client.wait(1)
    assert len(client.leads("email", "a@example.com")) == 1
    assert client.lead(1)["createdAt"] == "2026-03-02T09:00:30Z"


def test_late_write_on_the_next_request(client: Client) -> None:
    client.fault("late_write", "^POST", code=604)
    assert _code(client.post(LEADS, ANN)) == "604"
    assert len(client.leads("email", "a@example.com")) == 1


def test_late_commit_shows_rows_and_activities_later_with_the_early_stamp(client: Client) -> None:
    client.sync({"email": "a@example.com", "city": "Ulm"})
    token = client.get("/rest/v1/activities.json", activityTypeIds="12,13", nextPageToken=client.paging_token())
    client.wait(10)
    client.fault("late_commit", "^POST", delay_seconds=60)
    client.sync({"email": "a@example.com", "city": "Bonn"}, {"email": "b@example.com"})
    client.wait(30)
    client.sync({"email": "c@example.com"})
    assert client.lead(1, "city")["city"] == "Ulm"
    assert client.leads("email", "b@example.com") == []
    page = client.get("/rest/v1/activities.json", activityTypeIds="12,13", nextPageToken=token["nextPageToken"])
    assert [row["leadId"] for row in page["result"]] == [3]
    client.wait(30)
    assert client.lead(1, "city")["city"] == "Bonn"
    assert client.lead(2)["createdAt"] == "2026-03-02T09:00:10Z"
    # A poller that only follows its token never meets the late rows; one that re-reads does.
    missed = client.get("/rest/v1/activities.json", activityTypeIds="12,13", nextPageToken=page["nextPageToken"])
    assert "result" not in missed
    dates = [(row["leadId"], row["activityDate"][-4:-1]) for row in client.activities(12, 13)]
    assert dates == [(1, ":00"), (1, ":10"), (2, ":10"), (3, ":40")]


def test_replica_lag_shows_the_state_before(client: Client) -> None:
    client.sync({"email": "a@example.com", "city": "Ulm"}, {"email": "b@example.com"})
    client.fault("replica_lag", "^GET", times=None, delay_seconds=5)
    client.wait(60)
    client.sync({"email": "a@example.com", "city": "Bonn"}, {"email": "c@example.com"})
    client.post("/rest/v1/leads/delete.json", {"input": [{"id": 2}]})
    assert client.lead(1, "city")["city"] == "Ulm"
    assert client.leads("email", "b@example.com", "c@example.com", fields="email") == [
        {"id": 2, "email": "b@example.com"}
    ]
    assert client.activities(13) == []
    client.wait(5)
    assert client.lead(1, "city")["city"] == "Bonn"
    assert [row["id"] for row in client.leads("id", 1, 2, 3)] == [1, 3]
    assert len(client.activities(13)) == 1


def test_lag_finds_leads_by_their_old_key(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    client.fault("replica_lag", "^GET", times=None, delay_seconds=5)
    client.sync({"id": 1, "email": "new@example.com"}, action="updateOnly", lookupField="id")
    assert [row["id"] for row in client.leads("email", "a@example.com")] == [1]
    assert client.leads("email", "new@example.com") == []


@pytest.mark.parametrize(
    ("parameters", "statuses"),
    [
        ({}, ["skipped", "created", "created", "created"]),
        ({"indexes": [1, 3]}, ["created", "skipped", "created", "skipped"]),
        ({"every": 2, "code": 1008}, ["created", "skipped", "created", "skipped"]),
    ],
)
def test_partial_failure(client: Client, parameters: dict, statuses: list[str]) -> None:
    client.fault("partial_failure", "^POST", **parameters)
    results = client.sync(*({"email": f"p{n}@example.com"} for n in range(4)))
    assert [result["status"] for result in results] == statuses
    reason = next(result for result in results if result["status"] == "skipped")["reasons"][0]
    assert reason["code"] == str(parameters.get("code", 1003))


def test_partial_failure_of_deletes(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    client.fault("partial_failure", code=1008, message="No access to partition")
    (result,) = client.post("/rest/v1/leads/delete.json", {"input": [{"id": 1}]})["result"]
    assert result["reasons"] == [{"code": "1008", "message": "No access to partition"}]
    assert len(_stored(client)) == 1


def test_ignored_field_is_reported_as_written(client: Client) -> None:
    client.fault("ignore_field", "^POST", field="city")
    (result,) = client.sync({"email": "a@example.com", "city": "Ulm", "state": "BW"})
    assert result["status"] == "created"
    (row,) = _stored(client, "city", "state")
    assert (row["city"], row["state"]) == (None, "BW")


@pytest.mark.parametrize("delay_seconds", [0, 20])
def test_a_flow_overrides_the_written_field(client: Client, delay_seconds: float) -> None:
    client.sync({"email": "a@example.com"})
    client.fault("override_field", "^POST", field="city", value="Berlin", delay_seconds=delay_seconds)
    client.sync({"email": "a@example.com", "city": "Ulm"})
    assert client.lead(1, "city")["city"] == ("Ulm" if delay_seconds else "Berlin")
    client.wait(delay_seconds)
    assert client.lead(1, "city")["city"] == "Berlin"
    ours, flow = client.activities(13)
    assert attributes(ours)["New Value"] == "Ulm"
    assert attributes(flow) == {"New Value": "Berlin", "Old Value": "Ulm", "Source": "Marketo Flow Action"}


def test_empty_page_with_more(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    client.fault("empty_page", "activities.json")
    token = client.paging_token()
    page = client.get("/rest/v1/activities.json", activityTypeIds=12, nextPageToken=token)
    assert (page.get("result"), page["moreResult"]) == (None, True)
    assert len(client.activities(12)) == 1


def test_faults_over_the_control_endpoint(client: Client) -> None:
    fault = {"name": "server_error", "match": "describe", "after": 1, "parameters": {"status": 500}}
    client.control("POST", "faults", fault)
    statuses = [client.send("GET", "/rest/v1/leads/describe.json").status for _ in range(3)]
    assert statuses == [200, 500, 200]
    assert client.control("GET", "faults")[0]["hits"] == 1
    assert client.control("DELETE", "faults") == []


def test_a_misspelt_fault_is_refused(client: Client) -> None:
    answer = client.raw("POST", "/_sandbox/faults", body=b'{"name": "lost_replies"}')
    assert answer.status == 400
    assert b"lost_reply" in answer.body


def test_reset_empties_everything(client: Client) -> None:
    client.post(
        "/rest/v1/leads/schema/fields.json", {"input": [{"displayName": "K", "name": "k", "dataType": "string"}]}
    )
    client.sync({"email": "a@example.com"})
    client.control("POST", "reset")
    client.token = client.new_token()
    assert client.control("GET", "counters")["people"] == 0
    names = [field["rest"]["name"] for field in client.get("/rest/v1/leads/describe.json")["result"]]
    assert "k" not in names
    assert client.sync({"email": "a@example.com"}) == [{"id": 1, "status": "created"}]


def test_a_failed_call_changes_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(client.instance.log, "flush", broken)
    with pytest.raises(RuntimeError):
        client.send("POST", LEADS, document=ANN)
    monkeypatch.undo()
    assert _stored(client) == []
    assert client.activities(12) == []
    assert json.loads(client.send("POST", LEADS, document=ANN).body)["success"]


def _feed(client: Client) -> list[int]:
    return [row["activityTypeId"] for row in client.activities(24, 25, 100, 104)]


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/rest/v1/lists/1/leads.json", {"input": [{"id": 1}]}),
        ("/rest/v1/leads/partitions.json", {"input": [{"id": 1, "partitionName": "Europe"}]}),
        ("/rest/v1/programs/1/members/status.json", {"statusName": "Visited", "input": [{"leadId": 1}]}),
    ],
    ids=["lists", "partitions", "members"],
)
def test_late_commits_and_partial_failures_of_what_is_not_a_lead(
    client: Client, path: str, document: dict[str, Any]
) -> None:
    client.sync({"email": "a@example.com"})
    client.control("POST", "lists", {"name": "VIPs"})
    client.control("POST", "partitions", {"name": "Europe"})
    client.control("POST", "programs", {"name": "Spring", "type": "Default", "channel": "Content"})
    client.fault("partial_failure", match=path)
    assert client.post(path, document)["result"][0]["reasons"] == [{"code": "1003", "message": "Invalid data"}]
    client.fault("late_commit", match=path, delay_seconds=60)
    assert client.post(path, document)["result"][0]["status"] != "skipped"
    assert _feed(client) == []
    client.wait(61)
    assert len(_feed(client)) == 1


def test_lists_and_programs_show_people_as_readers_see_them(client: Client) -> None:
    client.control("POST", "lists", {"name": "VIPs"})
    client.control("POST", "programs", {"name": "Spring", "type": "Default", "channel": "Content"})
    client.fault("late_commit", match="v1/leads.json", times=2, delay_seconds=60)
    client.sync({"email": "late@example.com"})
    client.post("/rest/v1/lists/1/leads.json", {"input": [{"id": 1}]})
    client.control("POST", "members", {"program": "Spring", "leadIds": [1], "status": "Visited"})
    paths = ("/rest/v1/lists/1/leads.json", "/rest/v1/leads/programs/1.json")
    assert [client.get(path)["result"] for path in paths] == [[], []]
    client.wait(61)
    assert [[row["email"] for row in client.get(path)["result"]] for path in paths] == [["late@example.com"]] * 2
