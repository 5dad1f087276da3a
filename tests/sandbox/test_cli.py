"""`syncline-sandbox up`: says where things are, answers, and leaves nothing running."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from syncline_sandbox.pubsub.proto.pubsub_api_pb2 import TopicRequest
from syncline_sandbox.pubsub.proto.pubsub_api_pb2_grpc import PubSubStub

UP = [sys.executable, "-m", "syncline_sandbox.cli", "up", "--json", "--marketo-port", "0"]
COMMAND = [*UP, "--only", "marketo"]


def test_up_serves_and_stops_on_sigterm(tmp_path: Path) -> None:
    command = [*COMMAND, "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        (place,) = json.loads(process.stdout.readline())["sandboxes"]
        with urllib.request.urlopen(f"{place['control']}clock", timeout=5) as answer:
            assert "now" in json.load(answer)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")
    assert [file.name for file in tmp_path.iterdir()] == ["marketo.sqlite"]
    assert not _listens(place["url"])


@pytest.mark.parametrize(
    ("name", "seed", "counted"),
    [
        ("salesforce", {"Lead": [{"LastName": "Smith", "Company": "Acme"}]}, "SELECT count(*) FROM Lead"),
        ("marketo", {"people": [{"email": "a@example.com"}]}, "SELECT count(*) FROM leads"),
    ],
)
def test_a_folder_serves_one_at_a_time_and_is_whole_after_a_stop(
    name: str, seed: dict[str, list[object]], counted: str, tmp_path: Path
) -> None:
    command = [*UP, "--salesforce-port", "0", "--only", name, "--data-dir", str(tmp_path)]
    file = tmp_path / f"{name}.sqlite"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        (place,) = json.loads(first.stdout.readline())["sandboxes"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        with urllib.request.urlopen(f"{place['control']}seed", json.dumps(seed).encode(), timeout=5) as answer:
            assert answer.status == 200
        with closing(sqlite3.connect(file)) as read_outside:
            assert read_outside.execute(counted).fetchone() == (1,)
        holder = Path(f"{file}-lock").read_text()
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=10)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == f"{name}: {file}: in use by process {holder}; stop it, or keep the data elsewhere\n"
    assert not list(tmp_path.glob(f"{name}.sqlite-*"))
    copied = tmp_path / "copied.sqlite"
    copied.write_bytes(file.read_bytes())
    with closing(sqlite3.connect(copied)) as copy:
        assert copy.execute(counted).fetchone() == (1,)


def test_one_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    Path(f"{tmp_path / 'marketo.sqlite'}-lock").write_text("1")
    command = [*COMMAND, "--data-dir", str(tmp_path), "--until-stdin-ends"]
    assert subprocess.run(command, input="", capture_output=True, text=True, timeout=20).returncode == 0


def test_up_serves_both_over_https(tmp_path: Path) -> None:
    command = [*UP, "--salesforce-port", "0", "--https"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        trust = ssl.create_default_context(cafile=started["trust"])
        for place in started["sandboxes"]:
            with urllib.request.urlopen(f"{place['control']}credentials", timeout=5, context=trust) as answer:
                assert json.load(answer) == place["credentials"]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert [place["name"] for place in started["sandboxes"]] == ["salesforce", "marketo"]
    assert (process.returncode, errors) == (0, "")
    assert not any(_listens(place["url"].replace("https", "http")) for place in started["sandboxes"])


def test_up_serves_the_pubsub_api_beside_the_org() -> None:
    command = [*UP, "--salesforce-port", "0", "--only", "salesforce"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        (place,) = json.loads(process.stdout.readline())["sandboxes"]
        trust = grpc.ssl_channel_credentials(Path(place["pubsub_trust"]).read_bytes())
        with grpc.secure_channel(place["pubsub"], trust) as channel, pytest.raises(grpc.RpcError) as refused:
            PubSubStub(channel).GetTopic(TopicRequest(), timeout=5)  # type: ignore[no-untyped-call]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert (process.returncode, errors) == (0, "")


def test_up_names_the_port_that_is_taken() -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        port = json.loads(first.stdout.readline())["sandboxes"][0]["url"].rpartition(":")[2]
        second = subprocess.run(
            [*COMMAND, "--marketo-port", port], capture_output=True, text=True, timeout=20, check=False
        )
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=10)
    assert second.returncode == 1
    reason = "Address already in use; give another, or 0 for a free one"
    assert second.stderr == f"marketo: --marketo-port {port}: {reason}\n"
    assert first.returncode == 0


def test_up_ends_with_the_writer_of_its_standard_input() -> None:
    command = [*UP, "--salesforce-port", "0", "--until-stdin-ends"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        assert all(_listens(place["url"]) for place in started["sandboxes"])
        process.stdin.close()
        assert process.wait(timeout=10) == 0
    assert not any(_listens(place["url"]) for place in started["sandboxes"])


def _listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
