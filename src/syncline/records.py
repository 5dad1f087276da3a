"""What travels between rooms: references, pages of observations, writes and their outcomes. Frozen data, no I/O.

Tables are Polars frames (Arrow in memory). Columns whose name starts with "_" are ours; every other column of a page
is a field of the vendor's object holding canonical cells (see `values`: None unread, "" empty).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NewType

import polars as pl

LinkId = NewType("LinkId", int)
Side = Literal["a", "b"]
SIDES: tuple[Side, Side] = ("a", "b")


def other(side: Side) -> Side:
    return "b" if side == "a" else "a"


# Columns of every page, before the cells. Instants are microseconds since 1970, UTC.
ID = "_id"
STAMP = "_stamp_us"  # the vendor's version stamp of the record; null if it gives none
ACTOR = "_actor"  # who changed it last, in the vendor's id; null if it does not say
CREATED = "_created_us"  # null if it does not say
DELETED = "_deleted"  # true for a recycle-bin row or a proven delete
AS_OF = "_as_of_us"  # when the request that read this row was sent; an extract: when its job was created

PAGE_SCHEMA: dict[str, pl.DataType] = {
    ID: pl.String(),
    STAMP: pl.Int64(),
    ACTOR: pl.String(),
    CREATED: pl.Int64(),
    DELETED: pl.Boolean(),
    AS_OF: pl.Int64(),
}

# Evidence of single changes (activities, field history, events): when one field changed, from what to what, by whom.
MOMENT_SCHEMA: dict[str, pl.DataType] = {
    ID: pl.String(),
    "field": pl.String(),
    "at_us": pl.Int64(),
    "actor": pl.String(),
    "origin": pl.String(),  # the vendor's request or transaction id, where it says; null else
    "old": pl.String(),
    "new": pl.String(),
    "is_person": pl.Boolean(),  # certainly an act of a person, not of a rule, import or program; null: cannot be told
}


class Fate(enum.StrEnum):
    """Why a record is no longer itself. A delete without an heir is told by `_deleted` alone."""

    MERGED = "merged"  # the vendor removed it in favour of the heir
    CONVERTED = "converted"  # it lives on, read-only, as the heir


# What became of records of a page that ended in another one. A row of the page without a fate has none (any more).
FATE_SCHEMA: dict[str, pl.DataType] = {
    ID: pl.String(),
    "fate": pl.String(),  # Fate
    "heir_type": pl.String(),  # the heir's object type
    "heir_id": pl.String(),
    "at_us": pl.Int64(),  # when it happened, as the vendor says; null if it does not
    "actor": pl.String(),  # who did it, in the vendor's id; null if it does not say
}


class How(enum.StrEnum):
    """How we know what a mirror row says."""

    POLL = "poll"
    READ_BACK = "read_back"
    BACKFILL = "backfill"
    EVENT = "event"
    WRITE = "write"  # assumed: sent by us, not read yet


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of observations of one object type.

    `rows` has the columns of PAGE_SCHEMA and one per field in `fields`. `hidden` names the fields that were asked for
    and that the connected user may not read. `moments` (MOMENT_SCHEMA) is evidence that came along; `fates`
    (FATE_SCHEMA) says which rows of this page ended in another record: each of them has a row here, a deleted one
    too; `missing` are ids asked for by id that were not found; `unreadable` are rows that could not be translated,
    with the reason; `ours` are cells (record id, field) that an event proves to be set by a call of ours.
    `next_cursor` resumes *after* this page: store it in the transaction that stores the rows.
    """

    object_type: str
    rows: pl.DataFrame
    fields: tuple[str, ...]
    how: How
    next_cursor: str | None = None
    has_more: bool = False
    hidden: frozenset[str] = frozenset()
    moments: pl.DataFrame | None = None
    fates: pl.DataFrame | None = None
    missing: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    ours: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row we received and could not translate: kept and shown, never dropped."""

    record_id: str | None
    reason: str
    raw: str  # what was received, cut at 4,000 characters


class EventKind(enum.StrEnum):
    """What an event of a change stream tells."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNDELETE = "undelete"
    GAP = "gap"  # something happened to these records, and the event does not say what
    OVERFLOW = "overflow"  # more happened to the object than is told; nothing says to which records
    UNREADABLE = "unreadable"  # it came and could not be translated: `reason`


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One change as a stream tells it, of one or several records that changed alike.

    `cells` are the fields asked for that changed, canonical ("" cleared); of a create every one the event can show.
    `needs_reading` says that the event is not all there is to know of the records (a value it does not carry, a record
    that became another one): they have to be read.
    """

    object_type: str
    kind: EventKind
    position: str  # of this event; resuming there brings what came after it
    committed_us: int  # when it became readable, by the vendor's clock
    record_ids: tuple[str, ...] = ()
    cells: Mapping[str, str] = field(default_factory=dict)
    sequence: int = 0  # order inside the transaction
    stamp_us: int | None = None  # the version stamp the change gave the record; None if the event does not carry it
    created_us: int | None = None
    actor: str | None = None  # in the vendor's id
    transaction: str | None = None
    is_ours: bool = False  # certainly made by a call of ours
    is_person: bool | None = None  # certainly an act of a person, or certainly none; None: it cannot be told
    needs_reading: bool = False
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class EventBatch:
    """Events of one channel in the order they came. `position` is where to resume once they are stored, also where
    there are none (a sign of life); None at the opening of a stream that began at its newest end."""

    channel: str
    events: tuple[Event, ...] = ()
    position: str | None = None


class Operation(enum.StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"  # `others` end in `record_id`, which then holds `cells`
    CONVERT = "convert"  # `record_id` becomes the record that `options` name, or a new one
    UNDELETE = "undelete"  # `record_id` is taken out of the recycle bin


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """One record to write. `cells` are canonical ("" clears). Results come in the order of the writes.

    A create carries `key_field` and `key`: our key, enforced unique by the target where it can be.
    `unmodified_since_us` asks for compare-and-set where the connector declares it. `options` are instructions that are
    no fields: their names are the operation's own (`ConvertOption`; on a create `ASSIGN_BY_RULES`).
    """

    operation: Operation
    object_type: str
    cells: Mapping[str, str]
    record_id: str | None = None
    key_field: str | None = None
    key: str | None = None
    unmodified_since_us: int | None = None
    others: tuple[str, ...] = ()  # merge: the records that end
    options: Mapping[str, str] = field(default_factory=dict)


class ConvertOption(enum.StrEnum):
    """Names of `Write.options` of a conversion; each may be absent. Flags are "true" or "false"."""

    STATUS = "status"  # the converted status; absent: the vendor's default
    OWNER = "owner"  # owner of what is made; absent: the converted record's
    ACCOUNT = "account"  # an existing account; absent: a new one
    CONTACT = "contact"  # an existing contact (of that account); absent: a new one
    OPPORTUNITY = "opportunity"  # name of an opportunity to make; absent: none is made
    NOTIFY_OWNER = "notify_owner"  # mail the owner; absent: false


ASSIGN_BY_RULES = "assign_by_rules"
"""`Write.options` of a create: "true" lets the target's own assignment rules choose the owner."""

