"""The erase command on the two sandboxes: asked for, confirmed, done; no byte in the project's folder, no way back."""

from __future__ import annotations

from tests.support.ground import EVERYBODY, LEADS, Ground
from tests.support.terminal import Typing

ANN = "p1@x.com"


def test_erasing_asks_first(synced: Ground, typing: Typing) -> None:
    said = synced.syncline("erase", ANN, "--json")
    assert (said.code, said.error["code"]) == (2, "SYN-154")
    typing("n\n")
    said = synced.syncline("erase", ANN)
    assert said.code == 2
    assert "Nothing is deleted in crm or marketing" in said.err
    assert synced.syncline("explain", ANN, "--json").json[0]["link"] is not None


def test_an_erased_person_is_in_no_file_and_does_not_come_back(synced: Ground) -> None:
    synced.instance("people", {"input": [{"email": ANN, "title": "Duchess"}], "lookupField": "email"})
    assert synced.syncline("run", "--json").code == 0
    done = synced.syncline("erase", ANN, "--yes", "--json")
    assert (done.code, done.json["records"], done.json["links"]) == (0, 2, 1)
    assert done.json["bytes_are_gone"] is True
    for path in synced.folder.iterdir():
        assert not [word for word in (b"p1@x.com", b"Duchess") if word in path.read_bytes()], path.name
    said = synced.syncline("explain", ANN)
    assert "erased on request" in said.out
    assert "Lee1" not in said.out
    assert synced.syncline("push", ANN, "--json").error["code"] == "SYN-153"
    synced.instance("people", {"input": [{"email": ANN, "title": "Queen"}], "lookupField": "email"})
    assert synced.syncline("run", "--json").json["written"]["fields"] == 0
    verified = synced.syncline("verify", "--json")
    assert (verified.code, verified.json["pairs"]) == (0, EVERYBODY - 2)
    assert len(synced.leads()) == LEADS, "nothing is deleted in the systems"
    again = synced.syncline("erase", ANN, "--yes")
    assert "erased before" in again.out


def test_nobody_is_erased_by_a_word_that_names_nobody(synced: Ground) -> None:
    said = synced.syncline("erase", "nobody@x.com", "--yes", "--json")
    assert (said.code, said.error["code"]) == (2, "SYN-150")
