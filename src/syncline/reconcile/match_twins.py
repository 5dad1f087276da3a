"""Twins: records of one side that are about to be created on the other and would fit each other's counterpart. Pure.

Were both created at once, what they are would depend on the order: one after the other, the second finds a candidate
that is linked already, and waits for a person. So only the first of them goes; the others are looked at again when it
stands there. Not here: matching across sides (`match`).
"""

from __future__ import annotations

import polars as pl

from syncline.reconcile.match import prepared
from syncline.reconcile.match_pairs import PROFILE, ROW, fitting, profiles
from syncline.records import Side
from syncline.spec.model import MatchRule

TWINS = {"object_type": pl.String(), "record_id": pl.String(), "first_type": pl.String(), "first_id": pl.String()}


def later_twins(
    records: pl.DataFrame, side: Side, rules: tuple[MatchRule, ...], name_keys: tuple[str, str]
) -> pl.DataFrame:
    """TWINS: those of *records* (as `match` takes them) that fit an earlier one by a rule that links, and the earliest
    they fit. The order is that of object types and record ids."""
    parts = [pl.DataFrame(schema=TWINS)]
    for rule in rules:
        if rule.by_key or rule.by_id is not None or rule.only_holds or rule.probabilities is not None:
            continue
        rows = prepared(records, side, (rule,), name_keys)
        own = profiles(rows, rule, side, name_keys)
        pairs = fitting(rule, own, own, None).filter(~pl.col("contradicts"))
        found = (
            pairs.join(own.members, left_on="a", right_on=PROFILE)
            .join(own.members, left_on="b", right_on=PROFILE, suffix="_b")
            .filter(pl.col(ROW) < pl.col(f"{ROW}_b"))
            .group_by(f"{ROW}_b")
            .agg(pl.col(ROW).min())
        )
        later, first = rows[found[f"{ROW}_b"]], rows[found[ROW]]
        parts.append(
            later.select("object_type", "record_id").with_columns(
                first_type=first["object_type"], first_id=first["record_id"]
            )
        )
    return pl.concat(parts).unique(["object_type", "record_id"], keep="first", maintain_order=True)
