"""What `syncline-sandbox up` says to somebody who asks for what cannot be had: one sentence, and exit code 1 or 2."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from syncline_sandbox.cli import main

UP = [sys.executable, "-m", "syncline_sandbox.cli", "up", "--salesforce-port", "0", "--marketo-port", "0"]


def ended(*options: object) -> tuple[int, str]:
    command = [*UP, *map(str, options), "--until-stdin-ends"]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert ended("--data-dir", tmp_path / "a") == (1, f"--data-dir {tmp_path / 'a'}: File exists\n")


@pytest.mark.parametrize(("text", "said"), [(None, "No such file or directory"), ("no PEM", "PEM")])
def test_a_certificate_that_is_none(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "own.pem"
    if text is not None:
        file.write_text(text)
    code, errors = ended("--certificate", file)
    assert (code, errors.count("\n")) == (1, 1)
    assert errors.startswith(f"--certificate {file} with --key {file}: ")
    assert said in errors


@pytest.mark.parametrize("port", ["99999", "abc", "²"])
def test_a_port_there_is_none_of(port: str) -> None:
    code, errors = ended("--salesforce-port", port)
    assert code == 2
    assert errors.endswith(f"a port is 0 … 65535, not {port}\n")


def test_a_port_given_twice() -> None:
    said = "--pubsub-port and --marketo-port are both 8899; give another, or 0 for a free one\n"
    assert ended("--pubsub-port", 8899, "--marketo-port", 8899) == (1, said)


def test_an_option_there_is_none_of_is_answered_with_those_there_are() -> None:
    code, errors = ended("--sed", "demo")
    assert code == 2
    assert "--seed WORLD" in errors
    assert errors.endswith("there is no option --sed demo\n")


def test_the_version_and_what_is_missing_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code in ((["--version"], 0), ([], 2)):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == code
    told = capsys.readouterr()
    assert told.out == f"syncline-sandbox {version('syncline-sandbox')}\n"
    assert told.err.endswith("arguments are required: up\n")


def test_a_wrong_clock_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text('{"clock": {"now": "noon"}}')
    code, errors = ended("--seed", tmp_path / "world.json")
    assert (code, errors.count("\n")) == (1, 1)
    assert errors.startswith("the clock of the world: ")


def test_a_port_of_the_pubsub_api_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, errors = ended("--only", "salesforce", "--pubsub-port", port)
    reason = "Address already in use; give another, or 0 for a free one"
    assert (code, errors) == (1, f"salesforce: --pubsub-port {port}: {reason}\n")


def test_a_database_of_another_version(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "marketo.sqlite")) as old:
        old.execute("CREATE TABLE leads (id INTEGER)")
    code, errors = ended("--only", "marketo", "--data-dir", tmp_path)
    assert (code, errors.count("\n")) == (1, 1)
    assert errors.startswith(f"marketo: {tmp_path / 'marketo.sqlite'}: made by another version of this sandbox")


def test_a_folder_used_before_is_not_seeded_again_and_says_so(tmp_path: Path) -> None:
    command = [*UP, "--only", "marketo", "--seed", "demo", "--data-dir", str(tmp_path), "--until-stdin-ends"]
    said = [subprocess.run(command, input="", capture_output=True, text=True, timeout=60).stdout for _ in range(2)]
    assert f"demo, kept in {tmp_path / 'marketo.sqlite'}" in said[0]
    assert f"what {tmp_path / 'marketo.sqlite'} kept, no seed" in said[1]
