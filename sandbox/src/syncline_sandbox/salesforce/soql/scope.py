"""Names in one SELECT to SQL: the object, its parents by relationship, each field's expression, and the rights.

A parent becomes one LEFT JOIN however often it is named; a polymorphic parent one join an object it may point to,
seen through the few fields of the vendor's `Name` object. What the user may not read does not exist: the refusal is
the one for a misspelt name (Salesforce Security Guide; REST "Status Codes and Error Responses").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .catalog import SoqlField, SoqlObject, SoqlRights, SoqlSchema
from .errors import INVALID_FIELD, INVALID_TYPE, SoqlError, pointed
from .syntax import Path

MAX_PARENT_DEPTH = 5
_NAME_FIELDS = frozenset(
    "id name type alias email firstname lastname isactive phone title username profileid userroleid".split()
)
_WSDL = "Please reference your WSDL or the describe call for the appropriate names."


def unknown_object(name: str, text: str, at: int) -> SoqlError:
    hint = "If you are attempting to use a custom object, be sure to append the '__c' after the entity name."
    return pointed(INVALID_TYPE, f"sObject type '{name}' is not supported. {hint} {_WSDL}", text, at)


def unknown_column(name: str, entity: str, text: str, at: int) -> SoqlError:
    hint = "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."
    return pointed(INVALID_FIELD, f"No such column '{name}' on entity '{entity}'. {hint} {_WSDL}", text, at)


def unknown_relationship(name: str, text: str, at: int) -> SoqlError:
    hint = (
        "If you are attempting to use a custom relationship, be sure to append the '__r' "
        "after the custom relationship name."
    )
    return pointed(INVALID_FIELD, f"Didn't understand relationship '{name}' in field path. {hint} {_WSDL}", text, at)


def unknown_children(name: str, text: str, at: int) -> SoqlError:
    hint = (
        "If you are attempting to use a custom relationship, be sure to append the '__r' "
        "after the custom relationship name."
    )
    message = f"Didn't understand relationship '{name}' in FROM part of query call. {hint} {_WSDL}"
    return pointed(INVALID_TYPE, message, text, at)


def quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Resolved:
    """A field path as SQL. `names` is its canonical path; `parent` the relation it was found in, None at the root."""

    sql: str
    type: str
    names: tuple[str, ...]
    parent: Parent | None = None
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    case_sensitive: bool = False

    @property
    def name(self) -> str:
        return self.names[-1]


@dataclass(slots=True)
class Parent:
    """A joined parent: its canonical relationship path, and for each object it may be the alias of that table."""

    names: tuple[str, ...]
    targets: tuple[tuple[str, SoqlObject], ...]
    polymorphic: bool = False

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


def _first_of(expressions: list[str]) -> str:
    return expressions[0] if len(expressions) == 1 else f"COALESCE({', '.join(expressions)})"


@dataclass(slots=True)
class Scope:
    """The row sources of one SELECT. `aliases` is shared by all SELECTs of a statement, so no alias repeats."""

    text: str
    schema: SoqlSchema
    rights: SoqlRights
    sobject: SoqlObject
    aliases: Iterator[int]
    alias: str | None = None
    row: str = ""
    joins: list[str] = field(default_factory=list)
    _parents: dict[tuple[str, ...], Parent] = field(default_factory=dict)

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

    def parent(self, names: tuple[str, ...]) -> Parent:
        """The parent already joined under this canonical relationship path."""
        return self._parents[names]

    def resolve(self, path: Path) -> Resolved:
        """The SQL of a field path. Raises SoqlError INVALID_FIELD where any name is unknown or unreadable."""
        *relations, name = self._without_prefix(path)
        parent: Parent | None = None
        if len(relations) > MAX_PARENT_DEPTH:
            raise pointed(INVALID_FIELD, "SOQL relationship path is deeper than 5 levels", self.text, path.at)
        for relation in relations:
            parent = self._join(parent, relation, path)
        if parent is None:
            found = self.readable(self.sobject, name)
            if found is None:
                raise unknown_column(name, self.sobject.name, self.text, path.at)
            return _resolved(found, [found.sql.replace("{row}", self.row)], None)
        return self._in_parent(parent, name, path)

    def _without_prefix(self, path: Path) -> tuple[str, ...]:
        """The path without the object's own alias or name in front."""
        names = path.names
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

    def _join(self, parent: Parent | None, relation: str, path: Path) -> Parent:
        sources = ((self.row, self.sobject),) if parent is None else parent.targets
        if parent is not None and parent.polymorphic:
            raise unknown_relationship(relation, self.text, path.at)
        alias, sobject = sources[0]
        reference = self._reference(sobject, relation)
        if reference is None:
            raise unknown_relationship(relation, self.text, path.at)
        names = (*(parent.names if parent else ()), reference.relationship_name or relation)
        if names not in self._parents:
            self._parents[names] = self._new_parent(names, reference, alias, path)
        return self._parents[names]

    def _new_parent(self, names: tuple[str, ...], reference: SoqlField, alias: str, path: Path) -> Parent:
        targets = []
        for name in reference.reference_to:
            sobject = self.schema.sobject(name)
            if sobject is None or not self.rights.can_read_object(sobject.name):
                continue
            joined = f"t{next(self.aliases)}"
            key = reference.sql.replace("{row}", alias)
            self.joins.append(f'LEFT JOIN {quoted(sobject.table)} {joined} ON {joined}."Id" = {key}')
            targets.append((joined, sobject))
        if not targets:
            raise unknown_relationship(names[-1], self.text, path.at)
        return Parent(names, tuple(targets), polymorphic=len(reference.reference_to) > 1)


def _resolved(found: SoqlField, expressions: list[str], parent: Parent | None) -> Resolved:
    return Resolved(
        sql=_first_of(expressions),
        type=found.type,
        names=(*(parent.names if parent else ()), found.name),
        parent=parent,
        filterable=found.filterable,
        sortable=found.sortable,
        groupable=found.groupable,
        case_sensitive=found.case_sensitive,
    )
