"""Adobe Marketo Engage: people ("leads") read, watched and written through its REST and bulk APIs.

`MarketoConnector` puts the parts together; what each does is in the module of its name, and README.md tells a person
how to set the connection up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from syncline.connectors.marketo.bulk import Extractor
from syncline.connectors.marketo.changes import ChangeReader
from syncline.connectors.marketo.check import check_connection
from syncline.connectors.marketo.client import MarketoApi
from syncline.connectors.marketo.describe import make_fields
from syncline.connectors.marketo.fates import with_own_merges
from syncline.connectors.marketo.manifest import CAPABILITIES, LEAD, MANIFEST, read_options
from syncline.connectors.marketo.merge import Merger
from syncline.connectors.marketo.moments import OwnTraces
from syncline.connectors.marketo.read import LeadReader, check_values, page_of
from syncline.connectors.marketo.write import LeadWriter
from syncline.errors import ConfigError
from syncline.ports import Capabilities, Clock, Lane, Ledger, Manifest, Random, Transport, Usage
from syncline.records import How, NewField, Operation, Page, Problem, Write, WriteAnswer
from syncline.schema import ObjectSchema
from syncline.values import micros

__all__ = ["MANIFEST", "MarketoConnector"]


class MarketoConnector:
    """One Marketo subscription, as `ports.Connector`. Its one object type is "lead".

    Raises:
        ConfigError: *settings* are unknown, missing or malformed; all of them are named.
    """

    manifest: Manifest = MANIFEST

    def __init__(self, settings: Mapping[str, str], transport: Transport, clock: Clock, random: Random) -> None:
        options = read_options(settings)
        self._api = MarketoApi(options, transport, clock, random)
        self._traces = OwnTraces(options.api_user)
        self._reader = LeadReader(self._api)
        self._changes = ChangeReader(self._api, self._reader, self._traces)
        self._extractor = Extractor(self._api, self._reader, self._changes)
        self._writer = LeadWriter(self._api, self._reader, self._traces, random)
        self._merger = Merger(self._api, self._reader, self._writer, self._traces)

    def capabilities(self, object_type: str) -> Capabilities:
        _only_leads(object_type)
        return CAPABILITIES

    async def check(self) -> tuple[str, list[Problem]]:
        return await check_connection(self._api, await self.own_actor())

    async def own_actor(self) -> str | None:
        """The setting `api_user`, else the API user's e-mail. Moments of ours carry it, whatever activities call us."""
        identity = await self._api.identity()
        if identity is not None:
            self._traces.aliases.add(identity)
        if self._traces.name is None:
            self._traces.name = identity
        return self._traces.name

    async def describe(self, object_type: str) -> ObjectSchema:
        _only_leads(object_type)
        return (await self._reader.describe()).schema

    async def read_all(self, object_type: str, fields: Sequence[str], *, lane: Lane = Lane.BULK) -> AsyncIterator[Page]:
        _only_leads(object_type)
        await self._api.learn_usage(lane=lane)
        cursor = await self._changes.position_now(lane=lane)
        async for page in self._extractor.read(fields, cursor, lane=lane):
            yield page

    async def read_changes(
        self, object_type: str, fields: Sequence[str], cursor: str, *, lane: Lane = Lane.LIVE
    ) -> AsyncIterator[Page]:
        _only_leads(object_type)
        await self.own_actor()
        await self._api.learn_usage(lane=lane)
        async for page in self._changes.read(fields, cursor, lane=lane):
            yield page

    async def read_by_ids(
        self, object_type: str, fields: Sequence[str], ids: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        """As the contract says; Marketo shows nothing of deleted people, so they are missing.

        Those we merged away ourselves are told with their heir.
        """
        _only_leads(object_type)
        page = page_of(await self._reader.by_ids(fields, ids, lane=lane), How.READ_BACK)
        return with_own_merges(page, self._traces.merges, micros(self._api.clock.now()))

    async def find(
        self,
        object_type: str,
        fields: Sequence[str],
        key_field: str,
        values: Sequence[str],
        *,
        lane: Lane = Lane.LIVE,
    ) -> Page:
        """As the contract says. Case does not matter, a blank value finds nobody, deleted people cannot be found.

        Raises ConfigError if Marketo cannot search by *key_field*, or for a value with a comma in it.
        """
        _only_leads(object_type)
        check_values(values, key_field, await self._reader.known(lane=lane))
        filled = [value for value in values if value]
        return page_of(await self._reader.by_values(fields, key_field, filled, lane=lane), How.READ_BACK)

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        if writes and writes[0].operation is Operation.MERGE:
            return await self._merger.write(writes, lane=lane)
        return await self._writer.write(writes, lane=lane)

    async def create_fields(self, wanted: Sequence[NewField]) -> list[Problem]:
        problems = await make_fields(self._api, wanted)
        self._reader.forget_custom()
        await self._reader.describe(lane=Lane.URGENT)
        return problems

    def usage(self) -> Usage:
        return self._api.http.budget.usage()

    def share_budget(self, ledger: Ledger, holder: str, *, alone: bool) -> None:
        self._api.http.budget.share(ledger, holder, alone=alone)

    async def aclose(self) -> None:
        await self._api.http.aclose()


def _only_leads(object_type: str) -> None:
    if object_type != LEAD:
        raise ConfigError(
            f"Marketo's connector has no object type {object_type!r}.", remedy=f"Use the object type {LEAD!r}."
        )
