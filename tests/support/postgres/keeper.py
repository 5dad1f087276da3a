"""Runs one server: ``python -m tests.support.postgres.keeper <folder> <pid>``.

It brings the server up again when it dies, as a machine's service manager would, and ends it, and removes the folder,
on SIGTERM or when the process *pid* is gone, whatever ended that one. What it has to say is in two files of the folder:
`url` once the server answers, `trouble` if it never will.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from tests.support.postgres.programs import NoServer, account, programs

OWNER = "syncline"
_SETTINGS = {
    "fsync": "off",  # a test's server dies, its machine does not
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "shared_buffers": "64MB",
}
_LOOK_SECONDS = 0.2


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _make_cluster(binaries: Path, folder: Path, password: str) -> None:
    said = folder / "password"
    said.write_text(password)
    said.chmod(0o644)  # for the account that runs initdb; nobody else can enter the folder
    words = ["-U", OWNER, f"--pwfile={said}", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(
        [binaries / "initdb", "-D", folder / "cluster", *words, "--no-sync"],
        check=True,
        cwd="/",
        capture_output=True,
        text=True,
        **account(),
    )


def _start(binaries: Path, folder: Path, port: int) -> subprocess.Popen[bytes]:
    settings = {**_SETTINGS, "port": str(port), "unix_socket_directories": str(folder)}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [binaries / "postgres", "-D", folder / "cluster", *words],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **account(),
        )


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _say(folder: Path, name: str, words: str) -> None:
    draft = folder / f".{name}"
    draft.write_text(words)
    draft.rename(folder / name)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _keep(folder: Path, watched: int) -> None:
    if account():
        os.chown(folder, account()["user"], account()["group"])
    binaries, password, port = programs(folder), secrets.token_hex(8), _free_port()
    _make_cluster(binaries, folder, password)
    url = f"postgresql://{OWNER}:{password}@127.0.0.1:{port}/postgres"
    server = _start(binaries, folder, port)
    try:
        has_said = False
        while _is_there(watched):
            if not has_said and _answers(url):
                _say(folder, "url", url)
                has_said = True
            if server.poll() is not None:
                if not has_said:
                    raise NoServer((folder / "log").read_text(errors="replace"))
                server = _start(binaries, folder, port)
            time.sleep(_LOOK_SECONDS if has_said else 0.01)
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
        server.wait(timeout=30)


def main(folder: Path, watched: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _keep(folder, watched)
    except (NoServer, OSError, subprocess.SubprocessError) as trouble:
        _say(folder, "trouble", f"{trouble} {getattr(trouble, 'stderr', '') or ''}")
        while _is_there(watched):  # the words stay as long as somebody may read them
            time.sleep(_LOOK_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
