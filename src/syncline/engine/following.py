"""Following a change stream: one subscription per channel, taken in batch by batch, resumed by position, for as long as
its lease lasts.

    stream:<connection>:<channel>   the unit, and the name of its lease

Lives here: what happens when a stream begins, breaks off, is refused or has lost events. Not here: what a batch does
(`stream`), polling (`units`) or who follows which channel (`runtime`).

A stream only makes things faster. What it misses, polling finds: a channel that is not allowed, or whose allotment is
used up, is left alone for a while and says why; where events are known to be missing the objects are polled at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from syncline.engine.cycle import RunReport, close_run, open_run, state_of
from syncline.engine.laws import balances
from syncline.engine.observe import channels, listen, meet
from syncline.engine.rereads import read_due
from syncline.engine.stream import OFF, Standing, owing, stand, standing, take_batch
from syncline.engine.tenure import begin, kept
from syncline.engine.units import Turn, run_unit, units_of
from syncline.engine.unreadable import close_nameless
from syncline.engine.world import World
from syncline.errors import (
    AccessError,
    ConfigError,
    Later,
    NotUnderstood,
    PositionLost,
    QuotaExhausted,
    RateLimited,
    SynclineError,
)
from syncline.records import EventBatch
from syncline.spec.model import Sync
from syncline.trees import Fenced, Table

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
SPENT_PAUSE_SECONDS = 1_800.0
"""An allotment of rolling 24 hours is asked about this often."""
REFUSED_PAUSE_SECONDS = 3_600.0
"""Rights and settings are changed by people."""

BATCHES_PER_RUN = 200


def streams_of(world: World, sync: Sync) -> tuple[tuple[str, str], ...]:
    """Connection and channel of every stream that tells of the sync's objects."""
    return tuple(
        (connection, channel)
        for connection in dict.fromkeys((sync.a.connection, sync.b.connection))
        for channel in channels(world, connection)
    )


def name_of(connection: str, channel: str) -> str:
    """The unit of a channel, and its lease."""
    return f"stream:{connection}:{channel}"


async def hold_stream(world: World, sync: Sync, connection: str, channel: str, turn: Turn) -> bool:
    """Follow the channel under its lease, until cancelled; False, and nothing done, while another worker has it in
    hand, or this one for another sync of the connection.

    For clocks that let others run while one sleeps: the lease is kept alive meanwhile. Raises as `follow`.
    """
    name = name_of(connection, channel)
    held = await world.store.rows(Table.LEASE, {"name": name, "holder": turn.worker})
    if len(held) and held["expires_us"][0] > await world.store.clock_us():
        return False  # who holds a lease may take it anew: two of one worker would take it from each other
    own = await begin(world, name, turn.worker, seconds=turn.lease_seconds)
    if own is None or own.tenure is None:
        return False
    try:
        async with kept(own.tenure, own.clock):
            await follow(own, sync, connection, channel, turn)
    finally:
        await own.tenure.end()
    return True


async def follow(world: World, sync: Sync, connection: str, channel: str, turn: Turn) -> None:
    """Take in what is pushed in *channel*, for ever; *sync* is one that uses the connection. Ends by being cancelled.

    The stream is what is lost, refused or spent, never the run: what a person has to mend stands in its row. Raises
    Fenced once the lease has passed on (stop at once), StateError, OurBug.
    """
    await _meet_all(world, sync, connection)
    failures = 0
    while True:
        session = _Session(world, connection, channel, turn)
        try:
            await session.listen()
            pause = FIRST_PAUSE_SECONDS
        except PositionLost:
            await session.lose_position()
            pause = FIRST_PAUSE_SECONDS
        except QuotaExhausted as spent:
            await session.switch_off(spent)
            pause = SPENT_PAUSE_SECONDS
        except (AccessError, ConfigError, NotUnderstood) as refused:
            await session.switch_off(refused)
            pause = REFUSED_PAUSE_SECONDS
        except Later as later:
            failures = 1 if session.has_come else failures + 1
            asked = later.retry_after_seconds if isinstance(later, RateLimited) else 0.0
            pause = max(asked, _backoff(world, failures))
        await world.clock.sleep(pause)


