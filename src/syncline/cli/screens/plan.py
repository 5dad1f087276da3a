"""The plan: every record that would be written, before and after per field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from syncline.cli.screens.common import counts_in_words, counts_of, frame_as_dicts, held_lines, safe, shown, some
from syncline.cli.screens.run import empty_side_lines, empty_sides
from syncline.engine.cycle import RunReport
from syncline.records import SIDES

_NAMES = ("action", "kind", "side", "object_type", "record_id", "source_type", "source_id", "mapping", "field")


def plan_as_dict(report: RunReport, calls: Mapping[str, int]) -> dict[str, Any]:
    """`calls`: API calls made to read for this plan, and at most needed to write it, by connection."""
    return {
        "sync": report.sync,
        "counts": counts_of(report.sheets),
        "held": [asdict(held) for held in report.held],
        "empty_sides": empty_sides(report),
        "classes": {side: report.counts(side) for side in SIDES},
        "calls": {"read": report.calls, "write": dict(calls)},
        "actions": frame_as_dicts(report.actions.select(*_NAMES, "before", "after", "reason")),
    }


def plan_screen(
    out: Console, report: RunReport, calls: Mapping[str, int], names: Mapping[str, str], limit: int
) -> None:
    """Up to *limit* records field by field, then how much it is, what is held, and what it costs."""
    actions = report.actions
    subjects = actions["action"].unique(maintain_order=True)
    for action in subjects.head(limit):
        _record(out, actions.filter(pl.col("action") == action), names)
    if len(subjects) > limit > 0:
        out.print(f"… and {some(len(subjects) - limit, 'more record')} (--limit N, or --json for all).")
    words = counts_in_words(counts_of(report.sheets), names)
    out.print(
        f"[bold]A run would make[/] {words}."
        if words
        else "Nothing to do: no linked record changed, and nobody new passes."
    )
    if words:
        each = ", ".join(f"{name} {count}" for name, count in calls.items() if count)
        out.print(f"API calls to write that: at most {each}. Nothing was written.", soft_wrap=True)
    held_lines(out, report.held, once="once a run has held them, ")
    empty_side_lines(out, report)


_SIGNS = {"create": "[green]+[/]", "update": "[yellow]~[/]", "delete": "[red]-[/]"}


def _record(out: Console, fields: pl.DataFrame, names: Mapping[str, str]) -> None:
    first = fields.row(0, named=True)
    source = f"{first['source_type']} {first['source_id']}"
    near, far = names[first["side"]], names["b" if first["side"] == "a" else "a"]
    is_create = first["kind"] == "create"
    subject = (
        f"new {first['object_type']} on {near}"
        if is_create
        else f"{first['object_type']} {first['record_id']} on {near}"
    )
    out.print(f"{_SIGNS[first['kind']]} [bold]{safe(subject)}[/], from {safe(source)} on {far}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column("", width=0)
    for name in ("field", "value", "why"):
        table.add_column(name, overflow="fold", no_wrap=name == "field")
    for row in fields.iter_rows(named=True):
        value = shown(row["after"]) if is_create else f"{shown(row['before'])} → {shown(row['after'])}"
        why = "" if is_create and not row["is_default"] else row["reason"]
        table.add_row("", row["field"], value, f"[dim]{safe(why or '')}[/]")
    out.print(table)
