"""The demo's day as a story, one screen a phase: what happened, what Syncline did about it, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from syncline.cli.screens.common import shown
from syncline.cli.screens.state import verify_screen
from syncline.cli.screens.telling import NAMES, Telling, many, silent_table, written_in_words
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

_LEGEND = (
    "A cycle reads what changed, matches, merges, writes and settles. Its table counts every record it considered, "
    "once: agreed and unchanged need nothing, held waits for a person, waiting for a right, unknown for proof; dead "
    "was refused."
)


class Story(Telling, Narrator):
    """Prints the day as it is played."""

    def __init__(self, out: Console) -> None:
        super().__init__(out)
        self._chapter = ""

    # -- the phases ---------------------------------------------------------------------------------------------------

    def began(self, people: DemoPeople, stage: Stage) -> None:
        self._phase("Two systems", "running on this machine")
        where = silent_table(3)
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
        table = silent_table(2)
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
        self._line(f"{at:%H:%M}", f"[bold]push[/] {escape(who)}: {written_in_words(report) or 'nothing to do'}")

    def cycle(self, at: datetime, report: RunReport) -> None:
        self._cycle_line(f"{at:%H:%M}", report)

    def conflicts(self, told: Sequence[Told]) -> None:
        self._phase("Three conflicts", "from the log; a is salesforce, b marketo")
        for one in told:
            what = escape(one.mapping.replace("_", " "))
            self._out.print(f"[bold]The {what} of {escape(one.person)}[/] [dim]({one.record})[/]")
            table = silent_table(3)
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
            f"{many(outcome.runs, 'run')}, {many(outcome.api_calls, 'API call')}. Both sandboxes have ended; nothing "
            "is left."
        )
        kept = not outcome.broken_promises
        said = "[bold green]As promised.[/]" if kept else "[bold red]Not as promised:[/] "
        self._out.print(said + "; ".join(outcome.broken_promises))


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
