"""How values of each field type are compared: which literals they take, how a literal is bound, which collation.

SOQL and SOSL Reference, "Comparison Operators", "Date Formats and Date Literals", "Use null in WHERE", "ORDER BY".

- Text compares without case (`functions.fold`), ids and case-sensitive external ids with it. SQLite's NOCASE folds
  ASCII only, so a literal beyond ASCII compares through the function `sf_fold`.
- Text sorts and groups by its UTF-8 values with the case of ASCII letters aside: the page says so of English locales.
- A picklist sorts in the order of its values, those not listed behind, among themselves as text.
- An empty string is null, in a literal too. A null boolean is false, and `= null` of a boolean is `= FALSE`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from syncline_sandbox.salesforce.ids import full_id

from .dates import parse_datetime
from .errors import INVALID_FIELD, INVALID_QUERY_FILTER_OPERATOR, MALFORMED_QUERY, pointed
from .functions import fold
from .names import text_sql
from .scope import Resolved
from .syntax import Literal


@dataclass(frozen=True, slots=True)
class Family:
    """Field types that compare alike. `label` and `quoted` word the refusal of a literal of the wrong kind."""

    name: str
    label: str
    kinds: frozenset[str]
    quoted: bool = False


NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_TEXT = Family("text", "string", frozenset({"string"}), quoted=True)
_KEY = Family("key", "string", frozenset({"string"}), quoted=True)
_NUMBER = Family("number", "double", frozenset({"number"}))
_FAMILIES = {
    "id": _KEY,
    "reference": _KEY,
    "int": Family("number", "int", frozenset({"number"})),
    "long": _NUMBER,
    "double": _NUMBER,
    "currency": _NUMBER,
    "percent": _NUMBER,
    "boolean": Family("boolean", "boolean", frozenset({"boolean"})),
    "date": Family("date", "date", frozenset({"date", "range"})),
    "datetime": Family("datetime", "dateTime", frozenset({"datetime", "range"})),
}


def family_of(field_type: str) -> Family:
    return _FAMILIES.get(field_type, _TEXT)


def bound(field: Resolved, literal: Literal, text: str) -> object:
    """The value to bind for *literal* beside *field*; None for null. Raises SoqlError where the kinds do not fit."""
    family = family_of(field.type)
    if literal.kind == "null" or (literal.kind == "string" and not literal.value):
        return 0 if family.name == "boolean" and literal.kind == "null" else None
    if literal.kind not in family.kinds or (literal.kind == "range" and field.computed):
        negation = "" if family.quoted else "not "
        raise pointed(
            INVALID_FIELD,
            f"value of filter criterion for field '{field.name}' must be of type {family.label} "
            f"and should {negation}be enclosed in quotes",
            text,
            literal.at,
        )
    if family.name == "key":
        return _record_id(literal, text)
    if family.name == "number":
        return _number(literal.value)
    if family.name == "boolean":
        return int(literal.value == "true")
    return _time(literal, text) if literal.kind in _TIMES else literal.value


def _record_id(literal: Literal, text: str) -> str:
    record_id = full_id(literal.value)
    if record_id is None:
        raise pointed(INVALID_QUERY_FILTER_OPERATOR, f"invalid ID field: {literal.value}", text, literal.at)
    return record_id


def _time(literal: Literal, text: str) -> str:
    try:
        return _TIMES[literal.kind](literal.value)
    except ValueError as error:
        raise pointed(MALFORMED_QUERY, f"Invalid {literal.kind}: {literal.value}", text, literal.at) from error


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


_LARGEST = sys.float_info.max
_INTEGER_DIGITS = 18  # what fits SQLite's integers
_TIMES: dict[str, Callable[[str], str]] = {"datetime": parse_datetime, "date": _day}


def comparable(field: Resolved, *values: object) -> tuple[str, list[object]]:
    """The SQL left side and the values to bind so that *field* compares with them as the vendor compares."""
    if family_of(field.type).name != "text" or field.case_sensitive:
        return field.sql, list(values)
    if all(not isinstance(value, str) or value.isascii() for value in values):
        return f"{field.sql} COLLATE NOCASE", list(values)
    return f"sf_fold({field.sql})", [fold(value) for value in values]


def _number(text: str) -> int | float:
    whole = text.lstrip("+-")
    if whole.isdigit() and len(whole) <= _INTEGER_DIGITS:
        return int(text)
    return min(max(float(text), -_LARGEST), _LARGEST)


def collation(value: Resolved) -> str:
    """How SQL is told to compare *value* without case, where it does."""
    return " COLLATE NOCASE" if family_of(value.type).name == "text" and not value.case_sensitive else ""


def sorted_as(value: Resolved) -> str:
    """The SQL that sorts and groups as *value* does, apart from the order of picklists."""
    return f"{value.sql}{collation(value)}"


def picklist_rank(value: Resolved) -> str | None:
    """The SQL of a value's place among those of its picklist, null for null; None where it is no picklist."""
    if value.type != "picklist" or value.field is None or not value.field.picklist:
        return None
    if value.sql == "NULL":  # rolled up
        return value.sql
    entries = value.field.picklist
    cases = " ".join(f"WHEN {text_sql(entry.value)} THEN {rank}" for rank, entry in enumerate(entries))
    ranked = f"CASE {value.sql} COLLATE NOCASE {cases} ELSE {len(entries)} END"
    return f"CASE WHEN {value.sql} IS NULL THEN NULL ELSE {ranked} END"
