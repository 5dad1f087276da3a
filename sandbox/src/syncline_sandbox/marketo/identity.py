"""Custom services, API users and their tokens.

Source: Marketo "Authentication" (same token re-served with the remaining `expires_in`; 601, 602, 603), "Custom
Services" (permissions), "Error Codes" (401 on identity); RFC 6749, 5.2 (400 for another grant); the error words are
those clients test for.
"""

from __future__ import annotations

import base64
import binascii
import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Response
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.settings import Settings

_READ_AND_WRITE = (
    "Activity",
    "Activity Metadata",
    "Assets",
    "Campaign",
    "Company",
    "Custom Object",
    "Custom Object Type",
    "Lead",
    "Named Account",
    "Named Account List",
    "Opportunity",
    "Sales Person",
)
PERMISSIONS = frozenset(
    (
        *(f"{right} {what}" for what in _READ_AND_WRITE for right in ("Read-Only", "Read-Write")),
        "Approve Assets",
        "Execute Campaign",
        "Read-Write Schema Standard Field",
        "Read-Write Schema Custom Field",
    )
)
DEFAULT_CLIENT_ID = "sandbox-client"
DEFAULT_CLIENT_SECRET = "sandbox-secret"
DEFAULT_USER = "sandbox-api@example.com"


@dataclass
class Service:
    """A custom service: one client id, its secret, the API-only user it acts as and what that user's role allows."""

    client_id: str
    secret: str
    user: str
    permissions: frozenset[str] = PERMISSIONS

    def may(self, permission: str) -> bool:
        """Read-Write opens what Read-Only opens; "" needs no permission, "A|B" either."""
        if not permission:
            return True
        enough = {name for one in permission.split("|") for name in (one, one.replace("Read-Only", "Read-Write"))}
        return not enough.isdisjoint(self.permissions)


@dataclass
class _Token:
    text: str
    client_id: str
    expires_at: float
    answered_602: bool = False


@dataclass
class Identity:
    """Issues tokens and tells whose a token is. Tokens live in memory: a restarted instance knows none."""

    clock: SandboxClock
    settings: Settings
    randomness: random.Random
    services: dict[str, Service] = field(default_factory=dict)
    _tokens: dict[str, _Token] = field(default_factory=dict)  # by text
    _current: dict[str, str] = field(default_factory=dict)  # client id → newest token

    def __post_init__(self) -> None:
        self.put(Service(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_USER))

    def put(self, service: Service) -> None:
        self.services[service.client_id] = service

    def reset(self) -> None:
        """Forget tokens and services but the default one."""
        for members in (self.services, self._tokens, self._current):
            members.clear()
        self.__post_init__()

    def answer(self, parameters: dict[str, list[str]], authorization: str) -> Response:
        """The identity endpoint: parameters of query and form together, and the Authorization header."""
        grant = (parameters.get("grant_type") or [""])[0]
        if not grant:
            return _denied("invalid_request", "Missing grant type", 400)
        if grant != "client_credentials":
            return _denied("unsupported_grant_type", f"Unsupported grant type: {grant}", 400)
        client_id, secret = _credentials(parameters, authorization)
        service = self.services.get(client_id)
        if service is None:
            return _denied("invalid_client", f"No client with requested id: {client_id}")
        if service.secret != secret:
            return _denied("invalid_client", "Bad client credentials")
        token = self._token_of(client_id)
        body = {
            "access_token": token.text,
            "token_type": "bearer",
            "expires_in": int(token.expires_at - self.clock.now().timestamp()),
            "scope": service.user,
        }
        return _answer(200, body)

    def _token_of(self, client_id: str) -> _Token:
        now = self.clock.now().timestamp()
        current = self._tokens.get(self._current.get(client_id, ""))
        if current is not None and current.expires_at > now:
            return current
        text = f"{uuid.UUID(int=self.randomness.getrandbits(128), version=4)}:sb"
        # Recorded: expires_in starts one below the life time.
        token = _Token(text, client_id, now + self.settings.token_life_seconds - 1)
        self._tokens[text] = token
        self._current[client_id] = text
        return token

    def service_of(self, text: str) -> Service:
        """Whose call this is. Refused 603 without a token, 602 once after expiry, 601 otherwise."""
        if not text:
            raise Refused(603, "Access denied")
        token = self._tokens.get(text)
        if token is None or token.answered_602 or token.client_id not in self.services:
            raise Refused(601, "Access token invalid")
        if token.expires_at <= self.clock.now().timestamp():
            token.answered_602 = True
            raise Refused(602, "Access token expired")
        return self.services[token.client_id]

    def refuse_stranger(self, forwarded_for: str) -> None:
        """Refused 603 for a caller outside the API's allow-list. Without X-Forwarded-For the caller is this machine."""
        if not (allowed := networks(self.settings.allowed_addresses)):
            return
        address = _address(forwarded_for.partition(",")[0].strip() or "127.0.0.1")
        if address is None or not any(address in network for network in allowed):
            raise Refused(603, "Access denied")

    def expire(self, text: str) -> None:
        """End a token's life now; unknown tokens are left alone."""
        if text in self._tokens:
            self._tokens[text].expires_at = 0.0

    def expire_all(self) -> None:
        for token in self._tokens.values():
            token.expires_at = 0.0


def networks(text: str) -> list[IPv4Network | IPv6Network]:
    """An allow-list: addresses and networks between commas. ValueError for anything else."""
    return [ip_network(item.strip(), strict=False) for item in text.split(",") if item.strip()]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def permissions(names: Iterable[str]) -> frozenset[str]:
    """The named permissions. ValueError naming the unknown ones."""
    wanted = frozenset(names)
    if unknown := wanted - PERMISSIONS:
        raise ValueError(f"unknown permissions {sorted(unknown)}; known: {sorted(PERMISSIONS)}")
    return wanted


def _credentials(parameters: dict[str, list[str]], authorization: str) -> tuple[str, str]:
    def first(name: str) -> str:
        return (parameters.get(name) or [""])[0]

    kind, _, coded = authorization.partition(" ")
    if kind.lower() == "basic" and not first("client_id"):
        try:
            client_id, _, secret = base64.b64decode(coded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return client_id, secret
    return first("client_id"), first("client_secret")


def _denied(error: str, description: str, status: int = 401) -> Response:
    return _answer(status, {"error": error, "error_description": description})


def _answer(status: int, body: object) -> Response:
    headers = (
        ("Content-Type", "application/json;charset=UTF-8"),
        ("Cache-Control", "no-store"),
        ("Pragma", "no-cache"),
    )
    return Response(status=status, headers=headers, body=orjson.dumps(body))
