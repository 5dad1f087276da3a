"""Refresh tokens: what a user's approval of an app leaves behind, over restarts.

Lives here: making, looking up, rotating and revoking them ("Manage OAuth Access Policies for a Connected App",
"Refresh Token Rotation" in Salesforce Help). The oldest of more than five of one user and app is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from .apps import ConnectedApp

MOST_PER_USER_AND_APP = 5
_PREFIX = "5Aep861"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What a refresh token stands for. `approved_at` is in seconds since 1970."""

    user_id: str
    client_id: str
    scopes: list[str]
    approved_at: float


class RefreshTokens:
    """The refresh tokens of one org; *store* keeps them over a restart."""

    def __init__(self, opaque: Callable[[int], str], store: Callable[[Any], None]) -> None:
        self._opaque = opaque
        self._store = store
        self._tokens: dict[str, Approval] = {}

    def load(self, kept: dict[str, Any]) -> None:
        """Take up what was stored."""
        self._tokens = {token: Approval(**approval) for token, approval in kept.items()}

    def clear(self) -> None:
        self._tokens.clear()

    def issue(self, user_id: str, app: ConnectedApp, scopes: tuple[str, ...], now: datetime) -> str:
        """A new token for a user's approval of an app."""
        token = _PREFIX + self._opaque(288)
        self._tokens[token] = Approval(
            user_id=user_id, client_id=app.client_id, scopes=list(scopes), approved_at=now.timestamp()
        )
        same = [known for known, approval in self._tokens.items() if _pair(approval) == (user_id, app.client_id)]
        for surplus in same[:-MOST_PER_USER_AND_APP]:
            del self._tokens[surplus]
        self._keep()
        return token

    def use(self, token: str, app: ConnectedApp, now: datetime) -> Approval | None:
        """The approval behind a token that still holds for this app; None otherwise."""
        approval = self._tokens.get(token)
        if approval is None or approval.client_id != app.client_id:
            return None
        life = app.refresh_token_seconds
        if life is not None and now.timestamp() - approval.approved_at > life:
            self.revoke(token)
            return None
        return approval

    def rotate(self, token: str, app: ConnectedApp, now: datetime) -> str:
        """A new token in place of *token*, which dies. KeyError when it is dead already."""
        approval = self._tokens.pop(token)
        return self.issue(approval.user_id, app, tuple(approval.scopes), now)

    def revoke(self, token: str) -> bool:
        """End a token; False when there was none."""
        known = self._tokens.pop(token, None)
        self._keep()
        return known is not None

    def approval(self, token: str) -> Approval | None:
        """What a token stands for, whoever's it is."""
        return self._tokens.get(token)

    def approved_scopes(self, user_id: str, client_id: str) -> list[str]:
        """The scopes of all a user's approvals of an app, empty without any."""
        approvals = [approval for approval in self._tokens.values() if _pair(approval) == (user_id, client_id)]
        return list(dict.fromkeys(scope for approval in approvals for scope in approval.scopes))

    def _keep(self) -> None:
        self._store({token: asdict(approval) for token, approval in self._tokens.items()})


def _pair(approval: Approval) -> tuple[str, str]:
    return approval.user_id, approval.client_id
