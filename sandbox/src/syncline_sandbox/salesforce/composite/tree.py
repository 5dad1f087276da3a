"""sObject Tree: records with their children, and theirs, made in one call or not at all.

Lives here: the nesting and its limits, and the answer by reference id ("sObject Tree" of the REST API Developer
Guide): 200 records in all, five types, five levels. Records are made level by level, and told in that order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.dml import Dml
from syncline_sandbox.salesforce.errors import OrgError, malformed_json
from syncline_sandbox.salesforce.reading import Reading
from syncline_sandbox.salesforce.schema import Schema, SObject
from syncline_sandbox.salesforce.storage import Storage
from syncline_sandbox.salesforce.web import Answer, Call

from .parts import RolledBack

MAX_RECORDS = 200
MAX_TYPES = 5
MAX_LEVELS = 5


@dataclass(frozen=True, kw_only=True)
class Node:
    """A record to be made. `parent` is the reference id of its parent, `lookup` the field that names it."""

    reference_id: str
    sobject: SObject
    values: dict[str, Any]
    level: int
    parent: str | None = None
    lookup: str = ""


class _Refused(Exception):
    """A tree that is refused because of one of its records."""

    def __init__(self, reference_id: str, error: OrgError) -> None:
        super().__init__(reference_id)
        self.reference_id = reference_id
        self.error = error


class TreeResource:
    """`composite/tree/{type}`."""

    def __init__(self, schema: Schema, reading: Reading, dml: Dml, storage: Storage) -> None:
        self._schema = schema
        self._reading = reading
        self._dml = dml
        self._storage = storage

    def answer(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        records = _records(call.json_object())
        try:
            nodes = self._nodes(call.caller, sobject, records)
        except _Refused as refused:
            return _failed([(refused.reference_id, refused.error)])
        made: dict[str, str] = {}
        errors: list[tuple[str, OrgError]] = []
        try:
            with self._storage.savepoint():
                for level in range(1, MAX_LEVELS + 1):
                    self._make([node for node in nodes if node.level == level], call.caller, made, errors)
                    if errors:
                        raise RolledBack
        except RolledBack:
            return _failed(errors)
        results = [{"referenceId": node.reference_id, "id": made[node.reference_id]} for node in nodes]
        return Answer(status=201, body={"hasErrors": False, "results": results})

    def _make(
        self, nodes: list[Node], caller: Caller, made: dict[str, str], errors: list[tuple[str, OrgError]]
    ) -> None:
        for node in nodes:
            parent = {} if node.parent is None else {node.lookup: made[node.parent]}
            try:
                made[node.reference_id] = self._dml.create(caller, node.sobject, {**node.values, **parent})
            except OrgError as refused:
                errors.append((node.reference_id, refused))

    def _nodes(self, caller: Caller, sobject: SObject, records: list[Any]) -> list[Node]:
        """The records in the order they are made in."""
        nodes: list[Node] = []
        level = [self._node(caller, record, None, sobject, "") for record in records]
        while level:
            for node, _ in level:
                _check(node, nodes)
                nodes.append(node)
            level = [below for node, children in level for below in self._below(caller, node, children)]
        return nodes

    def _below(self, caller: Caller, parent: Node, children: dict[str, Any]) -> list[tuple[Node, dict[str, Any]]]:
        found: list[tuple[Node, dict[str, Any]]] = []
        for name, nested in children.items():
            match = next(
                (
                    (child, field)
                    for child, field in self._schema.child_references(parent.sobject.name)
                    if (field.child_relationship_name or "").lower() == name.lower()
                ),
                None,
            )
            if match is None:
                text = f"No such relation '{name}' on sobject of type {parent.sobject.name}"
                raise _Refused(parent.reference_id, OrgError("INVALID_FIELD", text))
            sobject, lookup = match
            found += [self._node(caller, record, parent, sobject, lookup.name) for record in _records(nested)]
        return found

    def _node(
        self, caller: Caller, record: Any, parent: Node | None, sobject: SObject, lookup: str
    ) -> tuple[Node, dict[str, Any]]:
        attributes = record.get("attributes") if isinstance(record, dict) else None
        if not isinstance(attributes, dict) or not isinstance(attributes.get("referenceId"), str):
            raise OrgError("INVALID_INPUT", "Include a reference ID for each record in the request.")
        reference_id, kind = attributes["referenceId"], str(attributes.get("type"))
        if self._schema.sobject(kind) is not sobject or not caller.rights.can_read_object(sobject.name):
            text = f"Include an entity type for each record in the request, here {sobject.name}, not {kind}."
            raise _Refused(reference_id, OrgError("INVALID_INPUT", text))
        children = {name: value for name, value in record.items() if isinstance(value, dict) and "records" in value}
        values = {name: value for name, value in record.items() if name not in children}
        node = Node(
            reference_id=reference_id,
            sobject=sobject,
            values=values,
            level=parent.level + 1 if parent else 1,
            parent=parent.reference_id if parent else None,
            lookup=lookup,
        )
        return node, children


def _records(body: Any) -> list[Any]:
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list):
        raise malformed_json("The property 'records' is required to be a list of records.")
    return records


def _check(node: Node, before: list[Node]) -> None:
    """Whether a tree may take on this record beside those *before* it."""
    text = None
    if any(node.reference_id == other.reference_id for other in before):
        text = "Duplicate ReferenceId provided in the request."
    elif len(before) >= MAX_RECORDS:
        text = f"The request can contain up to {MAX_RECORDS} records across all trees."
    elif node.level > MAX_LEVELS:
        text = f"The request can contain trees up to {MAX_LEVELS} levels deep."
    elif len({node.sobject.name, *(other.sobject.name for other in before)}) > MAX_TYPES:
        text = f"The request can contain records of up to {MAX_TYPES} different types."
    if text is not None:
        raise _Refused(node.reference_id, OrgError("INVALID_INPUT", text))


def _failed(errors: list[tuple[str, OrgError]]) -> Answer:
    results = [{"referenceId": reference, "errors": [error.as_row_error()]} for reference, error in errors]
    return Answer(status=400, body={"hasErrors": True, "results": results})
