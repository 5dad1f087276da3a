"""Scenarios native-16 to native-22: conversions, merges and deletes, and what they do to the other side."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import Stage, linked_lead

both_presets = pytest.mark.parametrize("preset", ["recommended", "native"])
SCORE, DELETED, TYPE, SFDC_ID = "leadScore", "synclineSfdcIsDeleted", "synclineSfdcType", "synclineSfdcId"
ORG_SCORE = "mkto71_Lead_Score__c"


def settled(stage: Stage) -> None:
    """Two cycles: the second learns what the first one's deeds left; a third has nothing to do."""
    stage.cycle()
    stage.cycle()
    assert stage.cycle().records_written == 0, "the two sides go on writing"
    assert stage.verified().is_converged, "the two sides differ"


def leads_with_scores(stage: Stage, *scores: int, **last: object) -> tuple[list[str], list[int]]:
    """Linked leads with these Marketo scores; *last* are more values of the last lead."""
    leads = [
        stage.org.create(
            "Lead",
            FirstName=f"Ada{n}",
            LastName=f"Byron{n}",
            Company="Analytical",
            Email=f"ada{n}@example.com",
            **(last if n == len(scores) - 1 else {}),
        )
        for n in range(len(scores))
    ]
    stage.cycle()
    people = [int(stage.instance.people(f"ada{n}@example.com")[0]["id"]) for n in range(len(scores))]
    for person, score in zip(people, scores, strict=True):
        stage.instance.update(person, **{SCORE: score})
    stage.cycle()
    assert [stage.org.read("Lead", lead, ORG_SCORE) for lead in leads] == list(scores)
    return leads, people


def a_contact(stage: Stage, **values: object) -> tuple[str, int]:
    """A linked contact of an account; both ids."""
    account = stage.org.create("Account", Name="Colliers")
    contact = stage.org.create("Contact", FirstName="Cal", LastName="Dunn", AccountId=account, **values)
    stage.cycle()
    (person,) = stage.instance.people(str(values["Email"]))
    return contact, int(person["id"])


# -- conversion --------------------------------------------------------------------------------------------------------


@pytest.mark.scenario("native-16")
@both_presets
def test_a_lead_converted_to_a_new_contact_stays_the_same_person(make_stage: MakeStage, preset: str) -> None:
    """Source: Marketo "SFDC Sync: Converting a Lead into a Contact in Salesforce"."""
    stage = make_stage(preset)
    lead, person = linked_lead(stage, Title="Countess")
    since = stage.world.clock.now().isoformat()
    contact = stage.org.convert(lead)["contact_id"]
    stage.cycle()
    now = stage.instance.read(person, TYPE, SFDC_ID, "title")
    assert now == {TYPE: "contact", SFDC_ID: contact, "title": "Countess"}, "the person is not the contact's"
    assert [p["id"] for p in stage.instance.people("ada@example.com")] == [person], "a second person"
    assert ("lead", "contact") in stage.instance.changes_of(person, TYPE, since), "nothing a trigger could listen to"
    stage.instance.update(person, title="Enchantress")
    settled(stage)
    assert stage.org.read("Contact", contact, "Title") == "Enchantress", "an edit does not reach the contact"
    assert len(stage.org.query("SELECT Id FROM Contact")) == 1, "a second contact"


@pytest.mark.scenario("native-17")
@both_presets
def test_a_lead_converted_into_a_linked_contact_makes_one_person_of_two(make_stage: MakeStage, preset: str) -> None:
    """The contact's values stay, what it lacks comes from the lead, scores are added. Source: Marketo "SFDC Sync:
    Merging a Lead, Contact or Person"."""
    stage = make_stage(preset)
    contact, contact_person = a_contact(stage, Email="cal@example.com", Title="Clerk")
    since = stage.world.clock.now().isoformat()
    (lead,), (lead_person,) = leads_with_scores(stage, 20, MobilePhone="555 0199", Title="Countess")
    stage.instance.update(contact_person, **{SCORE: 10})
    stage.cycle()
    account = stage.org.read("Contact", contact, "AccountId")
    stage.org.convert(lead, contact_id=contact, account_id=account)
    stage.cycle()
    stage.cycle()
    assert not stage.instance.exists(lead_person), "the two are still two persons"
    person = stage.instance.read(contact_person, TYPE, SFDC_ID, "title", SCORE)
    assert person == {TYPE: "contact", SFDC_ID: contact, "title": "Clerk", SCORE: 30}, "not the sum of both"
    assert (None, "20") in stage.instance.changes_of(contact_person, SCORE, since), "the lead's activities are gone"
    assert stage.instance.read(contact_person, "mobilePhone") == "555 0199", "what the contact lacked is lost"
    settled(stage)
    assert stage.org.read("Contact", contact, ORG_SCORE) == 30, "the sum is not in Salesforce"


# -- merges ------------------------------------------------------------------------------------------------------------


