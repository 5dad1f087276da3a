"""What the database can answer that is not a result, translated in one table.

Every message says what happened to which file, and what to do next. Not here: `AlreadyThere`, which is an answer.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from syncline.errors import OurBug, StateError

HELD = "SYN-701"
DAMAGED = "SYN-702"
FULL = "SYN-703"
NEWER = "SYN-704"
UNREACHABLE = "SYN-705"
READ_ONLY = "SYN-706"
FOREIGN = "SYN-707"
OLDER = "SYN-708"

_SENTENCES: dict[str, tuple[str, str]] = {
    HELD: (
        "The state file {where} is locked by another program.",
        "Close that program (a database browser, a backup) and try again.",
    ),
    DAMAGED: (
        "The state file {where} is damaged.",
        "Nothing was sent. Put back a copy from before the damage and delete {where}.claim beside it; or move both away"
        " to start with an empty state: both systems are then read again and matched anew.",
    ),
    FULL: (
        "The state file {where} cannot be written: no space, or a quota or file size limit is reached.",
        "Nothing of the last step was stored. Free space on that disk and run again.",
    ),
    NEWER: (
        "The state file {where} was written by a newer release of Syncline.",
        "Upgrade Syncline to at least the release that wrote it.",
    ),
    UNREACHABLE: (
        "The state file {where} cannot be opened.",
        "Check that its directory exists and that this user may read and write there.",
    ),
    READ_ONLY: (
        "The state file {where} was opened for reading only.",
        "Use a command that writes.",
    ),
    FOREIGN: (
        "The file {where} is a database, but not a state of Syncline.",
        "Name another file for the state; this one was left as it is.",
    ),
    OLDER: (
        "The state file {where} was written by an older release of Syncline.",
        "Run a command that writes, such as run: it brings the file up to date.",
    ),
}

# By primary result code; an extended code that says more stands in the second table.
_PRIMARY = {
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_FORMAT: DAMAGED,
    sqlite3.SQLITE_IOERR: DAMAGED,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_BUSY: HELD,
    sqlite3.SQLITE_LOCKED: HELD,
    sqlite3.SQLITE_PROTOCOL: HELD,
    sqlite3.SQLITE_CANTOPEN: UNREACHABLE,
    sqlite3.SQLITE_PERM: UNREACHABLE,
    sqlite3.SQLITE_AUTH: UNREACHABLE,
    sqlite3.SQLITE_READONLY: READ_ONLY,
}
_EXTENDED = {
    sqlite3.SQLITE_IOERR_WRITE: FULL,  # a quota and a file size limit; a full disk is SQLITE_FULL
    sqlite3.SQLITE_IOERR_FSYNC: FULL,
    sqlite3.SQLITE_IOERR_TRUNCATE: FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: FULL,
}
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_TEXT = "Could not decode to UTF-8"  # the driver's own error, without a result code: bytes that are no text


def state_error(code: str, where: str, *, detail: str = "", evidence: str | None = None) -> StateError:
    """The StateError of *code* about the file *where*; *detail* continues its sentence."""
    message, remedy = _SENTENCES[code]
    message, remedy = message.format(where=where), remedy.format(where=where)
    if detail:
        message = f"{message.removesuffix('.')}: {detail}."
    return StateError(message, code=code, remedy=remedy, evidence=evidence)


def os_trouble(error: OSError, where: str) -> StateError:
    """What the operating system refused us beside SQLite."""
    code = FULL if error.errno in _NO_SPACE else UNREACHABLE
    return state_error(code, where, detail=error.strerror or "", evidence=repr(error))


def _code_of(error: sqlite3.Error) -> str | None:
    if str(error).startswith(_NOT_TEXT):
        return DAMAGED
    number = getattr(error, "sqlite_errorcode", None)
    if number is None:
        return None
    return _EXTENDED.get(number) or _PRIMARY.get(number & 0xFF)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn the driver's errors into StateError; one that is in no table is a bug of ours."""
    try:
        yield
    except (sqlite3.Error, DBAPIError) as caught:
        # Migrations go through SQLAlchemy, which wraps the driver's error.
        error = caught.orig if isinstance(caught, DBAPIError) else caught
        code = _code_of(error) if isinstance(error, sqlite3.Error) else None
        if code is None:
            raise OurBug(f"The state file {where} refused a statement.", evidence=repr(error)) from error
        raise state_error(code, where, evidence=repr(error)) from error
