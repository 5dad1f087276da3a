"""Every scenario fails when the rule it is about is switched off: so none of them passes by chance.

Each row names a scenario's test, what switches its rule off, and the words of the assertion that must fail.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncline.connectors.salesforce import write as salesforce_write
from syncline.engine import background, creates, cycle
from syncline.engine import push as push_module
from syncline.spec import resolve
from syncline.spec.model import Creates, Direction, Policy
from syncline.spec.presets_match import NATIVE_MATCH_RULES, RECOMMENDED_MATCH_RULES
from syncline_sandbox.marketo.crm_objects.room import CrmObjects
from tests.scenarios import test_consent as consent
from tests.scenarios import test_edits_on_both_sides as edits
from tests.scenarios import test_fields_come_and_go as fields
from tests.scenarios import test_native_crm as native_crm
from tests.scenarios import test_new_people as people
from tests.scenarios import test_switch_and_filter as switch
from tests.scenarios.bite import NATIVE, RECOMMENDED, Bite, each
from tests.scenarios.conftest import MakeStage
from tests.scenarios.rules_off import (
    an_address_may_bring_an_opt_in,
    an_hour_is_forgotten,
    answers,
    by,
    default_with_every_write,
    every_row_counts_as_new,
    file_says_nothing_of_fields,
    hidden_is_empty,
    in_fields,
    in_presets,
    never_forced,
    new_fields_are_not_filled,
    no_obstacles,
    nobody_s_hand,
    nothing,
    push_asks_the_switch,
    replaced,
    siblings_prove_nothing,
    strangers_are_looked_at_once,
    who_follows_a_person_is_judged_alone,
    who_follows_needs_no_person,
)

ONE_UNIT = in_fields(lambda m: replace(m, group="one", is_atomic=True), "phone", "title")

BITES = (
    Bite(
        number="native-1",
        scenario=people.test_a_new_visible_lead_is_a_person_within_one_cycle,
        given=NATIVE,
        off=in_presets(lambda sync: replace(sync, a=replace(sync.a, creates=Creates.NEVER))),
        says="the new lead is no person",
    ),
    Bite(
        number="native-2",
        scenario=people.test_a_new_lead_whose_address_marketo_knows_is_a_second_person,
        off=in_presets(lambda sync: replace(sync, match_rules=RECOMMENDED_MATCH_RULES)),
        says="the lead was taken for the person who was there",
    ),
    Bite(
        number="native-2 recommended",
        scenario=people.test_a_new_lead_whose_address_marketo_knows_is_linked,
        off=in_presets(lambda sync: replace(sync, match_rules=NATIVE_MATCH_RULES)),
        says="the lead became a duplicate",
    ),
    Bite(
        number="native-3",
        scenario=people.test_an_edit_of_a_person_only_marketo_has_does_nothing_in_salesforce,
        given=NATIVE,
        off=in_presets(lambda sync: replace(sync, b=replace(sync.b, creates=Creates.MATCHED_FIRST))),
        says="somebody was created in Salesforce",
    ),
    Bite(
        number="native-4 create",
        scenario=people.test_a_push_of_that_person_makes_a_lead_now,
        given=NATIVE,
        off=never_forced,
        says="the push made no lead",
    ),
    Bite(
        number="native-4 owner",
        scenario=people.test_a_push_of_that_person_makes_a_lead_now,
        given=NATIVE,
        off=replaced(salesforce_write, "_auto_assign", lambda _write: "FALSE"),
        says="the owner is not the rule's",
    ),
    Bite(
        number="native-4 Id",
        scenario=people.test_a_push_of_that_person_makes_a_lead_now,
        given=NATIVE,
        off=replaced(push_module, "_second_look", nothing),
        says="the person does not know the lead",
    ),
    Bite(
        number="native-5 no default",
        scenario=people.test_a_push_without_company_and_default_fails_and_says_so,
        off=in_fields(lambda m: replace(m, defaults={"a": "[unknown]"}), "company"),
        says="somebody was created in Salesforce",
    ),
    Bite(
        number="native-5 said",
        scenario=people.test_a_push_without_company_and_default_fails_and_says_so,
        off=replaced(creates, "_bury_lacking", nothing),
        says="the list of errors does not name the person",
    ),
    Bite(
        number="native-5 recommended",
        scenario=people.test_a_push_without_company_makes_a_lead_with_a_marked_value,
        off=in_fields(lambda m: replace(m, defaults={}), "company"),
        says="no lead with the marked value",
    ),
    Bite(
        number="native-6 default",
        scenario=people.test_a_default_company_is_given_once,
        given={**NATIVE, "pulled_back": "Private person"},
        off=file_says_nothing_of_fields,
        says="the lead has no default company",
    ),
    Bite(
        number="native-6 way back",
        scenario=people.test_a_default_company_is_given_once,
        given={**NATIVE, "pulled_back": "Private person"},
        off=in_fields(lambda m: replace(m, pulls_default_back=False), "company"),
        says="the default's way back is not the preset's",
    ),
    Bite(
        number="native-6 recommended way back",
        scenario=people.test_a_default_company_is_given_once,
        given={**RECOMMENDED, "pulled_back": None},
        off=in_fields(lambda m: replace(m, pulls_default_back=True), "company"),
        says="the default's way back is not the preset's",
    ),
    Bite(
        number="native-6 once",
        scenario=people.test_a_default_company_is_given_once,
        given={**NATIVE, "pulled_back": "Private person"},
        off=default_with_every_write,
        says="the default was given a second time",
    ),
    Bite(
        number="native-7 lead",
        scenario=edits.test_marketo_wins_on_leads,
        off=in_fields(by(Policy.NEWEST), "phone"),
        says="Marketo did not win on a lead",
    ),
    Bite(
        number="native-7 contact",
        scenario=edits.test_salesforce_wins_on_contacts,
        off=in_fields(by(Policy.NEWEST), "phone"),
        says="Salesforce did not win on a contact",
    ),
    Bite(
        number="native-7 recommended lead",
        scenario=edits.test_the_newest_edit_wins,
        off=in_fields(by(Policy.B), "phone"),
        says="the later edit of the lead lost",
    ),
    Bite(
        number="native-7 recommended contact",
        scenario=edits.test_the_newest_edit_wins,
        off=in_fields(by(Policy.A), "phone"),
        says="the later edit of the contact lost",
    ),
    Bite(
        number="native-7 field",
        scenario=edits.test_a_field_may_have_a_policy_of_its_own,
        given=NATIVE,
        off=file_says_nothing_of_fields,
        says="the field's own policy did not decide",
    ),
    Bite(
        number="native-8",
        scenario=edits.test_edits_of_different_fields_both_survive,
        given=NATIVE,
        off=ONE_UNIT,
        says="the edit in Salesforce did not survive",
    ),
    Bite(
        number="native-9",
        scenario=fields.test_an_edit_of_a_hidden_field_is_skipped,
        given=NATIVE,
        off=every_row_counts_as_new,
        says="the record was not counted as skipped",
    ),
    Bite(
        number="native-10 touch",
        scenario=fields.test_a_new_result_of_a_formula_waits_for_a_touch_or_a_sweep,
        given=NATIVE,
        off=replaced(background, "sweep_is_due", answers(True)),
        says="the formula's result came without a touch",
    ),
    Bite(
        number="native-10 sweep",
        scenario=fields.test_a_new_result_of_a_formula_waits_for_a_touch_or_a_sweep,
        given=NATIVE,
        off=replaced(cycle, "has_formulas", lambda *_: False),
        says="the sweep did not bring it",
    ),
    Bite(
        number="native-10 schedule",
        scenario=fields.test_a_schedule_sweeps_formulas,
        off=replaced(background, "sweep_is_due", answers(False)),
        says="the schedule did not sweep",
    ),
    Bite(
        number="native-11",
        scenario=fields.test_a_field_that_comes_into_sight_is_filled_for_everybody,
        given=NATIVE,
        off=new_fields_are_not_filled,
        says="the record was not read again",
    ),
    Bite(
        number="native-12",
        scenario=fields.test_a_field_that_goes_out_of_sight_stops_and_keeps_its_data,
        given=RECOMMENDED,
        off=hidden_is_empty,
        says="the hidden field did not keep its data",
    ),
    Bite(
        number="native-32 spread",
        scenario=consent.test_an_opt_out_in_salesforce_reaches_all_with_the_address_and_unticking_clears_them,
        given=RECOMMENDED,
        off=in_fields(lambda m: replace(m, direction=Direction.A_TO_B), "email_opt_out"),
        says="the opt-out did not reach the other lead",
    ),
    Bite(
        number="native-32 person",
        scenario=consent.test_an_opt_out_in_salesforce_reaches_all_with_the_address_and_unticking_clears_them,
        given=NATIVE,
        off=nobody_s_hand,
        says="un-ticking did not clear everybody in Marketo",
    ),
    Bite(
        number="native-32 owner",
        scenario=consent.test_an_opt_out_in_salesforce_reaches_all_with_the_address_and_unticking_clears_them,
        given=RECOMMENDED,
        off=siblings_prove_nothing,
        says="un-ticking did not clear everybody",
    ),
    Bite(
        number="native-32 address",
        scenario=consent.test_a_new_address_never_resubscribes,
        given=RECOMMENDED,
        off=an_address_may_bring_an_opt_in,
        says="the new address resubscribed the person",
    ),
    Bite(
        number="native-32 form",
        scenario=consent.test_a_person_s_own_form_lifts_it_for_all_with_the_address,
        given={**RECOMMENDED, "who": 1},
        off=who_follows_a_person_is_judged_alone,
        says="the person's own opt-in was taken back in Marketo",
    ),
    Bite(
        number="native-32 program",
        scenario=consent.test_a_program_s_opt_in_lifts_it_for_nobody_with_the_address,
        given=NATIVE,
        off=who_follows_needs_no_person,
        says="a program resubscribed a person",
    ),
    Bite(
        number="native-43 still",
        scenario=switch.test_a_disabled_sync_keeps_still_and_catches_up,
        given=NATIVE,
        off=replaced(background, "is_enabled", answers(True)),
        says="a disabled sync wrote",
    ),
    Bite(
        number="native-43 push",
        scenario=switch.test_a_disabled_sync_keeps_still_and_catches_up,
        given=NATIVE,
        off=push_asks_the_switch,
        says="the push did not work while the sync was disabled",
    ),
    Bite(
        number="native-43 catch up",
        scenario=switch.test_a_disabled_sync_keeps_still_and_catches_up,
        given=NATIVE,
        off=an_hour_is_forgotten,
        says="the edit made meanwhile was not caught up with",
    ),
    Bite(
        number="native-51 filter",
        scenario=switch.test_a_record_that_fails_the_filter_is_not_created_until_it_passes,
        given=NATIVE,
        off=replaced(resolve, "_filter_fields", lambda side: side.filters.clear() or {}),
        says="a record that fails the filter was created",
    ),
    Bite(
        number="native-51 touch",
        scenario=switch.test_a_record_that_fails_the_filter_is_not_created_until_it_passes,
        given=NATIVE,
        off=strangers_are_looked_at_once,
        says="it did not arrive when it passed",
    ),
    Bite(
        number="native-52",
        scenario=switch.test_a_record_that_leaves_the_filter_stops_and_says_so,
        given=NATIVE,
        off=no_obstacles,
        says="it left and flowed",
    ),
    Bite(
        number="native-52 unlink",
        scenario=switch.test_a_record_that_leaves_the_filter_may_end_its_link,
        given={**NATIVE, "rating": "Hot"},
        off=replaced(cycle, "unlink_leavers", nothing),
        says="the link did not end",
    ),
    Bite(
        number="native-56",
        scenario=native_crm.test_with_a_crm_connected_the_api_writes_no_companies_and_opportunities,
        given=NATIVE,
        off=replaced(CrmObjects, "_crm_owns", lambda _crm, _path: False),
        says="the write was not refused",
    ),
)


@each(BITES)
def test_without_its_rule_the_scenario_fails(
    bite: Bite, make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bite.bites(make_stage, monkeypatch)
