"""What acting on a person needs to know of a sync's sides: owners, tasks, accounts, conversions. Frozen data.

The preset fills it in, the engine reads it; so the engine knows no vendor's field names. Not here: the actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncline.records import Side


@dataclass(frozen=True, kw_only=True)
class OwnerKind:
    """One kind of record that may own a person. `word` is what a person calls it ("user", "queue")."""

    word: str
    object_type: str
    found_by: tuple[str, ...]  # fields that a name or an address is looked up in, in this order
    owns: frozenset[str]  # object types such a record may own
    shown: str  # the field that names it
    active: str | None = None  # a boolean field that must be true; None: it is always active
    only: Mapping[str, str] = field(default_factory=dict)  # records of the type that do not hold these cells are others


@dataclass(frozen=True, kw_only=True)
class TaskShape:
    """Fields of a task, and what a new one holds where nothing is said."""

    object_type: str
    person: str
    owner: str
    subject: str
    description: str
    due: str
    status: str
    priority: str
    has_reminder: str
    reminder_at: str
    due_in_days: int
    defaults: Mapping[str, str] = field(default_factory=dict)  # field -> cell


@dataclass(frozen=True, kw_only=True)
class AccountShape:
    """Where accounts are kept and by what a person's is found."""

    object_type: str
    name: str
    website: str
    contact_type: str
    contact_account: str  # the contact's field that names its account


@dataclass(frozen=True, kw_only=True)
class PersonActions:
    """`side` is where owners, tasks and accounts are; `token_side` the one whose field labels tokens name."""

    side: Side
    owner_field: str
    owner_kinds: tuple[OwnerKind, ...]
    assigned_by_rules: frozenset[str]  # object types whose creates are given away by the system's own rules
    task: TaskShape
    account: AccountShape
    company: str  # mapping key of a person's company name
    email: str
    website: str
    token_side: Side
    token_spaces: frozenset[str]  # what may stand before the dot of a token that names a field of the person
    converts_with_opportunity: bool = False  # what a conversion makes where nothing is said
    converts_to_new_account: bool = False
    losses: Mapping[Side, str] = field(default_factory=dict)  # what a delete on that side takes for good: one sentence
