"""What the Bulk APIs refuse of a query, before its names are looked at.

Bulk API 2.0 Developer Guide, "Query Jobs", and Bulk API Developer Guide, "SOQL Queries": no GROUP BY, aggregates,
OFFSET, TYPEOF or child sub-queries; compound fields and FIELDS(ALL|CUSTOM) are refused where they are resolved.
"""

from __future__ import annotations

from .errors import SoqlError
from .expressions import AGGREGATES, DATE_FUNCTIONS
from .syntax import Query, Subquery, TypeOf, functions_of


def refuse_for_bulk(query: Query) -> None:
    """SoqlError API_ERROR for what Bulk does not answer."""
    expressions = [item.expression for item in query.items]
    functions = functions_of(query) & (AGGREGATES.keys() | DATE_FUNCTIONS.keys())
    rules = (
        (bool(functions or query.group_by) or query.having is not None, "Aggregate Relationships"),
        (any(isinstance(expression, Subquery) for expression in expressions), "Nested queries"),
        (any(isinstance(expression, TypeOf) for expression in expressions), "TYPEOF expressions"),
        (query.offset is not None, "Offset"),
    )
    for broken, what in rules:
        if broken:
            raise SoqlError("API_ERROR", f"{what} not supported in Bulk Query")