ALLOW_DUPLICATES = "allow_duplicates"
"""`Write.options` of a create, merge or conversion: "true" passes a rule of the target that only warns of duplicates.
Absent, the write is refused and its outcome names the candidates."""


class Status(enum.StrEnum):
    """What happened to one write. Unknown is resolved by reading, never by sending again."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the vendor said of one write.

    `code` and `message` are the vendor's own; `fields` names the culprits where it says; `is_permanent` tells a refusal
    that needs a person or a change from one that may pass later (a locked row). `candidates` are ids when a key fitted
    several records.
    """

    status: Status
    record_id: str | None = None
    was_created: bool = False
    code: str | None = None
    message: str | None = None
    fields: tuple[str, ...] = ()
    is_permanent: bool = True
    is_gone: bool = False  # the record no longer exists at the target (deleted or merged away)
    is_stale: bool = False  # compare-and-set refused: the record moved
    candidates: tuple[str, ...] = ()
    made: Mapping[str, str] = field(default_factory=dict)  # conversion: object type -> id of what it made or used


@dataclass(frozen=True, kw_only=True)
class WriteAnswer:
    """Outcomes in the order of the writes, and what the same call read back, if the connector reads inside it."""

    outcomes: tuple[Outcome, ...]
    confirmed: Page | None = None
    origin: str | None = None  # the vendor's request id of the call, to recognise our own activities


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing `check` found. A problem says what, where and the remedy; `blocks` tells an error from a warning."""

    code: str
    subject: str
    message: str
    remedy: str
    blocks: bool = True


@dataclass(frozen=True, kw_only=True)
class NewField:
    """A custom field Syncline would like to exist on a vendor's object."""

    object_type: str
    name: str
    label: str
    type: str = "text"
    length: int = 255
    is_unique: bool = False
    purpose: str = field(default="")
