"""SOQL text: select lists and conditions, with every value quoted. Nothing is sent from here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

# "String literals … escape sequences" (SOQL and SOSL Reference, "Quoted String Escape Sequences").
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def literal(text: str) -> str:
    """*text* as a quoted SOQL string."""
    return f"'{text.translate(_ESCAPES)}'"


def instant(at: datetime) -> str:
    """*at* as a SOQL dateTime, whole seconds, UTC; never quoted."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def select(columns: Sequence[str], object_type: str, where: str = "", order_by: str = "") -> str:
    """A SELECT; naming a column twice is refused by the vendor, so it is named once."""
    text = f"SELECT {', '.join(dict.fromkeys(columns))} FROM {object_type}"
    text += f" WHERE {where}" if where else ""
    return text + (f" ORDER BY {order_by}" if order_by else "")


def is_in(column: str, values: Iterable[str], is_text: bool = True) -> str:
    """A condition; values of columns that are no text stand as they are ("Date Formats and Date Literals")."""
    return f"{column} IN ({','.join(literal(value) if is_text else value for value in values)})"


def chunks(values: Sequence[str], *, most: int, url_bytes: int) -> list[Sequence[str]]:
    """*values* cut so that each part has at most *most* and takes at most *url_bytes* in a URL (one at least)."""
    parts: list[Sequence[str]] = []
    start = size = 0
    for index, value in enumerate(values):
        cost = len(quote(literal(value), safe="")) + 3
        if index > start and (index - start >= most or size + cost > url_bytes):
            parts.append(values[start:index])
            start, size = index, 0
        size += cost
    if start < len(values):
        parts.append(values[start:])
    return parts
