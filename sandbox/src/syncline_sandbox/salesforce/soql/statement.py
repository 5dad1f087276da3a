"""What the SELECTs of one statement share, and the clauses every one of them may have: WHERE, ORDER BY, LIMIT.

SOQL and SOSL Reference, "WHERE", "USING SCOPE", "ORDER BY", "LIMIT", "OFFSET". Nulls come first unless said otherwise,
whichever the direction ("By default, null values are sorted first"). What is never asked for but always holds: rows
are not deleted, not archived (queryAll sees both), and visible to the user.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from .catalog import SoqlObject, SoqlRights, SoqlSchema
from .errors import INVALID_FIELD, pointed
from .expressions import Expressions, Grouping
from .families import picklist_rank, sorted_as
from .names import unknown_object
from .predicates import Predicates, Sql
from .scope import Scope
from .semi_joins import SemiJoins
from .syntax import Order, Path, Query

_NEVER_SORTED = frozenset({"multipicklist", "address", "location"})
_ONLY_IN_WHERE = "Semi-joins are only supported in WHERE clauses"


@dataclass(slots=True)
class Statement:
    """One statement: who asks when, and of which schema. `also` must hold for the rows of the outermost SELECT."""

    text: str
    schema: SoqlSchema
    rights: SoqlRights
    now: datetime
    include_deleted: bool = False
    api_version: float = 59.0
    also: tuple[str, Sequence[object]] | None = None
    aliases: Iterator[int] = field(default_factory=itertools.count)

    @property
    def zone(self) -> str:
        """The user's time zone by name."""
        return getattr(self.now.tzinfo, "key", "UTC")

    def scope(self, query: Query, sobject: SoqlObject | None = None) -> Scope:
        """The row source of a SELECT, its object known and readable."""
        named = {alias.lower(): path for alias, path in query.path_aliases}
        found = sobject or self._object(query)
        return Scope(self.text, self.schema, self.rights, found, self.aliases, query.alias, named)

    def _object(self, query: Query) -> SoqlObject:
        name = ".".join(query.from_names)
        sobject = self.schema.sobject(name)
        if sobject is None or not sobject.queryable or not self.rights.can_read_object(sobject.name):
            raise unknown_object(name, self.text, query.from_at)
        return sobject

    def where(self, query: Query, scope: Scope, *, outermost: bool = False, nested: bool = False) -> Sql:
        """WHERE with what always holds. *nested* is inside a semi-join, where no other may stand."""
        parts: list[str] = []
        values: list[object] = []
        if query.where is not None:
            expressions = Expressions(scope, self.zone)
            semi_joins = SemiJoins(expressions, None if nested else self._inner_select)
            sql, bound_values = Predicates(expressions, self.now, semi_joins).sql(query.where)
            parts.append(sql)
            values += bound_values
        for sql, more in self._always(query, scope, outermost=outermost):
            parts.append(sql)
            values += more
        return (f" WHERE {' AND '.join(parts)}" if parts else ""), values

    def _always(self, query: Query, scope: Scope, *, outermost: bool) -> Iterator[tuple[str, Sequence[object]]]:
        sobject = scope.sobject
        if query.scope is not None:
            yield from self._filter_scope(query.scope, scope)
        if not self.include_deleted:
            if sobject.soft_deletable:
                yield f'{scope.row}."IsDeleted" = 0', ()
            if sobject.archived_sql is not None:
                yield f"NOT {sobject.archived_sql.replace('{row}', scope.row)}", ()
        visible = self.rights.visible_rows(sobject.name, scope.row)
        if visible is not None:
            yield f"({visible[0]})", visible[1]
        if outermost and self.also is not None:
            yield f"({self.also[0].replace('{row}', scope.row)})", self.also[1]

    def _filter_scope(self, path: Path, scope: Scope) -> Iterator[tuple[str, Sequence[object]]]:
        """`everything` of any object, `mine` of one with an owner ("USING SCOPE"); others this org has not."""
        name = path.names[0].lower()
        owner = scope.readable(scope.sobject, "OwnerId")
        if name == "mine" and owner is not None:
            yield f"{owner.sql.replace('{row}', scope.row)} = ?", (self.rights.user_id,)
        elif name != "everything":
            message = f"scope '{path.names[0]}' is not supported by '{scope.sobject.name}'"
            raise pointed("INVALID_QUERY_SCOPE", message, self.text, path.at)

    def having(self, query: Query, scope: Scope, grouping: Grouping) -> Sql:
        """HAVING of grouped rows; no SQL where there is none."""
        if query.having is None:
            return "", []
        expressions = Expressions(scope, self.zone, grouping, aggregates=True)
        semi_joins = SemiJoins(expressions, None, _ONLY_IN_WHERE)
        sql, values = Predicates(expressions, self.now, semi_joins).sql(query.having)
        return f" HAVING {sql}", values

    def _inner_select(self, query: Query) -> tuple[str, list[object], str]:
        """The SELECT of a semi-join: one id or reference field, nulls left out."""
        scope = self.scope(query)
        expression = query.items[0].expression
        value = Expressions(scope).resolve(expression) if isinstance(expression, Path) else None
        if value is None or value.type not in ("id", "reference") or value.parent is not None:
            name = value.name if value is not None else ""
            message = f"The selected field '{name}' in the subquery of a semi join is not an id field"
            raise pointed(INVALID_FIELD, message, self.text, query.from_at)
        where, values = self.where(query, scope, nested=True)
        sql = f"SELECT {value.sql} {scope.from_sql}{where}{' AND' if where else ' WHERE'} {value.sql} IS NOT NULL"
        return sql, [*scope.join_values, *values], scope.sobject.name

    def order_terms(self, query: Query, expressions: Expressions) -> list[tuple[str, str]]:
        """What ORDER BY sorts by: the SQL of each key with its collation, and the direction that follows it."""
        return [term for order in query.order_by for term in self._order(order, expressions)]

    def order_by(self, query: Query, scope: Scope) -> str:
        """ORDER BY of plain records, with a blank in front; nothing where there is none."""
        terms = self.order_terms(query, Expressions(scope, self.zone))
        return " ORDER BY " + ", ".join(f"{sql}{direction}" for sql, direction in terms) if terms else ""

    def _order(self, order: Order, expressions: Expressions) -> Iterator[tuple[str, str]]:
        value = expressions.resolve(order.expression)
        if not value.sortable or value.type in _NEVER_SORTED:
            message = f"field '{value.name}' can not be sorted in a query call"
            raise pointed(INVALID_FIELD, message, self.text, order.expression.at)
        direction = " DESC" if order.descending else ""
        # SQLite puts nulls first when ascending, last when descending: said only where it differs, to keep indexes.
        nulls = {(False, True): " NULLS LAST", (True, False): " NULLS FIRST"}
        direction += nulls.get((order.descending, order.nulls_last), "")
        rank = picklist_rank(value)
        if rank is not None:
            yield rank, direction
        yield sorted_as(value), direction


def cut(query: Query) -> str:
    """LIMIT and OFFSET, with a blank in front; nothing where there is neither."""
    if query.limit is None and query.offset is None:
        return ""
    limit = -1 if query.limit is None else query.limit
    return f" LIMIT {limit} OFFSET {query.offset or 0}"
