"""Scenarios native-23 to native-27, W10, W11 and W34: what a person asks for one person, and who owns it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncline.engine.actions.accounts import AccountBy
from syncline.engine.actions.conversion import Convert, convert
from syncline.engine.actions.deletion import DeletePerson, delete_person
from syncline.engine.actions.ownership import ChangeOwner, change_owner
from syncline.engine.actions.pushing import Push, push_person
from syncline.engine.actions.results import Ended
from syncline.engine.actions.tasks import CreateTask, create_task
from tests.scenarios.conftest import START, MakeStage
from tests.scenarios.stage import Stage, linked_contact, linked_lead

both_presets = pytest.mark.parametrize("preset", ["recommended", "native"])
OWNER_FIELDS = ("FirstName", "LastName", "Title", "Phone", "Email")
BOB = {"firstName": "Bob", "lastName": "Cole", "company": "Colliers", "email": "bob@example.com"}


def seller(stage: Stage) -> str:
    """A user who sells; the id."""
    body = {"username": "seller@sandbox.example"}
    user = str(stage.org.control("users", body)["id"])
    stage.org.update("User", user, FirstName="Sal", LastName="Ott", Title="Rep", Phone="555 0199", Email="sal@x.org")
    return user


def queue(stage: Stage) -> str:
    return str(stage.org.control("queues", {"name": "Hall"})["id"])


def shown_owner(stage: Stage, person: int) -> tuple[Any, ...]:
    """What Marketo shows of the sales owner."""
    values = stage.instance.read(person, *(f"synclineOwner{name}" for name in OWNER_FIELDS))
    return tuple(value or "" for value in values.values())


def leads(stage: Stage) -> list[dict[str, Any]]:
    return stage.org.query("SELECT Id, OwnerId FROM Lead WHERE IsConverted = false")


@both_presets
@pytest.mark.scenario("native-24")
def test_a_leads_owner_is_shown_and_a_queue_is_blank(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike. Source: Marketo "SFDC Sync: Lead/Account Owner Sync", "SFDC Sync: Lead Queue"."""
    stage = make_stage(preset)
    user, hall = seller(stage), queue(stage)
    lead, person = linked_lead(stage)
    result = stage.act(change_owner, ChangeOwner(person=str(person), owner="sal@x.org"))
    assert result.ended is Ended.DONE, result
    assert stage.org.read("Lead", lead, "OwnerId") == user, "the lead was not given to the user"
    stage.cycle()
    assert shown_owner(stage, person) == ("Sal", "Ott", "Rep", "555 0199", "sal@x.org"), "Marketo shows another owner"
    result = stage.act(change_owner, ChangeOwner(person=lead, owner="Hall"))
    assert result.ended is Ended.DONE, result
    assert stage.org.read("Lead", lead, "OwnerId") == hall, "the lead is not in the queue"
    stage.cycle()
    assert shown_owner(stage, person) == ("", "", "", "", ""), "Marketo shows an owner where a queue is"


@both_presets
@pytest.mark.scenario("native-24")
@pytest.mark.scenario("W10")
def test_a_queue_for_a_contact_is_refused_and_makes_no_second_lead(make_stage: MakeStage, preset: str) -> None:
    """Better than native in both presets. Source: Marketo "Change Owner", "Sync Person to SFDC"."""
    stage = make_stage(preset)
    queue(stage)
    contact, person = linked_contact(stage)
    owner = stage.org.read("Contact", contact, "OwnerId")
    given = stage.act(change_owner, ChangeOwner(person=str(person), owner="Hall"))
    pushed = stage.act(push_person, Push(person=str(person), assign_to="Hall"))
    assert leads(stage) == [], "a second lead was made for the queue's sake"
    assert [(r.ended, r.code) for r in (given, pushed.result)] == [(Ended.REFUSED, "SYN-174")] * 2, "it was not refused"
    assert stage.org.read("Contact", contact, "OwnerId") == owner
    stage.cycle()
    assert len(stage.instance.people("cal@example.com")) == 1


