"""What holds for every test: the markers, the options, the ledger of scenarios, and that nothing is skipped.

Fixtures of one suite live in that suite's own conftest.py.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from syncline.net import redaction
from tests.scenario_ledger import LIST, ScenarioLedger, read_families
from tests.support.postgres import fixtures as postgres_fixtures

# Suites the default run leaves out, and how to run each. `make test` ends by naming them.
SUITES_ON_REQUEST = {
    "slow": "make test-all",
    "live": "pytest --live, against vendor accounts of your own",
}

settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("syncline")
    for suite, how in SUITES_ON_REQUEST.items():
        group.addoption(f"--{suite}", action="store_true", help=f"also run the tests marked {suite} ({how})")
    group.addoption("--scenarios", action="store_true", help="print the ledger of scenarios, one line a family")
    group.addoption("--allow-skips", action="store_true", help="let a skipped test be skipped; otherwise it fails")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", 'scenario(*names): the numbered scenarios a test proves, such as "native-12"')
    for suite, how in SUITES_ON_REQUEST.items():
        config.addinivalue_line("markers", f"{suite}: not in the default run ({how})")
    wanted = config.rootpath / ".cache" / "scenarios.txt" if config.getoption("--scenarios") else None
    families = read_families(Path(LIST).read_text(encoding="utf-8"))
    config.pluginmanager.register(ScenarioLedger(families, wanted), "scenario-ledger")
    config.pluginmanager.register(postgres_fixtures, "postgres")


def _left_out(config: pytest.Config) -> list[str]:
    return [suite for suite in SUITES_ON_REQUEST if not config.getoption(f"--{suite}")]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = set(_left_out(config))
    chosen = [item for item in items if not left_out & {marker.name for marker in item.iter_markers()}]
    if len(chosen) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that skips itself proves nothing, so it fails; an expected failure stays one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and not item.config.getoption("--allow-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as failed here: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself while it is imported."""
    report = yield
    if report.skipped and not collector.config.getoption("--allow-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as failed here: {report.longrepr}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = _left_out(config)
    if left_out and config.getoption("--scenarios"):
        terminalreporter.section("suites not run")
        for suite in left_out:
            terminalreporter.write_line(f"{suite}: {SUITES_ON_REQUEST[suite]}")
        terminalreporter.write_line("benchmarks: make benchmarks")


@pytest.fixture(autouse=True)
def _secrets_stay_in_their_test() -> Iterator[None]:
    """A process masks every secret it ever learnt; one letter of a stand-in's would be masked in all later tests."""
    before = set(redaction._of_all)
    yield
    redaction._of_all.clear()
    redaction._of_all.update(before)
