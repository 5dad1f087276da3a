"""What switches a rule off, for the proof that its scenario then fails (`test_rules_bite`).

Each is a function of pytest's monkeypatch. They put something else in the place of one step, and nothing more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.connectors.salesforce import SalesforceConnector
from syncline.connectors.salesforce.cursor import Cursor
from syncline.engine import consent, creates, cycle, dirty, inbox, intake, observe, pairs, planning, shared
from syncline.engine import push as push_module
from syncline.engine.sides import HIDDEN, USABLE
from syncline.engine.sides import side_values as honest_side_values
from syncline.engine.world import World
from syncline.ports import Lane
from syncline.reconcile import merge_policies, shared_acts
from syncline.reconcile.absorb import Absorbed
from syncline.reconcile.absorb import absorb as honest_absorb
from syncline.records import Write, WriteAnswer
from syncline.spec import resolve
from syncline.spec.model import FieldMap, Policy, Sync
from syncline.spec.presets.people import PRESETS
from syncline.trees import Commit, Table
from syncline.values import fingerprint

Off = Callable[[pytest.MonkeyPatch], None]


def in_presets(change: Callable[[Sync], Sync]) -> Off:
    """Both presets, changed."""

    def off(patch: pytest.MonkeyPatch) -> None:
        for name, preset in dict(PRESETS).items():
            patch.setitem(PRESETS, name, lambda *given, _preset=preset: change(_preset(*given)))

    return off


def in_fields(change: Callable[[FieldMap], FieldMap], *keys: str) -> Off:
    """Both presets, with these field maps changed."""
    return in_presets(lambda sync: replace(sync, fields=tuple(change(m) if m.key in keys else m for m in sync.fields)))


def replaced(where: object, name: str, by: object) -> Off:
    return lambda patch: patch.setattr(where, name, by)


def file_says_nothing_of_fields(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resolve, "_changed", lambda _base, mapping, _new: mapping)


def never_forced(patch: pytest.MonkeyPatch) -> None:
    planned = creates.plan_creates

    async def plan_creates(*given: Any, forced: bool) -> None:
        await planned(*given)

    patch.setattr(cycle, "plan_creates", plan_creates)


async def nothing(*_: object, **__: object) -> None:
    """A step left out."""


def default_with_every_write(patch: pytest.MonkeyPatch) -> None:
    honest = SalesforceConnector.write

    async def write(self: SalesforceConnector, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        again = [replace(one, cells={**one.cells, "Company": "Private person"}) for one in writes]
        return await honest(self, again, lane=lane)

    patch.setattr(SalesforceConnector, "write", write)


def every_row_counts_as_new(patch: pytest.MonkeyPatch) -> None:
    def absorb(*given: Any, **more: Any) -> Absorbed:
        found = honest_absorb(*given, **more)
        return replace(found, woken=tuple(found.verdicts["record_id"].to_list()))

    patch.setattr(intake, "absorb", absorb)


def new_fields_are_not_filled(patch: pytest.MonkeyPatch) -> None:
    """The cursor takes the new field on; records are read when they are next touched."""
    honest = observe._backfill

    async def fill(world: World, report: Any, names: Sequence[str], run_id: str) -> None:
        where = {"connection": report.connection, "object_type": report.object_type}
        known = await world.store.rows(Table.CURSOR, where)
        if known.is_empty():
            await honest(world, report, names, run_id)
            return
        row = observe.cursor_row(world, report, str(known["position"][0]), names, known["rows_seen"][0])
        await world.store.commit(Commit(put={Table.CURSOR: row}))

    patch.setattr(observe, "_backfill", fill)


def hidden_is_empty(patch: pytest.MonkeyPatch) -> None:
    async def side_values(world: World, *given: Any) -> pl.DataFrame:
        values = await honest_side_values(world, *given)
        empty = fingerprint(world.key, ("",))
        for name in [column[2:] for column in values.columns if column.startswith("k.")]:
            hidden = pl.col(f"k.{name}") == HIDDEN
            values = values.with_columns(
                pl.when(hidden).then(pl.lit("")).otherwise(f"v.{name}").alias(f"v.{name}"),
                pl.when(hidden).then(pl.lit("")).otherwise(f"t.{name}").alias(f"t.{name}"),
                pl.when(hidden).then(pl.lit(empty, dtype=pl.UInt64)).otherwise(f"f.{name}").alias(f"f.{name}"),
                pl.when(hidden).then(pl.lit(USABLE, dtype=pl.UInt8)).otherwise(f"k.{name}").alias(f"k.{name}"),
            )
        return values

    patch.setattr(pairs, "side_values", side_values)


def answers(value: bool) -> Callable[..., Awaitable[bool]]:
    async def said(*_: object) -> bool:
        return value

    return said


def push_asks_the_switch(patch: pytest.MonkeyPatch) -> None:
    async def plan_and_write(world: World, sync: Sync, *given: Any, **more: Any) -> None:
        if await inbox.is_enabled(world.store, sync.name):
            await cycle.plan_and_write(world, sync, *given, **more)

    patch.setattr(push_module, "plan_and_write", plan_and_write)


def an_hour_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    honest = Cursor.of_text

    def of_text(text: str) -> Cursor:
        cursor = honest(text)
        return replace(cursor, since_us=cursor.since_us + 3_600_000_000)

    patch.setattr(Cursor, "of_text", staticmethod(of_text))


def strangers_are_looked_at_once(patch: pytest.MonkeyPatch) -> None:
    honest, met = dirty.dirty_records, set[str]()

    def dirty_records(sync: str, side: str, object_type: str, ids: Sequence[str], **more: Any) -> pl.DataFrame:
        fresh = [record_id for record_id in ids if record_id not in met]
        met.update(fresh)
        return honest(sync, side, object_type, fresh, **more)

    patch.setattr(intake, "dirty_records", dirty_records)


def no_obstacles(patch: pytest.MonkeyPatch) -> None:
    honest = planning._membership
    patch.setattr(
        planning, "_membership", lambda *given: honest(*given).with_columns(pl.lit(None, pl.String).alias("obstacle"))
    )


def nobody_s_hand(patch: pytest.MonkeyPatch) -> None:
    """Who changed a record last is no evidence."""
    patch.setattr(consent, "last_hands", lambda pairs, *_: pairs)


def siblings_prove_nothing(patch: pytest.MonkeyPatch) -> None:
    """What was agreed through one person of an address says nothing of the others."""
    patch.setattr(shared, "proofs", lambda _facts, moments, *_: moments.clear())


def who_follows_a_person_is_judged_alone(patch: pytest.MonkeyPatch) -> None:
    """A person's act by one record says nothing of those that followed in the same moment."""
    patch.setattr(shared_acts, "_acted", lambda: pl.lit(False))


def who_follows_needs_no_person(patch: pytest.MonkeyPatch) -> None:
    """Whatever is done by one record of an address counts as an act, for it and for those that followed."""
    honest = shared_acts._told
    patch.setattr(shared_acts, "_told", lambda *given: honest(*given).with_columns(is_act=pl.lit(True)))


def an_address_may_bring_an_opt_in(patch: pytest.MonkeyPatch) -> None:
    """Every loosened consent counts as a person's act."""
    honest = merge_policies._is_proven
    patch.setattr(merge_policies, "_is_proven", lambda side, widening_us: pl.lit(True) | honest(side, widening_us))


def by(policy: Policy) -> Callable[[FieldMap], FieldMap]:
    return lambda mapping: replace(mapping, policies={"*": policy})