@both_presets
@pytest.mark.scenario("native-25")
@pytest.mark.scenario("W10")
def test_a_contact_can_be_given_to_a_named_user(make_stage: MakeStage, preset: str) -> None:
    """Better than native in both presets, where Salesforce lets the connected user. Source: as above."""
    stage = make_stage(preset)
    user = seller(stage)
    contact, person = linked_contact(stage)
    result = stage.act(change_owner, ChangeOwner(person=str(person), owner="seller@sandbox.example"))
    assert stage.org.read("Contact", contact, "OwnerId") == user, "the contact was not given to the user"
    assert result.ended is Ended.DONE, result
    stage.cycle()
    assert shown_owner(stage, person)[:2] == ("Sal", "Ott")
    assert leads(stage) == []


@both_presets
def test_a_push_creates_a_lead_in_the_hands_that_were_named(make_stage: MakeStage, preset: str) -> None:
    """Source: Marketo "Sync Person to SFDC", Assign To."""
    stage = make_stage(preset)
    hall = queue(stage)
    stage.org.control("lead_assignment", {"owner": "admin@sandbox.example"})
    person = stage.instance.create(**BOB)
    stage.cycle()
    pushed = stage.act(push_person, Push(person=str(person), assign_to="Hall"))
    assert pushed.result.ended is Ended.DONE, pushed.result
    assert [lead["OwnerId"] for lead in leads(stage)] == [hall], "the lead is in other hands"


@pytest.mark.scenario("native-26")
def test_native_converts_into_a_new_contact_account_and_opportunity(make_stage: MakeStage) -> None:
    """`native`: always all three anew, also where the company has an account. Source: Marketo "Convert Person"."""
    stage = make_stage("native")
    user = seller(stage)
    account = stage.org.create("Account", Name="Analytical")
    lead, person = linked_lead(stage)
    result = stage.act(convert, Convert(person=str(person), assign_to="sal@x.org"))
    assert result.ended is Ended.DONE, result
    row = stage.org.read("Lead", lead, "IsConverted", "ConvertedContactId", "ConvertedAccountId", "Status")
    assert row["IsConverted"] is True
    assert row["ConvertedAccountId"] != account, "an account that was there was taken"
    (opportunity,) = stage.org.query("SELECT Name, OwnerId, AccountId FROM Opportunity") or ({},)
    assert opportunity, "no opportunity was made"
    assert opportunity["AccountId"] == row["ConvertedAccountId"]
    contact = stage.org.read("Contact", row["ConvertedContactId"], "OwnerId", "LastName", "AccountId")
    assert contact == {"OwnerId": user, "LastName": "Byron", "AccountId": row["ConvertedAccountId"]}
    _assert_one_contact(stage, person, row["ConvertedContactId"])


@pytest.mark.scenario("W11")
def test_a_conversion_takes_the_companys_account_and_makes_no_opportunity(make_stage: MakeStage) -> None:
    """`recommended`: the account by rule, an opportunity only if one was asked for."""
    stage = make_stage("recommended")
    account = stage.org.create("Account", Name="Analytical")
    lead, person = linked_lead(stage)
    result = stage.act(convert, Convert(person=str(person)))
    assert result.ended is Ended.DONE, result
    row = stage.org.read("Lead", lead, "ConvertedContactId", "ConvertedAccountId")
    assert row["ConvertedAccountId"] == account, "a second account was made"
    assert stage.org.query("SELECT Id FROM Opportunity") == [], "an opportunity nobody asked for"
    _assert_one_contact(stage, person, row["ConvertedContactId"])
    again = stage.act(convert, Convert(person=str(person)))
    assert (again.ended, again.code) == (Ended.NOTHING, "SYN-175"), "a contact was converted"


@pytest.mark.scenario("W11")
def test_a_conversion_ends_in_the_account_of_the_address_with_an_opportunity_on_request(make_stage: MakeStage) -> None:
    stage = make_stage("recommended")
    account = stage.org.create("Account", Name="Somebody else's name", Website="https://www.example.com")
    lead, person = linked_lead(stage)
    wanted = Convert(person=str(person), account=AccountBy.DOMAIN, opportunity="Engine")
    result = stage.act(convert, wanted)
    assert result.ended is Ended.DONE, result
    assert stage.org.read("Lead", lead, "ConvertedAccountId") == account, "the website's account was not taken"
    assert stage.org.query("SELECT Name FROM Opportunity") == [{"Name": "Engine"}], "no opportunity was made"


