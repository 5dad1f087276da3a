"""What differs from history to history: the configuration, the troubles and the hands, all drawn from the seed.

Lives here: the draw, and the sync it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from random import Random

from syncline.records import Side
from syncline.spec.file import parse
from syncline.spec.model import Ceiling, OnDelete, Sync
from syncline.spec.presets.people import FIELDS
from syncline.spec.resolve import resolve

TWO_WAY = ("email", "first_name", "last_name", "title", "phone", "email_opt_out")
NEEDED = frozenset({*TWO_WAY, "company", "sfdc_id", "sfdc_type", "sfdc_deleted"})
WIDE = frozenset({"street", "city", "score"})
"""An atomic address and a score that merges add up."""

_FILE = """
state: ':memory:'
connections:
  crm: {{type: salesforce, url: 'http://org.test', client_id: sandbox-client, client_secret: 'env:X'}}
  marketing: {{type: marketo, url: 'http://marketo.test', client_id: sandbox-client, client_secret: 'env:X'}}
syncs:
  people:
    preset: {preset}
    a: {{connection: crm, objects: [{objects}]{filter}}}
    b: {{connection: marketing}}
    fields: {{{dropped}}}
"""
FILTER_FIELD, OUT = "Rating", "Cold"
_FILTER = "{object}: \"{field} IS NULL OR {field} <> '{out}'\""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The part of a variant on which the state at the beginning depends: who shares it shares one prepared ground."""

    preset: str
    has_contacts: bool
    is_filtered: bool
    is_wide: bool

    @property
    def object_types(self) -> tuple[str, ...]:
        return ("Lead", "Contact") if self.has_contacts else ("Lead",)

    @property
    def name(self) -> str:
        """The preset and what it has beyond it."""
        beyond = (("contacts", self.has_contacts), ("filtered", self.is_filtered), ("wide", self.is_wide))
        return "-".join((self.preset, *(word for word, is_on in beyond if is_on)))


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One draw of a history's circumstances."""

    shape: Shape
    has_faults: bool
    workers: int  # 1: whole cycles by one worker alone; more: units under leases
    rounds: int  # about how many cycles there are before everything rests
    on_delete: tuple[OnDelete, OnDelete]
    has_low_ceilings: bool
    has_flows: bool
    has_admin: bool
    has_operator: bool
    has_pushes: bool
    has_endings: bool
    has_streams: bool
    is_slow_network: bool
    begins_empty: bool
    has_chains: bool  # of mergers, conversions and deletes with something else at the same moment
    has_late: bool  # writes arrive, and people's changes show, long after everybody gave them up
    has_namesakes: bool  # two people with one address, of whom the other side knows only that
    has_fight: bool  # a rule of one system sets back what we write, for ever
    skew_seconds: float  # how far the clocks of our machines may be off
    crash_share: float  # of processes that end right after something was stored
    has_unseen: bool = False  # side a shows no rows for an hour
    has_unseen_b: bool = False  # or side b does
    has_altering: bool = False  # fields change while workers run: new, gone, shorter, required
    crossings: tuple[str, ...] = field(default=(), repr=False)

    def sync(self) -> Sync:
        base = sync_of(self.shape)
        on_delete: dict[Side, OnDelete] = {"a": self.on_delete[0], "b": self.on_delete[1]}
        if self.shape.preset == "native":
            on_delete = dict(base.on_delete)
        ceilings = dict(base.ceilings)
        if self.has_low_ceilings:
            ceilings = {kind: Ceiling(share=0.0, plus=1) for kind in ("create", "blank", "delete")}
        return replace(base, on_delete=on_delete, ceilings=ceilings)


@cache
def sync_of(shape: Shape) -> Sync:
    dropped = ", ".join(
        f"{m.key}: false" for m in FIELDS if m.key not in NEEDED and not (shape.is_wide and m.key in WIDE)
    )
    one = {"field": FILTER_FIELD, "out": OUT}
    filters = ", filter: {" + _FILTER.format(object="Lead", **one) + "}" if shape.is_filtered else ""
    text = _FILE.format(preset=shape.preset, objects=", ".join(shape.object_types), filter=filters, dropped=dropped)
    return resolve(parse(text))["people"]


_DELETES = (
    (OnDelete.FLAG, OnDelete.UNLINK),
    (OnDelete.FLAG, OnDelete.UNLINK),
    (OnDelete.DELETE, OnDelete.HOLD),
    (OnDelete.UNLINK, OnDelete.DELETE),
)


def draw(luck: Random, *, faults: bool = True, workers: int | None = None) -> Variant:
    """The circumstances of a history; *faults* false: nothing fails, nobody dies."""
    shape = Shape(
        preset="recommended" if luck.random() < 0.7 else "native",
        has_contacts=luck.random() < 0.4,
        is_filtered=luck.random() < 0.25,
        is_wide=luck.random() < 0.25,
    )
    drawn = luck.choice((1, 1, 1, 1, 2, 2, 3))
    count = drawn if workers is None else workers
    variant = Variant(
        shape=shape,
        has_faults=faults and luck.random() < 0.85,
        workers=count,
        rounds=luck.choice((1, 2, 2, 3)),
        on_delete=luck.choice(_DELETES),
        has_low_ceilings=luck.random() < 0.15,
        has_flows=luck.random() < 0.25,
        has_admin=luck.random() < 0.25,
        has_operator=luck.random() < 0.3,
        has_pushes=luck.random() < 0.3,
        has_endings=luck.random() < 0.6,
        has_streams=count > 1 and luck.random() < 0.6,
        is_slow_network=faults and luck.random() < 0.25,
        begins_empty=luck.random() < 0.1,
        has_chains=luck.random() < 0.35,
        has_late=faults and luck.random() < 0.15,
        has_namesakes=luck.random() < 0.08,
        has_fight=luck.random() < 0.04,
        skew_seconds=0.0,
        crash_share=0.0,
    )
    luck.random()  # free for the next actor, who then shifts nothing of what is drawn after it
    return replace(
        variant,
        skew_seconds=luck.choice((0.0, 0.0, 0.0, 0.0, 1.0, 30.0)),
        crash_share=luck.choice((0.0, 0.0, 0.3)) if faults else 0.0,
    )


def drawn(seed: int) -> Variant:
    """The circumstances of the history of a seed: what later actors bring is drawn apart, so that it shifts nothing."""
    luck = Random(f"{seed}/variant 2")
    variant = draw(Random(f"{seed}/variant"))
    has_unseen, has_altering = luck.random() < 0.12, luck.random() < 0.12
    return replace(
        variant,
        has_unseen=has_unseen,
        has_unseen_b=has_unseen and luck.random() < 0.5,
        has_altering=has_altering and not variant.has_late,
    )


def calm_draw(seed: int) -> Variant:
    """The circumstances of a history in which nothing fails and nobody dies."""
    return draw(Random(f"{seed}/variant"), faults=False)
