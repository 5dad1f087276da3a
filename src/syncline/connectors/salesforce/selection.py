"""What of an object is read by one request, and how answers become pages. No requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from syncline.connectors.salesforce.cells import SYSTEM_COLUMNS, Columns, empty_rows, record_columns, rows_of
from syncline.connectors.salesforce.client import Answer
from syncline.connectors.salesforce.fates import fate_fields, fates_of, no_fates
from syncline.records import ID, How, Page
from syncline.schema import ObjectSchema


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What of the fields asked for can be read, and how a page of it is made."""

    schema: ObjectSchema
    object_type: str
    fields: tuple[str, ...]
    hidden: frozenset[str]

    @property
    def columns(self) -> list[str]:
        """What to SELECT: system columns and those that tell fates, as far as the object has them, then the fields."""
        own = (*SYSTEM_COLUMNS, *fate_fields(self.schema.name))
        return list(dict.fromkeys([*(name for name in own if name in self.schema.fields), *self.fields]))

    @property
    def shape(self) -> str:
        return ",".join(self.fields)

    def without(self, column: str) -> Selection | None:
        """The selection less the fields the vendor calls *column*; None if it contains none."""
        refused = {name for name in self.fields if name.lower().rpartition(".")[2] == column.lower().rpartition(".")[2]}
        if not refused:
            return None
        kept = tuple(name for name in self.fields if name not in refused)
        return Selection(
            schema=self.schema, object_type=self.object_type, fields=kept, hidden=self.hidden | frozenset(refused)
        )

    def page(self, columns: Columns, height: int, *, as_of_us: int, how: How) -> Page:
        rows, unreadable = rows_of(self.schema, self.fields, columns, height=height, as_of_us=as_of_us)
        return self.page_of(rows, how=how, unreadable=unreadable, fates=fates_of(self.schema, columns, rows))

    def page_of_answer(self, answer: Answer, how: How) -> Page:
        records = answer.body["records"]
        return self.page(record_columns(records), len(records), as_of_us=answer.sent_us, how=how)

    def joined(self, pages: Sequence[Page], how: How) -> Page:
        """One page of several; a record that came more than once is as it came last."""
        rows = pl.concat([empty_rows(self.fields), *(page.rows for page in pages)])
        fates = [page.fates for page in pages if page.fates is not None]
        return self.page_of(
            rows.unique(ID, keep="last", maintain_order=True),
            how=how,
            unreadable=tuple(row for page in pages for row in page.unreadable),
            fates=pl.concat([no_fates(), *fates]).unique(ID, keep="last", maintain_order=True),
        )

    def page_of(self, rows: pl.DataFrame, *, how: How, **more: object) -> Page:
        return Page(
            object_type=self.object_type,
            rows=rows,
            fields=self.fields,
            how=how,
            hidden=self.hidden,
            **more,  # type: ignore[arg-type]
        )
