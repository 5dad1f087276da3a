"""Chains of heirs, what follows for links, and bases carried over: the table of the succession, row by row."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from syncline.reconcile.succession import CARRIED, FATES, TAKEN_OVER, carried, events, last_records
from syncline.spec.model import Direction, End, FieldMap, Policy
from syncline.values import FieldType


def lasts_of(*fates: tuple[str, str]) -> dict[str, str | None]:
    """ "A>B" pairs: A ended in B."""
    rows = [("person", one, "person", heir) for one, heir in fates]
    out = last_records(pl.DataFrame(rows, schema=FATES, orient="row"))
    return dict(out.select("record_id", "last_id").iter_rows())


@pytest.mark.parametrize(
    ("fates", "expected"),
    [
        pytest.param([("A", "B")], {"A": "B"}, id="merged"),
        pytest.param([("A", "B"), ("B", "C")], {"A": "C", "B": "C"}, id="merged into one that was merged"),
        pytest.param([("A", "B"), ("B", "A")], {"A": None, "B": None}, id="a chain that bites its tail has no end"),
        pytest.param([("A", "B"), ("B", "C"), ("C", "B")], {"A": None, "B": None, "C": None}, id="a chain into a ring"),
        pytest.param([("A", "A")], {"A": None}, id="its own heir"),
        pytest.param([], {}, id="nobody"),
    ],
)
def test_chains(fates: list[tuple[str, str]], expected: dict[str, str | None]) -> None:
    assert lasts_of(*fates) == expected


def test_a_converted_lead_whose_contact_was_merged_away_ends_in_the_winner() -> None:
    fates = pl.DataFrame([("lead", "L", "contact", "C"), ("contact", "C", "contact", "D")], schema=FATES, orient="row")
    assert last_records(fates).row(0) == ("lead", "L", "contact", "D")


def followed(
    ended: dict[int, str], fates: dict[str, str], holders: dict[str, int]
) -> dict[int, tuple[str, int | None]]:
    links = pl.DataFrame(
        [(link, "person", one) for link, one in ended.items()],
        schema={"link_id": pl.Int64, "object_type": pl.String, "record_id": pl.String},
        orient="row",
    )
    lasts = last_records(
        pl.DataFrame([("person", a, "person", b) for a, b in fates.items()], schema=FATES, orient="row")
    )
    held = pl.DataFrame(
        [("person", one, link) for one, link in holders.items()],
        schema={"object_type": pl.String, "record_id": pl.String, "link_id": pl.Int64},
        orient="row",
    )
    out = events(links, lasts, held)
    return {link: (event, into) for link, event, into in out.select("link_id", "event", "into").iter_rows()}


@pytest.mark.parametrize(
    ("ended", "fates", "holders", "expected"),
    [
        pytest.param({1: "A"}, {"A": "B"}, {}, {1: ("inherit", None)}, id="the heir is free"),
        pytest.param({1: "A"}, {"A": "B"}, {"B": 2}, {1: ("one_person", 2)}, id="the heir is in another link"),
        pytest.param({1: "A"}, {"A": "B"}, {"B": 1}, {1: ("known", None)}, id="the heir is in this link"),
        pytest.param(
            {1: "A", 2: "B"}, {"A": "C", "B": "C"}, {}, {1: ("inherit", None), 2: ("one_person", 1)}, id="two to one"
        ),
        pytest.param(
            {1: "A", 2: "B"},
            {"A": "B", "B": "C"},
            {"B": 2, "C": 3},
            {1: ("one_person", 3), 2: ("one_person", 3)},
            id="a chain through a linked record goes to its end",
        ),
        pytest.param({1: "A"}, {"A": "B", "B": "A"}, {}, {}, id="a ring says nothing"),
    ],
)
def test_events(
    ended: dict[int, str], fates: dict[str, str], holders: dict[str, int], expected: dict[int, tuple[str, int | None]]
) -> None:
    assert followed(ended, fates, holders) == expected


PRINT = 77
KEPT, UNKNOWN, FILLED = (None, None), (0, None), (PRINT, 0)


def base_after(old: str | None, new: str | None, **options: Any) -> tuple[int | None, int | None]:
    kind = options.pop("kind", FieldType.TEXT)
    end = End(inputs=("f",), field="f", type=kind)
    mapping = FieldMap(key="f", a={"contact": end}, b={"human": end}, **options)
    cells = pl.DataFrame([(1, "f", old, new, PRINT)], schema=TAKEN_OVER, orient="row")
    out = carried(cells, mapping, "a", "contact")
    assert out.schema == pl.Schema(CARRIED)
    return out.select("own", "far").row(0)


@pytest.mark.parametrize(
    ("old", "new", "options", "expected"),
    [
        pytest.param("x", "x", {}, KEPT, id="equal: base kept"),
        pytest.param("", "", {}, KEPT, id="both empty: base kept"),
        pytest.param("x", "", {}, FILLED, id="heir empty: filled from the other side"),
        pytest.param("x", "y", {}, UNKNOWN, id="heir differs: counts as changed"),
        pytest.param("", "y", {}, UNKNOWN, id="heir knows more: counts as changed"),
        pytest.param("true", "false", {"kind": FieldType.BOOLEAN}, FILLED, id="a false flag is its default"),
        pytest.param("false", "true", {"kind": FieldType.BOOLEAN}, UNKNOWN, id="a set flag counts"),
        pytest.param(
            "true",
            "false",
            {"kind": FieldType.BOOLEAN, "policies": {"*": Policy.MOST_RESTRICTIVE}},
            FILLED,
            id="consent is not loosened by a fresh record",
        ),
        pytest.param("x", "[unknown]", {"defaults": {"a": "[unknown]"}}, FILLED, id="the synthetic value is a default"),
        pytest.param(None, "y", {}, UNKNOWN, id="old cell unread: unknown"),
        pytest.param("x", "", {"direction": Direction.A_TO_B}, UNKNOWN, id="a gives: an empty heir is just unknown"),
        pytest.param("x", "y", {"direction": Direction.A_TO_B}, UNKNOWN, id="a gives: its new value flows"),
        pytest.param("x", "y", {"direction": Direction.B_TO_A}, FILLED, id="a only takes: b writes its value again"),
    ],
)
def test_bases(
    old: str | None, new: str | None, options: dict[str, Any], expected: tuple[int | None, int | None]
) -> None:
    assert base_after(old, new, **options) == expected


def test_an_unread_heir_is_never_taken_as_seen() -> None:
    end = End(inputs=("f",), field="f")
    mapping = FieldMap(key="f", a={"contact": end}, b={"human": end})
    cells = pl.DataFrame([(1, "f", "x", None, None)], schema=TAKEN_OVER, orient="row")
    assert carried(cells, mapping, "a", "contact").select("own", "far").row(0) == UNKNOWN
