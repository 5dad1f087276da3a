"""Bytes put aside for as long as a job lives: in memory while they are few, else in a temporary file."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterable

_IN_MEMORY = 1 << 16


class Stash:
    """Written once, piece by piece, and read whole as often as wanted. The file vanishes with the stash."""

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed with the stash
        weakref.finalize(self, self._file.close)
        for piece in pieces:
            self.write(piece)

    def write(self, piece: bytes) -> None:
        self._file.write(piece)

    def whole(self) -> bytes:
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        self._file.close()
