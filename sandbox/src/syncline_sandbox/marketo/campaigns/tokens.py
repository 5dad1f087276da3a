"""Tokens in flow steps and webhooks: {{lead.First Name}}, {{company.Industry}}, {{my.offer:default=none}} and the like.

Source: Marketo "Tokens Overview", "Webhooks" (string tokens come in double quotes where the encoding is JSON). A token
that means nothing here is blank.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

import orjson

from syncline_sandbox.marketo.fields import Field

_TOKEN = re.compile(r"\{\{\s*([A-Za-z]+)\.([^{}:]+?)\s*(?::\s*default\s*=([^{}]*))?\}\}")

Encoding = Callable[[Any], str]


def plain(value: Any) -> str:
    """As flow steps print a value."""
    return "" if value is None else str(value)


def in_json(value: Any) -> str:
    """Strings in double quotes, numbers bare."""
    return orjson.dumps("" if value is None else value).decode()


def in_form(value: Any) -> str:
    return quote_plus(plain(value))


class Tokens:
    """What the tokens of one person in one run stand for. `values`: scope → name → value, names in lower case."""

    def __init__(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        self._values = values

    def fill(self, text: str, encode: Encoding = plain) -> str:
        """The text with its tokens replaced."""

        def value(match: re.Match[str]) -> str:
            scope, name, default = match[1].lower(), match[2].strip().lower(), match[3]
            known = self._values.get(scope, {}).get(name)
            return encode(default if known in (None, "") and default is not None else known)

        return _TOKEN.sub(value, text)


def by_label(fields: list[Field], row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row under the fields' display names and REST names."""
    values: dict[str, Any] = {}
    for field in fields:
        value = row.get(field.name)
        shown = bool(value) if field.type == "boolean" else value
        values[field.label.lower()] = values[field.name.lower()] = shown
    return values


def system(now: datetime) -> dict[str, str]:
    return {
        "date": now.date().isoformat(),
        "time": now.strftime("%H:%M:%S"),
        "datetime": now.strftime("%Y-%m-%d %H:%M:%S"),
    }
