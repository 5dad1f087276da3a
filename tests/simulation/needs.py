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


def crosses(*names: str) -> Needed:
    """A history in which one of these crossings is drawn."""
    return lambda variant: not set(names).isdisjoint(variant.crossings)


NEEDS: dict[str, Needed] = {
    "cursor before rows": crosses("ends reading"),
    "older over newer": crosses("overtake"),
    "hidden is empty": crosses("lose a right"),
    "late write taken for an edit": crosses("think twice"),
    "blind resend": faults,
    "what a write in doubt replaces is copied": crosses("change places", "move within"),
    "a stale plan is sent": crosses("write beside"),
    "ceilings open": ceilings,
    "a ceiling for each share": lambda v: crosses("enter a list", "delete a list")(v) and v.workers > 1,
    "a delete without the ceiling": crosses("delete a list"),
    "ambiguous is the first one": lambda v: v.has_namesakes,
    "HTTP 200 believed": crosses("tire"),
    "a refused row in a good answer": lambda v: crosses("campaign")(v) and not v.has_flows and not v.has_admin,
    "the breaker never trips": lambda v: v.has_fight and v.shape.preset == "recommended",
    "no overlap": crosses("commit late"),
    "alias not followed": crosses("merge three"),
    "base kept across a conversion": crosses("be converted in quiet"),
    "a fresh contact says no": crosses("be converted in quiet"),
    "score added twice": lambda v: crosses("merge two")(v) and v.shape.is_wide,
    "merged is deleted": chains,
    "consent loosened by a merge": crosses("merge two"),
    "losers of a merge not kept": crosses("merge two"),
    "a merge brings the dead back": crosses("merge and delete in quiet"),
    "undelete loses the base": crosses("rise again"),
    "relink ignores the tombstone": lambda v: crosses("come back")(v) and v.shape.preset == "recommended",
    "an edit dies with the record": chains,
    "waiting for the dead": crosses("be purged"),
    "opt-out not spread": crosses("say yes again"),
    "a new address opts in": crosses("say yes with an address"),
    "undo not guarded": crosses("regret"),
    "journal without a fence": crosses("push again"),
    "a living worker's writes are unknown": crosses("push again"),
    "an event over a later read": crosses("change twice"),
}
