"""Aggregate queries: the rows of GROUP BY, with the subtotals of ROLLUP and CUBE, and of aggregates without it.

SOQL and SOSL Reference, "GROUP BY", "GROUP BY ROLLUP", "GROUP BY CUBE", "Identify Subtotals with GROUP BY", "HAVING",
"Aggregate Functions". Nulls make a group of their own; text groups as it sorts, so `Acme` and `ACME` are one group.
A column is named by its alias, a field by its own name, an aggregate without alias `expr0`, `expr1` ….
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

from .compiled import Cell, CompiledQuery, Node, RowsById
from .errors import INVALID_FIELD, MALFORMED_QUERY, SoqlError, pointed
from .expressions import DATE_FUNCTIONS, Expressions, Grouping
from .families import sorted_as
from .predicates import Sql
from .scope import Resolved, Scope
from .statement import Statement, cut
from .syntax import Call, Expression, Item, Path, Query, Subquery, TypeOf

MAX_SUBTOTAL_FIELDS = 3


@dataclass(slots=True)
class Groups:
    """Compiles one aggregate query."""

    statement: Statement
    query: Query
    scope: Scope
    root: Node = field(default_factory=lambda: Node("", "AggregateResult", None))

    def compiled(self) -> CompiledQuery:
        """The whole query."""
        self._check()
        grouped = [self._grouped(expression) for expression in self.query.group_by]
        self._shape(Grouping(frozenset(value.sql for value in grouped)))
        where = self.statement.where(self.query, self.scope, outermost=True)
        branches = [self._branch(grouped, totalled, where) for totalled in _totalled(self.query.subtotals, grouped)]
        shown = ", ".join(f"c{index}" for index in range(len(self.root.entries)))
        inner = " UNION ALL ".join(sql for sql, _ in branches)
        sql = f"SELECT {shown} FROM ({inner}){self._order()}{cut(self.query)}"
        return CompiledQuery(
            kind="aggregate",
            sobject=self.scope.sobject.name,
            sql=sql,
            count_sql=f"SELECT COUNT(*) FROM ({sql})",
            ids_sql="",
            parameters=tuple(value for _, values in branches for value in values),
            by_id=RowsById("", (), self.root),
            column_names=tuple(entry.key for entry in self.root.entries),
        )

    def _check(self) -> None:
        query, at = self.query, self.query.from_at
        if query.limit is not None and not query.group_by:
            raise self._malformed("Non-grouped query that uses overall aggregate functions cannot also use LIMIT", at)
        if query.subtotals and len(query.group_by) > MAX_SUBTOTAL_FIELDS:
            raise self._malformed(f"GROUP BY {query.subtotals} takes at most {MAX_SUBTOTAL_FIELDS} fields", at)

    def _grouped(self, expression: Expression) -> Resolved:
        value = Expressions(self.scope, self.statement.zone).resolve(expression)
        if not value.groupable or (isinstance(expression, Call) and expression.function not in DATE_FUNCTIONS):
            message = f"field '{value.name}' can not be grouped in a query call"
            raise pointed(INVALID_FIELD, message, self.statement.text, expression.at)
        return value

    def _shape(self, grouping: Grouping) -> None:
        """The keys and types of the columns."""
        expressions = self._expressions(grouping)
        unnamed = 0
        for index, item in enumerate(self.query.items):
            expression = self._expression(item)
            value = expressions.resolve(expression)
            key = item.alias or (value.name if isinstance(expression, Path) else "")
            if not key:
                key, unnamed = f"expr{unnamed}", unnamed + 1
            if any(entry.key.lower() == key.lower() for entry in self.root.entries):
                raise self._malformed(f"duplicate alias: {key}", expression.at)
            self.root.entries.append(Cell(key, index, value.type))

    def _expression(self, item: Item) -> Expression:
        if isinstance(item.expression, Subquery | TypeOf):
            message = "Sub-queries and TYPEOF are not allowed in aggregate queries"
            raise self._malformed(message, item.expression.at)
        return item.expression

    def _branch(self, grouped: list[Resolved], totalled: frozenset[str], where: Sql) -> Sql:
        """The rows of one grouping, with the keys they are sorted by behind the columns."""
        grouping = Grouping(frozenset(value.sql for value in grouped), totalled)
        expressions = self._expressions(grouping)
        columns = [
            f"{expressions.resolve(self._expression(item)).sql} AS c{index}"
            for index, item in enumerate(self.query.items)
        ]
        ordered = replace(expressions, complaint="Ordered field", shown=False)
        terms = self.statement.order_terms(self.query, ordered)
        columns += [f"{sql} AS o{index}" for index, (sql, _) in enumerate(terms)]
        kept = [sorted_as(value) for value in grouped if value.sql not in totalled]
        # A grand total is there although nothing is grouped; without rows there is no group and no total of groups.
        group = f" GROUP BY {', '.join(kept)}" if kept else " GROUP BY NULL" if grouped else ""
        having, values = self.statement.having(self.query, self.scope, grouping)
        sql = f"SELECT {', '.join(columns)} {self.scope.from_sql}{where[0]}{group}{having}"
        return sql, [*self.scope.join_values, *where[1], *values]

    def _order(self) -> str:
        expressions = self._expressions(self._whole_grouping())
        terms = self.statement.order_terms(self.query, replace(expressions, shown=False))
        keys = [f"o{index}{_collation(sql)}{direction}" for index, (sql, direction) in enumerate(terms)]
        return " ORDER BY " + ", ".join(keys) if keys else ""

    def _whole_grouping(self) -> Grouping:
        return Grouping(frozenset(self._grouped(expression).sql for expression in self.query.group_by))

    def _expressions(self, grouping: Grouping) -> Expressions:
        return Expressions(self.scope, self.statement.zone, grouping, aggregates=True, shown=True)

    def _malformed(self, message: str, at: int) -> SoqlError:
        return pointed(MALFORMED_QUERY, message, self.statement.text, at)


def _collation(sql: str) -> str:
    """The collation a sort key had inside, which a sub-select does not hand out when it is an expression."""
    return " COLLATE NOCASE" if sql.endswith(" COLLATE NOCASE") else ""


def _totalled(subtotals: str, grouped: list[Resolved]) -> Iterator[frozenset[str]]:
    """For each kind of row what is rolled up in it: nothing in the groups themselves, which come first."""
    names = [value.sql for value in grouped]
    if subtotals == "ROLLUP":
        for kept in range(len(names), -1, -1):
            yield frozenset(names[kept:])
    elif subtotals == "CUBE":
        for count in range(len(names) + 1):
            yield from map(frozenset, combinations(names, count))
    else:
        yield frozenset()
