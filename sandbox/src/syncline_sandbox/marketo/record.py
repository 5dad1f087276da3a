"""One record on its way to the writer: what a call orders, and the parsing of a record's values.

Source: Marketo "Leads" (Create and Update), "Error Codes" (record level); recorded texts for values that do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from syncline_sandbox.marketo.activity_log import Cause
from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.store import Row, Store
from syncline_sandbox.marketo.values import InvalidValue, Normaliser, parse

ACTIONS = ("createOrUpdate", "createOnly", "updateOnly", "createDuplicate")


class RecordSkipped(Exception):
    """This record is not written; the others are."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, kw_only=True)
class WriteOrder:
    """How one call writes. `refusals` and the like are faults: record index → (code, message), field names."""

    cause: Cause
    lookup: Field
    action: str = "createOrUpdate"
    partition_id: int = 1  # where new people come
    must_be_there: bool = False  # people found in another partition are refused
    seen_partitions: frozenset[int] | None = None  # of the user; None: all
    commit_delay_seconds: float = 0.0
    refusals: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    ignored_fields: frozenset[str] = frozenset()
    writes_company: bool = False  # company fields of a linked person go to its company, as in the vendor's screens
    accepts_any_email: bool = False  # an import that only warns of a bad address
    may_resubscribe: bool = True  # a list import cannot clear the durable unsubscribe


class RecordParser:
    """Turns a record into stored values. `normalisers` rewrite values of the fields they are named after."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.normalisers: dict[str, Normaliser] = {}

    def parse_or_skip(self, index: int, record: Any, order: WriteOrder) -> Row | RecordSkipped:
        """The stored values of the record at *index*, or why it is skipped."""
        try:
            if index in order.refusals:
                raise RecordSkipped(*order.refusals[index])
            if not isinstance(record, dict):
                raise RecordSkipped(1003, "Invalid data")
            return self._parse(record, order)
        except RecordSkipped as reason:
            return reason

    def _parse(self, record: Mapping[str, Any], order: WriteOrder) -> Row:
        values: Row = {}
        for name, value in record.items():
            known = self._store.fields.find(name)
            if known is None:
                raise RecordSkipped(1006, f"Field '{name}' not found")
            if not known.writable and not (name == "id" == order.lookup.name and order.action == "updateOnly"):
                raise RecordSkipped(1003, f"Invalid value for field '{name}' and value '{_shown(value)}'")
            if name in order.ignored_fields and name != order.lookup.name:
                continue
            try:
                stored = parse(known, value)
            except InvalidValue:
                if not (order.accepts_any_email and known.type == "email"):
                    raise RecordSkipped(1003, f"Invalid value for field '{name}' and value '{_shown(value)}'") from None
                stored = str(value)
            if stored is None and known.type == "boolean":
                stored = 0  # recorded: a boolean cleared with null reads back false
            if name == "unsubscribed" and stored == 0 and not order.may_resubscribe:
                continue
            if name in self.normalisers:
                stored = self.normalisers[name](stored)
            values[name] = stored
        if order.action != "createDuplicate" and values.get(order.lookup.name) is None:
            raise RecordSkipped(1002, f"Missing value for the required parameter '{order.lookup.name}'")
        return values


def folded(key: Any) -> Any:
    """A lookup key as the database compares it: ASCII letters without case."""
    return key.lower() if isinstance(key, str) else key


def full_name(row: Row) -> str | None:
    return " ".join(part for part in (row.get("firstName"), row.get("lastName")) if part) or None


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
