"""A network of its own for one client: hosts that are hard-wired lead to the sandbox, and no packet can leave.

Lives here: how a process is started inside, and what it does there first: bring the loopback up, bind a hosts file over
/etc/hosts and a certificate authority over the client's copy of certifi's. All of it goes with the process; nothing of
the machine changes. Not root? Then in a user namespace.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

_SET_FLAGS = 0x8914  # SIOCSIFFLAGS
_UP_AND_RUNNING = 0x1 | 0x40


def command_inside(command: list[str]) -> list[str]:
    """*command* in namespaces of its own. RuntimeError when this machine does not let us."""
    program = shutil.which("unshare")
    if program is None:
        raise RuntimeError("the program unshare (package util-linux) is missing")
    inside = [program, *([] if os.geteuid() == 0 else ["-r"]), "-m", "-n"]
    tried = subprocess.run([*inside, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise RuntimeError(f"this machine allows no network namespace: {tried.stderr.strip()}")
    return [*inside, *command]


def bring_loopback_up() -> None:
    """By system call: a bare machine has no `ip`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP_AND_RUNNING))


def name_hosts(hosts: Iterable[str], folder: Path) -> None:
    """All *hosts* are this machine."""
    file = folder / "hosts"
    file.write_text("127.0.0.1 localhost\n" + "".join(f"127.0.0.1 {host}\n" for host in hosts))
    _bind(file, Path("/etc/hosts"))


def trust(authority: Path, believed: Path | None) -> None:
    """Everything started from here on trusts *authority*. *believed*: the file of a client that looks nowhere else."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        os.environ[name] = str(authority)
    if believed is not None:
        _bind(authority, believed)


def _bind(file: Path, over: Path) -> None:
    subprocess.run(["mount", "--bind", str(file), str(over)], check=True, capture_output=True, text=True)
