"""Tokens, permissions and the errors around them."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import pytest

from tests.sandbox.marketo_client import TOKEN_QUERY, Client

TOKEN = "/identity/oauth/token"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def client() -> Client:
    return Client()


def _code(answer: dict) -> str:
    assert answer["success"] is False
    return str(answer["errors"][0]["code"])


def test_token_has_four_members_and_its_life_shrinks(client: Client) -> None:
    client.wait(1800)
    answer = client.raw("GET", TOKEN, TOKEN_QUERY)
    body = json.loads(answer.body)
    assert list(body) == ["access_token", "token_type", "expires_in", "scope"]
    assert (body["access_token"], body["expires_in"]) == (client.token, 3599 - 1800)
    assert ("Cache-Control", "no-store") in answer.headers


def test_token_by_post_form_and_by_basic_header(client: Client) -> None:
    by_form = client.raw("POST", TOKEN, body=urlencode(TOKEN_QUERY).encode(), headers=FORM)
    assert json.loads(by_form.body)["access_token"] == client.token
    secret = base64.b64encode(b"sandbox-client:sandbox-secret").decode()
    headers = {**FORM, "authorization": f"Basic {secret}"}  # as libraries for OAuth 2.0 send it
    by_header = client.raw("POST", TOKEN, body=b"grant_type=client_credentials", headers=headers)
    assert json.loads(by_header.body)["access_token"] == client.token


@pytest.mark.parametrize(
    ("change", "text"),
    [({"client_secret": "x"}, "Bad client credentials"), ({"client_id": "x"}, "No client with requested id: x")],
)
def test_bad_credentials_are_401_without_envelope(client: Client, change: dict, text: str) -> None:
    answer = client.raw("GET", TOKEN, {**TOKEN_QUERY, **change})
    assert answer.status == 401
    assert json.loads(answer.body) == {"error": "invalid_client", "error_description": text}


def test_expired_token_is_602_once_then_601(client: Client) -> None:
    client.wait(3600)
    assert _code(client.get("/rest/v1/leads/describe.json")) == "602"
    assert _code(client.get("/rest/v1/leads/describe.json")) == "601"
    client.token = client.new_token()
    assert client.get("/rest/v1/leads/describe.json")["success"]


def test_no_token_is_603_and_unknown_601(client: Client) -> None:
    client.token = ""
    assert _code(client.get("/rest/v1/leads/describe.json")) == "603"
    client.token = "nonsense"
    assert _code(client.get("/rest/v1/leads/describe.json")) == "601"


def test_token_in_query_behind_a_switch(client: Client) -> None:
    token, client.token = client.token, ""
    assert client.get("/rest/v1/leads/describe.json", access_token=token)["success"]
    client.control("POST", "settings", {"accept_token_in_query": False})
    assert _code(client.get("/rest/v1/leads/describe.json", access_token=token)) == "603"


def test_permission_missing_is_603(client: Client) -> None:
    user = {"client_id": "ro", "client_secret": "s", "user": "ro@example.com", "permissions": ["Read-Only Lead"]}
    client.control("POST", "users", user)
    client.token = client.new_token(client_id="ro", client_secret="s")
    assert client.leads("email", "a@example.com") == []
    assert _code(client.post("/rest/v1/leads.json", {"input": [{"email": "a@example.com"}]})) == "603"
    assert _code(client.get("/rest/v1/activities/types.json")) == "603"
    assert client.get("/rest/v1/stats/usage.json")["success"]  # needs no permission


def test_expired_token_fault(client: Client) -> None:
    client.fault("expired_token", "leads.json")
    assert _code(client.get("/rest/v1/leads.json", filterType="id", filterValues=1)) == "602"
    client.token = client.new_token()
    assert client.leads("id", 1) == []
