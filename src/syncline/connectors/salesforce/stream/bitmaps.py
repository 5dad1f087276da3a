"""The bitmaps of a change event: which fields changed. Pure.

An entry is `0x<hex>` over the schema's fields, or `<position>-0x<hex>` over the parts of the compound at that position;
the bit of value one is the first field (Salesforce, Pub/Sub API Developer Guide, "Event Deserialization
Considerations"). Without them a null cannot be told from "not changed".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Place = tuple[int, int | None]
"""Position of a field, and of the part where it is one of a compound."""


def places_of(entries: Iterable[str]) -> set[Place]:
    """The places that entries name. ValueError for one that is no bitmap."""
    found: set[Place] = set()
    for entry in entries:
        position, dash, digits = entry.rpartition("-")
        bits = list(_set_bits(int(digits, 16)))
        found |= {(int(position), bit) for bit in bits} if dash else {(bit, None) for bit in bits}
    return found


def named(entries: Iterable[str], fields: Sequence[Sequence[str]]) -> set[str]:
    """The names of changed fields. *fields* are the schema's, each a sequence of its own name and those of its parts. A
    compound that is named as a whole changed in all its parts. ValueError for a place the schema does not have."""
    names: set[str] = set()
    for position, part in places_of(entries):
        if position >= len(fields) or (part is not None and part + 1 >= len(fields[position])):
            raise ValueError(f"a bitmap names the field {position}-{part}, which the schema does not have")
        names |= set(fields[position]) if part is None else {fields[position][0], fields[position][part + 1]}
    return names


def _set_bits(bits: int) -> Iterator[int]:
    return (bit for bit in range(bits.bit_length()) if bits >> bit & 1)
