"""The page of planted defects, from the list that the tests plant (`tests.mutants.planted`).

Lives here: the page. Not here: planting, or the proof that each is found (`tests/mutants`).
"""

from __future__ import annotations

from tests.mutants.planted import MUTANTS

_INTRODUCTION = """\
# Planted defects

A suite that passes proves little until something wrong makes it fail. `tests/mutants` plants the defects below one by
one: each changes one place of one module while it is imported (no file is touched), runs the tests named beside it, and
must see them fail. So every line is a mistake that somebody could make, what it would cost a user, and the test that
stands in its way.

To plant one by hand: `SYNCLINE_MUTANT="<defect>" pytest -p tests.mutants.plant -p no:xdist <tests>`.
"""


def planted_page(head: str) -> str:
    """The page as Markdown, beginning with *head*."""
    lines = [head, _INTRODUCTION, "| defect | what it costs | where | found by |", "|---|---|---|---|"]
    for mutant in MUTANTS:
        tests = "<br>".join(f"`{test}`".replace("|", "\\|") for test in mutant.found_by)
        lines.append(f"| {mutant.name.replace('|', chr(92) + '|')} | {mutant.costs} | `{mutant.module}` | {tests} |")
    return "\n".join(lines) + "\n"
