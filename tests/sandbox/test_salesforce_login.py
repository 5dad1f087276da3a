"""Getting a session: OAuth grants and their refusals, SOAP login element by element."""

from __future__ import annotations

import base64
from urllib.parse import urlencode
from xml.etree import ElementTree

import orjson
import pytest

from syncline_sandbox.core.wire import Request
from tests.sandbox.salesforce_client import Client, fresh_client

APP = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
PERSON = {"username": "integration@sandbox.example", "password": "sandbox-passwordsandboxtoken"}


@pytest.fixture
def client() -> Client:
    return fresh_client()


def _token(client: Client, form: dict[str, str], headers: dict[str, str] | None = None):
    body = urlencode(form).encode()
    path = "/services/oauth2/token"
    sent = {"host": "org.example", **(headers or {})}
    answer = client.org.handle(Request(method="POST", path=path, headers=sent, body=body, scheme="https"))
    return answer.status, orjson.loads(answer.body)


def test_client_credentials_by_basic_or_form(client):
    basic = base64.b64encode(b"sandbox-client:sandbox-secret").decode()
    for headers, form in [({"authorization": f"Basic {basic}"}, {}), ({}, APP)]:
        status, answer = _token(client, {**form, "grant_type": "client_credentials"}, headers)
        assert status == 200
        assert answer["instance_url"] == "https://org.example"
        organization, user = answer["id"].split("/")[-2:]
        assert (len(organization), organization[:3], len(user), user[:3]) == (18, "00D", 18, "005")
        assert answer["issued_at"] == "1772355600000"
        client.token = answer["access_token"]
        assert client.call("GET", "sobjects")[0] == 200
        assert client.call("GET", f"/id/{organization}/{user}")[1]["username"] == PERSON["username"]


@pytest.mark.parametrize(
    ("form", "error", "description"),
    [
        ({**APP, **PERSON, "grant_type": "password", "password": "no"}, "invalid_grant", "authentication failure"),
        (
            {**APP, "grant_type": "client_credentials", "client_id": "x"},
            "invalid_client_id",
            "client identifier invalid",
        ),
        (
            {**APP, "grant_type": "client_credentials", "client_secret": "x"},
            "invalid_client",
            "invalid client credentials",
        ),
        ({**APP, "grant_type": "magic"}, "unsupported_grant_type", "grant type not supported"),
    ],
)
def test_refused_tokens(client, form, error, description):
    assert _token(client, form) == (400, {"error": error, "error_description": description})


def test_password_with_security_token_and_revoke(client):
    status, answer = _token(client, {**APP, **PERSON, "grant_type": "password"})
    assert status == 200
    client.token = answer["access_token"]
    body = urlencode({"token": client.token}).encode()
    assert client.send("POST", "/services/oauth2/revoke", body).status == 200
    assert client.call("GET", "sobjects")[0] == 401


def test_app_without_run_as_user(client):
    client.control("POST", "apps", {"client_id": "a", "client_secret": "b"})
    answer = _token(client, {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"})[1]
    assert answer["error_description"] == "no client credentials user enabled"


ENVELOPE = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><q:login '
    'xmlns:q="urn:partner.soap.sforce.com"><q:username>{}</q:username><q:password><![CDATA[{}]]></q:password>'
    "</q:login></e:Body></e:Envelope>"
)


def _soap(client: Client, password: str, version: str = "59.0"):
    body = ENVELOPE.format(PERSON["username"], password).encode()
    return client.send("POST", f"/services/Soap/u/{version}", body, headers={"host": "org.example"})


def test_soap_login_keeps_the_order_of_elements(client):
    answer = _soap(client, PERSON["password"])
    assert answer.status == 200
    envelope = ElementTree.fromstring(answer.body)
    result = envelope[0][0][0]
    names = [element.tag.partition("}")[2] for element in result]
    assert names == "metadataServerUrl passwordExpired sandbox serverUrl sessionId userId userInfo".split()
    organization_id = result[6][8].text or ""
    assert result[3].text == f"http://org.example/services/Soap/u/59.0/{organization_id[:15]}"
    assert b"<serverUrl>" in answer.body
    client.token = result[4].text or ""
    assert client.call("GET", "sobjects")[0] == 200


@pytest.mark.parametrize(
    ("password", "version", "code"),
    [("no", "59.0", "INVALID_LOGIN"), (PERSON["password"], "65.0", "UNSUPPORTED_API_VERSION")],
)
def test_soap_faults(client, password, version, code):
    answer = _soap(client, password, version)
    assert answer.status == 500
    assert f"<sf:exceptionCode>{code}</sf:exceptionCode>".encode() in answer.body
    assert f"<faultcode>sf:{code}</faultcode>".encode() in answer.body
