"""The assertion of the JWT bearer flow: is it signed by the app, meant for us, fresh, and for whom.

Lives here: the rules of "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration" and the descriptions it refuses
with ("OAuth 2.0 Authorization Errors"). Whether the user may use the app is the grant's affair.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from .apps import ConnectedApp
from .replies import OAuthRefused
from .rsa_key import is_signed

LOGIN_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})
# "The expiration ... must be within 3 minutes"; clients send up to five, and clocks differ.
_LONGEST_LIFE = timedelta(minutes=5)
_SKEW = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """An assertion taken apart, not yet checked."""

    signed: bytes
    signature: bytes
    algorithm: str
    claims: Mapping[str, Any]


def read_assertion(text: str) -> Assertion:
    """The parts of a JWT. OAuthRefused when it is none."""
    parts = text.strip().split(".")
    try:
        header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        head, said = orjson.loads(header), orjson.loads(claims)
    except (binascii.Error, ValueError) as broken:
        raise _invalid() from broken
    if not isinstance(head, dict) or not isinstance(said, dict):
        raise _invalid()
    signed = f"{parts[0]}.{parts[1]}".encode()
    return Assertion(signed=signed, signature=signature, algorithm=str(head.get("alg")), claims=said)


def check_assertion(asserted: Assertion, app: ConnectedApp, host: str, now: datetime, wrong_audience: str) -> str:
    """The user name an app asserts. *host* is where it was sent. OAuthRefused when it does not hold."""
    if app.certificate is None or asserted.algorithm != "RS256":
        raise _invalid()
    if not is_signed(app.certificate, asserted.signed, asserted.signature):
        raise _invalid()
    if not _meant_for(asserted.claims.get("aud"), host):
        raise OAuthRefused("invalid_grant", wrong_audience)
    if not _fresh(asserted.claims.get("exp"), now):
        raise _invalid()
    # `prn` is the older name of `sub`.
    username = asserted.claims.get("sub") or asserted.claims.get("prn")
    if not isinstance(username, str):
        raise _invalid()
    return username


def _meant_for(audience: Any, host: str) -> bool:
    named = audience if isinstance(audience, list) else [audience]
    hosts = {urlsplit(name).netloc.lower() for name in named if isinstance(name, str)}
    return bool(hosts & {*LOGIN_HOSTS, host.lower()})


def _fresh(expires: Any, now: datetime) -> bool:
    """True for a time ahead, though not far: seconds since 1970, as a number or, as one client writes it, a text."""
    try:
        left = float(expires) - now.timestamp()
    except (TypeError, ValueError):
        return False
    return -_SKEW.total_seconds() < left <= (_LONGEST_LIFE + _SKEW).total_seconds()


def _invalid() -> OAuthRefused:
    return OAuthRefused("invalid_grant", "invalid assertion")
