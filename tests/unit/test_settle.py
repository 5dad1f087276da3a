"""After we wrote: every row of that table by name, on either side, for rich and poor evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import pytest

from syncline.reconcile.settle import OBSERVED, OUTSTANDING, SettleFacts, is_normalised, settle
from syncline.values import FieldType

SECOND = 1_000_000
FACTS = SettleFacts(
    own_actor="us",
    visibility_lag_us=5 * SECOND,
    late_commit_us=60 * SECOND,
    types={"x": FieldType.TEXT, "n": FieldType.NUMBER},
    lengths={"x": 10, "n": None},
    now_us=1_000 * SECOND,
)
POOR = replace(FACTS, own_actor=None)


def entry(**facts: Any) -> dict[str, Any]:
    """An entry written at 100 s, answered at 101 s: "before" became "sent"."""
    return {
        "position": 0,
        "link_id": 7,
        "mapping": "x",
        "field": "x",
        "expected": "sent",
        "pre_image": "before",
        "print_a": 1,
        "print_b": 2,
        "base_a_before": 3,
        "base_b_before": 4,
        "made_from": "sent",
        "source_type": "person",
        "source_id": "A",
        "edit_us": None,
        "batch_id": "new",
        "record_id": "B",
        "state": "written",
        "side": "b",
        "sync": "people",
        "sent_us": 100 * SECOND,
        "answered_us": 101 * SECOND,
        "rank": 1,
    } | facts


OLD = {"batch_id": "old", "rank": 2, "expected": "given up", "print_a": 11, "print_b": 12, "sent_us": 50 * SECOND}
ABANDONED = entry(**OLD, state="abandoned")
UNKNOWN = entry(state="unknown")
EARLIER = entry(batch_id="old", rank=2, pre_image="first", expected="before", sent_us=50 * SECOND, base_a_before=13)
TWO = (entry(), EARLIER)


@dataclass(frozen=True, kw_only=True)
class Case:
    id: str
    value: str
    verdict: str
    at: int = 200  # seconds: when the read was asked for
    actor: str | None = None
    field_actor: str | None = None
    same_call: bool = False
    entries: tuple[dict[str, Any], ...] = (entry(),)
    facts: SettleFacts = FACTS


CASES = [
    Case(id="asked for before the answer", value="sent", at=101, verdict="too_early"),
    Case(id="asked for before the answer, another value", value="else", at=99, verdict="too_early"),
    Case(id="inside the very call", value="sent", at=100, same_call=True, verdict="echo"),
    Case(id="what we sent", value="sent", verdict="echo"),
    Case(id="what we sent, outcome unknown", value="sent", entries=(UNKNOWN,), verdict="echo"),
    Case(id="what we sent, last touched by another", value="sent", actor="she", field_actor="she", verdict="echo"),
    Case(id="what an abandoned write sent", value="given up", entries=(entry(), ABANDONED), verdict="late_own"),
    Case(id="the same, poor evidence", value="given up", entries=(entry(), ABANDONED), facts=POOR, verdict="late_own"),
    Case(
        id="what an abandoned write sent, by somebody else",
        value="given up",
        actor="she",
        field_actor="she",
        entries=(entry(), ABANDONED),
        verdict="foreign",
    ),
    Case(
        id="what a settled write sent is no late write",
        value="given up",
        entries=(entry(), entry(**OLD, state="settled")),
        verdict="foreign",
    ),
    Case(id="the value before, inside the lag", value="before", at=103, verdict="not_visible"),
    Case(id="the value before, after the lag", value="before", at=107, verdict="not_taken"),
    Case(id="the same, poor evidence", value="before", at=107, facts=POOR, verdict="not_taken"),
    Case(id="the value before, the record since touched by another", value="before", actor="she", verdict="not_taken"),
    Case(id="the value before, set by another", value="before", actor="she", field_actor="she", verdict="foreign"),
    Case(id="the value before, outcome unknown", value="before", at=120, entries=(UNKNOWN,), verdict="not_visible"),
    Case(id="the same after the late commit", value="before", at=170, entries=(UNKNOWN,), verdict="not_applied"),
    Case(
        id="the value before, which an abandoned write had sent, outcome unknown",
        value="given up",
        at=120,
        entries=(entry(state="unknown", pre_image="given up"), ABANDONED),
        verdict="not_visible",
    ),
    Case(
        id="the same after the late commit",
        value="given up",
        at=170,
        entries=(entry(state="unknown", pre_image="given up"), ABANDONED),
        verdict="not_applied",
    ),
    Case(
        id="the value before both of two writes, inside the lag",
        value="first",
        at=103,
        entries=TWO,
        verdict="not_visible",
    ),
    Case(id="the value before both of two writes, after it", value="first", entries=TWO, verdict="not_taken"),
    Case(id="the same, another was there last", value="first", actor="she", entries=TWO, verdict="foreign"),
    Case(id="the value between two writes, inside the lag", value="before", at=103, entries=TWO, verdict="not_visible"),
    Case(id="what a write given up sent", value="sent", entries=(entry(state="abandoned"),), verdict="late_own"),
    Case(id="our value in other spelling, proven ours", value="SENT.", actor="us", verdict="normalised"),
    Case(id="our value in other spelling, same call", value="SENT.", at=100, same_call=True, verdict="normalised"),
    Case(id="our value in other spelling, unproven", value="SENT.", actor="she", verdict="foreign"),
    Case(id="the same, poor evidence", value="SENT.", facts=POOR, verdict="foreign"),
    Case(id="another value, proven ours", value="flow", actor="us", verdict="overridden"),
    Case(id="another value, same call", value="flow", at=100, same_call=True, verdict="overridden"),
    Case(id="another value", value="else", actor="she", verdict="foreign"),
    Case(id="another value, poor evidence", value="else", facts=POOR, verdict="foreign"),
    Case(id="another value, outcome unknown", value="else", entries=(UNKNOWN,), facts=POOR, verdict="foreign"),
]


def judged(case: Case, side: str) -> dict[str, Any]:
    rows = settled(case, side).to_dicts()
    assert len(rows) == 1
    return rows[0]


def settled(case: Case, side: str) -> pl.DataFrame:
    observed = pl.DataFrame(
        [
            {
                "record_id": "B",
                "field": "x",
                "value": case.value,
                "as_of_us": case.at * SECOND,
                "actor": case.field_actor or case.actor,
                "field_actor": case.field_actor,
                "same_call": case.same_call,
            }
        ],
        schema=OBSERVED,
    )
    outstanding = pl.DataFrame([one | {"side": side} for one in case.entries], schema=OUTSTANDING)
    return settle(observed, outstanding, case.facts)


@pytest.mark.parametrize("side", ["a", "b"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_row(case: Case, side: str) -> None:
    row = judged(case, side)
    assert row["verdict"] == case.verdict
    assert row["side"] == side
    late = case.verdict == "late_own"
    older = late and len(case.entries) > 1
    assert (row["matched_batch"], row["print_a"], row["print_b"]) == (("old", 11, 12) if older else ("new", 1, 2))


@pytest.mark.parametrize(("value", "base"), [("first", 13), ("before", 3)])
def test_what_was_not_taken_gives_back_the_bases_before_that_write(value: str, base: int) -> None:
    row = judged(Case(id="", value=value, verdict="", entries=TWO), "b")
    assert (row["verdict"], row["base_a_before"]) == ("not_taken", base)


@pytest.mark.parametrize("value", ["before", "else"])
def test_an_abandoned_write_alone_says_nothing_of_other_values(value: str) -> None:
    case = Case(id="", value=value, verdict="", entries=(entry(state="abandoned"),))
    assert settled(case, "b").is_empty()


def test_a_field_no_entry_wrote_has_no_verdict() -> None:
    observed = pl.DataFrame(
        [{"record_id": "B", "field": "y", "value": "v", "as_of_us": 0, "actor": None, "field_actor": None,
          "same_call": False}],
        schema=OBSERVED,
    )  # fmt: skip
    assert settle(observed, pl.DataFrame([entry()], schema=OUTSTANDING), FACTS).is_empty()


@pytest.mark.parametrize("value", ["before", "else"])
def test_a_write_given_up_says_nothing_of_a_field_it_did_not_change(value: str) -> None:
    observed = pl.DataFrame(
        [{"record_id": "B", "field": "x", "value": value, "as_of_us": 200 * SECOND, "actor": None, "field_actor": None,
          "same_call": False}],
        schema=OBSERVED,
    )  # fmt: skip
    given_up = pl.DataFrame([entry(state="abandoned")], schema=OUTSTANDING)
    assert settle(observed, given_up, FACTS).is_empty()


def test_a_write_given_up_that_the_vendor_seems_to_have_spelt_its_own_way_is_only_likely() -> None:
    observed = pl.DataFrame(
        [{"record_id": "B", "field": "x", "value": "SENT.", "as_of_us": 200 * SECOND, "actor": None,
          "field_actor": None, "same_call": False}],
        schema=OBSERVED,
    )  # fmt: skip
    given_up = pl.DataFrame([entry(state="abandoned")], schema=OUTSTANDING)
    assert settle(observed, given_up, FACTS)["verdict"].to_list() == ["late_spelt"]


@pytest.mark.parametrize(
    ("sent", "read", "field_type", "length", "expected"),
    [
        ("(555) 01-23", "5550123", FieldType.PHONE, None, True),
        ("Ann@X.test", "ann@x.test", FieldType.EMAIL, None, True),
        ("Ann", "Anne", FieldType.TEXT, None, False),
        ("abcdefghijkl", "abcdefghij", FieldType.TEXT, 10, True),
        ("abcdefghijkl", "abcdefghi", FieldType.TEXT, 10, False),
        ("1.256", "1.26", FieldType.NUMBER, None, True),
        ("1.256", "1.3", FieldType.NUMBER, None, True),
        ("1.256", "1.2", FieldType.NUMBER, None, False),
        ("2026-11-22T10:00:00.900Z", "2026-11-22T10:00:00.000Z", FieldType.DATETIME, None, True),
        ("2026-11-22T10:00:01.000Z", "2026-11-22T10:00:00.000Z", FieldType.DATETIME, None, False),
        ("", "x", FieldType.TEXT, None, False),
        ("x", "", FieldType.TEXT, None, False),
        ("--", "//", FieldType.TEXT, None, False),
        ("seven", "7", FieldType.NUMBER, None, False),
        ("", "false", FieldType.BOOLEAN, None, True),
        ("true", "false", FieldType.BOOLEAN, None, False),
    ],
)
def test_what_a_normaliser_explains(
    sent: str, read: str, field_type: FieldType, length: int | None, expected: bool
) -> None:
    assert is_normalised(sent, read, field_type, length) is expected
