"""Every command as somebody types it: its help, wrong words, plain text and JSON, on a narrow screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncline.cli.main import app
from syncline.cli.screens.common import MOST_CHARACTERS, safe
from syncline.spec.file import json_schema
from tests.support.ground import EVERYBODY, Ground
from tests.support.shell import Shell

COMMANDS = [name for name in app if not name.startswith("-")]
WIDE = 80


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv("COLUMNS", str(WIDE))
    return Shell(monkeypatch, capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(shell: Shell, command: str) -> None:
    said = shell(command, "--help")
    assert said.code == 0
    assert all(len(line) <= WIDE for line in said.out.splitlines())
    assert "--no-" not in said.out
    for line in said.out.splitlines():  # a parameter without a word of explanation
        assert not line.rstrip("│ ").endswith(("INT", "STR", "PATH")), line


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["runn"], "run"),
        (["run", "--evry", "5m"], "--every"),
        (["plan", "--limit", "x"], "--limit"),
        (["plan", "--limit", "-3"], "--limit"),
        (["explain"], "RECORD"),
        (["run", "--json=maybe"], "--json"),
    ],
)
def test_a_command_line_that_is_not_understood(shell: Shell, words: list[str], expected: str) -> None:
    said = shell(*words)
    assert said.code == 2
    assert expected in said.out + said.err


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["run", "--every", "5"], "SYN-152", 2),
        (["run", "--every", "0s"], "SYN-152", 2),
        (["run", "--sync", "peple"], "SYN-151", 2),
        (["explain", "nobody@x.com"], "SYN-150", 2),
        (["push", "nobody@x.com"], "SYN-150", 2),
        (["push", "x'); DROP"], "SYN-150", 2),
        (["run", "--config", "nowhere.yaml"], "SYN-110", 3),
        (["run", "--config", "/"], "SYN-110", 3),
        (["init"], "SYN-113", 3),
    ],
)
def test_words_that_name_nothing(ground: Ground, words: list[str], code: str, exit_code: int) -> None:
    if "--config" in words:
        ground.syncline("status")
        said = ground.shell(*words, "--json")
    else:
        said = ground.syncline(words[0], *words[1:], "--json")
    assert (said.code, said.error["code"]) == (exit_code, code)


def test_init_writes_a_file_that_can_be_filled_in(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "syncline.yaml"
    assert shell("init", "--config", str(path)).code == 0
    refused = shell("check", "--config", str(path), "--json")
    assert refused.error["code"] == "SYN-143"  # everything but the variables is in order
    assert shell("init", "--config", str(tmp_path / "no" / "folder.yaml"), "--json").error["code"] == "SYN-113"


def test_schema(shell: Shell) -> None:
    assert shell("schema").json == json_schema()
    published = Path(__file__).parents[2] / "docs" / "reference" / "syncline.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == json_schema()


def test_a_stranger_s_first_hour(new_ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the documentation, read on eighty columns; each command also answers in JSON."""
    monkeypatch.setenv("COLUMNS", str(WIDE))
    assert "No run yet" in new_ground.syncline("status").out
    assert not new_ground.state.exists()  # looking makes nothing
    before = new_ground.syncline("check")
    assert (before.code, "Not ready" in before.out, "SYN-164" in before.out) == (1, True, True)
    assert "created crm.Lead.Syncline_Key__c" in new_ground.syncline("init", "--create-fields").out
    assert new_ground.syncline("init", "--create-fields").out == "Every custom field is there already.\n"
    assert new_ground.syncline("check").code == 0

    planned = new_ground.syncline("plan", "--limit", "2")
    assert planned.code == 0
    assert "unread" not in planned.out
    assert "15 creates on marketing" in " ".join(planned.out.split())
    assert "API calls to write that: at most crm 1, marketing 2." in planned.out
    as_json = new_ground.syncline("plan", "--json").json
    assert as_json["counts"]["creates_on_b"] == 15
    assert as_json["calls"]["write"] == {"crm": 1, "marketing": 2}
    assert not new_ground.state.exists()

    run = new_ground.syncline("run")
    assert run.code == 0
    assert "15 creates on marketing" in " ".join(run.out.split())
    assert "accounted for" in run.out
    for command, said in (
        ("run", "nothing"),  # it reads back what was written
        ("verify", "Both sides agree."),
        ("status", "20 links"),
        ("explain p1@x.com", "linked by"),
        ("conflicts", "No conflict"),
        ("errors", "Nothing was refused."),
        ("holds", "Nothing waits"),
        ("thaw", "Nothing is frozen"),
        ("retry", "0 records woken."),
        ("disable", "is disabled."),
        ("run", "is disabled;"),
        ("enable", "is enabled."),
        ("push p1@x.com", "written"),
    ):
        text = new_ground.syncline(*command.split())
        assert (text.code, text.err) == (0, ""), command
        assert said in " ".join(text.out.split()), command
        assert new_ground.syncline(*command.split(), "--json").json is not None
    assert new_ground.syncline("plan").out.startswith("Nothing to do")
    assert len(new_ground.emails_of_people()) == EVERYBODY


def test_values_cannot_drive_the_terminal(synced: Ground) -> None:
    nasty = "\x1b[2J[bold red]Chair[/]\r\nof\x07 the board " + "x" * 90
    synced.instance("people", {"input": [{"email": "p1@x.com", "title": nasty}], "lookupField": "email"})
    planned = synced.syncline("plan")
    assert "[bold red]Chair[/]" in planned.out
    assert not set("\x1b\x07\r") & set(planned.out)
    assert safe("a" * 1000).endswith("… (1000 characters)")
    assert len(safe("a" * 1000)) < MOST_CHARACTERS + 30
