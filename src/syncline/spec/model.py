"""The resolved model of a sync: what the pure core and the engine work from. Frozen data, no I/O, no vendor names.

The file a person writes is `spec.file`; `spec.resolve` turns it, with a preset, into this. Every default is already
applied here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from syncline.records import SIDES, Side
from syncline.spec.actions import PersonActions
from syncline.spec.schedule import Schedule
from syncline.values import FieldType

# Pseudo fields: facts about a record that mappings may read like fields, never write.
AT_ID = "@id"  # the vendor's id
AT_TYPE = "@type"  # the object type's name, in lower case
AT_DELETED = "@deleted"  # "true" or "false"
PSEUDO_FIELDS = frozenset({AT_ID, AT_TYPE, AT_DELETED})


class Direction(StrEnum):
    BOTH = "both"
    A_TO_B = "a_to_b"
    B_TO_A = "b_to_a"


class Policy(StrEnum):
    """Who wins when both sides changed a field to different values (docs/reference/merge-decisions.md)."""

    A = "a"
    B = "b"
    NEWEST = "newest"
    NEWEST_RECORD = "newest_record"
    NON_BLANK = "non_blank"
    MOST_RESTRICTIVE = "most_restrictive"
    MAX = "max"
    MIN = "min"
    HOLD = "hold"


class Blanks(StrEnum):
    """What a change *to empty* does to the other side: clear it, or keep its value and mark the pair apart."""

    CLEAR = "clear"
    KEEP = "keep"


class Drift(StrEnum):
    """One-way fields: what a change on the target's side alone does."""

    LEAVE = "leave"
    RESTORE = "restore"
    HOLD = "hold"


class MappingChange(StrEnum):
    """What a change of a field map itself does to pairs that agreed under the old one: leave both values as they are,
    or carry them over anew."""

    KEEP = "keep"
    REAPPLY = "reapply"


class EditScope(StrEnum):
    """Whom an edit of filter, field map or rule is for: every record once, or only those that change from then on."""

    ALL = "all"
    CHANGES = "changes"


class Overridden(StrEnum):
    """A flow at the target replaced what we wrote: take it as that side's change, or hold the field."""

    ACCEPT = "accept"
    HOLD = "hold"


class Combine(StrEnum):
    """What the winner of a merge holds of a field: its own value, or one made of all their numbers. Blanks are always
    filled."""

    WINNER = "winner"
    SUM = "sum"
    MAX = "max"
    MIN = "min"


@dataclass(frozen=True, kw_only=True)
class End:
    """One side's end of a mapping, for one object type.

    `inputs` are the fields read (pseudo fields allowed). `field` is the field written, None if this end is only read.
    `expression` is the checked SQL scalar over `inputs` that gives the value *for the other side*; None: the single
    input as it is.
    """

    inputs: tuple[str, ...]
    field: str | None
    type: FieldType = FieldType.TEXT
    length: int | None = None
    expression: str | None = None


@dataclass(frozen=True, kw_only=True)
class FieldMap:
    """Which field pairs with which, and who decides.

    `a` and `b` are keyed by object type; an object type that is not listed does not take part. Members of one `group`
    are decided together when `is_atomic`. `policies` is keyed by side a's object type ("*": any).
    """

    key: str
    a: Mapping[str, End]
    b: Mapping[str, End]
    direction: Direction = Direction.BOTH
    policies: Mapping[str, Policy] = field(default_factory=lambda: {"*": Policy.NEWEST})
    tie: Side = "a"
    first_link: Policy | None = None  # None: the sync's
    blanks: Blanks = Blanks.CLEAR
    drift: Drift = Drift.LEAVE
    overridden: Overridden = Overridden.ACCEPT
    on_mapping_change: MappingChange = MappingChange.KEEP
    group: str = ""  # "" : a group of its own
    is_atomic: bool = False
    is_guarded: bool = False  # always read just before it is written
    restrictive: str = "true"  # most_restrictive: the canonical value that protects
    on_merge: Combine = Combine.WINNER
    create_only: bool = False  # written by creates, never by updates
    set_on_create: bool = False  # one-way otherwise, but creates in the other direction carry it too
    defaults: Mapping[Side, str] = field(default_factory=dict)  # synthetic value for a create that lacks a required one
    pulls_default_back: bool = True  # false: the synthetic value never travels to the side that lacked it

    def policy(self, object_type_a: str) -> Policy:
        return self.policies.get(object_type_a) or self.policies.get("*", Policy.NEWEST)

    def ends(self, side: Side) -> Mapping[str, End]:
        return self.a if side == "a" else self.b

    @property
    def group_key(self) -> str:
        return self.group or self.key


