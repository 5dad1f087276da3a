"""What becomes of the rows when a check fails, hangs or continues one that failed."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncline_sandbox.core.certificates import Certificate
from tests.clients.capability import Capability, Fate, Job
from tests.clients.catalogue import CLIENTS
from tests.clients.environments import Environment
from tests.clients.room import Room, outcomes
from tests.clients.truth import assert_same


class _Worldless(Room):
    """A room without a sandbox: nothing is served."""

    @contextlib.contextmanager
    def world(self) -> Iterator[None]:
        yield


@pytest.fixture
def room(tmp_path: Path) -> Room:
    nowhere = Environment(folder=tmp_path, bin=Path("/bin"))
    return _Worldless(CLIENTS["jsforce"], tmp_path, nowhere, Certificate(chain=tmp_path, key=tmp_path))


def _fates(room: Room, rows: list[Capability]) -> dict[str, tuple[Fate, str]]:
    return {row.capability: (row.fate, row.reason) for row in outcomes(room, CLIENTS["jsforce"], rows)}


def test_a_failure_is_told_and_what_continues_it_is_not_run(room: Room) -> None:
    job = Job()

    @job.can("wrong")
    def wrong(_room: Room) -> None:
        raise LookupError("two rows are missing")

    job.can("after wrong", after="wrong")(lambda _room: None)
    job.can("right")(lambda _room: None)
    fates = _fates(room, job.capabilities)
    assert fates["wrong"] == (Fate.FAILED, "LookupError: two rows are missing")
    assert fates["after wrong"][0] is Fate.NOT_RUN
    assert fates["right"] == (Fate.PASSED, "")
    assert "two rows are missing" in (room.folder / "01-wrong.log").read_text()


def test_a_check_that_hangs_fails_and_its_command_ends(room: Room) -> None:
    job = Job()

    @job.can("hangs", within_seconds=5)
    def hang(room: Room) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.05)  # the alarm comes sooner than the row has it
        room.run("sleep", "60")

    fate, reason = _fates(room, job.capabilities)["hangs"]
    assert (fate, reason) == (Fate.FAILED, "TookTooLong: took longer than 5 s")


def test_a_command_that_fails_is_told_with_what_it_printed(room: Room) -> None:
    with pytest.raises(AssertionError, match="sh ended with 3: no such org"):
        room.run("sh", "-c", "echo no such org; exit 3")
    assert room.run("sh", "-c", "exit 3", ok=(3,)) == ""


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ([{"Id": 1, "Name": "a"}], "missing 1: \\['2'\\], unexpected 0"),
        ([{"Id": 1, "Name": "a"}, {"Id": 2, "Name": "b"}, {"Id": 3}], "missing 0: \\[\\], unexpected 1: \\['3'\\]"),
        ([{"Id": 1, "Name": "a"}, {"Id": 2, "Name": "b"}, {"Id": 2, "Name": "b"}], "2 came twice"),
        ([{"Id": 1, "Name": "a"}, {"Id": 2, "Name": None}], "2.Name is None, not 'b'"),
    ],
)
def test_a_row_too_few_too_many_twice_or_spoilt_is_seen(seen: list, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        assert_same(seen, [{"Id": 1, "Name": "a"}, {"Id": 2, "Name": "b"}], "Id")
