"""Keys of stored secrets: read from the environment or a file, made, and replaced in their file.

Lives here: `Key`, `Keys`, and the only place that reads or writes a key. Not here: what is sealed with it (`box`).

A text of keys holds one key a line (or separated by commas or blanks), the newest first: the first seals, all open. A
key is 32 random bytes in URL-safe base64. The file must be its owner's alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from syncline.errors import ConfigError

KEY, KEY_FILE = "SYNCLINE_KEY", "SYNCLINE_KEY_FILE"
KEY_BYTES = 32
_OTHERS = 0o077
_MOST_BYTES = 10_000


@dataclass(frozen=True)
class Key:
    """One key. `id` names it in the state and tells nothing about it."""

    material: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hashlib.blake2b(self.material, digest_size=4, person=b"syncline key id").hexdigest()

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(self.material).decode()


@dataclass(frozen=True, kw_only=True)
class Keys:
    """`all`: the newest first, at least one. `path`: the file they came from; None: the environment."""

    all: tuple[Key, ...]
    path: Path | None = None

    @property
    def newest(self) -> Key:
        return self.all[0]

    def of(self, key_id: str) -> Key | None:
        return next((key for key in self.all if key.id == key_id), None)


def new_key() -> Key:
    return Key(os.urandom(KEY_BYTES))


def keys_from(environ: Mapping[str, str]) -> Keys:
    """The keys that `SYNCLINE_KEY` holds or that the file `SYNCLINE_KEY_FILE` holds.

    Raises ConfigError: SYN-185 neither is set, SYN-186 what is there cannot be used.
    """
    if text := environ.get(KEY, "").strip():
        return Keys(all=_parsed(text, f"The variable {KEY}"))
    if name := environ.get(KEY_FILE, "").strip():
        path = Path(name)
        return Keys(all=_parsed(_read(path), f"The key file {path}"), path=path)
    raise ConfigError("Stored secrets need a key, and none is given.", code="SYN-185")


def make_key_file(path: Path) -> Key:
    """Write a new key into a new file, readable by its owner alone. SYN-186: it is there already, or cannot be made."""
    key = new_key()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key.text + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise ConfigError(
            f"{path} is there already; a key is never overwritten.",
            code="SYN-186",
            remedy="Name a new file, or use `syncline secrets rotate` to replace the key in this one.",
        ) from None
    except OSError as error:
        raise ConfigError(f"The key file {path} cannot be made: {error.strerror}.", code="SYN-186") from error
    return key


def replace_keys(path: Path, keys: Sequence[Key]) -> None:
    """Put *keys* in the place of those in the file: after a crash either all old or all new ones are there."""
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600 by its contract
        try:
            with os.fdopen(handle, "w") as file:
                file.write("".join(f"{key.text}\n" for key in keys))
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigError(f"The key file {path} cannot be written: {error.strerror}.", code="SYN-186") from error


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            rights = os.fstat(file.fileno()).st_mode & 0o777
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise ConfigError(f"The key file {path} cannot be read: {error.strerror}.", code="SYN-186") from error
    if rights & _OTHERS:
        raise ConfigError(
            f"The key file {path} is open to others than its owner (its rights are {rights:04o}).",
            code="SYN-186",
            remedy=f"Run chmod 600 {path}; if somebody may have read it, run `syncline secrets rotate` as well.",
        )
    return content.decode("ascii", "replace")


def _parsed(text: str, where: str) -> tuple[Key, ...]:
    """The keys of a text; what it holds instead is never quoted."""
    words = [word for word in re.split(r"[\s,]+", text) if word]
    try:
        found = [Key(base64.b64decode(word, altchars=b"-_", validate=True)) for word in words]
    except (binascii.Error, ValueError):
        found = []
    if not found or any(len(key.material) != KEY_BYTES for key in found):
        raise ConfigError(
            f"{where} holds no key.",
            code="SYN-186",
            remedy="A key is 32 bytes in base64; `syncline secrets key new FILE` makes one.",
        )
    return tuple(dict.fromkeys(found))
