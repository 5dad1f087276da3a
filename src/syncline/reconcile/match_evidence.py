"""What a match rule compared, as JSON text: the evidence of a link or of a doubt. Decides nothing."""

from __future__ import annotations

import polars as pl

from syncline.reconcile.match_pairs import NAMED, RECORD_ID, SELF
from syncline.spec.model import MatchRule


def _compared(rule: MatchRule, name_keys: tuple[str, str]) -> dict[str, tuple[str, str]]:
    """What the evidence calls it, and the columns of a and b that were compared."""
    if rule.by_key:
        return {"key_of_b": (NAMED, SELF), "key_of_a": (SELF, NAMED)}
    if rule.by_id is not None:
        return {rule.by_id: (RECORD_ID, rule.by_id)}
    return {key: (key, key) for key in (*rule.compared_keys(), *(name_keys if rule.compatible_name else ()))}


def _cell(side: pl.DataFrame, name: str) -> pl.Series:
    return side[name].cast(pl.String) if name in side.columns else pl.Series([None] * side.height, dtype=pl.String)


def _two(left: pl.Series, right: pl.Series) -> pl.Series:
    return pl.DataFrame({"left": left, "right": right}).select(pl.concat_list("left", "right"))["left"]


def evidence(
    rule: MatchRule, name_keys: tuple[str, str], a: pl.DataFrame, b: pl.DataFrame, weighed: pl.Series | None = None
) -> pl.Series:
    """Row by row of *a* and *b* (as long as each other): rule, both records, and per key the cells of a and of b; if
    the pairs were *weighed* (match_score.WEIGHED), their probability and the weight of each key."""
    columns = {"rule": pl.Series([rule.name] * a.height, dtype=pl.String)}
    for name, side in (("a", a), ("b", b)):
        columns[name] = side["object_type"] + "/" + side["record_id"]
    for name, (of_a, of_b) in _compared(rule, name_keys).items():
        columns[name] = _two(_cell(a, of_a), _cell(b, of_b))
    if weighed is not None:
        columns |= {part.name: part for part in weighed.struct.unnest()}
    return pl.DataFrame(columns).select(evidence=pl.struct(pl.all()).struct.json_encode())["evidence"]
