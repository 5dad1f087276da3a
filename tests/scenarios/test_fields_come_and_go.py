"""Scenarios native-9 to native-12: hidden fields, formulas, fields that come into sight and go out of it."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import Stage, linked_lead

both_presets = pytest.mark.parametrize("preset", ["recommended", "native"])

OWNER_TITLE_MAP = {"a": {"Lead": "Owner_Title__c"}, "b": {"lead": "mktoPersonNotes"}, "direction": "a_to_b"}


def hide(stage: Stage, *fields: str) -> None:
    """From the connected user; the administrator goes on seeing them."""
    stage.org.control("rights", {"hidden_fields": list(fields)})


def until_read_for_good(stage: Stage) -> None:
    """Until no later cycle reads again what was written so far, for fear of a late commit."""
    stage.wait(900)
    stage.cycle()
    stage.cycle()


@both_presets
@pytest.mark.scenario("native-9")
def test_an_edit_of_a_hidden_field_is_skipped(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike: the stamp moves, the record is fetched, nothing in it is ours, and it is counted so.

    Source: Marketo "Salesforce Sync Status" (skipped).
    """
    stage = make_stage(preset)
    hide(stage, "Lead.Rating")
    lead, person = linked_lead(stage)
    until_read_for_good(stage)
    before = stage.instance.read(person, "rating", "title", "updatedAt")
    assert stage.cycle().skipped == 0
    stage.org.update("Lead", lead, Rating="Hot")
    report = stage.cycle()
    assert report.skipped == 1, "the record was not counted as skipped"
    assert (report.records_written, report.classes.height) == (0, 0)
    assert stage.instance.read(person, "rating", "title", "updatedAt") == before


@both_presets
@pytest.mark.scenario("native-10", "W6")
def test_a_new_result_of_a_formula_waits_for_a_touch_or_a_sweep(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike: a formula's inputs move no stamp of the record. A sweep, when asked for, finds them.

    Source: Marketo "SFDC Sync: Field Sync" (formula fields).
    """
    fields = {"description": False, "owner_title": OWNER_TITLE_MAP}
    stage = make_stage(preset, fields=fields)
    assert ("SYN-166", "crm.Lead.Owner_Title__c") in stage.warnings(), "nobody is warned of the formula"
    lead, person = linked_lead(stage)
    owner = stage.org.read("Lead", lead, "OwnerId")
    until_read_for_good(stage)
    stage.org.update("User", owner, Title="Boss")
    stage.cycle()
    assert stage.org.read("Lead", lead, "Owner_Title__c") == "Boss"
    assert stage.instance.read(person, "mktoPersonNotes") is None, "the formula's result came without a touch"
    stage.org.update("Lead", lead, Fax="555 0199")
    stage.cycle()
    assert stage.instance.read(person, "mktoPersonNotes") == "Boss", "the touch did not bring it"

    until_read_for_good(stage)
    stage.org.update("User", owner, Title="Chief")
    stage.cycle()
    assert stage.instance.read(person, "mktoPersonNotes") == "Boss"
    stage.cycle(sweep=True)
    assert stage.instance.read(person, "mktoPersonNotes") == "Chief", "the sweep did not bring it"


@pytest.mark.scenario("native-10")
def test_a_schedule_sweeps_formulas(make_stage: MakeStage) -> None:
    """The file says how often; between two sweeps a formula's new result waits."""
    fields = {"description": False, "owner_title": OWNER_TITLE_MAP}
    stage = make_stage("native", fields=fields, sweep_formulas_every="1h")
    lead, person = linked_lead(stage)
    until_read_for_good(stage)
    stage.org.update("User", stage.org.read("Lead", lead, "OwnerId"), Title="Boss")
    stage.cycle()
    assert stage.instance.read(person, "mktoPersonNotes") is None
    stage.wait(3600)
    stage.cycle()
    assert stage.instance.read(person, "mktoPersonNotes") == "Boss", "the schedule did not sweep"


@both_presets
@pytest.mark.scenario("native-11")
def test_a_field_that_comes_into_sight_is_filled_for_everybody(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike, and better than Marketo, which waits until each record is touched: values arrive at once."""
    stage = make_stage(preset)
    hide(stage, "Lead.Rating")
    lead, person = linked_lead(stage, Rating="Warm")
    assert stage.instance.read(person, "rating") is None
    hide(stage)
    stage.cycle()
    assert stage.instance.read(person, "rating") == "Warm", "the record was not read again"
    stage.org.update("Lead", lead, Rating="Hot")
    stage.cycle()
    assert stage.instance.read(person, "rating") == "Hot"


@both_presets
@pytest.mark.scenario("native-12")
def test_a_field_that_goes_out_of_sight_stops_and_keeps_its_data(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike: nothing flows either way, nothing is cleared, others go on.

    Source: Marketo "Hide a Salesforce Field from the Marketo Sync".
    """
    stage = make_stage(preset)
    lead, person = linked_lead(stage, Rating="Warm")
    assert stage.instance.read(person, "rating") == "Warm"
    hide(stage, "Lead.Rating")
    stage.org.update("Lead", lead, Rating="Hot", Title="Director")
    stage.cycle()
    kept = stage.instance.read(person, "rating", "title")
    assert kept == {"rating": "Warm", "title": "Director"}, "the hidden field did not keep its data"
    stage.instance.update(person, rating="Cold")
    stage.cycle()
    assert stage.org.read("Lead", lead, "Rating") == "Hot"
    assert stage.instance.read(person, "rating") == "Cold"
    report = stage.verified()
    assert (report.counts["rating"], report.unexplained) == ({"hidden": 1}, 0)
