"""node-marketo-rest: people, activities, lists, campaigns and other assets, bulk extract, usage."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from syncline_sandbox.marketo.identity import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests.clients.capability import Job
from tests.clients.node import NodeClient
from tests.clients.places import MARKETO
from tests.clients.truth import Row, assert_same, control
from tests.clients.worlds import CAMPAIGNS, LISTS, PEOPLE, change_people, person

if TYPE_CHECKING:
    from tests.clients.room import Room

JOB = Job()
_FIELDS = list(person(0))


def _opened(room: Room) -> NodeClient:
    return NodeClient("node-marketo", MARKETO, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, errors=room.log)


@JOB.can("people: describe, write, find in pages and as a stream")
def people(room: Room) -> None:
    new = [person(90_000 + n) for n in range(250)]
    with _opened(room) as client:
        assert {field["rest"]["name"] for field in client("lead.describe")["result"]} >= set(_FIELDS)
        made = client("lead.createOrUpdate", new)["result"]
        assert [row["status"] for row in made] == ["created"] * 250
        changed = [{**row, "lastName": "Changed"} for row in new[:10]]
        assert [row["status"] for row in client("lead.createOrUpdate", changed)["result"]] == ["updated"] * 10
        ids, how = [row["id"] for row in made], {"batchSize": 100, "fields": _FIELDS}
        wanted = [*changed, *new[10:]]
        pages = client("lead.find", "id", ids, how, pages=True)
        assert len(pages) == 3
        assert_same((row for page in pages for row in page["result"]), wanted, "email")
        assert_same(client("lead.find", "id", ids, how, within="stream"), wanted, "email")
        assert client("lead.byId", ids[0], {"fields": ["lastName"]})["result"][0]["lastName"] == "Changed"
        control(room.instance, "POST tokens/expire")
        assert client("lead.find", "email", [new[0]["email"]])["success"] is True


@JOB.can("people: merge, push, associate, partitions")
def life(room: Room) -> None:
    with _opened(room) as client:
        winner, *losers = (_id(client, person(n)["email"]) for n in (1, 2, 3))
        assert client("lead.mergeLead", winner, losers, {"mergeInCRM": False})["success"] is True
        push = {"programName": "Program 000", "lookupField": "email"}
        pushed = client("lead.push", [{"email": "pushed@example.com"}], push)["result"]
        assert pushed[0]["status"] in ("created", "updated")
        cookie = "id:123-ABC-456&token:_mch-example.com-1536605780000-12105"
        assert client("lead.associateLead", winner, cookie)["success"] is True
        assert [row["name"] for row in client("lead.partitions")["result"]] == ["Default"]
        assert client("lead.find", "email", [person(2)["email"]])["result"] == []


@JOB.can("activities and changes from a token on", within_seconds=120)
def activities(room: Room) -> None:
    start = room.instance.clock.now() - timedelta(days=51)
    with _opened(room) as client:
        types = {row["name"]: row["id"] for row in client("activities.getActivityTypes")["result"]}
        token = client("lead.getPageToken", _iso(start))["nextPageToken"]
        how = {"activityTypeIds": types["New Lead"], "nextPageToken": token}
        pages = client("lead.getActivitiesWithOptions", how, pages=True)
        told = [row["leadId"] for page in pages for row in page.get("result", [])]
        assert len(set(told)) == len(told) == PEOPLE
        token = client("lead.getPageToken", _iso(room.instance.clock.now()))["nextPageToken"]
        change_people(room.instance)
        pages = client("lead.getChanges", token, {"fields": ["lastName"]}, pages=True)
        changes = [field for page in pages for row in page.get("result", []) for field in row["fields"]]
        assert [change["newValue"] for change in changes] == ["Changed"] * 30


@JOB.can("static lists and their members")
def lists(room: Room) -> None:
    with _opened(room) as client:
        pages = client("list.find", {}, pages=True)
        found = [row for page in pages for row in page["result"]]
        assert_same(found, [{"name": f"List {n:03}"} for n in range(LISTS)], "name")
        list_id = next(row["id"] for row in found if row["name"] == "List 007")
        assert client("list.byId", list_id)["result"][0]["name"] == "List 007"
        ids = [_id(client, person(n)["email"]) for n in range(3)]
        assert [row["status"] for row in client("list.addLeadsToList", list_id, ids)["result"]] == ["added"] * 3
        assert client("list.removeLeadsFromList", list_id, ids[:1])["result"][0]["status"] == "removed"
        members = client("list.getLeads", list_id)["result"]
        assert_same(members, [{"email": person(n)["email"]} for n in (1, 2)], "email")
        assert client("list.isMember", list_id, ids[:1])["result"][0]["status"] == "notmemberof"


@JOB.can("campaigns and other assets")
def assets(room: Room) -> None:
    flow = [{"step": "Change Data Value", "field": "city", "value": "{{my.city}}"}]
    control(room.instance, "POST campaigns", {"name": "Trigger", "type": "trigger", "flow": flow})
    control(room.instance, "POST smart_lists", {"name": "Some", "filters": []})
    with _opened(room) as client:
        found = [row for page in client("campaign.getCampaigns", {}, pages=True) for row in page["result"]]
        wanted = [{"name": f"Campaign {n:03}"} for n in range(CAMPAIGNS)]
        assert_same((row for row in found if row["name"] != "Trigger"), wanted, "name")
        (trigger,) = (row for row in found if row["name"] == "Trigger")
        who = _id(client, person(4)["email"])
        asked = client("campaign.request", trigger["id"], [{"id": who}], [{"name": "{{my.city}}", "value": "Ulm"}])
        assert asked["success"] is True
        assert len(client("campaign.getSmartCampaigns", {"maxReturn": 200})["result"]) == 200
        assert client("smartList.find", {})["result"][0]["name"] == "Some"
        for kind in ("email.getEmails", "landingPage.getLandingPages"):
            assert client(kind, {})["success"] is True
    control(room.instance, "POST clock", {"advance_seconds": 60})
    assert room.instance.store.leads_where(["city"], "id = ?", [who]) == [{"city": "Ulm"}]


@JOB.can("bulk extract of people and activities", within_seconds=120)
def bulk_extract(room: Room) -> None:
    now = room.instance.clock.now()
    with _opened(room) as client:
        rows: list[Row] = []
        for span in ((51, 21), (21, 0)):
            (job,) = client("bulkLeadExtract.create", _FIELDS, {"createdAt": _window(now, *span)})["result"]
            client("bulkLeadExtract.enqueue", job["exportId"])
            (done,) = client("bulkLeadExtract.statusTilCompleted", job["exportId"])["result"]
            rows += _csv(client("bulkLeadExtract.file", job["exportId"]))
            assert done["status"] == "Completed"
        assert_same(rows, [person(n) for n in range(PEOPLE)], "email")
        wanted = {"createdAt": _window(now, 21, 0), "activityTypeIds": [12]}
        (done,) = client("bulkActivityExtract.get", wanted)["result"]
        told = _csv(client("bulkActivityExtract.file", done["exportId"]))
        assert done["numberOfRecords"] == len(told) == len({row["leadId"] for row in told}) > 500


@JOB.can("usage and errors")
def usage(room: Room) -> None:
    with _opened(room) as client:
        client("lead.describe")
        assert client("stats.usage")["result"][0]["total"] >= 1
        for call in ("stats.usageLast7Days", "stats.errors", "stats.errorsLast7Days"):
            assert client(call)["success"] is True


def _id(client: NodeClient, email: str) -> int:
    (row,) = client("lead.find", "email", [email])["result"]
    return int(row["id"])


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _window(now: datetime, from_days: int, to_days: int) -> Row:
    return {"startAt": _iso(now - timedelta(days=from_days)), "endAt": _iso(now - timedelta(days=to_days))}


def _csv(text: Any) -> list[Row]:
    """The rows of an extract, which has the word null for what has no value."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{name: None if value == "null" else value for name, value in row.items()} for row in rows]
