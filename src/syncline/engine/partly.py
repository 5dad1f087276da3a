"""Looks at some fields of a record, as a write reads back what it wrote: what they may not be taken for.

Lives here: telling when such a look says only that the record has to be read. Not here: taking looks in (`intake`).
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from syncline import records
from syncline.engine.world import World
from syncline.reconcile.absorb import Absorbed
from syncline.records import How, Page


def partly_seen(world: World, connection: str, known: pl.DataFrame, page: Page) -> frozenset[str]:
    """Records of which *page* shows only some fields, and that somebody else has changed since they were last read
    (*known*, MIRROR). Taken in, the stamp would pass for that of a whole look: a write that is refused where the record
    is newer would go over what nobody has seen."""
    own = world.own_actor(connection)
    is_whole = set(world.fields_read(connection, page.object_type)) <= set(page.fields)
    if page.how is not How.READ_BACK or is_whole or own is None:
        return frozenset()
    beside = page.rows.join(known.select("record_id", "stamp_us"), left_on=records.ID, right_on="record_id")
    is_theirs = pl.col(records.ACTOR).ne_missing(pl.lit(own)) & (pl.col(records.STAMP) > pl.col("stamp_us"))
    return frozenset(beside.filter(is_theirs)[records.ID])


def without(page: Page, ids: frozenset[str]) -> Page:
    """*page* without the rows of these records."""
    return replace(page, rows=page.rows.filter(~pl.col(records.ID).is_in(list(ids)))) if ids else page


def with_unordered(result: Absorbed, page: Page, ids: frozenset[str]) -> Absorbed:
    """*result* with the rows of *page* about these records, which have to be read again."""
    if not ids:
        return result
    rows = page.rows.filter(pl.col(records.ID).is_in(list(ids))).select(
        record_id=records.ID, verdict=pl.lit("unordered")
    )
    verdicts = pl.concat([result.verdicts, rows])
    return replace(result, verdicts=verdicts, unordered=(*result.unordered, *sorted(ids)))
