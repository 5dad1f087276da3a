"""From the file to the model: the preset, then what the file adds or changes, then the types of described fields.

Every problem that can be seen without a connection is raised here as ConfigError.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from syncline.errors import ConfigError
from syncline.records import SIDES, Side
from syncline.schema import ObjectSchema
from syncline.spec.durations import seconds_of
from syncline.spec.expressions import parse as parse_expression
from syncline.spec.file import CeilingFile, FieldFile, File, SideFile, SyncFile
from syncline.spec.model import (
    PSEUDO_FIELDS,
    Ceiling,
    Direction,
    End,
    FieldMap,
    MappingChange,
    OnDelete,
    Policy,
    SideSpec,
    Sync,
)
from syncline.spec.presets.people import PRESETS
from syncline.spec.resolve_match import with_probability
from syncline.spec.schedule import schedule_of

_CEILINGS = ("create", "blank", "delete")


def resolve(file: File) -> dict[str, Sync]:
    """Every sync of the file, with all defaults applied.

    Raises ConfigError: SYN-120 unknown connection, SYN-121 unknown preset, SYN-122 unknown object type, SYN-123 a field
    map that cannot work, SYN-112 a file without syncs, SYN-126 matching by
    probability that cannot work, SYN-131/132 a refused
    expression, and what `schedule.schedule_of` refuses.
    """
    if not file.syncs:
        raise ConfigError("The file has no sync.", code="SYN-112", remedy="Add one under `syncs`.")
    _require_names(file)
    return {name: _sync(name, sync, file) for name, sync in file.syncs.items()}


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def _require_names(file: File) -> None:
    """A sync's name is part of the keys we leave in both systems, without case."""
    for name in (*file.connections, *file.syncs):
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name[:60]!r} cannot be a name: at most 40 letters, digits, - and _.",
                code="SYN-112",
                remedy="Rename it.",
            )
    folded = sorted(file.syncs, key=str.lower)
    for first, second in itertools.pairwise(folded):
        if first.lower() == second.lower():
            raise ConfigError(
                f"The syncs {first!r} and {second!r} differ in case only.", code="SYN-112", remedy="Rename one."
            )


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known))}."


def _sync(name: str, sync: SyncFile, file: File) -> Sync:
    if sync.preset not in PRESETS:
        raise ConfigError(
            f"Sync {name!r}: there is no preset {sync.preset!r}.", code="SYN-121", remedy=_nearest(sync.preset, PRESETS)
        )
    files: dict[Side, SideFile] = {"a": _side_file(sync.a), "b": _side_file(sync.b)}
    for side, own in files.items():
        if own.connection not in file.connections:
            raise ConfigError(
                f"Sync {name!r}, side {side}: there is no connection {own.connection!r}.",
                code="SYN-120",
                remedy=_nearest(own.connection, file.connections),
            )
    if files["a"].connection == files["b"].connection:
        raise ConfigError(
            f"Sync {name!r}: both sides are the connection {files['a'].connection!r}.",
            code="SYN-120",
            remedy="Name two connections.",
        )
    base = PRESETS[sync.preset](name, files["a"].connection, files["b"].connection)
    a, b = _side(base, "a", files["a"]), _side(base, "b", files["b"])
    fields = tuple(_fields(base, sync))
    _check_groups(name, fields)
    rules = base.match_rules
    if sync.probabilistic:
        rules = with_probability(name, rules, sync.probabilistic, frozenset(m.key for m in fields))
    resolved = replace(
        base,
        match_rules=rules,
        a=a,
        b=b,
        fields=fields,
        first_link=sync.first_link or base.first_link,
        leaves_filter=sync.leaves_filter or base.leaves_filter,
        on_delete=_on_delete(base, sync),
        on_merge=sync.on_merge or base.on_merge,
        ceilings=_ceilings(base, sync),
        sweep_seconds=seconds_of(sync.sweep_formulas_every) if sync.sweep_formulas_every else None,
        filter_fields={"a": _filter_fields(a), "b": _filter_fields(b)},
        optional=base.optional - {key for key, value in sync.fields.items() if value is not False},
        schedule=schedule_of(name, sync.schedule),
        edit_applies_to=sync.edit_applies_to,
        audit_share=sync.audit_share,
    )
    return resolved


_DECIDED_AS_ONE = ("direction", "tie", "drift", "first_link", "policies")


def _check_groups(name: str, fields: Iterable[FieldMap]) -> None:
    """The members of an atomic group are decided as one, so what decides must be the same for all of them."""
    leaders: dict[str, FieldMap] = {}
    for mapping in fields:
        if not mapping.is_atomic:
            continue
        leader = leaders.setdefault(mapping.group_key, mapping)
        differing = [part for part in _DECIDED_AS_ONE if getattr(mapping, part) != getattr(leader, part)]
        if differing:
            raise ConfigError(
                f"Sync {name!r}, field {mapping.key!r}: {', '.join(differing)} differs from {leader.key!r}, "
                f"but the group {mapping.group_key!r} is decided as one.",
                code="SYN-123",
                remedy=f"Say the same for every member, or take it out: {mapping.key}: {{group: {mapping.key}}}.",
            )


