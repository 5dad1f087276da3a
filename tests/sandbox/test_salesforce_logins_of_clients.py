"""simple-salesforce and jsforce, unmodified: a JWT, a code with its verifier, a refreshed session, and what they ask
of an org beside records."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceResourceNotFound

from syncline_sandbox.core.certificates import make_certificate
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME
from tests.clients.node import ClientError, NodeClient
from tests.sandbox.salesforce_client import START, Client
from tests.sandbox.test_simple_salesforce import Loopback

CALLBACK = "https://app.example/callback"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The org over https at every address, for simple-salesforce."""
    certificate = make_certificate(Path(tmp_path_factory.mktemp("tls")))
    org = SalesforceOrg()
    with serve(org, https=True, certificate=certificate) as url, requests.Session() as session:
        session.trust_env = False
        session.verify = str(certificate.authority)
        session.mount("https://", Loopback(urlsplit(url).netloc))
        yield SimpleNamespace(org=org, session=session)


@pytest.mark.parametrize("domain", ["login", "test", "acme.my"])
def test_simple_salesforce_logs_in_with_a_jwt(python: SimpleNamespace, domain: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app.example")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(1)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2040, 1, 1, tzinfo=dt.UTC))
    )
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    Client(python.org).control("POST", "apps", {"client_id": "jwt", "client_secret": "x", "certificate": pem})
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    client = Salesforce(
        session=python.session, domain=domain, username=USERNAME, consumer_key="jwt", privatekey=written
    )
    assert client.query("SELECT Username FROM User WHERE IsActive = true")["totalSize"] == 2
    # The client prints the address of the consent page by a warning.
    with (
        pytest.warns(UserWarning, match="oauth2/authorize"),
        pytest.raises(SalesforceAuthenticationFailed, match="hasn't approved"),
    ):
        Salesforce(session=python.session, domain=domain, username="x", consumer_key="jwt", privatekey=written)


def test_simple_salesforce_sets_a_password_and_asks_for_apex(python: SimpleNamespace) -> None:
    python.org.control.reset()
    client: Any = Salesforce(
        session=python.session, domain="acme.my", consumer_key=CLIENT_ID, consumer_secret=CLIENT_SECRET
    )
    client.set_password(python.org.people.user_id(USERNAME), "other-password")
    assert python.org.auth.password_user(USERNAME, "other-password")
    with pytest.raises(SalesforceResourceNotFound, match="Could not find a match for URL"):
        client.apexecute("Widget", method="POST", data={"a": 1})
    assert client.Lead.describe_layout("012000000000000AAA")["editLayoutSections"]
    said = client.oauth2("userinfo")
    assert (said["preferred_username"], said["organization_id"]) == (USERNAME, python.org.auth.organization_id)


@pytest.fixture
def org() -> SalesforceOrg:
    return SalesforceOrg(clock=SandboxClock(frozen_at=START))


def _code(org: SalesforceOrg, **asked: str) -> str:
    """What a browser brings back to the app after the user has approved it."""
    Client(org).control("POST", "consent", {"username": USERNAME})
    query = urlencode({"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": CALLBACK, **asked})
    answer = org.handle(Request(method="GET", path="/services/oauth2/authorize", query_string=query))
    return dict(parse_qsl(urlsplit(dict(answer.headers)["Location"]).query))["code"]


def test_jsforce_redeems_a_code_and_refreshes(org: SalesforceOrg) -> None:
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    with serve(org) as url, NodeClient("jsforce", url, CLIENT_ID, CLIENT_SECRET) as client:
        wanted = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": verifier}
        info = client("authorize", {**wanted, "code": _code(org, code_challenge=challenge)})
        assert info["organizationId"] == org.auth.organization_id
        assert client("identity")["username"] == USERNAME
        granted = client("oauth2.requestToken", {**wanted, "code": _code(org)})
        assert client("oauth2.refreshToken", granted["refresh_token"])["access_token"] != granted["access_token"]
        client("oauth2.revokeToken", granted["refresh_token"])
        with pytest.raises(ClientError) as dead:
            client("oauth2.refreshToken", granted["refresh_token"])
        assert dead.value.said["name"] == "invalid_grant"
        assert dead.value.said["message"] == "expired access/refresh token"


def test_jsforce_sees_what_an_org_shows(org: SalesforceOrg) -> None:
    with serve(org) as url, NodeClient("jsforce", url) as client:
        client("login", USERNAME, PASSWORD)
        assert {"Lead", "Account"} <= {tab["sobjectName"] for tab in client("tabs")}
        assert client("theme")["themeItems"]
        assert client("quickActions") == []
        assert client("recent") == []
        assert client("recent", "Lead") == []
        (app,) = client("soap.describeTabs")
        assert "Lead" in {tab["sobjectName"] for tab in app["tabs"]}
        assert client("describe", "Lead")["name"] == "Lead"
        assert client("layouts", on="Lead")["layouts"][0]["id"]
        assert client("compactLayouts", on="Lead")["compactLayouts"][0]["name"] == "SYSTEM"
        client("soap.setPassword", org.people.user_id(USERNAME), "other-password")
        assert client("soap.resetPassword", org.people.user_id(USERNAME))["password"]
        client("logout")
        with pytest.raises(ClientError):
            client("query", "SELECT Id FROM Lead")
