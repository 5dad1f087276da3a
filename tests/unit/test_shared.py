"""What records of one owner have in common: echoes, proofs and one write per owner, row by row."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from syncline.reconcile.merge import DECISIONS
from syncline.reconcile.shared import FACTS, echoes, one_write, settled_members, siblings
from syncline.spec.model import Direction, FieldMap, Policy
from tests.support.memory_world import field_map

CONSENT = field_map("opt_out", policies={"*": Policy.MOST_RESTRICTIVE})
COMPANY = field_map("title", direction=Direction.A_TO_B, policies={"*": Policy.A})
MAPS = {m.key: m for m in (CONSENT, COMPANY)}
OLD, NEW = 1, 2


def fact(link: int, **said: Any) -> dict[str, Any]:
    quiet = {"mapping": "opt_out", "side": "b", "owner": 7, "base": OLD, "print": OLD, "is_quiet": True, "seen_us": 5}
    return {"link_id": link, "marked": None, **quiet, **said}


def facts(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=FACTS)


@pytest.mark.parametrize(
    ("rows", "links"),
    [
        pytest.param([fact(1, base=NEW, print=NEW), fact(2, print=NEW)], [2], id="agreed through a sibling"),
        pytest.param([fact(1), fact(2, print=NEW)], [], id="nobody agreed on that"),
        pytest.param([fact(1, base=NEW, print=NEW, owner=8), fact(2, print=NEW)], [], id="another owner's"),
        pytest.param([fact(1, base=NEW, print=NEW, side="a"), fact(2, print=NEW)], [], id="the other side's"),
        pytest.param([fact(1, base=NEW, print=NEW), fact(2, base=None, print=NEW)], [], id="no base: a first link"),
        pytest.param([fact(1, base=NEW, print=OLD), fact(2, base=OLD, print=OLD)], [1], id="back to a sibling's base"),
    ],
)
def test_echoes(rows: list[dict[str, Any]], links: list[int]) -> None:
    assert echoes(facts(*rows))["link_id"].to_list() == links


@pytest.mark.parametrize(
    ("rows", "links"),
    [
        pytest.param([fact(1), fact(2)], [1, 2], id="all of one value"),
        pytest.param([fact(1), fact(2, marked=7)], [1], id="known already"),
        pytest.param([fact(1), fact(2, base=NEW, print=NEW)], [], id="of two values"),
        pytest.param([fact(1, is_quiet=False), fact(2)], [2], id="one of them stirs"),
        pytest.param([fact(1), fact(2, base=None)], [], id="one was never agreed upon"),
        pytest.param([fact(1)], [], id="alone"),
    ],
)
def test_who_is_known_as_an_owner_s(rows: list[dict[str, Any]], links: list[int]) -> None:
    assert settled_members(siblings(facts(*rows)), ["opt_out"])["link_id"].to_list() == links


def write(link: int, value: str, mapping: FieldMap = CONSENT, **said: Any) -> dict[str, Any]:
    row = {
        "link_id": link,
        "mapping": mapping.key,
        "verdict": "write",
        "target": "b",
        "value": value,
        "class": "written",
    }
    return dict.fromkeys(DECISIONS) | row | {"value_a": value, "value_b": "was", "set_base_a": False} | said


def reduced(*rows: dict[str, Any], mapping: str = "opt_out", owners: tuple[int, ...] = (7, 7)) -> Any:
    known = facts(*(fact(link, mapping=mapping, owner=owner) for link, owner in enumerate(owners, 1)))
    given = pl.DataFrame(list(rows), schema=DECISIONS)
    out = one_write(given, known, MAPS, {1: "person", 2: "person"})
    return out, {row["link_id"]: row for row in out.decisions.iter_rows(named=True)}


def test_the_same_value_is_written_once_and_the_other_waits_for_it() -> None:
    out, by_link = reduced(write(2, "true"), write(1, "true"))
    assert (by_link[1]["verdict"], by_link[2]["verdict"]) == ("write", "waiting")
    assert (out.waiting, len(out.conflicts)) == ([2], 0)


def test_different_owners_do_not_meet() -> None:
    given = [write(1, "true"), write(2, "false")]
    out, _ = reduced(*given, owners=(7, 8))
    assert out.decisions.to_dicts() == given


@pytest.mark.parametrize("edits", [(1, 2), (2, 1), (None, None)])
def test_of_consents_the_protective_one_stands_and_is_one_conflict(edits: tuple[int | None, int | None]) -> None:
    given = [write(1, "false", edit_us=edits[0]), write(2, "true", edit_us=edits[1])]
    out, by_link = reduced(*given)
    assert by_link[2]["verdict"] == "write"
    lost = {name: by_link[1][name] for name in ("verdict", "target", "value", "loser_side", "loser_value")}
    assert list(lost.values()) == ["conflict_write", "a", "true", "a", "false"]
    (row,) = out.conflicts.iter_rows(named=True)
    assert (row["link_id"], row["value_a"], row["value_b"]) == (2, "true", "false")
    again, _ = reduced(*reversed(given))
    assert again.conflicts["conflict_id"].to_list() == [row["conflict_id"]], "logged once, whatever the order"


@pytest.mark.parametrize(
    ("edits", "winner"), [((1, 2), 2), ((2, 1), 1), ((2, 2), 1), ((None, 2), 2), ((None, None), 1)]
)
def test_one_way_the_newest_edit_stands_else_the_oldest_link(edits: tuple[int | None, int | None], winner: int) -> None:
    given = [write(link, f"v{link}", COMPANY, edit_us=edits[link - 1]) for link in (1, 2)]
    _, by_link = reduced(*given, mapping="title")
    loser = by_link[3 - winner]
    assert by_link[winner]["verdict"] == "write"
    assert (loser["verdict"], loser["set_base_a"], loser["target"]) == ("apart", True, None)
