"""Commands that act on one person, as typed: what they print, what they answer, and that nothing goes without a yes."""

from __future__ import annotations

import pytest

from syncline.cli import undo as undo_command
from tests.support.ground import Ground
from tests.support.terminal import Typing

EMAIL = "p0@x.com"
"""A lead, known to both sides."""


def test_owner_and_task(synced: Ground) -> None:
    given = synced.syncline("owner", EMAIL, "admin@sandbox.example", "--json")
    assert (given.code, given.json["ended"]) == (0, "done")
    again = synced.syncline("owner", EMAIL, "user:admin@sandbox.example")
    assert again.code == 0
    assert "already" in again.out
    nobody = synced.syncline("owner", EMAIL, "nobody")
    assert nobody.code == 1
    assert "SYN-172" in nobody.out
    assert "→" in nobody.out
    task = synced.syncline("task", EMAIL, "Call {{lead.First Name}}", "--remind-at", "2026-03-03T09:00Z", "--json")
    assert (task.code, set(task.json["made"])) == (0, {"Task"})
    assert "'Call Ann'" in task.json["reason"]
    wrong = synced.syncline("task", EMAIL, "Call", "--remind-at", "tomorrow", "--json")
    assert (wrong.code, wrong.error["code"]) == (2, "SYN-155")


def test_push_with_an_owner(synced: Ground) -> None:
    said = synced.syncline("push", EMAIL, "--assign-to", "admin@sandbox.example", "--json")
    assert (said.code, said.json["assignment"]["ended"]) == (0, "done")
    text = synced.syncline("push", EMAIL, "--assign-to", "nobody")
    assert text.code == 1
    assert "SYN-172" in text.out


def test_convert(synced: Ground) -> None:
    said = synced.syncline("convert", EMAIL, "--account", "new", "--opportunity", "Engine", "--json")
    assert (said.code, set(said.json["made"])) == (0, {"Account", "Contact", "Opportunity"})
    again = synced.syncline("convert", EMAIL)
    assert again.code == 0
    assert "SYN-175" in again.out


def test_delete_shows_and_asks(synced: Ground, monkeypatch: pytest.MonkeyPatch, typing: Typing) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # no phrase is broken over lines
    refused = synced.syncline("delete", EMAIL)
    assert refused.code == 1
    assert "SYN-175" in refused.out
    asked = synced.syncline("delete", EMAIL, "--on", "b")
    assert asked.code == 1
    assert all(word in asked.out for word in ("goes", "stays", "gone for good", "--yes"))
    typing("n\n")
    assert synced.syncline("delete", EMAIL, "--on", "b").code == 1
    assert synced.syncline("explain", EMAIL).code == 0
    typing("y\n")
    both = synced.syncline("delete", EMAIL, "--on", "b", "--also", "b", "--json")
    assert (both.code, both.error["code"]) == (2, "SYN-156")
    done = synced.syncline("delete", EMAIL, "--on", "b")
    assert done.code == 0, done.out
    assert "done" in done.out


def test_undo_shows_and_puts_back(synced: Ground) -> None:
    row = next(lead for lead in synced.leads() if lead["Email"] == EMAIL)
    edit = {"as": "admin@sandbox.example", "object": "Lead", "operation": "update"}
    synced.org("write", {**edit, "records": [{"Id": row["Id"], "Title": "Admiral"}]})
    run = synced.syncline("run", "--json").json["run_id"]
    shown = synced.syncline("undo", run)
    assert shown.code == 1
    assert all(word in shown.out for word in ("Admiral", "put back", "--yes"))
    assert synced.syncline("undo", run, "--json").json["put_back"][0]["before"] == "Admiral"
    done = synced.syncline("undo", row["Id"], "--yes", "--json")
    assert (done.code, done.json["runs"], done.json["done"]) == (0, [run], 1)
    quiet = synced.syncline("run", "--json").json
    assert sum(quiet["written"].values()) == 0
    assert synced.syncline("verify").code == 0
    nothing = synced.syncline("undo", "nobody@x.example", "--json")
    assert (nothing.code, nothing.error["code"]) == (2, "SYN-190")
    assert undo_command.undo.__doc__
