"""What ends a record in the system in memory, and what brings it back: merge, convert, undelete, purge.

Lives here: the vendor's own acts, as a person or our connector does them; tests call them directly. A plain delete is
`MemorySystem.delete`. Not here: what a page tells of it (`connector`).

    merge(system, winner_id, [loser_id], "human")          the losers are deleted, each with the winner as its heir
    convert(system, record_id, "human")                     it lives on, read-only; answers the id of what it became
    convert(system, record_id, "human", into_id=member_id)  … an existing record, whose blanks it fills
    system.delete(record_id, "human"); undelete(system, record_id, "human"); purge(system, record_id)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from syncline.connectors.memory.system import Heir, MemorySystem, Row
from syncline.records import Fate
from syncline.values import EMPTY


def merge(
    system: MemorySystem,
    winner_id: str,
    loser_ids: Sequence[str],
    actor: str,
    *,
    cells: Mapping[str, str] | None = None,
) -> None:
    """End the losers in the winner, which then holds *cells*; its own blanks are filled if the system does that."""
    winner, losers = system.rows[winner_id], [system.rows[loser_id] for loser_id in loser_ids]
    kept = _blanks_filled(winner, losers) if system.merge_fills_blanks else {}
    system.update(winner_id, {**kept, **(cells or {})}, actor)
    heir = Heir(fate=Fate.MERGED, object_type=winner.object_type, record_id=winner_id)
    for loser in losers:
        _end(system, loser, actor, heir, is_deleted=True)


def convert(
    system: MemorySystem,
    record_id: str,
    actor: str,
    *,
    into_id: str | None = None,
    set_on_heir: Mapping[str, str] | None = None,
) -> str:
    """Make the record what its type converts into, or let it end in *into_id*, filling only its blanks. The heir's id.

    *set_on_heir*: what the organisation's own automation makes of the new record in the same transaction.
    """
    row = system.rows[record_id]
    rule = system.conversions[row.object_type]
    shared = system.schemas[row.object_type].fields.keys() & system.schemas[rule.into].fields.keys() - {rule.named_in}
    carried = shared if rule.carried is None else shared & rule.carried
    cells = {name: value for name, value in row.now.cells.items() if name in carried and value != EMPTY}
    if into_id is None:
        into_id = system.create(rule.into, {**cells, **(set_on_heir or {})}, actor)
    else:
        held = system.rows[into_id].now.cells
        blank = {name: value for name, value in cells.items() if held[name] == EMPTY}
        system.update(into_id, {**blank, **(set_on_heir or {})}, actor)
    heir = Heir(fate=Fate.CONVERTED, object_type=rule.into, record_id=into_id)
    _end(system, row, actor, heir, is_deleted=False, named_in=rule.named_in)
    return into_id


def undelete(system: MemorySystem, record_id: str, actor: str) -> None:
    """Take a record out of the recycle bin: it is itself again, a merged one without its heir."""
    row = system.rows[record_id]
    heir = row.now.heir if row.now.heir is not None and row.now.heir.fate is Fate.CONVERTED else None
    _end(system, row, actor, heir, is_deleted=False)


def purge(system: MemorySystem, record_id: str) -> None:
    """Remove a record for good: no read shows it any more, only the log of deletions names its id."""
    row = system.rows[record_id]
    _end(system, row, row.now.actor, row.now.heir, is_deleted=True)
    row.versions[-1] = replace(row.now, is_purged=True)


def _end(
    system: MemorySystem, row: Row, actor: str, heir: Heir | None, *, is_deleted: bool, named_in: str | None = None
) -> None:
    named = {named_in: heir.record_id} if named_in and heir else {}
    version = replace(
        row.now,
        committed_us=system.now_us(),
        stamp_us=system.stamp_us(),
        actor=actor,
        is_deleted=is_deleted,
        heir=heir,
        cells={**row.now.cells, **named},
    )
    system.append(row, version)


def _blanks_filled(winner: Row, losers: Sequence[Row]) -> dict[str, str]:
    """The winner's blanks with the first loser's value there is."""
    return {
        name: found
        for name, own in winner.now.cells.items()
        if own == EMPTY and (found := next((v for loser in losers if (v := loser.now.cells[name])), EMPTY))
    }