def _backoff(world: World, failures: int) -> float:
    step = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (failures - 1))
    return step * world.random.uniform(0.5, 1.0)


async def _meet_all(world: World, sync: Sync, connection: str) -> None:
    """Learn what the objects look like that the channel's events are of, for all syncs that read them."""
    for one in list(world.syncs.values()):
        if one.name == sync.name or connection in (one.a.connection, one.b.connection):
            await meet(world, one)


@dataclass
class _Session:
    """One subscription, from its opening to its end."""

    world: World
    connection: str
    channel: str
    turn: Turn
    has_come: bool = False
    _run: RunReport | None = None
    _batches: int = 0
    _object_types: Sequence[str] = field(default_factory=tuple)

    async def listen(self) -> None:
        """Take in batches until the vendor ends the stream."""
        here: Mapping[str, Sequence[str]] = channels(self.world, self.connection)
        self._object_types = here.get(self.channel, ())
        known = await standing(self.world, self.connection, self.channel)
        if known is None or known.position is None:
            # From its newest end: what came before is polling's.
            known = owing(known or Standing(), self._object_types)
            await stand(self.world, self.connection, self.channel, known)
        try:
            async with aclosing(listen(self.world, self.connection, self.channel, known.position)) as batches:
                async for batch in batches:
                    await self._take(batch)
        except Fenced:
            raise
        except BaseException:
            await self._close_run()
            raise
        await self._close_run()

    async def lose_position(self) -> None:
        """Begin anew at the newest end; `listen` then has what lies between polled."""
        known = await standing(self.world, self.connection, self.channel) or Standing()
        await stand(self.world, self.connection, self.channel, replace(known, position=None))

    async def switch_off(self, why: SynclineError) -> None:
        known = await standing(self.world, self.connection, self.channel) or Standing()
        await stand(self.world, self.connection, self.channel, replace(known, state=OFF, why=str(why)))

    async def _take(self, batch: EventBatch) -> None:
        self.has_come = True
        run = await self._running()
        now = await take_batch(self.world, self.connection, batch, run.run_id)
        for object_type in self._object_types:
            await read_due(self.world, self.connection, object_type, run.run_id)
        if now.owed:
            await self._answer(now)
        self._batches += bool(batch.events)
        if self._batches >= BATCHES_PER_RUN:
            await self._close_run()

    async def _answer(self, now: Standing) -> None:
        """Poll the objects of which events are missing; one that another worker is polling is asked about again with
        the next batch: he may have begun before."""
        for object_type in now.owed:
            since_us = self.world.now_us()
            if await self._poll(object_type):
                await close_nameless(self.world, self.connection, object_type, since_us)
                now = replace(now, owed=tuple(one for one in now.owed if one != object_type))
        await stand(self.world, self.connection, self.channel, now if now.owed else owing(now, ()))

    async def _poll(self, object_type: str) -> bool:
        """Whether the object was polled under its own lease."""
        name = f"observe:{self.connection}:{object_type}"
        for sync in self.world.syncs.values():
            for unit in units_of(sync):
                if unit.name == name:
                    try:
                        return await run_unit(self.world, sync, unit, self.turn) is not None
                    except Fenced:
                        await self.world.before_sending()  # ours may be the one that was lost
                        return False
                    except (Later, AccessError, NotUnderstood):  # told in the run's own row; the next batch tries again
                        return False
        return False

    async def _running(self) -> RunReport:
        """The run that the batches are counted in."""
        if self._run is None:
            self._run = RunReport(
                run_id=self.world.random.token(8),
                sync=name_of(self.connection, self.channel),
                kind="stream",
                worker=self.turn.worker,
                lane=self.turn.lane,
            )
            self._batches = 0
            await open_run(self.world, self._run)
        return self._run

    async def _close_run(self) -> None:
        """Close the run with the proof that everything received was accounted for."""
        run, self._run = self._run, None
        if run is not None:
            run.balances = await balances(self.world.store, run.sync, run.run_id)
            await close_run(self.world, run, state_of(run))
