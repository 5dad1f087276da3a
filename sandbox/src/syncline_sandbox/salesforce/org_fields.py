"""Custom objects and custom fields of one org: adding them, and taking them up after a restart.

Lives here: what adding one does beside the SObject or Field itself: tables, roll-ups ("Roll-Up Summary Field"), the
owner a detail loses ("Master-Detail", Salesforce Help), formulas compiled. What is added stays over a reset.
"""

from __future__ import annotations

from typing import Any

from .custom_fields import custom_field
from .custom_objects import check_object, custom_object, key_prefix
from .field_lines import sobject_of_lines
from .formula import compile_formula
from .rollups import OPERATIONS, Rollup, Rollups
from .schema import Field, Schema, SObject
from .standard_access import share_lines
from .storage import Storage
from .values import stored_value

# Operator of a SummaryFilterItem ("CustomField" of the Metadata API) to SQL.
_FILTERS = {
    "equals": "IS",
    "notEqual": "IS NOT",
    "lessThan": "<",
    "lessOrEqual": "<=",
    "greaterThan": ">",
    "greaterOrEqual": ">=",
}
# "Considerations for Object Relationships" (Salesforce Help): these are never masters.
_NO_MASTERS = frozenset({"Lead", "User"})
_MASTER_DEPTH = 3


