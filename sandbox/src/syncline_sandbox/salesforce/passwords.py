"""Users' passwords over the API: set, reset, and whether one has expired.

Lives here: the resource ("sObject User Password" of the REST API Developer Guide) and what the SOAP calls `setPassword`
and `resetPassword` do. A reset password starts with the old one's security token, so a session of it works at once.
"""

from __future__ import annotations

from .auth import Auth
from .auth.apps import Login
from .caller import Caller
from .errors import OrgError, not_found
from .ids import full_id
from .people import People
from .web import Answer, Call, Route

_SHORTEST = 8


class PasswordResources:
    """`sobjects/User/{id}/password`."""

    def __init__(self, auth: Auth, people: People) -> None:
        self._auth = auth
        self._people = people

    def routes(self) -> list[Route]:
        return [
            Route("GET", "sobjects/User/{}/password", self._read),
            Route("POST", "sobjects/User/{}/password", self._set),
            Route("DELETE", "sobjects/User/{}/password", self._reset),
        ]

    def set(self, caller: Caller, user_id: str, password: str) -> None:
        """Give a user this password.

        Raises:
            OrgError: NOT_FOUND for nobody, INSUFFICIENT_ACCESS without the right, INVALID_NEW_PASSWORD for a short one
                or the one he has.
        """
        login = self._login(caller, user_id)
        if len(password) < _SHORTEST:
            text = f"Your password must be at least {_SHORTEST} characters long."
            raise OrgError("INVALID_NEW_PASSWORD", text)
        if password == login.password:
            raise OrgError("INVALID_NEW_PASSWORD", "invalid repeated password")
        self._change(login, password)

    def reset(self, caller: Caller, user_id: str) -> str:
        """Give a user a password of the org's making, and say it."""
        login = self._login(caller, user_id)
        self._change(login, self._auth.sessions.opaque(48))
        return login.password

    def _change(self, login: Login, password: str) -> None:
        login.password = password
        self._people.keep()

    def _read(self, call: Call) -> Answer:
        self._login(call.caller, call.parts[0])
        return Answer(body={"isExpired": False})

    def _set(self, call: Call) -> Answer:
        given = {name.lower(): value for name, value in call.json_object().items()}
        self.set(call.caller, call.parts[0], str(given.get("newpassword") or ""))
        return Answer(status=204)

    def _reset(self, call: Call) -> Answer:
        return Answer(body={"NewPassword": self.reset(call.caller, call.parts[0])})

    def _login(self, caller: Caller, user_id: str) -> Login:
        login = self._auth.login_of(full_id(user_id) or "")
        if login is None:
            raise not_found()
        # Everybody may change his own; another's takes "Manage Users", which here comes with the setup.
        if login.user_id != caller.user_id and "ViewSetup" not in caller.rights.permissions:
            raise OrgError("INSUFFICIENT_ACCESS", "insufficient access rights on object id")
        return login
