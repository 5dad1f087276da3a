"""The frame of every action: whose person it is, the push that comes first, the run it is recorded as.

Lives here: finding the one person that was named, as push does, and putting it on the side the action belongs to.
Not here: what is then done (the neighbours), or how a deed is sent (`deeds`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from syncline.engine.actions.results import Ended, Refused, Result, ended_as
from syncline.engine.cycle import RunReport, close_run, open_run
from syncline.engine.deeds import perform, resolve_deeds
from syncline.engine.explain import Subject
from syncline.engine.observe import meet, read_again
from syncline.engine.push import look_afresh, push
from syncline.engine.world import World
from syncline.errors import ConfigError, StopRequested, SynclineError
from syncline.records import Outcome, Side, Write, other
from syncline.spec.actions import PersonActions
from syncline.spec.model import Sync
from syncline.trees import Table


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person: the records that stand for it, one a side at most. `link_id` is 0 while it is on one side only."""

    link_id: int
    ends: Mapping[Side, Subject]

    @property
    def id_text(self) -> str:
        return next(end.record_id for end in self.ends.values())


@dataclass(kw_only=True)
class Acting:
    """An action under way. `pushed` is the run of the push that came first, if one did."""

    world: World
    sync: Sync
    name: str
    run_id: str
    table: PersonActions
    pushed: str | None = None

    async def person_on(self, text: str, side: Side) -> tuple[Person, Subject]:
        """The person that *text* names and its record on *side*; one that is not there yet is pushed first.

        Raises Refused.
        """
        there = [person for person in await self.persons(text) if side in person.ends]
        if not there:
            await self._push_first(text, side)
            there = [person for person in await self.persons(text) if side in person.ends]
        if not there:
            raise Refused("SYN-179", f"{text} is not on side {side}, and the push did not put it there.")
        person = the_only(there, text)
        return person, person.ends[side]

    async def persons(self, text: str) -> list[Person]:
        """Everybody *text* names, read afresh on both sides; deleted records stand for nobody."""
        found: dict[tuple[int, str], Person] = {}
        for subject in await look_afresh(self.world, self.sync, text, self.run_id):
            person = await self._person_of(subject)
            if person.ends:
                found.setdefault((person.link_id, "" if person.link_id else person.id_text), person)
        linked = {end.record_id for person in found.values() if person.link_id for end in person.ends.values()}
        return [person for person in found.values() if person.link_id or person.id_text not in linked]

    async def _person_of(self, subject: Subject) -> Person:
        subject = await self._end_of_chain(subject)
        ends = await self.world.store.links_of(subject.connection, subject.object_type, [subject.record_id])
        links = ends.filter((pl.col("sync") == self.sync.name) & (pl.col("side") == subject.side))["link_id"]
        members = [subject]
        live = await self.world.store.rows(Table.LINK, {"link_id": links.to_list(), "state": "live"})
        link_id = int(live["link_id"][0]) if len(live) else 0
        if link_id:
            rows = await self.world.store.rows(Table.LINK_END, {"link_id": link_id, "role": "current"})
            members = [await self._end_of_chain(_subject(self.sync, row)) for row in rows.iter_rows(named=True)]
        alive = [member for member in members if await self._is_alive(member)]
        return Person(link_id=link_id, ends={member.side: member for member in alive})

    async def _is_alive(self, subject: Subject) -> bool:
        row = await self.mirror(subject)
        return row is not None and not row["is_deleted"]

    async def _end_of_chain(self, subject: Subject) -> Subject:
        """The record that *subject* ended in if it was merged away or converted: that is who is meant."""
        met = set[str]()
        while subject.record_id not in met:
            met.add(subject.record_id)
            row = await self.mirror(subject)
            heir_type = row["heir_type"] if row is not None else None
            if row is None or heir_type not in self.sync.side(subject.side).object_types:
                break
            subject = replace(subject, object_type=str(heir_type), record_id=str(row["heir_id"]))
            if await self.mirror(subject) is None:
                ids = [subject.record_id]
                await read_again(self.world, subject.connection, subject.object_type, ids, self.run_id)
        return subject

    async def mirror(self, subject: Subject) -> Mapping[str, object] | None:
        """The MIRROR row of a record; None if it was never seen."""
        keys = {
            "connection": subject.connection,
            "object_type": subject.object_type,
            "record_id": subject.record_id,
        }
        rows = await self.world.store.rows(Table.MIRROR, keys)
        return rows.row(0, named=True) if len(rows) else None

    async def _push_first(self, text: str, side: Side) -> None:
        lone = await self.persons(text)
        if not lone:
            raise Refused("SYN-150", f"{text} is deleted on both sides.")
        person = the_only(lone, text)
        if other(side) not in person.ends:
            return
        report = await push(self.world, self.sync, person.ends[other(side)].record_id)
        self.pushed = report.run_id
        if report.stopped is not None:
            raise report.stopped
        if "dead" in report.counts(other(side)) or report.held:
            raise Refused("SYN-179", f"The push to side {side} failed: {_reason(report)}")

    async def perform(self, side: Side, write: Write, *, link_id: int) -> Outcome:
        """Do one deed and read again what it touched (`deeds.perform`)."""
        return await perform(self.world, self.sync, self.run_id, side, write, link_id=link_id)

    def result(self, person: Person, subject: Subject, outcome: Outcome, done: str) -> Result:
        """The end of an action that was one deed on *subject*: *done* says what was done, if it was."""
        ended = ended_as(outcome)
        words = {
            Ended.DONE: done,
            Ended.UNKNOWN: "It was sent and the answer was lost. Look at the record before you repeat it.",
            Ended.REFUSED: f"{subject.connection} refused it: {outcome.message or outcome.code}",
        }
        return Result(
            action=self.name,
            ended=ended,
            reason=words[ended],
            code="SYN-178" if ended is Ended.REFUSED else None,
            vendor_code=outcome.code,
            side=subject.side,
            object_type=subject.object_type,
            record_id=subject.record_id,
            link_id=person.link_id,
            made=outcome.made,
            candidates=outcome.candidates,
        )

    def already(self, person: Person, subject: Subject, reason: str) -> Result:
        """The end of an action that found everything as it should be."""
        return Result(
            action=self.name,
            ended=Ended.NOTHING,
            reason=reason,
            side=subject.side,
            object_type=subject.object_type,
            record_id=subject.record_id,
            link_id=person.link_id,
        )


