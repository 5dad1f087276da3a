"""`syncline up` as a real process on SQLite: killed and started again, stopped with and without patience."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncline.trees import Table
from tests.runtime.site import Site, site

LEADS = 12


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as standing:
        standing.seed(LEADS)
        yield standing


@pytest.mark.slow
def test_killed_in_the_middle_of_a_run_it_goes_on_with_that_run(here: Site) -> None:
    here.slow(here.instance, "activities", 20.0)
    first = here.start("up")
    cut = here.until(lambda: here.run_in_state("running"), seconds=30, what="a run begins")
    here.until(lambda: len(here.rows(Table.RUN, {"kind": "part", "state": "running"})), seconds=20, what="a unit")
    first.kill()
    first.wait()
    here.start("up")
    done = here.until(lambda: here.run_in_state("succeeded"), seconds=60, what="the run ends")
    assert done["run_id"] == cut["run_id"]
    assert json.loads(done["summary"])["attempt"] == 2
    assert done["worker"] != cut["worker"]
    workers = dict(here.rows(Table.WORKER).select("worker_id", "state").iter_rows())
    assert workers == {cut["worker"]: "lost", done["worker"]: "working"}
    assert here.rows(Table.RUN, {"kind": "part", "state": "running", "worker": cut["worker"]}).is_empty()
    assert here.people(LEADS) == sorted(f"p{n}@x.com" for n in range(LEADS))
    _stop(here)


def _stop(here: Site) -> None:
    """SIGTERM is the ordinary end of a service."""
    process = here.processes[-1]
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0, here.said()
    assert time.monotonic() - began < 15
    assert "leases are given back" in here.said()
    assert here.rows(Table.LEASE).filter(holder=here.rows(Table.WORKER)["worker_id"][-1]).is_empty()
    assert "stopped" in here.rows(Table.WORKER)["state"].to_list()


@pytest.mark.slow
def test_commands_beside_it_ask_through_its_door(here: Site) -> None:
    here.start("up")
    here.until(lambda: here.run_in_state("succeeded"), seconds=60, what="the first copy")
    assert here.run("pause").returncode == 0
    assert here.rows(Table.SCHEDULE)["paused_us"][0] is not None
    here.control(here.org, "seed", {"Lead": [{"LastName": "New", "Company": "Co", "Email": "new@x.com"}]})
    pushed = here.run("push", "new@x.com", "--json")
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    run = json.loads(pushed.stdout)
    assert (run["kind"], run["state"]) == ("push", "succeeded")
    wanted = {"field": "email", "values": ["new@x.com"], "fields": ["email"]}
    assert len(here.control(here.instance, "people/read", wanted)) == 1
    request = here.rows(Table.REQUEST).row(0, named=True)
    assert (request["state"], request["subject"]) == ("done", "")
    unknown = here.run("push", "nobody@x.com", "--json")
    assert (unknown.returncode, json.loads(unknown.stdout)["error"]["code"]) == (2, "SYN-150")
    assert here.run("resume").returncode == 0
    assert here.rows(Table.SCHEDULE)["paused_us"][0] is None
    _stop(here)
    assert not list(here.folder.glob("*.door"))


def test_workers_refuse_a_state_that_only_one_may_write(tmp_path: Path) -> None:
    here = Site(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9", "sqlite:///state.db")
    refused = here.run("worker", "--json")
    here.end()
    assert (refused.returncode, json.loads(refused.stdout)["error"]["code"]) == (2, "SYN-159")
    assert [path.name for path in tmp_path.iterdir()] == ["syncline.yaml"]
