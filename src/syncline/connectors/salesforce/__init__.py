"""Salesforce leads, contacts and their parents, through REST, Composite, Bulk API 2.0 and the Pub/Sub API.

This module puts the abilities together; each lives in its own file. What the vendor does is told in README.md.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import replace

from syncline.connectors.salesforce.bulk import BulkIngest, BulkQuery
from syncline.connectors.salesforce.bulk_write import BULK_FROM_WRITES, BulkWriter
from syncline.connectors.salesforce.check import User, connected_user, problems, sentence, stream_problems
from syncline.connectors.salesforce.client import SalesforceClient
from syncline.connectors.salesforce.cursor import LATE_COMMIT_SECONDS, Cursor
from syncline.connectors.salesforce.describe import Describer
from syncline.connectors.salesforce.fates import CONVERSIONS
from syncline.connectors.salesforce.fields import create_field
from syncline.connectors.salesforce.manifest import MANIFEST
from syncline.connectors.salesforce.read import Reader
from syncline.connectors.salesforce.soap_write import BY_SOAP, LOSERS_PER_MERGE, SoapWriter
from syncline.connectors.salesforce.stream import Streams
from syncline.connectors.salesforce.write import Writer
from syncline.ports import Capabilities, Clock, Lane, Ledger, Manifest, Random, Stamp, Transport, Usage
from syncline.records import EventBatch, NewField, Operation, Page, Problem, Write, WriteAnswer
from syncline.schema import ObjectSchema

VISIBILITY_LAG_SECONDS = 10.0

_FIELD_WRITES = frozenset({Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.UNDELETE})
# What is written of each object type; any other is only looked up.
_OPERATIONS = {
    "Lead": _FIELD_WRITES | {Operation.MERGE, Operation.CONVERT},
    "Contact": _FIELD_WRITES | {Operation.MERGE},
    "Account": _FIELD_WRITES | {Operation.MERGE},
    "Task": _FIELD_WRITES,
}


class SalesforceConnector:
    """One connected org. Implements `ports.Connector` and `ports.Streams`; settings as the manifest lists them.

    Raises:
        ConfigError: a required setting is missing.
    """

    manifest: Manifest = MANIFEST

    def __init__(self, settings: Mapping[str, str], transport: Transport, clock: Clock, random: Random) -> None:
        self._client = SalesforceClient(settings, transport, clock, random)
        self._describer = Describer(self._client, clock)
        self._reader = Reader(self._client, self._describer, BulkQuery(self._client, clock), clock)
        self._writer = Writer(self._client)
        self._soap_writer = SoapWriter(self._client)
        self._bulk_writer = BulkWriter(BulkIngest(self._client, clock))
        self._streams = Streams(settings, self._client, self._describer, clock, self.own_actor)
        self._user: User | None = None

    def capabilities(self, object_type: str) -> Capabilities:
        """Unique keys are known once the object has been described, and none before."""
        schema = self._describer.known(object_type)
        unique = frozenset(field.name for field in schema.fields.values() if field.is_unique) if schema else frozenset()
        return Capabilities(
            stamp=Stamp.RECORD,
            has_actor=True,
            has_transaction_id=False,
            has_field_history=False,
            has_compare_and_set=True,
            unique_keys=unique,
            visibility_lag_seconds=VISIBILITY_LAG_SECONDS,
            late_commit_seconds=LATE_COMMIT_SECONDS,
            operations=_OPERATIONS.get(object_type, frozenset()),
            converts_into=CONVERSIONS[object_type].into if object_type in CONVERSIONS else None,
            born_of={source: one.heir for source, one in CONVERSIONS.items() if one.into == object_type},
            losers_per_merge=LOSERS_PER_MERGE,
            read_ids_per_call=1_000,
            write_rows_per_call=400,
            write_rows_per_batch=50_000,  # one bulk job; below 2,000 rows it is collections anyway
            is_streamed=self._streams.endpoint is not None,
        )

    async def check(self) -> tuple[str, list[Problem]]:
        user = await self._connected_user()
        found = await problems(self._client, self._describer, user) + await stream_problems(self._streams)
        return sentence(user, found), found

    async def own_actor(self) -> str | None:
        """The connected user's id, as LastModifiedById shows it."""
        return (await self._connected_user()).id

    async def describe(self, object_type: str) -> ObjectSchema:
        return await self._describer.schema(object_type, Lane.LIVE, again=True)

    def read_all(self, object_type: str, fields: Sequence[str], *, lane: Lane = Lane.BULK) -> AsyncIterator[Page]:
        return self._reader.all(object_type, fields, lane)

    def read_changes(
        self, object_type: str, fields: Sequence[str], cursor: str, *, lane: Lane = Lane.LIVE
    ) -> AsyncIterator[Page]:
        return self._reader.changes(object_type, fields, Cursor.of_text(cursor), lane)

    async def read_by_ids(
        self, object_type: str, fields: Sequence[str], ids: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        return await self._reader.by_ids(object_type, fields, ids, lane)

    async def find(
        self,
        object_type: str,
        fields: Sequence[str],
        key_field: str,
        values: Sequence[str],
        *,
        lane: Lane = Lane.LIVE,
    ) -> Page:
        return await self._reader.find(object_type, fields, key_field, values, lane)

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        if not writes:
            return WriteAnswer(outcomes=())
        if writes[0].operation in BY_SOAP:
            return await self._soap_writer.write(writes, lane)
        if len(writes) >= BULK_FROM_WRITES:
            return await self._bulk_writer.write(writes, lane)
        schema = await self._describer.schema(writes[0].object_type, lane)
        return await self._writer.write(writes, schema, lane)

    async def create_fields(self, wanted: Sequence[NewField]) -> list[Problem]:
        found: list[Problem] = []
        for one in wanted:
            found += await create_field(self._client, self._describer, one)
        return found

    def usage(self) -> Usage:
        spent = self._streams.allotment
        return replace(
            self._client.budget.usage(), events_taken=spent.taken, events_used=spent.used, events_limit=spent.limit
        )

    def share_budget(self, ledger: Ledger, holder: str, *, alone: bool) -> None:
        self._client.budget.share(ledger, holder, alone=alone)

    def channels(self, object_types: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        return self._streams.channels(object_types)

    def subscribe(
        self, channel: str, fields: Mapping[str, Sequence[str]], position: str | None
    ) -> AsyncGenerator[EventBatch, None]:
        return self._streams.subscribe(channel, fields, position)

    async def aclose(self) -> None:
        await self._streams.aclose()
        await self._client.aclose()

    async def _connected_user(self) -> User:
        if self._user is None:
            self._user = await connected_user(self._client)
        return self._user
