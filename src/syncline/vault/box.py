"""One secret sealed and opened: AES-256-GCM, bound to its connection, setting and key.

The binding is the associated data: a row that was moved to another connection or setting does not open. Facts:
cryptography, "Authenticated encryption" (`AESGCM`: a nonce of 96 bits, never twice with one key; a fresh random one
each time is safe for 2^32 messages).
"""

from __future__ import annotations

import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from syncline.vault.keys import Key

_VERSION = b"\x01"
_NONCE_BYTES = 12


class NotOpened(Exception):
    """The row is not what was sealed with this key for this connection and setting."""


def seal(key: Key, connection: str, setting: str, secret: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    bound = _bound(key, connection, setting)
    return _VERSION + nonce + AESGCM(key.material).encrypt(nonce, secret.encode(), bound)


def unseal(key: Key, connection: str, setting: str, sealed: bytes) -> str:
    """What was sealed. Raises NotOpened."""
    version, nonce, rest = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    if version != _VERSION or len(nonce) != _NONCE_BYTES:
        raise NotOpened
    try:
        return AESGCM(key.material).decrypt(nonce, rest, _bound(key, connection, setting)).decode()
    except InvalidTag:
        raise NotOpened from None


def _bound(key: Key, connection: str, setting: str) -> bytes:
    return json.dumps(["syncline secret", key.id, connection, setting]).encode()
