"""The terms of a plan: the spec and the rights on both sides. When they change, everything is looked at again.

Lives here: noticing the change and setting the dirty marks, in one commit. Not here: how bases follow a changed list of
mappings (`remapped`), or what a record's own change marks (`observe`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass

import polars as pl

from syncline import values
from syncline.engine.breaker import frozen_fields, release
from syncline.engine.dirty import dirty_links, dirty_records
from syncline.engine.remapped import adopt_revision
from syncline.engine.world import World
from syncline.records import SIDES
from syncline.spec.model import EditScope, Sync
from syncline.trees import Commit, Table

_RIGHTS = ("type", "length", "is_createable", "is_updateable", "is_required")


async def adopt_terms(world: World, sync: Sync) -> None:
    """Carry bases over to a changed list of mappings; with a changed spec or changed rights, mark every link and every
    unlinked record of the sync; an edit that is for changes only marks nobody. A changed spec thaws what is frozen."""
    has_new_mappings = await adopt_revision(world, sync)
    name = _name(sync)
    remembered = await world.store.rows(Table.META, {"name": name})
    old = json.loads(remembered["value"][0]) if len(remembered) else {}
    now = _met(world, sync)
    if old == now:
        return
    commit = Commit(put={Table.META: pl.DataFrame({"name": [name], "value": [json.dumps(now)]})})
    is_edit_alone = bool(old) and old | {"spec": now["spec"]} == now
    if not (is_edit_alone and sync.edit_applies_to is EditScope.CHANGES):
        await _mark_all(world, sync, commit)
    if has_new_mappings or (old and old["spec"] != now["spec"]):
        release(await frozen_fields(world.store, sync), world.now_us(), commit)
    await world.store.commit(commit)


async def are_in_force(world: World, sync: Sync) -> bool:
    """Whether the terms that *world* met are still the stored ones. To be asked after marks were taken: another worker
    that met others since has marked everything for those, and only who has met them, too, may answer these marks."""
    stored = await world.store.rows(Table.META, {"name": _name(sync)})
    return stored.is_empty() or json.loads(stored["value"][0]) == _met(world, sync)


def _name(sync: Sync) -> str:
    return f"terms:{sync.name}"


def _met(world: World, sync: Sync) -> dict[str, str]:
    """The terms as *world* met them."""
    known = world.terms.get(sync.name)
    if known is None or known[0] is not sync:
        now = {
            "spec": spec_print(sync),
            "rights": _digest(_rights(world, sync)),
            "forms": str(values.CANONICALISER),  # values that differed may be equal now
        }
        known = world.terms[sync.name] = (sync, now)
    return known[1]


async def _mark_all(world: World, sync: Sync, commit: Commit) -> None:
    links = await world.store.rows(Table.LINK, {"sync": sync.name, "state": "live"})
    commit.touch.append(dirty_links(sync.name, links["link_id"].to_list()))
    for side in SIDES:
        spec = sync.side(side)
        lone = await world.store.unlinked(sync.name, side, spec.connection, spec.object_types)
        living = lone.filter(~pl.col("is_deleted"))
        for (object_type,), part in living.partition_by("object_type", as_dict=True).items():
            commit.touch.append(dirty_records(sync.name, side, str(object_type), part["record_id"]))


def spec_print(sync: Sync) -> str:
    """Tells one configuration of a sync from another, in every process alike; when it runs, how fast it is verified and
    whom an edit is for is no part of it."""
    return _digest({each.name: getattr(sync, each.name) for each in fields(sync) if each.name not in _NO_TERMS})


_NO_TERMS = ("schedule", "audit_share", "edit_applies_to")


def _rights(world: World, sync: Sync) -> dict[str, dict[str, list[object] | None]]:
    """Per side and object, what the connected user may do with each field that the sync reads; None: it is hidden."""
    out: dict[str, dict[str, list[object] | None]] = {}
    for side in SIDES:
        for object_type in sync.side(side).object_types:
            schema = world.schema(sync.side(side).connection, object_type)
            described = {name: schema.field(name) for name in sync.fields_read(side, object_type)}
            out[f"{side}.{object_type}"] = {
                name: None if field is None else [getattr(field, right) for right in _RIGHTS]
                for name, field in described.items()
            }
    return out


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(_plain(value)).encode(), digest_size=10).hexdigest()


def _plain(value: object) -> object:
    """*value* as JSON, the same for equal values in every process."""
    if value is None or isinstance(value, (str, int, float)):  # most of what is asked
        return value
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return sorted([str(name), _plain(each)] for name, each in value.items())
    if isinstance(value, Set):
        return sorted(str(each) for each in value)
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
