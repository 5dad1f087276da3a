"""Who may log in: users with their passwords, connected apps with their policies.

Lives here: the values as they are stored, and what an app's policy says about a user ("Manage OAuth Access Policies
for a Connected App" in Salesforce Help). What is granted under them is in `grants.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

DEFAULT_SCOPES = ("api", "id", "refresh_token", "web")
# `offline_access` is another word for `refresh_token` ("OAuth Tokens and Scopes").
_SYNONYMS = {"offline_access": "refresh_token"}


@dataclass(kw_only=True)
class Login:
    """What a user logs in with."""

    user_id: str
    username: str
    password: str
    security_token: str = ""


@dataclass(kw_only=True)
class ConnectedApp:
    """An app that may ask for tokens.

    `run_as` is the user of its client-credentials flow, None for no such user. `certificate` is what a JWT is checked
    against, as PEM. With `self_authorize` each user has to approve the app before a JWT is accepted; otherwise an
    administrator has, for the `approved_users` (ids) or, when that is None, for all. No `redirect_uris` means any.
    `session_seconds` is how long its sessions may idle, None for the org's own rule.
    """

    client_id: str
    client_secret: str
    run_as: str | None = None
    name: str = "Sandbox App"
    certificate: str | None = None
    redirect_uris: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=lambda: list(DEFAULT_SCOPES))
    self_authorize: bool = False
    approved_users: list[str] | None = None
    secret_required: bool = True
    pkce_required: bool = False
    password_flow: bool = True
    rotate_refresh_tokens: bool = False
    refresh_token_seconds: float | None = None
    session_seconds: float | None = None

    def admits(self, user_id: str) -> bool:
        """False when an administrator has to approve users and has not approved this one."""
        return self.self_authorize or self.approved_users is None or user_id in self.approved_users

    def knows_secret(self, secret: str) -> bool:
        return secrets.compare_digest(self.client_secret.encode(), secret.encode())

    def granted(self, asked: str) -> tuple[str, ...] | None:
        """The scopes granted to who asks for these, all of the app's for none; None when one is not the app's."""
        wanted = asked.split()
        if not wanted:
            return tuple(self.scopes)
        allowed = {*plain(self.scopes), "id"}
        return tuple(wanted) if "full" in allowed or set(plain(wanted)) <= allowed else None


def plain(scopes: Iterable[str]) -> list[str]:
    """The scopes with one word for each."""
    return [_SYNONYMS.get(scope, scope) for scope in scopes]
