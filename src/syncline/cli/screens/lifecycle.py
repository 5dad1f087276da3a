"""The demo's chapter "lifecycle" as a story: what happened to whom, what Syncline did, what both systems hold now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.padding import Padding
from rich.table import Table

from syncline.cli.screens.common import safe, shown, table_of, when
from syncline.cli.screens.state import explain_screen, verify_screen
from syncline.cli.screens.telling import INDENT, NAMES, Telling, many, written_in_words
from syncline.demo.life.narrator import LifeNarrator
from syncline.demo.life.outcome import LifeOutcome
from syncline.demo.life.standing import FIVE, Standing
from syncline.demo.stage import Stage
from syncline.engine.cycle import RunReport
from syncline.engine.explain import Explanation
from syncline.engine.verify import VerifyReport

_LEGEND = (
    "Every line has its time by the sandboxes' clock. A cycle's table counts every record it considered, once. What "
    "stands afterwards is read from the two systems themselves and compared with what the story says."
)


class LifeStory(Telling, LifeNarrator):
    """Prints the chapter as it is played."""

    _is_in_scenes = False

    def began(self, stage: Stage) -> None:
        self._phase("Five people", "two empty systems on this machine")
        self._out.print(f"salesforce  {stage.sandboxes.salesforce.url}")
        self._out.print(f"marketo     {stage.sandboxes.marketo.url}")
        self._say(f"{', '.join(FIVE[:-1])} and {FIVE[-1]}. {_LEGEND}")
        self._work("the first scene")

    def scene(self, title: str, why: str) -> None:
        if not self._is_in_scenes:
            self._phase("Their lives", "what happens, what Syncline does, what stands", gap=False)
            self._is_in_scenes = True
        self._out.print(f"\n[bold cyan]{safe(title)}[/]")
        self._out.print(f"[italic]{safe(why)}[/]\n", width=min(100, self._out.width))

    def did(self, at: datetime, where: str, words: str) -> None:
        self._line(f"{at:%H:%M}", f"[dim]{where}[/]  {safe(words)}")

    def commanded(self, at: datetime, line: str, answer: str) -> None:
        self._line(f"{at:%H:%M}", f"[bold]$ syncline {safe(line)}[/]")
        self._line("", safe(answer))

    def pushed(self, at: datetime, who: str, report: RunReport) -> None:
        self._line(f"{at:%H:%M}", f"[bold]$ syncline push {safe(who)}[/]")
        self._line("", written_in_words(report) or "nothing to do")

    def cycle(self, at: datetime, report: RunReport, deeds: Sequence[str]) -> None:
        self._cycle_line(f"{at:%H:%M}", report, deeds)

    def stands(self, name: str, standing: Sequence[Standing], untrue: Sequence[str]) -> None:
        words = list(standing[0].values) if standing else []
        table = table_of(name, "record", *(word.replace("_", " ") for word in words))
        table.header_style = "bold green"
        for side in NAMES:
            own = [one for one in standing if one.side == side]
            for one in own:
                table.add_row(NAMES[side], f"{one.object_type} {one.record_id}", *map(shown, one.values.values()))
            if not own:
                table.add_row(NAMES[side], "[dim]nobody[/]")
        self._out.print(Padding(table, (0, 0, 0, INDENT), expand=False))
        for sentence in untrue:
            self._line("", f"[bold red]Not as told:[/] {safe(sentence)}")

    def explained(self, name: str, found: Sequence[Explanation], erased_us: int | None) -> None:
        if name == FIVE[0]:
            self._phase("Explain", "all that Syncline knows of each of them", gap=False)
        self._out.print(f"\n[bold cyan]{safe(name)}[/]")
        if erased_us is not None:
            words = f"A person who was erased on request, at {when(erased_us)} UTC. Nothing else is known of him."
            self._out.print(words)
        for one in found:
            explain_screen(self._out, one, NAMES)

    def verified(self, report: VerifyReport) -> None:
        self._phase("Verify", "both systems read whole once more, field by field")
        verify_screen(self._out, report, NAMES, 20)

    def second_run(self, report: RunReport) -> None:
        self._phase("A second run", "must find nothing to do")
        self._cycle_line("", report)

    def ended(self, outcome: LifeOutcome) -> None:
        self._phase("What it shows", f"seed {outcome.seed}")
        self._out.print(_promises(outcome))
        self._say(
            f"{outcome.simulated_seconds / 3600:.1f} hours of the sandboxes' time in {outcome.seconds:.0f} s; "
            f"{many(outcome.runs, 'run')}, {many(outcome.api_calls, 'API call')}. Both sandboxes have ended; nothing "
            "is left."
        )
        kept = not outcome.broken_promises
        said = "[bold green]As told.[/]" if kept else "[bold red]Not as told:[/] "
        self._out.print(said + safe("; ".join(outcome.broken_promises)))


def _promises(outcome: LifeOutcome) -> Table:
    table = table_of("", "promised", "measured", whole=("promised", "measured"))
    scenes = sum(len(life.steps) for life in outcome.people.values())
    rows = (
        ("what stood after a scene", f"{scenes} as told", f"{scenes - outcome.untrue_steps}"),
        ("unexplained differences", "0", f"{outcome.differences}"),
        ("writes of the second run", "0", f"{outcome.second_run_writes}"),
        ("runs that balance", "all", "all" if outcome.conservation_ok else "not all"),
    )
    for row in rows:
        table.add_row(*row)
    return table
