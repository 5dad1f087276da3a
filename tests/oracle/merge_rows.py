"""Every row of the rules' tables for merging, blanks, rights and refusals, by name: what is held, what is decided.

Lives here: the rows only. `tests/unit/test_merge_table.py` puts them to the columnar merge and to the oracle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncline.records import Side
from syncline.spec.model import Blanks, Direction, Drift, FieldMap, Policy
from syncline.values import FieldType
from tests.oracle.merge_cases import Held, Two, mapping

SECOND = 1_000_000
ONE_WAY = Direction.A_TO_B


@dataclass(frozen=True)
class Case:
    """One row: what is held, how the mapping is set, and the decision expected (only the named columns)."""

    id: str
    held: Held
    expect: Mapping[str, Any] | None  # None: nothing is said
    map: FieldMap = field(default_factory=mapping)
    evidence: Mapping[str, Two] = field(default_factory=dict)
    first_link: Policy = Policy.NON_BLANK
    mirror: bool = True  # false: the case speaks of one side's own terms


def h(now: Two, base: Two = ("old", "old"), **facts: Any) -> Held:
    return Held(now=now, base=base, **facts)


def writes(verdict: str, target: Side, value: str, **facts: Any) -> dict[str, Any]:
    silent = {"set_base_a": False, "set_base_b": False, "class": "written", "loser_side": None, "kind": None}
    return {"verdict": verdict, "target": target, "value": value} | silent | facts


def lost(target: Side, value: str, loser: str, kind: str = "conflict", **facts: Any) -> dict[str, Any]:
    return writes("conflict_write", target, value, loser_side=target, loser_value=loser, kind=kind, **facts)


def says(verdict: str, class_: str | None = None, **facts: Any) -> dict[str, Any]:
    sets = {"set_base_a": verdict == "agree", "set_base_b": verdict == "agree"}
    return {"verdict": verdict, "class": class_ or verdict, "loser_side": None} | sets | facts


AGREE = says("agree", "agreed")
CHANGED_BOTH = h(("one", "two"))
CHANGED_A = h(("new", "old"))


def by(policy: Policy, **facts: Any) -> FieldMap:
    return mapping(policies={"*": policy}, **facts)


def stamps(a: Two, b: Two) -> dict[str, Two]:
    """(stamp at the look before, stamp now) of each side, in seconds."""
    before = tuple(None if at is None else at * SECOND for at in (a[0], b[0]))
    return {"prev": before, "stamp": (a[1] * SECOND, b[1] * SECOND)}


A_WINS, B_WINS = lost("b", "one", "two"), lost("a", "two", "one")
HELD = says("held", kind="conflict", target=None)

IN_CAPITALS = {"normalised": {"a": "new", "b": "NEW"}}

SECTION_3 = [
    Case("s3-known-no-no-same", h(("old", "old")), None),
    Case("s3-known-no-no-spelt-differently", h(("old", "OLD"), ("old", "OLD")), None),
    Case("s3-known-yes-no-equivalent", h(("new", "new"), ("old", "new")), AGREE),
    Case(
        "s3-known-yes-no-normalised",
        h(("new", "NEW"), ("old", "NEW"), marks=IN_CAPITALS),
        AGREE,
    ),
    Case(
        "s3-known-yes-no-normalised-mark-of-other-values",
        h(("new", "old"), marks={"normalised": {"a": "old", "b": "old"}}),
        writes("write", "b", "new"),
    ),
    Case("s3-known-yes-no-different", CHANGED_A, writes("write", "b", "new")),
    Case(
        "s3-known-yes-no-transformed",
        h(("new", "OLD"), ("old", "OLD"), outs=("NEW", "old")),
        writes("write", "b", "NEW"),
        mapping(expressions=("UPPER", "LOWER")),
    ),
    Case(
        "s3-known-yes-no-equal-one-direction-only",
        h(("New", "NEW"), ("old", "NEW"), outs=("NEW", "new")),
        AGREE,
        mapping(expressions=("UPPER", "LOWER")),
    ),
    Case("s3-known-no-no-normalised", h(("new", "NEW"), ("new", "NEW"), marks=IN_CAPITALS), None),
    Case("s3-known-yes-yes-equivalent", h(("new", "new")), AGREE),
    Case("s3-known-yes-yes-normalised", h(("new", "NEW"), marks=IN_CAPITALS), AGREE),
    Case(
        "s3-known-yes-yes-equal-one-direction-only-conflict",
        h(("New", "NEW"), ("old", "OLD"), outs=("NEW", "new")),
        lost("a", "new", "New"),
        by(Policy.B, expressions=("UPPER", "LOWER")),
    ),
    Case("s3-known-yes-yes-conflict", CHANGED_BOTH, A_WINS, by(Policy.A)),
    Case("s3-one-known-equivalent", h(("x", "x"), ("old", None)), AGREE),
    Case("s3-one-known-both-empty", h(("", ""), ("old", None)), AGREE),
    Case("s3-one-known-unknown-empty-is-filled", h(("x", ""), ("x", None)), writes("fill", "b", "x")),
    Case("s3-one-known-changed-unknown-empty-is-filled", h(("x", ""), ("old", None)), writes("fill", "b", "x")),
    Case("s3-one-known-unknown-counts-as-changed", h(("x", "y"), ("x", None)), writes("write", "a", "y")),
    Case("s3-one-known-both-count-as-changed", h(("x", "y"), ("old", None)), lost("b", "x", "y"), by(Policy.A)),
    Case("s3-one-known-blanked-against-unknown", h(("", "y"), ("old", None)), lost("b", "", "y"), by(Policy.A)),
    Case("s3-one-known-conflict-held", h(("x", "y"), ("old", None)), HELD, by(Policy.HOLD)),
    Case("s3-one-known-empty-takes-unknown", h(("", "y"), ("", None)), writes("write", "a", "y")),
    Case("s3-unknown-equivalent", h(("x", "x"), (None, None)), AGREE),
    Case("s3-unknown-both-empty", h(("", ""), (None, None)), AGREE),
    Case("s3-unknown-one-empty-fill", h(("x", ""), (None, None)), writes("fill", "b", "x")),
    Case(
        "s3-unknown-different-first-link-policy",
        h(("x", "y"), (None, None)),
        lost("b", "x", "y", "first_link"),
        first_link=Policy.A,
    ),
    Case(
        "s3-unknown-different-non-blank-then-field-policy",
        h(("x", "y"), (None, None)),
        lost("a", "y", "x", "first_link"),
        by(Policy.B),
    ),
    Case(
        "s3-unknown-different-mapping-first-link",
        h(("x", "y"), (None, None)),
        says("held", kind="first_link"),
        mapping(first_link=Policy.HOLD),
    ),
    Case(
        "s3-unknown-equal-one-direction-only",
        h(("New", "NEW"), (None, None), outs=("NEW", "new")),
        lost("a", "new", "New", "first_link"),
        mapping(expressions=("UPPER", "LOWER")),
        first_link=Policy.B,
    ),
    Case("s3-assumed-by-us-is-merged", h(("new", "old"), kinds=(3, 0)), writes("write", "b", "new")),
    Case("s3-assumed-by-another-waits", h(("new", "old"), kinds=(4, 0)), says("waiting")),
    Case("s3-hidden-waits", h(("new", "old"), kinds=(0, 1)), says("waiting")),
    Case("s3-hidden-waits-though-nothing-changed", h(("old", "old"), kinds=(1, 0)), says("waiting")),
    Case("s3-unchanged-but-assumed-by-another-waits", h(("old", "old"), kinds=(4, 0)), says("waiting")),
    Case("s3-unread-waits", h((None, "old"), kinds=(2, 0)), says("waiting")),
]

ONE = mapping(direction=ONE_WAY)
SECTION_3_ONE_WAY = [
    Case("s3-oneway-changed-source", CHANGED_A, writes("write", "b", "new"), ONE),
    Case(
        "s3-oneway-changed-both-source-decides",
        CHANGED_BOTH,
        A_WINS | {"policy": "a_to_b"},
        by(Policy.B, direction=ONE_WAY),
    ),
    Case(
        "s3-oneway-equal-needs-one-direction",
        h(("new", "NEW"), ("old", "old"), outs=("NEW", None)),
        AGREE,
        mapping(direction=ONE_WAY, expressions=("UPPER", "?")),
    ),
    Case("s3-oneway-changed-both-alike", h(("new", "new")), AGREE, ONE),
    Case("s3-oneway-drift-gone-again", h(("old", "old")), None, ONE),
    Case("s3-oneway-drift-to-empty", h(("old", "")), says("drift", "unchanged"), ONE),
    Case("s3-oneway-unknown-both-empty", h(("", ""), (None, None)), AGREE, ONE),
    Case("s3-oneway-target-unknown-differs-drift", h(("x", "y"), ("x", None)), says("drift", "unchanged"), ONE),
    Case("s3-oneway-target-unknown-empty-fill", h(("x", ""), ("x", None)), writes("fill", "b", "x"), ONE),
    Case("s3-oneway-source-unknown-counts-as-changed", h(("x", "y"), (None, "y")), writes("write", "b", "x"), ONE),
    Case("s3-oneway-unknown-source-empty-apart", h(("", "y"), (None, None)), says("apart", "unchanged"), ONE),
    Case("s3-oneway-unknown-target-empty-fill", h(("x", ""), (None, None)), writes("fill", "b", "x"), ONE),
    Case("s3-oneway-unknown-different", h(("x", "y"), (None, None)), lost("b", "x", "y", "first_link"), ONE),
    Case("s3-oneway-source-unknown-empty-apart", h(("", "y"), (None, "y")), says("apart", "unchanged"), ONE),
    Case("s3-oneway-drift-leave", h(("old", "two")), says("drift", "unchanged"), ONE),
    Case("s3-oneway-drift-then-source-changes", h(("one", "two")), A_WINS, ONE),
    Case(
        "s3-oneway-drift-restore",
        h(("old", "two")),
        lost("b", "old", "two", "drift"),
        mapping(direction=ONE_WAY, drift=Drift.RESTORE),
    ),
    Case(
        "s3-oneway-drift-hold",
        h(("old", "two")),
        says("held", kind="drift"),
        mapping(direction=ONE_WAY, drift=Drift.HOLD),
    ),
]

NEWEST = by(Policy.NEWEST)
NUMBERS = {"type_": FieldType.NUMBER}
POLICIES = [
    Case("policy-a", CHANGED_BOTH, A_WINS, by(Policy.A)),
    Case("policy-b", CHANGED_BOTH, B_WINS, by(Policy.B)),
    Case("policy-hold", CHANGED_BOTH, HELD, by(Policy.HOLD)),
    Case("policy-hold-lets-one-change-flow", CHANGED_A, writes("write", "b", "new"), by(Policy.HOLD)),
    Case("policy-hold-equal-later", h(("new", "new")), AGREE, by(Policy.HOLD)),
    Case("newest-moments", h(("one", "two"), moments=((100 * SECOND, None), (50 * SECOND, None))), A_WINS, NEWEST),
    Case(
        "newest-moments-too-close",
        h(("one", "two"), moments=((52 * SECOND, None), (50 * SECOND, None))),
        B_WINS,
        by(Policy.NEWEST, tie="b"),
    ),
    Case(
        "newest-moment-beats-later-stamp",
        h(("one", "two"), moments=((50 * SECOND, None), (90 * SECOND, None))),
        B_WINS,
        NEWEST,
        stamps((10, 200), (10, 90)),
    ),
    Case("newest-stamp-intervals", CHANGED_BOTH, B_WINS, NEWEST, stamps((10, 20), (30, 40))),
    Case("newest-stamp-intervals-overlap", CHANGED_BOTH, A_WINS, NEWEST, stamps((10, 35), (30, 40))),
    Case(
        "newest-stamp-intervals-overlap-tie-b",
        CHANGED_BOTH,
        B_WINS,
        by(Policy.NEWEST, tie="b"),
        stamps((30, 40), (10, 35)),
    ),
    Case(
        "newest-interval-against-moment",
        h(("one", "two"), moments=(None, (5 * SECOND, None))),
        A_WINS,
        by(Policy.NEWEST, tie="b"),
        stamps((10, 20), (1, 90)),
    ),
    Case(
        "newest-between-looks",
        CHANGED_BOTH,
        B_WINS,
        NEWEST,
        {"prevasof": (10 * SECOND, 30 * SECOND), "asof": (20 * SECOND, 40 * SECOND)},
    ),
    Case(
        "newest-first-link-open-to-the-past",
        h(("one", "two"), (None, None)),
        A_WINS | {"kind": "first_link"},
        NEWEST,
        stamps((10, 20), (30, 40)),
    ),
    Case("newest-nothing-known", CHANGED_BOTH, A_WINS, NEWEST),
    Case("newest-record", CHANGED_BOTH, B_WINS, by(Policy.NEWEST_RECORD), stamps((10, 35), (30, 40))),
    Case("newest-record-same-stamp", CHANGED_BOTH, A_WINS, by(Policy.NEWEST_RECORD), stamps((10, 40), (30, 40))),
    Case("newest-record-stamp-unknown", CHANGED_BOTH, A_WINS, by(Policy.NEWEST_RECORD), {"stamp": (None, SECOND)}),
    Case("non-blank", h(("", "two")), lost("a", "two", ""), by(Policy.NON_BLANK)),
    Case("non-blank-both-have-a-value", CHANGED_BOTH, B_WINS, by(Policy.NON_BLANK, tie="b")),
    Case("max-text", h(("b", "a")), lost("b", "b", "a"), by(Policy.MAX)),
    Case("max-numbers", h(("9", "10")), lost("a", "10", "9"), by(Policy.MAX, **NUMBERS)),
    Case(
        "max-long-numbers",
        h(("123456789012345678901", "123456789012345678902")),
        lost("a", "123456789012345678902", "123456789012345678901"),
        by(Policy.MAX, **NUMBERS),
    ),
    Case("max-negative-numbers", h(("-9", "-10")), lost("b", "-9", "-10"), by(Policy.MAX, **NUMBERS)),
    Case("max-numbers-of-either-sign", h(("9", "-10")), lost("b", "9", "-10"), by(Policy.MAX, **NUMBERS)),
    Case("min-numbers", h(("9", "10")), lost("b", "9", "10"), by(Policy.MIN, **NUMBERS)),
    Case("min-blank-never-wins", h(("", "10")), lost("a", "10", ""), by(Policy.MIN, **NUMBERS)),
]

CONSENT = by(Policy.MOST_RESTRICTIVE)
HAND, OUR_HAND = {"human": (True, None)}, {"human": (False, None)}
PERSON, ROBOT = (100 * SECOND, True), (100 * SECOND, False)


def loosened(**facts: Any) -> Held:
    """Side a gave up the protection both had agreed upon."""
    return h(("false", "true"), ("true", "true"), **facts)


STANDS = lost("a", "true", "false", policy="most_restrictive")
MOST_RESTRICTIVE = [
    Case("consent-tightening-flows", h(("true", "false"), ("false", "false")), writes("write", "b", "true"), CONSENT),
    Case("consent-loosening-without-evidence", loosened(), STANDS, CONSENT),
    Case("consent-loosening-by-a-robot", loosened(moments=(ROBOT, None)), STANDS, CONSENT),
    Case(
        "consent-loosening-by-a-person",
        loosened(moments=(PERSON, None)),
        writes("write", "b", "false"),
        CONSENT,
    ),
    Case(
        "consent-loosening-before-the-protection",
        loosened(moments=(PERSON, (200 * SECOND, None))),
        STANDS,
        CONSENT,
    ),
    Case(
        "consent-loosening-too-close-to-the-protection",
        loosened(moments=(PERSON, (98 * SECOND, None))),
        STANDS,
        CONSENT,
    ),
    Case(
        "consent-loosening-by-the-last-hand",
        loosened(),
        writes("write", "b", "false"),
        CONSENT,
        stamps((10, 400), (10, 20)) | HAND,
    ),
    Case("consent-loosening-by-our-own-hand", loosened(), STANDS, CONSENT, stamps((10, 400), (10, 20)) | OUR_HAND),
    Case("consent-loosening-seen-for-the-first-time", loosened(), STANDS, CONSENT, stamps((None, 400), (1, 2)) | HAND),
    Case(
        "consent-last-hand-before-the-protection",
        loosened(moments=(None, (200 * SECOND, None))),
        STANDS,
        CONSENT,
        stamps((10, 400), (10, 20)) | HAND,
    ),
    Case(
        "consent-a-robot-s-moment-is-not-made-good-by-the-last-hand",
        loosened(moments=(ROBOT, None)),
        STANDS,
        CONSENT,
        stamps((10, 400), (10, 20)) | HAND,
    ),
    Case("consent-changed-to-empty", h(("", "true"), ("true", "true")), lost("a", "true", ""), CONSENT),
    Case("consent-conflict-protection-wins", h(("false", "true")), STANDS, CONSENT, stamps((300, 400), (10, 20))),
    Case(
        "consent-conflict-person-later",
        h(("false", "true"), moments=(PERSON, (50 * SECOND, False))),
        lost("b", "false", "true"),
        CONSENT,
    ),
    Case(
        "consent-first-link-protection-wins",
        h(("false", "true"), (None, None)),
        STANDS | {"kind": "first_link"},
        CONSENT,
        first_link=Policy.A,
    ),
    Case(
        "consent-one-way-loosening-held",
        loosened(),
        says("held", kind="conflict", policy="most_restrictive"),
        by(Policy.MOST_RESTRICTIVE, direction=ONE_WAY),
    ),
    Case(
        "consent-restore-never-loosens",
        h(("false", "true"), ("false", "false")),
        says("held", kind="drift"),
        by(Policy.MOST_RESTRICTIVE, direction=ONE_WAY, drift=Drift.RESTORE),
    ),
]

KEEP = mapping(blanks=Blanks.KEEP)
DEFAULT = mapping(defaults={"b": "[unknown]"}, pulls_default_back=False)
BLOCKED, DEAD = says("blocked", target="b", value="new"), says("dead", target="b", value="new")
SECTION_4 = [
    Case("s4-blank-clear", h(("", "old")), writes("write", "b", "")),
    Case("s4-blank-keep", h(("", "old")), says("apart", "unchanged", set_base_a=True, set_base_b=False), KEEP),
    Case("s4-blank-keep-later-quiet", h(("", "old"), ("", "old")), None, KEEP),
    Case("s4-blank-keep-is-filled-at-first-link", h(("", "y"), (None, None)), writes("fill", "a", "y"), KEEP),
    Case(
        "s4-blank-keep-asks-for-no-right",
        h(("", "old"), may=(True, False)),
        says("apart", "unchanged", set_base_a=True, set_base_b=False),
        KEEP,
    ),
    Case("s4-blank-clear-wins-conflict", h(("", "two")), lost("b", "", "two"), by(Policy.A)),
    Case("s4-blank-keep-never-beats-a-value", h(("", "two")), lost("a", "two", ""), by(Policy.A, blanks=Blanks.KEEP)),
    Case(
        "s4-blank-keep-one-way-both-changed",
        h(("", "two")),
        says("apart", "unchanged", set_base_a=True, set_base_b=False),
        mapping(direction=ONE_WAY, blanks=Blanks.KEEP),
    ),
    Case(
        "s4-blank-keep-restore-leaves",
        h(("", "two"), ("", "old")),
        says("drift", "unchanged"),
        mapping(direction=ONE_WAY, blanks=Blanks.KEEP, drift=Drift.RESTORE),
    ),
    Case("s4-default-never-travels-back", h(("", "[unknown]"), ("", None)), AGREE, DEFAULT, mirror=True),
    Case(
        "s4-default-is-not-a-value-at-first-link",
        h(("Smith", "[unknown]"), (None, None)),
        writes("fill", "b", "Smith"),
        DEFAULT,
    ),
    Case(
        "s4-default-set-later-stays",
        h(("Smith", "[unknown]"), ("Smith", "Smith")),
        says("apart", "unchanged", set_base_a=False, set_base_b=True),
        DEFAULT,
    ),
    Case(
        "s4-default-pulled-back",
        h(("", "[unknown]"), ("", "")),
        writes("write", "a", "[unknown]"),
        mapping(defaults={"b": "[unknown]"}),
    ),
    Case("s4-not-writable", h(("new", "old"), may=(True, False)), BLOCKED),
    Case("s4-not-writable-already-equal", h(("new", "new"), may=(True, False)), AGREE),
    Case(
        "s4-not-writable-fill",
        h(("x", ""), (None, None), may=(True, False)),
        says("blocked", target="b", value="x", kind=None),
    ),
    Case("s4-not-writable-source-does-not-matter", h(("new", "old"), may=(False, True)), writes("write", "b", "new")),
    Case(
        "s4-not-writable-conflict",
        h(("one", "two"), may=(True, False)),
        says("blocked", target="b", value="one"),
        by(Policy.A),
    ),
    Case(
        "s4-cannot-be-expressed",
        h(("new", "old"), outs=(None, "old")),
        says("blocked", target="b", value=None),
        mapping(expressions=("CAST", "CAST")),
    ),
    Case("s4-refused-value", h(("new", "old"), marks={"dead": {"side": "b", "print": "new"}}), DEAD),
    Case(
        "s4-refused-value-another-wakes",
        h(("newer", "old"), marks={"dead": {"side": "b", "print": "new"}}),
        writes("write", "b", "newer"),
    ),
    Case(
        "s4-refused-on-the-other-side-only",
        h(("new", "old"), marks={"dead": {"side": "a", "print": "new"}}),
        writes("write", "b", "new"),
    ),
    Case(
        "s4-refused-there-not-here",
        h(("old", "new"), marks={"dead": {"side": "b", "print": "old"}}),
        writes("write", "a", "new"),
    ),
    Case("s4-refused-now-equal", h(("new", "new"), marks={"dead": {"side": "b", "print": "new"}}), AGREE),
    Case("s5-not-taken", h(("new", "old"), marks={"not_taken": {"side": "b", "print": "new"}}), BLOCKED),
    Case(
        "s5-not-taken-another-value",
        h(("newer", "old"), marks={"not_taken": {"side": "b", "print": "new"}}),
        writes("write", "b", "newer"),
    ),
    Case("s5-frozen", h(("new", "old"), marks={"frozen": None}), says("frozen", target="b")),
    Case("s5-frozen-equal", h(("new", "new"), marks={"frozen": None}), AGREE),
    Case("s5-overridden-held", h(("new", "old"), marks={"held": {"a": "new", "b": "old"}}), says("held", kind=None)),
    Case(
        "s5-overridden-held-until-changed",
        h(("newer", "old"), marks={"held": {"a": "new", "b": "old"}}),
        writes("write", "b", "newer"),
    ),
]

CASES = [*SECTION_3, *SECTION_3_ONE_WAY, *POLICIES, *MOST_RESTRICTIVE, *SECTION_4]
