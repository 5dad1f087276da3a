"""What the row-by-row oracle knows of one field of one link, in the words of the rules: blank, changed, equal, asks.

Plain Python, written from the rules' text. Who wins is `merge_oracle`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncline.records import SIDES, Side, other
from syncline.spec.model import Direction, FieldMap

Row = Mapping[str, Any]
ALWAYS = float("-inf")


@dataclass(frozen=True, kw_only=True)
class Times:
    now_us: int
    clock_skew_us: int = 0
    stamp_step_us: int = 1_000_000

    @property
    def widening(self) -> int:
        return self.clock_skew_us + self.stamp_step_us


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One side of one mapping of one link."""

    text: str | None
    out: str | None  # as it would stand on the other side
    travels: bool  # the mapping flows from here to the other side
    print: int | None
    base: int | None
    kind: int
    may: bool
    synthetic: bool
    moment: Row | None

    @property
    def usable(self) -> bool:
        return self.kind in (0, 3) and self.print is not None and self.text is not None

    @property
    def known(self) -> bool:
        return bool(self.base)

    @property
    def changed(self) -> bool:
        return self.known and self.print != self.base

    @property
    def blank(self) -> bool:
        """Nothing would travel from here."""
        if self.synthetic:
            return True
        return (self.out if self.travels and self.out is not None else self.text) == ""

    @property
    def fillable(self) -> bool:
        """Nothing of anybody's would be lost by writing here."""
        return self.synthetic or (self.text == "" and self.blank)


@dataclass(kw_only=True)
class Member:
    """One mapping of one link, and in the end what was decided of it."""

    map: FieldMap
    cells: dict[Side, Cell]
    marks: dict[str, Any]
    decision: dict[str, Any] = field(default_factory=dict)

    @property
    def quiet(self) -> bool:
        return self.usable and all(cell.known and not cell.changed for cell in self.cells.values())

    @property
    def usable(self) -> bool:
        return all(cell.usable for cell in self.cells.values())

    @property
    def equal(self) -> bool:
        a, b = self.cells["a"], self.cells["b"]
        agrees = {"a": a.out is not None and a.out == b.text, "b": b.out is not None and b.out == a.text}
        flows = {Direction.BOTH: SIDES, Direction.A_TO_B: ("a",), Direction.B_TO_A: ("b",)}[self.map.direction]
        return all(agrees[side] for side in flows) or (a.blank and b.blank) or self._normalised()

    def _normalised(self) -> bool:
        detail = self.marks.get("normalised")
        return detail is not None and all(number(detail.get(s)) == self.cells[s].print for s in SIDES)

    def asks(self, side: Side) -> bool:
        """Whether this side's value asks to travel, by the rows of the table."""
        mine, theirs = self.cells[side], self.cells[other(side)]
        if mine.known and theirs.known:
            return mine.changed
        if not mine.known and not theirs.known:
            return not mine.blank
        if mine.known:  # the unknown side counts as changed; if it is empty, it is filled from here
            return True if theirs.blank else mine.changed
        return not mine.blank

    @property
    def never_agreed(self) -> bool:
        return not self.cells["a"].known and not self.cells["b"].known

    def say(self, verdict: str, **facts: Any) -> None:
        self.decision = {"verdict": verdict, **facts}


def cell_of(pair: Row, m: FieldMap, side: Side, type_a: str, moment: Row | None) -> Cell:
    text = pair.get(f"{side}.{m.key}")
    ends = [m.a[type_a]] if side == "a" else list(m.b.values())
    plain = all(end.expression is None for end in ends)
    written = all(end.field for end in ends) and not m.create_only
    default = None if m.pulls_default_back else m.defaults.get(side)
    return Cell(
        text=text,
        out=pair.get(f"t{side}.{m.key}", text if plain else None),
        travels=m.direction in (Direction.BOTH, Direction.A_TO_B if side == "a" else Direction.B_TO_A),
        print=pair.get(f"f{side}.{m.key}"),
        base=pair.get(f"x{side}.{m.key}"),
        kind=pair.get(f"k{side}.{m.key}", 0),
        may=bool(pair.get(f"w{side}.{m.key}", written)),
        synthetic=default is not None and text == default,
        moment=moment,
    )


def number(value: Any) -> int | None:
    return None if value is None else int(value)
