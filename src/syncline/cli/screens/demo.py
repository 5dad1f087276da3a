"""The demo as a story, one screen a phase: what happened, what Syncline did about it, what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table

from syncline.cli.screens.common import shown, table_of
from syncline.cli.screens.run import classes_of, written_of
from syncline.cli.screens.state import verify_screen
from syncline.demo.day import Act
from syncline.demo.narrator import Narrator
from syncline.demo.outcome import LEAST_PRECISION, LEAST_RECALL, MOST_APART, MOST_EXPLAINED, Outcome
from syncline.demo.people import DemoPeople
from syncline.demo.score import PairScore
from syncline.demo.stage import Stage
from syncline.demo.told import Told
from syncline.demo.truth import Linked
from syncline.engine.cycle import RunReport
from syncline.engine.verify import VerifyReport
from syncline.engine.world import Progress

NAMES: Mapping[str, str] = {"a": "salesforce", "b": "marketo"}
_TEXT_WIDTH = 100
_LEGEND = (
    "A cycle reads what changed, matches, merges, writes and settles. Its table counts every record it considered, "
    "once: agreed and unchanged need nothing, held waits for a person, waiting for a right, unknown for proof; dead "
    "was refused."
)
_INDENT = 7  # behind "09:05  "


class Story(Narrator):
    """Prints the demo as it is played; a context manager. Until it has something to tell it says what is being done."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._phases = 0
        self._chapter = ""
        said = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._busy = Bars(*said, console=out, transient=True)
        self._task = self._busy.add_task("starting both sandboxes")

    def __enter__(self) -> Story:
        self._work("starting both sandboxes")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._busy.stop()

    def progress(self, step: Progress) -> None:
        of = f" of {step.total:,}" if step.total else ""
        self._busy.update(self._task, description=f"{step.phase} {step.subject}: {step.done:,}{of}")

    # -- the phases ---------------------------------------------------------------------------------------------------

    def began(self, people: DemoPeople, stage: Stage) -> None:
        self._phase("Two systems", "running on this machine")
        where = _silent_table(3)
        leads, contacts, accounts = len(people.leads), len(people.contacts), len(people.accounts)
        held = f"{leads:,} leads, {contacts:,} contacts of {accounts:,} accounts"
        where.add_row("salesforce", stage.sandboxes.salesforce.url, held)
        where.add_row("marketo", stage.sandboxes.marketo.url, f"{len(people.people):,} people: the same, misspelt")
        self._out.print(where)
        self._say(
            "In Marketo 15 % have no e-mail address, 5 % a wrong one, 3 % somebody else's; names, streets and birth "
            "dates are full of slips. Which record is whose twin only the judge of this demo knows. This is all that "
            "Syncline is told:"
        )
        self._out.print(Padding(escape(_told_to(stage.configuration)), (0, 0, 0, 4), style="cyan", expand=False))
        self._work("first copy")

    def first_copy(self, reports: Sequence[RunReport], score: PairScore, linked: Linked) -> None:
        self._phase("First copy", "match before creating; in doubt ask, never guess", gap=False)
        self._say(_LEGEND)
        for report in reports:
            self._cycle_line("", report)
        held = f"{len(linked.held_a):,} in salesforce, {len(linked.held_b):,} in marketo"
        rows = (
            ("matched", f"{score.right:,} of {score.true:,} true pairs: recall {score.recall:.3f}"),
            ("wrongly matched", f"{score.linked - score.right:,} pairs: precision {score.precision:.3f}"),
            ("held for a person", f"{held}: several fit, or something contradicts"),
            ("not recognised", f"{score.apart:,} true pairs ({score.apart_share:.1%}): two persons now"),
        )
        table = _silent_table(2)
        for row in rows:
            table.add_row(*row)
        self._out.print("\n[bold]The judge says[/]")
        self._out.print(table)

    def act(self, at: datetime, act: Act) -> None:
        if not self._chapter:
            self._phase("A day of life", "a cycle every five minutes, by the sandboxes' clock")
        if act.chapter != self._chapter:
            self._out.print(("\n" if self._chapter else "") + f"[bold cyan]{escape(act.chapter)}[/]")
            self._chapter = act.chapter
        self._line(f"{at:%H:%M}", escape(act.words))

    def pushed(self, at: datetime, who: str, report: RunReport) -> None:
        self._line(f"{at:%H:%M}", f"[bold]push[/] {escape(who)}: {_written(report) or 'nothing to do'}")

    def cycle(self, at: datetime, report: RunReport) -> None:
        self._cycle_line(f"{at:%H:%M}", report)

    def conflicts(self, told: Sequence[Told]) -> None:
        self._phase("Three conflicts", "from the log; a is salesforce, b marketo")
        for one in told:
            what = escape(one.mapping.replace("_", " "))
            self._out.print(f"[bold]The {what} of {escape(one.person)}[/] [dim]({one.record})[/]")
            table = _silent_table(3)
            for side in ("a", "b"):
                won = "won: now on both sides" if side == one.winner else "lost: kept in the log, restorable"
                table.add_row(NAMES[side], shown(one.value(side)), won, style="green" if side == one.winner else "")
            self._out.print(Padding(table, (0, 0, 0, 2), expand=False))
            why = Table.grid(padding=(0, 2, 0, 0))
            why.add_row("why       ", escape(one.reason))
            self._out.print(Padding(why, (0, 0, 1, 2), expand=False))
        self._work("verify")

    def verified(self, report: VerifyReport) -> None:
        self._phase("Verify", "both systems read whole once more, field by field")
        verify_screen(self._out, report, NAMES, 20)

    def second_run(self, report: RunReport) -> None:
        self._phase("A second run", "must find nothing to do")
        self._cycle_line("", report)

    def ended(self, outcome: Outcome) -> None:
        self._phase("What it shows", f"seed {outcome.seed}")
        self._out.print(_promises(outcome))
        self._say(
            f"{outcome.simulated_seconds / 3600:.1f} hours of the sandboxes' time in {outcome.seconds:.0f} s; "
            f"{_many(outcome.runs, 'run')}, {_many(outcome.api_calls, 'API call')}. Both sandboxes have ended; nothing "
            "is left."
        )
        kept = not outcome.broken_promises
        said = "[bold green]As promised.[/]" if kept else "[bold red]Not as promised:[/] "
        self._out.print(said + "; ".join(outcome.broken_promises))

    # -- lines --------------------------------------------------------------------------------------------------------

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
        line.add_column(width=_INDENT - 2, style="dim")
        line.add_column(overflow="fold")
        line.add_row(at, words)
        self._out.print(line)

    def _cycle_line(self, at: str, report: RunReport) -> None:
        """What a cycle read and wrote in a line, and its table where it considered anything."""
        rows = sum(capture.rows for capture in report.captures)
        parts = [
            f"[bold]cycle[/]: read {_many(rows, 'row')}" if rows else "[bold]cycle[/]: nothing new",
            report.links_made and f"matched {_many(report.links_made, 'pair')}",
            report.conflicts and f"decided {_many(report.conflicts, 'conflict')}",
            _written(report),
            report.unknown and f"[yellow]{_many(report.unknown, 'write')} of unknown outcome[/]",
            not report.is_balanced and "[bold red]the books do not balance[/]",
            f"[dim]{_many(sum(report.calls.values()), 'API call')}[/]",
        ]
        self._line(at, "; ".join(str(part) for part in parts if part))
        if (classes := classes_of(report, NAMES)) is not None:
            self._out.print(Padding(classes, (0, 0, 0, _INDENT), expand=False))


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _silent_table(columns: int) -> Table:
    table = table_of(*[""] * columns)
    table.show_header = False
    return table


