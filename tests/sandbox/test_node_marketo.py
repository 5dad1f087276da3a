"""node-marketo-rest 0.7.8 from npm, unmodified, over HTTP. What it cannot do is a defect of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.marketo.identity import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests.clients.node import ClientError, NodeClient
from tests.sandbox.marketo_client import START

CLIENT = "node-marketo"
SINCE = START.isoformat().replace("+00:00", "Z")
WINDOW = {"createdAt": {"startAt": SINCE, "endAt": SINCE}}


@pytest.fixture
def instance() -> MarketoInstance:
    return MarketoInstance(clock=SandboxClock(frozen_at=START))


@pytest.fixture
def client(instance: MarketoInstance) -> Iterator[NodeClient]:
    with serve(instance) as url, NodeClient(CLIENT, url, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET) as client:
        yield client


def _people(client: NodeClient, count: int) -> list[int]:
    people = [{"email": f"p{n}@example.com", "lastName": f"P{n}"} for n in range(count)]
    return [record["id"] for record in client("lead.createOrUpdate", people)["result"]]


def _code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.said["errors"][0]["code"])


def test_identity(client: NodeClient) -> None:
    token = client("getOAuthToken")
    assert (token["token_type"], token["scope"]) == ("bearer", "sandbox-api@example.com")


def test_wrong_secret_is_refused(instance: MarketoInstance) -> None:
    with (
        serve(instance) as url,
        NodeClient(CLIENT, url, DEFAULT_CLIENT_ID, "wrong") as client,
        pytest.raises(ClientError, match="Bad client credentials"),
    ):
        client("lead.describe")


def test_describe_write_and_read(client: NodeClient) -> None:
    names = {field["rest"]["name"] for field in client("lead.describe")["result"]}
    assert {"email", "firstName", "unsubscribed", "leadScore"} <= names
    assert [row["name"] for row in client("lead.partitions")["result"]] == ["Default"]

    person = {"email": "ann@example.com", "firstName": "Änn"}
    (made,) = client("lead.createOrUpdate", [person])["result"]
    assert made["status"] == "created"
    (again,) = client("lead.createOrUpdate", [{**person, "city": "Ulm"}], {"lookupField": "email"})["result"]
    assert again == {"id": made["id"], "status": "updated"}
    (refused,) = client("lead.createOrUpdate", [person], {"action": "createOnly"})["result"]
    assert refused["reasons"][0]["code"] == "1005"

    found = client("lead.byId", made["id"], {"fields": ["firstName", "city"]})["result"]
    assert found == [{"id": made["id"], "firstName": "Änn", "city": "Ulm"}]
    by_email = client("lead.find", "email", [person["email"], "nobody@example.com"], {"fields": ["email"]})
    assert by_email["result"] == [{"id": made["id"], "email": person["email"]}]
    with pytest.raises(ClientError) as unknown:
        client("lead.find", "firstName", ["Änn"])
    assert _code(unknown) == "1011"


def test_pages_of_people_by_itself_and_as_a_stream(client: NodeClient) -> None:
    ids = _people(client, 5)
    pages = client("lead.find", "id", ids, {"batchSize": 2}, pages=True)
    assert [[row["id"] for row in page["result"]] for page in pages] == [ids[:2], ids[2:4], ids[4:]]
    streamed = client("lead.find", "id", ids, {"batchSize": 2}, within="stream")
    assert [row["id"] for row in streamed] == ids


def test_activities_are_read_page_by_page(client: NodeClient, instance: MarketoInstance) -> None:
    ids = _people(client, 5)
    instance.clock.advance(5)
    client("lead.createOrUpdate", [{"email": "p0@example.com", "city": "Ulm"}])
    types = {row["name"]: row["id"] for row in client("activities.getActivityTypes")["result"]}
    token = client("lead.getPageToken", SINCE)["nextPageToken"]
    wanted = [types["New Lead"], types["Change Data Value"]]
    pages = client("lead.getActivities", ids, wanted, token, {"batchSize": 2}, pages=True)
    rows = [(row["activityTypeId"], row["leadId"]) for page in pages for row in page["result"]]
    assert rows == [*((12, lead) for lead in ids), (13, ids[0])]
    assert [page["moreResult"] for page in pages] == [True, True, False]
    changes = client("lead.getChanges", token, {"fields": ["city"], "leadIds": ids[0]})["result"]
    assert changes[-1]["fields"] == [{"id": 64, "name": "city", "oldValue": None, "newValue": "Ulm"}]


def test_merge(client: NodeClient) -> None:
    first, second, third = _people(client, 3)
    assert client("lead.mergeLead", first, [second, third], {"mergeInCRM": False})["success"] is True
    assert [row["id"] for row in client("lead.find", "id", [first, second, third])["result"]] == [first]
    with pytest.raises(ClientError) as gone:
        client("lead.mergeLead", first, [second], {})
    assert _code(gone) == "1004"


def test_lists(client: NodeClient, instance: MarketoInstance) -> None:
    first, second = _people(client, 2)
    list_id = instance.rooms.lists.make("VIPs")
    (found,) = client("list.find", {"name": ["VIPs"]})["result"]
    assert (found["id"], client("list.byId", list_id)["result"]) == (list_id, [found])
    added = client("list.addLeadsToList", list_id, [first, second])["result"]
    assert [row["status"] for row in added] == ["added", "added"]
    removed = client("list.removeLeadsFromList", list_id, [second])["result"]
    assert removed == [{"id": second, "status": "removed"}]
    assert [row["id"] for row in client("list.getLeads", list_id)["result"]] == [first]
    assert client("list.isMember", list_id, [second])["result"] == [{"id": second, "status": "notmemberof"}]


def test_bulk_extract_of_people(client: NodeClient) -> None:
    client("lead.createOrUpdate", [{"email": "a@example.com", "city": 'Say "x", y'}])
    (job,) = client("bulkLeadExtract.create", ["id", "email", "city", "state"], WINDOW)["result"]
    assert client("bulkLeadExtract.enqueue", job["exportId"])["result"][0]["status"] == "Queued"
    (done,) = client("bulkLeadExtract.statusTilCompleted", job["exportId"])["result"]
    assert (done["status"], done["numberOfRecords"]) == ("Completed", 1)
    file = client("bulkLeadExtract.file", job["exportId"])
    assert file == 'id,email,city,state\n1,a@example.com,"Say ""x"", y",null\n'
    (dropped,) = client("bulkLeadExtract.create", ["id"], WINDOW)["result"]
    assert client("bulkLeadExtract.cancel", dropped["exportId"])["result"][0]["status"] == "Cancelled"


def test_bulk_extract_of_activities(client: NodeClient) -> None:
    (lead,) = _people(client, 1)
    (done,) = client("bulkActivityExtract.get", {**WINDOW, "activityTypeIds": [12]})["result"]
    header, row = client("bulkActivityExtract.file", done["exportId"]).splitlines()
    assert header.split(",")[:3] == ["marketoGUID", "leadId", "activityDate"]
    assert row.split(",")[1:4] == [str(lead), SINCE, "12"]


def test_expired_token_is_renewed_and_usage_told(client: NodeClient, instance: MarketoInstance) -> None:
    _people(client, 1)
    instance.identity.expire_all()
    assert client("lead.find", "email", ["p0@example.com"])["success"] is True
    (usage,) = client("stats.usage")["result"]
    assert usage["users"][0]["userId"] == "sandbox-api@example.com"
