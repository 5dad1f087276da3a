"""The table says what was not run, and that fails the command."""

from __future__ import annotations

from datetime import date

import pytest

from tests.clients import __main__ as command
from tests.clients import report
from tests.clients.capability import Fate, Outcome
from tests.clients.catalogue import CLIENTS
from tests.clients.environments import CannotInstall

_CLIENT = CLIENTS["jsforce"]


def _outcome(fate: Fate, reason: str = "") -> Outcome:
    return Outcome(client="jsforce", capability="query", fate=fate, reason=reason)


def test_only_a_table_of_passed_rows_is_whole() -> None:
    assert report.whole([_outcome(Fate.PASSED)])
    assert not report.whole([_outcome(Fate.PASSED), _outcome(Fate.NOT_RUN, "no network")])
    assert not report.whole([_outcome(Fate.FAILED, "AssertionError")])


def test_the_page_tells_version_fate_and_reason() -> None:
    page = report.page([_CLIENT], [_outcome(Fate.NOT_RUN, "no | network")], date(2026, 1, 2), "here")
    assert f"| jsforce | {_CLIENT.version} | query | **not run**: no \\| network | 0.0 |" in page
    assert "2026-01-02, here: 0 passed, 1 not run." in page


def test_a_client_that_cannot_be_had_is_not_run_and_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_client: str) -> None:
        raise CannotInstall("the registry is away")

    monkeypatch.setattr(command, "environment", refuse)
    monkeypatch.setattr(command, "LOGS", tmp_path)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["jsforce"]) == 1
    said = capsys.readouterr().out
    assert said.count("the registry is away") == len(_CLIENT.job().capabilities)
    assert "0 passed" in said


def test_a_misspelt_client_is_refused_with_the_names_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["jsforce", "jsfrce"])
    assert ended.value.code == 2
    assert f"no client jsfrce; there are {', '.join(CLIENTS)}" in capsys.readouterr().err


@pytest.mark.parametrize("name", CLIENTS)
def test_every_client_has_a_job_and_a_pinned_version(name: str) -> None:
    names = [row.name for row in CLIENTS[name].job().capabilities]
    assert names
    assert len(set(names)) == len(names)
    assert CLIENTS[name].version[0].isdigit()
    earlier = {row.name: place for place, row in enumerate(CLIENTS[name].job().capabilities)}
    for row in CLIENTS[name].job().capabilities:
        assert row.after is None or earlier[row.after] < earlier[row.name]
