"""The configuration file: one YAML document, checked strictly. Its JSON Schema is generated from these types.

Lives here: what a person writes. Not here: presets and defaults (`presets`), the resolved model (`model`), or reading
secrets (`secrets.py`): the file holds references, never a secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from syncline.errors import ConfigError
from syncline.spec.model import Blanks, Creates, Direction, Drift, LeavesFilter, Overridden, Policy
from syncline.spec.shape import Fault, faults_of
from syncline.spec.yaml_text import Document

MOST_FAULTS = 20


class FieldFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One field map. `a` and `b` name a field, or one per object type; `to_b` and `to_a` are SQL expressions."""

    a: str | dict[str, str] | None = None
    b: str | dict[str, str] | None = None
    to_b: str | None = None
    to_a: str | None = None
    direction: Direction | None = None
    policy: Policy | dict[str, Policy] | None = None
    first_link: Policy | None = None
    tie: Literal["a", "b"] | None = None
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
    """Most actions of a kind in one run: `share` (0 to 1) of the linked records, plus `plus`."""

    share: Annotated[float, msgspec.Meta(ge=0, le=1)]
    plus: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


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

    connections: dict[str, dict[str, str | int | float | bool]]
    syncs: dict[str, SyncFile]
    state: str = "sqlite:///syncline.db"


def load(path: Path) -> File:
    """Read and check the file.

    Raises ConfigError: SYN-110 no such file, SYN-111 not YAML we take, SYN-112 keys or values that may not stand where
    they stand, all of them at once, each with its path, line and the nearest known key.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"There is no {path}.", code="SYN-110", remedy="Run `syncline init` to make one.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", code="SYN-110") from error
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} is not UTF-8"
        raise ConfigError(f"{path} is not text: {where}.", code="SYN-111", remedy="Save it as UTF-8.") from None
    return parse(text, str(path))


def parse(text: str, source: str = "the configuration") -> File:
    """`load` for a text."""
    document = Document(text, source)
    if document.content is None:
        raise ConfigError(f"{source} is empty.", code="SYN-112", remedy="`syncline init` writes one to begin with.")
    if faults := list(faults_of(document.content, File)):
        raise ConfigError(
            "\n".join(_in_words(fault, document, source) for fault in faults[:MOST_FAULTS]),
            code="SYN-112",
            remedy=f"… and {len(faults) - MOST_FAULTS} more." if len(faults) > MOST_FAULTS else None,
        )
    return msgspec.convert(document.content, File)


def _in_words(fault: Fault, document: Document, source: str) -> str:
    line = document.line(fault.path)
    where = ", ".join([source, *([f"line {line}"] if line else [])])
    path = ".".join(str(step)[:60] for step in fault.path)
    return (
        f"{where}: "
        + ": ".join([*([path] if path else []), fault.message])
        + ". " * bool(fault.hint)
        + (fault.hint or ".")
    )


def json_schema() -> dict[str, Any]:
    """The published JSON Schema of the file."""
    schema = msgspec.json.schema(File)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Syncline configuration", **schema}
