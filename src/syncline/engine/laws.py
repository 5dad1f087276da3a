"""Proof of a run: both laws of conservation, read back from the store."""

from __future__ import annotations

from syncline.engine.observe import unpack_ids
from syncline.reconcile.conserve import Balance, balance, sync_balance
from syncline.trees import Store, Table


async def balances(store: Store, sync: str, run_id: str) -> list[Balance]:
    """Every law of a run, from its RECEIPT, CAPTURED, CONSIDERED and VERDICT rows."""
    receipts = await store.rows(Table.RECEIPT, {"run_id": run_id})
    captured = await store.rows(Table.CAPTURED, {"run_id": run_id})
    out = []
    for (connection, object_type), part in receipts.group_by("connection", "object_type", maintain_order=True):
        own = captured.filter((captured["connection"] == connection) & (captured["object_type"] == object_type))
        received = [record_id for packed in part["ids"] for record_id in unpack_ids(packed)]
        classed = [
            (verdict, record_id)
            for verdict, packed in own.select("verdict", "ids").iter_rows()
            for record_id in unpack_ids(packed)
        ]
        out.append(balance("capture", f"{connection}.{object_type}", received, classed))
    considered = await store.rows(Table.CONSIDERED, {"run_id": run_id})
    verdicts = await store.rows(Table.VERDICT, {"run_id": run_id})
    return out + [sync_balance(sync, side, considered, verdicts) for side in ("a", "b")]
