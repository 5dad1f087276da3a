"""Restated consent: where consent belongs to an address, a record that gets another address gets that one's consent,
and somebody who said no would be a yes until the next run – for good, if the other side had not heard of the no yet. So
whoever writes the address says the no anew in the same call.

Lives here: which rows of a batch say it. Not here: what counts as consent (`reconcile.consent`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from syncline.engine.batches import Batch, Row
from syncline.engine.world import World
from syncline.reconcile.consent import consent_maps
from syncline.spec.model import Direction, Sync


def restating(world: World, sync: Sync, batch: Batch, cells: Mapping[str, str]) -> Batch:
    """*batch*, with what its records' mirror *cells* (JSON, by record id) protect beside every new owner of that."""
    shared = world.capabilities(batch.connection, batch.object_type).shared_fields
    return replace(batch, rows=tuple(_restating(sync, batch, row, shared, cells) for row in batch.rows))


def _restating(sync: Sync, batch: Batch, row: Row, shared: Mapping[str, str], cells: Mapping[str, str]) -> Row:
    written = row.write.cells
    if not any(owner in written for owner in shared.values()):
        return row
    now = json.loads(cells.get(row.write.record_id or "", "{}"))
    type_a = row.source_type if batch.side == "b" else batch.object_type
    besides = {}
    for mapping in consent_maps(sync.fields, type_a):
        own, far = mapping.ends(batch.side).get(batch.object_type), mapping.ends(row.source_side).get(row.source_type)
        if own is None or own.field is None or far is None or mapping.direction is not Direction.BOTH:
            continue
        if own.field in written:  # it has a word of its own
            continue
        is_plain = own.expression is None and far.expression is None
        if is_plain and shared.get(own.field) in written and now.get(own.field) == mapping.restrictive:
            besides[own.field] = mapping.restrictive
    return replace(row, besides={**row.besides, **besides}) if besides else row
