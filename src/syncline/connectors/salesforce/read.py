"""Reading: everything, what changed, by ids, by key. Extracts of large objects are made in `bulk`.

Facts: Salesforce, REST API Developer Guide, "Query" and "QueryAll", and SOAP API Developer Guide, "System Fields"
(SystemModstamp moves with every change, resolution one second; formulas and parents move nothing). What became of a
record is read off the row (`fates`), a row that is gone for good off the log of deletions (`deletions`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import timedelta

import polars as pl

from syncline.connectors.salesforce import soql
from syncline.connectors.salesforce.bulk import BulkQuery
from syncline.connectors.salesforce.cells import (
    full_id,
    is_id,
    table_columns,
)
from syncline.connectors.salesforce.client import URL_BYTES, SalesforceClient
from syncline.connectors.salesforce.cursor import OVERLAP_SECONDS, Cursor, digests
from syncline.connectors.salesforce.deletions import deletions_since
from syncline.connectors.salesforce.describe import Describer, moving_parents
from syncline.connectors.salesforce.errors import FieldRefused
from syncline.connectors.salesforce.selection import Selection
from syncline.errors import AccessError, NotUnderstood, PositionLost
from syncline.ports import Clock, Lane
from syncline.records import ID, STAMP, How, Page
from syncline.values import FieldType, instant, micros

# "For more than 2,000 records use Bulk API 2.0" (Bulk API 2.0 Developer Guide, "When to Use").
BULK_FROM_ROWS = 2_000

IDS_PER_QUERY = 200

_UNQUOTED = frozenset({FieldType.BOOLEAN, FieldType.NUMBER, FieldType.INTEGER, FieldType.DATE, FieldType.DATETIME})

# Deleted rows stay readable for 15 days ("Recycle Bin"); a position older than that has missed deletes.
OLDEST_POSITION = timedelta(days=14)


class Reader:
    """The reading abilities of one connection."""

    def __init__(self, client: SalesforceClient, describer: Describer, bulk: BulkQuery, clock: Clock) -> None:
        self._client = client
        self._describer = describer
        self._bulk = bulk
        self._clock = clock

    async def selection(self, object_type: str, fields: Sequence[str], lane: Lane) -> Selection:
        """Which of *fields* the connected user sees, by the describe."""
        schema = await self._describer.schema(object_type, lane)
        asked = dict.fromkeys(fields)
        visible = tuple(name for name in asked if name in schema.fields)
        return Selection(
            schema=schema, object_type=object_type, fields=visible, hidden=frozenset(asked) - frozenset(visible)
        )

    async def narrowed(self, selection: Selection, refused: FieldRefused, lane: Lane) -> Selection:
        """The selection after the vendor refused one of its fields: by a new describe, else less that field.

        Raises *refused* if the field is none of ours to drop.
        """
        self._describer.forget(selection.object_type)
        again = await self.selection(selection.object_type, [*selection.fields, *selection.hidden], lane)
        if len(again.columns) < len(selection.columns):
            return again
        less = selection.without(refused.column)
        if less is None:
            raise refused
        return less

    async def all(self, object_type: str, fields: Sequence[str], lane: Lane) -> AsyncIterator[Page]:
        """As `ports.Connector.read_all`."""
        selection = await self.selection(object_type, fields, lane)
        large = await self._count(object_type, lane) > BULK_FROM_ROWS
        pages = self._extracted if large else self._queried
        while True:
            try:
                async for page in pages(selection, lane):
                    yield page
                return
            except FieldRefused as refused:  # a query is refused before its first page, so nothing is read twice
                selection = await self.narrowed(selection, refused, lane)

    async def changes(self, object_type: str, fields: Sequence[str], cursor: Cursor, lane: Lane) -> AsyncIterator[Page]:
        """As `ports.Connector.read_changes`."""
        if self._clock.now() - instant(cursor.since_us) > OLDEST_POSITION:
            raise PositionLost("The last read is longer ago than deleted records stay readable.")
        selection = await self.selection(object_type, fields, lane)
        while True:
            try:
                async for page in self._changed(selection, cursor, lane):
                    yield page
                return
            except FieldRefused as refused:
                selection = await self.narrowed(selection, refused, lane)

    async def by_ids(self, object_type: str, fields: Sequence[str], ids: Sequence[str], lane: Lane) -> Page:
        """As `ports.Connector.read_by_ids`."""
        wanted = list(dict.fromkeys(full_id(record_id) for record_id in ids))
        # The vendor refuses a whole query for one id of another form; such an id is simply nobody's.
        page = await self._where(object_type, fields, "Id", [one for one in wanted if is_id(one)], lane)
        found = set(page.rows[ID].to_list())
        missing = tuple(record_id for record_id in wanted if record_id not in found)
        return Page(**{**vars(page), "missing": missing})

    async def find(
        self, object_type: str, fields: Sequence[str], key_field: str, values: Sequence[str], lane: Lane
    ) -> Page:
        """As `ports.Connector.find`; blank values find nothing. AccessError if the key field is hidden."""
        schema = await self._describer.schema(object_type, lane)
        if key_field not in schema.fields:
            raise AccessError(
                f"{object_type}.{key_field} cannot be searched: the connected user does not see it.",
                remedy="Grant read access to the field, or create it.",
            )
        wanted = [value for value in dict.fromkeys(values) if value]
        return await self._where(object_type, fields, key_field, wanted, lane)

    async def _count(self, object_type: str, lane: Lane) -> int:
        async for answer in self._client.query(f"SELECT COUNT() FROM {object_type}", lane):
            return int(answer.body["totalSize"])
        raise NotUnderstood(f"Salesforce did not count {object_type}.")

    async def _queried(self, selection: Selection, lane: Lane) -> AsyncIterator[Page]:
        query = soql.select(selection.columns, selection.object_type)
        since_us: int | None = None
        newest_us = 0
        async for answer in self._client.query(query, lane):
            page = selection.page_of_answer(answer, How.BACKFILL)
            newest_us = max(newest_us, _newest(page.rows))
            if since_us is None and answer.server_at is not None:
                since_us = micros(answer.server_at)
            if not answer.body["done"]:
                yield Page(**{**vars(page), "has_more": True})
                continue
            cursor = Cursor(since_us=since_us if since_us is not None else newest_us)
            yield Page(**{**vars(page), "next_cursor": cursor.as_text()})

    async def _extracted(self, selection: Selection, lane: Lane) -> AsyncIterator[Page]:
        query = soql.select(selection.columns, selection.object_type)
        job = await self._bulk.start(query, lane)
        cursor = Cursor(since_us=job.created_us).as_text()
        async for table, has_more in self._bulk.results(job, lane):
            columns = table_columns(table)
            page = selection.page(columns, table.height, as_of_us=job.sent_us, how=How.BACKFILL)
            yield Page(**{**vars(page), "has_more": has_more, "next_cursor": None if has_more else cursor})

    async def _changed(self, selection: Selection, cursor: Cursor, lane: Lane) -> AsyncIterator[Page]:
        """The rows that moved, oldest stamp first, so that a page's last stamp is a position to resume from."""
        start_us = cursor.since_us - int(OVERLAP_SECONDS * 1_000_000)
        since = soql.instant(instant(start_us))
        parents = moving_parents(list(selection.fields))
        where = " OR ".join(f"{path}SystemModstamp >= {since}" for path in ["", *(f"{name}." for name in parents)])
        query = soql.select(selection.columns, selection.object_type, where, "SystemModstamp, Id")
        known = cursor.seen if cursor.shape == selection.shape else {}
        shown: dict[str, str] = {}
        stamps: dict[str, int] = {}
        end_us: int | None = None
        async for answer in self._client.query(query, lane, with_deleted=True):
            page = selection.page_of_answer(answer, How.POLL)
            if end_us is None and answer.server_at is not None:
                end_us = micros(answer.server_at)
            digest = digests(page.rows)
            shown |= digest
            stamps |= dict(zip(page.rows[ID].to_list(), page.rows[STAMP].to_list(), strict=True))
            fresh = [known.get(record_id) != mark for record_id, mark in digest.items()]
            page = _only(page, pl.Series(fresh, dtype=pl.Boolean()))
            newest_us = max(cursor.since_us, *stamps.values()) if stamps else cursor.since_us
            if not answer.body["done"]:
                # Rows that come for their parent's sake are not ordered by what moved: no position between pages.
                between = cursor if parents else replace(cursor, since_us=newest_us, shape="", seen={})
                yield Page(**{**vars(page), "has_more": True, "next_cursor": between.as_text()})
                continue
            end_us = max(cursor.since_us, end_us) if end_us is not None else newest_us
            seen = _met_again(shown, stamps, start_us, end_us)
            lost, read_us = await self._lost(selection, cursor, end_us, shown.keys(), lane)
            after = Cursor(since_us=end_us, shape=selection.shape, seen=seen, deletions_us=read_us).as_text()
            if lost is None:
                yield Page(**{**vars(page), "next_cursor": after})
                return
            yield Page(**{**vars(page), "has_more": True, "next_cursor": cursor.as_text()})
            yield Page(**{**vars(lost), "next_cursor": after})

    async def _lost(
        self, selection: Selection, cursor: Cursor, now_us: int, shown: Collection[str], lane: Lane
    ) -> tuple[Page | None, int]:
        """What the log of deletions names and no row has shown, read by id: rows that came late, and ids that no read
        finds any more. None if there is nothing of the kind; and until when the log has been read."""
        since_us = cursor.deletions_us or cursor.since_us
        if "IsDeleted" not in selection.schema.fields:
            return None, since_us
        deletions = await deletions_since(self._client, selection.object_type, since_us, now_us, lane)
        if deletions is None:
            return None, since_us
        unseen = [record_id for record_id in deletions.ids if record_id not in shown]
        if not unseen:
            return None, deletions.until_us
        page = await self.by_ids(selection.object_type, [*selection.fields, *selection.hidden], unseen, lane)
        return page, deletions.until_us

    async def _where(
        self, object_type: str, fields: Sequence[str], column: str, values: Sequence[str], lane: Lane
    ) -> Page:
        """All rows, deleted ones too, whose *column* holds one of *values*; as few calls as they fit into."""
        selection = await self.selection(object_type, fields, lane)
        if not values:
            return selection.joined([], How.READ_BACK)
        while True:
            room = max(1_000, URL_BYTES - len(soql.select(selection.columns, object_type)) * 2)
            parts = soql.chunks(values, most=IDS_PER_QUERY, url_bytes=room)
            is_text = selection.schema.fields[column].type not in _UNQUOTED
            queries = [soql.select(selection.columns, object_type, soql.is_in(column, part, is_text)) for part in parts]
            try:
                answers = await self._client.queries(queries, lane, with_deleted=True)
            except FieldRefused as refused:
                selection = await self.narrowed(selection, refused, lane)
                continue
            return selection.joined([selection.page_of_answer(one, How.READ_BACK) for one in answers], How.READ_BACK)


def _only(page: Page, kept: pl.Series) -> Page:
    """The page with these of its rows, and their fates."""
    rows = page.rows.filter(kept)
    fates = page.fates.join(rows, on=ID, how="semi") if page.fates is not None else None
    return Page(**{**vars(page), "rows": rows, "fates": fates})


def _newest(rows: pl.DataFrame) -> int:
    newest = rows[STAMP].max()
    return newest if isinstance(newest, int) else 0


def _met_again(shown: dict[str, str], stamps: dict[str, int], start_us: int, end_us: int) -> dict[str, str]:
    """The rows the next read will meet again: those inside its overlap, and those that came for a parent's sake."""
    overlap_us = end_us - int(OVERLAP_SECONDS * 1_000_000)
    return {
        record_id: mark
        for record_id, mark in shown.items()
        if stamps[record_id] >= overlap_us or stamps[record_id] < start_us
    }
