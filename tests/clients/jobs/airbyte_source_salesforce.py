"""airbyte-source-salesforce: check, discover, full and incremental reads, by REST where it prefers it and by Bulk."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET
from tests.clients.airbyte import Source
from tests.clients.capability import Job
from tests.clients.truth import assert_same, stored
from tests.clients.worlds import CONTACTS, DAYS, KEY, LEADS, change_leads, contact, lead, refresh_token

if TYPE_CHECKING:
    from tests.clients.room import Room

JOB = Job()
_SECONDS = 300
_FOLLOWED = ("Lead", "Contact", "Opportunity")


def _source(room: Room, *, bulk: bool) -> Source:
    start = room.org.clock.now() - timedelta(days=DAYS + 1)
    config = {
        "auth_type": "Client",
        "is_sandbox": False,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": refresh_token(room.org),
        "start_date": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "force_use_bulk_api": bulk,
        # Without it the value "N/A" would come as nothing.
        "preserve_na_values": True,
    }
    return Source(room, "source-salesforce", config)


@JOB.can("check", within_seconds=_SECONDS)
def check(room: Room) -> None:
    _source(room, bulk=False).check()


def _discover(room: Room, *, bulk: bool) -> None:
    source = _source(room, bulk=bulk)
    streams = source.discover()
    assert set(streams) >= {"Account", "Contact", "Lead", "Opportunity", "OpportunityContactRole", "Task", "User"}
    assert KEY in streams["Lead"]["json_schema"]["properties"]
    assert "incremental" in streams["Lead"]["supported_sync_modes"]
    room.kept |= {"source": source, "streams": streams}


def _full(room: Room) -> None:
    source: Source = room.kept["source"]
    # Of every object it found; Describe is a stream of its own about the objects.
    streams = {name: stream for name, stream in room.kept["streams"].items() if name != "Describe"}
    reading = source.read(streams.values(), "full_refresh")
    assert_same(reading.records["Lead"], [lead(n) for n in range(LEADS)], KEY)
    assert_same(reading.records["Contact"], [contact(n) for n in range(CONTACTS)], KEY)
    for name in streams:
        assert reading.ended[name] == "COMPLETE", f"{name} ended {reading.ended[name]}"
        assert_same(reading.records.get(name, []), stored(room.org, name, ["Id"], "1"), "Id")


def _incremental(room: Room) -> None:
    source: Source = room.kept["source"]
    streams = [room.kept["streams"][name] for name in _FOLLOWED]
    first = source.read(streams, "incremental")
    assert_same(first.records["Lead"], [lead(n) for n in range(LEADS)], KEY)
    assert_same(first.records["Contact"], [contact(n) for n in range(CONTACTS)], KEY)
    changed, gone = change_leads(room.org)
    # It looks back ten minutes; the newest of the rows nobody changed are two hours old.
    second = source.read(streams, "incremental", first.states)
    assert_same([row for row in second.records["Lead"] if not row["IsDeleted"]], changed, KEY)
    assert_same([row for row in second.records["Lead"] if row["IsDeleted"]], [{KEY: row[KEY]} for row in gone], KEY)
    assert second.records.get("Contact", []) == []


for _name, _bulk in (("REST or Bulk as it chooses", False), ("Bulk forced", True)):
    JOB.can(f"{_name}: discover", within_seconds=_SECONDS)(partial(_discover, bulk=_bulk))
    JOB.can(f"{_name}: full read", within_seconds=_SECONDS, after=f"{_name}: discover")(_full)
    JOB.can(f"{_name}: incremental read", within_seconds=_SECONDS, after=f"{_name}: discover")(_incremental)
