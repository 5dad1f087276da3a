"""The configuration file: one YAML document, checked strictly. Its JSON Schema is generated from these types.

Lives here: what a person writes. Not here: presets and defaults (`presets`), the resolved model (`model`), or reading
secrets (`secrets.py`): the file holds references, never a secret.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import msgspec
import yaml

from syncline.errors import ConfigError
from syncline.spec.model import Blanks, Creates, Direction, Drift, LeavesFilter, Overridden, Policy


class FieldFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One field map. `a` and `b` name a field, or one per object type; `to_b` and `to_a` are SQL expressions."""

    a: str | dict[str, str] | None = None
    b: str | dict[str, str] | None = None
    to_b: str | None = None
    to_a: str | None = None
    direction: Direction | None = None
    policy: Policy | dict[str, Policy] | None = None
    first_link: Policy | None = None
    tie: str | None = None
    blanks: Blanks | None = None
    drift: Drift | None = None
    overridden: Overridden | None = None
    group: str | None = None
    atomic: bool | None = None
    guarded: bool | None = None
    create_only: bool | None = None
    default_a: str | None = None
    default_b: str | None = None


class SideFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One side of a sync. `filter` is a SQL predicate, or one per object type."""

    connection: str
    objects: list[str] | None = None
    filter: str | dict[str, str] | None = None
    creates: Creates | None = None


class CeilingFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    share: float
    plus: int


class SyncFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A sync between two connections. `fields` adds to the preset's map or changes it; `false` switches one off.

    `sweep_formulas_every` ("24h") reads objects with mapped formula fields whole that often: a formula's new result
    moves no stamp. Without it such a change is seen when something else touches the record.
    """

    a: str | SideFile
    b: str | SideFile
    preset: str = "recommended"
    fields: dict[str, FieldFile | bool] = {}
    first_link: Policy | None = None
    leaves_filter: LeavesFilter | None = None
    ceilings: dict[str, CeilingFile | bool] = {}
    sweep_formulas_every: str | None = None


class File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The whole file. A connection has a `type` and that connector's settings."""

    connections: dict[str, dict[str, str | int | bool]]
    syncs: dict[str, SyncFile]
    state: str = "sqlite:///syncline.db"


def load(path: Path) -> File:
    """Read and check the file.

    Raises ConfigError: SYN-110 no such file, SYN-111 not YAML, SYN-112 a key or value that is not known (with the
    nearest known key).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"There is no {path}.", code="SYN-110", remedy="Run `syncline init` to make one.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", code="SYN-110") from error
    return parse(text, str(path))


def parse(text: str, source: str = "the configuration") -> File:
    """`load` for a text."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source} is not valid YAML: {error}", code="SYN-111") from error
    try:
        return msgspec.convert(raw, File)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_in_words(str(error), raw)}", code="SYN-112") from error


_KNOWN_KEYS = {
    kind.__name__: tuple(kind.__struct_fields__) for kind in (File, SyncFile, SideFile, FieldFile, CeilingFile)
}


def _in_words(message: str, raw: Any) -> str:
    """msgspec's message, with the nearest known key for an unknown one."""
    marker = "contains unknown field `"
    if marker not in message:
        return message + "."
    unknown = message.split(marker)[1].split("`")[0]
    where = message.split(" - at `")[1].rstrip("`").replace("$.", "").replace("$", "") if " - at `" in message else ""
    known = sorted({key for keys in _KNOWN_KEYS.values() for key in keys})
    near = difflib.get_close_matches(unknown, known, n=1)
    place = f" in {where}" if where else ""
    return f"unknown key {unknown!r}{place}." + (f" Did you mean {near[0]!r}?" if near else "")


def json_schema() -> dict[str, Any]:
    """The published JSON Schema of the file."""
    schema = msgspec.json.schema(File)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Syncline configuration", **schema}
