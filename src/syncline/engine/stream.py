"""Taking in what a change stream pushes: one batch of events with everything that follows from it, and the position.

Lives here: events into pages, the marks of records that have to be read, what is owed to polling, the stream's own row.
The position is stored in the commit that stores the last effects of its batch, never before. Not here: the order of
events (`reconcile.events`), what a page does (`intake`), the subscription (`following`) or its call (`observe`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from syncline import records
from syncline.engine.dirty import read_marks
from syncline.engine.erased import sift
from syncline.engine.intake import Capture, clockwork_of, next_page_number, take_page
from syncline.engine.laws import ERASED_ID, Told
from syncline.engine.overtaken import with_overtaken
from syncline.engine.world import World
from syncline.reconcile.events import NOBODY, Folded, fold
from syncline.records import Event, EventBatch, EventKind, How, Page
from syncline.trees import TABLES, Commit, Store, Table

LIVE, GAP, OFF = "live", "gap", "off"
"""States of a stream: taken in as it comes; being answered by polling (`owed`); not subscribed, for the reason told."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a stream stands. `owed` are the object types that have to be polled, because events are missing; `why` it
    is not live."""

    position: str | None = None
    state: str = LIVE
    events: int = 0
    gaps: int = 0
    event_us: int | None = None
    owed: tuple[str, ...] = ()
    why: str | None = None


async def standing(world: World, connection: str, channel: str) -> Standing | None:
    """Where the stream of *channel* stands; None if it was never opened."""
    rows = await world.store.rows(Table.STREAM, {"connection": connection, "channel": channel})
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    detail: Mapping[str, Any] = json.loads(row["detail"]) if row["detail"] else {}
    return Standing(
        position=row["position"],
        state=row["state"],
        events=row["events"],
        gaps=row["gaps"],
        event_us=row["event_us"],
        owed=tuple(detail.get("owed", ())),
        why=detail.get("why"),
    )


async def streams_told(store: Store, connections: Sequence[str], now_us: int) -> list[dict[str, Any]]:
    """What `status` says of the streams of these connections: where each stands, why it is not live, its newest event's
    age in seconds (None: none came yet)."""
    rows = await store.rows(Table.STREAM, {"connection": list(dict.fromkeys(connections))})
    return [
        {
            "connection": row["connection"],
            "channel": row["channel"],
            "state": row["state"],
            "why": json.loads(row["detail"] or "{}").get("why"),
            "events": row["events"],
            "gaps": row["gaps"],
            "event_seconds_ago": None if row["event_us"] is None else (now_us - row["event_us"]) / 1e6,
        }
        for row in rows.iter_rows(named=True)
    ]


async def stand(world: World, connection: str, channel: str, now: Standing) -> None:
    """Store where a stream stands."""
    await world.store.commit(Commit(put={Table.STREAM: _stream_row(world, connection, channel, now)}))


def _stream_row(world: World, connection: str, channel: str, now: Standing) -> pl.DataFrame:
    told = {"owed": list(now.owed), "why": now.why}
    row = {
        "connection": connection,
        "channel": channel,
        "position": now.position,
        "state": now.state,
        "events": now.events,
        "gaps": now.gaps,
        "event_us": now.event_us,
        "at_us": world.now_us(),
        "detail": json.dumps({name: value for name, value in told.items() if value}),
    }
    return pl.DataFrame([row], schema=dict(TABLES[Table.STREAM][0]))


def owing(before: Standing, object_types: Iterable[str]) -> Standing:
    """*before*, with these object types to be polled as well."""
    owed = tuple(dict.fromkeys([*before.owed, *object_types]))
    if not owed:
        return replace(before, state=LIVE, why=None)
    return replace(before, state=GAP, gaps=before.gaps + (not before.owed), owed=owed, why=None)


async def take_batch(world: World, connection: str, batch: EventBatch, run_id: str) -> Standing:
    """Store *batch*, its effects and its position. Where the stream stands now.

    A batch of one object type is one commit. Of several types each has its commit, and the position comes with the
    last: what is delivered again after a crash in between changes nothing.
    """
    async with world.store.alone():
        before = await standing(world, connection, batch.channel) or Standing()
        shares = {
            name: [event for event in batch.events if event.object_type == name]
            for name in dict.fromkeys(event.object_type for event in batch.events)
            if world.sides_of(connection, name)
        }
        folded = {name: await _fold(world, connection, name, events) for name, events in shares.items()}
        overflown = [name for name, share in folded.items() if share.news.is_overflown]
        now = owing(_moved_on(before, batch), overflown)
        row = _stream_row(world, connection, batch.channel, now)
        if not folded:
            await world.store.commit(Commit(put={Table.STREAM: row}))
        for at, (name, share) in enumerate(folded.items(), start=1):
            commit = share.commit
            if at == len(folded):
                commit.put[Table.STREAM] = row
            await _take_share(world, connection, name, share, run_id, commit)
    return now


def _moved_on(before: Standing, batch: EventBatch) -> Standing:
    commits = [event.committed_us for event in batch.events if event.kind is not EventKind.UNREADABLE]
    return replace(
        before,
        position=before.position if batch.position is None else batch.position,
        events=before.events + len(batch.events),
        event_us=max([*commits, before.event_us or 0]) or None,
    )


@dataclass(frozen=True, kw_only=True)
class _Share:
    """The events of one object type, judged. `told` is for the ledgers; `commit` what goes with them already."""

    news: Folded
    told: Told
    fields: tuple[str, ...]
    commit: Commit


async def _fold(world: World, connection: str, object_type: str, events: Sequence[Event]) -> _Share:
    commit = Commit()
    fields = world.fields_read(connection, object_type)
    kept, erased = await _without_erased(world, connection, object_type, events, commit)
    ids = list(dict.fromkeys(one for event in kept for one in event.record_ids))
    keys = pl.DataFrame({"record_id": ids}, schema={"record_id": pl.String}).with_columns(
        connection=pl.lit(connection), object_type=pl.lit(object_type)
    )
    known = await world.store.by_keys(Table.MIRROR, keys)
    moments = (await world.store.by_keys(Table.MOMENT, keys)).select("record_id", "field", "at_us", "new")
    clockwork = clockwork_of(world, connection, object_type)
    news = fold(known, kept, fields, clockwork, frozenset(moments.iter_rows()))
    received = [one for event in kept for one in _named(event)]
    told = Told(
        received=[*received, *[ERASED_ID] * erased],
        verdicts=[*news.verdicts, *[(ERASED_ID, None)] * erased],
    )
    return _Share(news=news, told=told, fields=fields, commit=commit)


def _named(event: Event) -> Sequence[str]:
    """What stands for an event in the ledgers; those that cannot be read are counted beside."""
    if event.kind is EventKind.UNREADABLE:
        return ()
    return [NOBODY] if event.kind is EventKind.OVERFLOW or not event.record_ids else event.record_ids


async def _without_erased(
    world: World, connection: str, object_type: str, events: Sequence[Event], commit: Commit
) -> tuple[list[Event], int]:
    """*events* without the records of persons who were erased, and how often those were named."""
    ids = list(dict.fromkeys(one for event in events for one in event.record_ids))
    page = Page(object_type=object_type, rows=_bare(ids), fields=(), how=How.EVENT)
    sifted = await sift(world, connection, page, commit)
    stays = set(sifted.page.rows[records.ID].to_list())
    if len(stays) == len(ids):
        return list(events), 0
    kept, gone = [], 0
    for event in events:
        left = tuple(one for one in event.record_ids if one in stays)
        gone += len(event.record_ids) - len(left)
        if left or not event.record_ids:
            kept.append(replace(event, record_ids=left))
    return kept, gone


def _bare(ids: Sequence[str]) -> pl.DataFrame:
    """A page's rows of which only the ids matter."""
    return pl.DataFrame([{records.ID: one, records.DELETED: False} for one in ids], schema=records.PAGE_SCHEMA)


async def _take_share(
    world: World, connection: str, object_type: str, share: _Share, run_id: str, commit: Commit
) -> None:
    news = share.news
    if news.suspects:
        lag_us = clockwork_of(world, connection, object_type).lag_us
        commit.touch.append(read_marks(connection, object_type, news.suspects, due_us=world.now_us() + lag_us))
    page = Page(
        object_type=object_type,
        rows=news.rows,
        fields=share.fields,
        how=How.EVENT,
        moments=await with_overtaken(world, connection, object_type, news.moments),
        unreadable=news.unreadable,
        ours=news.ours,
    )
    report = Capture(connection=connection, object_type=object_type)
    number = await next_page_number(world, report, run_id)
    await take_page(world, report, page, run_id, number=number, commit=commit, told=share.told)
