"""The plan as bytes: a header, then a line for each link and action, compressed; its digest names exactly this content.

    {"format": "syncline sealed plan", "digest": …, "sync": …, "counts": …, …}
    {"do": "link", …}
    {"do": "update", "fields": [{"field": …, "before": …, "after": …, …}], "rests_on": […], …}

It is JSON lines in gzip: any machine reads it, and the same plan is the same bytes. Lives here: writing and reading it,
and noticing that it is not what it says. Not here: the disk (the faces), or what may be done with it (`approval`).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import IO, Any

import polars as pl

from syncline.engine.prints import Name
from syncline.engine.sealed.content import LINK_ENDS, Action, line, read_action, read_link, row_print
from syncline.errors import ConfigError, SafetyStop

FORMAT = "syncline sealed plan"
VERSION = 1

WARNING = "Holds personal data in the clear: keep it like the systems it speaks of, and remove it when it is done with."


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What applying takes: API calls by connection, for reading and for writing, and minutes; `how` says how these were
    reckoned, and what they leave out."""

    read: Mapping[str, int]
    write: Mapping[str, int]
    minutes: float
    how: str


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a plan says of itself. `counts` are actions by kind and side; `beyond_ceilings` what of them a ceiling would
    hold, `left_out` what a run would do besides and this plan does not, both in words."""

    digest: str
    sync: str
    sides: Mapping[str, str]  # what a person calls them: their connections
    spec: str
    installation: str
    sealed_us: int
    counts: Mapping[str, int]
    estimate: Estimate
    beyond_ceilings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    format: str = FORMAT
    version: int = VERSION
    personal_data: str = WARNING


@dataclass(kw_only=True)
class Plan:
    """A plan that was read and is what it says. `links` (LINK_ENDS), `actions` with how many rows each has, `rows`
    their prints, `prints` by record what they rest on."""

    header: Header
    links: pl.DataFrame
    actions: dict[Action, int] = field(default_factory=dict)
    rows: set[int] = field(default_factory=set)
    prints: dict[Name, str] = field(default_factory=dict)


class Body:
    """Lines while they are written: compressed, and hashed."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self._sink = io.BytesIO()
        self._packed = _packing(self._sink)

    def add(self, told: Mapping[str, Any]) -> None:
        text = line(told)
        self._hash.update(text)
        self._packed.write(text)

    def digest(self, header: Header) -> str:
        """The digest of the plan that *header* (its own digest left out) and these lines make."""
        return _digest(self._hash.copy(), asdict(header))

    def under(self, header: Header) -> bytes:
        """The whole plan."""
        self._packed.close()
        top = io.BytesIO()
        with _packing(top) as packed:
            packed.write(line(asdict(header)))
        return top.getvalue() + self._sink.getvalue()


def _packing(sink: IO[bytes]) -> gzip.GzipFile:
    return gzip.GzipFile(filename="", fileobj=sink, mode="wb", compresslevel=6, mtime=0)


def _digest(body: Any, header: Mapping[str, Any]) -> str:
    body.update(line({name: value for name, value in header.items() if name != "digest"}))
    return str(body.hexdigest())


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a plan's bytes. ConfigError SYN-157: these are not a plan's."""
    try:
        yield from gzip.GzipFile(fileobj=file)
    except (OSError, EOFError, ValueError) as error:
        raise _no_plan("it is not compressed as a plan is, or it ends in the middle") from error


def header_of(text: bytes) -> Header:
    """What the first line of a plan says. ConfigError SYN-157: it is not one, or one of a later release."""
    try:
        told = json.loads(text)
        if told["format"] != FORMAT or told["version"] != VERSION:
            raise _no_plan("its first line does not say that it is one this release can read")
        known = {**told, "estimate": Estimate(**told["estimate"])}
        return Header(**known | {name: tuple(told[name]) for name in ("beyond_ceilings", "left_out")})
    except (ValueError, KeyError, TypeError) as error:
        raise _no_plan("its first line is not a plan's") from error


def read_plan(lines: Iterable[bytes]) -> Plan:
    """Read a whole plan. ConfigError SYN-157: it is none. SafetyStop SYN-621: it is not the plan its digest names."""
    rest = iter(lines)
    first = next(rest, b"")
    plan = Plan(header=header_of(first), links=pl.DataFrame(schema=LINK_ENDS))
    body = hashlib.blake2b(digest_size=16)
    links: list[tuple[str, str, str, str]] = []
    for text in rest:
        body.update(text)
        try:
            _take(plan, json.loads(text), links)
        except (ValueError, KeyError, TypeError) as error:
            raise _no_plan("one of its lines is not a plan's") from error
    if _digest(body, json.loads(first)) != plan.header.digest:
        raise SafetyStop(
            "The plan was changed after it was sealed: its content is not what its digest names.", code="SYN-621"
        )
    plan.links = pl.DataFrame(links, schema=LINK_ENDS, orient="row")
    return plan


def _take(plan: Plan, told: Mapping[str, Any], links: list[tuple[str, str, str, str]]) -> None:
    plan.prints |= {(side, object_type, record_id): text for side, object_type, record_id, text in told["rests_on"]}
    if told["do"] == "link":
        links.append(read_link(told))
        return
    action, rows = read_action(told)
    plan.actions[action] = len(rows)
    plan.rows.update(row_print(action, row) for row in rows)


def _no_plan(why: str) -> ConfigError:
    return ConfigError(f"This is no sealed plan: {why}.", code="SYN-157")
