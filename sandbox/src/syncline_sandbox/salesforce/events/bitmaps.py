"""Bitmaps of fields in a ChangeEventHeader: `0x…` for the top level, `<position>-0x…` for the parts of a compound.

"Event Deserialization Considerations" of the Pub/Sub API guide: bit i, counted from the least significant, is the
i-th field of the schema. Upper-case digits, whole bytes: one of the vendor's samples reads them two by two.
"""

from __future__ import annotations

from collections.abc import Iterable

Place = tuple[int, int | None]
"""A field's position in the schema, and its position inside the compound; None for a field of its own."""


def bitmaps(places: Iterable[Place]) -> list[str]:
    """The entries that name these places, those of compounds behind the top level's; [] for no places."""
    top = 0
    nested: dict[int, int] = {}
    for position, part in places:
        if part is None:
            top |= 1 << position
        else:
            nested[position] = nested.get(position, 0) | 1 << part
    entries = [_hexadecimal(top)] if top else []
    return entries + [f"{position}-{_hexadecimal(bits)}" for position, bits in sorted(nested.items())]


def places_of(entries: Iterable[str]) -> set[Place]:
    """The places that entries name."""
    found: set[Place] = set()
    for entry in entries:
        position, dash, digits = entry.rpartition("-")
        bits = int(digits, 16)
        numbers = {bit for bit in range(bits.bit_length()) if bits >> bit & 1}
        found |= {(int(position), number) for number in numbers} if dash else {(number, None) for number in numbers}
    return found


def _hexadecimal(bits: int) -> str:
    digits = f"{bits:X}"
    return "0x" + digits.zfill(len(digits) + len(digits) % 2)
