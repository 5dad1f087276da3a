"""The OAuth endpoints and the identity service of one org, put together.

Lives here: what is asked where, revocation ("Revoke OAuth Tokens" in Salesforce Help), and what the rest of the org
asks about sessions and users. The SOAP envelope of a login is in `soap/login.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.errors import OrgError, not_found
from syncline_sandbox.salesforce.ids import full_id
from syncline_sandbox.salesforce.storage import Storage
from syncline_sandbox.salesforce.web import Answer

from .apps import ConnectedApp, Login
from .assertion import LOGIN_HOSTS
from .consent import Consent
from .grants import WRONG_AUDIENCE, Grants
from .identity import Identity
from .refresh import RefreshTokens
from .replies import OAuthRefused, jsonp
from .sessions import Sessions, bearer

_REFRESH_TOKENS = "refresh_tokens"


class Auth:
    """Logins, apps, sessions and refresh tokens of one org.

    `my_domain` is the base URL told to whoever logs in at a login host; None: the address used.
    """

    def __init__(self, clock: SandboxClock, org_id: str, seed: int, storage: Storage) -> None:
        self.now = clock.now
        self._storage = storage
        self.organization_id = org_id
        self.sessions = Sessions(clock, org_id, seed)
        self.refresh_tokens = RefreshTokens(self.sessions.opaque, self._store)
        self.grants = Grants(self)
        self.consent = Consent(self)
        self._identity = Identity(self)
        self.my_domain: str | None = None
        self.logins: dict[str, Login] = {}
        self.apps: dict[str, ConnectedApp] = {}
        self.refresh_tokens.load(storage.kept(_REFRESH_TOKENS) or {})

    @property
    def idle_seconds(self) -> float:
        """How long a session may idle."""
        return self.sessions.idle_seconds

    @idle_seconds.setter
    def idle_seconds(self, seconds: float) -> None:
        self.sessions.idle_seconds = seconds

    def open_session(self, user_id: str) -> str:
        """A new token of this user."""
        return self.sessions.open(user_id)

    def user_of(self, request: Request) -> str:
        """The user whose live session the request carries, which this call keeps alive. OrgError INVALID_SESSION_ID."""
        session = self.sessions.used(bearer(request))
        if session is None:
            raise OrgError("INVALID_SESSION_ID", "Session expired or invalid")
        return session.user_id

    def app_of(self, request: Request) -> str | None:
        """The name of the app whose session the request carries; None for a session without one."""
        session = self.sessions.live(bearer(request))
        app = self.apps.get(session.client_id) if session is not None else None
        return app.name if app is not None else None

    def expire(self, request: Request) -> None:
        """End the session the request carries."""
        self.sessions.end(bearer(request))

    def expire_all(self) -> int:
        """End every session; returns how many there were."""
        return self.sessions.end_all()

    def clear(self) -> None:
        """Forget sessions, codes, refresh tokens and what was set by hand."""
        self.sessions.start_over()
        self.consent.clear()
        self.refresh_tokens.clear()
        self.grants.wrong_audience = WRONG_AUDIENCE
        self.my_domain = None

    def password_user(self, username: str, password: str) -> str | None:
        """The user these belong to, the security token behind the password or left out; None when they do not fit."""
        login = self.logins.get(username.lower())
        if login is None or password not in (login.password, login.password + login.security_token):
            return None
        return login.user_id

    def login_of(self, user_id: str) -> Login | None:
        return next((login for login in self.logins.values() if login.user_id == user_id), None)

    def user_row(self, user_id: str) -> dict[str, Any] | None:
        """The stored row of a user; None for nobody's id."""
        sobject = self._storage.schema.sobject("User")
        assert sobject is not None
        row = self._storage.row(sobject, user_id)
        if row is not None:  # a name is computed, no column
            row["Name"] = " ".join(part for part in (row["FirstName"], row["LastName"]) if part)
        return row

    def is_active(self, user_id: str) -> bool:
        row = self.user_row(user_id)
        return row is not None and bool(row["IsActive"])

    def instance_url(self, request: Request) -> str:
        """Where data calls go."""
        at_login_host = request.headers.get("host", "").lower() in LOGIN_HOSTS
        return self.my_domain if self.my_domain and at_login_host else request.base_url

    def identity_url(self, request: Request, user_id: str) -> str:
        return f"{request.base_url}/id/{self.organization_id}/{user_id}"

    def answer(self, request: Request) -> Answer:
        """Serve `/services/oauth2/…` and `/id/…`."""
        form = dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
        asked = {**dict(request.query), **form}
        if request.path.startswith("/id/"):
            return self._identity.identity(request, asked)
        name = request.path.rstrip("/").rpartition("/")[2]
        try:
            return self._endpoint(name, request, asked)
        except OAuthRefused as refused:
            return refused.answer(request, asked)

    def _endpoint(self, name: str, request: Request, asked: Mapping[str, str]) -> Answer:
        if name == "authorize" and request.method in ("GET", "POST"):
            return self.consent.answer(request)
        if name == "userinfo":
            return self._identity.userinfo(request, asked)
        if name == "revoke" and request.method in ("GET", "POST"):
            return self._revoke(asked)
        if request.method == "POST" and name == "token":
            return self.grants.answer(request, asked)
        if request.method == "POST" and name == "introspect":
            return self._identity.introspect(request, asked)
        if name in ("token", "introspect"):
            raise OAuthRefused("invalid_request", "must use HTTP POST")
        raise not_found()

    def _revoke(self, asked: Mapping[str, str]) -> Answer:
        token = asked.get("token", "")
        if self.refresh_tokens.revoke(token):
            self.sessions.end_of_grant(token)
        elif self.sessions.end(token) is None:
            raise OAuthRefused("unsupported_token_type", "this token type is not supported")
        return jsonp(asked.get("callback", ""))

    def _store(self, tokens: Any) -> None:
        with self._storage.savepoint():
            self._storage.keep(_REFRESH_TOKENS, tokens)


def org_id_15(org_id: str) -> str:
    """The 15-character form used in SOAP server URLs."""
    full = full_id(org_id)
    assert full is not None
    return full[:15]
