"""The demo's judge: who is linked, who is held, and who was made twice, against the list of true pairs.

Reads the state and both systems; decides nothing. Syncline never sees the true pairs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

import polars as pl

from syncline.demo.cast import Pair
from syncline.demo.sandboxes import Sandboxes
from syncline.demo.score import PairScore, pair_score
from syncline.engine.world import World
from syncline.records import ID
from syncline.spec.model import Sync
from syncline.trees import Table

MADE = "created on"
"""How the rule of a link begins whose one record was made from the other."""

TruePairs = Set[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Linked:
    """What the state says of identity: pairs that were matched, and the records of each side held in matching.

    A record and the copy that was made of it are linked too; they are no match and not among the pairs.
    """

    pairs: tuple[Pair, ...]
    held_a: frozenset[str]
    held_b: frozenset[str]

    def score(self, true_pairs: TruePairs) -> PairScore:
        linked = {(pair.salesforce_id, pair.marketo_id) for pair in self.pairs}
        return pair_score(true_pairs, linked, self.held_a, self.held_b)


async def read_links(world: World, sync: Sync) -> Linked:
    """Links and holds of *sync* as the state has them now."""
    links = await world.store.rows(Table.LINK, {"sync": sync.name, "state": "live"})
    matched = links.filter(~pl.col("rule").str.starts_with(MADE)).select("link_id")
    ends = (await world.store.by_keys(Table.LINK_END, matched)).filter(pl.col("role") == "current")
    sides: dict[str, dict[int, tuple[str, str]]] = {"a": {}, "b": {}}
    for side, link_id, object_type, record_id in ends.select("side", "link_id", "object_type", "record_id").iter_rows():
        sides[side][link_id] = (object_type, record_id)
    pairs = tuple(
        Pair(record_id, object_type, sides["b"][link_id][1])
        for link_id, (object_type, record_id) in sorted(sides["a"].items())
        if link_id in sides["b"]
    )
    holds = await world.store.rows(Table.HOLD, {"sync": sync.name, "state": "open", "kind": ["ambiguous", "linked"]})
    held = [one for subject in holds["subject"] for one in json.loads(subject)]
    linked_a = {pair.salesforce_id for pair in pairs}
    linked_b = {pair.marketo_id for pair in pairs}
    return Linked(
        pairs=pairs,
        held_a=frozenset(one["record_id"] for one in held if one["side"] == "a") - linked_a,
        held_b=frozenset(one["record_id"] for one in held if one["side"] == "b") - linked_b,
    )


async def duplicates_created(
    world: World, sync: Sync, sandboxes: Sandboxes, true_pairs: TruePairs, made_by_people: tuple[Set[str], Set[str]]
) -> int:
    """How many records Syncline made, on either side, for somebody whose true twin already was there.

    Counted in the systems themselves: every record that no person made (*made_by_people*: ids in Salesforce, in
    Marketo) was made by Syncline, and says whom it was made from. One that does not say, or that was made from
    somebody another one was made from already, counts as well.
    """
    made_in_marketo = await _made_in_marketo(sandboxes, made_by_people[1])
    made_in_salesforce = await _made_in_salesforce(world, sync, made_by_people[0])
    twins_in_marketo, twins_in_salesforce = {a for a, _ in true_pairs}, {b for _, b in true_pairs}
    return _wrong(made_in_marketo, twins_in_marketo) + _wrong(made_in_salesforce, twins_in_salesforce)


def _wrong(origins: Iterable[str | None], with_twin: Set[str]) -> int:
    counts = Counter(origins)
    nameless = counts.pop(None, 0)
    repeated = sum(count - 1 for count in counts.values())
    return nameless + repeated + sum(origin in with_twin for origin in counts)


async def _made_in_marketo(sandboxes: Sandboxes, made_by_people: Set[str]) -> list[str | None]:
    """The Salesforce ids that Syncline's new people say they were made from."""
    wanted = {"field": "leadPartitionId", "values": [1], "fields": ["synclineSfdcId"]}
    rows: list[Mapping[str, str | int | None]] = sandboxes.marketo.post("people/read", wanted)
    return [
        str(row["synclineSfdcId"]) if row["synclineSfdcId"] else None
        for row in rows
        if str(row["id"]) not in made_by_people
    ]


async def _made_in_salesforce(world: World, sync: Sync, made_by_people: Set[str]) -> list[str | None]:
    """The Marketo ids that the keys of Syncline's new leads and contacts name."""
    out: list[str | None] = []
    for object_type, key_field in sync.a.key_fields.items():
        connector = world.connectors[sync.a.connection]
        async for page in connector.read_all(object_type, [key_field]):
            for record_id, key in page.rows.select(ID, key_field).iter_rows():
                if record_id not in made_by_people:
                    out.append(key.rpartition(".")[2] if key else None)
    return out
