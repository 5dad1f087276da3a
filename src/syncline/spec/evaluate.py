"""Evaluates checked SQL over canonical cells, vectorised, in a DuckDB that can reach nothing outside itself.

Lives here: typing cells for SQL and bringing results back to canonical text. An empty cell is SQL null; an unread cell
too. What may be evaluated is decided in `expressions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import polars as pl

from syncline.errors import ConfigError
from syncline.spec.expressions import parse
from syncline.values import EMPTY, FieldType, canonical

_SQL_TYPES: dict[FieldType, str] = {
    FieldType.NUMBER: "DECIMAL(38, 9)",
    FieldType.INTEGER: "BIGINT",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.DATETIME: "TIMESTAMPTZ",
}

_ROW = "@row"  # no field's name can be this
_QUOTED_ROW = f'"{_ROW}"'


class DuckEvaluator:
    """Evaluates expressions. External access is off and the configuration locked; time zone UTC."""

    def __init__(self, *, memory_limit_mb: int = 512) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {
            "enable_external_access": "false",
            "memory_limit": f"{memory_limit_mb}MB",
            "threads": "2",
        }
        self._connection = duckdb.connect(":memory:", config=config)
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET lock_configuration = true")

    def predicate(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.Series:
        """Boolean per row; null where SQL says null. ConfigError SYN-134 if it cannot be evaluated."""
        return self._run("BOOLEAN", expression, cells, types).cast(pl.Boolean)

    def scalar(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType], out: FieldType) -> pl.Series:
        """Canonical text of type *out* per row; "" for SQL null. A result that does not fit the type stays as it is
        and is the target's to refuse. ConfigError SYN-134 if it cannot be evaluated."""
        texts = self._run("VARCHAR", expression, cells, types)
        known = {text: _canonical(out, text) for text in texts.unique().to_list()}
        return pl.Series([known[text] for text in texts.to_list()], dtype=pl.String)

    def _run(self, out: str, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.Series:
        """Also bound when there are no rows: an expression that can never work says so at once."""
        sql = f"CAST(({parse(expression).sql}) AS {out})"
        columns = [_typed(name, types.get(name, FieldType.TEXT)) for name in cells.columns]
        numbered = cells.with_row_index(_ROW)
        self._connection.register("cells", numbered.to_arrow())
        try:
            inner = f"SELECT {', '.join([_QUOTED_ROW, *columns])} FROM cells"
            rows = self._connection.execute(f"SELECT {sql} FROM ({inner}) ORDER BY {_QUOTED_ROW}").fetchall()
        except duckdb.Error as error:
            raise _cannot(expression, error) from None  # its text quotes people's values
        finally:
            self._connection.unregister("cells")
        return pl.Series([row[0] for row in rows], dtype=pl.Boolean if out == "BOOLEAN" else pl.String)


_WHY: tuple[tuple[type[duckdb.Error], str, str], ...] = (
    (duckdb.ConversionException, "a value cannot be converted", "Use TRY_CAST, which gives null for such a value."),
    (duckdb.OutOfMemoryException, "it needs too much memory", "Make its results shorter."),
    (duckdb.BinderException, "a function or operator does not fit the types of its fields", "Cast the fields first."),
)


def _cannot(expression: str, error: duckdb.Error) -> ConfigError:
    why, remedy = next(
        ((words, remedy) for kind, words, remedy in _WHY if isinstance(error, kind)), (type(error).__name__, None)
    )
    return ConfigError(f"{expression!r} cannot be evaluated: {why}.", code="SYN-134", remedy=remedy)


def _typed(name: str, field_type: FieldType) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    sql_type = _SQL_TYPES.get(field_type)
    blank = f"NULLIF({quoted}, '')"
    return f"TRY_CAST({blank} AS {sql_type}) AS {quoted}" if sql_type else f"{blank} AS {quoted}"


def _canonical(out: FieldType, text: str | None) -> str:
    if text is None:
        return EMPTY
    try:
        return canonical(out, text)
    except ValueError:
        return text
