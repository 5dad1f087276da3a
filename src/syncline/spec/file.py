"""The configuration file: one YAML document, checked strictly. Its JSON Schema is generated from these types.

Lives here: what a person writes. Not here: presets and defaults (`presets`), the resolved model (`model`), or reading
secrets (`connectors.settings`): the file holds references, never a secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from syncline.errors import ConfigError
from syncline.spec.model import (
    Blanks,
    Combine,
    Creates,
    Direction,
    Drift,
    EditScope,
    LeavesFilter,
    MappingChange,
    OnDelete,
    OnMerge,
    Overridden,
    Policy,
)
from syncline.spec.presets_match import PRIOR
from syncline.spec.schedule import ScheduleFile
from syncline.spec.shape import Fault, faults_of
from syncline.spec.yaml_text import Document

MOST_FAULTS = 20


def _about(words: str) -> msgspec.Meta:
    """What a key means, for the JSON Schema and docs/reference/configuration.md."""
    return msgspec.Meta(description=words)


class FieldFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One field map: which field pairs with which, and who decides. Under a preset's key it changes that map; under a
    new key it adds one, and then both ends are needed."""

    a: Annotated[str | dict[str, str] | None, _about("The field on side a, or one per object type.")] = None
    b: Annotated[str | dict[str, str] | None, _about("The field on side b, or one per object type.")] = None
    to_b: Annotated[str | None, _about("SQL expression over side a's fields that gives the value for side b.")] = None
    to_a: Annotated[str | None, _about("SQL expression over side b's fields that gives the value for side a.")] = None
    direction: Annotated[Direction | None, _about("Which way the field flows.")] = None
    policy: Annotated[
        Policy | dict[str, Policy] | None,
        _about("Who wins when both sides changed it to different values; or one per object type of side a."),
    ] = None
    first_link: Annotated[
        Policy | None, _about("Who wins when two records are linked for the first time; by default the sync's.")
    ] = None
    tie: Annotated[Literal["a", "b"] | None, _about("Who wins where the policy cannot tell.")] = None
    blanks: Annotated[Blanks | None, _about("Whether a change to empty clears the other side or is kept apart.")] = None
    drift: Annotated[Drift | None, _about("One-way fields: what a change on the target's side alone does.")] = None
    overridden: Annotated[
        Overridden | None, _about("What happens when a flow of the target replaces the value we wrote.")
    ] = None
    on_mapping_change: Annotated[
        MappingChange | None,
        _about("What a change of this field map does to pairs that agreed; else the sync's."),
    ] = None
    group: Annotated[str | None, _about("Fields of one group are decided together if one of them is atomic.")] = None
    atomic: Annotated[bool | None, _about("Decide the whole group together, as an address.")] = None
    on_merge: Annotated[
        Combine | None, _about("What the winner of a merge holds: its own value, or the losers' numbers with its own.")
    ] = None
    guarded: Annotated[bool | None, _about("Read it once more just before it is written.")] = None
    create_only: Annotated[bool | None, _about("Written into new records only, never by an update.")] = None
    default_a: Annotated[str | None, _about("What a new record on side a gets where it has none.")] = None
    default_b: Annotated[str | None, _about("What a new record on side b gets where it has none.")] = None


class SideFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One side of a sync."""

    connection: Annotated[str, _about("The connection's name.")]
    objects: Annotated[list[str] | None, _about("The object types that take part; by default the preset's.")] = None
    filter: Annotated[
        str | dict[str, str] | None,
        _about("SQL predicate: only records for which it is true take part; or one per object type."),
    ] = None
    creates: Annotated[
        Creates | None, _about("Whether this side's records without a partner become new ones on the other side.")
    ] = None


class CeilingFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Most actions of a kind in one run; above it all of that kind are held for a person."""

    share: Annotated[float, msgspec.Meta(ge=0, le=1, description="Of the linked records, 0 to 1.")]
    plus: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000, description="So many more.")]


class OnDeleteFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a proven delete on a side does to the counterpart on the other side: `flag` lets only mapped facts flow
    (that it was deleted), `delete` deletes it too (under the ceiling), `unlink` leaves it, `hold` asks a person,
    `recreate` makes the deleted one anew with the counterpart's next edit."""

    a: Annotated[OnDelete | None, _about("After a delete on side a; by default the preset's.")] = None
    b: Annotated[OnDelete | None, _about("After a delete on side b; by default the preset's.")] = None


class ProbabilisticFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Weigh pairs that no rule before has linked by probability, with Splink (`pip install 'syncline[probabilistic]'`).
    Uncertain pairs are held for a person."""

    link_above: Annotated[
        float, msgspec.Meta(ge=0, le=1, description="Link a pair from this probability on, if it is unique both ways.")
    ] = 0.99
    hold_above: Annotated[
        float, msgspec.Meta(ge=0, le=1, description="Hold a pair from this probability on; below it nobody was found.")
    ] = 0.5
    prior: Annotated[
        float,
        msgspec.Meta(
            ge=1e-9,
            le=0.5,
            description="The probability that any two records, one of each side, are the same person: with 50,000 "
            "people on both sides 1 in 50,000, 0.00002.",
        ),
    ] = PRIOR


class SyncFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A sync between two connections."""

    a: Annotated[str | SideFile, _about("The Salesforce side: a connection's name, or more about it.")]
    b: Annotated[str | SideFile, _about("The Marketo side: a connection's name, or more about it.")]
    preset: Annotated[str, _about("`recommended`, or `native` to behave as the vendor's own sync.")] = "recommended"
    fields: Annotated[
        dict[str, FieldFile | bool], _about("Changes of the preset's field map and additions to it; `false` drops one.")
    ] = {}
    first_link: Annotated[
        Policy | None, _about("Who wins where two records differ when they are linked for the first time.")
    ] = None
    leaves_filter: Annotated[
        LeavesFilter | None, _about("What happens to a linked record that no longer passes the filter.")
    ] = None
    on_delete: Annotated[OnDeleteFile | None, _about("What a delete on one side does to the other.")] = None
    on_merge: Annotated[
        OnMerge | None, _about("Whether persons merged on one side are merged on the other, or held for a person.")
    ] = None
    on_mapping_change: Annotated[
        MappingChange | None,
        _about(
            "What a change of a field's ends or expressions does to pairs that agreed: `keep` (the default) leaves "
            "both values as they are and writes nothing, `reapply` carries them over anew, under plan and ceilings."
        ),
    ] = None
    edit_applies_to: Annotated[
        EditScope | None,
        _about(
            "Whom an edit of filter, field or rule is for: `all` records once, under plan and ceilings, or `changes`, "
            "the records that change from then on. Without it, `run`, `up` and `worker` ask on a terminal and take "
            "`all` elsewhere."
        ),
    ] = None
    ceilings: Annotated[
        dict[str, CeilingFile | bool],
        _about("Most `create`, `blank` and `delete` actions of a run; `false`: no ceiling."),
    ] = {}
    probabilistic: Annotated[
        ProbabilisticFile | None, _about("A last match rule, by probability; without it there is none.")
    ] = None
    sweep_formulas_every: Annotated[
        str | None,
        _about(
            "Read objects with mapped formula fields whole that often (`24h`): a formula's new result moves no stamp. "
            "Without it such a change is seen when something else touches the record."
        ),
    ] = None
    audit_share: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            le=1,
            description="What rolling verification may use of each system's day of calls, 0 to 1: it reads pair after "
            "pair anew and says how many agree. 0 switches it off.",
        ),
    ] = 0.02
    schedule: Annotated[
        ScheduleFile | None,
        _about("When it runs under `syncline up` and `syncline worker`; by default again and again, every 5 minutes."),
    ] = None


class KeepFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """How long the history of runs is kept. What runs did to records is kept elsewhere, and longer."""

    runs_days: Annotated[float, msgspec.Meta(ge=1, le=36500, description="Runs, as `syncline runs` lists them.")] = 90.0
    units_days: Annotated[
        float,
        msgspec.Meta(ge=1, le=36500, description="Their units, workers that are no more, and the runtime's own rows."),
    ] = 2.0


class File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The whole file."""

    connections: Annotated[
        dict[str, dict[str, str | int | float | bool]],
        _about("By name: a `type` (salesforce, marketo) and that connector's settings, secrets as references."),
    ]
    syncs: Annotated[dict[str, SyncFile], _about("By name: at most 40 letters, digits, - and _.")]
    state: Annotated[str, _about("Where the state is kept; a relative path counts from this file's folder.")] = (
        "sqlite:///syncline.db"
    )
    keep: Annotated[KeepFile, _about("How long the history of runs is kept.")] = msgspec.field(default_factory=KeepFile)


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
