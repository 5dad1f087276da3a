"""Reading people as they are now: by id and by a search key, 300 values a call.

Source: the vendor's page "Leads" (Get Leads by Filter Type). Not here: what changed (changes.py), everything (bulk.py).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from syncline.connectors.marketo.client import MarketoApi, parts
from syncline.connectors.marketo.describe import LeadFields, custom_fields, describe_leads
from syncline.connectors.marketo.errors import Declined
from syncline.connectors.marketo.manifest import LEAD, ROWS_PER_CALL
from syncline.connectors.marketo.rows import ALWAYS_READ, Person, no_rows, people_frame
from syncline.errors import ConfigError
from syncline.ports import Lane
from syncline.records import ID, How, Page, Unreadable
from syncline.values import micros

# How many calls of one read are under way together; the budget bounds the connection as a whole.
_TOGETHER = 4
_FIELD_GONE = "1006"
_INVALID = "1003"
_NAMED = re.compile(r"'([^']+)'")


@dataclass
class Found:
    """People read by one request of the engine: rows of `fields`. `missing` is filled for reads by id."""

    fields: tuple[str, ...]
    rows: pl.DataFrame
    hidden: frozenset[str] = frozenset()
    unreadable: list[Unreadable] = field(default_factory=list)
    missing: tuple[str, ...] = ()

    def ids(self) -> set[str]:
        """Every id that came, readable or not."""
        return {*self.rows[ID].to_list(), *(row.record_id for row in self.unreadable if row.record_id)}


class LeadReader:
    """Reads people through one connection and keeps its newest describe."""

    def __init__(self, api: MarketoApi) -> None:
        self._api = api
        self._known: LeadFields | None = None
        self._custom: frozenset[str] | None = None
        self._custom_asked = False
        self._refused: set[str] = set()  # described, yet refused when asked for

    async def describe(self, *, lane: Lane = Lane.LIVE) -> LeadFields:
        """Describe anew; a field that was refused before gets another chance."""
        if not self._custom_asked:
            self._custom = await custom_fields(self._api, lane=lane)
            self._custom_asked = True
        self._known = await describe_leads(self._api, lane=lane, custom=self._custom)
        self._refused.clear()
        return self._known

    def forget_custom(self) -> None:
        """Ask again which fields are custom at the next describe."""
        self._custom_asked = False

    async def known(self, *, lane: Lane = Lane.LIVE) -> LeadFields:
        """The newest describe; asked for if there is none."""
        return self._known or await self.describe(lane=lane)

    async def split(self, fields: Sequence[str], *, lane: Lane) -> tuple[tuple[str, ...], frozenset[str]]:
        """*fields* as those that can be asked for, and the hidden ones."""
        readable, hidden = (await self.known(lane=lane)).split(fields)
        return tuple(name for name in readable if name not in self._refused), hidden | self._refused.intersection(
            fields
        )

    def refuse(self, declined: Declined, asked: Sequence[str]) -> None:
        """Leave out the field a refusal names from now on. Raises it again if it names none of *asked*."""
        named = set(_NAMED.findall(declined.text)).intersection(asked)
        if not named:
            raise declined
        self._refused |= named

    async def by_ids(self, fields: Sequence[str], ids: Sequence[str], *, lane: Lane) -> Found:
        """Exactly these people; those not found are in `missing`."""
        wanted = list(dict.fromkeys(ids))
        # What is no number is nobody's id, and the vendor would refuse the whole call for it.
        found = await self.by_values(fields, "id", [text for text in wanted if text.isdigit()], lane=lane)
        came = found.ids()
        found.missing = tuple(record_id for record_id in wanted if record_id not in came)
        return found

    async def by_values(self, fields: Sequence[str], key: str, values: Sequence[str], *, lane: Lane) -> Found:
        """People whose *key* holds one of *values*. A refused field is dropped and the rest read again."""
        while True:
            readable, hidden = await self.split(fields, lane=lane)
            try:
                rows, unreadable = await self._read(readable, key, list(dict.fromkeys(values)), lane)
            except Declined as declined:
                if declined.vendor_code != _FIELD_GONE:
                    raise
                self.refuse(declined, readable)
                continue
            return Found(readable, rows, hidden, unreadable)

    async def _read(
        self, fields: Sequence[str], key: str, values: Sequence[str], lane: Lane
    ) -> tuple[pl.DataFrame, list[Unreadable]]:
        frames = [no_rows(fields)]
        unreadable: list[Unreadable] = []
        calls = parts(values, ROWS_PER_CALL)
        for start in range(0, len(calls), _TOGETHER):
            answers = await asyncio.gather(
                *(self._call(fields, key, part, lane) for part in calls[start : start + _TOGETHER]),
                return_exceptions=True,  # so that none is left running when another fails
            )
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer
                frames.append(answer[0])
                unreadable += answer[1]
        # One person can hold two of the values only by chance of a change between two calls: the later read stays.
        return pl.concat(frames).unique(ID, keep="last", maintain_order=True), unreadable

    async def _call(
        self, fields: Sequence[str], key: str, values: Sequence[str], lane: Lane
    ) -> tuple[pl.DataFrame, list[Unreadable]]:
        known = await self.known(lane=lane)
        as_of_us = micros(self._api.clock.now())
        try:
            people = await self._people(fields, key, values, lane)
        except Declined as declined:
            # More than 1,000 people match: the vendor refuses the call as a whole.
            if declined.vendor_code != _INVALID or "too many" not in declined.text.lower() or len(values) < 2:
                raise
            half = len(values) // 2
            first = await self._call(fields, key, values[:half], lane)
            second = await self._call(fields, key, values[half:], lane)
            return pl.concat([first[0], second[0]]), first[1] + second[1]
        return people_frame(people, fields, known, as_of_us)

    async def _people(self, fields: Sequence[str], key: str, values: Sequence[str], lane: Lane) -> list[Person]:
        people: list[Person] = []
        query: dict[str, str | int] = {
            "filterType": key,
            "filterValues": ",".join(values),
            "fields": ",".join(dict.fromkeys((*ALWAYS_READ, *fields))),
            "batchSize": ROWS_PER_CALL,
        }
        while True:
            page = await self._api.get("/rest/v1/leads.json", query, lane=lane)
            people += page.result
            if not page.nextPageToken:
                return people
            query["nextPageToken"] = page.nextPageToken


def page_of(found: Found, how: How) -> Page:
    """The page of a read that was asked for."""
    return Page(
        object_type=LEAD,
        rows=found.rows,
        fields=found.fields,
        how=how,
        hidden=found.hidden,
        missing=found.missing,
        unreadable=tuple(found.unreadable),
    )


def check_values(values: Sequence[str], key: str, known: LeadFields) -> None:
    """ConfigError if *key* cannot be searched by, or a value cannot be expressed: values are joined by commas."""
    if key not in known.lookups:
        raise ConfigError(
            f"Marketo cannot search people by {key}.",
            remedy="Use e-mail, id or a custom field of type string, email or integer as key.",
        )
    if spoilt := [value for value in values if "," in value]:
        raise ConfigError(
            f"Marketo cannot search {key} for {spoilt[0]!r}: its query separates values by commas.",
            remedy="Use a key without commas.",
        )
