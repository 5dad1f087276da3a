"""Fields that are not a person's own: unsubscribed is one per e-mail address, company fields are one per company."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.marketo_client import Client, attributes

FLOW = "System flow action sysActionChangeDataValue"


@pytest.fixture
def client() -> Client:
    return Client()


def _flags(client: Client, *ids: int) -> list[bool]:
    return [row["unsubscribed"] for row in client.leads("id", *ids, fields="unsubscribed")]


def _update(client: Client, lead_id: int, **values: Any) -> None:
    client.sync({"id": lead_id, **values}, action="updateOnly", lookupField="id")


def _told(client: Client, name: str = "Unsubscribed") -> list[tuple[int, str | None, str | None]]:
    """Lead, user and reason of every change of the field."""
    rows = [row for row in client.activities(13) if row["primaryAttributeValue"] == name]
    return [(row["leadId"], attributes(row).get("Modifying User"), attributes(row).get("Reason")) for row in rows]


def test_each_person_of_the_address_has_its_own_activity(client: Client) -> None:
    client.sync(*({"email": "a@example.com", "firstName": name} for name in "xyz"), action="createDuplicate")
    _update(client, 2, unsubscribed=True)
    assert _flags(client, 1, 2, 3) == [True, True, True]
    spread = (None, f"{FLOW} updateLeadEmailStatus")
    assert sorted(_told(client)) == [(1, *spread), (2, "sandbox-api@example.com", None), (3, *spread)]


def test_the_address_remembers_after_the_person_is_gone(client: Client) -> None:
    client.sync({"email": "a@example.com", "unsubscribed": True})
    client.post("/rest/v1/leads/delete.json", {"input": [{"id": 1}]})
    client.sync({"email": "A@example.com", "unsubscribed": False})
    assert _flags(client, 2) == [True]
    assert _told(client) == [(2, None, f"{FLOW} resetLeadEmailStatus")]


def test_a_new_address_brings_its_status(client: Client) -> None:
    client.sync({"email": "out@example.com", "unsubscribed": True}, {"email": "in@example.com"})
    _update(client, 2, email="out@example.com")
    assert _flags(client, 2) == [True]
    _update(client, 1, email="new@example.com")
    assert _flags(client, 1, 2) == [False, True]
    assert [lead for lead, *_ in _told(client)] == [2, 1]
    assert {reason for *_, reason in _told(client)} == {f"{FLOW} resetLeadEmailStatus"}


def test_opting_out_together_with_a_new_address_holds_for_it(client: Client) -> None:
    client.sync({"email": "a@example.com", "unsubscribed": True}, {"email": "b@example.com"})
    _update(client, 1, email="b@example.com", unsubscribed=True)
    assert _flags(client, 1, 2) == [True, True]


def test_opting_in_together_with_an_unsubscribed_address_does_not(client: Client) -> None:
    client.sync({"email": "out@example.com", "unsubscribed": True}, {"email": "b@example.com", "unsubscribed": True})
    _update(client, 2, email="out@example.com", unsubscribed=False)
    assert _flags(client, 1, 2) == [True, True]


def test_without_an_address_the_flag_is_the_persons_own(client: Client) -> None:
    client.sync({"lastName": "Lee", "unsubscribed": True}, {"lastName": "Ray"}, action="createDuplicate")
    client.sync({"email": "a@example.com"})
    assert _flags(client, 1, 2) == [True, False]
    _update(client, 1, email="a@example.com")
    assert _flags(client, 1, 3) == [True, True]
    _update(client, 1, email=None)
    assert _flags(client, 1) == [True]


def test_another_spelling_of_the_address_is_the_same_address(client: Client) -> None:
    client.sync({"email": "a@example.com", "unsubscribed": True})
    _update(client, 1, email="A@Example.com")
    assert _flags(client, 1) == [True]


def test_later_records_of_a_call_see_the_status_earlier_ones_gave(client: Client) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    records: list[dict[str, object]] = [{"id": 1, "unsubscribed": True}, {"id": 2, "email": "a@example.com"}]
    client.sync(*records, action="updateOnly", lookupField="id")
    assert _flags(client, 1, 2) == [True, True]


def test_a_marketer_changes_the_company_of_all_its_people(client: Client) -> None:
    client.post("/rest/v1/companies.json", {"input": [{"externalCompanyId": "A1", "company": "Acme"}]})
    client.sync(
        {"email": "a@example.com", "externalCompanyId": "A1"},
        {"email": "b@example.com", "externalCompanyId": "A1"},
        {"email": "c@example.com", "company": "Acme"},
    )
    wanted = {"input": [{"email": "a@example.com", "company": "Acme Ltd", "city": "Ulm"}]}
    assert client.control("POST", "people", wanted) == [{"id": 1, "status": "updated"}]
    people = client.leads("id", 1, 2, 3, fields="company,city")
    assert [row["company"] for row in people] == ["Acme Ltd", "Acme Ltd", "Acme"]
    assert [row["city"] for row in people] == ["Ulm", None, None]
    assert [lead for lead, *_ in _told(client, "Company Name")] == [1, 2]
    (company,) = client.get("/rest/v1/companies.json", filterType="id", filterValues=1, fields="company")["result"]
    assert company["company"] == "Acme Ltd"
