"""Scenarios native-7 and native-8: edits of a linked person on both sides between two cycles."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import Stage, linked_contact, linked_lead

both_presets = pytest.mark.parametrize("preset", ["recommended", "native"])
OURS, THEIRS = "555 0111", "555 0222"  # Salesforce's, Marketo's


def phones(stage: Stage, object_type: str, record: str, person: int) -> tuple[str, str]:
    return stage.org.read(object_type, record, "Phone"), stage.instance.read(person, "phone")


def edit_in_salesforce_then_marketo(stage: Stage, object_type: str, record: str, person: int) -> None:
    stage.org.update(object_type, record, Phone=OURS)
    stage.wait(60)
    stage.instance.update(person, phone=THEIRS)


def edit_in_marketo_then_salesforce(stage: Stage, object_type: str, record: str, person: int) -> None:
    stage.instance.update(person, phone=THEIRS)
    stage.wait(60)
    stage.org.update(object_type, record, Phone=OURS)


@pytest.mark.scenario("native-7")
def test_marketo_wins_on_leads(make_stage: MakeStage) -> None:
    """`native`, whoever was later. Source: Marketo "SFDC Sync: Lead Sync"."""
    stage = make_stage("native")
    lead, person = linked_lead(stage)
    edit_in_marketo_then_salesforce(stage, "Lead", lead, person)
    stage.cycle()
    assert phones(stage, "Lead", lead, person) == (THEIRS, THEIRS), "Marketo did not win on a lead"
    assert [(c["mapping"], c["value_a"]) for c in stage.explain(lead).conflicts] == [("phone", OURS)]


@pytest.mark.scenario("native-7")
def test_salesforce_wins_on_contacts(make_stage: MakeStage) -> None:
    """`native`, whoever was later. Source: Marketo "SFDC Sync: Contact Sync"."""
    stage = make_stage("native")
    contact, person = linked_contact(stage)
    edit_in_salesforce_then_marketo(stage, "Contact", contact, person)
    stage.cycle()
    assert phones(stage, "Contact", contact, person) == (OURS, OURS), "Salesforce did not win on a contact"
    assert [(c["mapping"], c["value_b"]) for c in stage.explain(contact).conflicts] == [("phone", THEIRS)]


@pytest.mark.scenario("native-7")
def test_the_newest_edit_wins(make_stage: MakeStage) -> None:
    """`recommended`, on leads and contacts alike; the loser is in the conflict log."""
    stage = make_stage("recommended")
    lead, lead_person = linked_lead(stage)
    contact, contact_person = linked_contact(stage)
    edit_in_salesforce_then_marketo(stage, "Contact", contact, contact_person)
    stage.wait(60)
    edit_in_marketo_then_salesforce(stage, "Lead", lead, lead_person)
    stage.cycle()
    assert phones(stage, "Lead", lead, lead_person) == (OURS, OURS), "the later edit of the lead lost"
    assert phones(stage, "Contact", contact, contact_person) == (THEIRS, THEIRS), "the later edit of the contact lost"
    assert [(c["mapping"], c["value_b"]) for c in stage.explain(lead).conflicts] == [("phone", THEIRS)]
    assert [(c["mapping"], c["value_a"]) for c in stage.explain(contact).conflicts] == [("phone", OURS)]


@both_presets
@pytest.mark.scenario("native-7", "W7")
def test_a_field_may_have_a_policy_of_its_own(make_stage: MakeStage, preset: str) -> None:
    """Both presets: the file decides for one field, the preset for the others."""
    stage = make_stage(preset, fields={"phone": {"policy": "a"}})
    lead, person = linked_lead(stage)
    edit_in_salesforce_then_marketo(stage, "Lead", lead, person)
    stage.cycle()
    assert phones(stage, "Lead", lead, person) == (OURS, OURS), "the field's own policy did not decide"
    logged = [(c["mapping"], c["value_a"], c["value_b"]) for c in stage.explain(lead).conflicts]
    assert logged == [("phone", OURS, THEIRS)]


@both_presets
@pytest.mark.scenario("native-8")
def test_edits_of_different_fields_both_survive(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike: only a field changed on both sides collides."""
    stage = make_stage(preset)
    lead, person = linked_lead(stage)
    stage.org.update("Lead", lead, Title="Director")
    stage.instance.update(person, phone=THEIRS)
    stage.cycle()
    here = stage.org.read("Lead", lead, "Title", "Phone")
    there = stage.instance.read(person, "title", "phone")
    assert (here["Title"], there["title"]) == ("Director", "Director"), "the edit in Salesforce did not survive"
    assert (here["Phone"], there["phone"]) == (THEIRS, THEIRS), "the edit in Marketo did not survive"
    assert stage.explain(lead).conflicts == ()
