"""The token endpoint: five grants, each with what it asks of the app and of the user.

Lives here: client credentials, JWT bearer, authorization code, refresh token and password ("OAuth Authorization Flows"
and "OAuth 2.0 Authorization Errors" in Salesforce Help), and the reply they share ("OAuth 2.0 Web Server Flow for Web
App Integration").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.web import Answer

from .apps import ConnectedApp, plain
from .assertion import LOGIN_HOSTS, check_assertion, read_assertion
from .replies import OAuthRefused, reply

if TYPE_CHECKING:
    from .door import Auth

WRONG_AUDIENCE = "Audience validation failed"
_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, kw_only=True)
class Granted:
    """Who gets a token, for which scopes. `grant` is the refresh token behind it, told only if it is new."""

    app: ConnectedApp
    user_id: str
    scopes: tuple[str, ...]
    grant: str = ""
    new_grant: bool = False


class Grants:
    """The grants of one org. `wrong_audience` is how a JWT for somebody else is refused: sources have two wordings."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self.wrong_audience = WRONG_AUDIENCE

    def answer(self, request: Request, form: Mapping[str, str]) -> Answer:
        """Grant a token. OAuthRefused with the vendor's error otherwise."""
        grant = _GRANTS.get(form.get("grant_type", ""))
        if grant is None:
            raise OAuthRefused("unsupported_grant_type", "grant type not supported")
        granted = grant(self, request, form)
        if not self._auth.is_active(granted.user_id):
            raise OAuthRefused("inactive_user", "user is inactive")
        if not granted.app.admits(granted.user_id):
            raise OAuthRefused("invalid_app_access", "user is not admin approved to access this app")
        if self._auth.sessions.too_many_logins(granted.user_id):
            raise OAuthRefused("rate_limit_exceeded", "login rate exceeded")
        return reply(request, form, self._token(request, granted))

    def client(self, request: Request, form: Mapping[str, str], *, secret: bool = True) -> ConnectedApp:
        """The app that asks. Not *secret*: it may leave its secret out, but not send a wrong one."""
        client_id, client_secret = _credentials(request, form)
        app = self._auth.apps.get(client_id)
        if app is None:
            raise OAuthRefused("invalid_client_id", "client identifier invalid")
        if (secret or client_secret) and not app.knows_secret(client_secret):
            raise OAuthRefused("invalid_client", "invalid client credentials")
        return app

    def client_credentials(self, request: Request, form: Mapping[str, str]) -> Granted:
        app = self.client(request, form)
        if request.headers.get("host", "").lower() in LOGIN_HOSTS:
            raise OAuthRefused("invalid_grant", "request not supported on this domain")
        if app.run_as is None:
            raise OAuthRefused("invalid_grant", "no client credentials user enabled")
        return Granted(app=app, user_id=app.run_as, scopes=_without_refresh(app.scopes))

    def password(self, request: Request, form: Mapping[str, str]) -> Granted:
        app = self.client(request, form)
        user_id = self._auth.password_user(form.get("username", ""), form.get("password", ""))
        if user_id is None or not app.password_flow:
            raise OAuthRefused("invalid_grant", "authentication failure")
        return Granted(app=app, user_id=user_id, scopes=_without_refresh(app.scopes))

    def jwt_bearer(self, request: Request, form: Mapping[str, str]) -> Granted:
        asserted = read_assertion(form.get("assertion", ""))
        app = self._auth.apps.get(str(asserted.claims.get("iss")))
        if app is None:
            raise OAuthRefused("invalid_client_id", "client identifier invalid")
        host = request.headers.get("host", "")
        username = check_assertion(asserted, app, host, self._auth.now(), self.wrong_audience)
        login = self._auth.logins.get(username.lower())
        if login is None:
            raise OAuthRefused("invalid_grant", "user hasn't approved this consumer")
        scopes: list[str] = list(app.scopes)
        if app.self_authorize:
            # "looks at all the previous approvals for the user that include a refresh_token"
            scopes = self._auth.refresh_tokens.approved_scopes(login.user_id, app.client_id)
            if not scopes:
                raise OAuthRefused("invalid_grant", "user hasn't approved this consumer")
        return Granted(app=app, user_id=login.user_id, scopes=_without_refresh(scopes))

    def authorization_code(self, request: Request, form: Mapping[str, str]) -> Granted:
        app = self._public_client(request, form, proven=bool(form.get("code_verifier")))
        verifier = form.get("code_verifier", "")
        code = self._auth.consent.redeem(form.get("code", ""), app, form.get("redirect_uri", ""), verifier)
        if "refresh_token" not in plain(code.scopes):
            return Granted(app=app, user_id=code.user_id, scopes=code.scopes)
        token = self._auth.refresh_tokens.issue(code.user_id, app, code.scopes, self._auth.now())
        return Granted(app=app, user_id=code.user_id, scopes=code.scopes, grant=token, new_grant=True)

    def refresh_token(self, request: Request, form: Mapping[str, str]) -> Granted:
        app = self._public_client(request, form, proven=False)
        token, known = form.get("refresh_token", ""), self._auth.refresh_tokens
        approval = known.use(token, app, self._auth.now())
        if approval is None:
            raise OAuthRefused("invalid_grant", "expired access/refresh token")
        asked = tuple(form.get("scope", "").split())
        if not set(plain(asked)) <= {*plain(approval.scopes), "id"}:
            raise OAuthRefused("invalid_scope", "the requested scope is not allowed")
        if app.rotate_refresh_tokens:
            token = known.rotate(token, app, self._auth.now())
        return Granted(
            app=app,
            user_id=approval.user_id,
            scopes=asked or tuple(approval.scopes),
            grant=token,
            new_grant=app.rotate_refresh_tokens,
        )

    def _public_client(self, request: Request, form: Mapping[str, str], *, proven: bool) -> ConnectedApp:
        """An app whose secret counts only if its policy, or nothing else, vouches for it."""
        app = self.client(request, form, secret=False)
        if app.secret_required and not proven and not _credentials(request, form)[1]:
            raise OAuthRefused("invalid_client", "invalid client credentials")
        return app

    def _token(self, request: Request, granted: Granted) -> dict[str, Any]:
        auth, app = self._auth, granted.app
        identity = auth.identity_url(request, granted.user_id)
        issued_at = str(int(auth.now().timestamp() * 1000))
        digest = hmac.new(app.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
        token = auth.sessions.open(
            granted.user_id,
            client_id=app.client_id,
            scopes=granted.scopes,
            grant=granted.grant,
            idle_seconds=app.session_seconds,
        )
        return {
            "access_token": token,
            **({"refresh_token": granted.grant} if granted.new_grant else {}),
            "signature": base64.b64encode(digest).decode(),
            "scope": " ".join(granted.scopes),
            "instance_url": auth.instance_url(request),
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }


_GRANTS = {
    "client_credentials": Grants.client_credentials,
    "password": Grants.password,
    _JWT: Grants.jwt_bearer,
    "authorization_code": Grants.authorization_code,
    "refresh_token": Grants.refresh_token,
}


def _credentials(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    """Client id and secret, by HTTP Basic or in the form."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return "", ""  # unreadable credentials are nobody's
        return client_id, secret
    return form.get("client_id", ""), form.get("client_secret", "")


def _without_refresh(scopes: list[str]) -> tuple[str, ...]:
    return tuple(scope for scope in plain(scopes) if scope != "refresh_token")
