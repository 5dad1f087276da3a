"""`compile_query`: SOQL text in, SQL with bound parameters and the shape of the answer out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from .bulk_rules import refuse_for_bulk
from .catalog import SoqlField, SoqlObject, SoqlRights, SoqlSchema
from .compiled import CompiledQuery, RowsById
from .errors import MALFORMED_QUERY, pointed
from .expressions import AGGREGATES, DATE_FUNCTIONS, Expressions
from .groups import Groups
from .names import unknown_children
from .parser import parse
from .scope import Scope
from .selection import WIDE_TEXTS, ChildSelect, Selection
from .statement import Statement, cut
from .syntax import Call, Query, Subquery, functions_of

Style = Literal["rest", "csv", "bulk"]
MAX_CHILD_SELECTS = 20
CHILD_LEVELS = 4
CHILD_LEVELS_SINCE = 58.0
_TOO_DEEP = "SOQL statements cannot query aggregate relationships more than 1 level away from the root entity object."
_ARGUMENTS_AT_ONCE = 100
"""SQLite takes 127 arguments in a call."""


def compile_query(
    text: str,
    schema: SoqlSchema,
    rights: SoqlRights,
    now: datetime,
    *,
    include_deleted: bool = False,
    style: Style = "rest",
    api_version: float = 59.0,
    also: tuple[str, Sequence[object]] | None = None,
) -> CompiledQuery:
    """Compile SOQL for a user. Raises SoqlError with the vendor's code and text.

    *now* is aware, in the user's time zone: named dates turn there. *include_deleted* is what queryAll asks for:
    deleted rows and archived activities too. Style `csv` yields the columns of a Bulk query in their CSV form; `bulk`
    yields records as `rest` does; both refuse what Bulk refuses. *also* is a SQL predicate, with `{row}` for the alias
    of the object's table, that must hold as well.
    """
    return compile_parsed(
        parse(text), Statement(text, schema, rights, now, include_deleted, api_version, also), style=style
    )


def compile_parsed(query: Query, statement: Statement, *, style: Style = "rest") -> CompiledQuery:
    """Compile a SELECT that somebody parsed, or put together, from the text of *statement*."""
    return _Compiler(statement, style).compile(query)


@dataclass(slots=True)
class _Compiler:
    """Compiles one statement with its child sub-queries."""

    statement: Statement
    style: Style
    child_selects: int = 0

    def compile(self, query: Query) -> CompiledQuery:
        if self.style != "rest":
            refuse_for_bulk(query)
        if any(isinstance(item.expression, Call) and _counts_rows(item.expression) for item in query.items):
            return self._count(query)
        if query.group_by or functions_of(query) & _GROUPING_FUNCTIONS:
            return Groups(self.statement, query, self.statement.scope(query)).compiled()
        if query.having is not None:
            raise pointed(MALFORMED_QUERY, "HAVING needs GROUP BY", self.statement.text, query.from_at)
        return self._records(query)

    def _records(self, query: Query) -> CompiledQuery:
        scope = self.statement.scope(query)
        selection = self._selection(query, scope, level=1)
        return self._finish(query, scope, selection, "records")

    def _selection(self, query: Query, scope: Scope, level: int) -> Selection:
        selection = Selection(
            Expressions(scope, self.statement.zone, shown=True),
            query,
            partial(self._children, scope, level),
            self.statement.api_version,
            bulk=self.style != "rest",
            csv=self.style == "csv",
        )
        selection.gather()
        return selection

    def _count(self, query: Query) -> CompiledQuery:
        """SELECT COUNT(): it takes LIMIT, but neither ORDER BY nor GROUP BY ("COUNT() and COUNT(fieldName)")."""
        if query.group_by or query.order_by or len(query.items) > 1:
            message = "COUNT() must be all that is selected, without GROUP BY or ORDER BY; use COUNT(fieldName)"
            raise pointed(MALFORMED_QUERY, message, self.statement.text, query.from_at)
        scope = self.statement.scope(query)
        expressions = Expressions(scope, self.statement.zone)
        return self._finish(query, scope, Selection(expressions, query, partial(self._children, scope, 1)), "count")

    def _finish(
        self, query: Query, scope: Scope, selection: Selection, kind: Literal["records", "count"]
    ) -> CompiledQuery:
        where, values = self.statement.where(query, scope, outermost=True)
        order = self.statement.order_by(query, scope)
        limits = cut(query)
        key = f'{scope.row}."Id"'
        columns = ", ".join(selection.columns) or key
        source = scope.from_sql
        # The statements without the columns take the columns' values all the same: one list serves all three.
        taken = f"WITH taken AS (SELECT {', '.join('?' * len(selection.values))}) " if selection.values else ""
        return CompiledQuery(
            kind=kind,
            sobject=scope.sobject.name,
            sql=f"SELECT {columns} {source}{where}{order}{limits}",
            count_sql=f"{taken}SELECT COUNT(*) FROM (SELECT 1 {source}{where}{limits})",
            ids_sql=f"{taken}SELECT {key} {source}{where}{order}{limits}",
            parameters=(*selection.values, *scope.join_values, *values),
            by_id=_by_id(scope, selection),
            column_names=tuple(selection.names),
            wide=selection.wide_texts >= WIDE_TEXTS,
        )

    def _children(self, outer: Scope, level: int, subquery: Subquery) -> ChildSelect:
        """A sub-query of the SELECT list as one JSON array of rows for each outer row."""
        self._check_children(subquery, level)
        query = subquery.query
        child, reference = self._child_reference(outer, query)
        scope = self.statement.scope(query, child)
        selection = self._selection(query, scope, level + 1)
        where, values = self.statement.where(query, scope)
        order = self.statement.order_by(query, scope)
        own = f'{reference.sql.replace("{row}", scope.row)} = {outer.row}."Id"'
        columns = ", ".join(f"{column} AS c{index}" for index, column in enumerate(selection.columns))
        where = f"{where}{' AND' if where else ' WHERE'} {own}"
        rows = f"SELECT {columns} {scope.from_sql}{where}{order}{cut(query)}"
        sql = f"(SELECT json_group_array({_row_json(len(selection.columns))}) FROM ({rows}))"
        bound = [*selection.values, *scope.join_values, *values]
        return ChildSelect(reference.child_relationship_name or "", sql, bound, _by_id(scope, selection))

    def _check_children(self, subquery: Subquery, level: int) -> None:
        statement, query = self.statement, subquery.query
        self.child_selects += 1
        if self.child_selects > MAX_CHILD_SELECTS:
            message = f"no more than {MAX_CHILD_SELECTS} parent-to-child relationships can be specified in a query"
            raise pointed(MALFORMED_QUERY, message, statement.text, subquery.at)
        deepest = CHILD_LEVELS if statement.api_version >= CHILD_LEVELS_SINCE else 1
        if level > deepest:
            raise pointed(MALFORMED_QUERY, _TOO_DEEP, statement.text, subquery.at)
        if query.group_by or query.having is not None or functions_of(query) & _GROUPING_FUNCTIONS:
            message = "Aggregate functions are not supported in sub-queries"
            raise pointed(MALFORMED_QUERY, message, statement.text, query.from_at)

    def _child_reference(self, outer: Scope, query: Query) -> tuple[SoqlObject, SoqlField]:
        name, rights = query.from_names[-1], self.statement.rights
        for child, reference in self.statement.schema.child_references(outer.sobject.name):
            if (reference.child_relationship_name or "").lower() == name.lower():
                readable = rights.can_read_field(child.name, reference.name)
                if readable and rights.can_read_object(child.name):
                    return child, reference
        raise unknown_children(name, self.statement.text, query.from_at)


_GROUPING_FUNCTIONS = AGGREGATES.keys() | DATE_FUNCTIONS.keys() | {"GROUPING"}


def _counts_rows(call: Call) -> bool:
    return call.function == "COUNT" and call.argument is None


def _by_id(scope: Scope, selection: Selection) -> RowsById:
    columns = ", ".join(selection.columns)
    key = f'{scope.row}."Id"'
    sql = f"SELECT {columns or key} {scope.from_sql} WHERE {key} IN (SELECT value FROM json_each(?))"
    return RowsById(sql, (*selection.values, *scope.join_values), selection.root)


def _row_json(columns: int) -> str:
    """A row as JSON: an array of runs of columns, each as long as a call may be."""
    names = [f"c{index}" for index in range(columns)]
    runs = [names[start : start + _ARGUMENTS_AT_ONCE] for start in range(0, columns, _ARGUMENTS_AT_ONCE)]
    return f"json_array({', '.join(f'json_array({chr(44).join(run)})' for run in runs)})"
