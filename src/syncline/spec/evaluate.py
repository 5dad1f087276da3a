"""Evaluates checked SQL over canonical cells, vectorised, in a DuckDB that can reach nothing outside itself.

Lives here: typing cells for SQL and bringing results back to canonical text. An empty cell is SQL null; an unread cell
too. What may be evaluated is decided in `expressions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import polars as pl

from syncline.spec.expressions import parse
from syncline.values import EMPTY, FieldType, canonical

_SQL_TYPES: dict[FieldType, str] = {
    FieldType.NUMBER: "DECIMAL(38, 9)",
    FieldType.INTEGER: "BIGINT",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.DATETIME: "TIMESTAMPTZ",
}


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
        """Boolean per row; null where SQL says null."""
        return self._run(f"CAST(({parse(expression).sql}) AS BOOLEAN)", cells, types).cast(pl.Boolean)

    def scalar(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType], out: FieldType) -> pl.Series:
        """Canonical text of type *out* per row; "" for SQL null. A result that does not fit the type stays as it is
        and is the target's to refuse."""
        texts = self._run(f"CAST(({parse(expression).sql}) AS VARCHAR)", cells, types)
        known = {text: _canonical(out, text) for text in texts.unique().to_list()}
        return pl.Series([known[text] for text in texts.to_list()], dtype=pl.String)

    def _run(self, sql: str, cells: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.Series:
        if cells.is_empty():
            return pl.Series([], dtype=pl.String)
        columns = [_typed(name, types.get(name, FieldType.TEXT)) for name in cells.columns]
        numbered = cells.with_row_index("_row")
        self._connection.register("cells", numbered.to_arrow())
        try:
            inner = f"SELECT _row, {', '.join(columns)} FROM cells" if columns else "SELECT _row FROM cells"
            rows = self._connection.execute(f"SELECT {sql} FROM ({inner}) ORDER BY _row").fetchall()
        finally:
            self._connection.unregister("cells")
        return pl.Series([row[0] for row in rows], strict=False)


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
