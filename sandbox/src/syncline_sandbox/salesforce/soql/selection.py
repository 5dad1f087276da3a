"""The SELECT list to SQL columns and to the shape of a record; FIELDS() expanded; what Bulk refuses.

SOQL and SOSL Reference, "SELECT" and "FIELDS()"; Bulk API 2.0 Developer Guide, query jobs: no aggregates, compound
fields, sub-queries, OFFSET or FIELDS(ALL|CUSTOM).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .catalog import SoqlField
from .compiled import Cell, Children, Node
from .errors import INVALID_FIELD, MALFORMED_QUERY, SoqlError, pointed
from .expressions import AGGREGATES, Expressions
from .scope import Parent, Resolved
from .syntax import Call, Expression, Path, Query, Subquery

MAX_FIELDS_LIMIT = 200
_COMPOUND = frozenset({"address", "location"})
# How the text of a Bulk CSV cell is made where it differs from the stored form.
_CSV_FORMS = {
    "boolean": "CASE {0} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END",
    "datetime": "substr({0}, 1, 23) || 'Z'",
}


@dataclass(frozen=True, slots=True)
class ChildSelect:
    """A child sub-query compiled: the relationship, its JSON as a scalar sub-select, the values bound, the shape."""

    key: str
    sql: str
    values: list[object]
    node: Node


CompileChild = Callable[[Subquery], ChildSelect]


@dataclass(slots=True)
class Selection:
    """The columns of one SELECT as they are gathered, and the values bound in them.

    `csv` asks for the values in their Bulk CSV form. `compile_child` is None where no sub-query may stand.
    """

    expressions: Expressions
    query: Query
    compile_child: CompileChild | None = None
    csv: bool = False
    columns: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    root: Node = field(init=False)

    def __post_init__(self) -> None:
        scope = self.expressions.scope
        self.root = Node("", scope.sobject.name, 0)

    def gather_records(self) -> None:
        """Columns for plain records: the Id first (unless CSV), then the list, with an id for each parent."""
        if not self.csv:
            self._column(f'{self.expressions.scope.row}."Id"')
        for item in self.query.items:
            if isinstance(item.expression, Subquery):
                self._add_children(item.expression)
                continue
            for path in self._paths(item.expression):
                self._add(self.expressions.resolve(path), path)

    def gather_groups(self) -> None:
        """Columns for aggregate rows: aggregates as `expr0`… or their alias, and what they are grouped by."""
        grouped = {self.expressions.resolve(one).sql for one in self.query.group_by}
        self.root = Node("", "AggregateResult", None)
        unnamed = 0
        for item in self.query.items:
            expression = item.expression
            if isinstance(expression, Subquery):
                raise self._malformed("Subqueries are not allowed in aggregate queries", expression.at)
            if isinstance(expression, Call) and expression.function in AGGREGATES:
                value = self.expressions.aggregate(expression)
            else:
                value = self.expressions.resolve(expression)
                if value.sql not in grouped:
                    raise self._malformed(f"Field must be grouped or aggregated: {value.name}", expression.at)
            key = item.alias or ("" if isinstance(expression, Call) else value.name)
            if not key:
                key, unnamed = f"expr{unnamed}", unnamed + 1
            self.root.entries.append(Cell(key, self._column(value.sql), value.type))

    def _add(self, value: Resolved, expression: Expression) -> None:
        text, at = self.expressions.scope.text, expression.at
        name = ".".join(value.names)
        if name in self.names:
            raise pointed(INVALID_FIELD, f"duplicate field selected: {name}", text, at)
        if self.csv and value.type in _COMPOUND:
            raise SoqlError("API_ERROR", "Selecting compound data not supported in Bulk Query")
        self.names.append(name)
        sql = _CSV_FORMS[value.type].format(value.sql) if self.csv and value.type in _CSV_FORMS else value.sql
        node = self.root if self.csv or value.parent is None else self._node(value.parent)
        node.entries.append(Cell(value.name, self._column(sql), value.type))

    def _add_children(self, subquery: Subquery) -> None:
        if self.csv:
            raise SoqlError("API_ERROR", "Nested queries not supported in Bulk Query")
        if self.compile_child is None:
            raise self._malformed("Nesting of sub-queries is not supported", subquery.at)
        child = self.compile_child(subquery)
        if child.key in self.names:
            raise self._malformed(f"duplicate relationship selected: {child.key}", subquery.at)
        self.names.append(child.key)
        self.values += child.values
        self.root.entries.append(Children(child.key, self._column(child.sql), child.node))

    def _node(self, parent: Parent) -> Node:
        """The nested record of *parent*, made at its first mention together with those above it."""
        scope, node = self.expressions.scope, self.root
        for depth in range(1, len(parent.names) + 1):
            step = scope.parent(parent.names[:depth])
            child = node.child(step.names[-1])
            if child is None:
                type_index = self._column(step.type_sql) if step.polymorphic else None
                type_name = None if step.polymorphic else step.targets[0][1].name
                child = Node(step.names[-1], type_name, self._column(step.id_sql), type_index)
                node.entries.append(child)
            node = child
        return node

    def _column(self, sql: str) -> int:
        self.columns.append(sql)
        return len(self.columns) - 1

    def _paths(self, expression: Expression) -> Iterator[Expression]:
        if isinstance(expression, Call) and expression.function == "FIELDS":
            yield from self._all_fields(expression)
        else:
            yield expression

    def _all_fields(self, call: Call) -> Iterator[Path]:
        argument = call.argument
        which = argument.names[0].upper() if isinstance(argument, Path) else ""
        if which not in {"ALL", "STANDARD", "CUSTOM"}:
            raise self._malformed("The SOQL FIELDS function takes ALL, STANDARD or CUSTOM", call.at)
        if which != "STANDARD" and (self.csv or self.query.limit is None or self.query.limit > MAX_FIELDS_LIMIT):
            message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_LIMIT}"
            raise self._malformed(message, call.at)
        scope = self.expressions.scope
        for candidate in scope.sobject.fields():
            if scope.readable(scope.sobject, candidate.name) is not None and self._belongs(candidate, which):
                yield Path((candidate.name,), call.at)

    def _belongs(self, candidate: SoqlField, which: str) -> bool:
        if self.csv and candidate.type in _COMPOUND:
            return False
        return which == "ALL" or candidate.custom == (which == "CUSTOM")

    def _malformed(self, message: str, at: int) -> SoqlError:
        return pointed(MALFORMED_QUERY, message, self.expressions.scope.text, at)
