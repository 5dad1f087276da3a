"""An instance whose database a native CRM sync owns: what its API still does, and what it answers 1018."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.marketo_client import Client

OWNED: dict[str, dict[str, Any]] = {
    "companies": {"externalCompanyId": "A1"},
    "opportunities": {"externalOpportunityId": "O1", "name": "Deal"},
    "opportunities/roles": {"externalOpportunityId": "O1", "leadId": 1, "role": "Buyer"},
    "salespersons": {"externalSalesPersonId": "sam"},
}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.control("POST", "native", {"crm": "sfdc"})
    return client


def _code(answer: dict[str, Any]) -> str:
    assert answer["success"] is False
    return str(answer["errors"][0]["code"])


@pytest.mark.parametrize("path", OWNED)
def test_writes_are_answered_1018_and_reads_work(client: Client, path: str) -> None:
    for call in (f"{path}.json", f"{path}/delete.json"):
        answer = client.post(f"/rest/v1/{call}", {"input": [OWNED[path]]})
        assert answer["success"] is True
        assert answer["result"] == [
            {"seq": 0, "status": "skipped", "reasons": [{"code": "1018", "message": "CRM Enabled"}]}
        ]
    client.sync({"email": "a@example.com"})
    if path == "opportunities/roles":
        client.control("POST", "objects", {"object": "opportunities", "input": [OWNED["opportunities"]]})
    (row,) = client.control("POST", "objects", {"object": path, "input": [OWNED[path]]})  # the CRM may
    assert row["status"] == "created"
    name, value = next(iter(OWNED[path].items()))
    found = client.get(f"/rest/v1/{path}.json", filterType=name, filterValues=value)["result"]
    assert [record[name] for record in found] == [value]


@pytest.mark.parametrize("path", OWNED)
def test_the_older_page_disables_the_calls_altogether(client: Client, path: str) -> None:
    client.control("POST", "settings", {"native_crm_reads": False, "native_crm_refuses_call": True})
    assert _code(client.get(f"/rest/v1/{path}/describe.json")) == "1018"
    assert _code(client.get(f"/rest/v1/{path}.json", filterType="idField", filterValues="1")) == "1018"
    assert _code(client.post(f"/rest/v1/{path}.json", {"input": [OWNED[path]]})) == "1018"


def test_roles_alone_may_be_closed_to_readers(client: Client) -> None:
    client.control("POST", "settings", {"native_crm_role_reads": False})
    assert _code(client.get("/rest/v1/opportunities/roles/describe.json")) == "1018"
    assert client.get("/rest/v1/opportunities/describe.json")["success"]


def test_describe_says_what_the_crm_manages(client: Client) -> None:
    (companies,) = client.get("/rest/v1/companies/describe.json")["result"]
    managed = {field["name"]: field["crmManaged"] for field in companies["fields"]}
    assert (managed["company"], managed["createdAt"]) == (True, False)
    (leads,) = client.get("/rest/v1/leads/describe2.json")["result"]
    managed = {field["name"]: field["crmManaged"] for field in leads["fields"]}
    assert (managed["email"], managed["sfdcLeadId"], managed["leadScore"]) == (True, True, False)
    client.control("POST", "native", {"crm": None})
    (leads,) = client.get("/rest/v1/leads/describe2.json")["result"]
    assert not any(field["crmManaged"] for field in leads["fields"])


def test_leads_stay_writable_but_not_the_crm_s_ids(client: Client) -> None:
    made, refused = client.sync({"email": "a@example.com"}, {"email": "b@example.com", "sfdcLeadId": "00Q1"})
    assert (made["status"], refused["reasons"][0]["code"]) == ("created", "1003")
    assert client.leads("sfdcLeadId", "00Q1") == []


def test_named_accounts_are_not_the_crm_s(client: Client) -> None:
    answer = client.post("/rest/v1/namedaccounts.json", {"input": [{"name": "Google"}]})
    assert answer["result"][0]["status"] == "created"


def test_unknown_connectors_are_refused(client: Client) -> None:
    assert client.raw("POST", "/_sandbox/native", body=b'{"crm": "oracle"}').status == 400