def _side_file(value: str | SideFile) -> SideFile:
    return SideFile(connection=value) if isinstance(value, str) else value


def _side(base: Sync, side: Side, own: SideFile) -> SideSpec:
    preset = base.side(side)
    objects = tuple(own.objects) if own.objects else preset.object_types
    for name in objects:
        if name not in preset.object_types:
            raise ConfigError(
                f"Sync {base.name!r}, side {side}: the preset knows no object {name!r}.",
                code="SYN-122",
                remedy=_nearest(name, preset.object_types),
            )
    if isinstance(own.filter, dict):
        _require_types(f"Sync {base.name!r}, side {side}, filter", own.filter, objects)
    filters = dict.fromkeys(objects, own.filter) if isinstance(own.filter, str) else dict(own.filter or {})
    creates_as = preset.creates_as if preset.creates_as in objects else objects[0]
    return replace(
        preset, object_types=objects, filters=filters, creates_as=creates_as, creates=own.creates or preset.creates
    )


def _require_types(where: str, named: Iterable[str], known: Iterable[str]) -> None:
    for name in named:
        if name not in known:
            raise ConfigError(
                f"{where}: there is no object {name!r} here.", code="SYN-122", remedy=_nearest(name, known)
            )


def _filter_fields(side: SideSpec) -> dict[str, tuple[str, ...]]:
    return {name: parse_expression(predicate).fields for name, predicate in side.filters.items()}


def _on_delete(base: Sync, sync: SyncFile) -> Mapping[Side, OnDelete]:
    own = sync.on_delete
    given: dict[Side, OnDelete | None] = {"a": own.a, "b": own.b} if own is not None else {}
    return {**base.on_delete, **{side: choice for side, choice in given.items() if choice is not None}}


def _ceilings(base: Sync, sync: SyncFile) -> Mapping[str, Ceiling]:
    ceilings = dict(base.ceilings)
    for kind, value in sync.ceilings.items():
        if kind not in _CEILINGS:
            raise ConfigError(
                f"Sync {base.name!r}: there is no ceiling on {kind!r}.",
                code="SYN-112",
                remedy=_nearest(kind, _CEILINGS),
            )
        if isinstance(value, CeilingFile):
            ceilings[kind] = Ceiling(share=value.share, plus=value.plus)
        elif value is False:
            ceilings.pop(kind, None)
    return ceilings


def _fields(base: Sync, sync: SyncFile) -> Iterable[FieldMap]:
    on_change = sync.on_mapping_change or MappingChange.KEEP
    known = {m.key: replace(m, on_mapping_change=on_change) for m in base.fields}
    for key, mapping in known.items():
        change = sync.fields.get(key)
        if change is False:
            continue
        yield mapping if change is None or change is True else _changed(base, mapping, change)
    for key, new in sync.fields.items():
        if key in known or new is False:
            continue
        if new is True or new.a is None or new.b is None:
            raise ConfigError(
                f"Sync {base.name!r}, field {key!r}: the preset has no such field, so both `a` and `b` are needed.",
                code="SYN-123",
                remedy=_nearest(key, known),
            )
        yield _changed(base, FieldMap(key=key, a={}, b={}, on_mapping_change=on_change), new)


_PLAIN = (
    "direction",
    "first_link",
    "tie",
    "blanks",
    "drift",
    "overridden",
    "on_mapping_change",
    "on_merge",
    "group",
    "create_only",
)
_RENAMED = {"atomic": "is_atomic", "guarded": "is_guarded"}


def _changed(base: Sync, mapping: FieldMap, new: FieldFile) -> FieldMap:
    changes: dict[str, Any] = {name: value for name in _PLAIN if (value := getattr(new, name)) is not None}
    changes |= {to: value for name, to in _RENAMED.items() if (value := getattr(new, name)) is not None}
    if new.policy is not None:
        if not isinstance(new.policy, Policy):
            known = (*base.a.object_types, "*")
            _require_types(f"Sync {base.name!r}, field {mapping.key!r}, policy", new.policy, known)
        changes["policies"] = {"*": new.policy} if isinstance(new.policy, Policy) else dict(new.policy)
    defaults: dict[Side, str | None] = {"a": new.default_a, "b": new.default_b}
    changes["defaults"] = {**mapping.defaults, **{side: text for side, text in defaults.items() if text is not None}}
    for side in SIDES:
        changes[side] = _ends(base, mapping, side, new)
    out = replace(mapping, **changes)
    _check_transforms(base, out, new)
    return out


