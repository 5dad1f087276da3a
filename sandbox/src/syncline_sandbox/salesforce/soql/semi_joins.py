"""Semi-joins and anti-joins: `f IN (SELECT …)`, `f NOT IN (SELECT …)`, and where they may stand.

SOQL and SOSL Reference, "Comparison Operators" (main query and sub-query limitations). The inner SELECT leaves nulls
out, sees only rows and fields the user may see, and has deleted rows only where the outer query has. An anti-join
holds for an empty field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import MALFORMED_QUERY, SoqlError, pointed
from .expressions import Expressions
from .families import family_of
from .scope import Resolved
from .syntax import Membership, Path, Query

MAX_SEMI_JOINS = 2
_TOO_MANY = "EXCEEDED_MAX_SEMIJOIN_SUBSELECTS"
_ACTIVITIES = frozenset({"Event", "Task"})
InnerSelect = Callable[[Query], tuple[str, list[object], str]]
"""Compiles the inner SELECT: its SQL, the values bound, the name of its object."""


@dataclass(slots=True)
class SemiJoins:
    """The semi-joins of one WHERE. `inner_select` is None where none may stand, for the reason `refusal`."""

    expressions: Expressions
    inner_select: InnerSelect | None
    refusal: str = "Nesting of semi join sub-selects is not supported"
    count: int = field(default=0, init=False)

    def sql(self, membership: Membership, inside: str) -> tuple[str, list[object]]:
        """The predicate and its values. *inside* is what it stands in: nothing, AND, OR, or something deeper."""
        at = membership.left.at
        if self.inner_select is None:
            raise self._malformed(self.refusal, at)
        if inside == "OR":
            raise self._malformed("Semi join sub-selects are not allowed with the 'OR' operator", at)
        if inside not in ("", "AND"):
            message = "Semi join sub-selects are only allowed at the top level WHERE expressions"
            raise self._malformed(f"{message} and not in nested WHERE expressions.", at)
        self.count += 1
        if self.count > MAX_SEMI_JOINS:
            text = self.expressions.scope.text
            raise pointed(_TOO_MANY, f"Maximum {MAX_SEMI_JOINS} semi join sub-selects are allowed", text, at)
        left = self._left(membership.left)
        self._check_inner(membership.select)
        inner, values, sobject = self.inner_select(membership.select)
        self._check_object(sobject, membership.select.from_at)
        if membership.negated:
            return f"({left.sql} IS NULL OR {left.sql} NOT IN ({inner}))", values
        return f"{left.sql} IN ({inner})", values

    def _left(self, path: Path) -> Resolved:
        left = self.expressions.resolve(path)
        if family_of(left.type).name != "key" or left.parent is not None:
            message = "The left operand field in the where expression for outer query should be an id field"
            raise self._malformed(f"{message}, cannot use: '{'.'.join(left.names)}'", path.at)
        return left

    def _check_inner(self, query: Query) -> None:
        if len(query.items) != 1:
            raise self._malformed("semi join sub-selects can only query one field", query.from_at)
        if query.order_by or query.limit is not None or query.offset is not None or query.group_by:
            raise self._malformed("semi join sub-selects do not allow GROUP BY, ORDER BY or LIMIT", query.from_at)

    def _check_object(self, name: str, at: int) -> None:
        if name == self.expressions.scope.sobject.name:
            raise self._malformed("The inner and outer selects should not be on the same object type", at)
        if name in _ACTIVITIES:
            raise self._malformed(f"Entity '{name}' is not supported for semi join inner selects", at)

    def _malformed(self, message: str, at: int) -> SoqlError:
        return pointed(MALFORMED_QUERY, message, self.expressions.scope.text, at)
