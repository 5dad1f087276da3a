"""Who waits because an earlier record of the same side would be the same person."""

from __future__ import annotations

from syncline.reconcile.match_twins import later_twins
from syncline.spec.presets_match import NATIVE_MATCH_RULES, RECOMMENDED_MATCH_RULES
from tests.unit.test_match import NAMES, Record, frame, person


def waiting(records: list[Record], rules=RECOMMENDED_MATCH_RULES) -> dict[str, str]:
    found = later_twins(frame("Lead", records), "a", rules, NAMES)
    return dict(found.select("record_id", "first_id").iter_rows())


def anna(record_id: str, name: str = "Anna|Jensen", **cells: str) -> Record:
    return person(record_id, name, **{"email": "anna@x.com", **cells})


def test_the_second_with_one_address_and_a_compatible_name_waits_for_the_first() -> None:
    assert waiting([anna("1"), anna("2"), anna("3", "A.|Jensen")]) == {"2": "1", "3": "1"}


def test_the_order_of_the_rows_is_none() -> None:
    assert waiting([anna("3"), anna("1"), anna("2")]) == {"2": "1", "3": "1"}


def test_a_household_does_not_wait() -> None:
    assert waiting([anna("1"), anna("2", "Bert|Jensen")]) == {}


def test_strangers_and_the_nameless_do_not_wait() -> None:
    assert waiting([anna("1"), person("2", "Anna|Jensen", email="other@x.com"), person("3"), person("4")]) == {}


def test_where_nobody_is_matched_by_likeness_nobody_waits() -> None:
    assert waiting([anna("1"), anna("2")], NATIVE_MATCH_RULES) == {}
