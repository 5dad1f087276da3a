"""The scenarios of actions on one person fail when the rule each is about is switched off (as `test_rules_bite`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncline.engine.actions import conversion, deletion, ownership, pushing, tasks
from syncline.engine.actions.acting import Acting
from syncline.engine.actions.conversion import Convert
from syncline.engine.actions.deletion import DeletePerson
from syncline.records import Operation, Outcome, Side, Write
from syncline.spec.actions import PersonActions
from syncline.spec.model import Blanks, Sync
from tests.scenarios import test_actions as actions
from tests.scenarios.bite import NATIVE, RECOMMENDED, Bite, each
from tests.scenarios.conftest import MakeStage
from tests.scenarios.rules_off import Off, in_fields, in_presets, nothing, replaced

OWNER_FIELDS = tuple(f"owner_{name}" for name in ("first_name", "last_name", "title", "phone", "email"))


def in_table(**changes: object) -> Off:
    """Both presets, with the table of actions changed."""

    def changed(sync: Sync) -> Sync:
        assert sync.actions is not None
        return replace(sync, actions=replace(sync.actions, **changes))  # type: ignore[arg-type]

    return in_presets(changed)


def owners_own(*object_types: str) -> Off:
    def changed(sync: Sync) -> Sync:
        table: PersonActions | None = sync.actions
        assert table is not None
        kinds = tuple(replace(kind, owns=frozenset(object_types)) for kind in table.owner_kinds)
        return replace(sync, actions=replace(table, owner_kinds=kinds))

    return in_presets(changed)


def a_queue_makes_a_second_lead(patch: pytest.MonkeyPatch) -> None:
    """As the vendor's own sync: what a queue cannot own is made anew as something it can."""
    honest = Acting.perform

    async def perform(self: Acting, side: Side, write: Write, *, link_id: int) -> Outcome:
        if write.object_type == "Contact":
            cells = {**write.cells, "LastName": "Dunn", "Company": "Colliers"}
            write = replace(
                write, operation=Operation.CREATE, object_type="Lead", cells=cells, record_id=None, options={}
            )
        return await honest(self, side, write, link_id=link_id)

    patch.setattr(Acting, "perform", perform)
    for module in (ownership, pushing):
        patch.setattr(module, "require_may_own", lambda *_: None)


def never_asks(patch: pytest.MonkeyPatch) -> None:
    honest = DeletePerson.__init__

    def made(self: DeletePerson, **given: Any) -> None:
        honest(self, **{**given, "confirmed": True})

    patch.setattr(DeletePerson, "__init__", made)


def both_sides_go(patch: pytest.MonkeyPatch) -> None:
    honest = deletion._chosen

    async def chosen(*given: Any) -> Any:
        person, _ = await honest(*given)
        return person, sorted(person.ends)

    patch.setattr(deletion, "_chosen", chosen)


def only_what_was_named_goes(patch: pytest.MonkeyPatch) -> None:
    honest = deletion._chosen

    async def chosen(*given: Any) -> Any:
        person, sides = await honest(*given)
        return person, sides[-1:]

    patch.setattr(deletion, "_chosen", chosen)


def no_contact_is_named(patch: pytest.MonkeyPatch) -> None:
    honest = Convert.__init__

    def made(self: Convert, **given: Any) -> None:
        honest(self, **{**given, "contact_id": None})

    patch.setattr(Convert, "__init__", made)


def tasks_are_due_at_once(patch: pytest.MonkeyPatch) -> None:
    def changed(sync: Sync) -> Sync:
        table: PersonActions | None = sync.actions
        assert table is not None
        return replace(sync, actions=replace(table, task=replace(table.task, due_in_days=0)))

    in_presets(changed)(patch)


async def as_written(_acting: object, _person: object, *texts: str) -> list[str]:
    return list(texts)


