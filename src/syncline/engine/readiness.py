"""Readiness: every problem of a sync at once, each with its remedy, before anything is written.

Lives here: comparing what a sync needs with what both sides describe. What a connection itself finds (rights,
settings) comes from its connector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from syncline.engine.forecast import as_dict, outlook
from syncline.engine.observe import inspect, meet
from syncline.engine.world import Progress, World
from syncline.engine.write import make_fields
from syncline.errors import ConfigError, SynclineError
from syncline.records import SIDES, NewField, Problem, Side
from syncline.schema import ObjectSchema
from syncline.spec.model import PSEUDO_FIELDS, Creates, Direction, FieldMap, SideSpec, Sync
from syncline.spec.resolve import unknown_field
from syncline.values import FieldType


@dataclass(kw_only=True)
class Readiness:
    """`connected`: one sentence per connection. `problems`: everything found, `stopped` included. `new_fields`: per
    connection, the custom fields that Syncline can make."""

    connected: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    new_fields: dict[str, list[NewField]] = field(default_factory=dict)
    stopped: list[SynclineError] = field(default_factory=list)  # what kept us from looking at a connection at all

    @property
    def is_ready(self) -> bool:
        return not any(problem.blocks for problem in self.problems)


async def check(world: World, sync: Sync) -> Readiness:
    """Look at both connections and at every field the sync uses. An unreachable side is a problem, not an exception."""
    out = Readiness()
    for side in SIDES:
        name = sync.side(side).connection
        world.report(Progress("check", name, 0))
        try:
            out.connected[name], problems = await inspect(world, name)
            out.problems += problems
            world.report(Progress("check", name, 1, 1))
        except SynclineError as error:
            out.stopped.append(error)
            out.problems.append(Problem(code=error.code, subject=name, message=error.message, remedy=error.remedy))
    if len(out.connected) < 2:
        return out
    declared = sync
    try:
        sync = await meet(world, sync, strict=False)
    except SynclineError as error:  # an object cannot be described; what of it can be said, its connector has said
        if error.code not in {problem.code for problem in out.problems}:
            out.problems.append(Problem(code=error.code, subject="", message=error.message, remedy=error.remedy))
        return out
    for side in SIDES:
        for object_type in sync.side(side).object_types:
            schema = world.schema(sync.side(side).connection, object_type)
            out.problems += _field_problems(sync, side, object_type, schema)
            out.problems += _filter_problems(world, sync, side, object_type, schema)
            out.problems += _required_problems(sync, side, object_type, schema)
            made = list(_new_fields(declared, side, object_type, schema))
            out.new_fields.setdefault(sync.side(side).connection, []).extend(made)
            out.problems += [_missing_key(sync, side, new) for new in made if new.purpose.startswith("key")]
    rest = {m.key for m in declared.fields} - {m.key for m in sync.fields}
    for key in sorted(rest):
        out.problems.append(_resting(declared.field_map(key)))
    return out


async def limits_of(world: World, connection: str) -> dict[str, Any]:
    """What is left of a connection's day, as `forecast.as_dict`: by what was kept, and by what it just told us."""
    kept = as_dict(await outlook(world.store, connection, world.now_us()))
    usage = world.connectors[connection].usage()
    if usage.day_used is not None:
        kept |= {"day_used": usage.day_used, "day_limit": usage.day_limit}
    return kept


def _field_problems(sync: Sync, side: Side, object_type: str, schema: ObjectSchema) -> Iterator[Problem]:
    connection = sync.side(side).connection
    wanted: dict[str, str] = {}
    for m in sync.fields:
        end = m.ends(side).get(object_type)
        if end is not None:
            wanted |= {n: m.key for n in end.inputs if n not in PSEUDO_FIELDS}
    for name, user in sorted(wanted.items()):
        if schema.field(name) is None:
            yield Problem(
                code="SYN-161",
                subject=f"{connection}.{object_type}.{name}",
                message=f"The sync user cannot see {object_type}.{name} (used by {user}), or it does not exist.",
                remedy=_missing_remedy(sync.side(side), name, user),
            )
    for m in sync.fields:
        yield from _write_problem(sync, side, object_type, schema, m)
    yield from _formula_problems(sync, side, object_type, schema, wanted)


def _missing_remedy(spec: SideSpec, name: str, user: str) -> str:
    if name in spec.may_make:
        return "Run `syncline init --create-fields`, or grant read access to it if it exists."
    return f"Grant read access to it, create it, or switch the field off: fields: {{{user}: false}}."


def _formula_problems(
    sync: Sync, side: Side, object_type: str, schema: ObjectSchema, wanted: Mapping[str, str]
) -> Iterator[Problem]:
    """Mapped formula fields, unless the sync sweeps them: their new results move no stamp."""
    for name, user in sorted(wanted.items()):
        described = schema.field(name)
        if described is not None and described.is_calculated and sync.sweep_seconds is None:
            yield Problem(
                code="SYN-166",
                subject=f"{sync.side(side).connection}.{object_type}.{name}",
                message=f"{object_type}.{name} (used by {user}) is calculated: a new result alone is not noticed.",
                remedy="Say sweep_formulas_every: 24h for the sync, or run `syncline run --sweep` when it matters.",
                blocks=False,
            )


