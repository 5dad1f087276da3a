"""Recently used records: noted when a header asks for it, for its own user, while they can be seen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client
from tests.sandbox.soap_client import soap

MRU = {"sforce-mru": "updateMru=true"}


@pytest.fixture
def client() -> Client:
    return fresh_client()


def make(client: Client, name: str, headers: dict[str, str] | None = None) -> str:
    _, made = client.call("POST", "sobjects/Account", {"Name": name}, headers=headers or {})
    return str(made["id"])


def listed(client: Client, path: str = "recent", **query: str) -> list[Any]:
    status, answer = client.call("GET", path, **query)
    assert status == 200
    return list(answer)


def test_only_what_a_header_asks_for_newest_first(client):
    make(client, "unnoted")
    first, second = make(client, "a", MRU), make(client, "b", MRU)
    assert [item["Id"] for item in listed(client)] == [second, first]
    assert listed(client)[0] == {
        "attributes": {"type": "Account", "url": f"/services/data/v59.0/sobjects/Account/{second}"},
        "Id": second,
        "Name": "b",
    }
    client.call("PATCH", f"sobjects/Account/{first}", {"Site": "x"}, headers=MRU)
    assert [item["Id"] for item in listed(client, limit="1")] == [first]
    assert len(listed(client, limit="x")) == 2


def test_by_object_and_by_user(client):
    account = make(client, "a", MRU)
    client.call("POST", "sobjects/Lead", {"LastName": "x", "Company": "c"}, headers=MRU)
    items = client.call("GET", "sobjects/Account")[1]["recentItems"]
    assert [item["Id"] for item in items] == [account]
    client.token = client.login("admin@sandbox.example")
    assert listed(client) == []


def test_what_is_gone_or_hidden_is_on_no_list(client):
    gone, kept = make(client, "a", MRU), make(client, "b", MRU)
    client.call("DELETE", f"sobjects/Account/{gone}")
    assert [item["Id"] for item in listed(client)] == [kept]
    client.control("POST", "rights", {"hidden_fields": ["Account.Name"]})
    assert "Name" not in listed(client)[0]
    client.control("POST", "reset")
    client.token = client.login("integration@sandbox.example")
    assert listed(client) == []


def test_soap_asks_by_an_element(client):
    record = "<u:sObjects><u:type>Account</u:type><u:Name>a</u:Name></u:sObjects>"
    soap(client, "create", record)
    assert listed(client) == []
    soap(client, "create", record, headers="<u:MruHeader><u:updateMru>true</u:updateMru></u:MruHeader>")
    assert [item["Name"] for item in listed(client)] == ["a"]
