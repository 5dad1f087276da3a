"""A world of two memory systems and one sync between them, for tests of the engine.

`two_systems()`: persons on the left, humans on the right. `two_systems(people_of_two_types())`: the left also has
members, into which persons are converted (`convert(w.left, person_id, "human")`); the person's `member_id` then names
the member, as a lead names its contact. Every left type may be merged, converted, deleted, undeleted and purged by the
functions of `syncline.connectors.memory`, and so may humans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from syncline.connectors.memory import Conversion, MemoryConnector, MemorySystem
from syncline.engine.world import World
from syncline.schema import Field, ObjectSchema
from syncline.spec.model import Ceiling, Creates, Direction, End, FieldMap, MatchRule, Policy, SideSpec, Sync
from syncline.store import open_store
from syncline.trees import Store
from syncline.values import FieldType
from tests.support.virtual import SeededRandom, VirtualClock

TEXTS = ("email", "first", "last", "title", "phone", "key", "status")


CONVERSION_OF = "person"
CONVERSION = Conversion(into="member", named_in="member_id", carried=frozenset(TEXTS) - {"key"} | {"opt_out"})
"""Persons become members. Our key does not go along: it is a custom field nobody has mapped for conversion."""


def schema(name: str) -> ObjectSchema:
    fields = {f: Field(name=f, label=f, type=FieldType.TEXT, length=40) for f in TEXTS}
    fields["opt_out"] = Field(name="opt_out", label="opt out", type=FieldType.BOOLEAN)
    fields["twin_id"] = Field(name="twin_id", label="id there", type=FieldType.TEXT)
    if name == CONVERSION_OF:
        named_in = CONVERSION.named_in
        fields[named_in] = Field(name=named_in, label=named_in, type=FieldType.REFERENCE, is_updateable=False)
    return ObjectSchema(name=name, label=name, fields=fields)


def field_map(key: str, *, field: str | None = None, **options: object) -> FieldMap:
    name = field or key
    kind = FieldType.BOOLEAN if key == "opt_out" else FieldType.TEXT
    end = End(inputs=(name,), field=name, type=kind)
    return FieldMap(key=key, a={"person": end}, b={"human": end}, **options)  # type: ignore[arg-type]


def people(**changes: object) -> Sync:
    twin = FieldMap(
        key="twin_id",
        a={"person": End(inputs=("@id",), field=None)},
        b={"human": End(inputs=("twin_id",), field="twin_id")},
        direction=Direction.A_TO_B,
        policies={"*": Policy.A},
    )
    options: dict[str, object] = {
        "name": "people",
        "preset": "recommended",
        "a": SideSpec(
            connection="left", object_types=("person",), key_fields={"person": "key"}, creates=Creates.MATCHED_FIRST
        ),
        "b": SideSpec(connection="right", object_types=("human",), key_fields={"human": "key"}),
        "fields": (
            field_map("email"),
            field_map("first_name", field="first"),
            field_map("last_name", field="last"),
            field_map("title"),
            field_map("phone"),
            field_map("opt_out", policies={"*": Policy.MOST_RESTRICTIVE}),
            twin,
        ),
        "match_rules": (
            MatchRule(name="our key", by_key=True),
            MatchRule(name="id", by_id="twin_id"),
            MatchRule(name="e-mail and name", equal=("email",), compatible_name=True),
        ),
        "ceilings": {"create": Ceiling(share=0.2, plus=500), "blank": Ceiling(share=0.01, plus=50)},
    }
    return Sync(**{**options, **changes})  # type: ignore[arg-type]


def people_of_two_types(**changes: object) -> Sync:
    """`people` with persons and members on side a, mapped alike."""
    sync = people(**changes)
    fields = tuple(replace(m, a={**m.a, "member": m.a["person"]}) for m in sync.fields)
    side = replace(sync.a, object_types=("person", "member"), key_fields={"person": "key", "member": "key"})
    return replace(sync, a=side, fields=fields)


def left_system(clock: VirtualClock) -> MemorySystem:
    """The system of side a: persons, and members into which they are converted."""
    system = MemorySystem("L", {name: schema(name) for name in ("person", "member")}, clock)
    system.conversions = {CONVERSION_OF: CONVERSION}
    return system


class NoExpressions:
    """Evaluates nothing: for syncs without expressions."""

    def predicate(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.Series:
        raise NotImplementedError(expression)

    def scalar(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType], out: FieldType) -> pl.Series:
        raise NotImplementedError(expression)


@dataclass(kw_only=True)
class TwoSystems:
    """Two systems, their connectors, a clock and the world over them."""

    clock: VirtualClock
    left: MemorySystem
    right: MemorySystem
    world: World
    sync: Sync


async def two_systems(sync: Sync | None = None, store: Store | None = None, seed: int = 1) -> TwoSystems:
    clock = VirtualClock()
    left = left_system(clock)
    right = MemorySystem("R", {"human": schema("human")}, clock)
    sync = sync or people()
    store = store or await open_store(":memory:", clock)
    world = World(
        store=store,
        connectors={"left": MemoryConnector(left), "right": MemoryConnector(right)},
        clock=clock,
        random=SeededRandom(seed),
        syncs={sync.name: sync},
        evaluate=NoExpressions(),
        key=await store.installation_key(),
    )
    return TwoSystems(clock=clock, left=left, right=right, world=world, sync=sync)
