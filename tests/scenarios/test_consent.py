"""Scenario native-32: an opt-out in Salesforce reaches all persons of the address; un-ticking it clears all of them."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import Stage

both_presets = pytest.mark.parametrize("preset", ["recommended", "native"])
HOUSE = "house@example.com"


def household(stage: Stage) -> tuple[list[str], list[int]]:
    """Two leads and a contact of one address, and a stranger with another; their persons in the same order."""
    account = stage.org.create("Account", Name="Colliers")
    leads = [
        stage.org.create("Lead", FirstName=first, LastName=last, Company="Analytical", Email=email)
        for first, last, email in (
            ("Ada", "Byron", HOUSE),
            ("Charles", "Babbage", HOUSE),
            ("Mary", "Somerville", "mary@example.com"),
        )
    ]
    stage.org.create("Contact", FirstName="Luigi", LastName="Menabrea", AccountId=account, Email=HOUSE)
    stage.cycle()
    stage.cycle()
    people = [int(p["id"]) for email in (HOUSE, "mary@example.com") for p in stage.instance.people(email)]
    by_name = {stage.instance.read(person, "lastName"): person for person in people}
    return leads, [by_name[name] for name in ("Byron", "Babbage", "Somerville", "Menabrea")]


def in_salesforce(stage: Stage, leads: list[str]) -> list[bool]:
    return [stage.org.read("Lead", lead, "HasOptedOutOfEmail") for lead in leads]


def in_marketo(stage: Stage, people: list[int]) -> list[bool]:
    return [stage.instance.read(person, "unsubscribed") for person in people]


@pytest.mark.scenario("native-32")
@both_presets
def test_an_opt_out_in_salesforce_reaches_all_with_the_address_and_unticking_clears_them(
    make_stage: MakeStage, preset: str
) -> None:
    """Source: Marketo "Durable Unsubscribe" and the vendor's article on the opt-out's way through the sync."""
    stage = make_stage(preset)
    leads, people = household(stage)
    stage.org.update("Lead", leads[0], HasOptedOutOfEmail=True)
    stage.cycle()
    stage.cycle()
    assert in_marketo(stage, people) == [True, True, False, True], "not everybody with the address is unsubscribed"
    assert in_salesforce(stage, leads) == [True, True, False], "the opt-out did not reach the other lead"
    stage.org.update("Lead", leads[0], HasOptedOutOfEmail=False)
    stage.cycle()
    stage.cycle()
    assert in_marketo(stage, people) == [False] * 4, "un-ticking did not clear everybody in Marketo"
    assert in_salesforce(stage, leads) == [False] * 3, "un-ticking did not clear everybody in Salesforce"
    assert stage.cycle().records_written == 0, "the two sides go on writing"
    assert stage.verified().is_converged


def opted_out_two_hours_ago(stage: Stage) -> tuple[list[str], list[int]]:
    """A household of which the first lead was opted out in Salesforce, at rest since."""
    leads, people = household(stage)
    stage.org.update("Lead", leads[0], HasOptedOutOfEmail=True)
    for _ in range(3):
        stage.cycle()
    assert in_marketo(stage, people) == [True, True, False, True], "not everybody with the address is unsubscribed"
    stage.wait(7_200)
    stage.org.log_in()  # the administrator's session has run out
    return leads, people


def opted_in_by_form(stage: Stage, person: int) -> None:
    """What the person's own web form does: an activity of that source, without a user."""
    form = {"action": "updateOnly", "lookupField": "id", "source": "Web form fill", "user": ""}
    stage.instance.control("people", {**form, "input": [{"id": person, "unsubscribed": False}]})


@pytest.mark.parametrize(("preset", "who"), [("recommended", 1), ("native", 1), ("recommended", 0)])
def test_a_person_s_own_form_lifts_it_for_all_with_the_address(make_stage: MakeStage, preset: str, who: int) -> None:
    """Of the person it is a form's activity; of the others the vendor says that a flow did it, in the same moment."""
    stage = make_stage(preset)
    leads, people = opted_out_two_hours_ago(stage)
    opted_in_by_form(stage, people[who])
    for _ in range(3):
        stage.cycle()
    assert in_marketo(stage, people) == [False] * 4, "the person's own opt-in was taken back in Marketo"
    assert in_salesforce(stage, leads) == [False] * 3, "the person's own opt-in did not reach every lead"
    assert stage.cycle().records_written == 0, "the two sides go on writing"
    assert stage.verified().is_converged


@both_presets
def test_a_program_s_opt_in_lifts_it_for_nobody_with_the_address(make_stage: MakeStage, preset: str) -> None:
    """Another API user clears the flag: that is nobody's act, and none for those it spreads to."""
    stage = make_stage(preset)
    leads, people = opted_out_two_hours_ago(stage)
    stage.instance.update(people[1], unsubscribed=False)
    for _ in range(3):
        stage.cycle()
    assert in_marketo(stage, people) == [True, True, False, True], "a program resubscribed a person"
    assert in_salesforce(stage, leads) == [True, True, False], "a program lifted the opt-out"
    assert stage.verified().is_converged


@both_presets
def test_a_new_address_never_resubscribes(make_stage: MakeStage, preset: str) -> None:
    """Marketo gives a person the status of the new address; the opt-out stands on both sides all the same."""
    stage = make_stage(preset)
    leads, people = household(stage)
    stage.org.update("Lead", leads[2], HasOptedOutOfEmail=True)
    stage.cycle()
    stage.instance.update(people[2], email="open@example.com")
    assert in_marketo(stage, people[2:3]) == [False], "the instance takes over the new address's status"
    for _ in range(3):
        stage.cycle()
    assert in_marketo(stage, people[2:3]) == [True], "the new address resubscribed the person"
    assert in_salesforce(stage, leads[2:3]) == [True], "the new address lifted the opt-out"
    assert stage.verified().is_converged


def stranger_opted_out(stage: Stage) -> tuple[list[str], list[int]]:
    """A household beside which the one with an address of his own was opted out in Salesforce, at rest."""
    leads, people = household(stage)
    stage.org.update("Lead", leads[2], HasOptedOutOfEmail=True)
    for _ in range(2):
        stage.cycle()
    return leads, people


@both_presets
def test_a_new_address_that_we_write_brings_the_opt_out_along(make_stage: MakeStage, preset: str) -> None:
    """There is no moment in which the person could get mail: one call carries both."""
    stage = make_stage(preset)
    leads, people = stranger_opted_out(stage)
    stage.org.update("Lead", leads[2], Email="other@example.com")
    stage.cycle()
    assert stage.instance.read(people[2], "email") == "other@example.com"
    assert in_marketo(stage, people[2:3]) == [True], "the opt-out was lifted for as long as a cycle"
    assert stage.cycle().records_written == 0, "the two sides go on writing"
    assert in_salesforce(stage, leads[2:3]) == [True]
    assert stage.verified().is_converged


@both_presets
def test_an_opt_out_lifted_with_the_new_address_is_lifted(make_stage: MakeStage, preset: str) -> None:
    stage = make_stage(preset)
    leads, people = stranger_opted_out(stage)
    stage.wait(7_200)
    stage.org.log_in()
    stage.org.update("Lead", leads[2], Email="other@example.com", HasOptedOutOfEmail=False)
    for _ in range(3):
        stage.cycle()
    assert in_marketo(stage, people[2:3]) == in_salesforce(stage, leads[2:3])
    assert stage.verified().is_converged
