"""airbyte-source-marketo: check, discover, full and incremental reads. It sleeps a minute over each bulk export."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from syncline_sandbox.core.wire import Request
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.marketo.identity import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests.clients.airbyte import Source
from tests.clients.capability import Job
from tests.clients.places import MARKETO
from tests.clients.truth import Row, assert_same, control
from tests.clients.worlds import CAMPAIGNS, LISTS, PEOPLE, PROGRAMS, change_people, person

if TYPE_CHECKING:
    from tests.clients.room import Room

JOB = Job()
_WHOLE = ("activity_types", "segmentations", "campaigns", "lists", "programs", "emails", "program_tokens")
_BULK = ("leads", "activities_new_lead")
_FOLLOWED = ("lists", "programs", "leads", "activities_change_data_value")
_RECENT_DAYS = 20
_SECONDS = 420
_TOKENS = 20


def _source(room: Room, days: int) -> Source:
    start = room.instance.clock.now() - timedelta(days=days)
    config = {
        "domain_url": MARKETO,
        "client_id": DEFAULT_CLIENT_ID,
        "client_secret": DEFAULT_CLIENT_SECRET,
        "start_date": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window_in_days": 30,
    }
    return Source(room, "source-marketo", config)


@JOB.can("check")
def check(room: Room) -> None:
    _source(room, 51).check()


@JOB.can("discover")
def discover(room: Room) -> None:
    streams = _source(room, 51).discover()
    assert set(streams) >= {*_WHOLE, *_BULK, *_FOLLOWED}
    room.kept["streams"] = streams


@JOB.can("full read, bulk exports in two windows", within_seconds=_SECONDS, after="discover")
def full(room: Room) -> None:
    # It asks for the tokens of one program after the other and takes a refusal (606) for a program without tokens.
    # Over a real line it is too slow to be refused.
    control(room.instance, "POST settings", {"enforce_limits": False})
    _give_tokens(room.instance)
    streams = room.kept["streams"]
    reading = _source(room, 51).read([streams[name] for name in (*_WHOLE, *_BULK)], "full_refresh")
    assert_same(reading.records["leads"], [person(n) for n in range(PEOPLE)], "email")
    assert_same(reading.records["programs"], [{"name": f"Program {n:03}"} for n in range(PROGRAMS)], "name")
    assert_same(reading.records["campaigns"], [{"name": f"Campaign {n:03}"} for n in range(CAMPAIGNS)], "name")
    assert_same(reading.records["lists"], [{"name": f"List {n:03}"} for n in range(LISTS)], "name")
    ids = sorted(row["id"] for row in reading.records["leads"])
    assert sorted(row["leadId"] for row in reading.records["activities_new_lead"]) == ids
    assert len(reading.records["activity_types"]) > 10
    assert len(reading.records["program_tokens"]) == _TOKENS
    assert set(reading.ended.values()) == {"COMPLETE"}


@JOB.can("incremental read", within_seconds=_SECONDS, after="discover")
def incremental(room: Room) -> None:
    streams = [room.kept["streams"][name] for name in _FOLLOWED]
    source = _source(room, _RECENT_DAYS)
    first = source.read(streams, "incremental")
    recent = _since(room, room.instance.clock.now() - timedelta(days=_RECENT_DAYS))
    assert abs(len(first.records["leads"]) - len(recent)) <= 1
    changed = change_people(room.instance)
    control(room.instance, "POST lists", {"name": "New list"})
    control(room.instance, "POST programs", {"name": "New program", "channel": "Blast"})
    second = source.read(streams, "incremental", first.states)
    # From the newest stamp it has seen, that one included: the youngest person nobody changed comes again.
    assert_same(second.records["leads"], [*changed, person(PEOPLE - 1)], "email")
    assert [row["new_value"] for row in second.records["activities_change_data_value"]] == ["Changed"] * 30
    assert [row["name"] for row in second.records["lists"]] == ["New list"]
    assert [row["name"] for row in second.records["programs"]] == ["New program"]


def _since(room: Room, start: datetime) -> list[Row]:
    return room.instance.store.leads_where(["email"], '"updatedAt" >= ?', [start.strftime("%Y-%m-%dT%H:%M:%SZ")])


def _give_tokens(instance: MarketoInstance) -> None:
    """A token on each of the first programs, by the instance's own endpoint."""
    credentials = f"client_id={DEFAULT_CLIENT_ID}&client_secret={DEFAULT_CLIENT_SECRET}"
    granted = _asked(instance, "GET", "/identity/oauth/token", f"grant_type=client_credentials&{credentials}")
    token = granted["access_token"]
    programs = _asked(instance, "GET", "/rest/asset/v1/programs.json", f"maxReturn={_TOKENS}&access_token={token}")
    for program in programs["result"]:
        form = f"name=greeting&type=text&value=Hello&folderType=Program&access_token={token}"
        made = _asked(instance, "POST", f"/rest/asset/v1/folder/{program['id']}/tokens.json", form)
        assert made["success"] is True, made


def _asked(instance: MarketoInstance, method: str, path: str, query: str) -> Row:
    answer = json.loads(instance.handle(Request(method=method, path=path, query_string=query)).body)
    assert isinstance(answer, dict)
    return answer