def the_only(persons: list[Person], text: str) -> Person:
    """The one person among them; Refused if there are several."""
    if len(persons) > 1:
        ids = [end.record_id for person in persons for end in person.ends.values()]
        raise Refused("SYN-171", f"{text} names {len(persons)} persons.", candidates=ids)
    return persons[0]


def _subject(sync: Sync, row: Mapping[str, str]) -> Subject:
    side: Side = "a" if row["side"] == "a" else "b"
    return Subject(
        side=side,
        connection=sync.side(side).connection,
        object_type=row["object_type"],
        record_id=row["record_id"],
    )


def _reason(report: RunReport) -> str:
    told = report.classes.filter(pl.col("class").is_in(["dead", "held"]))["reason"]
    return "; ".join(told.unique(maintain_order=True)) or "it is held"


Work = Callable[[Acting], Awaitable[Result]]


async def carry_out(world: World, sync: Sync, name: str, work: Work) -> Result:
    """Run *work* as an action called *name*, recorded as a run of that kind.

    Raises what ends any run (ConfigError, AccessError, Later, NotUnderstood, StateError); everything else is a result.
    """
    if sync.actions is None:
        raise ConfigError(f"The sync {sync.name!r} has no actions on single persons.", code="SYN-124")
    table, sync = sync.actions, await meet(world, sync)
    report = RunReport(run_id=world.random.token(8), sync=sync.name, kind=name)
    await open_run(world, report)
    acting = Acting(world=world, sync=sync, name=name, run_id=report.run_id, table=table)
    try:
        await resolve_deeds(world, sync, report.run_id)
        result = await _ended(acting, work)
    except (SynclineError, StopRequested) as error:
        await close_run(world, report, "failed", str(error) or "stopped by a signal")
        raise
    report.unknown = int(result.ended is Ended.UNKNOWN)
    states = {Ended.REFUSED: "failed", Ended.UNKNOWN: "held"}
    state = states.get(result.ended, "succeeded")
    is_trouble = result.ended in states
    await close_run(world, report, state, result.reason if is_trouble else None)
    return replace(result, run_id=report.run_id, pushed=acting.pushed)


async def _ended(acting: Acting, work: Work) -> Result:
    try:
        return await work(acting)
    except Refused as refused:
        return Result(
            action=acting.name,
            ended=refused.ended,
            reason=refused.reason,
            code=refused.code,
            candidates=refused.candidates,
        )