class OrgFields:
    """The custom objects and fields of one org, over its schema and storage."""

    def __init__(self, schema: Schema, storage: Storage, rollups: Rollups) -> None:
        self._schema = schema
        self._storage = storage
        self._rollups = rollups

    def add_object(self, spec: dict[str, Any]) -> SObject:
        """Add a custom object with its fields. ValueError or LookupError when it makes no sense; nothing is added."""
        name = check_object(spec)
        if self._schema.sobject(name) is not None:
            raise ValueError(f"there is already an object {name}")
        kept = self._storage.kept("objects") or []
        prefix = key_prefix(len(kept))
        fields = spec.get("fields", [])
        rest = {key: value for key, value in spec.items() if key != "fields"}
        sobject = custom_object(rest, prefix)
        self._schema.put(sobject)
        try:
            for field in fields:
                self._check(sobject, field)
            with self._storage.savepoint():
                self._storage.create_table(sobject)
                self._put_share(sobject, fields)
                self._storage.keep("objects", [*kept, {"prefix": prefix, **rest}])
                for field in fields:
                    self._add(sobject, field)
        except BaseException:
            self._schema.remove(sobject)
            raise
        return sobject

    def add_field(self, sobject: SObject, spec: dict[str, Any]) -> Field:
        """Add a custom field. ValueError or LookupError when it makes no sense."""
        self._check(sobject, spec)
        with self._storage.savepoint():
            return self._add(sobject, spec)

    def specifications(self) -> list[tuple[str, dict[str, Any]]]:
        """The fields added to this org: object and specification, oldest first."""
        return [(str(name), spec) for name, spec in self._storage.kept("fields") or []]

    def take_up(self) -> None:
        """Put into the schema what an earlier process added."""
        for kept in self._storage.kept("objects") or []:
            spec = dict(kept)
            prefix = spec.pop("prefix")
            if self._schema.sobject(spec["name"]) is None:
                sobject = custom_object(spec, prefix)
                self._schema.put(sobject)
                self._storage.create_table(sobject)
                fields = [field for owner, field in self.specifications() if owner == sobject.name]
                self._put_share(sobject, fields)
        for name, spec in self.specifications():
            sobject_of_field = self._schema.sobject(name)
            assert sobject_of_field is not None
            if sobject_of_field.field(spec["name"]) is None:
                self._put(sobject_of_field, spec)

    def _put_share(self, sobject: SObject, fields: list[dict[str, Any]]) -> None:
        """Add the share object of a custom object that is no detail."""
        if all(field.get("master_detail") is None for field in fields):
            lines = share_lines(sobject.name, "ParentId", "AccessLevel")
            prefix = f"s{sobject.key_prefix[1:]}"
            share = sobject_of_lines(f"{sobject.name[:-1]}Share", f"Share: {sobject.label}", prefix, lines)
            self._schema.put(share)
            self._storage.create_table(share)

    def _check(self, sobject: SObject, spec: dict[str, Any]) -> None:
        field = self._field(sobject, spec)
        if sobject.field(field.name) is not None:
            raise ValueError(f"{sobject.name} already has a field {field.name}")
        if field.relationship_order is not None:
            self._check_master(sobject, field)
        if "rollup" in spec:
            self._rollup(sobject, field, spec["rollup"])

    def _check_master(self, sobject: SObject, field: Field) -> None:
        master = self._schema.sobject(field.reference_to[0]) if field.reference_to else None
        if master is None or master.name in _NO_MASTERS or not sobject.custom:
            raise ValueError(f"{sobject.name} cannot be a detail of {', '.join(field.reference_to) or 'nothing'}")
        rows = self._storage.db.execute(f"SELECT 1 FROM sqlite_master WHERE name = '{sobject.table}'").fetchone()
        if rows and self._storage.db.execute(f'SELECT 1 FROM "{sobject.table}" LIMIT 1').fetchone() is not None:
            raise ValueError(f"{sobject.name} has records; a master can only be added to an empty object")
        depth = 1
        while (above := master.master) is not None:
            depth += 1
            master = self._schema.sobject(above.reference_to[0])
            assert master is not None
        if depth > _MASTER_DEPTH:
            raise ValueError(f"details stand at most {_MASTER_DEPTH} levels below a master")

    def _add(self, sobject: SObject, spec: dict[str, Any]) -> Field:
        field = self._field(sobject, spec)
        if field.column is not None:
            self._storage.add_column(sobject, field)
        field = self._put(sobject, spec)
        if "rollup" in spec:
            self._rollups.reckon_all(self._rollup(sobject, field, spec["rollup"]))
        self._storage.keep("fields", [*(self._storage.kept("fields") or []), [sobject.name, spec]])
        return field

    def _put(self, sobject: SObject, spec: dict[str, Any]) -> Field:
        field = self._field(sobject, spec)
        sobject.put_field(field)
        if field.relationship_order == 0 and sobject.field("OwnerId") is not None:
            sobject.remove_field("OwnerId")
        if "rollup" in spec:
            self._rollups.install(self._rollup(sobject, field, spec["rollup"]))
        return field

    def _field(self, sobject: SObject, spec: dict[str, Any]) -> Field:
        formula = spec.get("formula")
        if formula is None or "formula_sql" in spec:
            return custom_field(spec)
        blank_is_zero = spec.get("treat_blanks", "BlankAsZero") == "BlankAsZero"
        name = str(spec.get("name", ""))
        return custom_field(spec, compile_formula(formula, self._schema, sobject, name, blank_is_zero=blank_is_zero))

    def _rollup(self, parent: SObject, field: Field, wanted: dict[str, Any]) -> Rollup:
        """`{"child": "Line__c", "reference": "Order__c", "operation": "sum", "field": "Amount__c", "filters": […]}`"""
        child = self._schema.sobject(str(wanted.get("child")))
        reference = child.field(str(wanted.get("reference"))) if child is not None else None
        if child is None or reference is None or parent.name not in reference.reference_to:
            raise LookupError(f"no reference to {parent.name} is {wanted.get('child')}.{wanted.get('reference')}")
        if reference.relationship_order is None and not (child.name == "Opportunity" and parent.name == "Account"):
            raise ValueError(f"{child.name}.{reference.name} is not a master-detail: it takes no roll-up summary")
        operation = str(wanted.get("operation", "count")).lower()
        if operation not in OPERATIONS:
            raise ValueError(f"a roll-up is one of {', '.join(OPERATIONS)}, not {operation!r}")
        summed = "" if operation == "count" else self._stored(child, str(wanted.get("field"))).sql
        conditions = [self._condition(child, one) for one in wanted.get("filters", [])]
        return Rollup(
            parent=parent.name,
            column=field.name,
            child=child.name,
            reference=str(reference.column),
            expression=OPERATIONS[operation].format(summed.replace("{row}", "{child}")),
            condition=" AND ".join(conditions) or "1",
        )

    def _condition(self, child: SObject, one: dict[str, Any]) -> str:
        """One filter item: `{"field": "Status__c", "operation": "equals", "value": "Open"}`"""
        field = self._stored(child, str(one.get("field", "")).rpartition(".")[2])
        operator = _FILTERS.get(str(one.get("operation")))
        if operator is None:
            raise ValueError(f"a filter's operation is one of {', '.join(_FILTERS)}")
        value = one.get("value")
        stored = stored_value(field, value == "True" if field.type == "boolean" else value)
        literal = (
            "NULL" if stored is None else "'" + stored.replace("'", "''") + "'" if isinstance(stored, str) else stored
        )
        return f"{field.sql.replace('{row}', '{child}')} {operator} {literal}"

    def _stored(self, sobject: SObject, name: str) -> Field:
        field = sobject.field(name)
        if field is None or field.compound:
            raise LookupError(f"{sobject.name} has no field {name!r}")
        return field
