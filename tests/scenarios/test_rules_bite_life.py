"""The scenarios of the life of a person fail when the rule they are about is switched off (see `test_rules_bite`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncline.engine import push
from syncline.engine.life import just_before, mergers, step
from syncline.engine.life.chains import Chains
from syncline.engine.life.merger_ends import chains_of_two as honest_chains
from syncline.reconcile.succession import Name
from syncline.spec.model import Combine, OnDelete
from tests.scenarios import test_life_of_a_person as life
from tests.scenarios.bite import NATIVE, RECOMMENDED, Bite, each
from tests.scenarios.conftest import MakeStage
from tests.scenarios.rules_off import in_fields, in_presets, nothing, replaced


class _Optimistic(Chains):
    def is_there(self, name: Name | None) -> bool:
        return True


async def _everybody_is_there(*given: Any) -> Chains:
    chains = await honest_chains(*given)
    return _Optimistic(rows=chains.rows, lasts=chains.lasts)


def _nobody_is_looked_up(patch: pytest.MonkeyPatch) -> None:
    """Neither when the push begins nor right before it creates."""
    patch.setattr(push, "_look_up_email", nothing)
    patch.setattr(just_before, "_look_up", nothing)


LIFE_BITES = (
    Bite(
        number="native-16",
        scenario=life.test_a_lead_converted_to_a_new_contact_stays_the_same_person,
        given=NATIVE,
        off=replaced(step, "inherit", nothing),
        says="the person is not the contact's",
    ),
    Bite(
        number="native-17",
        scenario=life.test_a_lead_converted_into_a_linked_contact_makes_one_person_of_two,
        given=NATIVE,
        off=replaced(step, "owe_mergers", nothing),
        says="the two are still two persons",
    ),
    Bite(
        number="native-17 sum",
        scenario=life.test_a_lead_converted_into_a_linked_contact_makes_one_person_of_two,
        given=RECOMMENDED,
        off=in_fields(lambda m: replace(m, on_merge=Combine.WINNER), "score"),
        says="not the sum of both",
    ),
    Bite(
        number="native-18",
        scenario=life.test_leads_merged_in_salesforce_are_one_person,
        given=NATIVE,
        off=replaced(step, "owe_mergers", nothing),
        says="not one person",
    ),
    Bite(
        number="native-18 sum",
        scenario=life.test_leads_merged_in_salesforce_are_one_person,
        given=RECOMMENDED,
        off=in_fields(lambda m: replace(m, on_merge=Combine.WINNER), "score"),
        says="the scores were not added",
    ),
    Bite(
        number="W26",
        scenario=life.test_scores_are_added_wherever_the_merge_happened,
        given=NATIVE,
        off=in_fields(lambda m: replace(m, on_merge=Combine.WINNER), "score"),
        says="the scores were not added in Marketo",
    ),
    Bite(
        number="native-19",
        scenario=life.test_a_lead_and_a_contact_merged_in_marketo_leave_the_contact,
        given=NATIVE,
        off=replaced(mergers, "act_of", lambda *_: None),
        says="the lead was not converted into the contact",
    ),
    Bite(
        number="native-20",
        scenario=life.test_a_merge_whose_twin_was_deleted_is_done_here_alone,
        given=NATIVE,
        off=replaced(mergers, "chains_of_two", _everybody_is_there),
        says="the two sides differ",
    ),
    Bite(
        number="native-21 flag",
        scenario=life.test_a_lead_deleted_in_salesforce_leaves_a_flag_and_a_push_makes_a_new_one,
        given=NATIVE,
        off=in_presets(lambda sync: replace(sync, on_delete={**sync.on_delete, "a": OnDelete.UNLINK})),
        says="the person does not show that the lead is gone",
    ),
    Bite(
        number="W9 undelete",
        scenario=life.test_an_undeleted_lead_is_the_same_link_with_what_happened_meanwhile,
        given=RECOMMENDED,
        off=replaced(step, "lift", nothing),
        says="the edit made in between is lost",
    ),
    Bite(
        number="native-22",
        scenario=life.test_a_deleted_person_comes_back_with_the_next_edit,
        given={},
        off=in_presets(lambda sync: replace(sync, on_delete={**sync.on_delete, "b": OnDelete.UNLINK})),
        says="the edit did not make a new person",
    ),
    Bite(
        number="native-22 recommended",
        scenario=life.test_a_deleted_person_stays_deleted,
        given={},
        off=in_presets(lambda sync: replace(sync, on_delete={**sync.on_delete, "b": OnDelete.RECREATE})),
        says="the edit made a new person",
    ),
    Bite(
        number="W8",
        scenario=life.test_a_push_looks_for_the_lead_before_it_makes_one,
        given={},
        off=_nobody_is_looked_up,
        says="the push made a second lead",
    ),
)


@each(LIFE_BITES)
def test_without_its_rule_the_scenario_fails(
    bite: Bite, make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bite.bites(make_stage, monkeypatch)
