"""marketorestpython 0.5.25, unmodified, over HTTP. What it cannot do is a defect of the sandbox.

The client waits 0.2 s between calls of one verb, so the tests are few and each does much.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from marketorestpython.client import MarketoClient

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.marketo.identity import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests.sandbox.marketo_client import START

SINCE = START.isoformat().replace("+00:00", "Z")


@pytest.fixture
def instance() -> MarketoInstance:
    return MarketoInstance(clock=SandboxClock(frozen_at=START))


@pytest.fixture
def client(instance: MarketoInstance) -> Iterator[Any]:
    with serve(instance) as url:
        client = MarketoClient("123-ABC-456", DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
        client.host = url
        yield client


def test_describe_write_read_delete(client: Any, instance: MarketoInstance) -> None:
    names = {field["rest"]["name"] for field in client.execute(method="describe")}
    assert {"email", "firstName", "unsubscribed", "leadScore"} <= names
    searchable = client.execute(method="describe2")[0]["searchableFields"]
    assert ["email"] in searchable

    people = [{"email": f"p{n}@example.com", "firstName": f"P{n}"} for n in range(3)]
    made = client.execute(method="create_update_leads", leads=people, action="createOnly", lookupField="email")
    assert [record["status"] for record in made] == ["created"] * 3
    again = client.execute(method="create_update_leads", leads=people[:1], action="createOnly")
    assert again[0]["reasons"][0]["code"] == "1005"

    ids = [record["id"] for record in made]
    found = client.execute(method="get_lead_by_id", id=ids[0], fields=["firstName", "email"])
    assert found == [{"id": ids[0], "firstName": "P0", "email": "p0@example.com"}]
    by_filter = client.execute(
        method="get_multiple_leads_by_filter_type",
        filterType="email",
        filterValues=[person["email"] for person in people],
        fields=["email"],
        batchSize=2,
    )
    assert [lead["id"] for lead in by_filter] == ids

    assert client.execute(method="delete_lead", id=ids[:1]) == [{"id": ids[0], "status": "deleted"}]
    deleted = client.execute(method="get_deleted_leads", sinceDatetime=SINCE)
    assert [(row["leadId"], row["activityTypeId"]) for row in deleted] == [(ids[0], 37)]
    with pytest.raises(Exception, match="'code': '1011'"):
        client.execute(
            method="get_multiple_leads_by_filter_type", filterType="firstName", filterValues=["P1"], fields=["id"]
        )


def test_activities_and_lead_changes(client: Any, instance: MarketoInstance) -> None:
    client.execute(method="create_update_leads", leads=[{"email": "a@example.com", "city": "Ulm"}])
    instance.clock.advance(5)
    client.execute(method="create_update_leads", leads=[{"email": "a@example.com", "city": "Bonn"}])

    types = {row["name"]: row["id"] for row in client.execute(method="get_activity_types")}
    assert types["Change Data Value"] == 13
    activities = client.execute(
        method="get_lead_activities", activityTypeIds=["12", "13"], sinceDatetime=SINCE, batchSize=1
    )
    assert [row["activityTypeId"] for row in activities] == [12, 13]
    until = (START + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
    early = client.execute(
        method="get_lead_activities", activityTypeIds=["12", "13"], sinceDatetime=SINCE, untilDatetime=until
    )
    assert [row["activityTypeId"] for row in early] == [12]
    changes = client.execute(method="get_lead_changes", fields=["city"], sinceDatetime=SINCE)
    assert [row["fields"] for row in changes] == [
        [],
        [{"id": 64, "name": "city", "oldValue": "Ulm", "newValue": "Bonn"}],
    ]


def test_bulk_extract(client: Any) -> None:
    client.execute(method="create_update_leads", leads=[{"email": "a@example.com", "city": 'Say "x", y'}])
    window = {"createdAt": {"startAt": SINCE, "endAt": SINCE}}
    (job,) = client.execute(method="create_leads_export_job", fields=["id", "email", "city", "state"], filters=window)
    assert job["status"] == "Created"
    (queued,) = client.execute(method="enqueue_leads_export_job", job_id=job["exportId"])
    assert queued["status"] == "Queued"
    (done,) = client.execute(method="get_leads_export_job_status", job_id=job["exportId"])
    assert (done["status"], done["numberOfRecords"]) == ("Completed", 1)
    content = client.execute(method="get_leads_export_job_file", job_id=job["exportId"])
    assert content == b'id,email,city,state\n1,a@example.com,"Say ""x"", y",null\n'
    assert [listed["exportId"] for listed in client.execute(method="get_leads_export_jobs_list")] == [job["exportId"]]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the client leaves the file open
def test_bulk_import(client: Any, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,firstName,leadScore\na@example.com,Ann,5\nb@example.com,Bob,many\n")
    (batch,) = client.execute(method="import_lead", format="csv", file=str(file))
    assert batch["status"] == "Queued"
    (status,) = client.execute(method="get_import_lead_status", id=batch["batchId"])
    assert (status["status"], status["numOfLeadsProcessed"], status["numOfRowsFailed"]) == ("Complete", 1, 1)
    assert status["message"] == "Import completed with errors, 1 records imported (1 members), 1 failed"
    failures = client.execute(method="get_import_failure_file", id=batch["batchId"])
    assert failures.splitlines()[0] == "email,firstName,leadScore,Import Failure Reason"
    assert "b@example.com,Bob,many," in failures


def test_usage_and_expired_token(client: Any, instance: MarketoInstance) -> None:
    client.execute(method="describe2")
    instance.identity.expire_all()
    # The client refreshes on 602 by itself.
    client.valid_until = 0
    (usage,) = client.execute(method="get_daily_usage")
    assert usage["total"] >= 1
    assert usage["users"][0]["userId"] == "sandbox-api@example.com"
