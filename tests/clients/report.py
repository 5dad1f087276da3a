"""The table client × capability, as it is printed and as it is kept in docs/reference/clients.md.

Lives here: text made from outcomes. What is run is in `__main__.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from tests.clients.capability import Fate, Outcome
from tests.clients.catalogue import Client

_REASON_LENGTH = 160
_HEAD = """<!-- Written by `make test-clients KEEP=1`; do not edit. -->

# Other people's clients

Each client came unmodified from its registry and did this job against the sandboxes of this tree. What it saw was
compared with what the sandbox holds: rows and values, not exit codes. How they are run and how to add one:
[run other people's clients](../how-to/run-other-clients.md).
"""


def whole(outcomes: Iterable[Outcome]) -> bool:
    """True when every row passed: one that was not run fails the command like one that failed."""
    return all(outcome.fate is Fate.PASSED for outcome in outcomes)


def printed(clients: Sequence[Client], outcomes: Sequence[Outcome]) -> str:
    """The table for a terminal."""
    lines = []
    for client in clients:
        lines.append(f"{client.name} {client.version}")
        for row in _of(client, outcomes):
            reason = f"  {_short(row.reason)}" if row.reason else ""
            lines.append(f"  {row.fate:<8} {row.seconds:6.1f} s  {row.capability}{reason}")
    return "\n".join([*lines, "", tally(outcomes)])


def tally(outcomes: Sequence[Outcome]) -> str:
    """How many rows met which fate."""
    counts = {fate: sum(outcome.fate is fate for outcome in outcomes) for fate in Fate}
    return ", ".join(f"{count} {fate}" for fate, count in counts.items() if count or fate is Fate.PASSED)


def page(clients: Sequence[Client], outcomes: Sequence[Outcome], today: date, about: str) -> str:
    """The kept page. *about*: what the run took place on."""
    lines = [_HEAD, f"{today.isoformat()}, {about}: {tally(outcomes)}.", ""]
    lines += ["| client | version | capability | result | seconds |", "|---|---|---|---|---|"]
    for client in clients:
        for row in _of(client, outcomes):
            result = f"**{row.fate}**: {_short(row.reason)}" if row.reason else str(row.fate)
            cells = (client.name, client.version, row.capability, result, f"{row.seconds:.1f}")
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _of(client: Client, outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.client == client.name]


def _short(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= _REASON_LENGTH else line[: _REASON_LENGTH - 1] + "…"
