"""The fault bulk_job_failure: jobs that are accepted and end Failed."""

from __future__ import annotations

import pytest

from tests.sandbox.marketo_client import Client

PEOPLE = "email\n" + "\n".join(f"p{n}@example.com" for n in range(10))
MARCH = {"createdAt": {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-20T00:00:00Z"}}


@pytest.fixture
def client() -> Client:
    return Client()


def test_an_import_fails_after_some_rows_which_stay(client: Client) -> None:
    client.fault("bulk_job_failure", match="POST /bulk/v1/leads", after_rows=4, message="Something broke")
    assert client.upload("/bulk/v1/leads.json", PEOPLE)["result"][0]["status"] == "Queued"
    (status,) = client.get("/bulk/v1/leads/batch/1.json")["result"]
    assert (status["status"], status["numOfLeadsProcessed"], status["message"]) == ("Failed", 4, "Something broke")
    assert len(client.leads("email", *(f"p{n}@example.com" for n in range(10)))) == 4
    struck = [entry["path"] for entry in client.control("GET", "requests") if "bulk_job_failure" in entry["faults"]]
    assert struck == ["/bulk/v1/leads.json"]
    client.upload("/bulk/v1/leads.json", PEOPLE)  # as the vendor says: made anew
    assert client.get("/bulk/v1/leads/batch/2.json")["result"][0]["status"] == "Complete"


def test_an_export_fails_and_has_no_file(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    client.fault("bulk_job_failure", match="leads/export")
    job = client.post("/bulk/v1/leads/export/create.json", {"fields": ["id"], "filter": MARCH})["result"][0]["exportId"]
    (queued,) = client.post(f"/bulk/v1/leads/export/{job}/enqueue.json")["result"]
    assert (queued["status"], "errorMsg" in queued) == ("Queued", False)
    (status,) = client.get(f"/bulk/v1/leads/export/{job}/status.json")["result"]
    assert (status["status"], bool(status["errorMsg"]), "fileSize" in status) == ("Failed", True, False)
    assert client.send("GET", f"/bulk/v1/leads/export/{job}/file.json").status == 404
    again = client.post(f"/bulk/v1/leads/export/{job}/enqueue.json")
    assert again["errors"][0]["code"] == "1003"
