"""OAuth beyond a password: JWT bearer, codes with PKCE, refresh tokens, revoking, who a token belongs to."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request, Response
from syncline_sandbox.salesforce.auth.consent import s256
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.sandbox.salesforce_client import START, Client, fresh_client

USERNAME = "integration@sandbox.example"
APP = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CALLBACK = "https://app.example/callback"
NOW = int(START.timestamp())


@pytest.fixture
def client() -> Client:
    return fresh_client()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def certificate(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2040, 1, 1, tzinfo=dt.UTC))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def send(client: Client, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Response:
    target, _, query = path.partition("?")
    sent = {"host": "org.example", **{name.replace("_", "-"): value for name, value in headers.items()}}
    body = urlencode(form or {}).encode()
    request = Request(method=method, path=target, query_string=query, headers=sent, body=body, scheme="https")
    return client.org.handle(request)


def token(client: Client, form: dict[str, str], **headers: str) -> tuple[int, Any]:
    answer = send(client, "POST", "/services/oauth2/token", form, **headers)
    return answer.status, orjson.loads(answer.body)


def refusal(error: str, description: str) -> tuple[int, dict[str, str]]:
    return 400, {"error": error, "error_description": description}


def asserted(key: rsa.RSAPrivateKey, **claims: Any) -> dict[str, str]:
    said = {"iss": "jwt-app", "sub": USERNAME, "aud": "https://login.salesforce.com", "exp": NOW + 180, **claims}
    return {"grant_type": JWT_GRANT, "assertion": jwt.encode(said, key, algorithm="RS256")}


@pytest.fixture
def jwt_client(client: Client, certificate: str) -> Client:
    client.control("POST", "apps", {"client_id": "jwt-app", "client_secret": "x", "certificate": certificate})
    return client


def test_a_jwt_gets_a_token_without_a_refresh_token(jwt_client, key):
    status, answer = token(jwt_client, asserted(key))
    assert status == 200
    assert answer["scope"] == "api id web"
    assert "refresh_token" not in answer
    jwt_client.token = answer["access_token"]
    assert jwt_client.call("GET", "sobjects")[0] == 200


@pytest.mark.parametrize("audience", ["https://test.salesforce.com", "https://org.example", ["https://org.example/"]])
def test_the_audiences_of_a_jwt(jwt_client, key, audience):
    assert token(jwt_client, asserted(key, aud=audience))[0] == 200


def test_an_expiry_as_text_counts(jwt_client, key):
    head = base64.urlsafe_b64encode(b'{"alg":"RS256"}').rstrip(b"=").decode()
    claims = {"iss": "jwt-app", "sub": USERNAME, "aud": "https://login.salesforce.com", "exp": str(NOW + 180)}
    said = base64.urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=").decode()
    signature = key.sign(f"{head}.{said}".encode(), padding.PKCS1v15(), hashes.SHA256())
    text = f"{head}.{said}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert token(jwt_client, {"grant_type": JWT_GRANT, "assertion": text})[0] == 200


@pytest.mark.parametrize(
    ("claims", "error", "description"),
    [
        ({"iss": "nobody"}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "nobody@x.example"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"aud": "https://elsewhere.example"}, "invalid_grant", "Audience validation failed"),
        ({"exp": NOW - 61}, "invalid_grant", "invalid assertion"),
        ({"exp": NOW + 3600}, "invalid_grant", "invalid assertion"),
        ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
        ({"iss": "sandbox-client"}, "invalid_grant", "invalid assertion"),  # no certificate registered
    ],
)
def test_refused_jwts(jwt_client, key, claims, error, description):
    said = {"iss": "jwt-app", "sub": USERNAME, "aud": "https://login.salesforce.com", "exp": NOW + 180, **claims}
    if claims.get("exp") == "soon":  # the library would not write it
        head, _, signature = asserted(key)["assertion"].split(".")
        body = base64.urlsafe_b64encode(orjson.dumps(said)).rstrip(b"=").decode()
        form = {"grant_type": JWT_GRANT, "assertion": f"{head}.{body}.{signature}"}
    else:
        form = asserted(key, **claims)
    assert token(jwt_client, form) == refusal(error, description)


def test_a_foreign_signature_is_no_assertion(jwt_client, key):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert token(jwt_client, asserted(other)) == refusal("invalid_grant", "invalid assertion")
    whole = asserted(key)["assertion"]
    unsigned = jwt.encode({"iss": "jwt-app", "sub": USERNAME}, "", algorithm="none")
    for text in (whole[:-6] + "AAAAAA", "x.y", "", "a.b.c", whole + ".x", unsigned):
        answer = token(jwt_client, {"grant_type": JWT_GRANT, "assertion": text})
        assert answer == refusal("invalid_grant", "invalid assertion")


def test_a_certificate_that_is_none_is_not_registered(client):
    app = {"client_id": "a", "client_secret": "b", "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n"}
    assert client.call("POST", "/_sandbox/apps", app)[0] == 400


def test_who_may_use_an_app(jwt_client, key, certificate):
    app = {"client_id": "jwt-app", "client_secret": "x", "certificate": certificate}
    jwt_client.control("POST", "apps", {**app, "approved_users": ["admin@sandbox.example"]})
    denied = refusal("invalid_app_access", "user is not admin approved to access this app")
    assert token(jwt_client, asserted(key)) == denied
    jwt_client.control("POST", "apps", {**app, "self_authorize": True})
    unheard = refusal("invalid_grant", "user hasn't approved this consumer")
    assert token(jwt_client, asserted(key)) == unheard
    jwt_client.control("POST", "refresh_tokens", {"client_id": "jwt-app"})
    assert token(jwt_client, asserted(key))[0] == 200


def test_the_other_wording_of_a_wrong_audience(jwt_client, key):
    jwt_client.control("POST", "logins", {"wrong_audience": "audience is invalid"})
    assert token(jwt_client, asserted(key, aud="x")) == refusal("invalid_grant", "audience is invalid")


def authorize(client: Client, **asked: str) -> dict[str, str]:
    """The query the browser brings back to the app."""
    query = urlencode({"response_type": "code", "client_id": "sandbox-client", "redirect_uri": CALLBACK, **asked})
    answer = send(client, "GET", f"/services/oauth2/authorize?{query}")
    assert answer.status == 302, answer.body
    location = dict(answer.headers)["Location"]
    assert location.startswith(CALLBACK + "?")
    return dict(parse_qsl(urlsplit(location).query))


@pytest.fixture
def approving(client: Client) -> Client:
    client.control("POST", "consent", {"username": USERNAME})
    return client


def test_a_code_by_the_login_form(client):
    query = urlencode(
        {"response_type": "code", "client_id": "sandbox-client", "redirect_uri": CALLBACK, "state": "s&1"}
    )
    page = send(client, "GET", f"/services/oauth2/authorize?{query}")
    assert page.status == 200
    assert b'name="pw"' in page.body
    path = f"/services/oauth2/authorize?{query}"
    wrong = send(client, "POST", path, {"username": USERNAME, "pw": "wrong"})
    assert b"check your username" in wrong.body
    answer = send(client, "POST", path, {"username": USERNAME, "pw": "sandbox-password"})
    back = parse_qs(urlsplit(dict(answer.headers)["Location"]).query)
    assert back["state"] == ["s&1"]
    form = {**APP, "grant_type": "authorization_code", "code": back["code"][0], "redirect_uri": CALLBACK}
    status, granted = token(client, form)
    assert status == 200
    assert granted["refresh_token"]
    assert token(client, form) == refusal("invalid_grant", "invalid authorization code")


def test_a_code_with_a_challenge_needs_its_verifier_and_no_secret(approving):
    code = authorize(approving, code_challenge=s256("v" * 43))["code"]
    form = {"grant_type": "authorization_code", "client_id": "sandbox-client", "redirect_uri": CALLBACK, "code": code}
    assert token(approving, {**form, "code_verifier": "w" * 43}) == refusal("invalid_grant", "invalid code verifier")
    again = authorize(approving, code_challenge=s256("v" * 43))["code"]
    assert token(approving, {**form, "code": again, "code_verifier": "v" * 43})[0] == 200


def test_codes_that_are_refused(approving):
    form = {**APP, "grant_type": "authorization_code", "redirect_uri": CALLBACK}
    old = authorize(approving)["code"]
    approving.advance(901)
    assert token(approving, {**form, "code": old}) == refusal("invalid_grant", "expired authorization code")
    elsewhere = {**form, "code": authorize(approving)["code"], "redirect_uri": "https://x.example"}
    assert token(approving, elsewhere)[1]["error"] == "redirect_uri_mismatch"
    assert token(approving, {"grant_type": "authorization_code", "client_id": "sandbox-client"})[1] == {
        "error": "invalid_client",
        "error_description": "invalid client credentials",
    }


def test_what_goes_wrong_at_the_authorize_endpoint(approving):
    assert authorize(approving, response_type="magic")["error"] == "unsupported_response_type"
    assert authorize(approving, scope="everything")["error"] == "invalid_scope"
    approving.control("POST", "consent", {"username": USERNAME, "deny": True})
    denied = authorize(approving, state="s")
    assert (denied["error"], denied["state"]) == ("access_denied", "s")
    for asked in ("client_id=x", "client_id=sandbox-client&redirect_uri=nowhere"):
        assert send(approving, "GET", f"/services/oauth2/authorize?{asked}").status == 400
    approving.control("POST", "apps", {**APP, "redirect_uris": [CALLBACK], "pkce_required": True})
    assert authorize(approving)["error"] == "invalid_request"


def _refresh(client: Client, refresh_token: str, **more: str) -> tuple[int, Any]:
    return token(client, {**APP, "grant_type": "refresh_token", "refresh_token": refresh_token, **more})


def test_a_refresh_token_gets_tokens_again_and_again(client):
    kept = client.control("POST", "refresh_tokens", {})["refresh_token"]
    for _ in range(2):
        status, answer = _refresh(client, kept)
        assert status == 200
        assert "refresh_token" not in answer
    assert _refresh(client, kept, scope="api")[1]["scope"] == "api"
    assert _refresh(client, kept, scope="full")[1]["error"] == "invalid_scope"
    assert _refresh(client, "x") == refusal("invalid_grant", "expired access/refresh token")
    foreign = {"client_id": "b", "client_secret": "b"}
    client.control("POST", "apps", foreign)
    form = {**foreign, "grant_type": "refresh_token", "refresh_token": kept}
    assert token(client, form) == refusal("invalid_grant", "expired access/refresh token")


def test_a_rotated_refresh_token_dies_and_an_old_one_too(client):
    client.control("POST", "apps", {**APP, "rotate_refresh_tokens": True, "refresh_token_seconds": 3600})
    first = client.control("POST", "refresh_tokens", {})["refresh_token"]
    second = _refresh(client, first)[1]["refresh_token"]
    assert second != first
    assert _refresh(client, first)[1]["error_description"] == "expired access/refresh token"
    client.advance(3601)
    assert _refresh(client, second)[0] == 400


def test_five_refresh_tokens_of_a_user_and_an_app(client):
    tokens = [client.control("POST", "refresh_tokens", {})["refresh_token"] for _ in range(6)]
    assert [_refresh(client, kept)[0] for kept in tokens] == [400, 200, 200, 200, 200, 200]


def test_a_refresh_token_outlives_a_restart(tmp_path):
    path = str(tmp_path / "org.sqlite")
    kept = Client(SalesforceOrg(path)).control("POST", "refresh_tokens", {})["refresh_token"]
    assert _refresh(Client(SalesforceOrg(path, clock=SandboxClock())), kept)[0] == 200


def test_revoking_a_refresh_token_ends_its_sessions(client):
    kept = client.control("POST", "refresh_tokens", {})["refresh_token"]
    client.token = _refresh(client, kept)[1]["access_token"]
    assert client.call("GET", "sobjects")[0] == 200
    revoked = send(client, "GET", f"/services/oauth2/revoke?{urlencode({'token': kept, 'callback': 'done'})}")
    assert (revoked.status, revoked.body) == (200, b"done({});")
    assert client.call("GET", "sobjects")[0] == 401
    assert _refresh(client, kept)[0] == 400
    assert send(client, "POST", "/services/oauth2/revoke", {"token": kept}).status == 400


def test_an_inactive_user_gets_no_token(client):
    user_id = client.org.people.user_id(USERNAME)
    client.control(
        "POST",
        "write",
        {
            "object": "User",
            "operation": "update",
            "as": "admin@sandbox.example",
            "records": [{"Id": user_id, "IsActive": False}],
        },
    )
    assert token(client, {**APP, "grant_type": "client_credentials"})[1]["error"] == "inactive_user"


def test_client_credentials_want_a_my_domain(client):
    answer = token(client, {**APP, "grant_type": "client_credentials"}, host="login.salesforce.com")
    assert answer == refusal("invalid_grant", "request not supported on this domain")


def test_a_login_host_names_the_my_domain(client):
    form = {**APP, "grant_type": "password", "username": USERNAME, "password": "sandbox-password"}
    assert token(client, form, host="test.salesforce.com")[1]["instance_url"] == "https://test.salesforce.com"
    client.control("POST", "logins", {"my_domain": "https://acme.my.salesforce.com/"})
    answer = token(client, form, host="test.salesforce.com")[1]
    assert answer["instance_url"] == "https://acme.my.salesforce.com"
    assert answer["id"].startswith("https://test.salesforce.com/id/00D")


def test_too_many_sessions_end_the_oldest(client):
    client.control("POST", "sessions", {"most_per_user": 1})
    first, client.token = client.token, client.login(USERNAME)
    assert client.call("GET", "sobjects")[0] == 200
    client.token = first
    assert client.call("GET", "sobjects")[0] == 401


def test_a_session_ends_by_idling_not_by_age(client):
    client.control("POST", "sessions", {"idle_seconds": 900})
    for _ in range(3):
        client.advance(800)
        assert client.call("GET", "sobjects")[0] == 200
    client.advance(901)
    status, answer = client.call("GET", "sobjects")
    assert (status, answer) == (401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])


def test_an_app_has_its_own_idle_time(client):
    client.control("POST", "apps", {**APP, "run_as": USERNAME, "session_seconds": 600})
    client.token = token(client, {**APP, "grant_type": "client_credentials"})[1]["access_token"]
    client.advance(600)
    assert client.call("GET", "sobjects")[0] == 200
    client.advance(601)
    assert client.call("GET", "sobjects")[0] == 401


def test_too_many_logins_in_an_hour(client):
    client.control("POST", "sessions", {"expire": True, "logins_an_hour": 2})
    form = {**APP, "grant_type": "client_credentials"}
    assert [token(client, form)[0] for _ in range(2)] == [200, 200]
    assert token(client, form) == refusal("rate_limit_exceeded", "login rate exceeded")
    client.advance(3600)
    assert token(client, form)[0] == 200


@pytest.mark.parametrize(
    ("accept", "query", "expected"),
    [
        ("application/xml", "", b"<OAuth><access_token>"),
        ("application/x-www-form-urlencoded", "", b"access_token=00D"),
        ("application/xml", "format=json", b'{"access_token":'),
        ("text/html", "format=urlencoded", b"access_token=00D"),
        ("text/html;q=1, */*", "", b'{"access_token":'),
    ],
)
def test_a_token_in_other_formats(client, accept, query, expected):
    form = {**APP, "grant_type": "client_credentials"}
    answer = send(client, "POST", f"/services/oauth2/token?{query}", form, accept=accept)
    assert expected in answer.body
    assert dict(answer.headers)["Cache-Control"].endswith("no-store")


def test_userinfo_on_a_login_host(client):
    answer = send(
        client, "GET", "/services/oauth2/userinfo", authorization=f"Bearer {client.token}", host="login.salesforce.com"
    )
    said = orjson.loads(answer.body)
    assert said["organization_id"] == client.org.auth.organization_id
    assert (said["preferred_username"], said["user_id"]) == (USERNAME, client.org.people.user_id(USERNAME))
    assert said["sub"] == f"https://login.salesforce.com/id/{said['organization_id']}/{said['user_id']}"
    assert said["urls"]["rest"] == "https://login.salesforce.com/services/data/v{version}/"
    answer = send(client, "GET", "/services/oauth2/userinfo", authorization="Bearer x")
    assert (answer.status, answer.body) == (403, b"Bad_OAuth_Token")


def test_the_identity_whole(client):
    path = f"/id/{client.org.auth.organization_id}/{client.org.people.user_id(USERNAME)}"
    said = orjson.loads(send(client, "GET", f"{path}?format=json&oauth_token={client.token}&version=latest").body)
    assert said["id"] == f"https://org.example{path}"
    assert (said["username"], said["display_name"], said["email"]) == (USERNAME, "Syncing Integration", USERNAME)
    assert said["urls"]["partner"] == "https://org.example/services/Soap/u/68.0/"
    assert {"asserted_user", "user_id", "organization_id", "active", "language", "locale", "utcOffset"} <= said.keys()
    xml = send(client, "GET", path, authorization=f"OAuth {client.token}", accept="application/xml")
    assert b"<user><id>https://org.example" in xml.body


@pytest.mark.parametrize(
    ("path", "authorization", "expected"),
    [
        ("/id/{org}/{user}", "", (403, b"Missing_OAuth_Token")),
        ("/id/{org}/{user}", "Bearer x", (403, b"Bad_OAuth_Token")),
        ("/id/00D000000000001AAA/{user}", "Bearer {token}", (403, b"Wrong_Org")),
        ("/id/{org}/005000000000001AAA", "Bearer {token}", (404, b"Bad_Id")),
        ("/id/{org}", "Bearer {token}", (404, b"Bad_Id")),
    ],
)
def test_refused_identities(client, path, authorization, expected):
    known = {"org": client.org.auth.organization_id, "user": client.org.people.user_id(USERNAME), "token": client.token}
    answer = send(client, "GET", path.format(**known), authorization=authorization.format(**known))
    assert (answer.status, answer.body) == expected


def test_introspection_asks_who_wants_to_know(client):
    kept = client.control("POST", "refresh_tokens", {})["refresh_token"]
    access = _refresh(client, kept)[1]["access_token"]
    path = "/services/oauth2/introspect"
    said = orjson.loads(send(client, "POST", path, {**APP, "token": access}).body)
    assert said == {
        "active": True,
        "scope": "api id refresh_token web",
        "client_id": "sandbox-client",
        "username": USERNAME,
        "sub": f"https://org.example/id/{client.org.auth.organization_id}/{client.org.people.user_id(USERNAME)}",
        "token_type": "access_token",
        "exp": NOW + 7200,
        "iat": NOW,
        "nbf": NOW,
    }
    assert orjson.loads(send(client, "POST", path, {**APP, "token": kept}).body)["token_type"] == "refresh_token"
    assert orjson.loads(send(client, "POST", path, {**APP, "token": "x"}).body) == {"active": False}
    refused = send(client, "POST", path, {"client_id": "sandbox-client", "token": access})
    assert (refused.status, orjson.loads(refused.body)["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("authorization", ["Basic x", "Basic \xff", "Basic /w==", "Basic", "Magic x"])
def test_credentials_nobody_can_read(client, authorization):
    form = {"grant_type": "client_credentials"}
    assert token(client, form, authorization=authorization) == refusal("invalid_client_id", "client identifier invalid")


def test_the_endpoints_say_what_they_are_not(client):
    answer = send(client, "GET", "/services/oauth2/token")
    assert orjson.loads(answer.body) == {"error": "invalid_request", "error_description": "must use HTTP POST"}
    assert send(client, "GET", "/services/oauth2/magic").status == 404
