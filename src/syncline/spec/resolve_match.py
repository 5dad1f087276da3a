"""From the file to the model: the match rule by probability, where it stands among the others, and when it is refused.

Lives here: what the file says about matching. Not here: the numbers (`presets_match`), or how a rule works
(`reconcile.match`).
"""

from __future__ import annotations

from syncline.errors import ConfigError
from syncline.spec.file import ProbabilisticFile
from syncline.spec.model import MatchRule
from syncline.spec.presets_match import LIKENESS, by_probability

_NAMES = ("first_name", "last_name")


def with_probability(
    sync: str, rules: tuple[MatchRule, ...], wish: ProbabilisticFile, keys: frozenset[str]
) -> tuple[MatchRule, ...]:
    """*rules* with the one by probability behind the last that links: what only holds has the last word.

    *keys* are the mapping keys of the sync. Raises ConfigError SYN-126 where the rule cannot work.
    """
    if reason := _refused(rules, wish, keys):
        raise ConfigError(f"Sync {sync!r}, probabilistic: {reason[0]}", code="SYN-126", remedy=reason[1])
    rule = by_probability(link_above=wish.link_above, hold_above=wish.hold_above, prior=wish.prior, keys=keys)
    place = max(number for number, one in enumerate(rules, start=1) if not one.only_holds)
    return (*rules[:place], rule, *rules[place:])


def _refused(rules: tuple[MatchRule, ...], wish: ProbabilisticFile, keys: frozenset[str]) -> tuple[str, str] | None:
    """Why it cannot work, and what to do about it."""
    if wish.hold_above > wish.link_above:
        return (
            f"hold_above ({wish.hold_above:g}) is more than link_above ({wish.link_above:g}).",
            "A pair is in doubt before it is certain: hold from a smaller probability on.",
        )
    if all(rule.by_key or rule.by_id is not None for rule in rules):
        return (
            "the preset links by key and id alone and creates whom it does not find there.",
            "Use the preset `recommended`, or take `probabilistic` out.",
        )
    if missing := [key for key in _NAMES if key not in keys]:
        return f"it needs the field map {missing[0]!r}, which the sync does not have.", "Put it back."
    if not keys.intersection(LIKENESS).difference(_NAMES):
        return (
            "two names alone tell nobody apart.",
            f"Map one of {', '.join(key for key in LIKENESS if key not in _NAMES)}.",
        )
    return None
