"""Random lives of people in two systems: however they edit and whatever fails, both sides end up in agreement.

`--slow` goes deeper. A failing history is printed as its steps; `play` replays it. Edits that nobody could have seen
(the window between our read and our write) are counted: `--hypothesis-show-statistics` shows how many histories had
some. They must be 0 where the target compares before it sets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, currently_in_test_context, event, given, settings
from hypothesis import strategies as st

from syncline.connectors.memory import Fault
from syncline.records import Side
from syncline.spec.model import Sync
from tests.support.memory_laws import differences, duplicates, is_idle, losses, open_ends, unbalanced
from tests.support.memory_life import (
    EDITED,
    GUARDED_SYSTEMS,
    POOR_SYSTEMS,
    RICH_SYSTEMS,
    Life,
    Variant,
    dies,
    filtered_people_of_two_types,
)


@dataclass(frozen=True)
class New:
    """A person enters a record; `twin` also on the other side."""

    side: Side
    twin: bool


@dataclass(frozen=True)
class Change:
    """A person edits a field of the who-th record of a side."""

    side: Side
    who: int
    field: str
    how: str = "fresh"  # fresh | blank | same as the other side's newest
    late_seconds: float = 0.0


@dataclass(frozen=True)
class Both:
    """The same field is edited on both sides of the who-th record of a."""

    who: int
    field: str
    gap_seconds: float


@dataclass(frozen=True)
class Filter:
    """The who-th record of a leaves or enters the filter."""

    who: int
    out: bool


@dataclass(frozen=True)
class Delete:
    """The who-th record of a side is deleted."""

    side: Side
    who: int


@dataclass(frozen=True)
class Undelete:
    """The who-th deleted record of a side comes back."""

    side: Side
    who: int


@dataclass(frozen=True)
class Convert:
    """The who-th person of a becomes a member."""

    who: int


@dataclass(frozen=True)
class Hide:
    side: Side
    field: str
    hidden: bool


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Trouble:
    """What happens to the next write on a side."""

    side: Side
    fault: Fault


@dataclass(frozen=True)
class Lag:
    side: Side
    seconds: float


@dataclass(frozen=True)
class Flow:
    """A rule of that side replaces the next title we write, in the same transaction."""

    side: Side


@dataclass(frozen=True)
class Dies:
    """In place of an act inside a run: our process ends."""


Act = Change | Both | Dies | Wait


@dataclass(frozen=True)
class Run:
    """One cycle; acts happen before its n-th effects."""

    during: tuple[tuple[int, Act], ...] = ()


Step = New | Change | Both | Filter | Delete | Undelete | Convert | Hide | Wait | Trouble | Lag | Flow | Run

SIDE = st.sampled_from(("a", "b"))
WHO = st.integers(0, 3)
CHANGE = st.builds(
    Change,
    side=SIDE,
    who=WHO,
    field=st.sampled_from(EDITED),
    how=st.sampled_from(("fresh", "fresh", "fresh", "blank")),
)
LATE_CHANGE = st.builds(
    Change, side=SIDE, who=WHO, field=st.sampled_from(EDITED), late_seconds=st.sampled_from((5.0, 40.0))
)
BOTH = st.builds(Both, who=WHO, field=st.sampled_from(EDITED), gap_seconds=st.sampled_from((0.0, 0.3, 3.0, 90.0)))
WAIT = st.builds(Wait, seconds=st.sampled_from((0.4, 2.0, 70.0, 1000.0)))
CALM_STEP = st.one_of(
    st.builds(New, side=SIDE, twin=st.booleans()),
    CHANGE,
    BOTH,
    st.builds(Filter, who=WHO, out=st.booleans()),
    st.builds(Hide, side=SIDE, field=st.sampled_from(("title", "phone")), hidden=st.booleans()),
    WAIT,
    st.just(Run()),
)


ENDING = st.one_of(
    st.builds(Delete, side=SIDE, who=WHO),
    st.builds(Undelete, side=SIDE, who=WHO),
    st.builds(Convert, who=WHO),
    st.builds(Convert, who=WHO),
)


async def play(steps: Sequence[Step], variant: Variant, sync: Sync | None = None) -> Life:
    """Live through *steps*, then rest until nothing is left to do."""
    life = await Life.begin(variant, sync)
    for step in [New("a", twin=False), New("a", twin=True), *steps]:
        await _take(life, step)
    await rest(life)
    return life


async def _take(life: Life, step: Step) -> None:
    if isinstance(step, Run):
        await life.cycle({n: _act(life, act) for n, act in step.during})
        life.clock.advance(0.3)
        return
    life.clock.advance(0.2)
    _do(life, step)


def _act(life: Life, act: Act) -> Callable[[], None]:
    return dies if isinstance(act, Dies) else lambda: _do(life, act)


def _do(life: Life, step: Step | Dies) -> None:
    match step:
        case New(side, twin):
            number = len(life.systems["a"].rows) + len(life.systems["b"].rows)
            for s in ("a", "b") if twin else (side,):
                life.new_person("a" if s == "a" else "b", number)
        case Change(side, who, field, how, late_seconds):
            _edit(life, side, who, field, how, late_seconds)
        case Both(who, field, gap_seconds):
            _edit(life, "a", who, field)
            life.clock.advance(gap_seconds)
            _edit(life, "b", who, field)
        case Filter(who, out):
            _filter(life, who, "out" if out else "")
        case Delete() | Undelete() | Convert():
            _end(life, step)
        case Hide(side, field, hidden):
            (life.connectors[side].hidden.add if hidden else life.connectors[side].hidden.discard)(field)
        case Wait(seconds):
            life.clock.advance(seconds)
        case Trouble(side, fault):
            life.connectors[side].next_writes.append(fault)
        case Lag(side, seconds):
            life.connectors[side].lag_seconds = seconds
        case Flow(side):
            life.flows[side] += 1


def _end(life: Life, step: Delete | Undelete | Convert) -> None:
    match step:
        case Delete(side, who):
            if people := life.people_of(side):
                life.systems[side].delete(people[who % len(people)], "human")
        case Undelete(side, who):
            life.undelete(side, who)
        case Convert(who):
            life.convert(who)


def _filter(life: Life, who: int, status: str) -> None:
    if people := life.people_of("a"):
        life.edit("a", people[who % len(people)], "status", status)


def _edit(life: Life, side: Side, who: int, field: str, how: str = "fresh", late_seconds: float = 0.0) -> None:
    people = life.people_of(side)
    if not people:
        return
    record_id = people[who % len(people)]
    value = "" if how == "blank" else life.fresh(field)
    if field == "opt_out":
        value = "" if how == "blank" else ("false", "true")[life.values_made % 2]
    life.edit(side, record_id, field, value, late_seconds=late_seconds)


async def rest(life: Life) -> None:
    """Everything works again and nobody edits; time passes until there is nothing left to do."""
    for side in ("a", "b"):
        connector = life.connectors["a" if side == "a" else "b"]
        connector.next_writes.clear()
        connector.lag_seconds = 0.0
        connector.hidden.clear()
        life.flows["a" if side == "a" else "b"] = 0
    for _ in range(9):
        life.clock.advance(1000.0)
        writes = len(life.written)
        await life.cycle()
        if len(life.written) == writes and await is_idle(life):
            return


async def judge(life: Life, *, compares: bool = True) -> None:
    """Assert every law of `memory_laws`, and that one more run writes nothing. *compares*: the batches were small
    enough to compare before they set."""
    found, _ = await differences(life)
    visible, unseen = await losses(life)
    assert found == [], found
    assert (doubled := await duplicates(life)) == [], doubled
    assert visible == [], visible
    if currently_in_test_context():
        event(f"window losses: {len(unseen)}")
    if life.variant.capabilities.has_compare_and_set and compares:
        # A repeated create that arrives late updates the record made meanwhile, and creates compare nothing.
        late = {record_id for connector in life.connectors.values() for record_id in connector.written_over}
        compared = [text for text in unseen if not any(record_id in text for record_id in late)]
        assert compared == [], compared
    writes = len(life.written)
    life.clock.advance(61.0)
    report = await life.cycle()
    assert report is not None
    assert report.is_balanced
    assert life.written[writes:] == [], life.written[writes:]
    assert (lopsided := list(unbalanced(life))) == [], lopsided
    assert (left := await open_ends(life)) == [], left


def lives(steps: Sequence[Step], variant: Variant, sync: Sync | None = None) -> None:
    async def whole() -> None:
        life = await play(steps, variant, sync)
        await judge(life)

    asyncio.run(whole())


VARIANTS = pytest.mark.parametrize("variant", [RICH_SYSTEMS, POOR_SYSTEMS, GUARDED_SYSTEMS], ids=lambda v: v.name)
CALM = st.lists(CALM_STEP, min_size=3, max_size=14)
ENDINGS = st.lists(st.one_of(ENDING, CALM_STEP, CALM_STEP), min_size=3, max_size=14)
ACT = st.one_of(CHANGE, CHANGE, BOTH, st.just(Dies()))
DURING = st.lists(st.tuples(st.integers(1, 20), ACT), max_size=2).map(tuple)
TROUBLE = st.builds(Trouble, side=SIDE, fault=st.sampled_from(Fault))
FLOW = st.builds(Flow, side=SIDE)
LAG = st.builds(Lag, side=SIDE, seconds=st.sampled_from((0.0, 0.8)))
EDITS = st.lists(st.one_of(CHANGE, CHANGE, BOTH, BOTH, LATE_CHANGE, CALM_STEP), min_size=1, max_size=3)
ROUND = st.tuples(
    EDITS, st.lists(st.one_of(TROUBLE, TROUBLE, LAG, FLOW), max_size=2), st.builds(Run, during=DURING)
).map(lambda parts: [*parts[0], *parts[1], parts[2]])
ROUGH = st.lists(ROUND, min_size=2, max_size=7).map(lambda rounds: [step for own in rounds for step in own])


HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large]


@VARIANTS
@settings(max_examples=6, suppress_health_check=HEALTH)
@given(steps=CALM)
def test_without_faults(variant: Variant, steps: list[Step]) -> None:
    lives(steps, variant)


@VARIANTS
@settings(max_examples=8, suppress_health_check=HEALTH)
@given(steps=ENDINGS)
def test_people_who_are_converted_deleted_and_undeleted(variant: Variant, steps: list[Step]) -> None:
    lives(steps, variant, filtered_people_of_two_types())


@VARIANTS
@settings(max_examples=14, suppress_health_check=HEALTH)
@given(steps=ROUGH)
def test_with_faults(variant: Variant, steps: list[Step]) -> None:
    lives(steps, variant)


@pytest.mark.slow
@VARIANTS
@settings(max_examples=400, suppress_health_check=HEALTH)
@given(steps=ROUGH)
def test_with_faults_deeper(variant: Variant, steps: list[Step]) -> None:
    lives(steps, variant)
