"""Two records that are one person: what the winner of a merge holds, and which of the loser's values it does not. Pure.

Lives here: the declared rule per field. Who wins, and where the merge is done, is decided elsewhere (`engine.life`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from syncline.records import Side, other
from syncline.spec.model import Combine, Direction, FieldMap, Policy
from syncline.values import EMPTY, FieldType, canonical

Cells = Mapping[str, str | None]
"""Mapping key -> canonical cell; a missing or null one is not known."""


@dataclass(frozen=True, kw_only=True)
class Joined:
    """`held`: what the winner shall hold, by mapping key, where that is not what it holds now. `lost`: the loser's
    values that nobody holds afterwards."""

    held: dict[str, str]
    lost: dict[str, str]


def joined(
    winner: Cells,
    loser: Cells,
    maps: Sequence[FieldMap],
    side: Side,
    type_a: str,
    types: Mapping[str, FieldType],
    sealed: Collection[str] = (),
) -> Joined:
    """Make one of two records of *side*; *types* of the cells by mapping key. *sealed* are mappings whose field may not
    be written: there the winner's value stays, with its whole atomic group.

    The winner's value stays; a blank takes the loser's, an atomic group as one; numbers are combined as the field
    declares; a value that protects is never lost. A field that the other side alone decides is left to it.
    """
    wanted: dict[str, str] = {}
    for group in _groups(maps).values():
        if any(m.key in sealed for m in group):
            continue
        fills = all(not winner.get(m.key) for m in group)
        for m in group:
            value = _value(winner.get(m.key), loser.get(m.key), m, type_a, types[m.key], fills or not m.is_atomic)
            if value is not None and value != winner.get(m.key) and _may(m, side):
                wanted[m.key] = value
    after = {**winner, **wanted}
    lost = {
        m.key: value
        for m in maps
        if (value := loser.get(m.key))
        and value != after.get(m.key)
        and _tells(m, side)
        and (m.on_merge is Combine.WINNER or m.key in sealed)
    }
    return Joined(held=wanted, lost=lost)


def _groups(maps: Sequence[FieldMap]) -> dict[str, list[FieldMap]]:
    out: dict[str, list[FieldMap]] = {}
    for m in maps:
        out.setdefault(m.group_key if m.is_atomic else f"\x1f{m.key}", []).append(m)
    return out


def _may(m: FieldMap, side: Side) -> bool:
    """Whether a value made on *side* may stand: the other side does not decide the field alone."""
    return m.direction is Direction.BOTH or m.direction.value.startswith(side)


def _tells(m: FieldMap, side: Side) -> bool:
    """Whether the field's value on *side* is worth keeping: what merely copies the other side is not."""
    return m.direction is Direction.BOTH or not m.direction.value.startswith(other(side))


def _value(winner: str | None, loser: str | None, m: FieldMap, type_a: str, kind: FieldType, fills: bool) -> str | None:
    """What the winner shall hold; None: nothing can be said."""
    if winner is None or loser is None:
        return winner
    if m.policy(type_a) is Policy.MOST_RESTRICTIVE and m.restrictive in (winner, loser):
        return m.restrictive
    if m.on_merge is not Combine.WINNER:
        return _combined(winner, loser, m.on_merge, kind)
    return loser if winner == EMPTY and fills else winner


_COMBINED: Mapping[Combine, Callable[[Decimal, Decimal], Decimal]] = {
    Combine.SUM: lambda one, two: one + two,
    Combine.MAX: max,
    Combine.MIN: min,
}


def _combined(winner: str, loser: str, how: Combine, kind: FieldType) -> str:
    """Both numbers made one; a blank or what is no number leaves the other's value."""
    try:
        one, two = (Decimal(text) if text else None for text in (winner, loser))
    except InvalidOperation:
        return winner or loser
    if one is None or two is None:
        return winner or loser
    return canonical(kind, f"{_COMBINED[how](one, two):f}")
