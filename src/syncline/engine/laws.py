"""Proof of a run: what the capture law needs of every page, and both laws of conservation read back from the store."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from syncline import records
from syncline.engine.settlement import add_rows
from syncline.reconcile.absorb import Absorbed
from syncline.reconcile.conserve import Balance, balance, sync_balance
from syncline.records import Page
from syncline.trees import Commit, Store, Table


async def balances(store: Store, sync: str, run_id: str) -> list[Balance]:
    """Every law of a run, from its RECEIPT, CAPTURED, CONSIDERED and VERDICT rows."""
    receipts = await store.rows(Table.RECEIPT, {"run_id": run_id})
    captured = await store.rows(Table.CAPTURED, {"run_id": run_id})
    told = captured.partition_by("connection", "object_type", as_dict=True)
    out = []
    for (connection, object_type), part in receipts.partition_by("connection", "object_type", as_dict=True).items():
        own = told.get((connection, object_type), captured.clear())
        received = [record_id for packed in part["ids"] for record_id in unpack_ids(packed)]
        classed = [
            (verdict, record_id)
            for verdict, packed in zip(own["verdict"], own["ids"], strict=True)
            for record_id in unpack_ids(packed)
        ]
        out.append(balance("capture", f"{connection}.{object_type}", received, classed))
    considered = await store.rows(Table.CONSIDERED, {"run_id": run_id})
    verdicts = await store.rows(Table.VERDICT, {"run_id": run_id})
    return out + [sync_balance(sync, side, considered, verdicts) for side in ("a", "b")]


ERASED_ID = "erased"
"""What stands in the ledgers for the record ids of erased persons: both sides of the law keep their sum."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What came instead of rows: `received` are the record ids of events as they came, `verdicts` record id and verdict
    of each; None: as the record's row on the page is judged."""

    received: Sequence[str]
    verdicts: Sequence[tuple[str, str | None]]


def put_capture_law(
    connection: str,
    page: Page,
    result: Absorbed,
    run_id: str,
    number: int,
    commit: Commit,
    *,
    erased: int = 0,
    told: Told | None = None,
) -> None:
    """Both sides of the capture law, from different sources: the page as received, and the verdicts. *erased* rows of
    persons who were erased came with the page and were left out of it. *told*: the page was made of events."""
    unreadable = [row.record_id or "?" for row in page.unreadable]
    if told is None:
        received = page.rows[records.ID].to_list() + [ERASED_ID] * erased
        by_verdict = {
            str(verdict): part["record_id"].to_list()
            for (verdict,), part in result.verdicts.partition_by("verdict", as_dict=True).items()
        }
        if erased:
            by_verdict[ERASED_ID] = [ERASED_ID] * erased
    else:
        received, by_verdict = _of_events(told, result)
    if unreadable:
        by_verdict["unreadable"] = unreadable
    place = {"run_id": run_id, "connection": connection, "object_type": page.object_type, "page": number}
    add_rows(commit, Table.RECEIPT, pl.DataFrame([place | {"ids": pack_ids(received + unreadable)}]))
    rows = [place | {"verdict": verdict, "ids": pack_ids(ids)} for verdict, ids in by_verdict.items()]
    if rows:
        add_rows(commit, Table.CAPTURED, pl.DataFrame(rows))


def _of_events(told: Told, result: Absorbed) -> tuple[list[str], dict[str, list[str]]]:
    """What was received and how it was judged. A record that has no row although one was made of its events is that of
    an erased person."""
    judged = dict(result.verdicts.iter_rows())
    gone = {record_id for record_id, verdict in told.verdicts if verdict is None and record_id not in judged}
    by_verdict: dict[str, list[str]] = {}
    for record_id, verdict in told.verdicts:
        if record_id in gone or record_id == ERASED_ID:
            by_verdict.setdefault(ERASED_ID, []).append(ERASED_ID)
        else:
            by_verdict.setdefault(verdict or judged[record_id], []).append(record_id)
    return [ERASED_ID if record_id in gone else record_id for record_id in told.received], by_verdict


def pack_ids(ids: Sequence[str]) -> bytes:
    return zlib.compress(json.dumps(list(ids)).encode(), 1)


def unpack_ids(packed: bytes) -> list[str]:
    ids: list[str] = json.loads(zlib.decompress(packed))
    return ids
