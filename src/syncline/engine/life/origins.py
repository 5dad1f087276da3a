"""New records are asked for what they were made of, before anything is matched or created.

A record that came out of a conversion is a stranger only until the one it was made of is known: that one may be linked,
and was perhaps read before the conversion. Lives here: the question. The answer is an observation like any other, and
the structural step takes it from there.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from syncline.engine.observe import look_up
from syncline.engine.world import World
from syncline.records import SIDES
from syncline.spec.model import Sync

_AT_ONCE = 2_000
"""Records asked for in one look-up; the connector cuts it into calls."""


async def ask_for_origins(
    world: World, sync: Sync, strangers: pl.DataFrame, run_id: str, just_read: Collection[tuple[str, str]]
) -> None:
    """Look up the origins of *strangers* (side, object_type, record_id) of types that can be born of others. Objects in
    *just_read* (connection, object type) were read whole in this run: what they hold is known."""
    if strangers.is_empty():
        return
    for side in SIDES:
        spec = sync.side(side)
        for object_type in spec.object_types:
            own = strangers.filter((pl.col("side") == side) & (pl.col("object_type") == object_type))
            for origin, named_in in world.capabilities(spec.connection, object_type).born_of.items():
                if own.is_empty() or origin not in spec.object_types or (spec.connection, origin) in just_read:
                    continue
                ids = own["record_id"].to_list()
                for at in range(0, len(ids), _AT_ONCE):
                    await look_up(world, spec.connection, origin, named_in, ids[at : at + _AT_ONCE], run_id)
