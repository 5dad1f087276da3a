"""Duplicate rules: whether a save is refused because somebody like that is there already.

REST API Developer Guide, "Duplicate Rule Header"; SOAP API Developer Guide, DuplicateResult, DuplicateError; matching
is exact and sees what the caller may see. An alert lets the row through when the caller allows it, a block never. In
REST the body of a single save carries what was found under the key `duplicateResut`, misspelt as the vendor has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .caller import Caller
from .errors import OrgError
from .rule_scope import columns_of
from .save_event import SaveEvent
from .schema import Schema, SObject
from .storage import Storage

ACTIONS = ("alert", "block")
MESSAGE = "Use one of these records?"
_KEYS = frozenset({"object", "fields", "against", "action", "name", "message", "on"})
_MOST_MATCHES = 100


class DuplicatesDetected(OrgError):
    """A save a duplicate rule refuses; *result* is the DuplicateResult."""

    def __init__(self, message: str, result: Mapping[str, Any]) -> None:
        super().__init__("DUPLICATES_DETECTED", message)
        self.result = result

    def as_request_error(self) -> dict[str, Any]:
        return {"duplicateResut": self.result, "errorCode": self.code, "message": self.message}

    def soap_details(self) -> dict[str, Any]:
        return {**self.result, "matchResults": [_soap_match(found) for found in self.result["matchResults"]]}


@dataclass(frozen=True, kw_only=True)
class DuplicateRule:
    """`columns` must all be filled and equal; `against` are the objects looked through."""

    name: str
    sobject: SObject
    columns: tuple[str, ...]
    against: tuple[SObject, ...]
    action: str = "alert"
    message: str = MESSAGE
    on: tuple[str, ...] = ("create", "update")


class DuplicateRules:
    """The rules of one org, in the order they were made."""

    def __init__(self, schema: Schema, storage: Storage) -> None:
        self._schema = schema
        self._storage = storage
        self._rules: list[DuplicateRule] = []

    def declare(self, specs: Sequence[Mapping[str, Any]]) -> None:
        """Replace the rules. LookupError, ValueError or KeyError for what makes no rule."""
        rules = [self._rule(spec) for spec in specs]
        for rule in rules:
            for sobject in rule.against:
                for column in rule.columns:
                    field = sobject.field(column)
                    assert field is not None
                    self._storage.index(sobject, field)
        self._rules = rules

    @property
    def idle(self) -> bool:
        """True when there is no rule."""
        return not self._rules

    def refuse(self, caller: Caller, event: SaveEvent) -> None:
        """Raise DuplicatesDetected when a rule finds somebody and the caller does not get past it."""
        for rule in self._rules:
            looks = rule.sobject.name == event.sobject and event.operation in rule.on and event.changes(rule.columns)
            if not looks or (rule.action == "alert" and caller.allow_duplicates):
                continue
            found = {sobject.name: self._matches(caller, rule, sobject, event) for sobject in rule.against}
            if any(found.values()):
                raise DuplicatesDetected(rule.message, _result(caller, rule, found))

    def _matches(self, caller: Caller, rule: DuplicateRule, sobject: SObject, event: SaveEvent) -> list[str]:
        row = event.row
        values = [row.get(column) for column in rule.columns]
        if None in values:
            return []
        same = " AND ".join(f'r."{column}" = ?' for column in rule.columns)
        open_ = 'AND r."IsConverted" = 0' if sobject.field("IsConverted") is not None else ""
        visible, bound = caller.rights.visible_rows(sobject.name, "r") or ("1", ())
        sql = (
            f'SELECT r."Id" FROM "{sobject.table}" AS r WHERE {same} AND r."IsDeleted" = 0 {open_} '
            f'AND r."Id" <> ? AND {visible} ORDER BY r."Id" LIMIT {_MOST_MATCHES}'
        )
        parameters = (*values, event.record_id, *bound)
        return [record_id for (record_id,) in self._storage.db.execute(sql, parameters)]

    def _rule(self, spec: Mapping[str, Any]) -> DuplicateRule:
        if unknown := spec.keys() - _KEYS:
            raise ValueError(f"a duplicate rule has no {', '.join(sorted(unknown))}; it has {sorted(_KEYS)}")
        sobject = self._named(str(spec["object"]))
        against = tuple(self._named(name) for name in spec.get("against", [sobject.name]))
        fields = [columns_of(found, spec["fields"]) for found in (sobject, *against)]
        rule = DuplicateRule(
            name=str(spec.get("name", f"Standard_{sobject.name}_Duplicate_Rule")),
            sobject=sobject,
            columns=fields[0],
            against=against,
            action=str(spec.get("action", "alert")),
            message=str(spec.get("message", MESSAGE)),
            on=tuple(spec.get("on", ("create", "update"))),
        )
        if rule.action not in ACTIONS or not rule.columns:
            raise ValueError(f"a duplicate rule compares fields and does one of {', '.join(ACTIONS)}")
        return rule

    def _named(self, name: str) -> SObject:
        sobject = self._schema.sobject(name)
        if sobject is None:
            raise LookupError(f"no object {name!r}")
        return sobject


def _result(caller: Caller, rule: DuplicateRule, found: Mapping[str, list[str]]) -> dict[str, Any]:
    return {
        "allowSave": rule.action == "alert",
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": rule.sobject.name,
        "errorMessage": rule.message,
        "matchResults": [
            {
                "entityType": kind,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": [_match(caller, kind, record_id) for record_id in ids],
                "rule": f"Standard_{kind}_Match_Rule",
                "size": len(ids),
                "success": True,
            }
            for kind, ids in found.items()
            if ids
        ],
    }


def _match(caller: Caller, kind: str, record_id: str) -> dict[str, Any]:
    url = f"/services/data/v{caller.version}/sobjects/{kind}/{record_id}"
    record = {"attributes": {"type": kind, "url": url}, "Id": record_id}
    return {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record}


def _soap_match(found: Mapping[str, Any]) -> dict[str, Any]:
    records = [
        {**match, "record": {"type": found["entityType"], "Id": match["record"]["Id"]}}
        for match in found["matchRecords"]
    ]
    return {**found, "matchRecords": records}
