"""From a JSON value to what the org stores for a field, or the refusal.

Lives here: types, lengths, restricted picklists, e-mail and number forms (SOAP API Developer Guide, "Core Data Types";
REST "Status Codes and Error Responses"). What needs other records (look-ups, uniqueness) is checked in `dml.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from .errors import OrgError, WrongType
from .ids import full_id
from .schema import Field
from .stamps import parse_date, parse_datetime

_Read = Callable[[Field, Any], Any]
_INTEGER = re.compile(r"\s*[+-]?\d+\s*")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def stored_value(field: Field, value: Any) -> Any:
    """What the column of *field* holds for a JSON *value*; None clears it.

    An empty string is stored as null, and null in a checkbox as false.

    Raises:
        OrgError: JSON_PARSER_ERROR for a value of the wrong type, otherwise the code of the rule it breaks.
    """
    if value is None or value == "":
        return 0 if field.type == "boolean" else None
    read: _Read = _BY_TYPE.get(field.type, _text)
    return read(field, value)


def _wrong_type(field: Field, value: Any) -> OrgError:
    return WrongType(field.type, field.name, field.label, value)


def _text(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise _wrong_type(field, value)
    text = str(value)
    if field.length and len(text) > field.length:
        raise OrgError(
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {text} (max length={field.length})",
            (field.name,),
        )
    return text


def _email(field: Field, value: Any) -> str:
    text = _text(field, value)
    if _EMAIL.fullmatch(text) is None:
        raise OrgError("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {text}", (field.name,))
    return text


def _picklist(field: Field, value: Any) -> str:
    text = _text(field, value)
    if field.restricted_picklist:
        _refuse_unlisted(field, text, [text])
    return text


def _multipicklist(field: Field, value: Any) -> str:
    text = _text(field, value)
    chosen = [part.strip() for part in text.split(";") if part.strip()]
    if field.restricted_picklist:
        _refuse_unlisted(field, text, chosen)
    return ";".join(chosen)


def _refuse_unlisted(field: Field, text: str, chosen: list[str]) -> None:
    active = {entry.value for entry in field.picklist if entry.active}
    if not active.issuperset(chosen):
        raise OrgError(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.label}: bad value for restricted picklist field: {text}",
            (field.name,),
        )


def _boolean(field: Field, value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return int(value.lower() == "true")
    raise _wrong_type(field, value)


def _finite(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong_type(field, value)
    try:
        number = float(value)
    except ValueError:
        raise _wrong_type(field, value) from None
    if not math.isfinite(number):
        raise _wrong_type(field, value)
    return number


def _number(field: Field, value: Any) -> float:
    number = _finite(field, value)
    if abs(number) >= 10 ** (field.precision - field.scale):
        raise _out_of_range(field, value)
    return number


def _int(field: Field, value: Any) -> int:
    number = _finite(field, value)
    if number != int(number) or (isinstance(value, str) and _INTEGER.fullmatch(value) is None):
        raise _wrong_type(field, value)
    if abs(number) >= 10**field.digits:
        raise _out_of_range(field, value)
    return int(number)


def _out_of_range(field: Field, value: Any) -> OrgError:
    return OrgError(
        "NUMBER_OUTSIDE_VALID_RANGE",
        f"{field.label}: value outside of valid range on numeric field: {value}",
        (field.name,),
    )


def _date(field: Field, value: Any) -> str:
    day = parse_date(value) if isinstance(value, str) else None
    if day is None:
        raise _wrong_type(field, value)
    return day


def _datetime(field: Field, value: Any) -> str:
    stamp = parse_datetime(value) if isinstance(value, str) else None
    if stamp is None:
        raise _wrong_type(field, value)
    return stamp


def _reference(field: Field, value: Any) -> str:
    record_id = full_id(value)
    if record_id is None:
        raise OrgError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", (field.name,))
    return record_id


_BY_TYPE: dict[str, _Read] = {
    "email": _email,
    "picklist": _picklist,
    "multipicklist": _multipicklist,
    "boolean": _boolean,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "int": _int,
    "date": _date,
    "datetime": _datetime,
    "reference": _reference,
    "id": _reference,
}