ACTION_BITES = (
    Bite(
        number="native-24 shown",
        scenario=actions.test_a_leads_owner_is_shown_and_a_queue_is_blank,
        given=NATIVE,
        off=in_fields(lambda m: replace(m, create_only=True), *OWNER_FIELDS),
        says="Marketo shows another owner",
    ),
    Bite(
        number="native-24 blank",
        scenario=actions.test_a_leads_owner_is_shown_and_a_queue_is_blank,
        given=RECOMMENDED,
        off=in_fields(lambda m: replace(m, blanks=Blanks.KEEP), *OWNER_FIELDS),
        says="Marketo shows an owner where a queue is",
    ),
    Bite(
        number="native-24 W10 second lead",
        scenario=actions.test_a_queue_for_a_contact_is_refused_and_makes_no_second_lead,
        given=NATIVE,
        off=a_queue_makes_a_second_lead,
        says="a second lead was made for the queue's sake",
    ),
    Bite(
        number="native-24 W10 refused",
        scenario=actions.test_a_queue_for_a_contact_is_refused_and_makes_no_second_lead,
        given=RECOMMENDED,
        off=owners_own("Lead", "Contact", "Task"),
        says="it was not refused",
    ),
    Bite(
        number="native-25 W10",
        scenario=actions.test_a_contact_can_be_given_to_a_named_user,
        given=RECOMMENDED,
        off=owners_own("Lead", "Task"),
        says="the contact was not given to the user",
    ),
    Bite(
        number="native-26 account",
        scenario=actions.test_native_converts_into_a_new_contact_account_and_opportunity,
        off=in_table(converts_to_new_account=False),
        says="an account that was there was taken",
    ),
    Bite(
        number="native-26 opportunity",
        scenario=actions.test_native_converts_into_a_new_contact_account_and_opportunity,
        off=in_table(converts_with_opportunity=False),
        says="no opportunity was made",
    ),
    Bite(
        number="W11 account",
        scenario=actions.test_a_conversion_takes_the_companys_account_and_makes_no_opportunity,
        off=in_table(converts_to_new_account=True),
        says="a second account was made",
    ),
    Bite(
        number="W11 opportunity",
        scenario=actions.test_a_conversion_takes_the_companys_account_and_makes_no_opportunity,
        off=in_table(converts_with_opportunity=True),
        says="an opportunity nobody asked for",
    ),
    Bite(
        number="W11 address",
        scenario=actions.test_a_conversion_ends_in_the_account_of_the_address_with_an_opportunity_on_request,
        off=replaced(conversion, "account_by_rule", nothing),
        says="the website's account was not taken",
    ),
    Bite(
        number="W11 contact",
        scenario=actions.test_a_conversion_ends_in_a_contact_that_was_there,
        given=RECOMMENDED,
        off=no_contact_is_named,
        says="the lead did not end in the contact that was named",
    ),
    Bite(
        number="native-27 due",
        scenario=actions.test_a_task_is_due_in_five_days_and_its_tokens_are_resolved,
        given=NATIVE,
        off=tasks_are_due_at_once,
        says="it is not due in five days",
    ),
    Bite(
        number="native-27 tokens",
        scenario=actions.test_a_task_is_due_in_five_days_and_its_tokens_are_resolved,
        given=RECOMMENDED,
        off=replaced(tasks, "resolve_tokens", as_written),
        says="a token was not resolved",
    ),
    Bite(
        number="native-27 pushed first",
        scenario=actions.test_a_task_is_due_in_five_days_and_its_tokens_are_resolved,
        given=NATIVE,
        off=replaced(Acting, "_push_first", nothing),
        says="no task was made",
    ),
    Bite(
        number="native-23 W34 asks",
        scenario=actions.test_a_delete_asks_and_leaves_the_other_side_alone,
        given=NATIVE,
        off=never_asks,
        says="nobody was asked",
    ),
    Bite(
        number="native-23 W34 other side",
        scenario=actions.test_a_delete_asks_and_leaves_the_other_side_alone,
        given=RECOMMENDED,
        off=both_sides_go,
        says="the lead went too",
    ),
    Bite(
        number="native-23 both",
        scenario=actions.test_a_delete_takes_both_sides_when_both_were_asked_for,
        given=NATIVE,
        off=only_what_was_named_goes,
        says="the lead is still there",
    ),
)


@each(ACTION_BITES)
def test_without_its_rule_the_scenario_fails(
    bite: Bite, make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bite.bites(make_stage, monkeypatch)
