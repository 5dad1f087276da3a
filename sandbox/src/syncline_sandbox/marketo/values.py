"""One field value on its way in and out: parsing by type, normalisers, and its three written forms.

Stored form: text, numbers and 0/1; dates as YYYY-MM-DD, date-times as YYYY-MM-DDThh:mm:ssZ; blank is None.
Source: Marketo "Field Types", "Leads"; recorded traffic for what is refused and how it reads back. The vendor
documents no trimming of text, so none happens unless a test installs a normaliser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from syncline_sandbox.marketo.fields import Field

Normaliser = Callable[[Any], Any]

TEXT_BYTES = 30_000
_INT32 = 2**31
EMAIL = re.compile(r"[\x21-\x3f\x41-\x7e]+@[\x21-\x3f\x41-\x7e]+\Z")
_BOOLEANS = {"true": 1, "false": 0, "1": 1, "0": 0}


class InvalidValue(ValueError):
    """The value does not fit the field's type: record-level 1003."""


def is_plain(value: Any) -> bool:
    """Text or a number that the database can compare with: 64 bits, where JSON knows more."""
    return isinstance(value, str | float) or (isinstance(value, int) and -(2**63) <= value < 2**63)


def text_limit(field: Field) -> int:
    """How many characters always fit; more may fit where bytes are counted, which `parse` knows."""
    return TEXT_BYTES // 4 if field.length is None else field.length


def parse(field: Field, value: Any) -> Any:
    """The stored form of *value*. None and "" are blank for every type. InvalidValue when it does not fit."""
    if value is None or value == "":
        return None
    return _PARSERS[field.type](field, value)


def _text(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise InvalidValue
    text = str(value)
    if field.length is not None and len(text) > field.length:
        raise InvalidValue
    if field.length is None and len(text.encode()) > TEXT_BYTES:
        raise InvalidValue
    return text


def _email(field: Field, value: Any) -> str:
    text = _text(field, value)
    if not EMAIL.match(text):
        raise InvalidValue
    return text


def _integer(_field: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidValue
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError as wrong:
        raise InvalidValue from wrong
    if number != int(number) or not -_INT32 <= number < _INT32:
        raise InvalidValue
    return int(number)


def _decimal(_field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidValue
    try:
        number = float(value)
    except ValueError as wrong:
        raise InvalidValue from wrong
    if number in (float("inf"), float("-inf")) or number != number:
        raise InvalidValue
    return number


def _boolean(_field: Field, value: Any) -> int:
    known = _BOOLEANS.get(str(value).lower()) if isinstance(value, bool | int | str) else None
    if known is None:
        raise InvalidValue
    return known


def _date(_field: Field, value: Any) -> str:
    if not isinstance(value, str) or len(value) != 10:
        raise InvalidValue
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as wrong:
        raise InvalidValue from wrong


def _datetime(_field: Field, value: Any) -> str:
    if not isinstance(value, str) or "T" not in value:
        raise InvalidValue
    try:
        return iso(parse_instant(value))
    except ValueError as wrong:
        raise InvalidValue from wrong


def _reference(_field: Field, value: Any) -> Any:
    if not isinstance(value, int | str):
        raise InvalidValue
    return value


_PARSERS: Mapping[str, Callable[[Field, Any], Any]] = {
    **dict.fromkeys(("string", "text", "phone", "url"), _text),
    **dict.fromkeys(("integer", "score", "percent"), _integer),
    **dict.fromkeys(("float", "currency"), _decimal),
    "email": _email,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "reference": _reference,
}


def parse_instant(text: str) -> datetime:
    """An ISO date or date-time, aware UTC; without a zone it is taken as UTC. ValueError when it is neither."""
    moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def iso(moment: datetime) -> str:
    """Whole seconds, as the lead database prints them."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_activity_text(field: Field, stored: Any) -> str | None:
    """The form in Change Data Value rows: text always. None stays None, but a boolean never set is False."""
    if field.type == "boolean":
        return "True" if stored else "False"
    if stored is None:
        return None
    if field.type == "datetime":
        return str(stored).replace("T", " ").removesuffix("Z")
    return str(stored)


def as_csv_expression(field: Field, column: str) -> str:
    """The SQL expression of the field's cell in a bulk file: blank is the word null, booleans are words."""
    if field.type == "boolean":
        return f"CASE WHEN {column} THEN 'true' ELSE 'false' END"
    return f"coalesce({column}, 'null')"


def normaliser(name: str, values: Mapping[str, str] | None = None) -> Normaliser:
    """A named rewriting of stored values, as a flow or a data-standardisation job would do it. KeyError if unknown.

    `map` looks text up in *values* (case-insensitively) and leaves the rest alone.
    """
    if name == "map":
        table = {key.casefold(): new for key, new in (values or {}).items()}
        return _on_text(lambda text: table.get(text.casefold(), text))
    return _on_text(_NORMALISERS[name])


def _on_text(rewrite: Callable[[str], str]) -> Normaliser:
    return lambda value: (rewrite(value) or None) if isinstance(value, str) else value


_COUNTRIES = {
    **dict.fromkeys(("us", "usa", "u.s.", "u.s.a.", "united states of america"), "United States"),
    **dict.fromkeys(("uk", "gb", "great britain"), "United Kingdom"),
    **dict.fromkeys(("au", "aus"), "Australia"),
    **dict.fromkeys(("de", "deutschland"), "Germany"),
}

_NORMALISERS: Mapping[str, Callable[[str], str]] = {
    "trim": str.strip,
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "digits": lambda text: re.sub(r"\D", "", text),
    "collapse_spaces": lambda text: " ".join(text.split()),
    "country_name": lambda text: _COUNTRIES.get(text.strip().casefold(), text),
}
