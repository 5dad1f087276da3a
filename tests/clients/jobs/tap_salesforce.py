"""tap-salesforce: discovery of every object, a full and an incremental run, over REST and over Bulk API 1.0."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET
from tests.clients.capability import Job
from tests.clients.singer import Tap
from tests.clients.truth import assert_same, control, stored
from tests.clients.worlds import CONTACTS, DAYS, KEY, LEADS, change_leads, contact, lead, refresh_token

if TYPE_CHECKING:
    from tests.clients.room import Room

JOB = Job()
_SECONDS = 240
_FOLLOWED = ("Lead", "Contact", "Opportunity")


def _tap(room: Room, api: str) -> Tap:
    start = room.org.clock.now() - timedelta(days=DAYS + 1)
    config = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": refresh_token(room.org),
        "start_date": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "api_type": api,
        "select_fields_by_default": "true",
    }
    return Tap(room, "tap-salesforce", config)


def _discover(room: Room, *, api: str) -> None:
    tap = _tap(room, api)
    streams = tap.discover()
    found = {stream["tap_stream_id"]: stream for stream in streams}
    assert set(found) >= {"Account", "Contact", "Lead", "Opportunity", "OpportunityContactRole", "Task", "User"}
    sobject = room.org.schema.sobject("Lead")
    assert sobject
    assert set(found["Lead"]["schema"]["properties"]) == {field.name for field in sobject.fields()}
    room.kept |= {"tap": tap, "streams": streams}


def _full(room: Room) -> None:
    tap: Tap = room.kept["tap"]
    run = tap.sync(room.kept["streams"], [stream["tap_stream_id"] for stream in room.kept["streams"]])
    assert_same(run.records["Lead"], [lead(n) for n in range(LEADS)], KEY)
    for stream in room.kept["streams"]:
        name = stream["tap_stream_id"]
        assert_same(run.records.get(name, []), stored(room.org, name, ["Id"], "1"), "Id")


def _incremental(room: Room) -> None:
    tap: Tap = room.kept["tap"]
    streams = room.kept["streams"]
    first = tap.sync(streams, _FOLLOWED, incremental=True)
    assert_same(first.records["Lead"], [lead(n) for n in range(LEADS)], KEY)
    changed, gone = change_leads(room.org)
    run = tap.sync(streams, _FOLLOWED, state=first.state, incremental=True)
    # The bookmark is the newest stamp seen, and the tap asks for that and later.
    again = [lead(LEADS - 1)]
    assert_same([row for row in run.records["Lead"] if not row["IsDeleted"]], [*changed, *again], KEY)
    assert_same([row for row in run.records["Lead"] if row["IsDeleted"]], [{KEY: row[KEY]} for row in gone], KEY)
    assert_same(run.records["Contact"], [contact(CONTACTS - 1)], KEY)


for _api in ("REST", "BULK"):
    JOB.can(f"{_api}: discovery", within_seconds=_SECONDS)(partial(_discover, api=_api))
    JOB.can(f"{_api}: full run", within_seconds=_SECONDS, after=f"{_api}: discovery")(_full)
    JOB.can(f"{_api}: incremental run", within_seconds=_SECONDS, after=f"{_api}: discovery")(_incremental)


@JOB.can("BULK: chunks by primary key after a batch that timed out", within_seconds=_SECONDS)
def pk_chunks(room: Room) -> None:
    tap = _tap(room, "BULK")
    streams = tap.discover()
    timed_out = {"message": "InternalServerError : Retried more than fifteen times: QUERY_TIMEOUT"}
    fault = {"name": "bulk_job_failure", "match": "^POST .*/job$", "parameters": timed_out}
    control(room.org, "POST faults", fault)
    run = tap.sync(streams, ("Lead",), incremental=True)
    assert_same(run.records["Lead"], [lead(n) for n in range(LEADS)], KEY)
    jobs = [entry for entry in room.org.control.log.entries if entry.method == "POST" and entry.path.endswith("/job")]
    assert len(jobs) == 2


@JOB.can("REST: halves the window of a query that timed out", within_seconds=_SECONDS)
def halved_window(room: Room) -> None:
    tap = _tap(room, "REST")
    streams = tap.discover()
    control(room.org, "POST faults", {"name": "error_code", "match": "^GET .*/queryAll"})
    before = len(room.org.control.log.entries)
    run = tap.sync(streams, ("Lead",), incremental=True)
    assert_same(run.records["Lead"], [lead(n) for n in range(LEADS)], KEY)
    asked = [entry for entry in list(room.org.control.log.entries)[before:] if "/queryAll" in entry.path]
    assert asked[0].faults == ("error_code",)
    assert "SystemModstamp+%3C" in asked[1].query
