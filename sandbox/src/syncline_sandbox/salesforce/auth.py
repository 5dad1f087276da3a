"""Logging in and staying logged in: users' passwords, connected apps, sessions and their idle time.

Lives here: OAuth token, revoke, userinfo and introspect ("OAuth 2.0 Client Credentials Flow", "OAuth 2.0
Username-Password Flow", "OAuth 2.0 Authorization Errors"). The SOAP envelope is in `soap_login.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request

from .errors import OrgError, not_found
from .ids import full_id
from .web import Answer

SESSION_IDLE_SECONDS = 7200.0


@dataclass(kw_only=True)
class Login:
    """What a user logs in with."""

    user_id: str
    username: str
    password: str
    security_token: str = ""


@dataclass(kw_only=True)
class ConnectedApp:
    """An app that may ask for tokens; `run_as` is the user of its client-credentials flow, None for no such user."""

    client_id: str
    client_secret: str
    run_as: str | None = None


@dataclass(kw_only=True)
class _Session:
    user_id: str
    used_at: datetime


class Auth:
    """Sessions of one org. A session ends when idle for longer than `idle_seconds` by the sandbox's clock."""

    def __init__(self, clock: SandboxClock, org_id: str, seed: int) -> None:
        self._clock = clock
        self.organization_id = org_id
        self._random = random.Random(seed)
        self._sessions: dict[str, _Session] = {}
        self.idle_seconds = SESSION_IDLE_SECONDS
        self.logins: dict[str, Login] = {}
        self.apps: dict[str, ConnectedApp] = {}

    def open_session(self, user_id: str) -> str:
        """A new token of this user."""
        token = f"{self.organization_id[:15]}!AQ{self._random.getrandbits(320):080x}"
        self._sessions[token] = _Session(user_id=user_id, used_at=self._clock.now())
        return token

    def user_of(self, request: Request) -> str:
        """The user whose live session the request carries, which this call keeps alive. OrgError INVALID_SESSION_ID."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        session = self._live(token.strip())
        if session is None:
            raise OrgError("INVALID_SESSION_ID", "Session expired or invalid")
        session.used_at = self._clock.now()
        return session.user_id

    def expire(self, request: Request) -> None:
        """End the session the request carries."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        self._sessions.pop(token.strip(), None)

    def expire_all(self) -> int:
        """End every session; returns how many there were."""
        count = len(self._sessions)
        self._sessions.clear()
        return count

    def password_user(self, username: str, password: str) -> str | None:
        """The user these belong to, the security token behind the password or left out; None when they do not fit."""
        login = self.logins.get(username.lower())
        if login is None or password not in (login.password, login.password + login.security_token):
            return None
        return login.user_id

    def answer(self, request: Request) -> Answer:
        """Serve `/services/oauth2/…` and `/id/…`."""
        name = request.path.rstrip("/").rpartition("/")[2]
        if request.path.startswith("/id/") or name == "userinfo":
            return self._identity(request)
        if request.method != "POST" or name not in ("token", "revoke", "introspect"):
            raise not_found()
        form = dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
        return {"token": self._token, "revoke": self._revoke, "introspect": self._introspect}[name](request, form)

    def _token(self, request: Request, form: dict[str, str]) -> Answer:
        client_id, client_secret = _client(request, form)
        grant = form.get("grant_type", "")
        if grant not in ("client_credentials", "password"):
            return _refused("unsupported_grant_type", "grant type not supported")
        app = self.apps.get(client_id)
        if app is None:
            return _refused("invalid_client_id", "client identifier invalid")
        if not hmac.compare_digest(app.client_secret, client_secret):
            return _refused("invalid_client", "invalid client credentials")
        if grant == "password":
            user_id = self.password_user(form.get("username", ""), form.get("password", ""))
            refused = "authentication failure"
        else:
            user_id, refused = app.run_as, "no client credentials user enabled"
        return self._granted(request, app, user_id) if user_id else _refused("invalid_grant", refused)

    def _granted(self, request: Request, app: ConnectedApp, user_id: str) -> Answer:
        identity = f"{request.base_url}/id/{self.organization_id}/{user_id}"
        issued_at = str(int(self._clock.now().timestamp() * 1000))
        digest = hmac.new(app.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
        body = {
            "access_token": self.open_session(user_id),
            "signature": base64.b64encode(digest).decode(),
            "scope": "api id",
            "instance_url": request.base_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
        return Answer(body=body)

    def _revoke(self, _request: Request, form: dict[str, str]) -> Answer:
        known = self._sessions.pop(form.get("token", ""), None)
        return Answer() if known else _refused("unsupported_token_type", "this token type is not supported")

    def _introspect(self, _request: Request, form: dict[str, str]) -> Answer:
        session = self._live(form.get("token", ""))
        return Answer(body={"active": True, "sub": session.user_id} if session else {"active": False})

    def _identity(self, request: Request) -> Answer:
        user_id = self.user_of(request)
        login = next((login for login in self.logins.values() if login.user_id == user_id), None)
        shape: dict[str, Any] = {
            "id": f"{request.base_url}/id/{self.organization_id}/{user_id}",
            "asserted_user": True,
            "user_id": user_id,
            "organization_id": self.organization_id,
            "username": login.username if login else None,
            "preferred_username": login.username if login else None,
            "active": True,
        }
        return Answer(body=shape)

    def _live(self, token: str) -> _Session | None:
        session = self._sessions.get(token)
        if session is None or self._clock.now() - session.used_at > timedelta(seconds=self.idle_seconds):
            return None
        return session


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret, by HTTP Basic or in the form."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return "", ""  # unreadable credentials are nobody's
        return client_id, secret
    return form.get("client_id", ""), form.get("client_secret", "")


def _refused(error: str, description: str) -> Answer:
    return Answer(status=400, body={"error": error, "error_description": description})


def org_id_15(org_id: str) -> str:
    """The 15-character form used in SOAP server URLs."""
    full = full_id(org_id)
    assert full is not None
    return full[:15]
