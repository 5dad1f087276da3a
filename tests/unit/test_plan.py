"""Ceilings, and the two laws of conservation."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from syncline.reconcile.conserve import CLASSES, GRAVITY, balance, gravest, sync_balance
from syncline.reconcile.plan import ACTIONS, gate, held_digest
from syncline.spec.model import Ceiling
from syncline.trees import CONSIDERED, VERDICT


def action(
    name: str, kind: str = "update", after: str = "v", before: str | None = "w", field: str = "x"
) -> dict[str, Any]:
    return dict.fromkeys(ACTIONS) | {"action": name, "kind": kind, "field": field, "after": after, "before": before}


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=ACTIONS)


def gated(actions: pl.DataFrame, ceilings: dict[str, Ceiling], **options: Any) -> tuple[list[str], list[str]]:
    """The actions that go, and the kinds that are held."""
    settings: dict[str, Any] = {"linked": 100, "exempt": frozenset(), "approved": {}} | options
    going, held = gate(actions, ceilings, **settings)
    return going["action"].unique(maintain_order=True).to_list(), [one.kind for one in held]


TWO = {"create": Ceiling(share=0.01, plus=1)}  # of 100 linked records: two
CREATES = [action(f"c{n}", "create", before=None) for n in range(3)]


def test_up_to_its_ceiling_a_kind_goes() -> None:
    assert gated(frame(*CREATES[:2]), TWO) == (["c0", "c1"], [])


def test_above_it_all_of_the_kind_is_held_and_the_rest_goes() -> None:
    assert gated(frame(*CREATES, action("u1")), TWO) == (["u1"], ["create"])


def test_fields_of_one_create_count_once() -> None:
    assert gated(frame(*CREATES[:2], action("c0", "create", before=None, field="y")), TWO) == (["c0", "c1"], [])


def test_a_first_copy_is_exempt() -> None:
    assert gated(frame(*CREATES), TWO, exempt=frozenset({"create"})) == (["c0", "c1", "c2"], [])


def test_an_approval_lets_through_exactly_the_set_it_names() -> None:
    approved = {"create": frozenset({"c2", "c1", "c0"})}
    assert gated(frame(*CREATES), TWO, approved=approved) == (["c0", "c1", "c2"], [])
    more = action("c3", "create", before=None)
    going, held = gate(frame(*CREATES, more), TWO, linked=100, exempt=frozenset(), approved=approved)
    assert (going["action"].to_list(), held[0].actions) == (["c0", "c1", "c2"], ("c3",))
    assert held[0].digest == held_digest("create", ["c3"])


def test_an_approval_outlives_what_has_gone_since() -> None:
    approved = {"create": frozenset({"c2", "c1", "c0", "c9"})}
    assert gated(frame(*CREATES), TWO, approved=approved) == (["c0", "c1", "c2"], [])


def test_an_approved_blank_out_goes_and_its_group_with_it() -> None:
    rows = [
        action(name, after="" if field == "street" else "v", field=field) | {"group": "address"}
        for name in ("u1", "u2")
        for field in ("street", "city")
    ]
    none_allowed = {"blank": Ceiling(share=0, plus=0)}
    approved = {"blank": frozenset({"u1/street"})}
    going, held = gate(frame(*rows), none_allowed, linked=10, exempt=frozenset(), approved=approved)
    assert going.select("action", "field").rows() == [("u1", "street"), ("u1", "city")]
    assert held[0].actions == ("u2/street",)


@pytest.mark.parametrize(
    ("before", "after", "counts"), [("w", "", True), ("", "", False), (None, "", False), ("w", "v", False)]
)
def test_a_blank_out_is_a_value_cleared(before: str | None, after: str, counts: bool) -> None:
    none_allowed = {"blank": Ceiling(share=0, plus=0)}
    assert gated(frame(action("u", after=after, before=before)), none_allowed)[1] == (["blank"] if counts else [])


def test_holding_blank_outs_leaves_the_other_fields_of_the_record() -> None:
    going, held = gate(
        frame(action("u", after="", field="x"), action("u", field="y")),
        {"blank": Ceiling(share=0, plus=0)},
        linked=0,
        exempt=frozenset(),
        approved={},
    )
    assert going["field"].to_list() == ["y"]
    assert held[0].actions == ("u/x",)


def test_what_is_written_as_one_with_a_held_blank_out_is_held_with_it() -> None:
    street = action("u1", after="", field="street") | {"group": "address"}
    city = action("u1", field="city") | {"group": "address"}
    elsewhere = action("u2", field="city") | {"group": "address"}
    title = action("u1", field="title")
    actions = frame(street, city, elsewhere, title)
    none_allowed = {"blank": Ceiling(share=0, plus=0)}
    going, held = gate(actions, none_allowed, linked=10, exempt=frozenset(), approved={})
    assert going.select("action", "field").rows() == [("u2", "city"), ("u1", "title")]
    assert held[0].actions == ("u1/street",)


def test_the_gravest_class_counts() -> None:
    assert gravest(["agreed", "dead", "written"]) == "dead"
    assert gravest([]) == "unchanged"
    assert [GRAVITY[name] for name in CLASSES] == list(range(len(CLASSES)))


@pytest.mark.parametrize(
    ("received", "classed", "only_left", "only_right"),
    [
        (["1", "2"], [("applied", "1"), ("stale", "2")], (), ()),
        (["1", "1"], [("applied", "1"), ("duplicate", "1")], (), ()),
        (["1", "2"], [("applied", "1")], ("2",), ()),
        (["1"], [("applied", "1"), ("applied", "2")], (), ("2",)),
        (["1", "2"], [("applied", "1"), ("applied", "1")], ("2",), ("1",)),
    ],
)
def test_capture_law(
    received: list[str], classed: list[tuple[str, str]], only_left: tuple[str, ...], only_right: tuple[str, ...]
) -> None:
    law = balance("capture", "left.person", received, classed)
    assert (law.only_left, law.only_right) == (only_left, only_right)
    assert law.is_balanced is (not only_left and not only_right)


def test_sync_law_compares_records_of_one_side() -> None:
    place = {"run_id": "r", "sync": "people", "side": "a", "object_type": "person"}
    considered = pl.DataFrame([place | {"record_id": n, "link_id": 1, "seq": 1} for n in "12"], schema=dict(CONSIDERED))
    verdicts = pl.DataFrame(
        [place | {"record_id": n, "class": "written", "reason": ""} for n in "12"], schema=dict(VERDICT)
    )
    assert sync_balance("people", "a", considered, verdicts).is_balanced
    assert not sync_balance("people", "a", considered, verdicts[:1]).is_balanced
    assert sync_balance("people", "b", considered, verdicts).counts == {}
