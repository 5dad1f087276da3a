"""Plan files on the disk: written once, for their owner's eyes alone, and read back.

Not here: what is in them (`engine.sealed`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syncline.engine.sealed.paper import Plan, lines_of, read_plan
from syncline.errors import ConfigError


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, readable by its owner alone. ConfigError SYN-158 otherwise."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already; a plan never replaces another.", code="SYN-158") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.", code="SYN-158") from error


def require_new(path: Path) -> None:
    """ConfigError SYN-158 if the file is there already: to be said before the work is done."""
    if path.exists():
        raise ConfigError(f"{path} is there already; a plan never replaces another.", code="SYN-158")


def load(path: Path) -> Plan:
    """The plan in a file. ConfigError SYN-157, SafetyStop SYN-621 as `read_plan`."""
    with opened(path) as lines:
        return read_plan(lines)


@contextmanager
def opened(path: Path) -> Iterator[Iterator[bytes]]:
    """The lines of a plan file. ConfigError SYN-157: it cannot be read, or is not one."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", code="SYN-157") from error
    with file:
        yield lines_of(file)
