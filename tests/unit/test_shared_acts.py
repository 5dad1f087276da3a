"""Which act stands behind a shared consent that changed: row by row, what proves a member's value and what does not."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from syncline.reconcile.consent import CONSEQUENCE_US, MOVES
from syncline.reconcile.merge import MOMENTS
from syncline.reconcile.shared import FACTS
from syncline.reconcile.shared_acts import SPREAD_US, proofs

HOUSE, OLD, NEW, OTHER = 7, 1, 2, 3
AT = 10 * CONSEQUENCE_US
SEEN = AT + 60_000_000


def fact(link: int, **said: Any) -> dict[str, Any]:
    """A member's cell on the side that shares, changed from OLD to NEW."""
    row = {"mapping": "opt_out", "side": "b", "owner": HOUSE, "base": OLD, "print": NEW, "is_quiet": False}
    return {"link_id": link, "seen_us": SEEN, "marked": HOUSE, **row, **said}


def agreed(link: int, **said: Any) -> dict[str, Any]:
    return fact(link, base=NEW, is_quiet=True, **said)


def moment(link: int, at_us: int = AT, *, actor: str | None = "flow", human: bool = False) -> dict[str, Any]:
    row = {"link_id": link, "side": "b", "mapping": "opt_out"}
    return {**row, "at_us": at_us, "actor": actor, "is_human": human}


def act(link: int, at_us: int = AT) -> dict[str, Any]:
    return moment(link, at_us, actor="form", human=True)


def moved(link: int, at_us: int, side: str = "b") -> dict[str, Any]:
    return {"link_id": link, "side": side, "moved_us": at_us}


def proven(*rows: dict[str, Any], moments: tuple[Any, ...] = (), moves: tuple[Any, ...] = ()) -> list[tuple[int, int]]:
    """Link and time of every proof."""
    told = proofs(
        pl.DataFrame(list(rows), schema=FACTS),
        pl.DataFrame(list(moments), schema=MOMENTS),
        pl.DataFrame(list(moves), schema=MOVES),
        ["opt_out"],
    )
    assert told["is_human"].all()
    return list(told.select("link_id", "at_us").iter_rows())


SECOND = 1_000_000
PERSON_AND_FOLLOWER = (act(1), moment(2))


@pytest.mark.parametrize(
    ("rows", "moments", "expected"),
    [
        pytest.param([fact(1), fact(2)], PERSON_AND_FOLLOWER, [(2, AT)], id="in the same moment"),
        pytest.param([fact(1), fact(2, marked=None)], PERSON_AND_FOLLOWER, [(2, AT)], id="nobody noted it as a member"),
        pytest.param([fact(1), fact(2)], (act(1), moment(2, AT + SPREAD_US)), [(2, AT + SPREAD_US)], id="in a batch"),
        pytest.param([fact(1), fact(2)], (act(1), moment(2, AT + SPREAD_US + 1)), [], id="too late to be its follower"),
        pytest.param([fact(1), fact(2)], (act(1), moment(2, AT - SECOND)), [], id="before the act"),
        pytest.param([fact(1), fact(2)], (act(1),), [], id="nobody knows when it followed"),
        pytest.param([fact(1), fact(2)], (moment(1), moment(2)), [], id="a program acted"),
        pytest.param([fact(1), fact(2)], (moment(2),), [], id="we wrote, or nobody knows"),
        pytest.param([fact(1, owner=8), fact(2)], PERSON_AND_FOLLOWER, [], id="of another owner"),
        pytest.param([fact(1, side="a"), fact(2)], PERSON_AND_FOLLOWER, [], id="on the other side"),
        pytest.param([fact(1, base=OTHER), fact(2)], PERSON_AND_FOLLOWER, [], id="from another base"),
        pytest.param([fact(1, base=None), fact(2, base=None)], PERSON_AND_FOLLOWER, [], id="first links"),
        pytest.param([fact(1, print=OTHER), fact(2)], PERSON_AND_FOLLOWER, [], id="to another value"),
        pytest.param([fact(1), fact(2, print=OLD)], PERSON_AND_FOLLOWER, [], id="it still holds its base"),
        pytest.param([fact(1, mapping="title"), fact(2, mapping="title")], PERSON_AND_FOLLOWER, [], id="no consent"),
        pytest.param([fact(2)], (act(2),), [], id="alone, its own act speaks for itself"),
    ],
)
def test_a_person_s_act_by_one_record_proves_those_that_followed(
    rows: list[dict[str, Any]], moments: tuple[Any, ...], expected: list[tuple[int, int]]
) -> None:
    assert proven(*rows, moments=moments) == expected


@pytest.mark.parametrize(
    ("rows", "moments", "expected"),
    [
        pytest.param([agreed(1), fact(2)], (), [(2, SEEN)], id="agreed through a sibling"),
        pytest.param([agreed(1), fact(2)], (moment(2),), [(2, AT)], id="and the time is known"),
        pytest.param([agreed(1), fact(2)], PERSON_AND_FOLLOWER, [(2, AT)], id="after a person's act"),
        pytest.param([agreed(1), fact(2)], (moment(1), moment(2)), [], id="a program's reset of what never arrived"),
        pytest.param([agreed(1), fact(2)], (moment(1, actor=None), moment(2)), [(2, AT)], id="by whom is not told"),
        pytest.param([agreed(1, print=OLD), fact(2)], (), [], id="the sibling has left it"),
        pytest.param([agreed(1, owner=8), fact(2)], (), [], id="another owner's"),
    ],
)
def test_what_was_agreed_through_one_record_proves_the_others(
    rows: list[dict[str, Any]], moments: tuple[Any, ...], expected: list[tuple[int, int]]
) -> None:
    assert proven(*rows, moments=moments) == expected


@pytest.mark.parametrize("before", [fact, agreed])
@pytest.mark.parametrize(
    ("marked", "moves", "is_proven"),
    [
        pytest.param(HOUSE, (), True, id="known as a member"),
        pytest.param(None, (), True, id="never seen to come"),
        pytest.param(8, (), False, id="known elsewhere, and nobody saw it come"),
        pytest.param(None, (moved(2, AT),), False, id="comes with the change"),
        pytest.param(None, (moved(2, AT - CONSEQUENCE_US),), False, id="came an hour before"),
        pytest.param(None, (moved(2, AT - CONSEQUENCE_US - 1),), True, id="came long before"),
        pytest.param(None, (moved(2, AT, "a"),), True, id="its address moved on the other side"),
        pytest.param(HOUSE, (moved(2, AT),), False, id="went and came back"),
        pytest.param(HOUSE, (moved(2, AT + SECOND),), False, id="moved afterwards"),
    ],
)
def test_only_members_are_proven(before: Any, marked: int | None, moves: tuple[Any, ...], is_proven: bool) -> None:
    told = proven(before(1), fact(2, marked=marked), moments=PERSON_AND_FOLLOWER, moves=moves)
    assert told == [(2, AT)] * is_proven


def test_the_act_of_who_came_with_it_proves_nobody() -> None:
    assert proven(fact(1), fact(2), moments=PERSON_AND_FOLLOWER, moves=(moved(1, AT),)) == []


def test_without_a_moment_a_newcomer_is_never_taken_for_a_member() -> None:
    long_ago = (moved(2, SEEN - 100 * CONSEQUENCE_US),)
    assert proven(agreed(1), fact(2, marked=None), moves=long_ago) == []
