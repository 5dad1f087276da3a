"""Sessions: opened by any login, kept alive by use, ended by idling, by logging out or by too many beside them.

Lives here: access tokens and whose they are ("Manage Session Policies for a Connected App" in Salesforce Help). All
times are the sandbox's.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request

SESSION_IDLE_SECONDS = 7200.0
LOGINS_AN_HOUR = 3_600
_HOUR = timedelta(hours=1)


@dataclass(kw_only=True)
class Session:
    """A live access token.

    `grant` is the refresh token it came with or by: revoking that ends it too. `idle_seconds` is its app's policy, None
    for the org's.
    """

    user_id: str
    opened_at: datetime
    used_at: datetime
    client_id: str = ""
    scopes: tuple[str, ...] = ()
    grant: str = ""
    idle_seconds: float | None = None


class Sessions:
    """Sessions of one org. `most_per_user`: the oldest of a user ends when there would be more; None for no bound."""

    def __init__(self, clock: SandboxClock, organization_id: str, seed: int) -> None:
        self._clock = clock
        self._prefix = organization_id[:15]
        self._random = random.Random(seed)
        self._sessions: dict[str, Session] = {}
        self._logins: dict[str, deque[datetime]] = {}
        self.start_over()

    def start_over(self) -> None:
        """End every session and go back to the policy of a fresh org."""
        self.end_all()
        self.idle_seconds = SESSION_IDLE_SECONDS
        self.most_per_user: int | None = None
        self.logins_an_hour = LOGINS_AN_HOUR

    def opaque(self, bits: int) -> str:
        """A random text for tokens and codes, the same for the same seed."""
        return f"{self._random.getrandbits(bits):0{bits // 4}x}"

    def too_many_logins(self, user_id: str) -> bool:
        """True when a user has logged in as often within an hour as one may."""
        return len(self._recent_logins(user_id)) >= self.logins_an_hour

    def _recent_logins(self, user_id: str) -> deque[datetime]:
        logins = self._logins.setdefault(user_id, deque())
        while logins and self._clock.now() - logins[0] >= _HOUR:
            logins.popleft()
        return logins

    def open(
        self,
        user_id: str,
        *,
        client_id: str = "",
        scopes: tuple[str, ...] = (),
        grant: str = "",
        idle_seconds: float | None = None,
    ) -> str:
        """A new token of this user."""
        token = f"{self._prefix}!AQ{self.opaque(320)}"
        now = self._clock.now()
        self._sessions[token] = Session(
            user_id=user_id,
            opened_at=now,
            used_at=now,
            client_id=client_id,
            scopes=scopes,
            grant=grant,
            idle_seconds=idle_seconds,
        )
        self._recent_logins(user_id).append(now)
        if self.most_per_user is not None:
            own = [known for known, session in self._sessions.items() if session.user_id == user_id]
            for surplus in own[: -self.most_per_user]:
                del self._sessions[surplus]
        return token

    def live(self, token: str) -> Session | None:
        """The session of a token; None when there is none, or it has idled for too long."""
        session = self._sessions.get(token)
        if session is None:
            return None
        allowed = timedelta(seconds=self.idle_seconds if session.idle_seconds is None else session.idle_seconds)
        return session if self._clock.now() - session.used_at <= allowed else None

    def used(self, token: str) -> Session | None:
        """The live session of a token, which this call keeps alive."""
        session = self.live(token)
        if session is not None:
            session.used_at = self._clock.now()
        return session

    def end(self, token: str) -> Session | None:
        """End one session and say which it was."""
        return self._sessions.pop(token, None)

    def end_of_grant(self, grant: str) -> None:
        """End every session a refresh token brought about."""
        for token in [token for token, session in self._sessions.items() if session.grant == grant]:
            del self._sessions[token]

    def end_all(self) -> int:
        """End every session; returns how many there were."""
        count = len(self._sessions)
        self._sessions.clear()
        self._logins.clear()
        return count


def bearer(request: Request) -> str:
    """The token a request carries: `Bearer` and `OAuth` are as good as each other."""
    return request.headers.get("authorization", "").partition(" ")[2].strip()
