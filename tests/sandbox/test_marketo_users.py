"""API users and their roles: which right opens which family of calls, several services, the allow-list."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncline_sandbox.marketo.identity import PERMISSIONS
from tests.sandbox.marketo_client import Client

EMPTY: dict[str, Any] = {"input": [{}]}
READS = {
    "Read-Only Lead": ("leads/describe.json", "lists.json", "programs/members/describe.json"),
    "Read-Only Activity": ("activities/pagingtoken.json?sinceDatetime=2026-03-01T00:00:00Z", "activities/types.json"),
    "Read-Only Activity Metadata": ("activities/external/types.json",),
    "Read-Only Company": ("companies/describe.json",),
    "Read-Only Opportunity": ("opportunities/describe.json", "opportunities/roles/describe.json"),
    "Read-Only Sales Person": ("salespersons/describe.json",),
    "Read-Only Named Account": ("namedaccounts/describe.json",),
    "Read-Only Named Account List": ("namedAccountLists.json?filterType=dedupeFields&filterValues=x",),
    "Read-Only Custom Object": ("customobjects.json",),
    "Read-Only Custom Object Type": ("customobjects/schema.json", "customobjects/schema/linkableObjects.json"),
    "Read-Write Schema Custom Field": ("leads/schema/fields.json", "opportunities/schema/fields.json"),
    "Read-Write Schema Standard Field": ("companies/schema/fields.json", "namedaccounts/schema/fields.json"),
    "Read-Only Campaign": ("campaigns.json",),
}
WRITES = {
    "Read-Write Lead": ("leads.json", "leads/delete.json"),
    "Read-Write Activity": ("activities/external.json",),
    "Read-Write Activity Metadata": ("activities/external/type.json",),
    "Read-Write Company": ("companies.json", "companies/delete.json"),
    "Read-Write Opportunity": ("opportunities.json", "opportunities/roles/delete.json"),
    "Read-Write Sales Person": ("salespersons.json",),
    "Read-Write Named Account": ("namedaccounts.json",),
    "Read-Write Named Account List": ("namedAccountLists.json",),
    "Read-Write Custom Object": ("customobjects/none.json",),
    "Read-Write Custom Object Type": ("customobjects/schema.json",),
}


@pytest.fixture
def client() -> Client:
    return Client()


def become(client: Client, *rights: str, user: str = "ro@example.com") -> None:
    service = {"client_id": user, "client_secret": "s", "user": user, "permissions": list(rights)}
    client.control("POST", "users", service)
    client.token = client.new_token(client_id=user, client_secret="s")


def is_denied(answer: dict[str, Any]) -> bool:
    errors = answer.get("errors") or [{}]
    return bool(errors[0].get("code") == "603")


@pytest.mark.parametrize("right", READS)
def test_a_right_opens_its_reads_and_no_other_does(client: Client, right: str) -> None:
    for calls, rights in ((True, [right]), (False, sorted(PERMISSIONS - {right, right.replace("Only", "Write")}))):
        become(client, *rights)
        for call in READS[right]:
            path, _, query = call.partition("?")
            answer = client.get(f"/rest/v1/{path}", **dict(item.split("=") for item in query.split("&") if item))
            either = right.startswith("Read-Write Schema")  # one of the two is enough (Marketo "Leads")
            assert is_denied(answer) is not (calls or either), (call, answer)


@pytest.mark.parametrize("right", WRITES)
def test_a_right_opens_its_writes_and_reading_is_not_enough(client: Client, right: str) -> None:
    for calls, rights in ((True, [right]), (False, sorted(PERMISSIONS - {right}))):
        become(client, *rights)
        for call in WRITES[right]:
            assert is_denied(client.post(f"/rest/v1/{call}", EMPTY)) is not calls, call


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("leads", "Read-Only Lead"),
        ("activities", "Read-Only Activity"),
        ("program/members", "Read-Only Lead"),
        ("customobjects/car", "Read-Only Custom Object"),
    ],
)
def test_bulk_extract_needs_the_right_to_read(client: Client, path: str, right: str) -> None:
    become(client, right)
    assert client.get(f"/bulk/v1/{path}/export.json")["success"]
    become(client, *sorted(PERMISSIONS - {right, right.replace("Only", "Write")}), user="other@example.com")
    assert is_denied(client.get(f"/bulk/v1/{path}/export.json"))


def test_two_services_of_one_user_have_tokens_of_their_own(client: Client) -> None:
    for name in ("one", "two"):
        client.control("POST", "users", {"client_id": name, "client_secret": "s", "user": "same@example.com"})
    one, two = (client.new_token(client_id=name, client_secret="s") for name in ("one", "two"))
    assert one != two
    for token in (one, two):
        client.token = token
        assert client.get("/rest/v1/stats/usage.json")["success"]
    (today,) = client.get("/rest/v1/stats/usage.json")["result"]
    assert today["users"] == [{"userId": "same@example.com", "count": 2}]


def test_unknown_rights_are_refused(client: Client) -> None:
    body = {"client_id": "a", "client_secret": "b", "user": "c", "permissions": ["Everything"]}
    assert client.raw("POST", "/_sandbox/users", body=json.dumps(body).encode()).status == 400


@pytest.mark.parametrize(
    ("address", "denied"), [("10.1.2.3", False), ("192.0.2.7, 10.9.9.9", False), ("192.0.2.8", True), ("x", True)]
)
def test_the_allow_list_of_addresses(client: Client, address: str, denied: bool) -> None:
    client.control("POST", "settings", {"allowed_addresses": "10.0.0.0/8, 192.0.2.7"})
    headers = {"authorization": f"Bearer {client.token}", "x-forwarded-for": address}
    answer = json.loads(client.raw("GET", "/rest/v1/stats/usage.json", headers=headers).body)
    assert is_denied(answer) is denied
    assert is_denied(client.get("/rest/v1/stats/usage.json"))  # this machine is not on the list


@pytest.mark.parametrize("body", [{"allowed_addresses": "somewhere"}, {"import_seconds": "soon"}, {"nonsense": 1}])
def test_settings_that_make_no_sense_are_refused(client: Client, body: dict[str, Any]) -> None:
    assert client.raw("POST", "/_sandbox/settings", body=json.dumps(body).encode()).status == 400
    assert client.get("/rest/v1/stats/usage.json")["success"]
