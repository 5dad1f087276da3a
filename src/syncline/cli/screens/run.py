"""One run: what was read, linked and written, what waits, and the proof that nothing was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from syncline.cli.screens.common import counts_in_words, counts_of, held_lines, safe, some, table_of
from syncline.engine.cycle import RunReport
from syncline.reconcile.conserve import CLASSES
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
