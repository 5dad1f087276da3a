"""What the draw of a history must have before a planted defect can show in it: others need not be lived to look for it.

Lives here: a condition for each defect that has one. It orders the hunt and says nothing of how the defect is found.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.variant import Variant

Needed = Callable[[Variant], bool]


def anything(_: Variant) -> bool:
    return True


def endings(variant: Variant) -> bool:
    return variant.has_endings


def chains(variant: Variant) -> bool:
    return variant.has_endings and variant.has_chains


def faults(variant: Variant) -> bool:
    return variant.has_faults


def late(variant: Variant) -> bool:
    return variant.has_late


def ceilings(variant: Variant) -> bool:
    return variant.has_low_ceilings and not variant.begins_empty and variant.shape.preset != "native"


def conversions(variant: Variant) -> bool:
    return chains(variant) and variant.shape.has_contacts


NEEDS: dict[str, Needed] = {
    "cursor before rows": lambda v: v.crash_share > 0 and v.has_faults,
    "older over newer": lambda v: v.has_pushes and v.is_slow_network,
    "hidden is empty": lambda v: v.has_admin,
    "late write taken for an edit": late,
    "blind resend": faults,
    "a stale plan is sent": lambda v: v.has_pushes or v.workers > 1,
    "ceilings open": ceilings,
    "a ceiling for each share": lambda v: ceilings(v) and v.workers > 1,
    "a delete without the ceiling": lambda v: ceilings(v) and v.has_endings,
    "ambiguous is the first one": lambda v: v.has_namesakes,
    "HTTP 200 believed": lambda v: faults(v) and not v.has_flows and not v.has_admin,
    "a refused row in a good answer": lambda v: faults(v) and not v.has_flows and not v.has_admin,
    "the breaker never trips": lambda v: v.has_fight and v.shape.preset == "recommended",
    "no overlap": late,
    "alias not followed": chains,
    "base kept across a conversion": conversions,
    "a fresh contact says no": conversions,
    "score added twice": lambda v: chains(v) and v.shape.is_wide,
    "merged is deleted": chains,
    "consent loosened by a merge": chains,
    "losers of a merge not kept": chains,
    "a merge brings the dead back": chains,
    "undelete loses the base": endings,
    "relink ignores the tombstone": endings,
    "an edit dies with the record": chains,
    "waiting for the dead": lambda v: endings(v) and faults(v),
    "opt-out not spread": endings,
    "undo not guarded": lambda v: v.has_operator,
    "journal without a fence": lambda v: v.workers > 1,
    "a living worker's writes are unknown": lambda v: v.workers > 1,
    "an event over a later read": lambda v: v.has_streams,
}
