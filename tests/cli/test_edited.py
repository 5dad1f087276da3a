"""Whom an edit of filter, fields or rules is for: a person at a terminal is asked, the file may say it."""

from __future__ import annotations

import pytest

from tests.support.ground import CONTACTS, LEADS, Ground
from tests.support.terminal import Typing

OUTSIDE = {"connection": "crm", "filter": {"Contact": "Title <> 'CEO'"}}
"""No contact is in the sync, until the filter is edited away."""


@pytest.fixture
def edited(new_ground: Ground) -> Ground:
    """In agreement under a filter that was taken out of the file since."""
    new_ground.sync["a"] = OUTSIDE
    new_ground.synced()
    assert people(new_ground) == LEADS + 1
    new_ground.sync["a"] = "crm"
    return new_ground


def people(ground: Ground) -> int:
    return len(ground.emails_of_people())


@pytest.mark.scenario("wiz-6.12")
def test_an_edit_for_all_records_once(edited: Ground, typing: Typing) -> None:
    typing("perhaps\n\n")
    said = edited.syncline("run")
    assert "was edited since its last run" in said.err
    assert said.err.count("to all records once, or only to those that change") == 2
    assert people(edited) == LEADS + 1 + CONTACTS
    assert "was edited" not in edited.syncline("run").err  # it is asked once


@pytest.mark.scenario("wiz-6.12")
def test_an_edit_for_changes_only(edited: Ground, typing: Typing) -> None:
    typing("changes\n")
    edited.syncline("run")
    assert people(edited) == LEADS + 1
    edited.syncline("run")
    assert people(edited) == LEADS + 1  # nor later by itself
    (contact,) = edited.queried("SELECT Id FROM Contact WHERE Email = 'c3@x.com'")
    edit = {"as": "admin@sandbox.example", "object": "Contact", "operation": "update"}
    edited.org("write", {**edit, "records": [{"Id": contact["Id"], "Phone": "1"}]})
    edited.syncline("run")
    assert people(edited) == LEADS + 2


def test_where_nobody_is_asked_the_file_says_whom_it_is_for(edited: Ground) -> None:
    edited.sync["edit_applies_to"] = "changes"
    edited.syncline("run", "--json")
    assert people(edited) == LEADS + 1
    edited.sync["edit_applies_to"] = "all"  # saying so is no edit
    edited.syncline("run", "--json")
    assert people(edited) == LEADS + 1


def test_without_a_word_in_the_file_it_is_for_all(edited: Ground) -> None:
    edited.syncline("run", "--json")
    assert people(edited) == LEADS + 1 + CONTACTS


def test_the_end_of_the_input_is_no_answer(edited: Ground, typing: Typing) -> None:
    typing("\x04")
    said = edited.syncline("run")
    assert said.code != 0
    assert people(edited) == LEADS + 1
    typing("all\n")
    edited.syncline("run")
    assert people(edited) == LEADS + 1 + CONTACTS
