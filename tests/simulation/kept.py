"""Prepared grounds on disk, so that the other processes, and the next run, need not prepare them again.

Lives here: keeping one whole or not at all, and finding it again. They lie in .cache/simulation/grounds, below a digest
of everything that they depend on; one that is damaged is none. Not here: how a ground is prepared (`history`).
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from sqlite3 import Connection

import polars as pl

from tests.simulation.many import ROOT, sources

PLACE = ROOT / ".cache" / "simulation" / "grounds"
_SUM_BYTES = 32
_DIGEST = f"{sources()}-{sys.version_info[0]}.{sys.version_info[1]}-{pl.__version__}-{sqlite3.sqlite_version}"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """How a shape's systems and state stood after a first copy, and when."""

    pictures: Mapping[str, Connection]
    key: bytes
    begin_seconds: float


def kept(name: str) -> Prepared | None:
    """What was kept under *name* by the same sources; None if nothing was, or it is damaged."""
    try:
        return _opened(_file(name).read_bytes()) if _is_true_to_sources() else None
    except (OSError, ValueError, LookupError, sqlite3.Error):
        return None


def keep(name: str, prepared: Prepared) -> None:
    """Keep it for the others; on a full disk it is not kept, and grounds of other sources make room."""
    if not _is_true_to_sources() or sources() != _DIGEST.partition("-")[0]:
        return
    try:
        _make_room()
        with tempfile.NamedTemporaryFile(dir=PLACE / _DIGEST, delete=False) as draft:
            draft.write(_packed(prepared))
        os.replace(draft.name, _file(name))
    except OSError:
        return


def _is_true_to_sources() -> bool:
    """Whether what runs is what the files say: not with a planted defect."""
    return not os.environ.get("SYNCLINE_MUTANT")


def _file(name: str) -> Path:
    return PLACE / _DIGEST / name


def _make_room() -> None:
    if not (PLACE / _DIGEST).exists():
        shutil.rmtree(PLACE, ignore_errors=True)
    (PLACE / _DIGEST).mkdir(parents=True, exist_ok=True)


def _packed(prepared: Prepared) -> bytes:
    pictures = {name: connection.serialize() for name, connection in prepared.pictures.items()}
    about = {
        "key": prepared.key.hex(),
        "begin_seconds": prepared.begin_seconds,
        "sizes": {name: len(picture) for name, picture in pictures.items()},
    }
    content = b"".join((json.dumps(about).encode(), b"\n", *pictures.values()))
    return blake2b(content, digest_size=_SUM_BYTES).digest() + content


def _opened(packed: bytes) -> Prepared | None:
    content = packed[_SUM_BYTES:]
    if blake2b(content, digest_size=_SUM_BYTES).digest() != packed[:_SUM_BYTES]:
        return None
    line, _, rest = content.partition(b"\n")
    about = json.loads(line)
    pictures: dict[str, Connection] = {}
    for name, size in about["sizes"].items():
        pictures[name] = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        pictures[name].deserialize(rest[:size])
        pictures[name].execute("SELECT count(*) FROM sqlite_master").fetchone()
        rest = rest[size:]
    return Prepared(pictures=pictures, key=bytes.fromhex(about["key"]), begin_seconds=about["begin_seconds"])
