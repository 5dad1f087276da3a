"""The undo command by time: what it says, what it refuses, what it does."""

from __future__ import annotations

import pytest

from tests.support.ground import Ground

ANN = "p1@x.com"


def edit(ground: Ground, **fields: str) -> None:
    ground.instance("people", {"input": [{"email": ANN, **fields}], "lookupField": "email"})
    assert ground.syncline("run", "--json").code == 0


def title(ground: Ground) -> str | None:
    (row,) = [lead for lead in ground.leads() if lead["Email"] == ANN]
    found: str | None = row["Title"]
    return found


def test_a_time_is_shown_first_and_undone_then(synced: Ground) -> None:
    assert synced.syncline("run", "--json").code == 0
    before = title(synced)
    synced.served.clock.advance(3600)
    for word in ("Duchess", "Queen"):
        edit(synced, title=word)
    shown = synced.syncline("undo", "--since", "30m", "--dry-run")
    assert (shown.code, title(synced)) == (1, "Queen")
    assert "1 value to put back" in shown.out
    assert "Repeat it with --yes" in shown.out
    done = synced.syncline("undo", "--since", "40m", "--yes", "--json")
    assert (done.code, done.json["done"], len(done.json["runs"])) == (0, 1, 2)
    assert title(synced) == before
    assert synced.syncline("run", "--json").json["written"]["fields"] == 0
    nothing = synced.syncline("undo", "--since", "1s", "--json")
    assert (nothing.code, nothing.json["put_back"], nothing.json["brought_back"]) == (0, [], [])


def test_what_was_deleted_comes_back_by_the_command(synced: Ground) -> None:
    (lead,) = [one["Id"] for one in synced.leads() if one["Email"] == ANN]
    synced.served.clock.advance(3600)
    assert synced.syncline("delete", lead, "--yes", "--json").code == 0
    assert not [one for one in synced.leads() if one["Email"] == ANN]
    shown = synced.syncline("undo", "--since", "10m")
    assert "comes out of the recycle bin" in shown.out
    done = synced.syncline("undo", "--since", "15m", "--yes")
    assert (done.code, "1 record brought back" in done.out) == (0, True)
    assert [one["Id"] for one in synced.leads() if one["Email"] == ANN] == [lead]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "SYN-156"),
        (["run1", "--since", "2h"], "SYN-156"),
        (["run1", "--until", "2026-03-02T09:00Z"], "SYN-156"),
        (["--since", "2h", "--yes", "--dry-run"], "SYN-156"),
        (["--since", "2026-03-02 09:00"], "SYN-155"),
        (["--since", "1h", "--until", "2h"], "SYN-155"),
        (["--since", "2026-03-29 02:30 Europe/Berlin"], "SYN-155"),
    ],
)
def test_what_cannot_be_meant_is_refused(ground: Ground, words: list[str], code: str) -> None:
    said = ground.syncline("undo", *words, "--json")
    assert (said.code, said.error["code"]) == (2, code)
