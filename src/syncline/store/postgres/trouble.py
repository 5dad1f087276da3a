"""What a server can answer that is not a result, translated in one table.

Every message says what happened to which database, and what to do next; none holds a password. Not here:
`AlreadyThere`, which is an answer, and lost connections, which are met in `session`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError

from syncline.errors import OurBug, StateError
from syncline.store.trouble import DAMAGED, FOREIGN, FULL, HELD, NEWER, OLDER, READ_ONLY, UNREACHABLE

CUT = "SYN-709"

_SENTENCES: dict[str, tuple[str, str]] = {
    HELD: (
        "The state {where} is locked by somebody else.",
        "Wait until that program (a migration, a dump, a session left open) has ended, and run again.",
    ),
    DAMAGED: (
        "The server found the state {where} damaged.",
        "Nothing was sent. Have the server's administrator look at its log; restore a backup.",
    ),
    FULL: (
        "The state {where} cannot be written: the server has no space left, or a limit is reached.",
        "Nothing of the last step was stored. Free space on the server and run again.",
    ),
    NEWER: (
        "The state {where} was written by a newer release of Syncline.",
        "Upgrade Syncline to at least the release that wrote it.",
    ),
    UNREACHABLE: (
        "The state {where} cannot be reached.",
        "Check the address, that the server runs and lets this user in (password, pg_hba.conf), and that the database"
        " exists.",
    ),
    READ_ONLY: ("The state {where} was opened for reading only.", "Use a command that writes."),
    FOREIGN: (
        'The schema "syncline" of {where} is not a state of Syncline.',
        "Name another database for the state; this one was left as it is.",
    ),
    OLDER: (
        "The state {where} was written by an older release of Syncline.",
        "Stop what the older release runs; then a command that writes, such as run, brings the tables up to date.",
    ),
    CUT: (
        "The connection to the state {where} was lost and could not be made again in time.",
        "Whether the last step was stored, the state tells: run again once the server is there, nothing is done twice.",
    ),
}

# By SQLSTATE, the longest prefix first. Source: PostgreSQL, "Appendix A. PostgreSQL Error Codes".
_BY_STATE = {
    "53300": UNREACHABLE,  # too many connections
    "53": FULL,
    "58030": FULL,  # the server could not write or read a file
    "55P03": HELD,
    "57014": HELD,  # a statement took longer than we allow
    "XX001": DAMAGED,
    "XX002": DAMAGED,
    "25006": READ_ONLY,
    "28": UNREACHABLE,
    "3D000": UNREACHABLE,
    "42501": UNREACHABLE,  # no right
    "40": HELD,  # repeated several times, and still somebody is in the way
    "08": CUT,
    "57P": CUT,
}


def state_error(code: str, where: str, *, detail: str = "", evidence: str | None = None) -> StateError:
    """The StateError of *code* about the state *where*; *detail* continues its sentence."""
    message, remedy = (each.format(where=where) for each in _SENTENCES[code])
    if detail:
        message = f"{message.removesuffix('.')}: {detail.removesuffix('.')}."
    return StateError(message, code=code, remedy=remedy, evidence=evidence)


def code_of(error: psycopg.Error) -> str | None:
    state = error.sqlstate or ""
    return next((_BY_STATE[state[:n]] for n in (5, 3, 2) if state[:n] in _BY_STATE), None)


def is_cut(error: psycopg.Error) -> bool:
    """Whether the connection is gone: by the driver's own words, or because the server ended it."""
    return isinstance(error, psycopg.OperationalError) and (not error.sqlstate or error.sqlstate[:3] in ("57P", "080"))


def said(error: BaseException) -> str:
    """The first line of what the server said, which never repeats a password."""
    return str(error).strip().partition("\n")[0]


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn the driver's errors into StateError; one that is in no table is a bug of ours."""
    try:
        yield
    except (psycopg.Error, DBAPIError) as caught:
        # Migrations go through SQLAlchemy, which wraps the driver's error.
        error = (caught.orig or caught) if isinstance(caught, DBAPIError) else caught
        code = code_of(error) if isinstance(error, psycopg.Error) else None
        if code is None and isinstance(error, psycopg.Error) and is_cut(error):
            code = CUT
        if code is None:
            raise OurBug(f"The state {where} refused a statement.", evidence=repr(error)) from error
        detail = said(error) if code in (UNREACHABLE, FULL) else ""
        raise state_error(code, where, detail=detail, evidence=repr(error)) from error