def _assert_one_contact(stage: Stage, person: int, contact: str) -> None:
    """After the next runs the same person stands for the contact, and nobody else does."""
    stage.cycle()
    stage.cycle()
    people = stage.instance.people("ada@example.com", "synclineSfdcId", "synclineSfdcType")
    assert people == [{"id": person, "synclineSfdcId": contact, "synclineSfdcType": "contact"}], people
    assert leads(stage) == []


@both_presets
@pytest.mark.scenario("native-27")
def test_a_task_is_due_in_five_days_and_its_tokens_are_resolved(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike; who is not a lead yet becomes one first. Source: Marketo "Create Task"."""
    stage = make_stage(preset)
    person = stage.instance.create(**BOB)
    stage.cycle()
    subject = "Call {{lead.First Name}} of {{company.Company Name}} ({{lead.Job Title:default=no title}})"
    result = stage.act(create_task, CreateTask(person=str(person), subject=subject))
    assert result.ended is Ended.DONE, "no task was made"
    (lead,) = stage.org.leads("bob@example.com", "OwnerId")
    tasks = stage.org.query("SELECT WhoId, OwnerId, Subject, ActivityDate, Status, Priority, IsClosed FROM Task")
    (task,) = tasks
    assert task["Subject"] == "Call Bob of Colliers (no title)", "a token was not resolved"
    due = (START + timedelta(days=5)).date().isoformat()
    assert task["ActivityDate"] == due, "it is not due in five days"
    assert (task["WhoId"], task["OwnerId"]) == (lead["Id"], lead["OwnerId"]), "it is not the lead's or its owner's"
    assert (task["Status"], task["Priority"], task["IsClosed"]) == ("Not Started", "Normal", False)


@both_presets
@pytest.mark.scenario("native-23")
@pytest.mark.scenario("W34")
def test_a_delete_asks_and_leaves_the_other_side_alone(make_stage: MakeStage, preset: str) -> None:
    """Better than native, whose default removes both sides. Source: Marketo "Delete Person"."""
    stage = make_stage(preset)
    lead, person = linked_lead(stage)
    asked = stage.act(delete_person, DeletePerson(person=str(person)))
    assert asked.result.ended is Ended.ASKS, "nobody was asked"
    assert len(stage.instance.people("ada@example.com")) == 1, "it was deleted without a yes"
    done = stage.act(delete_person, DeletePerson(person=str(person), confirmed=True))
    assert done.result.ended is Ended.DONE, done.result
    stage.cycle()
    stage.cycle()
    assert stage.instance.people("ada@example.com") == [], "the person is still there"
    assert stage.org.query(f"SELECT Id FROM Lead WHERE Id = '{lead}'"), "the lead went too"


@both_presets
@pytest.mark.scenario("native-23")
def test_a_delete_takes_both_sides_when_both_were_asked_for(make_stage: MakeStage, preset: str) -> None:
    """What native does by default, here on request."""
    stage = make_stage(preset)
    linked_lead(stage)
    wanted = DeletePerson(person="ada@example.com", on="b", also="a", confirmed=True)
    assert stage.act(delete_person, wanted).result.ended is Ended.DONE
    stage.cycle()
    stage.cycle()
    assert stage.instance.people("ada@example.com") == [], "the person is still there"
    assert leads(stage) == [], "the lead is still there"


@both_presets
@pytest.mark.scenario("W11")
def test_a_conversion_ends_in_a_contact_that_was_there(make_stage: MakeStage, preset: str) -> None:
    """Better than native in both presets: the contact that was named, with its account, and no third record."""
    stage = make_stage(preset)
    contact, twin = linked_contact(stage)
    lead, _ = linked_lead(stage)
    account = stage.org.read("Contact", contact, "AccountId")
    result = stage.act(convert, Convert(person=lead, contact_id=contact, opportunity=""))
    assert result.ended is Ended.DONE, result
    row = stage.org.read("Lead", lead, "ConvertedContactId", "ConvertedAccountId", "ConvertedOpportunityId")
    assert row["ConvertedContactId"] == contact, "the lead did not end in the contact that was named"
    assert (row["ConvertedAccountId"], row["ConvertedOpportunityId"]) == (account, None)
    for _ in range(3):
        stage.cycle()
    people = stage.instance.people("ada@example.com") + stage.instance.people("cal@example.com")
    assert [person["id"] for person in people] == [twin], "the two are not one person"
