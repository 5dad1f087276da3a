"""tap-marketo: discovery, a full and an incremental run; people and activities by bulk export, the rest by pages."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from syncline_sandbox.marketo.identity import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests.clients.capability import Job
from tests.clients.places import MARKETO
from tests.clients.singer import Tap
from tests.clients.truth import assert_same, control
from tests.clients.worlds import CAMPAIGNS, LISTS, PEOPLE, PROGRAMS, change_people, person

if TYPE_CHECKING:
    from tests.clients.room import Room

JOB = Job()
_SECONDS = 240
# The tap counts in whole seconds of the real time and leaves out the one that is not over.
_NEXT_SECOND = 1.1
_ACTIVITIES = ("activities_new_lead", "activities_change_data_value")
_STREAMS = ("leads", "activity_types", "lists", "programs", "campaigns", *_ACTIVITIES)


def _tap(room: Room) -> Tap:
    start = room.instance.clock.now() - timedelta(days=51)
    config = {
        "endpoint": f"{MARKETO}/rest",
        "identity": f"{MARKETO}/identity",
        "client_id": DEFAULT_CLIENT_ID,
        "client_secret": DEFAULT_CLIENT_SECRET,
        "start_date": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        # Five minutes are the default.
        "poll_interval": 1,
    }
    return Tap(room, "tap-marketo", config)


@JOB.can("discovery", within_seconds=_SECONDS)
def discover(room: Room) -> None:
    tap = _tap(room)
    streams = tap.discover()
    found = {stream["tap_stream_id"]: stream for stream in streams}
    assert set(found) >= set(_STREAMS)
    fields = {field.name for field in room.instance.store.fields.all()}
    assert set(found["leads"]["schema"]["properties"]) <= fields
    assert set(person(0)) <= set(found["leads"]["schema"]["properties"])
    room.kept |= {"tap": tap, "streams": streams}


@JOB.can("full run, bulk exports in two windows", within_seconds=_SECONDS, after="discovery")
def full(room: Room) -> None:
    tap: Tap = room.kept["tap"]
    run = tap.sync(room.kept["streams"], _STREAMS, incremental=True)
    assert_same(run.records["leads"], [person(n) for n in range(PEOPLE)], "email")
    programs = [{"name": f"Program {n:03}", "channel": "Blast"} for n in range(PROGRAMS)]
    assert_same(run.records["programs"], programs, "name")
    assert_same(run.records["campaigns"], [{"name": f"Campaign {n:03}"} for n in range(CAMPAIGNS)], "name")
    assert_same(run.records["lists"], [{"name": f"List {n:03}"} for n in range(LISTS)], "name")
    ids = sorted(row["id"] for row in run.records["leads"])
    assert sorted(row["leadId"] for row in run.records["activities_new_lead"]) == ids
    assert len(run.records["activity_types"]) > 10
    room.kept["state"] = run.state


@JOB.can("incremental run", within_seconds=_SECONDS, after="full run, bulk exports in two windows")
def incremental(room: Room) -> None:
    tap: Tap = room.kept["tap"]
    bookmarks = room.kept["state"]["bookmarks"]
    time.sleep(_NEXT_SECOND)
    changed = change_people(room.instance)
    control(room.instance, "POST lists", {"name": "New list"})
    control(room.instance, "POST programs", {"name": "New program", "channel": "Blast"})
    time.sleep(_NEXT_SECOND)
    run = tap.sync(room.kept["streams"], _STREAMS, state=room.kept["state"], incremental=True)
    # It looks a day back from the end of the last export; so many of the people nobody changed are that young.
    emails = {row["email"] for row in changed}
    again = [row for row in run.records["leads"] if row["email"] not in emails]
    assert_same([row for row in run.records["leads"] if row["email"] in emails], changed, "email")
    assert_same(again, [person(n) for n in range(PEOPLE - len(again), PEOPLE)], "email")
    assert 0 < len(again) < 40
    assert [row["name"] for row in run.records["lists"]] == ["New list"]
    assert [row["name"] for row in run.records["programs"]] == ["New program"]
    assert run.records.get("campaigns", []) == []
    names = [row for row in run.records["activities_change_data_value"] if row["new_value"] == "Changed"]
    assert len(names) == 30
    since = bookmarks["activities_new_lead"]["activityDate"]
    assert all(row["activityDate"] >= since for row in run.records["activities_new_lead"])


@JOB.can("without the updatedAt filter (1035): every run exports all people", within_seconds=_SECONDS)
def without_updated_at(room: Room) -> None:
    control(room.instance, "POST settings", {"export_by_updated_at": False})
    tap = _tap(room)
    streams = tap.discover()
    first = tap.sync(streams, ("leads",), incremental=True)
    assert_same(first.records["leads"], [person(n) for n in range(PEOPLE)], "email")
    changed = change_people(room.instance)
    time.sleep(_NEXT_SECOND)
    second = tap.sync(streams, ("leads",), state=first.state, incremental=True)
    seen = {row["email"]: row for row in second.records["leads"]}
    made = [row for row in changed if row["email"] not in {person(n)["email"] for n in range(PEOPLE)}]
    assert all(row["email"] in seen for row in made)


@JOB.can("a download that breaks off is taken up where it ended", within_seconds=_SECONDS)
def broken_download(room: Room) -> None:
    control(
        room.instance, "POST faults", {"name": "half_body", "match": "^GET .*/file.json", "parameters": {"share": 0.5}}
    )
    tap = _tap(room)
    run = tap.sync(tap.discover(), ("leads",), incremental=True)
    assert_same(run.records["leads"], [person(n) for n in range(PEOPLE)], "email")
    (fault,) = control(room.instance, "GET faults")
    assert fault["hits"] == 1
