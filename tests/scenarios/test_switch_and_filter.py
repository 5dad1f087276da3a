"""Scenarios native-43, native-51 and native-52: a sync that is switched off, and records a filter leaves out."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import linked_lead

both_presets = pytest.mark.parametrize("preset", ["recommended", "native"])
MARKETABLE = {"connection": "crm", "filter": {"Lead": "Rating <> 'Cold'"}}


@both_presets
@pytest.mark.scenario("native-43")
def test_a_disabled_sync_keeps_still_and_catches_up(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike: no background change, a push still works, and nothing is forgotten.

    Source: Marketo "Enable/Disable the Salesforce Sync".
    """
    stage = make_stage(preset)
    lead, person = linked_lead(stage)
    bob = stage.instance.create(firstName="Bob", lastName="Cole", company="Colliers", email="bob@example.com")
    stage.enable(False)
    stage.org.update("Lead", lead, Title="Director")
    eve = stage.org.create("Lead", FirstName="Eve", LastName="Dorn", Company="Dorn", Email="eve@example.com")
    stage.wait(3600)
    report = stage.background()
    assert stage.instance.read(person, "title") is None, "a disabled sync wrote"
    assert stage.instance.people("eve@example.com") == []
    assert report is None

    stage.push("bob@example.com")
    leads = stage.org.leads("bob@example.com")
    assert len(leads) == 1, "the push did not work while the sync was disabled"
    assert stage.instance.read(bob, "synclineSfdcId") == leads[0]["Id"]
    assert stage.instance.read(person, "title") is None

    stage.enable(True)
    stage.cycle()
    assert stage.instance.read(person, "title") == "Director", "the edit made meanwhile was not caught up with"
    assert [p["synclineSfdcId"] for p in stage.instance.people("eve@example.com", "synclineSfdcId")] == [eve]


@both_presets
@pytest.mark.scenario("native-51")
def test_a_record_that_fails_the_filter_is_not_created_until_it_passes(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike: it arrives as a new person at the touch that makes it pass."""
    stage = make_stage(preset, a=MARKETABLE)
    stage.cycle()
    values = {"FirstName": "Ada", "LastName": "Byron", "Company": "Analytical", "Email": "ada@example.com"}
    lead = stage.org.create("Lead", Rating="Cold", **values)
    report = stage.cycle()
    assert stage.instance.people("ada@example.com") == [], "a record that fails the filter was created"
    assert report.counts("a") == {"filtered": 1}
    stage.org.update("Lead", lead, Rating="Hot")
    stage.cycle()
    people = stage.instance.people("ada@example.com", "synclineSfdcId", "rating")
    assert [(p["synclineSfdcId"], p["rating"]) for p in people] == [(lead, "Hot")], "it did not arrive when it passed"


@both_presets
@pytest.mark.scenario("native-52")
def test_a_record_that_leaves_the_filter_stops_and_says_so(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike (`stop`): nothing flows either way, the person stays; back in, it catches up."""
    stage = make_stage(preset, a=MARKETABLE)
    lead, person = linked_lead(stage, Rating="Hot")
    stage.org.update("Lead", lead, Rating="Cold", Title="Director")
    report = stage.cycle()
    assert stage.instance.read(person, "title", "rating") == {"title": None, "rating": "Hot"}, "it left and flowed"
    assert report.counts("a") == {"filtered": 1}
    assert set(report.classes["reason"]) == {"left the filter of side a"}
    stage.instance.update(person, phone="555 0222")
    stage.cycle()
    assert stage.org.read("Lead", lead, "Phone") is None, "it left and flowed back"
    verified = stage.verified()
    assert (verified.counts["title"], verified.unexplained) == ({"filtered": 1}, 0)

    stage.org.update("Lead", lead, Rating="Warm")
    stage.cycle()
    assert stage.instance.read(person, "title", "rating") == {"title": "Director", "rating": "Warm"}
    assert stage.org.read("Lead", lead, "Phone") == "555 0222"
    assert len(stage.instance.people("ada@example.com")) == 1


@pytest.mark.parametrize(("preset", "rating"), [("recommended", "Warm"), ("native", "Hot")])
@pytest.mark.scenario("native-52")
def test_a_record_that_leaves_the_filter_may_end_its_link(make_stage: MakeStage, preset: str, rating: str) -> None:
    """With `unlink` they are two strangers from then on; back in, the lead finds its person by the Id kept there.

    That is a first link: what differs goes to the newest under `recommended`, and to Marketo under `native`.
    """
    stage = make_stage(preset, a=MARKETABLE, leaves_filter="unlink")
    lead, person = linked_lead(stage, Rating="Hot")
    stage.org.update("Lead", lead, Rating="Cold")
    stage.cycle()
    assert stage.explain(lead).link is None, "the link did not end"
    stage.org.update("Lead", lead, Title="Director")
    stage.instance.update(person, phone="555 0222")
    assert stage.cycle().counts("a") == {"filtered": 1}
    assert stage.instance.read(person, "title") is None

    stage.org.update("Lead", lead, Rating="Warm")
    stage.cycle()
    assert stage.instance.read(person, "title", "rating") == {"title": "Director", "rating": rating}
    assert stage.org.read("Lead", lead, "Rating") == rating
    assert stage.org.read("Lead", lead, "Phone") == "555 0222"
    assert len(stage.instance.people("ada@example.com")) == 1
