"""Scenarios native-1 to native-6: who is created where, who is not, and what a new lead needs."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import Stage

both_presets = pytest.mark.parametrize("preset", ["recommended", "native"])

ADA = {"FirstName": "Ada", "LastName": "Byron", "Company": "Analytical", "Email": "ada@example.com"}
BOB = {"firstName": "Bob", "lastName": "Cole", "company": "Colliers", "email": "bob@example.com"}


def assert_nobody_in_salesforce(stage: Stage) -> None:
    people = stage.org.query("SELECT Id FROM Lead") + stage.org.query("SELECT Id FROM Contact")
    assert people == [], "somebody was created in Salesforce"


@both_presets
@pytest.mark.scenario("native-1")
def test_a_new_visible_lead_is_a_person_within_one_cycle(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike. Source: Marketo "SFDC Sync: Lead Sync"."""
    stage = make_stage(preset)
    stage.cycle()
    lead = stage.org.create("Lead", **ADA)
    stage.cycle()
    people = stage.instance.people("ada@example.com", "firstName", "lastName", "company", "synclineSfdcType")
    assert len(people) == 1, "the new lead is no person"
    (person,) = people
    assert (person["firstName"], person["lastName"], person["company"]) == ("Ada", "Byron", "Analytical")
    assert person["synclineSfdcType"] == "lead"
    assert stage.instance.read(person["id"], "synclineSfdcId") == lead


@pytest.mark.scenario("native-2")
def test_a_new_lead_whose_address_marketo_knows_is_a_second_person(make_stage: MakeStage) -> None:
    """`native` never de-duplicates what comes from Salesforce. Source: Marketo "Find and Merge Duplicate People"."""
    stage = make_stage("native")
    old = stage.instance.create(firstName="Ada", lastName="Byron", email="ada@example.com", city="Ulm")
    stage.cycle()
    lead = stage.org.create("Lead", **ADA)
    stage.cycle()
    people = stage.instance.people("ada@example.com", "city", "synclineSfdcId")
    assert len(people) == 2, "the lead was taken for the person who was there"
    first, second = people
    assert (first["id"], first["city"], first["synclineSfdcId"]) == (old, "Ulm", None)
    assert second["synclineSfdcId"] == lead


@pytest.mark.scenario("native-2")
def test_a_new_lead_whose_address_marketo_knows_is_linked(make_stage: MakeStage) -> None:
    """`recommended` matches first: the same address and a compatible name are the same person."""
    stage = make_stage("recommended")
    old = stage.instance.create(firstName="Ada", lastName="Byron", email="ada@example.com", city="Ulm")
    stage.cycle()
    lead = stage.org.create("Lead", **ADA)
    stage.cycle()
    people = stage.instance.people("ada@example.com", "city", "synclineSfdcId")
    assert len(people) == 1, "the lead became a duplicate"
    assert people[0] == {"id": old, "city": "Ulm", "synclineSfdcId": lead}
    assert stage.org.read("Lead", lead, "City") == "Ulm"


