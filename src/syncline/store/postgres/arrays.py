"""Columns of a frame as arrays of the server, in its binary form: many rows in one statement, without a table between.

Lives here: the encoding. The driver's own goes cell by cell through its adapters, which takes several times as long.
Source: PostgreSQL, `array_recv`: dimensions, whether there are nulls, the elements' type, their count, the lower bound;
then each element with its length before it, -1 for null.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import polars as pl
import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = struct.Struct("!iiIii")
_NOTHING = struct.Struct("!iiI")
_LENGTH = struct.Struct("!i").pack
_NUMBER = struct.Struct("!iq").pack
_NULL = _LENGTH(-1)
_TRUE, _FALSE = _LENGTH(1) + b"\x01", _LENGTH(1) + b"\x00"


class Texts(bytes):
    """A ready array of texts; the others likewise."""


class Numbers(bytes): ...


class Truths(bytes): ...


class Blobs(bytes): ...


Array = Texts | Numbers | Truths | Blobs


class _Kind(NamedTuple):
    made: type[Array]
    element: int  # the types' numbers, the same on every server
    array: int
    encode: Callable[[Any], bytes]


def _sized(data: bytes) -> bytes:
    return _LENGTH(len(data)) + data


_KINDS: dict[type[pl.DataType], _Kind] = {
    pl.String: _Kind(Texts, 25, 1009, lambda cell: _sized(cell.encode())),
    pl.Int64: _Kind(Numbers, 20, 1016, lambda cell: _NUMBER(8, cell)),
    pl.Boolean: _Kind(Truths, 16, 1000, lambda cell: _TRUE if cell else _FALSE),
    pl.Binary: _Kind(Blobs, 17, 1001, _sized),
}


def array_of(column: pl.Series) -> Array:
    """The column as an array of the type the server has for it."""
    kind, count = _KINDS[type(column.dtype)], len(column)
    if not count:
        return kind.made(_NOTHING.pack(0, 0, kind.element))
    head = _HEAD.pack(1, int(column.has_nulls()), kind.element, count, 1)
    return kind.made(head + b"".join(_elements(column, kind.encode)))


def _elements(column: pl.Series, encode: Callable[[Any], bytes]) -> list[bytes]:
    if len(column) > 1 and column.n_unique() == 1:
        return [_NULL if column[0] is None else encode(column[0])] * len(column)
    if column.has_nulls():
        return [_NULL if cell is None else encode(cell) for cell in column.to_list()]
    return [encode(cell) for cell in column.to_list()]


def teach(connection: psycopg.Connection[Any]) -> None:
    """Let statements on the connection take arrays that were made here."""
    for kind in _KINDS.values():
        connection.adapters.register_dumper(kind.made, type("Ready", (_Ready,), {"oid": kind.array}))


class _Ready(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return bytes(obj)
