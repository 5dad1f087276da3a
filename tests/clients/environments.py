"""An environment of its own for every client, made from the registries as its lock file pins it.

Lives here: virtual environments. Node packages are installed by `node.py`. Both are kept inside the virtual environment
of the project under the digest of their lock, so that a second run finds them and a changed lock does not.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.clients import node

FOLDER = Path(__file__).parent
_BUILD_LOCK = FOLDER / "build.lock"
_INSTALL_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where a client is installed. `bin` holds its commands; `trust_file` is the certifi copy it believes, if any."""

    folder: Path
    bin: Path
    trust_file: Path | None = None


class CannotInstall(RuntimeError):
    """A client could not be had; the text says why, in the installer's words."""


def environment(client: str) -> Environment:
    """The environment of *client*, installed once for each state of its lock.

    Raises:
        CannotInstall: with the installer's words.
    """
    try:
        return _virtual(client) if (FOLDER / client / "requirements.lock").exists() else _node(client)
    except (RuntimeError, subprocess.SubprocessError, OSError) as failed:
        raise CannotInstall(str(failed)) from failed


def _node(client: str) -> Environment:
    folder = node.installed(client)
    return Environment(folder=folder, bin=folder / "node_modules" / ".bin")


def _virtual(client: str) -> Environment:
    lock = FOLDER / client / "requirements.lock"
    target = _made(client, [lock, _BUILD_LOCK], lambda folder: _install(folder, lock))
    trust = next(target.glob("lib/python*/site-packages/certifi/cacert.pem"), None)
    return Environment(folder=target, bin=target / "bin", trust_file=trust)


def _made(name: str, locks: list[Path], install: Callable[[Path], None]) -> Path:
    """The virtual environment *name* for these locks, made by *install* unless there is one that was finished."""
    python = _interpreter()
    content = f"{python} {sys.version}".encode() + b"".join(lock.read_bytes() for lock in locks)
    target = Path(sys.prefix) / "python-clients" / f"{name}-{hashlib.sha256(content).hexdigest()[:16]}"
    # A virtual environment cannot be moved once made, so a file says that it is whole.
    whole = target / ".whole"
    if not whole.exists():
        target.parent.mkdir(exist_ok=True)
        _run([python, "-m", "venv", "--clear", str(target)])
        install(target)
        whole.touch()
    return target


def _interpreter() -> str:
    """Python 3.11: airbyte-source-marketo takes no newer one. Ours where there is none; pip then says what it lacks."""
    ours = sys.version_info[:2] == (3, 11)
    return sys.executable if ours else shutil.which("python3.11") or sys.executable


def _install(target: Path, lock: Path) -> None:
    """Install *lock*. What is published as source only is built elsewhere, so that *target* holds the lock alone."""
    builder = _made("build", [_BUILD_LOCK], _equip)
    with tempfile.TemporaryDirectory(dir=target) as wheels:
        _pip(builder, "wheel", "--no-build-isolation", "--require-hashes", "--no-deps", "-r", str(lock), "-w", wheels)
        _pip(target, "install", "--no-deps", *sorted(str(wheel) for wheel in Path(wheels).glob("*.whl")))


def _equip(builder: Path) -> None:
    _pip(builder, "install", "--require-hashes", "--only-binary", ":all:", "-r", str(_BUILD_LOCK))


def _pip(folder: Path, *arguments: str) -> None:
    _run([str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments])


def _run(command: list[str]) -> None:
    with tempfile.TemporaryFile("w+") as said:
        ended = subprocess.run(
            command,
            env={**os.environ, "PIP_USE_PEP517": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
        if ended.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command[:6])} … failed: {said.read().strip()[-2000:]}")
