"""The page of planted defects, from the list that the tests plant (`tests.mutants.planted`).

Lives here: the page. Not here: planting, or the proof that each is found (`tests/mutants`); living the histories of
the simulation that find them too (`tests.simulation.defects`, which keeps what it found in `found.json`).
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.mutants.planted import MUTANTS
from tests.simulation.beyond import BEYOND

_FOUND = Path(__file__).parents[1] / "tests" / "simulation" / "found.json"

_INTRODUCTION = """\
# Planted defects

A suite that passes proves little until something wrong makes it fail. `tests/mutants` plants the defects below one by
one: each changes one place of one module while it is imported (no file is touched), runs the tests named beside it, and
must see them fail. So every line is a mistake that somebody could make, what it would cost a user, and the test that
stands in its way.

The simulation (`make simulate`) knows none of those tests: it lives histories of people, workers and troubles, drawn
from a seed each, and holds what is left to a few laws. The last column says in which of its histories a defect was
found first, and by which law (`make simulate-defects` finds out anew, with `SYNCLINE_CROSSINGS=1`); or why no history
can.

To plant one by hand: `SYNCLINE_MUTANT="<defect>" pytest -p tests.mutants.plant -p no:xdist <tests>`.
"""


def planted_page(head: str) -> str:
    """The page as Markdown, beginning with *head*."""
    found = json.loads(_FOUND.read_text(encoding="utf-8")) if _FOUND.exists() else {}
    lines = [head, _INTRODUCTION, "| defect | what it costs | where | found by | by the simulation |"]
    lines.append("|---|---|---|---|---|")
    for mutant in MUTANTS:
        tests = "<br>".join(f"`{test}`".replace("|", "\\|") for test in mutant.found_by)
        name = mutant.name.replace("|", "\\|")
        told = _simulated(mutant.name, found)
        lines.append(f"| {name} | {mutant.costs} | `{mutant.module}` | {tests} | {told} |")
    return "\n".join(lines) + "\n"


def _simulated(name: str, found: dict[str, dict[str, object] | None]) -> str:
    """In which history the simulation finds a defect, or why it does not."""
    if told := found.get(name):
        return f"history {told['seed']}: {told['law']}"
    return BEYOND.get(name, "not found yet")
