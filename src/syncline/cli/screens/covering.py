"""What refused records held, covered: fields by name and length, the vendor's words without the values.

Lives here: covering dead letters for whoever looks at them. Whoever must see the values asks for them (`--reveal`).
"""

from __future__ import annotations

import json
import re

import polars as pl

from syncline.logs import MASK, masked

_SHORTEST = 2
"""A value of one character is no use to anybody, and is part of every word."""


def covered(rows: pl.DataFrame) -> pl.DataFrame:
    """DEAD_LETTER rows whose `sent` holds masks in place of values, and whose `message` quotes none of them."""
    told = [_covered(message, sent) for message, sent in rows.select("message", "sent").iter_rows()]
    columns = {"message": pl.String, "sent": pl.String}
    return rows.with_columns(pl.DataFrame(told, schema=columns, orient="row").get_columns())


def _covered(message: str | None, sent: str | None) -> tuple[str | None, str | None]:
    cells = json.loads(sent or "{}")
    values = sorted({str(value) for value in cells.values()}, key=len, reverse=True)
    for value in values:
        if len(value) >= _SHORTEST and message:
            message = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASK, message, flags=re.IGNORECASE)
    hidden = {name: f"{MASK} ({len(str(value))} characters)" if value else value for name, value in cells.items()}
    return message and masked(message), sent and json.dumps(hidden)