@both_presets
@pytest.mark.scenario("native-3")
def test_an_edit_of_a_person_only_marketo_has_does_nothing_in_salesforce(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike: Marketo's people become leads only when somebody says so."""
    stage = make_stage(preset)
    bob = stage.instance.create(**BOB)
    stage.cycle()
    stage.instance.update(bob, phone="555 0100")
    stage.cycle()
    assert_nobody_in_salesforce(stage)
    assert stage.instance.read(bob, "phone") == "555 0100"


@both_presets
@pytest.mark.scenario("native-4")
def test_a_push_of_that_person_makes_a_lead_now(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike: inserted at once, given away by the active assignment rule, its Id kept on the person.

    Source: Marketo "Sync Person to SFDC".
    """
    stage = make_stage(preset)
    seller = stage.org.control("users", {"username": "seller@sandbox.example"})["id"]
    stage.org.control("lead_assignment", {"owner": "seller@sandbox.example"})
    bob = stage.instance.create(**BOB)
    stage.cycle()
    stage.push("bob@example.com")
    leads = stage.org.leads("bob@example.com", "FirstName", "LastName", "Company", "OwnerId")
    assert len(leads) == 1, "the push made no lead"
    (lead,) = leads
    assert (lead["FirstName"], lead["LastName"], lead["Company"]) == ("Bob", "Cole", "Colliers")
    assert lead["OwnerId"] == seller, "the owner is not the rule's"
    assert stage.instance.read(bob, "synclineSfdcId") == lead["Id"], "the person does not know the lead"
    stage.instance.update(bob, title="Miner")
    stage.cycle()
    assert len(stage.org.leads("bob@example.com")) == 1
    assert stage.org.read("Lead", lead["Id"], "Title") == "Miner"


@pytest.mark.scenario("native-5")
def test_a_push_without_company_and_default_fails_and_says_so(make_stage: MakeStage) -> None:
    """`native` has no default unless an administrator sets one: the failure is on the person and on the list.

    Source: Marketo "Set Default Person Last Name and Company Name".
    """
    stage = make_stage("native")
    bob = stage.instance.create(firstName="Bob", lastName="Cole", email="bob@example.com")
    stage.cycle()
    stage.push(bob)
    assert_nobody_in_salesforce(stage)
    errors = stage.errors()
    assert [row["record_id"] for row in errors] == [str(bob)], "the list of errors does not name the person"
    assert "Company" in errors[0]["message"]
    letters = stage.explain(bob).letters
    assert ["Company" in str(letter["message"]) for letter in letters] == [True]

    stage.instance.update(bob, company="Colliers")
    stage.push(bob)
    assert [lead["Company"] for lead in stage.org.leads("bob@example.com", "Company")] == ["Colliers"]
    assert stage.errors() == []


def test_a_refused_push_can_be_retried(make_stage: MakeStage) -> None:
    """A retry is the second half of the push that was refused: it makes the lead in the next run."""
    stage = make_stage("native")
    bob = stage.instance.create(firstName="Bob", lastName="Cole", email="bob@example.com")
    stage.cycle()
    stage.push(bob)
    stage.instance.update(bob, company="Colliers")
    assert stage.retry() == 1
    stage.cycle()
    assert [lead["Company"] for lead in stage.org.leads("bob@example.com", "Company")] == ["Colliers"]
    assert stage.errors() == []


@pytest.mark.scenario("native-5", "W33")
def test_a_push_without_company_makes_a_lead_with_a_marked_value(make_stage: MakeStage) -> None:
    """`recommended` gives Salesforce a value that says what it is, and never pulls it back."""
    stage = make_stage("recommended")
    bob = stage.instance.create(firstName="Bob", lastName="Cole", email="bob@example.com")
    stage.cycle()
    stage.push(bob)
    leads = stage.org.leads("bob@example.com", "Company")
    assert [lead["Company"] for lead in leads] == ["[unknown]"], "no lead with the marked value"
    stage.cycle()
    assert stage.instance.read(bob, "company") is None
    assert stage.errors() == []


@pytest.mark.parametrize(("preset", "pulled_back"), [("recommended", None), ("native", "Private person")])
@pytest.mark.scenario("native-6")
def test_a_default_company_is_given_once(make_stage: MakeStage, preset: str, pulled_back: str | None) -> None:
    """A default fills what is empty, at the first sync of the record only.

    `native` pulls it back, for it is now Salesforce's value; `recommended` keeps it where it is needed.
    """
    stage = make_stage(preset, fields={"company": {"default_a": "Private person"}})
    bob = stage.instance.create(firstName="Bob", lastName="Cole", email="bob@example.com")
    stage.cycle()
    stage.push(bob)
    leads = stage.org.leads("bob@example.com", "LastName", "Company")
    assert [lead["Company"] for lead in leads] == ["Private person"], "the lead has no default company"
    assert leads[0]["LastName"] == "Cole"
    stage.cycle()
    assert stage.instance.read(bob, "company") == pulled_back, "the default's way back is not the preset's"

    stage.org.update("Lead", leads[0]["Id"], Company="Colliers")
    stage.instance.update(bob, title="Miner")
    stage.push(bob)
    stage.cycle()
    lead = stage.org.read("Lead", leads[0]["Id"], "Company", "Title")
    assert lead == {"Company": "Colliers", "Title": "Miner"}, "the default was given a second time"
    assert stage.instance.read(bob, "company") == "Colliers"
