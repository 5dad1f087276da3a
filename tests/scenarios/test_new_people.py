"""Scenarios native-1 to native-4: who is created where, and who is not."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import MakeStage

both_presets = pytest.mark.parametrize("preset", ["recommended", "native"])


@both_presets
@pytest.mark.scenario("native-1")
def test_a_new_visible_lead_is_a_person_within_one_cycle(make_stage: MakeStage, preset: str) -> None:
    """Both presets alike. Source: Marketo "SFDC Sync: Lead Sync"."""
    stage = make_stage(preset)
    stage.cycle()
    lead = stage.org.create("Lead", FirstName="Ada", LastName="Byron", Company="Analytical", Email="ada@example.com")
    stage.cycle()
    (person,) = stage.instance.people("ada@example.com", "firstName", "lastName", "company", "synclineSfdcType")
    assert (person["firstName"], person["lastName"], person["company"]) == ("Ada", "Byron", "Analytical")
    assert person["synclineSfdcType"] == "Lead"
    assert stage.instance.read(person["id"], "synclineSfdcId") == lead
