"""What all screens share: cells, instants, tables, counts in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from syncline.engine.sheets import Sheets
from syncline.reconcile.plan import Held
from syncline.values import instant

HELD_CODE = "SYN-611"


def frame_as_dicts(rows: pl.DataFrame) -> list[dict[str, Any]]:
    return list(rows.iter_rows(named=True))


def when(at_us: object) -> str:
    """An instant to the second, UTC; a dash for none."""
    return instant(at_us).strftime("%Y-%m-%d %H:%M:%S") if isinstance(at_us, int) else "–"


MOST_CHARACTERS = 160
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def safe(text: object) -> str:
    """Somebody else's text as markup: on one line, without a character a terminal would obey, and not endless."""
    plain = _CONTROL.sub(lambda found: "⏎" if found[0] == "\n" else "�", str(text))
    if len(plain) > MOST_CHARACTERS:
        plain = f"{plain[:MOST_CHARACTERS]}… ({len(plain)} characters)"
    return escape(plain)


def shown(value: object) -> str:
    """A cell for a person, in markup: the text, or why there is none."""
    if value is None:
        return "[dim]unread[/]"
    return safe(value) if value else "[dim]empty[/]"


def table_of(*columns: str, title: str | None = None, whole: Iterable[str] = ()) -> Table:
    """An unframed table; the columns in *whole* are never broken over lines."""
    table = Table(
        title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0)
    )
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in whole)
    return table


def some(count: int, noun: str) -> str:
    """A count with its noun: "1 link", "3 links", "2 entries"."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("y") else f"{count} {noun}s"


def counts_of(sheets: Sheets, among: Iterable[str] | None = None) -> dict[str, int]:
    """How much planned actions do, all or *among* these: records by kind and side, fields, blank-outs."""
    outline, blanks = sheets.outline(), sheets.blanking()
    if among is not None:
        chosen = pl.Series(list(among), dtype=pl.String).implode()
        outline, blanks = (rows.filter(pl.col("action").is_in(chosen)) for rows in (outline, blanks))
    out = {
        f"{kind}s_on_{side}": len(outline.filter((pl.col("kind") == kind) & (pl.col("side") == side)))
        for kind in ("create", "update")
        for side in ("a", "b")
    }
    return out | {"fields": int(outline["fields"].sum()), "blank_outs": len(blanks)}


def counts_in_words(counts: Mapping[str, int], names: Mapping[str, str]) -> str:
    """ "3 creates on marketing, 2 updates on crm: 17 fields, 1 of them blanked out"; "" for nothing."""
    parts = [
        f"{some(counts[f'{kind}s_on_{side}'], kind)} on {names[side]}"
        for kind in ("create", "update")
        for side in ("a", "b")
        if counts[f"{kind}s_on_{side}"]
    ]
    if not parts:
        return ""
    blanks = f", {counts['blank_outs']} of them blanked out" if counts["blank_outs"] else ", none blanked out"
    return f"{', '.join(parts)}: {some(counts['fields'], 'field')}{blanks}"


def held_lines(out: Console, held: Iterable[Held], *, once: str = "") -> None:
    """Sets above a ceiling and how to let them through; *once* says what must happen first."""
    for one in held:
        what = "fields would be blanked out" if one.kind == "blank" else f"{one.kind}s"
        out.print(
            f"[bold yellow]Held[/] ({HELD_CODE}): {len(one.actions)} {what}, above the ceiling of {one.allowed}. Look "
            f"at them with `syncline plan`; {once}`syncline approve {one.digest}` lets exactly these through.",
            soft_wrap=True,
        )
