"""The authorize endpoint: a user logs in by a form and comes back to the app with a code.

Lives here: the form, the redirects, the codes and their fifteen minutes ("OAuth 2.0 Web Server Flow for Web App
Integration", "OAuth 2.0 Authorization Errors" in Salesforce Help). What a code is worth is in `grants.py`. For tests a
user can be set who is already logged in and approves at once.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.web import Answer

from .apps import ConnectedApp
from .replies import OAuthRefused

if TYPE_CHECKING:
    from .door import Auth

CODE_LIFE = timedelta(minutes=15)
_HTML = "text/html;charset=UTF-8"
_FORM = """<!DOCTYPE html><html><head><title>Login | Salesforce</title></head><body>
<form name="login" method="post" action="{action}" id="login_form">{error}
<label>Username <input type="email" name="username" id="username" value="{hint}"></label>
<label>Password <input type="password" name="pw" id="password"></label>
<input type="submit" name="Login" id="Login" value="Log In">
<input type="submit" name="deny" value="Deny">
</form></body></html>"""


@dataclass(frozen=True, kw_only=True)
class Code:
    """An authorization code: what was approved, and how it has to be redeemed."""

    user_id: str
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    given_at: datetime


class Consent:
    """The authorize endpoint of one org. `approver` is the user who approves at once, `denies` makes him refuse."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._codes: dict[str, Code] = {}
        self.approver: str | None = None
        self.denies = False

    def clear(self) -> None:
        self._codes.clear()
        self.approver, self.denies = None, False

    def answer(self, request: Request) -> Answer:
        """GET shows the form or redirects; POST of the form logs in and approves."""
        asked = dict(request.query)
        typed = dict(parse_qsl(request.body.decode(errors="replace"))) if request.method == "POST" else {}
        # An app may also post what others put into the query.
        asked = {**{name: value for name, value in typed.items() if name not in ("username", "pw", "deny")}, **asked}
        try:
            app, redirect_uri = self._addressee(asked)
        except OAuthRefused as refused:
            return _page(400, f"error={refused.error}&error_description={escape(refused.description)}")
        try:
            scopes = self._checked(app, asked)
            user_id = self._who(typed)
        except OAuthRefused as refused:
            return _redirect(redirect_uri, asked, error=refused.error, error_description=refused.description)
        if user_id is None:
            return self._form(request, asked, failed="username" in typed)
        if not app.admits(user_id):
            return _redirect(
                redirect_uri,
                asked,
                error="OAUTH_APP_ACCESS_DENIED",
                error_description="user is not admin approved to access this app",
            )
        return _redirect(redirect_uri, asked, code=self._give(user_id, app, asked, redirect_uri, scopes))

    def redeem(self, text: str, app: ConnectedApp, redirect_uri: str, verifier: str) -> Code:
        """What a code stands for, once. OAuthRefused when it is unknown, too old or not this app's."""
        code = self._codes.pop(text, None)
        if code is None or code.client_id != app.client_id:
            raise OAuthRefused("invalid_grant", "invalid authorization code")
        if self._auth.now() - code.given_at > CODE_LIFE:
            raise OAuthRefused("invalid_grant", "expired authorization code")
        if redirect_uri != code.redirect_uri:
            raise OAuthRefused("redirect_uri_mismatch", "redirect_uri must match configuration")
        if code.challenge and code.challenge != s256(verifier):
            raise OAuthRefused("invalid_grant", "invalid code verifier")
        return code

    def _addressee(self, asked: Mapping[str, str]) -> tuple[ConnectedApp, str]:
        """The app and the address to go back to: while these are in doubt nobody is sent anywhere."""
        app = self._auth.apps.get(asked.get("client_id", ""))
        if app is None:
            raise OAuthRefused("invalid_client_id", "client identifier invalid")
        redirect_uri = asked.get("redirect_uri") or next(iter(app.redirect_uris), "")
        if not urlsplit(redirect_uri).scheme or (app.redirect_uris and redirect_uri not in app.redirect_uris):
            raise OAuthRefused("redirect_uri_mismatch", "redirect_uri must match configuration")
        return app, redirect_uri

    def _checked(self, app: ConnectedApp, asked: Mapping[str, str]) -> tuple[str, ...]:
        if asked.get("response_type") != "code":
            raise OAuthRefused("unsupported_response_type", "response type is not supported")
        # Without a method S256 is meant: one client sends a challenge alone.
        if asked.get("code_challenge_method", "S256") != "S256":
            raise OAuthRefused("invalid_request", "invalid code challenge method")
        if app.pkce_required and not asked.get("code_challenge"):
            raise OAuthRefused("invalid_request", "missing required code challenge")
        scopes = app.granted(asked.get("scope", ""))
        if scopes is None:
            raise OAuthRefused("invalid_scope", "the requested scope is not allowed")
        return scopes

    def _who(self, typed: Mapping[str, str]) -> str | None:
        if "deny" in typed or (self.approver is not None and self.denies):
            raise OAuthRefused("access_denied", "end-user denied authorization")
        if self.approver is not None:
            return self.approver
        return self._auth.password_user(typed.get("username", ""), typed.get("pw", ""))

    def _give(
        self, user_id: str, app: ConnectedApp, asked: Mapping[str, str], redirect_uri: str, scopes: tuple[str, ...]
    ) -> str:
        text = f"aPrx{self._auth.sessions.opaque(256)}=="
        self._codes[text] = Code(
            user_id=user_id,
            client_id=app.client_id,
            redirect_uri=redirect_uri,
            scopes=scopes,
            challenge=asked.get("code_challenge", "").rstrip("="),
            given_at=self._auth.now(),
        )
        return text

    def _form(self, request: Request, asked: Mapping[str, str], *, failed: bool) -> Answer:
        action = f"{request.path}?{urlencode(dict(asked))}"
        error = '<div id="error">Please check your username and password.</div>' if failed else ""
        written = _FORM.format(action=escape(action), error=error, hint=escape(asked.get("login_hint", "")))
        return Answer(raw=written.encode(), content_type=_HTML)


def s256(verifier: str) -> str:
    """The code challenge of a verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _redirect(redirect_uri: str, asked: Mapping[str, str], **said: str) -> Answer:
    if "state" in asked:
        said["state"] = asked["state"]
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return Answer(status=302, headers=(("Location", f"{redirect_uri}{joint}{urlencode(said)}"),))


def _page(status: int, words: str) -> Answer:
    return Answer(status=status, raw=f"<html><body>{words}</body></html>".encode(), content_type=_HTML)
