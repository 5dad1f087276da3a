"""Planned actions, kept small until they are sent: packed sheets beside an outline with one row per action.

A first copy plans millions of fields before the first write, because the ceilings look at all of them. So a sheet (some
thousand actions of one operation on one object) waits as compressed Arrow, and only the sheet being written is open.
Lives here: packing, and cutting sheets into batches. Not here: what the actions say (`reconcile.plan`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from syncline.reconcile.plan import ACTIONS, Held, only_blanking, without_held
from syncline.records import Operation, Side

_OF_ACTION = ("action", "kind", "side", "object_type", "record_id", "link_id", "source_type", "source_id")
OUTLINE: dict[str, pl.DataType] = {name: ACTIONS[name] for name in _OF_ACTION} | {"fields": pl.Int64()}

_Kind = tuple[Operation, Side, str]


@dataclass(kw_only=True)
class Sheets:
    """Actions in the order in which they were planned.

    `outlines` tell of every action once (OUTLINE); `blanks` are the ACTIONS rows that empty a field.
    """

    outlines: list[pl.DataFrame] = field(default_factory=list)
    blanks: list[pl.DataFrame] = field(default_factory=list)
    _packed: dict[_Kind, list[bytes]] = field(default_factory=dict)
    _held: tuple[Held, ...] = ()

    def add(self, actions: pl.DataFrame) -> None:
        """Keep *actions* (ACTIONS); all rows of one action come in one call."""
        if actions.is_empty():
            return
        first = pl.col("_place").min().over("action")
        together = (
            actions.with_row_index("_place").with_columns(first).sort("_place", maintain_order=True).drop("_place")
        )
        same = [pl.col(name).first() for name in _OF_ACTION[1:]]
        outline = together.group_by("action", maintain_order=True).agg(*same, pl.len().cast(pl.Int64).alias("fields"))
        self.outlines.append(outline)
        self.blanks.append(only_blanking(together))
        groups = together.partition_by("kind", "side", "object_type", maintain_order=True, as_dict=True)
        for (kind, side, object_type), sheet in groups.items():
            place_of = (Operation(str(kind)), _side(str(side)), str(object_type))
            self._packed.setdefault(place_of, []).append(_pack(sheet))

    def is_empty(self) -> bool:
        return not self.outlines

    def outline(self) -> pl.DataFrame:
        """One row (OUTLINE) per action."""
        return pl.concat([pl.DataFrame(schema=OUTLINE), *self.outlines])

    def blanking(self) -> pl.DataFrame:
        """The ACTIONS rows that empty a field which holds a value."""
        return pl.concat([pl.DataFrame(schema=ACTIONS), *self.blanks])

    def gist(self) -> pl.DataFrame:
        """What the ceilings count: a row per action, and every row that empties a field."""
        blanks = self.blanking()
        counted = self.outline().drop("fields").filter(~pl.col("action").is_in(blanks["action"].implode()))
        return pl.concat([counted, blanks], how="diagonal").select(list(ACTIONS))

    def count(self) -> int:
        """How many actions there are, without those that are held."""
        return without_held(self.gist(), self._held)["action"].n_unique()

    def extend(self, more: Sheets) -> None:
        """Take over another plan's actions, after our own."""
        self.outlines += more.outlines
        self.blanks += more.blanks
        for place, sheets in more._packed.items():
            self._packed.setdefault(place, []).extend(sheets)

    def whole(self) -> pl.DataFrame:
        """Every ACTIONS row at once: for plans that are shown."""
        parts = [_unpack(packed) for sheets in self._packed.values() for packed in sheets]
        return pl.concat([pl.DataFrame(schema=ACTIONS), *parts])

    def without(self, held: Iterable[Held]) -> Sheets:
        """The same sheets less what the ceilings hold."""
        return Sheets(outlines=self.outlines, blanks=self.blanks, _packed=self._packed, _held=tuple(held))

    def by_kind(self) -> Iterator[tuple[_Kind, Iterator[pl.DataFrame]]]:
        """The sheets by operation, side and object, updates first; each is opened when it is reached."""
        for kind, sheets in sorted(self._packed.items(), key=lambda item: (item[0][0] != "update", item[0])):
            yield kind, (without_held(_unpack(packed), self._held) for packed in sheets)


def cut(sheets: Iterable[pl.DataFrame], size: int) -> Iterator[pl.DataFrame]:
    """The same rows in sheets of *size* actions; only the last has fewer."""
    waiting: list[pl.DataFrame] = []
    count = 0
    for sheet in sheets:
        waiting.append(sheet)
        count += sheet["action"].n_unique()
        if count >= size:
            *full, rest = _parts(pl.concat(waiting), size)
            yield from full
            waiting, count = [rest], rest["action"].n_unique()
            if count == size:
                yield rest
                waiting, count = [], 0
    if count:
        yield pl.concat(waiting)


def _parts(sheet: pl.DataFrame, size: int) -> list[pl.DataFrame]:
    number = (pl.col("action").rle_id() // size).alias("_part")
    return sheet.with_columns(number).partition_by("_part", maintain_order=True, include_key=False)


def _side(name: str) -> Side:
    return "a" if name == "a" else "b"


def _pack(sheet: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    sheet.write_ipc(sink, compression="zstd")
    return sink.getvalue()


def _unpack(packed: bytes) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(packed))