@pytest.mark.scenario("native-18", "W26")
@both_presets
def test_leads_merged_in_salesforce_are_one_person(make_stage: MakeStage, preset: str) -> None:
    """Three of them: a blank of the winner is filled, the scores are added once. Source: Marketo "SFDC Sync: Merging a
    Lead, Contact or Person"."""
    stage = make_stage(preset)
    leads, people = leads_with_scores(stage, 10, 10, 10, Phone="555 0123")
    stage.org.merge("Lead", leads[0], leads[1], leads[2])
    stage.cycle()
    stage.cycle()
    assert [stage.instance.exists(person) for person in people] == [True, False, False], "not one person"
    assert stage.instance.read(people[0], SCORE) == 30, "the scores were not added"
    assert stage.instance.read(people[0], "phone") == "555 0123", "the loser's value is gone"
    settled(stage)
    winner = stage.org.read("Lead", leads[0], ORG_SCORE, "Phone")
    assert winner == {ORG_SCORE: 30, "Phone": "555 0123"}, "the winner in Salesforce lacks what the person has"
    assert stage.instance.read(people[0], SCORE) == 30, "the scores were added twice"


@pytest.mark.scenario("W26")
@both_presets
def test_scores_are_added_wherever_the_merge_happened(make_stage: MakeStage, preset: str) -> None:
    """In Marketo too, where the vendor's own merge keeps the winner's."""
    stage = make_stage(preset)
    leads, people = leads_with_scores(stage, 10, 20)
    stage.instance.merge(people[0], people[1])
    stage.wait(600)
    stage.cycle()
    stage.cycle()
    deleted = stage.org.query("SELECT Id FROM Lead")
    assert [row["Id"] for row in deleted] == [leads[0]], "the two are still two leads"
    settled(stage)
    assert stage.instance.read(people[0], SCORE) == 30, "the scores were not added in Marketo"
    assert stage.org.read("Lead", leads[0], ORG_SCORE) == 30, "the scores were not added in Salesforce"


@pytest.mark.scenario("native-19")
@both_presets
def test_a_lead_and_a_contact_merged_in_marketo_leave_the_contact(make_stage: MakeStage, preset: str) -> None:
    """Whichever won in Marketo: the lead is converted into the contact. Source: Marketo "Find and Merge Duplicate
    People"."""
    stage = make_stage(preset)
    contact, contact_person = a_contact(stage, Email="cal@example.com")
    lead, lead_person = linked_lead(stage, Title="Countess")
    stage.instance.merge(lead_person, contact_person)
    stage.wait(600)
    stage.cycle()
    stage.cycle()
    gone = stage.org.read("Lead", lead, "IsConverted", "ConvertedContactId")
    assert gone == {"IsConverted": True, "ConvertedContactId": contact}, "the lead was not converted into the contact"
    settled(stage)
    person = stage.instance.read(lead_person, TYPE, SFDC_ID)
    assert person == {TYPE: "contact", SFDC_ID: contact}, "the person is not the contact's"
    assert len(stage.org.query("SELECT Id FROM Contact")) == 1, "a second contact"


@pytest.mark.scenario("native-20", "W27")
@both_presets
def test_a_merge_whose_twin_was_deleted_is_done_here_alone(make_stage: MakeStage, preset: str) -> None:
    """The vendor's merge fails there."""
    stage = make_stage(preset)
    leads, people = leads_with_scores(stage, 1, 2)
    stage.org.delete("Lead", leads[1])
    stage.cycle()
    stage.instance.merge(people[0], people[1])
    stage.wait(600)
    stage.cycle()
    settled(stage)
    assert stage.errors() == [], "the merge is an error"
    one, two = (stage.explain(person).link for person in people)
    assert one is not None, "the winner is linked to nobody"
    assert one == two, "the two are not one person"
    assert [row["Id"] for row in stage.org.query("SELECT Id FROM Lead")] == [leads[0]], "the lead is gone"
    stage.instance.update(people[0], title="Countess")
    settled(stage)
    assert stage.org.read("Lead", leads[0], "Title") == "Countess", "an edit does not reach the lead that is left"


# -- deletes -----------------------------------------------------------------------------------------------------------


@pytest.mark.scenario("native-21")
@both_presets
def test_a_lead_deleted_in_salesforce_leaves_a_flag_and_a_push_makes_a_new_one(
    make_stage: MakeStage, preset: str
) -> None:
    """Source: Marketo "SFDC Sync: Deleting a Lead/Contact"."""
    stage = make_stage(preset)
    lead, person = linked_lead(stage)
    stage.org.delete("Lead", lead)
    stage.cycle()
    assert stage.instance.read(person, DELETED) is True, "the person does not show that the lead is gone"
    stage.instance.update(person, title="Countess")
    settled(stage)
    assert stage.org.leads("ada@example.com") == [], "an ordinary edit made a lead"
    stage.push(person)
    made = stage.org.leads("ada@example.com", "Title")
    assert [(one["Id"] != lead, one["Title"]) for one in made] == [(True, "Countess")], "the push made no new lead"
    settled(stage)
    now = stage.instance.read(person, DELETED, SFDC_ID)
    assert now == {DELETED: False, SFDC_ID: made[0]["Id"]}, "the person is not linked to the new lead"