def _ends(base: Sync, mapping: FieldMap, side: Side, new: FieldFile) -> Mapping[str, End]:
    given = new.a if side == "a" else new.b
    ends = dict(mapping.ends(side))
    if given is not None:
        types = base.side(side).object_types
        if not isinstance(given, str):
            _require_types(f"Sync {base.name!r}, field {mapping.key!r}, {side}", given, types)
        named = dict.fromkeys(types, given) if isinstance(given, str) else given
        ends = {name: End(inputs=(field,), field=None if "." in field else field) for name, field in named.items()}
    text = new.to_b if side == "a" else new.to_a
    if text is None:
        return ends
    expression = parse_expression(text)
    return {name: replace(end, inputs=expression.fields or end.inputs, expression=text) for name, end in ends.items()}


def _check_transforms(base: Sync, mapping: FieldMap, new: FieldFile) -> None:
    """A two-way field with a transform needs a declared reverse."""
    one_way = {Direction.A_TO_B: "a", Direction.B_TO_A: "b"}
    if mapping.direction is not Direction.BOTH:
        side: Side = "a" if one_way[mapping.direction] == "a" else "b"
        lost = new.to_a if side == "a" else new.to_b
        if lost is not None:
            raise ConfigError(
                f"Sync {base.name!r}, field {mapping.key!r} flows {mapping.direction.value}: "
                "a transform back is never used.",
                code="SYN-123",
            )
        return
    if (new.to_a is None) != (new.to_b is None):
        missing = "to_a" if new.to_a is None else "to_b"
        raise ConfigError(
            f"Sync {base.name!r}, field {mapping.key!r} flows both ways but has no {missing}.",
            code="SYN-123",
            remedy=f"Declare {missing}, or a direction.",
        )


def typed(sync: Sync, schemas: Mapping[Side, Mapping[str, ObjectSchema]], captured: frozenset[str]) -> Sync:
    """*sync* with the types and lengths of the described fields. Optional mappings rest while one of their fields does
    not exist and was never *captured* ("side.object.field"); a field that was captured is hidden, and waits."""
    fields = []
    for mapping in sync.fields:
        ends: dict[Side, Mapping[str, End]] = {s: _typed_ends(mapping.ends(s), schemas[s]) for s in SIDES}
        if mapping.key in sync.optional:
            ends = {side: _existing(side, ends[side], schemas[side], captured) for side in SIDES}
        if ends["a"] and ends["b"]:
            fields.append(replace(mapping, a=ends["a"], b=ends["b"]))
    return replace(sync, fields=tuple(fields))


def _typed_ends(ends: Mapping[str, End], schemas: Mapping[str, ObjectSchema]) -> dict[str, End]:
    out = {}
    for name, end in ends.items():
        described = schemas[name].field(end.field or end.inputs[0]) if name in schemas else None
        out[name] = replace(end, type=described.type, length=described.length) if described else end
    return out


def _existing(
    side: Side, ends: Mapping[str, End], schemas: Mapping[str, ObjectSchema], captured: frozenset[str]
) -> dict[str, End]:
    def exists(object_type: str, name: str) -> bool:
        if name.startswith("@"):
            return True
        return schemas[object_type].field(name) is not None or f"{side}.{object_type}.{name}" in captured

    return {
        object_type: end
        for object_type, end in ends.items()
        if object_type in schemas and all(exists(object_type, name) for name in end.inputs)
    }


def require_fields(sync: Sync, schemas: Mapping[Side, Mapping[str, ObjectSchema]], captured: frozenset[str]) -> None:
    """ConfigError SYN-133 if a filter, or a transform or field map that is not optional, names a field that neither
    exists nor was ever *captured*. The key field and those that `init --create-fields` makes are left to `check`."""
    for use, side, object_type, name in _named_fields(sync):
        schema = schemas[side].get(object_type)
        if schema is None or schema.field(name) is not None or f"{side}.{object_type}.{name}" in captured:
            continue
        raise unknown_field(use, object_type, name, schema)


def unknown_field(use: str, object_type: str, name: str, schema: ObjectSchema) -> ConfigError:
    """The error of a *use* ("the filter", a mapping's key) that names a field *object_type* does not show."""
    near = difflib.get_close_matches(name, schema.fields, n=1)
    return ConfigError(
        f"{object_type} has no field {name!r}, which {use} names, or the connected user cannot see it.",
        code="SYN-133",
        remedy=f"Did you mean {near[0]!r}?" if near else "",
    )


def _named_fields(sync: Sync) -> Iterator[tuple[str, Side, str, str]]:
    for side in SIDES:
        for object_type, names in sync.filter_fields.get(side, {}).items():
            yield from (("the filter", side, object_type, n) for n in names if n not in PSEUDO_FIELDS)
        made = sync.side(side).may_make
        for m in sync.fields:
            for object_type, end in m.ends(side).items():
                if m.key not in sync.optional and object_type in sync.side(side).object_types:
                    use, own = f"the field map {m.key!r}", PSEUDO_FIELDS | made.keys()
                    yield from ((use, side, object_type, n) for n in end.inputs if n not in own)
