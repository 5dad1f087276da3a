"""The SELECT list of plain records to SQL columns and to the shape of a record; FIELDS() expanded; TYPEOF.

SOQL and SOSL Reference, "SELECT", "FIELDS()", "TYPEOF". What Bulk refuses of it is in `bulk_rules.py`, aggregates are
in `groups.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .catalog import SoqlField
from .compiled import Cell, Children, Choice, Node, RowsById
from .errors import INVALID_FIELD, MALFORMED_QUERY, SoqlError, pointed
from .expressions import DISPLAY_FUNCTIONS, Expressions
from .fields_function import fields_of
from .names import unknown_relationship
from .scope import Parent, Resolved
from .syntax import Branch, Call, Expression, Item, Path, Query, Subquery, TypeOf

WIDE_TEXTS = 2
TYPEOF_SINCE = 46.0
_COMPOUND = frozenset({"address", "location"})
# How the text of a Bulk CSV cell is made where it differs from the stored form.
_CSV_FORMS = {
    "boolean": "CASE {0} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END",
    "datetime": "substr({0}, 1, 23) || 'Z'",
}


@dataclass(frozen=True, slots=True)
class ChildSelect:
    """A child sub-query compiled: the relationship, its JSON as a scalar sub-select, the values bound, its rows."""

    key: str
    sql: str
    values: list[object]
    more: RowsById


CompileChild = Callable[[Subquery], ChildSelect]


@dataclass(slots=True)
class Selection:
    """The columns of one SELECT as they are gathered, and the values bound in them.

    `csv` asks for the values in their Bulk CSV form, without the columns only a record needs.
    """

    expressions: Expressions
    query: Query
    compile_child: CompileChild
    api_version: float = 59.0
    bulk: bool = False
    csv: bool = False
    columns: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    wide_texts: int = 0
    root: Node = field(init=False)
    _nodes: dict[Parent, Node] = field(default_factory=dict)
    _taken: set[tuple[int, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.root = Node("", self.expressions.scope.sobject.name, 0)

    def gather(self) -> None:
        """Columns for plain records: the Id first (unless CSV), then the list, with an id for each parent."""
        if not self.csv:
            self._column(f'{self.expressions.scope.row}."Id"')
        for item in self.query.items:
            expression = item.expression
            if isinstance(expression, Subquery):
                self._add_children(expression)
            elif isinstance(expression, TypeOf):
                self._add_choice(expression)
            elif isinstance(expression, Call) and expression.function == "FIELDS":
                self._add_all(expression)
            else:
                self._add(self.expressions.resolve(expression), expression, self._alias(item, expression))

    def _alias(self, item: Item, expression: Expression) -> str | None:
        shown = isinstance(expression, Call) and expression.function in DISPLAY_FUNCTIONS
        if item.alias is not None and not shown:
            raise self._malformed("only aggregate expressions use field aliasing", expression.at)
        return item.alias

    def _add_all(self, call: Call) -> None:
        chosen = fields_of(call, self.expressions.scope, self.query, self.api_version, bulk=self.bulk)
        for found in chosen:
            if not (self.bulk and _compound(found)):
                path = Path((found.name,), call.at)
                self._add(self.expressions.resolve(path), path)

    def _add(self, value: Resolved, expression: Expression, alias: str | None = None) -> None:
        if self.bulk and value.type in _COMPOUND:
            raise SoqlError("API_ERROR", "Selecting compound data not supported in Bulk Query")
        node = self.root if self.csv or value.parent is None else self._node(value.parent)
        key = alias or (".".join(value.names) if self.csv else value.name)
        self._claim(node, key, alias or ".".join(value.names), expression.at)
        self.names.append(key if self.csv else alias or ".".join(value.names))
        self.wide_texts += value.long_custom_text
        sql = _CSV_FORMS[value.type].format(value.sql) if self.csv and value.type in _CSV_FORMS else value.sql
        node.entries.append(Cell(key, self._column(sql), value.type))

    def _add_children(self, subquery: Subquery) -> None:
        child = self.compile_child(subquery)
        self._claim(self.root, child.key, child.key, subquery.at)
        self.values += child.values
        self.root.entries.append(Children(child.key, self._column(child.sql), child.more))

    def _add_choice(self, choice: TypeOf) -> None:
        scope = self.expressions.scope
        if self.api_version < TYPEOF_SINCE:
            raise self._malformed("SOQL TYPEOF expressions are not supported in this organization", choice.at)
        parent = scope.relation(choice.relation)
        if not parent.polymorphic:
            raise unknown_relationship(choice.relation.names[-1], scope.text, choice.at)
        above = self.root if parent.above is None else self._node(parent.above)
        self._claim(above, parent.name, parent.name, choice.at)
        type_index, id_index = self._column(parent.type_sql), self._column(parent.id_sql)
        nodes = dict(self._branch(parent, branch, id_index) for branch in choice.branches)
        otherwise = Node(parent.name, None, id_index, type_index) if choice.otherwise else None
        if otherwise is not None:
            self._nodes[parent] = otherwise
            self._add_paths(parent, choice.otherwise)
        above.entries.append(Choice(parent.name, type_index, nodes, otherwise))

    def _branch(self, parent: Parent, branch: Branch, id_index: int) -> tuple[str, Node]:
        seen = parent.seen_as(branch.sobject)
        if seen is None:
            message = f"Entity '{branch.sobject}' cannot be the type of relationship '{parent.name}'"
            raise self._malformed(message, branch.at)
        name = seen.targets[0][1].name
        node = self._nodes[seen] = Node(parent.name, name, id_index)
        self._add_paths(seen, branch.fields)
        return name, node

    def _add_paths(self, parent: Parent, paths: tuple[Path, ...]) -> None:
        for path in paths:
            self._add(self.expressions.scope.resolve_below(parent, path.names, path), path)

    def _node(self, parent: Parent) -> Node:
        """The nested record of *parent*, made at its first mention together with those above it."""
        if parent in self._nodes:
            return self._nodes[parent]
        above = self.root if parent.above is None else self._node(parent.above)
        type_index = self._column(parent.type_sql) if parent.polymorphic else None
        type_name = None if parent.polymorphic else parent.targets[0][1].name
        node = Node(parent.name, type_name, self._column(parent.id_sql), type_index)
        self._claim(above, parent.name, parent.name, 0)
        above.entries.append(node)
        self._nodes[parent] = node
        return node

    def _claim(self, node: Node, key: str, said: str, at: int) -> None:
        """Take a key of a record, once."""
        place = (id(node), key.lower())
        if place in self._taken:
            raise pointed(INVALID_FIELD, f"duplicate field selected: {said}", self.expressions.scope.text, at)
        self._taken.add(place)

    def _column(self, sql: str) -> int:
        self.columns.append(sql)
        return len(self.columns) - 1

    def _malformed(self, message: str, at: int) -> SoqlError:
        return pointed(MALFORMED_QUERY, message, self.expressions.scope.text, at)


def _compound(found: SoqlField) -> bool:
    return found.type in _COMPOUND
