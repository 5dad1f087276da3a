"""How a query would be run: `query?explain=…`.

"Query Performance Feedback (Beta)" of the REST API Developer Guide: one plan for each index the filters could use, and
one that reads the whole table; the cheapest first. The costs are this org's own estimate: below 1 is selective, with
the thresholds of the vendor's article on the performance of SOQL (30 % of the first million rows).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from .schema import Schema, SObject
from .soql import CompiledQuery
from .soql.parser import parse
from .soql.syntax import Comparison, Condition, Logic, Path

_SELECTIVE_SHARE = 0.3
_SCAN_COST = 0.65
_STANDARD_INDEXES = frozenset({"Id", "Name", "OwnerId", "RecordTypeId", "CreatedDate", "SystemModstamp"})
_INDEXED_OPERATORS = frozenset({"=", "<", "<=", ">", ">=", "IN"})


def plans(text: str, compiled: CompiledQuery, schema: Schema, db: sqlite3.Connection) -> list[dict[str, Any]]:
    """The plans of a query that compiled, from the cheapest."""
    sobject = schema.sobject(compiled.sobject)
    assert sobject is not None
    (rows,) = db.execute(f'SELECT count(*) FROM "{sobject.table}"').fetchone()
    (found,) = db.execute(compiled.count_sql, compiled.parameters).fetchone()
    threshold = max(1.0, rows * _SELECTIVE_SHARE)
    indexed = [_plan(sobject, rows, found, [name], found / threshold) for name in _indexes(parse(text).where, sobject)]
    scan = _plan(sobject, rows, found, [], max(_SCAN_COST, rows / threshold))
    return sorted([*indexed, scan], key=lambda plan: float(plan["relativeCost"]))


def _plan(sobject: SObject, rows: int, found: int, fields: list[str], cost: float) -> dict[str, Any]:
    note = {
        "description": "Not considering filter for optimization because unindexed",
        "fields": ["IsDeleted"],
        "tableEnumOrId": sobject.name,
    }
    return {
        "cardinality": found,
        "fields": fields,
        "leadingOperationType": "Index" if fields else "TableScan",
        "notes": [note] if sobject.soft_deletable else [],
        "relativeCost": round(cost, 3),
        "sobjectCardinality": rows,
        "sobjectType": sobject.name,
    }


def _indexes(condition: Condition | None, sobject: SObject) -> Iterator[str]:
    """The indexed fields of the filters that hold for every row of the answer."""
    if isinstance(condition, Logic) and condition.operator == "AND":
        for part in condition.parts:
            yield from _indexes(part, sobject)
    if not isinstance(condition, Comparison) or condition.operator not in _INDEXED_OPERATORS:
        return
    path = condition.left
    field = sobject.field(path.names[-1]) if isinstance(path, Path) and len(path.names) == 1 else None
    if field is not None and (
        field.name in _STANDARD_INDEXES or field.type == "reference" or field.external_id or field.unique
    ):
        yield field.name
