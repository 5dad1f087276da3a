"""From a URL to an open, checked store of the current version. What a store does is in `sqlite`.

What is found at opening, and when:
- no SQLite file, a cut or emptied one, a vanished one, a foreign database: always;
- any change to the file since it was last closed cleanly, down to one bit: by its seal (see `claim`);
- after a crash there is no seal. Then SQLite's integrity check reads everything: structure, indexes against rows, and
  types are proven; a changed bit inside a value that no index holds is *not* found, nor is damage to the tail of the
  write-ahead log, which reads as if the last commits had not happened;
- while the store is open, damage is found when a structure that it touches is read.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from syncline.errors import ConfigError, StateError
from syncline.ports import Clock
from syncline.store import migrations
from syncline.store.claim import Claim, Note, claim_path, read_note, seal_of
from syncline.store.postgres.address import is_postgres
from syncline.store.sqlite import SqliteStore, own_thread
from syncline.store.trouble import DAMAGED, FOREIGN, NEWER, OLDER, UNREACHABLE, os_trouble, state_error, translated
from syncline.trees import Store

APPLICATION_ID = 0x53594E43  # in the file's header: this database is a Syncline state

_MEMORY = {"", ":memory:"}
_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a journal row must survive a power cut before its write is sent
    "PRAGMA journal_size_limit = 67108864",
)
_SETTINGS_OF_ALL = ("PRAGMA cache_size = -65536", "PRAGMA temp_store = MEMORY")
_CHANGED = "it is not as it was left"
_PAGE_BYTES = 8192  # measured: commits 100,000 mirror rows in 0.8 s; 4,096 takes 1.3 s, 16,384 0.7 s


async def open_store(url: str, clock: Clock, *, read_only: bool = False, check: bool = True) -> Store:
    """Open the state at `sqlite:///path` or `postgresql://user@host/database` (made if absent), or `:memory:`.

    One process at a time opens a file for writing, a database as many as there are; `read_only` opens it beside them
    and never makes or migrates it. `check=False` leaves out the comparison of a file with its seal for a reader in a
    hurry.

    Raises:
        ConfigError: no URL of a store we have.
        StateError: held by another process (SYN-701), damaged (SYN-702), disk full (SYN-703), written by a newer
            release (SYN-704), not to be opened (SYN-705), not ours (SYN-707); for a reader also too old (SYN-708).
    """
    if is_postgres(url):
        from syncline.store.postgres.opening import open_postgres  # its driver takes a while to load

        return await open_postgres(url, clock, read_only=read_only)
    path = _path_of(url)
    if path is None:
        return _open_memory(clock)
    if read_only:
        return _open_reader(path, clock, check)
    return _open_writer(path, clock, check)


async def is_untouched(url: str) -> bool:
    """Whether no state was ever made there: looking at it then shows an empty one and leaves nothing behind."""
    if is_postgres(url):
        from syncline.store.postgres import opening

        return await opening.is_untouched(url)
    path = _path_of(url)
    return path is not None and not path.exists() and not claim_path(path).exists()


def _path_of(url: str) -> Path | None:
    """The file a URL names; None for memory."""
    if url == ":memory:":
        return None
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername != "sqlite":
        kind = "it is not a URL" if parsed is None else f"there is no store for {parsed.drivername}"
        raise ConfigError(
            f"The state's URL cannot be used: {kind}.",
            code="SYN-170",
            remedy="Write sqlite:///path/to/state.db, or postgresql://user@host/database.",
        )
    return None if (parsed.database or "") in _MEMORY else Path(parsed.database or "").resolve()


def _connect(target: str) -> sqlite3.Connection:
    connection = sqlite3.connect(target, uri=True, isolation_level=None, check_same_thread=False)
    try:
        for setting in _SETTINGS_OF_ALL:
            connection.execute(setting)
    except BaseException:
        connection.close()
        raise
    return connection


def _open_memory(clock: Clock) -> SqliteStore:
    # No thread: a simulation stays in the order its seed gives.
    connection = _connect(":memory:")
    migrations.create(connection)
    return SqliteStore(connection, where="in memory", clock=clock)


def _open_reader(path: Path, clock: Clock, check: bool) -> SqliteStore:
    note = read_note(path)
    if not path.is_file() and not note.has_state:
        raise state_error(UNREACHABLE, str(path), detail="there is no such file")
    try:
        _require_undamaged(path, note, check)
    except StateError:
        # A seal that went away meanwhile means that a writer came, not that the file is damaged.
        if read_note(path).seal == note.seal:
            raise
    with translated(str(path)):
        connection = _connect(f"file:{quote(str(path))}?mode=ro")
        try:
            _require_version(connection, path)
            if migrations.version_of(connection) != migrations.HEAD:
                raise state_error(OLDER, str(path))
        except BaseException:
            connection.close()
            raise
    return SqliteStore(connection, where=str(path), clock=clock, thread=own_thread())


def _open_writer(path: Path, clock: Clock, check: bool) -> SqliteStore:
    claim = Claim.take(path, since=clock.now().isoformat(timespec="seconds"))
    try:
        sealed = _require_undamaged(path, claim.before, check)
        connection = _prepare(path, claim, sealed)
    except BaseException:
        claim.release()
        raise
    return SqliteStore(
        connection,
        where=str(path),
        clock=clock,
        thread=own_thread(),
        closing=lambda: _close(path, connection, claim),
    )


def _require_undamaged(path: Path, note: Note, check: bool) -> bool:
    """Whether the file is as it was left; False if nobody can tell without reading it. StateError if it is not."""
    size_bytes = path.stat().st_size if path.is_file() else 0
    if note.has_state and not size_bytes:
        raise state_error(DAMAGED, str(path), detail="it is empty or gone")
    if note.seal is None:
        return not size_bytes
    if check and (size_bytes != note.seal.size_bytes or seal_of(path) != note.seal):
        raise state_error(DAMAGED, str(path), detail=_CHANGED)
    return True


def _prepare(path: Path, claim: Claim, sealed: bool) -> sqlite3.Connection:
    """A connection to a file that is ours, whole and of the current version."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # values of people: for the owner's eyes
    except OSError as error:
        raise os_trouble(error, str(path)) from error
    with translated(str(path)):
        connection = _connect(f"file:{quote(str(path))}?mode=rw")
        try:
            _require_version(connection, path)
            if not sealed:
                _require_integrity(connection, path)
            claim.unseal()
            _bring_up(connection)
            claim.note_state()
        except BaseException:
            connection.close()
            raise
    return connection


def _require_version(connection: sqlite3.Connection, path: Path) -> None:
    if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        return
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise state_error(FOREIGN, str(path))
    if migrations.version_of(connection) > migrations.HEAD:
        raise state_error(NEWER, str(path), evidence=f"{migrations.version_of(connection)} > {migrations.HEAD}")


def _require_integrity(connection: sqlite3.Connection, path: Path) -> None:
    found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
    if found != ["ok"]:
        raise state_error(DAMAGED, str(path), evidence="; ".join(found))


def _bring_up(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # heeded by a new file only
    for setting in _SETTINGS:
        connection.execute(setting)
    if migrations.version_of(connection) != migrations.HEAD:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrations.upgrade(connection)


def _close(path: Path, connection: sqlite3.Connection, claim: Claim) -> None:
    """Close and seal. With a reader beside us the log stays, nothing is sealed, and the next opening checks in full."""
    try:
        with translated(str(path)):
            try:
                connection.execute("PRAGMA busy_timeout = 0")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()
        log = path.with_name(path.name + "-wal")
        if not log.exists() or not log.stat().st_size:
            claim.seal(seal_of(path))
    finally:
        claim.release()
