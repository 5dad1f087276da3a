"""What waits for a person: conflicts, refused records, holds."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl
from rich.console import Console

from syncline.cli.screens.common import safe, shown, some, table_of, when

MOST_HOLDS = 200


def conflicts_screen(out: Console, rows: pl.DataFrame, names: Mapping[str, str]) -> None:
    """Two lines a conflict: who won and why, then both values."""
    if rows.is_empty():
        out.print("No conflict has been met.")
    for row in rows.iter_rows(named=True):
        winner = names.get(row["winner_side"])
        verdict = f"{safe(winner)} won" if winner else "[yellow]open[/]"
        out.print(
            f"{when(row['at_us'])}  [bold]{safe(row['mapping'])}[/]  {verdict}: {safe(row['reason'] or '')}",
            soft_wrap=True,
        )
        values = ", ".join(f"{safe(name)} {shown(row[f'value_{side}'])}" for side, name in names.items())
        out.print(f"  {values}", soft_wrap=True)


def errors_screen(out: Console, rows: pl.DataFrame, names: Mapping[str, str]) -> None:
    """Four lines a refusal: which record, what the system said, what was sent, what would wake it."""
    if rows.is_empty():
        out.print("Nothing was refused.")
        return
    for row in rows.iter_rows(named=True):
        record = f"{row['object_type']} {row['record_id'] or '(new)'} on {names[row['side']]}"
        out.print(f"[bold]{row['letter_id']}[/]  {when(row['at_us'])}  {safe(record)}", soft_wrap=True)
        out.print(f"  {safe(row['code'])}: {safe(row['message'])}", soft_wrap=True)
        if sent := json.loads(row["sent"] or "{}"):
            values = ", ".join(f"{safe(name)} {shown(value)}" for name, value in sent.items())
            out.print(f"  sent: {values}", soft_wrap=True)
        out.print(f"  [dim]wakes on another {safe(row['wakes_on'])}[/]", soft_wrap=True)
    out.print(
        "`syncline retry` tries all of them again in the next run, `--cause CODE` those of one cause, `retry ID` one.",
        soft_wrap=True,
    )


def causes_lines(out: Console, rows: pl.DataFrame) -> None:
    """How many were refused for which cause, the most frequent first."""
    for code, count in rows["code"].value_counts(sort=True).iter_rows():
        out.print(f"{some(count, 'record')} refused with {safe(code)}", soft_wrap=True)


def frozen_screen(out: Console, rows: pl.DataFrame, names: Mapping[str, str]) -> None:
    """Two lines a frozen field: whose it is, and who fights over it with which values."""
    if rows.is_empty():
        out.print("Nothing is frozen.")
        return
    for row in rows.iter_rows(named=True):
        detail = json.loads(row["detail"])
        ends = ", ".join(f"{safe(name)} {row[f'id_{side}'] or '–'}" for side, name in names.items())
        out.print(f"{when(row['at_us'])}  [bold]{safe(row['mapping'])}[/]  {ends}", soft_wrap=True)
        ours, theirs = (safe(writer) for writer in detail["writers"])
        fight = f"{ours} wrote {shown(detail['ours'])}, {theirs} set it back to {shown(detail['theirs'])}"
        out.print(f"  on {safe(names[detail['side']])}: {fight}, {detail['times']} times", soft_wrap=True)
    out.print("`syncline thaw RECORD [FIELD]` lets it flow again; else a day of silence does.", soft_wrap=True)


def holds_screen(out: Console, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        out.print("Nothing waits for a person.")
        return
    table = table_of("kind", "what", "digest", "since (UTC)", whole=("kind", "digest", "since (UTC)"))
    for row in rows.head(MOST_HOLDS).iter_rows(named=True):
        table.add_row(row["kind"].replace("_", " "), safe(_subject(row["subject"])), row["digest"], when(row["at_us"]))
    out.print(table)
    if len(rows) > MOST_HOLDS:
        out.print(f"… and {some(len(rows) - MOST_HOLDS, 'more hold')} (--json for all).")


def _subject(text: str) -> str:
    """A hold's subject in words: records, or facts by name."""
    subject = json.loads(text)
    if isinstance(subject, dict) and {"kind", "count", "allowed"} <= subject.keys():
        return f"{subject['count']} {subject['kind']}s, at most {subject['allowed']} are allowed"
    if not isinstance(subject, list):
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in subject.items())
    return "; ".join(
        f"{one.get('side', '')} {one.get('object_type', '')} {one.get('record_id', '')}".strip()
        if isinstance(one, dict)
        else str(one)
        for one in subject
    )
