"""Held records as groups: the connected components of what fits, each with a stable id, its members and evidence.

A group's id is a hash of its sorted members, so the same doubt has the same id in every run and in every order of
rows. Which pairs are held is decided in match.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import polars as pl

HOLDS = {"hold_id": pl.String(), "kind": pl.String(), "subject": pl.String(), "evidence": pl.String()}
HELD = {"side": pl.String(), "object_type": pl.String(), "record_id": pl.String(), "hold_id": pl.String()}
MEMBERS = {
    "node": pl.Int64(),
    "side": pl.String(),
    "object_type": pl.String(),
    "record_id": pl.String(),
    "is_held": pl.Boolean(),  # false: it is in a link, and part of the group as somebody's candidate
}

_MOST_EVIDENCE = 20


def components(edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Each node of *edges* with the smallest node of its component."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for one, two in edges:
        low, high = sorted((root(one), root(two)))
        parent[high] = low
    return {node: root(node) for node in list(parent)}


def _group_id(members: list[tuple[str, str, str, bool]]) -> str:
    text = json.dumps([member[:3] for member in members], ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _subject(members: list[tuple[str, str, str, bool]]) -> str:
    names = ("side", "object_type", "record_id", "is_held")
    return json.dumps([dict(zip(names, member, strict=True)) for member in members], ensure_ascii=False)


def _evidence(fits: list[str]) -> str:
    shown = ",".join(fits[:_MOST_EVIDENCE])
    return f'{{"fits":[{shown}],"not_shown":{max(0, len(fits) - _MOST_EVIDENCE)}}}'


def grouped(fits: pl.DataFrame, alike: pl.DataFrame, members: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Frames HOLDS (a row per group) and HELD (a row per held record).

    *fits* (columns a, b, evidence) are the pairs of nodes that fit and were not linked, in rule order; *alike* (columns
    a, b) are nodes that look the same to a rule; *members* (MEMBERS) describes every node of both.
    """
    if fits.is_empty() and alike.is_empty():
        return pl.DataFrame(schema=HOLDS), pl.DataFrame(schema=HELD)
    root_of = components([*fits.select("a", "b").iter_rows(), *alike.select("a", "b").iter_rows()])
    roots = pl.DataFrame(
        {"node": root_of.keys(), "root": root_of.values()}, schema={"node": pl.Int64, "root": pl.Int64}
    )
    evidence = fits.join(roots, left_on="a", right_on="node", maintain_order="left")
    by_group = (
        members.join(roots, on="node")
        .sort("side", "object_type", "record_id")
        .group_by("root", maintain_order=True)
        .agg(pl.struct("side", "object_type", "record_id", "is_held").alias("members"))
        .join(evidence.group_by("root", maintain_order=True).agg("evidence"), on="root")
    )
    holds, held = [], []
    for _, structs, evidence in by_group.iter_rows():
        group = [tuple(member.values()) for member in structs]
        hold_id = _group_id(group)
        kind = "ambiguous" if all(is_held for *_, is_held in group) else "linked"
        holds.append((hold_id, kind, _subject(group), _evidence(evidence)))
        held += [(*member, hold_id) for *member, is_held in group if is_held]
    return (
        pl.DataFrame(holds, schema=HOLDS, orient="row").sort("hold_id"),
        pl.DataFrame(held, schema=HELD, orient="row").sort("side", "object_type", "record_id"),
    )
