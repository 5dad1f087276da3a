"""A backup file: one line that says what it is, then a state file, compressed. Written whole or not at all.

The line holds the checksum of what follows, so that a damaged file is known before anything is made of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from syncline.errors import StateError
from syncline.store import migrations
from syncline.store.shelves import Content
from syncline.store.trouble import os_trouble

NOT_A_BACKUP = "SYN-721"
_MAGIC = "syncline-backup"
_FORMAT = 1
_CHUNK_BYTES = 1 << 20
_LONGEST_LINE = 1 << 20


def write(file: Path, state: Path, tables: Mapping[str, Content], made_at: str) -> None:
    """Pack the state file into *file*, which must not exist; mode 0600, durable when this returns."""
    body, draft = state.with_name("body"), state.with_name("draft")
    try:
        digest = hashlib.sha256()
        with body.open("wb") as packed:
            for chunk in _compressed(state):
                digest.update(chunk)
                packed.write(chunk)
        said = {
            "format": _FORMAT,
            "version": migrations.HEAD,
            "made_at": made_at,
            "sha256": digest.hexdigest(),
            "rows": {name: content.rows for name, content in tables.items()},
        }
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as whole:
            whole.write(f"{_MAGIC} {json.dumps(said, sort_keys=True)}\n".encode())
            with body.open("rb") as packed:
                while chunk := packed.read(_CHUNK_BYTES):
                    whole.write(chunk)
            whole.flush()
            os.fsync(whole.fileno())
        os.link(draft, file)  # unlike a rename, it never takes the place of a file that came meanwhile
        _make_durable(file.parent)
    except OSError as error:
        raise os_trouble(error, str(file)) from error


def unpack(file: Path, state: Path) -> dict[str, int]:
    """Unpack the state file to *state*; the number of rows by table that the backup says it holds.

    StateError SYN-721 if the file is no backup, or is not as it was written; SYN-705 if it cannot be read.
    """
    try:
        with file.open("rb") as packed:
            said = _said(file, packed.readline(_LONGEST_LINE))
            digest, unzip = hashlib.sha256(), zlib.decompressobj()
            with os.fdopen(os.open(state, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as whole:
                while chunk := packed.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    whole.write(unzip.decompress(chunk))
                whole.write(unzip.flush())
    except zlib.error as error:
        raise _damaged(file, "it does not unpack") from error
    except OSError as error:
        raise os_trouble(error, str(file)) from error
    if digest.hexdigest() != said["sha256"] or not unzip.eof:
        raise _damaged(file, "it is not as it was written")
    return {str(name): int(count) for name, count in said["rows"].items()}


def _said(file: Path, line: bytes) -> dict[str, Any]:
    magic, _, rest = line.partition(b" ")
    if magic != _MAGIC.encode():
        raise _damaged(file, "it is no backup of Syncline")
    try:
        said = json.loads(rest)
        is_whole = isinstance(said["sha256"], str) and isinstance(said["rows"], dict)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(file, "its first line is damaged") from error
    if not is_whole or said.get("format") != _FORMAT:
        raise _damaged(file, "its first line is damaged, or of a newer release")
    return dict(said)


def _compressed(state: Path) -> Iterator[bytes]:
    zipped = zlib.compressobj(1)  # measured: a third of the size at a disk's speed; more costs time and saves little
    with state.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield zipped.compress(chunk)
    yield zipped.flush()


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(file: Path, why: str) -> StateError:
    return StateError(
        f"{file} cannot be restored: {why}.",
        code=NOT_A_BACKUP,
        remedy="Nothing was made of it. Take another backup, or another copy of this one.",
    )
