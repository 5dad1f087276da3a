"""The control routes about logging in: apps, sessions, consent, refresh tokens.

Lives here: JSON in, JSON out, over `auth`. The routes are described in the sandbox's README.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.clock import seconds_of
from syncline_sandbox.core.control import ControlRoute, required_object

from .auth import ConnectedApp
from .auth.rsa_key import read_public_key
from .people import CLIENT_ID, USERNAME

if TYPE_CHECKING:
    from .org import SalesforceOrg


class LoginControl:
    """The routes over one org. LookupError, TypeError or ValueError for what makes no sense."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def routes(self) -> dict[str, ControlRoute]:
        return {
            "POST apps": self._app,
            "POST sessions": self._sessions,
            "POST consent": self._consent,
            "POST refresh_tokens": self._refresh_token,
            "POST logins": self._logins,
        }

    def _app(self, body: Any) -> Any:
        """Register an app, or replace the one of the same client id."""
        wanted, user_id = dict(required_object(body)), self._org.people.user_id
        if wanted.get("run_as"):
            wanted["run_as"] = user_id(wanted["run_as"])
        if wanted.get("approved_users") is not None:
            wanted["approved_users"] = [user_id(username) for username in wanted["approved_users"]]
        if wanted.get("certificate"):
            read_public_key(wanted["certificate"])
        app = ConnectedApp(**wanted)
        with self._org.storage.transaction():
            self._org.people.add_app(app)
        return {"client_id": app.client_id}

    def _sessions(self, body: Any) -> Any:
        wanted, sessions = required_object(body), self._org.auth.sessions
        if "idle_seconds" in wanted:
            sessions.idle_seconds = seconds_of(wanted["idle_seconds"])
        if "most_per_user" in wanted:
            most = wanted["most_per_user"]
            sessions.most_per_user = None if most is None else max(1, int(most))
        if "logins_an_hour" in wanted:
            sessions.logins_an_hour = int(wanted["logins_an_hour"])
        ended = sessions.end_all() if wanted.get("expire") else 0
        return {"ended": ended, "idle_seconds": sessions.idle_seconds, "most_per_user": sessions.most_per_user}

    def _consent(self, body: Any) -> Any:
        """Who is logged in already where an app asks for approval, and what he says; nobody without `username`."""
        wanted, consent = required_object(body), self._org.auth.consent
        username = wanted.get("username")
        consent.approver = self._org.people.user_id(username) if username else None
        consent.denies = bool(wanted.get("deny", False))
        return {"username": username, "deny": consent.denies}

    def _refresh_token(self, body: Any) -> Any:
        """A refresh token, as if the user had approved the app long ago."""
        wanted, auth = required_object(body), self._org.auth
        client_id = str(wanted.get("client_id", CLIENT_ID))
        if client_id not in auth.apps:
            raise LookupError(f"no app {client_id!r}; there are {sorted(auth.apps)}")
        app = auth.apps[client_id]
        scopes = app.granted(str(wanted.get("scope", "")))
        if scopes is None:
            raise ValueError(f"the app has the scopes {app.scopes}")
        user_id = self._org.people.user_id(str(wanted.get("username", USERNAME)))
        return {"refresh_token": auth.refresh_tokens.issue(user_id, app, scopes, auth.now())}

    def _logins(self, body: Any) -> Any:
        """What logins answer where sources disagree, or an address of the sandbox stands for another."""
        wanted, auth = required_object(body), self._org.auth
        if "my_domain" in wanted:
            auth.my_domain = str(wanted["my_domain"]).rstrip("/") if wanted["my_domain"] else None
        if "wrong_audience" in wanted:
            auth.grants.wrong_audience = str(wanted["wrong_audience"])
        return {"my_domain": auth.my_domain, "wrong_audience": auth.grants.wrong_audience}
