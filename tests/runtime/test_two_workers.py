"""Two workers as real processes on one PostgreSQL: one is killed, one is frozen and thawed."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncline.trees import Table
from tests.runtime.site import Site, site

LEADS = 12
SLOW_SECONDS = 25.0


@pytest.fixture
def here(tmp_path: Path, empty_postgres_url: str) -> Iterator[Site]:
    with site(tmp_path, empty_postgres_url) as standing:
        standing.seed(LEADS)
        yield standing


def _in_hand(here: Site, kind: str) -> dict[str, Any] | None:
    """The lease of a unit of that kind whose holder is at work on it."""
    parts = here.rows(Table.RUN, {"kind": "part", "state": "running"})
    held = here.rows(Table.LEASE).filter(here.rows(Table.LEASE)["name"].str.starts_with(kind)).to_dicts()
    return next((lease for lease in held if lease["holder"] in parts["worker"].to_list()), None)


def _holder_after(here: Site, before: dict[str, Any]) -> dict[str, Any] | None:
    lease = here.rows(Table.LEASE, {"name": before["name"]}).row(0, named=True)
    return lease if lease["fence"] > before["fence"] and lease["holder"] != before["holder"] else None


def _two(here: Site) -> None:
    for _ in range(2):
        here.start("worker")
    here.until(lambda: here.rows(Table.WORKER).filter(state="working").height == 2, seconds=60, what="two workers work")


def _process_of(here: Site, worker_id: str) -> Any:
    pid = here.rows(Table.WORKER, {"worker_id": worker_id})["pid"][0]
    return next(process for process in here.processes if process.pid == pid)


def _too_late(here: Site, worker_id: str) -> bool:
    """Whether that worker has been told by the store that its lease is another's."""
    parts = here.rows(Table.RUN, {"kind": "part", "worker": worker_id, "state": "failed"})
    return any("its lease passed to another worker" in text for text in parts["summary"])


def test_what_a_killed_worker_read_is_taken_over_within_ten_seconds(here: Site) -> None:
    here.configure(once="now")
    here.slow(here.instance, "activities", SLOW_SECONDS)
    _two(here)
    lease = here.until(lambda: _in_hand(here, "observe:marketing"), seconds=30, what="the slow unit is in hand")
    process = _process_of(here, lease["holder"])
    process.kill()
    process.wait()
    began = time.monotonic()
    taken = here.until(lambda: _holder_after(here, lease), seconds=30, what="the partition moves")
    seconds = time.monotonic() - began
    print(f"taken over after {seconds:.1f} s by {taken['holder']}")
    assert seconds <= 10
    done = here.until(lambda: here.run_in_state("succeeded"), seconds=90, what="the run ends")
    assert json.loads(done["summary"])["balanced"]
    assert here.people(LEADS) == sorted(f"p{n}@x.com" for n in range(LEADS))
    states = dict(here.rows(Table.WORKER).select("worker_id", "state").iter_rows())
    assert states[lease["holder"]] == "lost"
    assert list(states.values()).count("working") == 1


@pytest.mark.slow
def test_a_frozen_worker_that_thaws_changes_nothing_any_more(here: Site) -> None:
    """It is frozen while a write of its is under way: its successor finds what became of it, and its own commit comes
    too late."""
    here.configure(once="now")
    here.slow(here.instance, "POST /rest/v1/leads.json", SLOW_SECONDS)
    _two(here)
    lease = here.until(lambda: _in_hand(here, "identity:people"), seconds=60, what="people are being made")
    here.until(lambda: len(here.people(LEADS)), seconds=60, what="the write has reached the system")
    process = _process_of(here, lease["holder"])
    process.send_signal(signal.SIGSTOP)
    taken = here.until(lambda: _holder_after(here, lease), seconds=30, what="the unit moves")
    done = here.until(lambda: here.run_in_state("succeeded", "held"), seconds=120, what="the run ends")
    assert not _too_late(here, lease["holder"])
    process.send_signal(signal.SIGCONT)
    here.until(lambda: _too_late(here, lease["holder"]), seconds=60, what="the late commit is refused")
    assert taken["holder"] == done["worker"] != lease["holder"]
    assert here.people(LEADS) == sorted(f"p{n}@x.com" for n in range(LEADS))
    journal = here.rows(Table.JOURNAL)
    assert lease["fence"] in journal["fence"].to_list()
    assert here.rows(Table.ENTRY).filter(state="sent").is_empty()
    assert process.poll() is None
