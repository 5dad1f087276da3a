"""Approval: who said yes to which plan and when, and everything that stands against applying one.

Lives here: the SEAL rows. Not here: what applying does (`apply`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from syncline.engine.sealed.paper import Header
from syncline.engine.sealed.seal import installation_print
from syncline.engine.terms import spec_print
from syncline.engine.world import World
from syncline.errors import SafetyStop
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Store, Table
from syncline.values import instant

DIGEST_CHARACTERS = 32
"""So long is the digest of a plan; that of a held set is shorter."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What is known of a plan here. `is_new`: this very call approved it. Instants and names are None until then."""

    digest: str
    state: str  # approved | applied
    is_new: bool
    decided_us: int | None
    decided_by: str | None
    applied_us: int | None
    run_id: str | None


async def known(store: Store, digest: str) -> Approval | None:
    """What is known of the plan *digest*; None: nobody has approved it."""
    rows = await store.rows(Table.SEAL, {"digest": digest, "state": ["approved", "applied"]})
    if rows.is_empty():
        return None
    return _approval(rows.row(0, named=True), is_new=False)


def _approval(row: Mapping[str, object], *, is_new: bool) -> Approval:
    def number(name: str) -> int | None:
        return value if isinstance(value := row[name], int) else None

    def text(name: str) -> str | None:
        return value if isinstance(value := row[name], str) else None

    return Approval(
        digest=str(row["digest"]),
        state=str(row["state"]),
        is_new=is_new,
        decided_us=number("decided_us"),
        decided_by=text("decided_by"),
        applied_us=number("applied_us"),
        run_id=text("run_id"),
    )


async def approve(world: World, sync: Sync, digest: str, who: str, header: Header | None = None) -> Approval:
    """Say yes to exactly the plan *digest*, of which *header* is known if its file was at hand; a second yes changes
    nothing and says whose the first was.

    Raises as `require_ours` if the header says that the plan cannot be applied here.
    """
    if header is not None:
        require_ours(world, sync, header)
    async with world.store.alone():
        if (earlier := await known(world.store, digest)) is not None:
            return earlier
        row = {
            "digest": digest,
            "sync": sync.name,
            "state": "approved",
            "counts": json.dumps(dict(header.counts) if header else {}),
            "sealed_us": header.sealed_us if header else None,
            "decided_us": world.now_us(),
            "decided_by": who,
            "applied_us": None,
            "run_id": None,
        }
        await world.store.commit(Commit(put={Table.SEAL: pl.DataFrame([row], schema=dict(TABLES[Table.SEAL][0]))}))
    return _approval(row, is_new=True)


async def note(world: World, digest: str, *, run_id: str, is_done: bool) -> None:
    """Remember that the run *run_id* applied an approved plan: wholly, or that it began to."""
    columns: dict[str, object] = {"digest": [digest], "run_id": [run_id]}
    if is_done:
        columns |= {"state": ["applied"], "applied_us": [world.now_us()]}
    await world.store.commit(Commit(amend={Table.SEAL: [pl.DataFrame(columns)]}))


def require_ours(world: World, sync: Sync, header: Header) -> None:
    """SafetyStop SYN-622: the plan is another sync's or installation's, or the sync is configured otherwise now."""
    if header.installation != installation_print(world.key):
        what = "The plan was sealed with another state: what it rests on is not known here."
    elif header.sync != sync.name:
        what = f"The plan is one of the sync {header.sync!r}, not of {sync.name!r}."
    elif header.spec != spec_print(sync):
        what = f"The sync {sync.name!r} is configured otherwise than when the plan was sealed."
    else:
        return
    raise SafetyStop(what, code="SYN-622")


async def require_approved(world: World, header: Header) -> Approval:
    """What is known of the plan. SafetyStop SYN-620: nobody has approved it."""
    approval = await known(world.store, header.digest)
    if approval is None:
        sealed = instant(header.sealed_us).strftime("%Y-%m-%d %H:%M:%S")
        raise SafetyStop(f"Nobody has approved the plan {header.digest}, sealed at {sealed} UTC.", code="SYN-620")
    return approval