@pytest.mark.scenario("W9")
@both_presets
def test_an_undeleted_lead_is_the_same_link_with_what_happened_meanwhile(make_stage: MakeStage, preset: str) -> None:
    """Nothing is stale: the flag goes, edits made in between flow."""
    stage = make_stage(preset)
    lead, person = linked_lead(stage)
    stage.org.delete("Lead", lead)
    stage.cycle()
    stage.wait(60)
    stage.instance.update(person, title="Countess")
    stage.cycle()
    stage.org.undelete("Lead", lead)
    settled(stage)
    assert stage.instance.read(person, DELETED) is False, "the flag is stale"
    assert stage.org.read("Lead", lead, "Title") == "Countess", "the edit made in between is lost"
    assert [p["id"] for p in stage.instance.people("ada@example.com")] == [person], "a second person"


@pytest.mark.scenario("native-22")
def test_a_deleted_person_comes_back_with_the_next_edit(make_stage: MakeStage) -> None:
    """`native`. Source: Marketo "Delete Person"."""
    stage = make_stage("native")
    lead, person = linked_lead(stage)
    stage.instance.delete(person)
    stage.wait(600)
    stage.cycle()
    assert stage.instance.people("ada@example.com") == [], "the person came back by itself"
    stage.org.update("Lead", lead, Title="Countess")
    stage.cycle()
    made = [(int(p["id"]) != person, p["title"]) for p in stage.instance.people("ada@example.com", "title")]
    assert made == [(True, "Countess")], "the edit did not make a new person"
    settled(stage)


@pytest.mark.scenario("native-22", "W9")
def test_a_deleted_person_stays_deleted(make_stage: MakeStage) -> None:
    """`recommended`: the tombstone stands against ordinary edits; a person may push through it."""
    stage = make_stage("recommended")
    lead, person = linked_lead(stage)
    stage.instance.delete(person)
    stage.wait(600)
    stage.cycle()
    stage.org.update("Lead", lead, Title="Countess")
    settled(stage)
    assert stage.instance.people("ada@example.com") == [], "the edit made a new person"
    stage.push(lead)
    (made,) = stage.instance.people("ada@example.com", "title")
    assert (int(made["id"]) != person, made["title"]) == (True, "Countess"), "the push made no person"


@both_presets
def test_ids_that_two_people_exchanged_are_put_right(make_stage: MakeStage, preset: str) -> None:
    """Links are by id, and what Marketo shows of them is ours to say."""
    stage = make_stage(preset)
    leads, people = leads_with_scores(stage, 1, 2)
    for person, lead in zip(people, reversed(leads), strict=True):
        stage.instance.update(person, **{SFDC_ID: lead})
    settled(stage)
    assert [stage.instance.read(person, SFDC_ID) for person in people] == leads, "the ids are still exchanged"
    stage.instance.update(people[0], title="Countess")
    settled(stage)
    titles = [stage.org.read("Lead", lead, "Title") for lead in leads]
    assert titles == ["Countess", None], "the links went with the ids"


# -- what others lack --------------------------------------------------------------------------------------------------


@pytest.mark.scenario("W8")
def test_a_push_looks_for_the_lead_before_it_makes_one(make_stage: MakeStage) -> None:
    """The lead was entered after the last reading: it is linked, not doubled."""
    stage = make_stage("recommended")
    stage.cycle()
    person = stage.instance.create(firstName="Ada", lastName="Byron", email="ada@example.com", company="Analytical")
    stage.wait(600)
    lead = stage.org.create("Lead", FirstName="Ada", LastName="Byron", Company="Analytical", Email="ada@example.com")
    stage.push(person)
    assert [row["Id"] for row in stage.org.leads("ada@example.com")] == [lead], "the push made a second lead"
    settled(stage)
    assert stage.instance.read(person, SFDC_ID) == lead, "the person is not the lead's"
    assert [p["id"] for p in stage.instance.people("ada@example.com")] == [person], "a second person"


@pytest.mark.scenario("W35")
@both_presets
def test_what_happened_to_a_person_is_told_after_a_year(make_stage: MakeStage, preset: str) -> None:
    """The vendor prunes its sync history after 90 days."""
    stage = make_stage(preset)
    lead, person = linked_lead(stage)
    stage.instance.update(person, title="Countess")
    stage.cycle()
    stage.wait(366 * 86_400)
    stage.org.log_in()
    stage.cycle()
    told = stage.explain(lead).events
    assert any("Countess" in str(event) for event in told), "the history of a year ago is gone"
