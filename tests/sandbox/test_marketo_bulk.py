"""Bulk extract and import: the life of a job, the file, the refusals."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo import MarketoInstance
from tests.sandbox.marketo_client import START, Client, attributes

EXPORT = "/bulk/v1/leads/export"
WINDOW = {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-31T00:00:00+00:00"}
JOB = {"fields": ["id", "email"], "filter": {"createdAt": WINDOW}}


@pytest.fixture
def client() -> Client:
    return Client()


def _code(answer: dict) -> str:
    assert answer["success"] is False
    return str(answer["errors"][0]["code"])


def _job(client: Client, **changes: Any) -> str:
    return str(client.post(f"{EXPORT}/create.json", {**JOB, **changes})["result"][0]["exportId"])


def _status(client: Client, job: str) -> dict[str, Any]:
    return dict(client.get(f"{EXPORT}/{job}/status.json")["result"][0])


def _file(client: Client, job: str) -> str:
    return client.send("GET", f"{EXPORT}/{job}/file.json").body.decode()


def _upload(client: Client, content: str, end: str = "--", **query: Any) -> dict[str, Any]:
    body = f'--XX\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\n{content}\r\n--XX{end}\r\n'
    headers = {"authorization": f"Bearer {client.token}", "content-type": "multipart/form-data; boundary=XX"}
    answer = client.raw("POST", "/bulk/v1/leads.json", {"format": "csv", **query}, body.encode(), headers)
    return dict(json.loads(answer.body))


def test_an_instance_on_its_old_database_gives_no_id_twice(tmp_path: Path) -> None:
    clock = SandboxClock(frozen_at=START)
    jobs = [_job(Client(MarketoInstance(str(tmp_path / "kept.sqlite"), clock=clock))) for _ in range(3)]
    assert len(set(jobs)) == 3


def test_life_of_an_export(client: Client) -> None:
    client.instance.settings.export_seconds = 60
    client.sync({"email": "a@example.com"})
    job = _job(client)
    assert _status(client, job)["status"] == "Created"
    assert client.send("GET", f"{EXPORT}/{job}/file.json").status == 404
    assert client.post(f"{EXPORT}/{job}/enqueue.json")["result"][0]["status"] == "Queued"
    assert _status(client, job)["status"] == "Processing"
    assert _code(client.post(f"{EXPORT}/{job}/enqueue.json")) == "1029"
    client.sync({"email": "b@example.com"})
    client.wait(60)
    done = _status(client, job)
    content = _file(client, job)
    assert content == "id,email\n1,a@example.com\n2,b@example.com\n"
    assert (done["status"], done["numberOfRecords"], done["fileSize"]) == ("Completed", 2, len(content))
    assert done["fileChecksum"] == "sha256:" + hashlib.sha256(content.encode()).hexdigest()


def test_two_at_once_and_ten_in_the_queue(client: Client) -> None:
    client.instance.settings.export_seconds = 60
    jobs = [_job(client) for _ in range(11)]
    for job in jobs[:10]:
        assert client.post(f"{EXPORT}/{job}/enqueue.json")["success"]
    assert _code(client.post(f"{EXPORT}/{jobs[10]}/enqueue.json")) == "1029"
    states = [job["status"] for job in client.get(f"{EXPORT}.json")["result"]]
    assert states == ["Processing"] * 2 + ["Queued"] * 8 + ["Created"]
    assert client.post(f"{EXPORT}/{jobs[2]}/cancel.json")["result"][0]["status"] == "Cancelled"
    waiting = client.get(f"{EXPORT}.json", status="queued,CREATED")["result"]
    assert len(waiting) == 8


def test_cells(client: Client) -> None:
    client.sync({"email": "a@example.com", "doNotCall": True, "annualRevenue": 5, "address": 'a "b"\nc, d'})
    fields = ["mktoName", "doNotCall", "unsubscribed", "annualRevenue", "createdAt", "address"]
    job = _job(client, fields=fields, columnHeaderNames={"address": "Street"})
    client.post(f"{EXPORT}/{job}/enqueue.json")
    assert _file(client, job) == (
        "mktoName,doNotCall,unsubscribed,annualRevenue,createdAt,Street\n"
        'null,true,false,5.0,2026-03-02T09:00:00Z,"a ""b""\nc, d"\n'
    )


def test_updated_at_means_any_change(client: Client) -> None:
    client.post(
        "/rest/v1/leads/schema/fields.json", {"input": [{"displayName": "K", "name": "k", "dataType": "string"}]}
    )
    client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    client.wait(3000)
    client.sync({"email": "b@example.com", "k": "custom"})
    window = {"startAt": "2026-03-02T09:30:00Z", "endAt": "2026-03-02T11:00:00Z"}
    job = _job(client, filter={"updatedAt": window})
    client.post(f"{EXPORT}/{job}/enqueue.json")
    assert _file(client, job) == "id,email\n2,b@example.com\n"


def test_export_shows_what_readers_see(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    client.fault("late_commit", "leads.json", delay_seconds=60)
    client.sync({"id": 1, "email": "new@example.com"}, action="updateOnly", lookupField="id")
    for wait, email in ((0, "a@example.com"), (60, "new@example.com")):
        client.wait(wait)
        job = _job(client)
        client.post(f"{EXPORT}/{job}/enqueue.json")
        assert _file(client, job) == f"id,email\n1,{email}\n"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fields": []}, "1003"),
        ({"fields": ["nonsense"]}, "1003"),
        ({"filter": None}, "1003"),
        ({"filter": {"createdAt": WINDOW, "updatedAt": WINDOW}}, "1003"),
        ({"filter": {"createdAt": {**WINDOW, "endAt": "2026-04-02T00:00:00Z"}}}, "1003"),
        ({"filter": {"createdAt": {"startAt": "soon", "endAt": "later"}}}, "1003"),
        ({"filter": {"staticListId": 1}}, "1003"),
        ({"format": "XML"}, "1003"),
    ],
)
def test_refused_jobs(client: Client, change: dict, code: str) -> None:
    assert _code(client.post(f"{EXPORT}/create.json", {**JOB, **change})) == code


def test_updated_at_filter_may_not_be_provisioned(client: Client) -> None:
    client.control("POST", "settings", {"export_by_updated_at": False})
    answer = client.post(f"{EXPORT}/create.json", {**JOB, "filter": {"updatedAt": WINDOW}})
    text = "Unsupported filter type for target subscription: updatedAt"
    assert answer["errors"] == [{"code": "1035", "message": text}]


def test_daily_quota_in_bytes(client: Client) -> None:
    client.control("POST", "settings", {"export_bytes_per_day": 5})
    job = _job(client)
    client.post(f"{EXPORT}/{job}/enqueue.json")
    assert _status(client, job)["status"] == "Completed"
    assert _code(client.post(f"{EXPORT}/create.json", JOB)) == "1029"
    client.wait(86400)
    client.token = client.new_token()
    assert client.post(f"{EXPORT}/create.json", JOB)["success"]


@pytest.mark.parametrize(
    ("wanted", "status", "body", "where"),
    [
        ("bytes=0-0", 206, b"i", "bytes 0-0/9"),
        ("bytes=3-", 206, b"email\n", "bytes 3-8/9"),
        ("bytes=9-", 416, b"", "bytes */9"),
    ],
)
def test_ranges(client: Client, wanted: str, status: int, body: bytes, where: str) -> None:
    job = _job(client)
    client.post(f"{EXPORT}/{job}/enqueue.json")
    headers = {"authorization": f"Bearer {client.token}", "range": wanted}
    answer = client.raw("GET", f"{EXPORT}/{job}/file.json", headers=headers)
    assert (answer.status, answer.body, dict(answer.headers)["Content-Range"]) == (status, body, where)


def test_jobs_of_another_user_are_unknown(client: Client) -> None:
    job = _job(client)
    client.control("POST", "users", {"client_id": "x", "client_secret": "y", "user": "x@example.com"})
    client.token = client.new_token(client_id="x", client_secret="y")
    assert _code(client.get(f"{EXPORT}/{job}/status.json")) == "1013"
    assert client.get(f"{EXPORT}.json")["result"] == []


@pytest.mark.parametrize("end", ["--", ""])
def test_import_upserts(client: Client, end: str) -> None:
    client.sync({"email": "a@example.com", "city": "Ulm", "state": "BW"})
    started = _upload(client, "email,city,state\na@example.com,Bonn,\nb@example.com,Köln,NW", end)
    assert started["result"] == [{"batchId": 1, "importId": "1", "status": "Queued"}]
    (status,) = client.get("/bulk/v1/leads/batch/1.json")["result"]
    assert (status["status"], status["message"]) == ("Complete", "Import succeeded, 2 records imported (2 members)")
    row = client.lead(1, "city", "state")
    assert (row["city"], row["state"]) == ("Bonn", "BW")  # the blank cell was left out
    (change,) = client.activities(13)
    assert attributes(change)["Source"] == "List import"
    assert client.send("GET", "/bulk/v1/leads/batch/1/failures.json").status == 404


def test_import_by_id_only_updates(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    _upload(client, "id,city\n1,Bonn\n99,Ulm\n", lookupField="id")
    (status,) = client.get("/bulk/v1/leads/batch/1.json")["result"]
    assert (status["numOfLeadsProcessed"], status["numOfRowsFailed"]) == (1, 1)
    failures = client.send("GET", "/bulk/v1/leads/batch/1/failures.json").body.decode()
    assert failures == "id,city,Import Failure Reason\n99,Ulm,Lead not found\n"


def test_import_takes_its_time_and_queues_ten(client: Client) -> None:
    client.instance.settings.import_seconds = 30
    for _ in range(10):
        assert _upload(client, "email\na@example.com\n")["success"]
    assert _code(_upload(client, "email\na@example.com\n")) == "1016"
    assert client.get("/bulk/v1/leads/batch/1.json")["result"][0]["status"] == "Importing"
    assert client.leads("email", "a@example.com") == []
    client.wait(30)
    assert client.get("/bulk/v1/leads/batch/1.json")["result"][0]["status"] == "Complete"
    assert len(client.leads("email", "a@example.com")) == 1


def test_import_cannot_clear_the_durable_unsubscribe(client: Client) -> None:
    client.sync({"email": "a@example.com", "unsubscribed": True})
    _upload(client, "email,unsubscribed\na@example.com,false\n")
    assert client.lead(1, "unsubscribed")["unsubscribed"] is True


def test_import_refusals(client: Client) -> None:
    assert _code(_upload(client, "email\n", format="xml")) == "1003"
    assert _code(client.post("/bulk/v1/leads.json", {"input": []})) == "612"
    assert _code(client.get("/bulk/v1/leads/batch/9.json")) == "1013"
    headers = {"authorization": f"Bearer {client.token}", "content-type": "multipart/form-data; boundary=XX"}
    large = client.raw("POST", "/bulk/v1/leads.json", {"format": "csv"}, b"x" * 10_000_001, headers)
    assert large.status == 413
