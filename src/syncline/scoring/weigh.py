"""Splink as a `Score`: a calculation over frames in a DuckDB in memory that can reach nothing outside itself.

Splink (https://moj-analytical-services.github.io/splink/) comes with the extra `syncline[probabilistic]`. Everything it
could learn is given: the m and u probabilities and the prior (its "Settings dictionary" guide), nothing is trained and
no term frequencies are counted, so the weight of a pair depends on that pair alone. It gets one row per pair and side;
its blocking rule puts each pair together again.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import duckdb
import polars as pl

from syncline.errors import ConfigError
from syncline.reconcile.match_score import PROBABILITY, Score
from syncline.spec.model import Likeness, Probabilities

_LIBRARY = "splink"
_PAIR = "pair"


def scorer(*, memory_limit_mb: int = 512) -> Score:
    """A `Score` on Splink. ConfigError SYN-125 if Splink is not installed."""
    if find_spec(_LIBRARY) is None:
        raise ConfigError(
            "A sync matches by probability, for which the package splink is not installed.",
            code="SYN-125",
            remedy="Install it: pip install 'syncline[probabilistic]', or take `probabilistic` out of the file.",
        )

    def score(cells: pl.DataFrame, by: Probabilities) -> pl.DataFrame:
        return _scored(cells, by, memory_limit_mb)

    return score


def _scored(cells: pl.DataFrame, by: Probabilities, memory_limit_mb: int) -> pl.DataFrame:
    from splink import DuckDBAPI, Linker

    names = {key: f"c{number}" for number, key in enumerate(by.columns)}  # a key never becomes a part of SQL
    sides = [
        cells.select(pl.int_range(pl.len()).alias(_PAIR), *(pl.col(f"{s}.{k}").alias(n) for k, n in names.items()))
        for s in ("a", "b")
    ]
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "memory_limit": f"{memory_limit_mb}MB",
        "threads": "2",
    }
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute("SET lock_configuration = true")
        api = DuckDBAPI(connection=connection)
        tables = [api.register(side.to_arrow(), dataset_display_name=f"side_{n}") for n, side in enumerate(sides)]
        linker = Linker(tables, _settings(by, names), log_level=None)
        found: pl.DataFrame = linker.inference.predict(warning_mode="never").as_duckdbpyrelation().pl()
    weights = [pl.col(f"mw_{name}").cast(pl.Float64).alias(key) for key, name in names.items()]
    return found.sort(f"{_PAIR}_l").select(pl.col("match_probability").alias(PROBABILITY), *weights)


def _settings(by: Probabilities, names: dict[str, str]) -> dict[str, Any]:
    return {
        "link_type": "link_only",
        "unique_id_column_name": _PAIR,
        "probability_two_random_records_match": by.prior,
        "blocking_rules_to_generate_predictions": [f"l.{_PAIR} = r.{_PAIR}"],
        "comparisons": [_comparison(names[key], levels) for key, levels in by.columns.items()],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
    }


def _comparison(name: str, levels: tuple[Likeness, ...]) -> dict[str, Any]:
    unknown = {"sql_condition": f"{name}_l IS NULL OR {name}_r IS NULL", "is_null_level": True}
    alike = [_level(condition(name, level), level.same, level.strangers) for level in levels]
    rest = _level("ELSE", 1 - sum(level.same for level in levels), 1 - sum(level.strangers for level in levels))
    return {"output_column_name": name, "comparison_levels": [unknown, *alike, rest]}


def _level(condition: str, same: float, strangers: float) -> dict[str, Any]:
    return {"sql_condition": condition, "m_probability": same, "u_probability": strangers}


def condition(name: str, level: Likeness) -> str:
    """Whether the columns `<name>_l` and `<name>_r` are that alike, as SQL; the functions are those Splink's own
    comparisons use on DuckDB."""
    if level.similarity is not None:
        return f"jaro_winkler_similarity({name}_l, {name}_r) >= {level.similarity!r}"
    if level.edits is not None:
        return f"damerau_levenshtein({name}_l, {name}_r) <= {level.edits!r}"
    return f"{name}_l = {name}_r"
