"""Who may own a person: users and queues, found by id, name or address.

Lives here: finding them and saying which records they may own. Not here: giving anything to them (`ownership`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from syncline.engine.actions.acting import Acting
from syncline.engine.actions.results import Refused
from syncline.engine.observe import consult
from syncline.records import ID
from syncline.spec.actions import OwnerKind


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Somebody who may own a person. `name` is what a person calls it."""

    kind: OwnerKind
    record_id: str
    name: str
    is_active: bool


async def find_owner(acting: Acting, text: str) -> Owner:
    """The user or queue that *text* names: an id, a name, an address; "user:" or "queue:" before it says which kind.

    Several: the active ones are meant. Raises Refused (SYN-172 none or several, SYN-173 inactive).
    """
    word, colon, rest = text.partition(":")
    kinds = [kind for kind in acting.table.owner_kinds if not colon or kind.word == word.strip().lower()]
    wanted = (rest if colon and kinds else text).strip()
    asked = (kinds or acting.table.owner_kinds) if wanted else ()
    found = [owner for kind in asked for owner in await _of_kind(acting, kind, wanted)]
    active = [owner for owner in found if owner.is_active]
    if not found:
        words = " or ".join(kind.word for kind in acting.table.owner_kinds)
        raise Refused("SYN-172", f"There is no {words} {text!r}.")
    if not active:
        raise Refused("SYN-173", f"The {found[0].kind.word} {found[0].name!r} is inactive.", candidates=_ids(found))
    if len(active) > 1:
        raise Refused("SYN-172", f"{text!r} fits {len(active)} owners.", candidates=_ids(active))
    return active[0]


def require_may_own(owner: Owner, object_type: str) -> None:
    """Refused SYN-174 if such an owner cannot own records of that type: nothing is sent, and nothing made for it."""
    if object_type not in owner.kind.owns:
        raise Refused("SYN-174", f"A {owner.kind.word} cannot own a {object_type}: {owner.name!r} was not given it.")


async def _of_kind(acting: Acting, kind: OwnerKind, wanted: str) -> list[Owner]:
    connection = acting.sync.side(acting.table.side).connection
    fields = [*kind.found_by, *kind.only, *([kind.active] if kind.active else [])]
    found: dict[str, Owner] = {}
    for key_field in (None, *kind.found_by):
        rows = await consult(acting.world, connection, kind.object_type, fields, [wanted], key_field=key_field)
        found |= {owner.record_id: owner for owner in _owners(kind, rows.iter_rows(named=True))}
        if found:
            break
    return list(found.values())


def _owners(kind: OwnerKind, rows: Iterator[Mapping[str, str]]) -> Iterator[Owner]:
    for row in rows:
        if all(row.get(name) == cell for name, cell in kind.only.items()):
            is_active = kind.active is None or row.get(kind.active) == "true"
            yield Owner(kind=kind, record_id=row[ID], name=row.get(kind.shown) or row[ID], is_active=is_active)


def _ids(owners: list[Owner]) -> list[str]:
    return [owner.record_id for owner in owners]
