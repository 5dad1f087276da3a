"""One write, carried out in the system in memory as a vendor would: create, update, delete, undelete, merge, convert,
or refuse.

Not here: the connector's contract (`connector`), or what merging and converting do to the records (`endings`).
"""

from __future__ import annotations

from collections.abc import Callable

from syncline.connectors.memory.endings import convert, merge, undelete
from syncline.connectors.memory.system import MemorySystem
from syncline.errors import OurBug
from syncline.records import ASSIGN_BY_RULES, ConvertOption, Operation, Outcome, Status, Write


def carry_out(system: MemorySystem, write: Write, actor: str, losers_per_merge: int) -> Outcome:
    """Do *write* as *actor*, now. Raises OurBug for a merge of no, too many or the same records."""
    if too_long := _too_long(system, write):
        return too_long
    if write.operation is Operation.CREATE:
        return _create(system, write, actor)
    if write.operation is Operation.UNDELETE:
        return _undelete(system, write, actor)
    if gone := next((one for one in (write.record_id, *write.others) if _is_gone(system, one)), None):
        return _refused(write, "GONE", f"{gone} is no longer there or was converted", is_gone=True)
    if write.operation is Operation.MERGE and not 0 < len(set(write.others) - {write.record_id}) <= losers_per_merge:
        raise OurBug(f"A merge of {write.others} into {write.record_id} cannot be sent.")
    return _ACTS[write.operation](system, write, actor, str(write.record_id))


def _create(system: MemorySystem, write: Write, actor: str) -> Outcome:
    cells = {**write.cells, **({write.key_field: write.key} if write.key_field and write.key else {})}
    if write.key_field and write.key and write.key_field in system.unique:
        holder = system.holder(write.object_type, write.key_field, write.key)
        if holder is not None:
            system.update(holder, cells, actor)
            return Outcome(status=Status.WRITTEN, record_id=holder)
    if write.options.get(ASSIGN_BY_RULES) == "true":
        cells |= system.assign(None, cells, actor)
    record_id = system.create(write.object_type, cells, actor)
    return Outcome(status=Status.WRITTEN, record_id=record_id, was_created=True)


def _update(system: MemorySystem, write: Write, actor: str, record_id: str) -> Outcome:
    if write.unmodified_since_us is not None and system.rows[record_id].now.stamp_us > write.unmodified_since_us:
        return Outcome(status=Status.REJECTED, record_id=record_id, code="MOVED", is_stale=True)
    system.update(record_id, write.cells, actor)
    return Outcome(status=Status.WRITTEN, record_id=record_id)


def _delete(system: MemorySystem, _: Write, actor: str, record_id: str) -> Outcome:
    system.delete(record_id, actor)
    return Outcome(status=Status.WRITTEN, record_id=record_id)


def _undelete(system: MemorySystem, write: Write, actor: str) -> Outcome:
    row = system.rows.get(str(write.record_id))
    if row is None or not row.now.is_deleted or row.now.is_purged:
        return _refused(write, "NOT_IN_BIN", f"{write.record_id} is not in the recycle bin")
    undelete(system, str(write.record_id), actor)
    return Outcome(status=Status.WRITTEN, record_id=write.record_id)


def _merge(system: MemorySystem, write: Write, actor: str, record_id: str) -> Outcome:
    merge(system, record_id, write.others, actor, cells=write.cells)
    return Outcome(status=Status.WRITTEN, record_id=record_id)


def _convert(system: MemorySystem, write: Write, actor: str, record_id: str) -> Outcome:
    """Of the options this system knows the record to end in; it has no accounts, owners or statuses."""
    into = system.conversions[write.object_type].into
    heir_id = write.options.get(ConvertOption.CONTACT)
    if heir_id is not None and _is_gone(system, heir_id):
        return _refused(write, "NO_HEIR", f"there is no {into} {heir_id}")
    made = convert(system, record_id, actor, into_id=heir_id)
    return Outcome(status=Status.WRITTEN, record_id=record_id, made={into: made})


_ACTS: dict[Operation, Callable[[MemorySystem, Write, str, str], Outcome]] = {
    Operation.UPDATE: _update,
    Operation.DELETE: _delete,
    Operation.MERGE: _merge,
    Operation.CONVERT: _convert,
}


def _is_gone(system: MemorySystem, record_id: str | None) -> bool:
    row = system.rows.get(record_id or "")
    return row is None or row.has_ended


def _refused(write: Write, code: str, message: str, *, is_gone: bool = False) -> Outcome:
    return Outcome(status=Status.REJECTED, record_id=write.record_id, code=code, message=message, is_gone=is_gone)


def _too_long(system: MemorySystem, write: Write) -> Outcome | None:
    fields = system.schemas[write.object_type].fields
    culprits = [n for n, v in write.cells.items() if (f := fields.get(n)) and f.length and len(v) > f.length]
    if not culprits:
        return None
    return Outcome(
        status=Status.REJECTED,
        record_id=write.record_id,
        code="TOO_LONG",
        message=f"longer than the field: {', '.join(culprits)}",
        fields=tuple(culprits),
    )
