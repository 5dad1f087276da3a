"""Undo over HTTP: what a run wrote to either system is put back, stays so, and the next edit flows as ever."""

from __future__ import annotations

import pytest

from syncline.engine.undo import undo
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
