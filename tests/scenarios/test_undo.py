"""Undo over HTTP: what a run wrote to either system is put back, stays so, and the next edit flows as ever."""

from __future__ import annotations

import pytest

from syncline.engine.actions.deletion import DeletePerson, delete_person
from syncline.engine.undo import undo
from syncline.engine.undo_plan import plan_undo
from syncline.engine.undo_scope import Window
from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import Stage, linked_contact, linked_lead

both_presets = pytest.mark.parametrize("preset", ["recommended", "native"])


def titles(stage: Stage, object_type: str, record: str, person: int) -> tuple[str | None, str | None]:
    return stage.org.read(object_type, record, "Title"), stage.instance.read(person, "title")


def assert_at_rest(stage: Stage) -> None:
    for _ in range(2):
        assert stage.cycle().records_written == 0, "the undo was carried over"
    assert stage.verified().is_converged


@both_presets
def test_what_a_run_wrote_to_marketo_is_put_back(make_stage: MakeStage, preset: str) -> None:
    stage = make_stage(preset)
    lead, person = linked_lead(stage, Title="Analyst")
    stage.org.update("Lead", lead, Title="Admiral", Phone="555 0100")
    run = stage.cycle().run_id
    stage.cycle()
    done = stage.act(undo, run)
    assert done.put_back() == 2
    assert titles(stage, "Lead", lead, person) == ("Admiral", "Analyst")
    assert_at_rest(stage)
    stage.org.update("Lead", lead, Title="Countess")
    stage.cycle()
    assert titles(stage, "Lead", lead, person) == ("Countess", "Countess")


@both_presets
def test_what_was_written_to_salesforce_is_put_back_and_the_undo_undone(make_stage: MakeStage, preset: str) -> None:
    stage = make_stage(preset)
    contact, person = linked_contact(stage, Title="Analyst", Phone="555 0100")
    stage.cycle()
    stage.instance.update(person, title="Admiral", phone="555 0199")
    stage.cycle()
    stage.cycle()
    stage.org.update("Contact", contact, Phone="555 0123")
    done = stage.act(undo, "cal@example.com")
    reasons = done.plan.stays.select("field", "now", "reason").rows()
    assert (done.put_back(), reasons) == (1, [("Phone", "555 0123", "it was changed since")])
    assert titles(stage, "Contact", contact, person) == ("Analyst", "Admiral")
    stage.cycle()
    assert stage.instance.read(person, "phone") == "555 0123", "the edit made meanwhile did not flow"
    assert_at_rest(stage)
    again = stage.act(undo, done.run_id)
    assert again.put_back() == 1
    assert titles(stage, "Contact", contact, person) == ("Admiral", "Admiral")
    assert_at_rest(stage)


def test_a_person_deleted_after_its_lead_is_made_anew_and_linked_again(make_stage: MakeStage) -> None:
    """Marketo has no undelete: our run followed a delete in Salesforce, the lead was undeleted, the person comes back
    with the field that only Marketo held."""
    stage = make_stage("recommended", on_delete={"a": "delete"})
    lead, person = linked_lead(stage, Title="Analyst")
    stage.instance.update(person, title="Admiral")
    stage.cycle()
    stage.cycle()
    stage.org.delete("Lead", lead)
    run = stage.cycle().run_id
    assert not stage.instance.exists(person), "the delete was not followed"
    stage.wait(600)
    stage.org.undelete("Lead", lead)
    stage.cycle()
    assert stage.instance.people("ada@example.com") == [], "the person came back by itself"
    done = stage.act(undo, run)
    assert (done.brought_back(), [one.how for one in done.plan.revivals]) == (1, ["create"])
    (made,) = stage.instance.people("ada@example.com", "title", "lastName")
    assert (int(made["id"]) != person, made["title"]) == (True, "Admiral")
    stage.cycle()
    assert_at_rest(stage)
    stage.org.update("Lead", lead, Title="Countess")
    stage.cycle()
    assert stage.instance.read(int(made["id"]), "title") == "Countess", "the link is not restored"
    assert not stage.act(plan_undo, run).does_something, "the same command would do it twice"


def test_a_lead_that_we_deleted_is_taken_out_of_the_recycle_bin(make_stage: MakeStage) -> None:
    stage = make_stage("recommended")
    lead, person = linked_lead(stage, Title="Analyst")
    deleted = stage.act(delete_person, DeletePerson(person=lead, on="a", confirmed=True))
    stage.cycle()
    stage.cycle()
    assert stage.org.leads("ada@example.com") == []
    since_us = stage.world.now_us() - 3_600_000_000
    done = stage.act(undo, Window(since_us=since_us, until_us=stage.world.now_us()))
    assert deleted.result.run_id in done.plan.runs
    assert [one.how for one in done.plan.revivals] == ["undelete"]
    assert [one["Id"] for one in stage.org.leads("ada@example.com")] == [lead]
    stage.cycle()
    stage.cycle()
    stage.org.update("Lead", lead, Title="Countess")
    stage.cycle()
    assert titles(stage, "Lead", lead, person) == ("Countess", "Countess")
    assert_at_rest(stage)
