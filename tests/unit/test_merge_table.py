"""Every row of the rules' tables for merging, blanks, rights and refusals, by name, for either side.

Each case is decided by the columnar merge and by the row-by-row oracle, and again with the sides exchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from syncline.reconcile.merge import DECISIONS, merge
from syncline.spec.model import Blanks, Direction, Drift, FieldMap, Policy
from tests.oracle.merge_cases import (
    COMPARED,
    TYPE_A,
    Held,
    Pair,
    Two,
    decision_mirrored,
    frames,
    map_mirrored,
    mapping,
    policy_mirrored,
)
from tests.oracle.merge_members import Times
from tests.oracle.merge_oracle import decide
from tests.oracle.merge_rows import CASES, CHANGED_A, CHANGED_BOTH, CONSENT, NEWEST, SECOND, Case, by, h, loosened

TIMES = Times(now_us=1_000 * SECOND, clock_skew_us=0, stamp_step_us=SECOND)


def _both_readings(maps: list[FieldMap], pair: Pair, first_link: Policy, times: Times = TIMES) -> list[dict[str, Any]]:
    wide, marks, moments = frames([pair])
    columns = merge(
        wide, maps, TYPE_A, first_link=first_link, marks=marks, moments=moments,
        now_us=times.now_us, clock_skew_us=times.clock_skew_us, stamp_step_us=times.stamp_step_us,
    )  # fmt: skip
    rows = decide(
        wide.to_dicts(), maps, TYPE_A, first_link=first_link, marks=marks.to_dicts(), moments=moments.to_dicts(),
        times=times,
    )  # fmt: skip
    said = columns.select(COMPARED).sort("mapping").to_dicts()
    assert said == sorted(rows, key=lambda row: row["mapping"])
    return said


def _check(decisions: list[dict[str, Any]], expect: Mapping[str, Any] | None) -> None:
    if expect is None:
        assert decisions == []
        return
    assert len(decisions) == 1
    assert {name: decisions[0][name] for name in expect} == dict(expect)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_row(case: Case) -> None:
    pair = Pair(held={case.map.key: case.held}, evidence=case.evidence)
    _check(_both_readings([case.map], pair, case.first_link), case.expect)


@pytest.mark.parametrize("case", [case for case in CASES if case.mirror], ids=lambda case: case.id)
def test_row_for_the_other_side(case: Case) -> None:
    pair = Pair(held={case.map.key: case.held}, evidence=case.evidence).mirrored()
    decisions = _both_readings([map_mirrored(case.map)], pair, policy_mirrored(case.first_link))
    _check([decision_mirrored(row) for row in decisions], case.expect)


def test_hold_stops_only_its_own_field() -> None:
    maps = [by(Policy.HOLD), mapping("title")]
    decided = _both_readings(maps, Pair(held={"phone": CHANGED_BOTH, "title": CHANGED_A}), Policy.NON_BLANK)
    assert {row["mapping"]: (row["verdict"], row["value"]) for row in decided} == {
        "phone": ("held", None),
        "title": ("write", "new"),
    }


@pytest.mark.parametrize(("skew_seconds", "winner"), [(0, "b"), (3, "b"), (4, "a"), (60, "a")])
def test_newest_is_known_only_beyond_the_clocks_skew(skew_seconds: int, winner: str) -> None:
    """b is nine seconds later. Each moment is widened by the skew and one step: up to three seconds they stay apart,
    from four on they meet and the tie-break decides."""
    held = h(("one", "two"), moments=((50 * SECOND, None), (59 * SECOND, None)))
    times = replace(TIMES, clock_skew_us=skew_seconds * SECOND)
    decided = _both_readings([NEWEST], Pair(held={"phone": held}), Policy.NON_BLANK, times)
    assert decided[0]["value"] == {"a": "one", "b": "two"}[winner]


# Atomic groups: members street, city, zip


def _address(
    held: Mapping[str, Held], first_link: Policy = Policy.NON_BLANK, **facts: Any
) -> dict[str, dict[str, Any]]:
    maps = [mapping(key, group="address", is_atomic=True, **facts) for key in held]
    return {row["mapping"]: row for row in _both_readings(maps, Pair(held=held), first_link)}


QUIET = h(("same", "same"), ("same", "same"))


def test_group_changed_on_one_side_writes_only_what_differs() -> None:
    decided = _address({"street": h(("new", "old")), "city": QUIET})
    assert {key: row["verdict"] for key, row in decided.items()} == {"street": "write"}


def test_group_with_one_member_changed_on_each_side_has_one_winner() -> None:
    decided = _address({"street": h(("new", "old")), "city": h(("old", "new")), "zip": QUIET}, policies={"*": Policy.B})
    assert {key: (row["verdict"], row["target"], row["value"], row["loser_value"]) for key, row in decided.items()} == {
        "street": ("conflict_write", "a", "old", "new"),
        "city": ("write", "a", "new", None),
    }


def test_group_member_equal_on_both_sides_needs_no_write() -> None:
    decided = _address({"street": h(("new", "old")), "zip": h(("z", "z"))})
    assert {key: row["verdict"] for key, row in decided.items()} == {"street": "write", "zip": "agree"}


def test_group_complementary_at_first_link_is_not_mixed() -> None:
    unknown = (None, None)
    decided = _address({"street": h(("x", ""), unknown), "city": h(("", "y"), unknown)}, policies={"*": Policy.A})
    assert {key: (row["verdict"], row["target"], row["value"]) for key, row in decided.items()} == {
        "street": ("fill", "b", "x"),
        "city": ("conflict_write", "b", ""),
    }


def test_group_poorer_side_is_filled_at_first_link() -> None:
    unknown = (None, None)
    decided = _address(
        {"street": h(("", "y"), unknown), "city": h(("same", "same"), unknown)}, policies={"*": Policy.A}
    )
    assert {key: (row["verdict"], row["target"]) for key, row in decided.items()} == {
        "street": ("fill", "a"),
        "city": ("agree", None),
    }


@pytest.mark.parametrize(
    ("spoilt", "verdict"),
    [
        (h(("new", "old"), may=(True, False)), "blocked"),
        (h(("new", "old"), marks={"dead": None}), "dead"),
        (h(("new", "old"), marks={"frozen": None}), "frozen"),
        (h(("new", "old"), marks={"held": None}), "held"),
    ],
)
def test_group_is_stopped_as_one(spoilt: Held, verdict: str) -> None:
    decided = _address({"street": spoilt, "city": h(("new", "old"))})
    assert {row["verdict"] for row in decided.values()} == {verdict}
    assert {row["class"] for row in decided.values()} == {verdict}


def test_group_waits_as_one() -> None:
    decided = _address({"street": h(("new", "old"), kinds=(1, 0)), "city": h(("new", "old")), "zip": QUIET})
    assert {key: row["verdict"] for key, row in decided.items()} == {"street": "waiting", "city": "waiting"}


def test_group_keeps_a_blank_back_for_good() -> None:
    """The winner's blank does not travel, and the loser's value of that member does not flow back at the next look."""
    held = {"street": h(("", "two")), "city": h(("one", "two"))}
    decided = _address(held, policies={"*": Policy.A}, blanks=Blanks.KEEP)
    assert {key: (row["verdict"], row["set_base_a"], row["set_base_b"]) for key, row in decided.items()} == {
        "street": ("apart", True, True),
        "city": ("conflict_write", False, False),
    }


def test_one_way_group_fills_nothing_from_the_side_that_follows() -> None:
    held = {"street": h(("", "two"), (None, None)), "city": h(("old", "two"))}
    decided = _address(held, direction=Direction.A_TO_B, drift=Drift.RESTORE)
    assert {key: (row["verdict"], row["value"]) for key, row in decided.items()} == {
        "street": ("apart", None),
        "city": ("conflict_write", "old"),
    }


def test_group_newest_is_that_of_its_newest_member() -> None:
    held = {
        "street": h(("one", "two"), moments=((10 * SECOND, None), (50 * SECOND, None))),
        "city": h(("one", "old"), moments=((90 * SECOND, None), None)),
    }
    decided = _address(held, tie="b")
    assert {row["target"] for row in decided.values()} == {"b"}


def test_consent_with_its_date_is_protected_as_one() -> None:
    maps = [
        mapping("consent_date", group="consent", is_atomic=True),
        mapping("consent", group="consent", is_atomic=True, policies={"*": Policy.MOST_RESTRICTIVE}),
    ]
    held = {"consent_date": h(("2026-02-02", "2026-01-01")), "consent": h(("false", "true"))}
    decided = _both_readings(maps, Pair(held=held), Policy.NON_BLANK)
    assert {row["mapping"]: (row["target"], row["value"]) for row in decided} == {
        "consent_date": ("a", "2026-01-01"),
        "consent": ("a", "true"),
    }


# Sentences


def _reason(held: Held, map_: FieldMap, evidence: Mapping[str, Two] | None = None) -> tuple[str, str | None]:
    wide, marks, moments = frames([Pair(held={map_.key: held}, evidence=evidence or {})])
    row = merge(wide, [map_], TYPE_A, marks=marks, moments=moments, now_us=TIMES.now_us).row(0, named=True)
    return row["reason"], row["evidence"]


TEN_O_CLOCK = 1_795_341_600 * SECOND  # 2026-11-22 10:00:00 UTC
LATER = (TEN_O_CLOCK + 190 * SECOND, None)
EARLIER = (TEN_O_CLOCK + 60 * SECOND, None)


@pytest.mark.parametrize(
    ("held", "map_", "sentence"),
    [
        (
            h(("one", "two"), moments=(EARLIER, LATER)),
            NEWEST,
            "phone changed on both sides; b is newer (2026-11-22 10:03:10 against 10:01:00)",
        ),
        (CHANGED_BOTH, NEWEST, "phone changed on both sides; which is newer cannot be told, tie-break a"),
        (CHANGED_BOTH, by(Policy.B), "phone changed on both sides; policy: b wins"),
        (CHANGED_BOTH, by(Policy.HOLD), "phone changed on both sides; held for a person"),
        (CHANGED_A, NEWEST, "phone changed on a"),
        (h(("x", ""), (None, None)), NEWEST, "phone is empty on b, a has a value"),
        (h((None, "x"), kinds=(2, 0)), NEWEST, "phone has not been read on a yet"),
        (h(("x", "y"), kinds=(0, 1)), NEWEST, "phone is hidden from the connected user on b"),
        (
            h(("new", "old"), may=(True, False)),
            NEWEST,
            "phone changed on a; phone may not be written on b: no right to edit it, calculated, or set only on create",
        ),
        (
            loosened(),
            CONSENT,
            "phone changed on a; the protective value of b stands, no certain evidence of a person's later act",
        ),
    ],
)
def test_reasons_are_sentences(held: Held, map_: FieldMap, sentence: str) -> None:
    assert _reason(held, map_)[0] == sentence


def test_evidence_names_both_intervals() -> None:
    moments = ((TEN_O_CLOCK, None), None)
    stamps_b = {"prev": (None, TEN_O_CLOCK - SECOND), "stamp": (None, TEN_O_CLOCK + 5 * SECOND)}
    assert _reason(h(("one", "two"), moments=moments), NEWEST, stamps_b)[1] == (
        "a changed at 2026-11-22 10:00:00; b changed between 2026-11-22 09:59:59 and 2026-11-22 10:00:05"
    )


# The frame itself


def test_nothing_to_merge_gives_a_frame_of_decisions() -> None:
    wide, _, _ = frames([Pair(held={"phone": QUIET})])
    for pairs, maps in ((wide, [mapping()]), (wide.clear(), [mapping()]), (wide, [])):
        decisions = merge(pairs, maps, TYPE_A, now_us=TIMES.now_us)
        assert decisions.is_empty()
        assert dict(decisions.schema) == DECISIONS


def test_columns_that_are_missing_have_cautious_defaults() -> None:
    """No base is an unknown base, no transformed value is the cell, no rights are what the mapping says."""
    wide, _, _ = frames([Pair(held={"phone": h(("x", ""))})])
    bare = wide.select("link_id", "a.phone", "b.phone", "fa.phone", "fb.phone")
    assert merge(bare, [mapping()], TYPE_A, now_us=0).row(0, named=True)["verdict"] == "fill"
    assert merge(bare, [mapping(create_only=True)], TYPE_A, now_us=0).row(0, named=True)["verdict"] == "blocked"
    unread = bare.drop("fb.phone")
    assert merge(unread, [mapping()], TYPE_A, now_us=0).row(0, named=True)["verdict"] == "waiting"


def test_a_slice_with_many_busy_cells_is_merged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [("x", "y"), ("x", ""), ("x", "x"), ("", "")]
    pairs = [Pair(held={key: h(texts[(i + j) % 4], (None, None)) for j, key in enumerate("pq")}) for i in range(50)]
    wide, marks, moments = frames(pairs)

    def merged() -> list[dict[str, Any]]:
        decisions = merge(wide, [mapping("p"), mapping("q")], TYPE_A, marks=marks, moments=moments, now_us=TIMES.now_us)
        return decisions.sort("link_id", "mapping").to_dicts()

    whole = merged()
    monkeypatch.setattr("syncline.reconcile.merge._MOST_CELLS", 7)
    assert merged() == whole
    assert len(whole) == 100
