"""`compile_query`: SOQL text in, SQL with bound parameters and the shape of the answer out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal

from .catalog import SoqlField, SoqlObject, SoqlRights, SoqlSchema
from .compiled import CompiledQuery
from .errors import INVALID_FIELD, MALFORMED_QUERY, SoqlError, pointed
from .expressions import AGGREGATES, Expressions
from .families import family_of
from .parser import parse
from .predicates import Predicates, Sql
from .scope import Scope, unknown_children, unknown_object
from .selection import ChildSelect, Selection
from .syntax import Call, Expression, Order, Path, Query, Subquery

Style = Literal["rest", "csv"]


def compile_query(
    text: str,
    schema: SoqlSchema,
    rights: SoqlRights,
    now: datetime,
    *,
    include_deleted: bool = False,
    style: Style = "rest",
) -> CompiledQuery:
    """Compile SOQL for a user.

    *now* is aware, in the user's time zone: named dates turn there. *include_deleted* is what queryAll asks for.
    Style `csv` yields the columns of a Bulk 2.0 query in their CSV form, and refuses what Bulk refuses. Raises
    SoqlError with the vendor's code and text.
    """
    statement = _Statement(text, schema, rights, now, include_deleted)
    query = parse(text)
    if style == "csv":
        return statement.for_bulk(query)
    return statement.for_rest(query)


@dataclass(slots=True)
class _Statement:
    """One statement with its inner SELECTs."""

    text: str
    schema: SoqlSchema
    rights: SoqlRights
    now: datetime
    include_deleted: bool
    aliases: Iterator[int] = field(default_factory=itertools.count)

    def for_rest(self, query: Query) -> CompiledQuery:
        functions = [item.expression for item in query.items if isinstance(item.expression, Call)]
        if len(query.items) == 1 and functions and functions[0].function == "COUNT" and functions[0].argument is None:
            return self._count(query)
        if query.group_by or any(call.function in AGGREGATES for call in functions):
            return self._groups(query)
        return self._records(query, csv=False)

    def for_bulk(self, query: Query) -> CompiledQuery:
        functions = {item.expression.function for item in query.items if isinstance(item.expression, Call)}
        if query.group_by or functions & AGGREGATES.keys():
            raise SoqlError("API_ERROR", "Aggregate Relationships not supported in Bulk Query")
        if query.offset is not None:
            raise SoqlError("API_ERROR", "Offset not supported in Bulk Query")
        return self._records(query, csv=True)

    def _records(self, query: Query, *, csv: bool) -> CompiledQuery:
        if query.having is not None:
            raise pointed(MALFORMED_QUERY, "HAVING needs GROUP BY", self.text, query.from_at)
        scope = self._scope(query)
        selection = Selection(Expressions(scope), query, partial(self._children, scope), csv=csv)
        selection.gather_records()
        return self._finish(query, scope, selection, "records")

    def _groups(self, query: Query) -> CompiledQuery:
        if query.limit is not None and not query.group_by:
            message = "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"
            raise pointed(MALFORMED_QUERY, message, self.text, query.from_at)
        scope = self._scope(query)
        selection = Selection(Expressions(scope), query)
        selection.gather_groups()
        return self._finish(query, scope, selection, "aggregate")

    def _count(self, query: Query) -> CompiledQuery:
        scope = self._scope(query)
        return self._finish(query, scope, Selection(Expressions(scope), query), "count")

    def _finish(
        self, query: Query, scope: Scope, selection: Selection, kind: Literal["records", "count", "aggregate"]
    ) -> CompiledQuery:
        where, values = self._where(query, scope)
        group, group_values = self._group_by(query, scope)
        order = self._order_by(query, scope, grouped=kind == "aggregate")
        cut = _cut(query)
        key = f'{scope.row}."Id"'
        columns = ", ".join(selection.columns) or key
        source = scope.from_sql
        tail = f"{where}{group}"
        inner = columns if kind == "aggregate" else "1"
        # The statements without the columns take the columns' values all the same: one list serves all three.
        taken = f"WITH taken AS (SELECT {', '.join('?' * len(selection.values))}) " if selection.values else ""
        return CompiledQuery(
            kind=kind,
            sobject=scope.sobject.name,
            sql=f"SELECT {columns} {source}{tail}{order}{cut}",
            count_sql=f"{taken}SELECT COUNT(*) FROM (SELECT {inner} {source}{tail}{cut})",
            ids_sql=f"{taken}SELECT {key} {source}{tail}{order}{cut}",
            page_sql=f"SELECT {columns} {source} WHERE {key} IN (SELECT value FROM json_each(?))",
            parameters=(*selection.values, *values, *group_values),
            page_parameters=tuple(selection.values),
            root=selection.root,
            column_names=tuple(selection.names),
        )

    def _children(self, outer: Scope, subquery: Subquery) -> ChildSelect:
        """A sub-query of the SELECT list as one JSON array of rows for each outer row."""
        query = subquery.query
        child, reference = self._child_reference(outer, query)
        if query.group_by or query.having is not None:
            raise pointed(MALFORMED_QUERY, "Aggregate functions are not supported here", self.text, query.from_at)
        scope = Scope(self.text, self.schema, self.rights, child, self.aliases, query.alias)
        selection = Selection(Expressions(scope), query)
        selection.gather_records()
        where, values = self._where(query, scope)
        own = f'{reference.sql.replace("{row}", scope.row)} = {outer.row}."Id"'
        columns = ", ".join(f"{column} AS c{index}" for index, column in enumerate(selection.columns))
        names = ", ".join(f"c{index}" for index in range(len(selection.columns)))
        rows = (
            f"SELECT {columns} {scope.from_sql}{where}{' AND' if where else ' WHERE'} {own}"
            f"{self._order_by(query, scope, grouped=False)}{_cut(query)}"
        )
        sql = f"(SELECT json_group_array(json_array({names})) FROM ({rows}))"
        return ChildSelect(reference.child_relationship_name or "", sql, values, selection.root)

    def _child_reference(self, outer: Scope, query: Query) -> tuple[SoqlObject, SoqlField]:
        name = query.from_names[-1]
        for child, reference in self.schema.child_references(outer.sobject.name):
            if (reference.child_relationship_name or "").lower() == name.lower():
                readable = self.rights.can_read_field(child.name, reference.name)
                if readable and self.rights.can_read_object(child.name):
                    return child, reference
        raise unknown_children(name, self.text, query.from_at)

    def _scope(self, query: Query) -> Scope:
        """The row source of a SELECT, its object known and readable."""
        return Scope(self.text, self.schema, self.rights, self._object(query), self.aliases, query.alias)

    def _object(self, query: Query) -> SoqlObject:
        name = ".".join(query.from_names)
        sobject = self.schema.sobject(name)
        if sobject is None or not sobject.queryable or not self.rights.can_read_object(sobject.name):
            raise unknown_object(name, self.text, query.from_at)
        return sobject

    def _where(self, query: Query, scope: Scope, *, nested: bool = False) -> Sql:
        """WHERE with what is never asked for but always holds: not deleted, visible to the user."""
        parts: list[str] = []
        values: list[object] = []
        if query.where is not None:
            inner_select = None if nested else self._inner_select
            sql, bound_values = Predicates(Expressions(scope), self.now, inner_select).sql(query.where)
            parts.append(sql)
            values += bound_values
        if scope.sobject.soft_deletable and not self.include_deleted:
            parts.append(f'{scope.row}."IsDeleted" = 0')
        if scope.sobject.archived_sql is not None and not self.include_deleted:
            parts.append(f"NOT {scope.sobject.archived_sql.replace('{row}', scope.row)}")
        visible = self.rights.visible_rows(scope.sobject.name, scope.row)
        if visible is not None:
            parts.append(f"({visible[0]})")
            values += visible[1]
        return (f" WHERE {' AND '.join(parts)}" if parts else ""), values

    def _inner_select(self, query: Query) -> Sql:
        """The SELECT of a semi-join: one id or reference field, nulls left out."""
        scope = self._scope(query)
        expression = query.items[0].expression
        if not isinstance(expression, Path):
            raise pointed(MALFORMED_QUERY, "semi join sub-selects can only query id fields", self.text, query.from_at)
        value = scope.resolve(expression)
        if family_of(value.type).name != "key":
            message = f"The selected field '{value.name}' in the semi join sub-select is not an id field"
            raise pointed(INVALID_FIELD, message, self.text, expression.at)
        where, values = self._where(query, scope, nested=True)
        joined = f"{where} AND" if where else " WHERE"
        return f"SELECT {value.sql} {scope.from_sql}{joined} {value.sql} IS NOT NULL", values

    def _group_by(self, query: Query, scope: Scope) -> Sql:
        sql = ""
        if query.group_by:
            sql = " GROUP BY " + ", ".join(self._group(one, scope) for one in query.group_by)
        if query.having is None:
            return sql, []
        condition = Predicates(Expressions(scope, aggregates=True), self.now, None).sql(query.having)
        return f"{sql} HAVING {condition[0]}", condition[1]

    def _group(self, expression: Expression, scope: Scope) -> str:
        value = Expressions(scope).resolve(expression)
        if not value.groupable:
            message = f"field '{value.name}' can not be grouped in a query call"
            raise pointed(INVALID_FIELD, message, self.text, expression.at)
        return f"{value.sql}{_collation(value.type, value.case_sensitive)}"

    def _order_by(self, query: Query, scope: Scope, *, grouped: bool) -> str:
        if not query.order_by:
            return ""
        expressions = Expressions(scope, aggregates=grouped)
        return " ORDER BY " + ", ".join(self._order(one, expressions) for one in query.order_by)

    def _order(self, order: Order, expressions: Expressions) -> str:
        value = expressions.resolve(order.expression)
        if not value.sortable:
            message = f"field '{value.name}' can not be sorted in a query call"
            raise pointed(INVALID_FIELD, message, self.text, order.expression.at)
        collation = _collation(value.type, value.case_sensitive)
        direction = " DESC" if order.descending else ""
        # SQLite puts nulls first when ascending, last when descending: said only where it differs, to keep indexes.
        nulls = {(False, True): " NULLS LAST", (True, False): " NULLS FIRST"}
        return f"{value.sql}{collation}{direction}{nulls.get((order.descending, order.nulls_last), '')}"


def _collation(field_type: str, case_sensitive: bool) -> str:
    return " COLLATE NOCASE" if family_of(field_type).name == "text" and not case_sensitive else ""


def _cut(query: Query) -> str:
    if query.limit is None and query.offset is None:
        return ""
    limit = -1 if query.limit is None else query.limit
    return f" LIMIT {limit} OFFSET {query.offset or 0}"
