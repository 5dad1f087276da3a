"""Names in one SELECT to SQL: the object, its parents by relationship, each field's expression, and the rights.

A parent becomes one LEFT JOIN however often it is named; a polymorphic parent one join an object it may point to,
seen through the few fields of the vendor's `Name` object, or in TYPEOF as what it is. What the user may not read does
not exist: the refusal is the one for a misspelt name, and a parent record hidden from the user is no parent
(Salesforce Security Guide; REST "Status Codes and Error Responses"). How far paths reach: SOQL and SOSL Reference,
"Understanding Relationship Query Limitations".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .catalog import SoqlField, SoqlObject, SoqlRights, SoqlSchema
from .errors import INVALID_FIELD, QUERY_TOO_COMPLICATED, pointed
from .names import quoted, unknown_column, unknown_relationship
from .syntax import Path

MAX_PARENT_DEPTH = 5
MAX_RELATIONSHIPS = 55
MAX_JOINS = 60
"""SQLite joins 64 tables; a polymorphic relationship takes one for each object it may point to."""
_NAME_FIELDS = frozenset(
    "id name type alias email firstname lastname isactive phone title username profileid userroleid".split()
)
_NAME_RELATIONSHIPS = frozenset({"profile", "userrole"})
_TOO_COMPLICATED = "Query is either selecting too many fields or the filter conditions are too complicated."


@dataclass(frozen=True, slots=True)
class Resolved:
    """An expression as SQL. `names` is its canonical path; `parent` the relation it was found in, None at the root.

    `field` is the field it stands for, None for what a function makes of one. `computed` marks a date function.
    """

    sql: str
    type: str
    names: tuple[str, ...]
    parent: Parent | None = None
    field: SoqlField | None = None
    computed: bool = False

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def filterable(self) -> bool:
        return self.field is None or self.field.filterable

    @property
    def sortable(self) -> bool:
        return self.field is None or self.field.sortable

    @property
    def groupable(self) -> bool:
        return self.field is None or self.field.groupable

    @property
    def case_sensitive(self) -> bool:
        return self.field is not None and self.field.case_sensitive

    @property
    def long_custom_text(self) -> bool:
        return self.field is not None and self.field.custom and self.type == "textarea" and not self.field.filterable


@dataclass(slots=True, eq=False)
class Parent:
    """A joined parent: its relationship, the parent it hangs on, and for each object it may be the alias of its table.

    `joined` are the parents found through it, by relationship; `branches` what TYPEOF sees it as, by object.
    """

    name: str
    above: Parent | None
    targets: tuple[tuple[str, SoqlObject], ...]
    polymorphic: bool = False
    joined: dict[str, Parent] = field(default_factory=dict)
    branches: dict[str, Parent] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return (*(self.above.names if self.above else ()), self.name)

    @property
    def id_sql(self) -> str:
        return _first_of([f'{alias}."Id"' for alias, _ in self.targets])

    @property
    def type_sql(self) -> str:
        """The object the row really is, as SQL text."""
        cases = " ".join(f"WHEN {alias}.\"Id\" IS NOT NULL THEN '{sobject.name}'" for alias, sobject in self.targets)
        return f"CASE {cases} END"

    @property
    def said_type_sql(self) -> str:
        """What its `Type` says: the object, but of a group that is a queue `Queue`."""
        queues = [f"WHEN {alias}.\"Type\" = 'Queue' THEN 'Queue'" for alias, s in self.targets if s.name == "Group"]
        return f"CASE {' '.join(queues)} ELSE {self.type_sql} END" if queues else self.type_sql

    def seen_as(self, sobject_name: str) -> Parent | None:
        """The same parent where it is this object; None when it can be none."""
        for alias, sobject in self.targets:
            if sobject.name.lower() == sobject_name.lower():
                return self.branches.setdefault(sobject.name, Parent(self.name, self.above, ((alias, sobject),)))
        return None


def _first_of(expressions: list[str]) -> str:
    return expressions[0] if len(expressions) == 1 else f"COALESCE({', '.join(expressions)})"


@dataclass(slots=True)
class Scope:
    """The row sources of one SELECT. `aliases` is shared by all SELECTs of a statement, so no alias repeats.

    `join_values` are bound in `from_sql`. `path_aliases` are the relationships FROM gives a name of their own.
    """

    text: str
    schema: SoqlSchema
    rights: SoqlRights
    sobject: SoqlObject
    aliases: Iterator[int]
    alias: str | None = None
    path_aliases: dict[str, Path] = field(default_factory=dict)
    row: str = ""
    joins: list[str] = field(default_factory=list)
    join_values: list[object] = field(default_factory=list)
    _joined: dict[str, Parent] = field(default_factory=dict)
    _relationships: int = 0

    def __post_init__(self) -> None:
        self.row = f"t{next(self.aliases)}"

    @property
    def from_sql(self) -> str:
        """FROM with every join asked for so far."""
        return " ".join([f"FROM {quoted(self.sobject.table)} {self.row}", *self.joins])

    def readable(self, sobject: SoqlObject, name: str) -> SoqlField | None:
        """The field, if the object has it and the user may read it."""
        found = sobject.field(name)
        return found if found is not None and self.rights.can_read_field(sobject.name, found.name) else None

    def resolve(self, path: Path) -> Resolved:
        """The SQL of a field path. Raises SoqlError INVALID_FIELD where any name is unknown or unreadable."""
        return self.resolve_below(None, self._without_prefix(path), path)

    def resolve_below(self, parent: Parent | None, names: Sequence[str], path: Path) -> Resolved:
        """The field at the end of *names*, which start at *parent*, or at the row itself."""
        *relations, name = names
        for relation in relations:
            parent = self.join(parent, relation, path)
        if parent is None:
            found = self.readable(self.sobject, name)
            if found is None:
                raise unknown_column(name, self.sobject.name, self.text, path.at)
            return _resolved(found, [found.sql.replace("{row}", self.row)], None)
        return self._in_parent(parent, name, path)

    def relation(self, path: Path) -> Parent:
        """The parent at the end of a path of relationships alone."""
        parent: Parent | None = None
        for name in self._without_prefix(path):
            parent = self.join(parent, name, path)
        assert parent is not None
        return parent

    def _without_prefix(self, path: Path) -> tuple[str, ...]:
        """The path without the object's own alias or name in front, and with named relationships written out."""
        names = path.names
        named = self.path_aliases.get(names[0].lower())
        if named is not None:
            names = (*named.names, *names[1:])
        if len(names) > 1:
            first = names[0].lower()
            if self.alias is not None and first == self.alias.lower():
                return names[1:]
            if first == self.sobject.name.lower() and self._reference(self.sobject, names[0]) is None:
                return names[1:]
        return names

    def _in_parent(self, parent: Parent, name: str, path: Path) -> Resolved:
        if not parent.polymorphic:
            alias, sobject = parent.targets[0]
            found = self.readable(sobject, name)
            if found is None:
                raise unknown_column(name, sobject.name, self.text, path.at)
            return _resolved(found, [found.sql.replace("{row}", alias)], parent)
        if name.lower() == "type":
            return Resolved(parent.said_type_sql, "string", (*parent.names, "Type"), parent)
        candidates = [(alias, self.readable(sobject, name)) for alias, sobject in parent.targets]
        known = [(alias, found) for alias, found in candidates if found is not None]
        if not known or name.lower() not in _NAME_FIELDS:
            raise unknown_column(name, "Name", self.text, path.at)
        return _resolved(known[0][1], [found.sql.replace("{row}", alias) for alias, found in known], parent)

    def _reference(self, sobject: SoqlObject, relation: str) -> SoqlField | None:
        wanted = relation.lower()
        for candidate in sobject.fields():
            if candidate.relationship_name is not None and candidate.relationship_name.lower() == wanted:
                return self.readable(sobject, candidate.name)
        return None

    def join(self, parent: Parent | None, relation: str, path: Path) -> Parent:
        """The parent that *relation* of *parent*, or of the row, leads to; joined at its first mention."""
        sources = ((self.row, self.sobject),) if parent is None else parent.targets
        if parent is not None and parent.polymorphic and relation.lower() not in _NAME_RELATIONSHIPS:
            raise unknown_relationship(relation, self.text, path.at)
        if parent is not None and len(parent.names) >= MAX_PARENT_DEPTH:
            raise pointed(INVALID_FIELD, "SOQL relationship path is deeper than 5 levels", self.text, path.at)
        known = self._joined if parent is None else parent.joined
        for alias, sobject in sources:
            reference = self._reference(sobject, relation)
            if reference is not None:
                name = reference.relationship_name or relation
                if name not in known:
                    known[name] = self._new_parent(parent, name, reference, alias, path)
                return known[name]
        raise unknown_relationship(relation, self.text, path.at)

    def _new_parent(self, above: Parent | None, name: str, reference: SoqlField, alias: str, path: Path) -> Parent:
        targets = []
        for target in reference.reference_to:
            sobject = self.schema.sobject(target)
            if sobject is None or not self.rights.can_read_object(sobject.name):
                continue
            joined = f"t{next(self.aliases)}"
            on = f'{joined}."Id" = {reference.sql.replace("{row}", alias)}'
            visible = self.rights.visible_rows(sobject.name, joined)
            if visible is not None:
                on += f" AND ({visible[0]})"
                self.join_values += visible[1]
            self.joins.append(f"LEFT JOIN {quoted(sobject.table)} {joined} ON {on}")
            targets.append((joined, sobject))
        if not targets:
            raise unknown_relationship(name, self.text, path.at)
        self._relationships += 1
        if self._relationships > MAX_RELATIONSHIPS or len(self.joins) > MAX_JOINS:
            raise pointed(QUERY_TOO_COMPLICATED, _TOO_COMPLICATED, self.text, path.at)
        return Parent(name, above, tuple(targets), polymorphic=len(reference.reference_to) > 1)


def _resolved(found: SoqlField, expressions: list[str], parent: Parent | None) -> Resolved:
    names = (*(parent.names if parent else ()), found.name)
    return Resolved(_first_of(expressions), found.type, names, parent, found)