def _written(report: RunReport) -> str:
    """ "wrote 85 new and 4,310 changed to marketo, 4 changed to salesforce"; "" for nothing."""
    counts = written_of(report)
    sides = []
    for side, name in NAMES.items():
        made, changed = counts[f"creates_on_{side}"], counts[f"updates_on_{side}"]
        words = [f"{made:,} new" if made else "", f"{changed:,} changed" if changed else ""]
        if any(words):
            sides.append(f"{' and '.join(filter(None, words))} in {name}")
    return "wrote " + ", ".join(sides) if sides else ""


def _told_to(configuration: str) -> str:
    """The part of the configuration that says what to sync."""
    return configuration[configuration.index("syncs:") :].rstrip()


def _promises(outcome: Outcome) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("promised", justify="right", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("")
    why = ", ".join(f"{count:,} {name}" for name, count in outcome.explained_by.items() if name != "hidden")
    hidden = f"and {outcome.hidden_fields:,} in the field that was hidden"
    rows = (
        ("unexplained differences", "0", f"{outcome.differences}", ""),
        ("explained differences", f"≤ {MOST_EXPLAINED:.0%}", f"{outcome.explained_share:.2%}", f"{why}; {hidden}"),
        ("writes of the second run", "0", f"{outcome.second_run_writes}", ""),
        ("runs that balance", "all", "all" if outcome.conservation_ok else "not all", ""),
        ("precision of the links", f"≥ {LEAST_PRECISION}", f"{outcome.pairs_precision:.3f}", ""),
        ("recall of the links", f"≥ {LEAST_RECALL}", f"{outcome.pairs_recall:.3f}", "held ones count as not found"),
        ("true pairs not recognised", f"≤ {MOST_APART:.0%}", f"{outcome.true_pairs_apart:.2%}", ""),
        ("records held in matching", "", f"{outcome.held_records:,}", "a person decides"),
        ("duplicates created", "", f"{outcome.duplicates_created:,}", "of the pairs not recognised"),
    )
    for row in rows:
        table.add_row(*row)
    return table
