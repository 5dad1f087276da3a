"""A plan from sealing to applying, as somebody types it, over both sandboxes; and every way to be turned away."""

from __future__ import annotations

import gzip
import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syncline.cli.plan_files import opened, write_new
from tests.support.ground import Ground


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_plan_is_sealed_approved_applied_and_then_used_up(synced: Ground) -> None:
    file = synced.folder / "monday.plan"
    synced.instance("people", {"input": [{"email": "p1@x.com", "title": "Chair"}], "lookupField": "email"})
    synced.org("seed", {"Lead": [{"FirstName": "Eve", "LastName": "New", "Company": "Co", "Email": "eve@x.com"}]})
    synced.forget_requests()
    sealed = synced.syncline("plan", "--out", str(file))
    assert sealed.code == 0, sealed.err
    assert "1 create on marketing" in words(sealed.out)
    assert "1 update on crm" in words(sealed.out)
    assert "approve" in sealed.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not synced.writes_sent()
    shown = synced.syncline("plan", "--show", str(file))
    assert "Chair" in shown.out
    told = synced.syncline("plan", "--show", str(file), "--json").json
    assert told["counts"]["creates_on_b"] == 1
    assert {line["do"] for line in told["actions"]} == {"create", "update"}
    assert told["estimate"]["write"].keys() == {"crm", "marketing"}

    assert synced.syncline("plan", "--out", str(file), "--json").error["code"] == "SYN-158"
    refused = synced.syncline("apply", str(file), "--json")
    assert (refused.code, refused.error["code"]) == (8, "SYN-620")
    assert not synced.writes_sent()

    assert "is approved, by ann" in synced.syncline("approve", str(file), "--by", "ann").out
    again = synced.syncline("approve", told["digest"], "--json").json
    assert (again["is_new"], again["decided_by"]) == (False, "ann")

    synced.instance("people", {"input": [{"email": "p2@x.com", "title": "Late"}], "lookupField": "email"})
    done = synced.syncline("apply", str(file))
    assert done.code == 0, done.out + done.err
    assert "accounted for" in done.out
    titles = {row["Email"]: row["Title"] for row in synced.leads()}
    assert titles["p1@x.com"] == "Chair"
    assert titles["p2@x.com"] != "Late", "it came after the plan"
    found = synced.instance("people/read", {"field": "email", "values": ["eve@x.com"], "fields": ["email"]})
    assert len(found) == 1

    synced.forget_requests()
    twice = synced.syncline("apply", str(file))
    assert (twice.code, "applied before" in twice.out, synced.writes_sent()) == (0, True, [])
    assert synced.syncline("run").code == 0
    assert {row["Email"]: row["Title"] for row in synced.leads()}["p2@x.com"] == "Late"


def test_a_plan_that_is_not_what_it_says_or_not_for_here(synced: Ground, tmp_path: Path) -> None:
    file, forged = tmp_path / "a.plan", tmp_path / "forged.plan"
    synced.instance("people", {"input": [{"email": "p1@x.com", "title": "Chair"}], "lookupField": "email"})
    assert synced.syncline("plan", "--out", str(file)).code == 0
    with opened(file) as lines:
        text = b"".join(lines).replace(b"Chair", b"Stool")
    write_new(forged, gzip.compress(text, mtime=0))
    for command in ("approve", "apply"):
        said = synced.syncline(command, str(forged), "--json")
        assert (said.code, said.error["code"]) == (8, "SYN-621")
    nothing = tmp_path / "notes.txt"
    nothing.write_text("not a plan")
    for path in (nothing, tmp_path / "nowhere.plan"):
        said = synced.syncline("apply", str(path), "--json")
        assert (said.code, said.error["code"]) == (2, "SYN-157")
    synced.sync["first_link"] = "a"
    said = synced.syncline("apply", str(file), "--yes", "--json")
    assert (said.code, said.error["code"]) == (8, "SYN-622")
    del synced.sync["first_link"]
    done = synced.syncline("apply", str(file), "--yes", "--json")
    assert (done.code, done.json["complete"], done.json["moved"]) == (0, True, [])
    for wrong in (["--show", str(file), "--with-held"], ["--with-held"]):
        assert synced.syncline("plan", *wrong, "--json").error["code"] == "SYN-156"


HOLDER = """
import asyncio, sys
from syncline.store import open_store
from syncline.wiring import SystemClock

async def hold():
    store = await open_store(sys.argv[1], SystemClock())
    print("held", flush=True)
    sys.stdin.readline()
    await store.close()

asyncio.run(hold())
"""


@contextmanager
def in_use(synced: Ground) -> Iterator[None]:
    """Another process works on the state."""
    arguments = [sys.executable, "-c", HOLDER, f"sqlite:///{synced.state}"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate(input="")


def test_a_plan_is_sealed_beside_a_process_that_works(synced: Ground, tmp_path: Path) -> None:
    file = tmp_path / "beside.plan"
    synced.instance("people", {"input": [{"email": "p1@x.com", "title": "Chair"}], "lookupField": "email"})
    with in_use(synced):
        assert synced.syncline("plan", "--out", str(file)).code == 0
        assert synced.syncline("apply", str(file), "--json").error["code"] == "SYN-701"
    assert json.loads(synced.syncline("apply", str(file), "--yes", "--json").out)["written"] == 1


def test_a_record_that_moved_is_left_and_named(synced: Ground, tmp_path: Path) -> None:
    file = tmp_path / "two.plan"
    for one in ("p1@x.com", "p2@x.com"):
        synced.instance("people", {"input": [{"email": one, "title": "Chair"}], "lookupField": "email"})
    assert synced.syncline("plan", "--out", str(file)).code == 0
    moved = next(row["Id"] for row in synced.leads() if row["Email"] == "p2@x.com")
    synced.instance("people", {"input": [{"email": "p2@x.com", "city": "Bonn"}], "lookupField": "email"})
    done = synced.syncline("apply", str(file), "--yes")
    assert done.code == 1
    assert f"update Lead {moved} of crm: lead" in words(done.out)
    assert "changed after the plan was sealed" in words(done.out)
    titles = {row["Email"]: row["Title"] for row in synced.leads()}
    assert (titles["p1@x.com"], titles["p2@x.com"]) == ("Chair", "VP")
    assert synced.syncline("run").code == 0
    assert {row["Email"]: row["Title"] for row in synced.leads()}["p2@x.com"] == "Chair"
