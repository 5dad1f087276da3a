"""What the laws of the moment let pass, and what they do not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from syncline.records import Operation, Side, Write
from tests.simulation.chronicle import COLUMNS, HUMAN, US, Chronicle, Edit, Row, Version
from tests.simulation.sending import Sending

SECOND = 1_000_000


def the_systems() -> Chronicle:
    """One person, who stands on both sides without an address."""
    nowhere: Any = None
    out = Chronicle(org=nowhere, instance=nowhere, object_types=("Lead",))
    ends: list[tuple[Side, str]] = [("a", "Lead"), ("b", "lead")]
    for side, object_type in ends:
        cells = dict.fromkeys(COLUMNS[object_type], "") | ({"sfdc_id": "1"} if side == "b" else {})
        first = Version(at_us=0, actor="before", cells=cells)
        out.rows[side]["1"] = Row(side=side, record_id="1", object_type=object_type, person=1, versions=[first])
    return out


def changes(systems: Chronicle, at_us: int, side: Side, actor: str, key: str, value: str) -> None:
    row = systems.rows[side]["1"]
    old = row.now.cells
    row.versions.append(Version(at_us=at_us, actor=actor, cells={**old, key: value}))
    edit = Edit(side=side, record_id="1", key=key, old=old[key], new=value, at_us=at_us, actor=actor)
    systems.edits.append(edit)


@pytest.mark.parametrize(
    ("cells", "is_replaced", "complaints"),
    [
        ({"Street": "theirs", "City": "second"}, False, 0),  # b's group wins as one
        ({"City": "second"}, False, 1),
        ({"Street": "theirs", "City": "second"}, True, 1),  # what was to go along is ours there no more
    ],
)
def test_an_old_value_goes_along_with_a_new_one_of_its_group(
    cells: dict[str, str], is_replaced: bool, complaints: int
) -> None:
    systems = the_systems()
    changes(systems, 10 * SECOND, "a", HUMAN, "city", "second")
    changes(systems, 20 * SECOND, "b", US, "city", "second")
    changes(systems, 30 * SECOND, "a", HUMAN, "city", "third")
    changes(systems, 40 * SECOND, "b", HUMAN, "street", "theirs")
    if is_replaced:
        changes(systems, 50 * SECOND, "b", US, "city", "third")
    sending = Sending(chronicle=systems, complaints=[])
    sending.known([("a", "1", "city", "third")], 31 * SECOND)
    process: Any = SimpleNamespace(name="worker", turn="1", thawed=None, prepared_us=100 * SECOND)
    write = Write(operation=Operation.UPDATE, object_type="Lead", cells=cells, record_id="1")
    sending.sends(process, "a", [write], 100 * SECOND)
    assert len([one for one in sending.complaints if one.startswith("old over new")]) == complaints


@pytest.mark.parametrize(("left_us", "complaints"), [(25 * SECOND, 0), (45 * SECOND, 1)])
def test_what_went_under_a_write_that_had_left_before_it_was_known_has_no_successor(
    left_us: int, complaints: int
) -> None:
    systems = the_systems()
    changes(systems, 10 * SECOND, "b", HUMAN, "title", "second")
    changes(systems, 20 * SECOND, "a", US, "title", "second")
    changes(systems, 30 * SECOND, "b", HUMAN, "title", "third")
    changes(systems, 50 * SECOND, "b", US, "title", "first")
    sending = Sending(chronicle=systems, complaints=[])
    sending.known([("b", "1", "title", "third")], 31 * SECOND)
    sending.sent_us["b", "1", "title", "first"] = [left_us]
    process: Any = SimpleNamespace(name="worker", turn="1", thawed=None, prepared_us=100 * SECOND)
    cells = {"title": "second"}
    write = Write(operation=Operation.UPDATE, object_type="lead", cells=cells, record_id="1")
    sending.sends(process, "b", [write], 100 * SECOND)
    assert len([one for one in sending.complaints if one.startswith("old over new")]) == complaints