def _filter_problems(world: World, sync: Sync, side: Side, object_type: str, schema: ObjectSchema) -> Iterator[Problem]:
    """Fields the filter names and nobody shows; with all of them there, whether it can be evaluated at all."""
    subject = f"{sync.side(side).connection}.{object_type}"
    names = sync.filter_fields.get(side, {}).get(object_type, ())
    unknown = [n for n in names if n not in PSEUDO_FIELDS and schema.field(n) is None]
    errors = [unknown_field("the filter", object_type, name, schema) for name in unknown]
    if names and not unknown:
        types = {n: described.type for n in names if (described := schema.field(n)) is not None}
        nobody = pl.DataFrame(schema=dict.fromkeys(names, pl.String()))
        try:
            world.evaluate.predicate(sync.side(side).filters[object_type], nobody, types)
        except ConfigError as wrong:
            errors.append(wrong)
    for each in errors:
        yield Problem(code=each.code, subject=subject, message=each.message, remedy=each.remedy)


def _write_problem(
    sync: Sync, side: Side, object_type: str, schema: ObjectSchema, mapping: FieldMap
) -> Iterator[Problem]:
    receives = {"a": (Direction.BOTH, Direction.B_TO_A), "b": (Direction.BOTH, Direction.A_TO_B)}[side]
    end = mapping.ends(side).get(object_type)
    if mapping.direction not in receives or end is None:
        return
    described = schema.field(end.field) if end.field else None
    if end.field and described is not None and not described.is_updateable:
        why = "it is calculated" if described.is_calculated else "the sync user may not edit it"
        yield Problem(
            code="SYN-162",
            subject=f"{sync.side(side).connection}.{object_type}.{end.field}",
            message=f"{mapping.key} flows to {object_type}.{end.field}, but {why}.",
            remedy="Grant edit access, or give the field a direction: it is read only until then.",
            blocks=False,
        )


def _required_problems(sync: Sync, side: Side, object_type: str, schema: ObjectSchema) -> Iterator[Problem]:
    far: Side = "b" if side == "a" else "a"
    if sync.side(far).creates is Creates.NEVER or sync.side(side).creates_as != object_type:
        return
    written = {end.field for m in sync.fields if (end := m.ends(side).get(object_type)) and end.field}
    for name, described in sorted(schema.fields.items()):
        if described.is_required and described.is_createable and name not in written:
            yield Problem(
                code="SYN-163",
                subject=f"{sync.side(side).connection}.{object_type}.{name}",
                message=f"{object_type}.{name} is required for new records and no field flows to it.",
                remedy=f"Map it, with a default: fields: {{{name.lower()}: {{…, default_{side}: …}}}}.",
            )


def _new_fields(sync: Sync, side: Side, object_type: str, schema: ObjectSchema) -> Iterator[NewField]:
    """Custom fields that the sync uses, that do not exist, and that may be made: our key, and those the preset owns."""
    spec = sync.side(side)
    key_field = spec.key_fields.get(object_type)
    if key_field and schema.field(key_field) is None:
        yield NewField(
            object_type=object_type,
            name=key_field,
            label="Syncline Key",
            is_unique=True,
            purpose="key: names the record on the other side, so that a create is never done twice",
        )
    for m in sync.fields:
        end = m.ends(side).get(object_type)
        if end is None or end.field is None or schema.field(end.field) is not None:
            continue
        if end.field in spec.may_make:
            yield NewField(
                object_type=object_type,
                name=end.field,
                label=spec.may_make[end.field],
                type=(end.type if end.type is not FieldType.ID else FieldType.TEXT).value,
                purpose=f"field: {m.key}",
            )


def _missing_key(sync: Sync, side: Side, new: NewField) -> Problem:
    return Problem(
        code="SYN-164",
        subject=f"{sync.side(side).connection}.{new.object_type}.{new.name}",
        message=f"{new.object_type} has no field {new.name}, which holds our key.",
        remedy="Run `syncline init --create-fields`, or create it: text of 255 characters, unique where that exists.",
    )


def _resting(mapping: FieldMap) -> Problem:
    return Problem(
        code="SYN-165",
        subject=mapping.key,
        message=f"{mapping.key} rests: one of its fields does not exist or the sync user cannot see it.",
        remedy=(
            "Create the field (`syncline init --create-fields` makes Syncline's own) or grant access; or say "
            f"fields: {{{mapping.key}: false}} to make this go away."
        ),
        blocks=False,
    )


async def create_fields(world: World, readiness: Readiness) -> list[Problem]:
    """Make the custom fields that `check` found missing; what could not be made comes back as problems."""
    return [
        p for name, wanted in readiness.new_fields.items() if wanted for p in await make_fields(world, name, wanted)
    ]
