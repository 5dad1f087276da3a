"""Filling an instance fast: people inserted in bulk, without lookup, company or consent rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog, Cause, Stamp
from syncline_sandbox.marketo.record import full_name
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.values import InvalidValue, iso, parse

_CHUNK = 5_000
_SETTABLE = frozenset(("createdAt", "updatedAt"))


def seed_people(
    store: Store, log: ActivityLog, clock: SandboxClock, people: Iterable[Mapping[str, Any]], *, activities: bool
) -> int:
    """Insert *people* (REST names → values; createdAt and updatedAt allowed). Returns how many.

    ValueError: unknown field or a value that does not fit.
    """
    now = clock.now().timestamp()
    stamp = Stamp(int(now), now, log.cause(Cause(source="List import")))
    default = iso(clock.now())
    rows, count = iter(people), 0
    while chunk := list(islice(rows, _CHUNK)):
        _insert(store, log if activities else None, chunk, default, stamp)
        count += len(chunk)
    return count


def _insert(store: Store, log: ActivityLog | None, people: list[Mapping[str, Any]], now: str, stamp: Stamp) -> None:
    columns = list(dict.fromkeys(name for person in people for name in person))
    parsed: dict[str, list[Any]] = {name: _column(store, name, people) for name in columns}
    ids = [store.next_lead_id() for _ in people]
    created = [value or now for value in parsed.pop("createdAt", [None] * len(people))]
    updated = [value or at for value, at in zip(parsed.pop("updatedAt", created), created, strict=True)]
    names = ("id", "createdAt", "updatedAt", "_changedAt", "leadPartitionId", *parsed)
    partition = [1] * len(people)
    store.insert("leads", names, zip(ids, created, updated, updated, partition, *parsed.values(), strict=True))
    if log is not None:
        for lead_id, person in zip(ids, people, strict=True):
            log.created(lead_id, full_name(dict(person)), stamp)
        log.flush()
    _remember_unsubscribed(store, parsed)


def _column(store: Store, name: str, people: list[Mapping[str, Any]]) -> list[Any]:
    field = store.fields.find(name)
    if field is None or not (field.writable or name in _SETTABLE):
        raise ValueError(f"people cannot be seeded with the field {name!r}")
    try:
        return [parse(field, person.get(name)) for person in people]
    except InvalidValue as wrong:
        raise ValueError(f"a value does not fit the field {name!r}") from wrong


def _remember_unsubscribed(store: Store, parsed: Mapping[str, list[Any]]) -> None:
    pairs = zip(parsed.get("email", []), parsed.get("unsubscribed", []), strict=False)
    emails = [(email,) for email, unsubscribed in pairs if email and unsubscribed]
    store.connection.executemany("INSERT OR IGNORE INTO unsubscribed_emails VALUES (?)", emails)