class Creates(StrEnum):
    """Whether unmatched records of a side become new records on the other."""

    NEVER = "never"
    MATCHED_FIRST = "matched_first"  # after the match rules found nobody
    UNMATCHED = "unmatched"  # without matching by anything but our key and id


class LeavesFilter(StrEnum):
    STOP = "stop"
    UNLINK = "unlink"
    DELETE = "delete"


class OnDelete(StrEnum):
    FLAG = "flag"
    DELETE = "delete"
    UNLINK = "unlink"
    HOLD = "hold"
    RECREATE = "recreate"


class OnMerge(StrEnum):
    """What happens on one side when two linked persons were made one on the other."""

    MERGE = "merge"  # the two records there are merged as well
    HOLD = "hold"  # a person decides


class Form(StrEnum):
    """What is dropped from a cell before a match rule compares it."""

    EXACT = "exact"  # nothing
    FOLDED = "folded"  # case, accents, repeated white space
    COMPACT = "compact"  # the same, and everything but letters and digits
    DIGITS = "digits"  # everything but 0 to 9
    PHONE = "phone"  # the same, then leading zeros and all but the last nine digits


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How often two cells are this alike: among pairs of the same person (`same`), among strangers (`strangers`).

    Alike means a similarity of at least `similarity` (Jaro and Winkler's, 0 to 1) or at most `edits` letters to change
    (Damerau and Levenshtein's); with neither, equal.
    """

    same: float
    strangers: float
    similarity: float | None = None
    edits: int | None = None


@dataclass(frozen=True, kw_only=True)
class Probabilities:
    """By what a match rule weighs a pair, as Fellegi and Sunter do: fixed numbers, so that the same two records get the
    same probability in every run, whoever else is looked at.

    `columns`: per mapping key the likenesses from the closest to the loosest; what is left over is unlike. `prior`: the
    probability that any two records are the same person. A pair is linked from `link_above` on and in doubt from
    `hold_above` on; it is in doubt too if one of `vetoes` speaks against it.
    """

    link_above: float
    hold_above: float
    prior: float
    columns: Mapping[str, tuple[Likeness, ...]]
    vetoes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MatchRule:
    """One ranked rule. Two records fit when all of `equal` agree (canonical, folded), one whole tuple of `any_of`
    agrees too (if given), and the names are compatible (if asked). Keys are mapping keys; blanks never agree.

    `min_similarity` is the declared similarity (0 to 1) within which two names count as compatible, and `name_parts`
    (0 to 2) how many parts of the name must be known on both sides and agree. `forms` says in which form a key is
    compared (default: folded); `similar` within which similarity a key agrees (default: only when equal; one key of
    `equal` at least must be compared for equality). Where all of `contradictions` are known on both sides and differ,
    the pair is held, not linked. A rule that `only_holds` never links: a pair it finds that is unique both ways and
    free on both sides is held as a doubt, everything else it finds is left alone. What more than `max_shared` unlike
    records of one side have in common (a birth date of 1900-01-01, an address for nobody) tells nobody apart and
    counts as blank.
    """

    name: str
    equal: tuple[str, ...] = ()
    any_of: tuple[tuple[str, ...], ...] = ()
    compatible_name: bool = False
    min_similarity: float = 0.85
    name_parts: int = 0
    forms: Mapping[str, Form] = field(default_factory=dict)
    similar: Mapping[str, float] = field(default_factory=dict)
    contradictions: tuple[str, ...] = ()
    only_holds: bool = False
    max_shared: int = 1_000
    by_key: bool = False  # our key field on one side names the record of the other
    by_id: str | None = None  # the mapping whose b value is side a's record id
    probabilities: Probabilities | None = None  # a pair that fits is weighed before it counts

    def compared_keys(self) -> tuple[str, ...]:
        """The mapping keys this rule compares, names and `by_id` apart; each once, in order of mention."""
        weighed = self.probabilities.columns if self.probabilities else ()
        named = (*self.equal, *(key for keys in self.any_of for key in keys), *self.contradictions, *weighed)
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """Most actions of a kind in one run: `share` of the linked records plus `plus`; above it the kind is held."""

    share: float
    plus: int


@dataclass(frozen=True, kw_only=True)
class SideSpec:
    """One side of a sync: a connection, its object types and the filter (checked SQL predicate per object type)."""

    connection: str
    object_types: tuple[str, ...]
    filters: Mapping[str, str] = field(default_factory=dict)
    key_fields: Mapping[str, str] = field(default_factory=dict)  # object type -> field holding our key; {} if none
    creates_as: str | None = None  # the object type of records created here
    may_make: Mapping[str, str] = field(default_factory=dict)  # custom fields the preset owns: name -> label
    creates: Creates = Creates.NEVER  # whether this side's unmatched records become new ones on the other side


@dataclass(frozen=True, kw_only=True)
class Sync:
    """A pair of sides with field maps, match rules and policies."""

    name: str
    preset: str
    a: SideSpec
    b: SideSpec
    fields: tuple[FieldMap, ...]
    match_rules: tuple[MatchRule, ...]
    name_keys: tuple[str, str] = ("first_name", "last_name")  # mapping keys of given and family name
    first_link: Policy | None = Policy.NON_BLANK  # None: as a conflict of the field
    leaves_filter: LeavesFilter = LeavesFilter.STOP
    on_delete: Mapping[Side, OnDelete] = field(default_factory=dict)  # what a proven delete on that side does
    on_merge: OnMerge = OnMerge.MERGE
    ceilings: Mapping[str, Ceiling] = field(default_factory=dict)  # create | blank | delete
    breaker_times: int = 3
    breaker_window_seconds: float = 86_400.0
    is_enabled: bool = True
    sweep_seconds: float | None = None  # how often objects with formula fields are read whole; None: only when asked
    optional: frozenset[str] = frozenset()  # mapping keys that rest while one of their fields does not exist
    actions: PersonActions | None = None  # None: nobody can act on single persons of this sync
    schedule: Schedule = field(default_factory=Schedule)  # when workers run it
    edit_applies_to: EditScope | None = None  # None: a person is asked where one is there; nobody there: all
    audit_share: float = 0.02  # of each system's day of calls: what rolling verification may use

    def side(self, side: Side) -> SideSpec:
        return self.a if side == "a" else self.b

    def field_map(self, key: str) -> FieldMap:
        return next(m for m in self.fields if m.key == key)

    def email_end(self, side: Side, object_type: str) -> End | None:
        """Where an object type holds the e-mail address; None if it is not mapped there."""
        return next((m.ends(side).get(object_type) for m in self.fields if m.key == "email"), None)

    def maps_for(self, type_a: str, type_b: str) -> tuple[FieldMap, ...]:
        """The field maps that take part between these two object types, in the sync's order."""
        return tuple(m for m in self.fields if type_a in m.a and type_b in m.b)

    def fields_read(self, side: Side, object_type: str) -> tuple[str, ...]:
        """Every field of an object type that the sync reads: inputs, key field and filter columns, sorted.

        Pseudo fields are left out. Filter columns are in `filter_fields`, which `spec.resolve` fills in.
        """
        spec = self.side(side)
        names = {name for m in self.fields if object_type in m.ends(side) for name in m.ends(side)[object_type].inputs}
        names |= {end.field for m in self.fields if (end := m.ends(side).get(object_type)) and end.field}
        names |= {spec.key_fields[object_type]} if object_type in spec.key_fields else set()
        names |= set(self.filter_fields.get(side, {}).get(object_type, ()))
        return tuple(sorted(names - PSEUDO_FIELDS))

    filter_fields: Mapping[Side, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def mapping_signatures(self) -> dict[str, dict[str, list[object]]]:
        """Per mapping key, in the sync's order, and per end ("a.Lead"): the inputs, of which its base is a
        fingerprint, and the expression. Made of what JSON gives back unchanged."""
        return {
            m.key: {f"{s}.{t}": [list(e.inputs), e.expression] for s in SIDES for t, e in sorted(m.ends(s).items())}
            for m in self.fields
        }

    def revision(self) -> int:
        """A number that changes when the list of mappings changes in a way that makes old bases unreadable.

        Bases are packed in the order of `fields`; keys, inputs and expressions decide.
        """
        text = repr(list(self.mapping_signatures().items()))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "little")
