"""A Marketo instance that a native CRM sync owns: who writes companies and opportunities there, and who still may what.

Sources: Marketo "Companies", "Opportunities" (read-only while a native CRM sync is enabled), "Error Codes" (1018).
Syncline writes people only, and of them no field that describe calls the CRM's.
"""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import MakeStage

OWNED = (
    ("companies", "externalCompanyId", {"externalCompanyId": "A1", "company": "Colliers"}, {"company": "Diggers"}),
    ("opportunities", "externalOpportunityId", {"externalOpportunityId": "O1", "name": "Coal"}, {"name": "Ore"}),
)


@pytest.mark.scenario("native-56")
@pytest.mark.parametrize("preset", ["recommended", "native"])
def test_with_a_crm_connected_the_api_writes_no_companies_and_opportunities(make_stage: MakeStage, preset: str) -> None:
    stage = make_stage(preset)
    for path, _, record, _ in OWNED:
        (made,) = stage.instance.write_objects(path, record)
        assert made["status"] == "created", "without a CRM the write works"
    stage.instance.control("native", {"crm": "sfdc"})
    for path, key, record, change in OWNED:
        for deletes in (False, True):
            (result,) = stage.instance.write_objects(path, {**record, **change}, delete=deletes)
            codes = [reason["code"] for reason in result.get("reasons", ())]
            assert (result["status"], codes) == ("skipped", ["1018"]), "the write was not refused"
        (field,) = change
        (found,) = stage.instance.objects(path, key, str(record[key]), field)
        assert found[field] == record[field], "a refused write changed something"


@pytest.mark.parametrize("preset", ["recommended", "native"])
def test_syncline_leaves_the_crm_s_fields_alone_and_says_so(make_stage: MakeStage, preset: str) -> None:
    stage = make_stage(preset)
    stage.instance.control("native", {"crm": "sfdc"})
    stage.org.create("Lead", LastName="Lee", Company="Colliers", Email="lee@example.com")
    stage.cycle()
    warned = {about for code, about in stage.warnings() if code == "SYN-162"}
    assert {"marketing.lead.email", "marketing.lead.company"} <= warned
    assert stage.instance.people("lee@example.com") == []
