"""Stored secrets as somebody types it: set without an echo, used by every command, rotated, never shown."""

from __future__ import annotations

import io
import sys

import pytest

from tests.support.ground import SECRET, Ground

NAMES = ("crm", "marketing")


def give(patch: pytest.MonkeyPatch, text: str) -> None:
    patch.setattr(sys, "stdin", io.StringIO(text))


@pytest.fixture
def sealed(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """Both secrets are in the state, and nowhere else; their key is in a file."""
    for name in NAMES:
        monkeypatch.delenv(f"{name.upper()}_SECRET")
        ground.connections[name]["client_secret"] = "stored"
    assert ground.shell("secrets", "key", "new", str(ground.folder / "key")).code == 0
    monkeypatch.setenv("SYNCLINE_KEY_FILE", str(ground.folder / "key"))
    for name in NAMES:
        give(monkeypatch, f"{SECRET}\n")
        assert ground.syncline("secrets", "set", name, "client_secret").code == 0
    return ground


def test_every_command_works_with_stored_secrets_and_no_file_holds_one(sealed: Ground) -> None:
    sealed.synced()
    assert sealed.syncline("check").code == 0
    rotated = sealed.syncline("secrets", "rotate", "--json")
    assert (rotated.code, rotated.json["count"]) == (0, 2)
    told = sealed.syncline("secrets", "list", "--json").json
    assert [(one["connection"], one["key_id"], one["age_days"]) for one in told] == [
        (name, rotated.json["key_id"], 0) for name in NAMES
    ]
    assert sealed.syncline("run", "--json").code == 0
    for path in sealed.folder.iterdir():
        assert SECRET.encode() not in path.read_bytes(), path.name


def test_a_key_that_is_missing_or_wrong_is_told_before_anything_is_sent(
    sealed: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed.forget_requests()
    monkeypatch.delenv("SYNCLINE_KEY_FILE")
    assert (said := sealed.syncline("run", "--json")).error["code"] == "SYN-185"
    assert said.code == 3
    assert sealed.syncline("status").code == 0, "our own state needs no secret"
    assert sealed.shell("secrets", "key", "new", str(sealed.folder / "another")).code == 0
    monkeypatch.setenv("SYNCLINE_KEY_FILE", str(sealed.folder / "another"))
    assert sealed.syncline("run", "--json").error["code"] == "SYN-187"
    (sealed.folder / "key").chmod(0o644)
    monkeypatch.setenv("SYNCLINE_KEY_FILE", str(sealed.folder / "key"))
    assert sealed.syncline("run", "--json").error["code"] == "SYN-186"
    assert not sealed.requests()


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["set", "crm", "url"], "SYN-189", 2),
        (["set", "cmr", "client_secret"], "SYN-189", 2),
        (["set", "crm", "password"], "SYN-189", 2),  # nothing is given
        (["remove", "crm", "password"], "SYN-188", 2),
    ],
)
def test_what_cannot_be_stored_or_removed_is_a_mistake_of_the_command_line(
    sealed: Ground, monkeypatch: pytest.MonkeyPatch, words: list[str], code: str, exit_code: int
) -> None:
    give(monkeypatch, "")
    said = sealed.syncline("secrets", *words, "--json")
    assert (said.error["code"], said.code) == (code, exit_code)


def test_a_secret_that_was_removed_is_missed_by_name(sealed: Ground) -> None:
    assert sealed.syncline("secrets", "remove", "crm", "client_secret").code == 0
    said = sealed.syncline("run", "--json")
    assert (said.error["code"], said.code) == ("SYN-143", 3)
    assert "syncline secrets set crm client_secret" in said.error["remedy"]


def test_nothing_is_stored_without_a_key(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, SECRET)
    assert ground.syncline("secrets", "set", "crm", "client_secret", "--json").error["code"] == "SYN-185"
    assert not ground.state.exists()


def test_somebody_at_a_terminal_is_asked_without_an_echo(sealed: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    terminal = io.StringIO("")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)

    def answered(prompt: str) -> str:
        asked.append(prompt)
        return SECRET

    monkeypatch.setattr("getpass.getpass", answered)
    assert sealed.syncline("secrets", "set", "crm", "client_secret").code == 0
    assert asked == ["client_secret of crm (not shown): "]
