"""The ledger of numbered scenarios: which are proven by a marked test, and which are missing.

Lives here: the list (read from scenarios.txt), the marker's meaning and the counting. A test names what it proves with
``@pytest.mark.scenario("native-12", "W7")``; a scenario is *passed* when at least one marked test ran and every marked
test of it passed, all its parameters included. conftest.py plugs this in.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("scenarios.txt")
PROPERTY = "scenario"


def read_families(text: str) -> dict[str, list[str]]:
    """Parse scenarios.txt into family prefix ("native-", "W") -> numbers, in the order given there."""
    families: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        prefix, _, numbers = line.partition(":")
        families[prefix] = [number for token in numbers.split() for number in _expand(token)]
    return families


def _expand(token: str) -> list[str]:
    """``1..3`` stands for 1 2 3, and ``2.9..2.11`` for 2.9 2.10 2.11."""
    first, dots, last = token.partition("..")
    if not dots:
        return [token]
    (section, low), (_, high) = _split(first), _split(last)
    return [f"{section}{number}" for number in range(low, high + 1)]


def _split(number: str) -> tuple[str, int]:
    """``2.10`` into (``2.``, 10): the part that stays and the part that counts."""
    match = re.fullmatch(r"((?:\d+\.)?)(\d+)", number)
    if match is None:
        raise ValueError(f"{number!r} is no number a range can hold")
    return match[1], int(match[2])


class ScenarioLedger:
    """A pytest plugin; on the process that reports, it has seen every test's outcome (with xdist too)."""

    def __init__(self, families: dict[str, list[str]], output: Path | None) -> None:
        self._families = families
        self._known = {prefix + number for prefix, numbers in families.items() for number in numbers}
        self._output = output
        self._proven: dict[str, bool] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for name in _scenarios_of(item):
                if name not in self._known:
                    raise pytest.UsageError(f"{item.nodeid} names the unknown scenario {name!r}; see {LIST.name}")
                item.user_properties.append((PROPERTY, name))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for key, name in report.user_properties:
            if key == PROPERTY and (report.when == "call" or not report.passed):
                self._proven[str(name)] = self._proven.get(str(name), True) and report.outcome == "passed"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._output is None:
            return
        lines = self.lines()
        self._output.parent.mkdir(parents=True, exist_ok=True)
        self._output.write_text("\n".join(lines) + "\n", encoding="utf-8")
        terminalreporter.section("scenarios")
        for line in lines:
            terminalreporter.write_line(line)

    def lines(self) -> list[str]:
        """One line a family: ``native 15/56 passed; failed: 7; missing: 13 14``."""
        return [self._line(prefix, numbers) for prefix, numbers in self._families.items()]

    def _line(self, prefix: str, numbers: Iterable[str]) -> str:
        sorted_out: dict[str, list[str]] = defaultdict(list)
        for number in numbers:
            proven = self._proven.get(prefix + number)
            sorted_out["missing" if proven is None else "passed" if proven else "failed"].append(number)
        total = sum(map(len, sorted_out.values()))
        parts = [f"{prefix.rstrip('-')} {len(sorted_out['passed'])}/{total} passed"]
        parts += [f"{word}: {_shorten(sorted_out[word])}" for word in ("failed", "missing") if sorted_out[word]]
        return "; ".join(parts)


def _scenarios_of(item: pytest.Item) -> list[str]:
    """The scenarios an item's markers name, each once; a marker without a name is an error."""
    names: list[str] = []
    for marker in item.iter_markers("scenario"):
        if not marker.args or marker.kwargs:
            raise pytest.UsageError(f'{item.nodeid}: write @pytest.mark.scenario("native-12")')
        names += marker.args
    return list(dict.fromkeys(names))


def _shorten(numbers: list[str]) -> str:
    """Fold runs of five and more: ``1 2 3 5..9``. Shorter ones stay readable as they are."""
    runs: list[list[str]] = []
    for number in numbers:
        if runs and _follows(runs[-1][-1], number):
            runs[-1].append(number)
        else:
            runs.append([number])
    return " ".join(f"{run[0]}..{run[-1]}" if len(run) >= 5 else " ".join(run) for run in runs)


def _follows(earlier: str, later: str) -> bool:
    if not (earlier[-1].isdigit() and later[-1].isdigit()):
        return False
    (section, low), (other, high) = _split(earlier), _split(later)
    return section == other and high == low + 1
