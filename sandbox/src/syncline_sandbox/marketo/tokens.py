"""Paging tokens: opaque upper-case base32 text with = padding, as Marketo "Paging Tokens" shows them.

A date token is a position in the activity log; a cursor is a position in one record query and good for that query only.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import NamedTuple

from syncline_sandbox.marketo.envelope import Refused


class LogPosition(NamedTuple):
    """Everything up to and including this (second, activity id) has been read."""

    at: int
    activity_id: int


def date_token(position: LogPosition) -> str:
    return _pack(f"D:{position.at}:{position.activity_id}")


def read_date_token(text: str) -> LogPosition:
    """Refused 1003 when it is none."""
    match _unpack(text):
        case ["D", int(at), int(activity_id)]:
            return LogPosition(at, activity_id)
    raise invalid_token(text)


def cursor(query: str, last_id: int) -> str:
    """A cursor after *last_id* of the query described by *query*."""
    return _pack(f"P:{_digest(query)}:{last_id}")


def read_cursor(text: str, query: str) -> int:
    """The last id delivered. Refused 1003 when the token is garbage or another query's."""
    match _unpack(text):
        case ["P", digest, int(last_id)] if digest == _digest(query):
            return last_id
    raise invalid_token(text)


def _digest(query: str) -> int:
    return zlib.crc32(query.encode())


def _pack(plain: str) -> str:
    return base64.b32encode(plain.encode()).decode()


def _unpack(text: str) -> list[str | int]:
    try:
        kind, *numbers = base64.b32decode(text).decode().split(":")
        return [kind, *map(int, numbers)]
    except (binascii.Error, ValueError) as garbage:
        raise invalid_token(text) from garbage


def invalid_token(text: str) -> Refused:
    """How an unknown token is told."""
    return Refused(1003, f'Invalid token value: ["{text}"]')
