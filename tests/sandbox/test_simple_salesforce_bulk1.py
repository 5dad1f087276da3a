"""simple-salesforce's `bulk` (Bulk API 1.0, JSON jobs), unmodified, against the org over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from simple_salesforce.bulk import SFBulkHandler
from simple_salesforce.exceptions import SalesforceGeneralError, SalesforceMalformedRequest

from syncline_sandbox.core.faults import Fault
from syncline_sandbox.core.server import serve
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET, USERNAME


@pytest.fixture
def salesforce() -> Iterator[SimpleNamespace]:
    """`lead` is the client's handle on Lead, `org` the org behind it."""
    org = SalesforceOrg()
    org.add_field("Lead", {"name": "Ext__c", "type": "string", "length": 40, "external_id": True})
    with serve(org) as url, requests.Session() as session:
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token = session.post(f"{url}/services/oauth2/token", data=form, timeout=5).json()["access_token"]
        bulk = SFBulkHandler(token, f"{url}/services/async/59.0/", session=session)
        yield SimpleNamespace(lead=bulk.Lead, org=org)


def leads(count: int) -> list[dict[str, Any]]:
    return [
        {"LastName": f"L{n:04}", "Company": "Acme", "Ext__c": f"x{n}", "NumberOfEmployees": n} for n in range(count)
    ]


def test_insert_query_update_upsert_delete_and_hard_delete(salesforce: Any) -> None:
    lead = salesforce.lead
    made = lead.insert([*leads(3), {"LastName": "no company"}], batch_size=2, use_serial=True)
    assert [row["success"] for row in made] == [True, True, True, False]
    assert made[3]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    ids = [row["id"] for row in made[:3]]

    changed = lead.update([{"Id": ids[0], "Company": "Neu"}, {"Id": ids[1], "City": None, "Email": "nope"}])
    assert [(row["success"], row["created"]) for row in changed] == [(True, False), (False, False)]
    upserted = lead.upsert(leads(4), "Ext__c")
    assert [row["created"] for row in upserted] == [False, False, False, True]

    rows = lead.query("SELECT Id, LastName, Company, CreatedDate, Owner.Username FROM Lead ORDER BY LastName")
    assert [row["LastName"] for row in rows] == ["L0000", "L0001", "L0002", "L0003"]
    assert rows[0]["attributes"]["type"] == "Lead"
    assert rows[0]["attributes"]["url"].endswith(f"/sobjects/Lead/{ids[0]}")
    assert isinstance(rows[0]["CreatedDate"], int)
    assert abs(rows[0]["CreatedDate"] / 1000 - salesforce.org.clock.now().timestamp()) < 60
    assert rows[0]["Owner"]["Username"] == USERNAME

    assert lead.delete([{"Id": ids[0]}])[0]["success"] is True
    assert lead.hard_delete([{"Id": ids[1]}])[0]["success"] is True
    assert lead.delete([{"Id": ids[0]}])[0]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"
    everything = lead.query_all("SELECT LastName, IsDeleted FROM Lead ORDER BY LastName")
    assert [row["IsDeleted"] for row in everything] == [True, False, False]


def test_detailed_results_and_sizes_of_its_own(salesforce: Any) -> None:
    detailed = salesforce.lead.insert(leads(2), include_detailed_results=True)
    assert [(row["success"], row["LastName"]) for row in detailed] == [(True, "L0000"), (True, "L0001")]
    assert len(salesforce.lead.insert(leads(30), batch_size="auto")) == 30
    assert salesforce.lead.insert(leads(1), bypass_results=True)[0]["bypass_results"] is True


def test_a_parent_by_its_external_id(salesforce: Any) -> None:
    made = salesforce.lead.insert([{**leads(1)[0], "Owner": {"Username": "admin@sandbox.example"}}])
    assert made[0]["success"] is True
    admin = salesforce.org.people.user_id("admin@sandbox.example")
    assert salesforce.lead.query("SELECT OwnerId FROM Lead")[0]["OwnerId"] == admin


def test_a_query_without_rows_and_one_that_fails(salesforce: Any) -> None:
    assert salesforce.lead.query("SELECT Id FROM Lead") == []
    with pytest.raises(SalesforceGeneralError, match="FUNCTIONALITY_NOT_ENABLED: Selecting compound data"):
        salesforce.lead.query("SELECT Id, Address FROM Lead")


def test_hard_delete_needs_its_permission(salesforce: Any) -> None:
    org = salesforce.org
    (lead,) = org.seed("Lead", leads(1))
    org.people.set_rights(org.people.user_id(USERNAME), {"permissions": []})
    with pytest.raises(SalesforceMalformedRequest, match="FeatureNotEnabled"):
        salesforce.lead.hard_delete([{"Id": lead}])


def test_an_org_without_the_api_says_so(salesforce: Any) -> None:
    salesforce.org.bulk.switch({"async_api_enabled": False})
    with pytest.raises(SalesforceMalformedRequest) as refused:
        salesforce.lead.query("SELECT Id FROM Lead")
    said: Any = refused.value.content
    assert said == {"exceptionCode": "FeatureNotEnabled", "exceptionMessage": "Async API not enabled"}


def test_rows_that_cannot_be_locked(salesforce: Any) -> None:
    lock = Fault(name="record_lock", match="services/async", parameters={"share": 1})
    salesforce.org.faults.install(lock)
    first, second = (salesforce.lead.insert(leads(1))[0] for _ in range(2))
    assert (first["errors"][0]["statusCode"], second["success"]) == ("UNABLE_TO_LOCK_ROW", True)
