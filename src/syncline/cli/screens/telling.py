"""Telling a story on a terminal while it happens: phases, lines with their time, a cycle in a line and a table.

Lives here: what both chapters of the demo share. What they tell is theirs (`demo`, `lifecycle`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table

from syncline.cli.screens.common import table_of
from syncline.cli.screens.run import classes_of, written_of
from syncline.engine.cycle import RunReport
from syncline.engine.world import Progress

NAMES: Mapping[str, str] = {"a": "salesforce", "b": "marketo"}
INDENT = 7  # behind "09:05  "
_TEXT_WIDTH = 100


class Telling:
    """Prints as things happen; a context manager. Until it has something to tell it says what is being done."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._phases = 0
        said = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._busy = Bars(*said, console=out, transient=True)
        self._task = self._busy.add_task("starting both sandboxes")

    def __enter__(self) -> Self:
        self._work("starting both sandboxes")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._busy.stop()

    def progress(self, step: Progress) -> None:
        of = f" of {step.total:,}" if step.total else ""
        self._busy.update(self._task, description=f"{step.phase} {step.subject}: {step.done:,}{of}")

    def _work(self, words: str) -> None:
        self._busy.update(self._task, description=words)
        if self._out.is_terminal:
            self._busy.start()

    def _phase(self, title: str, words: str, *, gap: bool = True) -> None:
        self._busy.stop()
        self._phases += 1
        self._out.print()
        self._out.print(Rule(f"[bold]{self._phases}  {title}[/] [dim]· {words}[/]", align="left"))
        if gap:
            self._out.print()

    def _say(self, words: str) -> None:
        self._out.print(f"\n{words}\n", width=min(_TEXT_WIDTH, self._out.width))

    def _line(self, at: str, words: str) -> None:
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=INDENT - 2, style="dim")
        line.add_column(overflow="fold")
        line.add_row(at, words)
        self._out.print(line)

    def _cycle_line(self, at: str, report: RunReport, deeds: Sequence[str] = ()) -> None:
        """What a cycle read, wrote and did to whole records (*deeds*) in a line, and its table where it considered
        anything."""
        rows = sum(capture.rows for capture in report.captures)
        parts = [
            f"[bold]cycle[/]: read {many(rows, 'row')}" if rows else "[bold]cycle[/]: nothing new",
            report.links_made and f"matched {many(report.links_made, 'pair')}",
            report.conflicts and f"decided {many(report.conflicts, 'conflict')}",
            *deeds,
            written_in_words(report),
            report.unknown and f"[yellow]{many(report.unknown, 'write')} of unknown outcome[/]",
            not report.is_balanced and "[bold red]the books do not balance[/]",
            f"[dim]{many(sum(report.calls.values()), 'API call')}[/]",
        ]
        self._line(at, "; ".join(str(part) for part in parts if part))
        if (classes := classes_of(report, NAMES)) is not None:
            self._out.print(Padding(classes, (0, 0, 0, INDENT), expand=False))


def many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def silent_table(columns: int) -> Table:
    table = table_of(*[""] * columns)
    table.show_header = False
    return table


def written_in_words(report: RunReport) -> str:
    """ "wrote 85 new and 4,310 changed in marketo, 4 changed in salesforce"; "" for nothing."""
    counts = written_of(report)
    sides = []
    for side, name in NAMES.items():
        made, changed = counts[f"creates_on_{side}"], counts[f"updates_on_{side}"]
        words = [f"{made:,} new" if made else "", f"{changed:,} changed" if changed else ""]
        if any(words):
            sides.append(f"{' and '.join(filter(None, words))} in {name}")
    return "wrote " + ", ".join(sides) if sides else ""
