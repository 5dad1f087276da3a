"""What waits for a person: conflicts, refused records, holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape

from syncline.cli.screens.common import shown, some, table_of, when

MOST_HOLDS = 200


def conflicts_screen(out: Console, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        out.print("No conflict has been met.")
        return
    table = table_of("when (UTC)", "field", "kind", "a", "b", "winner", "why", whole=("when (UTC)",))
    for row in rows.iter_rows(named=True):
        table.add_row(
            when(row["at_us"]),
            row["mapping"],
            row["kind"],
            shown(row["value_a"]),
            shown(row["value_b"]),
            row["winner_side"] or "[yellow]open[/]",
            escape(row["reason"] or ""),
        )
    out.print(table)


def errors_screen(out: Console, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        out.print("Nothing was refused.")
        return
    table = table_of("id", "when (UTC)", "record", "code", "what the system said", "wakes on", whole=("id",))
    for row in rows.iter_rows(named=True):
        table.add_row(
            row["letter_id"],
            when(row["at_us"]),
            _refused(row),
            row["code"],
            escape(row["message"]),
            f"another {row['wakes_on']}",
        )
    out.print(table)
    out.print("`syncline retry` tries all of them again in the next run, `syncline retry ID` one.", soft_wrap=True)


def _refused(row: Mapping[str, Any]) -> str:
    """The record whose write was refused; a create's letter names the record it was to be made from."""
    record = f"{row['object_type']} {row['record_id']}"
    return f"{record} on {row['side']}" if row["link_id"] else f"new on {row['side']}, from {record}"


def holds_screen(out: Console, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        out.print("Nothing waits for a person.")
        return
    table = table_of("kind", "what", "digest", "since (UTC)", whole=("kind", "digest", "since (UTC)"))
    for row in rows.head(MOST_HOLDS).iter_rows(named=True):
        table.add_row(
            row["kind"].replace("_", " "), escape(_subject(row["subject"])), row["digest"], when(row["at_us"])
        )
    out.print(table)
    if len(rows) > MOST_HOLDS:
        out.print(f"… and {some(len(rows) - MOST_HOLDS, 'more hold')} (--json for all).")


def _subject(text: str) -> str:
    """A hold's subject in words: records, or facts by name."""
    subject = json.loads(text)
    if not isinstance(subject, list):
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in subject.items())
    return "; ".join(
        f"{one.get('side', '')} {one.get('object_type', '')} {one.get('record_id', '')}".strip()
        if isinstance(one, dict)
        else str(one)
        for one in subject
    )
