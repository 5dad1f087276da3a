"""A world of two memory systems and one sync between them, for tests of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from syncline.connectors.memory import MemoryConnector, MemorySystem
from syncline.engine.world import World
from syncline.schema import Field, ObjectSchema
from syncline.spec.model import Ceiling, Creates, Direction, End, FieldMap, MatchRule, Policy, SideSpec, Sync
from syncline.store import open_store
from syncline.trees import Store
from syncline.values import FieldType
from tests.support.virtual import SeededRandom, VirtualClock

TEXTS = ("email", "first", "last", "title", "phone", "key", "status")


def schema(name: str) -> ObjectSchema:
    fields = {f: Field(name=f, label=f, type=FieldType.TEXT, length=40) for f in TEXTS}
    fields["opt_out"] = Field(name="opt_out", label="opt out", type=FieldType.BOOLEAN)
    fields["twin_id"] = Field(name="twin_id", label="id there", type=FieldType.TEXT)
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
    left = MemorySystem("L", {"person": schema("person")}, clock)
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
