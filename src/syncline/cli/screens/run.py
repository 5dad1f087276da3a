"""One run: what was read, linked and written, what waits, and the proof that nothing was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from syncline.cli.screens.common import counts_in_words, counts_of, held_lines, safe, some, table_of
from syncline.engine.cycle import RunReport
from syncline.reconcile.conserve import CLASSES, GRAVITY
from syncline.records import SIDES

EMPTY_CODE = "SYN-610"


def written_of(report: RunReport) -> dict[str, int]:
    """As `counts_of`, of the actions the systems confirmed."""
    done = [action for action, (fate, _) in report.fates.items() if fate == "written"]
    return counts_of(report.sheets, done)


def empty_sides(report: RunReport) -> list[str]:
    return [f"{c.connection}.{c.object_type}" for c in report.captures if c.is_empty_side]


def run_as_dict(report: RunReport) -> dict[str, Any]:
    stopped = report.stopped
    return {
        "run_id": report.run_id,
        "sync": report.sync,
        "green": report.is_green,
        "balanced": report.is_balanced,
        "observed": {f"{c.connection}.{c.object_type}": c.rows for c in report.captures},
        "skipped": report.skipped,
        "empty_sides": empty_sides(report),
        "links_made": report.links_made,
        "written": written_of(report),
        "classes": {side: report.counts(side) for side in SIDES},
        "waiting": waiting_of(report),
        "conflicts": report.conflicts,
        "held": [asdict(held) for held in report.held],
        "unknown": report.unknown,
        "calls": report.calls,
        "stopped": {"code": stopped.code, "message": stopped.message, "remedy": stopped.remedy} if stopped else None,
    }


def run_screen(out: Console, report: RunReport, names: Mapping[str, str]) -> None:
    """A few lines in words, then every record considered by side and class."""
    out.print(f"[bold]{safe(report.sync)}[/]  run {report.run_id}")
    lines = table_of("", "")
    lines.show_header = False
    if report.captures:  # an explicit push reads single records, and neither counts rows nor proves a law
        read = ", ".join(f"{c.connection}.{c.object_type} {c.rows}" for c in report.captures)
        lines.add_row("read", read + (f"; {report.skipped} held nothing new" if report.skipped else ""))
    lines.add_row("matched", some(report.links_made, "new pair"))
    lines.add_row("written", counts_in_words(written_of(report), names) or "nothing")
    lines.add_row("conflicts", f"{report.conflicts} decided" + (" (syncline conflicts)" if report.conflicts else ""))
    if report.calls:
        lines.add_row("API calls", ", ".join(f"{name} {count}" for name, count in report.calls.items()))
    if report.balances:
        proof = "every row read and every record considered is accounted for"
        lines.add_row("proof", proof if report.is_balanced else "[bold red]the laws of conservation do not balance[/]")
    out.print(lines)
    if (classes := classes_of(report, names)) is not None:
        out.print(classes)
    for text in waiting_lines(report, names):
        out.print(text, soft_wrap=True)
    empty_side_lines(out, report)
    held_lines(out, report.held)
    if report.unknown:
        out.print(
            f"[yellow]{some(report.unknown, 'write')} of unknown outcome[/]: the next run reads back what became."
        )
    if report.stopped is not None:
        stopped = report.stopped
        out.print(f"[bold red]Stopped[/] ({stopped.code}): {safe(stopped.message)}", soft_wrap=True)
        out.print(f"→ {safe(stopped.remedy)}", soft_wrap=True)


def classes_of(report: RunReport, names: Mapping[str, str]) -> Table | None:
    """Every record considered, counted once, by side and class; None if there was none."""
    counts = {side: report.counts(side) for side in SIDES}
    present = [name for name in CLASSES if any(name in counts[side] for side in SIDES)]
    if not present:
        return None
    table = table_of("records considered", *present)
    for side in SIDES:
        table.add_row(names[side], *(str(counts[side].get(name, 0)) for name in present))
    return table


WAITING = ("held", "waiting", "frozen", "blocked", "dead", "deferred", "unknown")
"""The classes of records that a later run, or a person, still has to do with."""

MOST_REASONS = 12
_NAMES_ONE = r"\b[A-Za-z_]*\d[\w~]{7,}\b"  # an id in a reason: without it, equal reasons are one


def waiting_of(report: RunReport) -> list[dict[str, Any]]:
    """Why records wait: side, class, reason and how many records, the gravest class first."""
    rows = report.classes.filter(pl.col("class").is_in(WAITING))
    rows = rows.with_columns(pl.col("reason").fill_null("").str.replace_all(_NAMES_ONE, "…"))
    grouped = rows.group_by("side", "class", "reason").agg(pl.col("record_id").n_unique().alias("records"))
    order = pl.col("class").replace_strict(GRAVITY, return_dtype=pl.Int32)
    return list(grouped.sort(-order, -pl.col("records").cast(pl.Int64), "side", "reason").iter_rows(named=True))


def waiting_lines(report: RunReport, names: Mapping[str, str]) -> list[str]:
    """Why records wait in markup, a line per class and reason, and what is left out."""
    rows = waiting_of(report)
    lines = []
    for class_, reason in dict.fromkeys((row["class"], row["reason"]) for row in rows):
        own = [row for row in rows if (row["class"], row["reason"]) == (class_, reason)]
        where = ", ".join(f"{row['records']} of {safe(names[row['side']])}" for row in own)
        lines.append(f"[yellow]{class_}[/] {where}: {safe(reason or 'no reason given')}")
    if len(lines) > MOST_REASONS:
        lines[MOST_REASONS:] = [f"… and {some(len(lines) - MOST_REASONS, 'more reason')} (--json for all)."]
    return lines


def empty_side_lines(out: Console, report: RunReport) -> None:
    for name in empty_sides(report):
        out.print(
            f"[bold red]Held[/] ({EMPTY_CODE}): {safe(name)} had records and now answers none. Nothing was taken "
            "from that answer and nothing deleted.",
            soft_wrap=True,
        )
        out.print(
            "→ Look at that system and at the connected user's rights. Once records are back, the next run goes on.",
            soft_wrap=True,
        )
