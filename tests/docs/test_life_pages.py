"""The pages on the life of a person say what the code does: policies of both presets, and the answers to every hold."""

from __future__ import annotations

import re

import pytest

from syncline.engine.life.resolve import CHOICES, Choice
from syncline.spec.model import OnDelete, Sync
from syncline.spec.presets.people import native, recommended
from tests.docs.pages import ROOT

LIFE = (ROOT / "docs" / "explanation" / "life-of-a-person.md").read_text(encoding="utf-8")
DOUBTS = (ROOT / "docs" / "how-to" / "settle-doubts.md").read_text(encoding="utf-8")
PRESETS = [recommended("people", "crm", "marketing"), native("people", "crm", "marketing")]

preset = pytest.mark.parametrize(("column", "sync"), list(enumerate(PRESETS)), ids=["recommended", "native"])


def cells(page: str, first: str) -> list[str]:
    """The code words of the one row that begins with *first*, a cell each."""
    (row,) = re.findall(rf"^\| {re.escape(first)} \|(.*)\|$", page, re.MULTILINE)
    return [found[0] if (found := re.findall(r"`(\w[\w ]*)`", cell)) else "" for cell in row.split("|")]


@preset
def test_what_a_delete_does_is_the_presets(column: int, sync: Sync) -> None:
    assert [cells(LIFE, f"in {name}")[column] for name in ("Salesforce", "Marketo")] == [
        sync.on_delete[side].value for side in ("a", "b")
    ]


@preset
def test_how_a_merge_and_a_conversion_end_is_the_presets(column: int, sync: Sync) -> None:
    (score,) = [m for m in sync.fields if m.key == "score"]
    assert cells(LIFE, "scores")[column] == score.on_merge.value
    assert sync.actions is not None
    by = {False: ("name", "on request"), True: ("new", "always")}
    assert cells(LIFE, "by `syncline convert`: the account")[column] == by[sync.actions.converts_to_new_account][0]
    told = cells(LIFE, "by `syncline convert`: an opportunity")[column]
    assert told == by[sync.actions.converts_with_opportunity][1]


def test_every_policy_of_deletes_is_explained() -> None:
    section = LIFE[LIFE.index("| `on_delete` |") : LIFE.index("The link becomes")]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) - {"on_delete"} == {one.value for one in OnDelete}


def test_the_answers_to_every_hold_are_listed() -> None:
    section = DOUBTS[DOUBTS.index("| kind |") : DOUBTS.index("| answer |")]
    rows = re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|$", section, re.MULTILINE)
    listed = {kind: tuple(re.findall(r"`(\w+)`", answers)) for kind, answers in rows}
    assert listed == {kind: tuple(choice.value for choice in choices) for kind, choices in CHOICES.items()}
    answers = re.findall(r"^\| `(\w+)[^`]*` \|", DOUBTS[DOUBTS.index("| answer |") :], re.MULTILINE)
    assert set(answers) == {choice.value for choice in Choice}
