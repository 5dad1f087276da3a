"""Splink as its documentation sets it up for the FEBRL data, without soc_sec_id. Nothing here is tuned by us.

Sources: Splink documentation, examples "Deduplicating the febrl3 dataset" (one file) and "Linking the febrl4 datasets",
detailed model (two files). What differs: soc_sec_id is in no blocking rule, comparison or deterministic rule, and the
random sampling of febrl4 has the seed that febrl3's has.
"""

from __future__ import annotations

import duckdb
import polars as pl
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.blocking_rule_library import CustomRule
from splink.internals.blocking_rule_creator import BlockingRuleCreator
from splink.internals.splink_dataframe import SplinkDataFrame

_SWAPPED = "l.given_name = r.surname and l.surname = r.given_name"
_SEED = 2


def _dedupe() -> SettingsCreator:
    return SettingsCreator(
        unique_id_column_name="id",
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[
            block_on("given_name"),
            block_on("surname"),
            block_on("date_of_birth"),
            block_on("postcode"),
        ],
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ],
    )


def _link() -> SettingsCreator:
    return SettingsCreator(
        unique_id_column_name="id",
        link_type="link_only",
        blocking_rules_to_generate_predictions=[
            block_on("given_name", "surname"),
            CustomRule(_SWAPPED),
            block_on("date_of_birth"),
            block_on("state", "address_1"),
            block_on("street_number", "address_1"),
            block_on("postcode"),
        ],
        comparisons=[
            cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True
            ),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True),
        ],
    )


def splink_pairs(a: pl.DataFrame, b: pl.DataFrame | None, least: float) -> pl.DataFrame:
    """Pairs of ids `one` and `two` with a match `probability` of at least *least*; trained on these very rows."""
    same_person = block_on("given_name", "surname", "date_of_birth")
    with duckdb.connect() as connection:
        api = DuckDBAPI(connection=connection)
        sides = [_registered(api, f"side_{name}", rows) for name, rows in (("a", a), ("b", b)) if rows is not None]
        linker = Linker(sides, _dedupe() if b is None else _link(), log_level=None)
        known: list[str | BlockingRuleCreator] = (
            [same_person, f"{_SWAPPED} and l.date_of_birth = r.date_of_birth"] if b is None else [same_person]
        )
        linker.training.estimate_probability_two_random_records_match(known, recall=0.9 if b is None else 0.8)
        linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=_SEED)
        for blocked in ("date_of_birth", "postcode"):
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(blocked), estimate_without_term_frequencies=b is not None
            )
        found: pl.DataFrame = linker.inference.predict(threshold_match_probability=least).as_duckdbpyrelation().pl()
    left, right = pl.col("id_l"), pl.col("id_r")
    if b is None:
        left, right = pl.min_horizontal(left, right), pl.max_horizontal(left, right)
    else:
        is_turned = pl.col("source_dataset_l") == "side_b"
        left, right = pl.when(is_turned).then(right).otherwise(left), pl.when(is_turned).then(left).otherwise(right)
    return found.select(one=left, two=right, probability="match_probability")


def _registered(api: DuckDBAPI, name: str, rows: pl.DataFrame) -> SplinkDataFrame:
    """The rows as Splink's table; what the set does not say is null, as in its examples."""
    blanked = rows.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)))
    return api.register(blanked.to_arrow(), dataset_display_name=name)
