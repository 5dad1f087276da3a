"""The side file `<state file>.claim`: who is writing the state, and what it looked like when it was last closed.

The claim is an operating-system lock on that file, so a crash releases it. Its content is a note for people and for
the next opening: pid, host and since when; whether there ever was a state; and the *seal*, length and CRC-32 of the
state file after a clean close, null while somebody writes. Comparing the seal finds every change made to a closed
file, down to one bit (measured: 2 GB a second). A file without a seal was not closed cleanly.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from syncline.errors import StateError
from syncline.store.trouble import HELD, os_trouble

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Seal:
    """What a cleanly closed state file is like."""

    size_bytes: int
    crc32: int


@dataclass(frozen=True, kw_only=True)
class Note:
    """The claim file's content."""

    pid: int = 0
    host: str = ""
    since: str = ""
    has_state: bool = False
    seal: Seal | None = None


def claim_path(path: Path) -> Path:
    return path.with_name(path.name + ".claim")


def seal_of(path: Path) -> Seal:
    """Read the whole file."""
    size_bytes, crc32 = 0, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            size_bytes += len(chunk)
            crc32 = zlib.crc32(chunk, crc32)
    return Seal(size_bytes=size_bytes, crc32=crc32)


def read_note(path: Path) -> Note:
    """The note beside *path*. An absent or torn one says nothing: no seal, so the state will be checked in full."""
    try:
        found = json.loads(claim_path(path).read_text(encoding="utf-8"))
        seal = found.pop("seal")
        return Note(**found, seal=None if seal is None else Seal(**seal))
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return Note()


class Claim:
    """The exclusive right to write one state file, held until `release` or the end of the process."""

    def __init__(self, path: Path, descriptor: int, before: Note, note: Note) -> None:
        self._path = path
        self._descriptor = descriptor
        self.before = before
        self._note = note

    @classmethod
    def take(cls, path: Path, *, since: str) -> Claim:
        """Claim *path*. StateError if another process, or this one, holds it."""
        try:
            descriptor = os.open(claim_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise os_trouble(error, str(path)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _held(path, read_note(path)) from None
        before = read_note(path)
        note = replace(before, pid=os.getpid(), host=socket.gethostname(), since=since)
        claim = cls(path, descriptor, before, note)
        try:
            claim._write(note)
        except BaseException:
            claim.release()
            raise
        return claim

    def unseal(self) -> None:
        """The state is about to be written: from now on only a clean close makes a seal."""
        self._write(replace(self._note, seal=None))

    def note_state(self) -> None:
        """The file holds a state: from now on an empty file is a damaged one."""
        if not self._note.has_state:
            self._write(replace(self._note, has_state=True))

    def seal(self, seal: Seal) -> None:
        self._write(replace(self._note, seal=seal))

    def _write(self, note: Note) -> None:
        """Put the note down in place: the lock belongs to this very file, which therefore is never replaced."""
        try:
            text = json.dumps(asdict(note)).encode()
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))
            os.fsync(self._descriptor)
        except OSError as error:
            raise os_trouble(error, str(self._path)) from error
        self._note = note

    def release(self) -> None:
        os.close(self._descriptor)


def _held(path: Path, note: Note) -> StateError:
    if note.pid == os.getpid():
        holder, remedy = "this process", "Close the store that is open before opening it again."
    elif note.pid:
        holder = f"process {note.pid} on {note.host}, since {note.since}"
        remedy = f"Wait until it ends, or stop it (kill {note.pid}); reading commands such as status work meanwhile."
    else:
        holder, remedy = "a process that has just started", "Wait until it ends, or stop it."
    return StateError(f"The state file {path} is held by {holder}.", code=HELD, remedy=remedy)
