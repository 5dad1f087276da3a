"""Canonical forms, and fingerprints that stay the same for ever."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from syncline.values import FieldType, canonical, fingerprint, fingerprints, instant, micros

KEY = bytes(range(32))

# Stored bases hold these: a change here makes every stored base unreadable.
GOLDEN: list[tuple[tuple[str, ...], int]] = [
    (("",), 2125768211211300365),
    (("a",), 8494913065598639647),
    (("a", "b"), 12764071828008612674),
    (("", ""), 2358383811014625408),
    (("Zoë",), 5998096382226313039),
    (("true",), 3779634839278720519),
    (("x" * 1000,), 11176323898638985383),
]


@pytest.mark.parametrize(("inputs", "expected"), GOLDEN, ids=lambda value: repr(value)[:30])
def test_golden_fingerprints(inputs: tuple[str, ...], expected: int) -> None:
    assert fingerprint(KEY, inputs) == expected


def test_inputs_do_not_run_together() -> None:
    assert len({fingerprint(KEY, pair) for pair in [("ab", "c"), ("a", "bc"), ("abc",), ("abc", "")]}) == 4


def test_the_key_decides() -> None:
    assert fingerprint(KEY, ("x",)) != fingerprint(bytes(32), ("x",))


def test_columns_are_hashed_like_cells_and_unread_stays_unread() -> None:
    assert fingerprints(KEY, ["x", None, "", "x"]) == [
        fingerprint(KEY, ("x",)),
        None,
        fingerprint(KEY, ("",)),
        fingerprint(KEY, ("x",)),
    ]


@pytest.mark.parametrize(
    ("field_type", "raw", "expected"),
    [
        (FieldType.TEXT, "  a\r\nb\r ", "a\nb"),
        (FieldType.TEXT, "Zoe\u0308", "Zo\u00eb"),
        (FieldType.TEXT, None, ""),
        (FieldType.TEXT, "   ", ""),
        (FieldType.NUMBER, "0012.500", "12.5"),
        (FieldType.NUMBER, 1e21, "1000000000000000000000"),
        (FieldType.NUMBER, "-0", "0"),
        (FieldType.NUMBER, " ", ""),
        (FieldType.INTEGER, True, "1"),
        (FieldType.BOOLEAN, "Yes", "true"),
        (FieldType.BOOLEAN, 0, "false"),
        (FieldType.BOOLEAN, "", ""),
        (FieldType.DATE, "2026-11-22T23:00:00Z", "2026-11-22"),
        (FieldType.DATE, date(2026, 11, 22), "2026-11-22"),
        (FieldType.DATETIME, "2026-11-22T11:00:00+0100", "2026-11-22T10:00:00.000Z"),
        (FieldType.DATETIME, datetime(2026, 11, 22, 10, tzinfo=UTC), "2026-11-22T10:00:00.000Z"),
        (FieldType.MULTICHOICE, "b;a; b;", "a;b"),
        (FieldType.MULTICHOICE, ["b", "a"], "a;b"),
    ],
)
def test_canonical(field_type: FieldType, raw: object, expected: str) -> None:
    assert canonical(field_type, raw) == expected


@pytest.mark.parametrize(
    ("field_type", "raw"),
    [
        (FieldType.NUMBER, "twelve"),
        (FieldType.NUMBER, "NaN"),
        (FieldType.BOOLEAN, "perhaps"),
        (FieldType.DATE, "22.11.2026"),
        (FieldType.DATETIME, "2026-11-22T10:00:00"),
    ],
)
def test_what_cannot_be_of_the_type_is_refused(field_type: FieldType, raw: object) -> None:
    with pytest.raises(ValueError):
        canonical(field_type, raw)


def test_instants_survive() -> None:
    at = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
    assert instant(micros(at)) == at
