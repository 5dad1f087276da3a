"""`syncline retry`: all refused records, some by id, or those of one cause, counted first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from syncline.store import open_store
from syncline.trees import Commit, Table
from tests.conformance.stores import StillClock, frame
from tests.support.shell import Shell


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    """A shell in a folder whose state holds three refused records, two of them for one cause."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(monkeypatch, capsys)
    assert shell("init").code == 0
    codes = {"one": "DUPLICATE_VALUE", "two": "DUPLICATE_VALUE", "three": "STRING_TOO_LONG"}
    letters = [
        {
            "letter_id": name,
            "sync": "people",
            "link_id": number,
            "side": "b",
            "object_type": "lead",
            "record_id": name,
            "operation": "update",
            "code": code,
            "message": "no",
            "sent": "{}",
            "attempts": 1,
            "wakes_on": "value",
            "wake_print": 0,
            "at_us": number,
            "state": "dead",
        }
        for number, (name, code) in enumerate(codes.items(), 1)
    ]

    async def write() -> None:
        store = await open_store(f"sqlite:///{tmp_path}/syncline.db", StillClock())
        await store.installation_key()
        await store.commit(Commit(put={Table.DEAD_LETTER: frame(Table.DEAD_LETTER, *letters)}))
        await store.close()

    asyncio.run(write())
    return shell


def left(shell: Shell) -> set[str]:
    return {row["letter_id"] for row in shell("errors", "--json").json}


def test_those_of_one_cause_are_counted_and_woken(shell: Shell) -> None:
    said = shell("retry", "--cause", "duplicate_value")
    assert said.code == 0
    assert said.out.splitlines() == [
        "2 records refused with DUPLICATE_VALUE",
        "2 records woken; the next run tries again.",
    ]
    assert left(shell) == {"three"}


def test_several_causes_and_ids_add_up(shell: Shell) -> None:
    said = shell("retry", "one", "--code", "STRING_TOO_LONG", "--json").json
    assert said == {"woken": 2, "causes": {"DUPLICATE_VALUE": 1, "STRING_TOO_LONG": 1}}
    assert left(shell) == {"two"}


@pytest.mark.parametrize("words", [(), ("--all",)])
def test_all_are_woken(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell("retry", *words).out.endswith("3 records woken; the next run tries again.\n")
    assert left(shell) == set()


def test_a_cause_nobody_has_wakes_nobody(shell: Shell) -> None:
    assert shell("retry", "--cause", "NO_SUCH").out == "0 records woken.\n"
    assert len(left(shell)) == 3


def test_all_and_a_cause_contradict_each_other(shell: Shell) -> None:
    said = shell("retry", "--all", "--cause", "X", "--json")
    assert said.error["code"] == "SYN-156"
    assert said.code == 2
