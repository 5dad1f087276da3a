"""Workers, runs and schedules: who works, what ran, what comes next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from rich.console import Console

from syncline.cli.screens.common import safe, some, table_of, when
from syncline.values import instant


def worker_rows(rows: pl.DataFrame, now_us: int) -> list[dict[str, Any]]:
    """WORKER rows for people and programs, the newest first."""
    return [
        {
            "worker_id": row["worker_id"],
            "state": row["state"],
            "host": row["host"],
            "pid": row["pid"],
            "version": row["version"],
            "since": instant(row["started_us"]).isoformat(),
            "last_sign_seconds_ago": round((now_us - row["seen_us"]) / 1e6, 1),
            "doing": json.loads(row["doing"] or "[]"),
        }
        for row in rows.sort("started_us", descending=True).iter_rows(named=True)
    ]


_COLOURS = {
    "working": "green",
    "stopping": "yellow",
    "lost": "red",
    "missed": "yellow",
    "failed": "red",
    "held": "yellow",
}


def _state(text: str) -> str:
    colour = _COLOURS.get(text)
    return f"[{colour}]{text}[/]" if colour else text


def workers_screen(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    if not found:
        out.print("Nobody has worked on this state yet. `syncline up` starts.")
        return
    table = table_of("worker", "state", "since (UTC)", "last sign", "doing", whole=("worker", "since (UTC)"))
    for one in found:
        is_gone = one["state"] in ("stopped", "lost")
        table.add_row(
            safe(one["worker_id"]),
            _state(one["state"]),
            one["since"][:19].replace("T", " "),
            f"{one['last_sign_seconds_ago']:,.0f} s ago",
            "" if is_gone else safe(", ".join(one["doing"])) or "waits",
        )
    out.print(table)


def run_rows(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """RUN rows for people and programs, in the order given."""
    return [
        {
            "run_id": row["run_id"],
            "sync": row["sync"],
            "kind": row["kind"],
            "state": row["state"],
            "lane": row["lane"],
            "worker": row["worker"],
            "due_at": None if row["due_us"] is None else instant(row["due_us"]).isoformat(),
            "started_at": instant(row["started_us"]).isoformat(),
            "seconds": None if row["ended_us"] is None else (row["ended_us"] - row["started_us"]) / 1e6,
            "summary": json.loads(row["summary"] or "{}"),
        }
        for row in rows.iter_rows(named=True)
    ]


def runs_screen(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    if not found:
        out.print("Nothing has run yet.")
        return
    table = table_of("run", "sync", "kind", "state", "lane", "due (UTC)", "began (UTC)", "took", "worker", "what")
    for one in found:
        table.add_row(
            one["run_id"],
            safe(one["sync"]),
            one["kind"],
            _state(one["state"]),
            one["lane"] or "",
            (one["due_at"] or "")[:19].replace("T", " "),
            one["started_at"][:19].replace("T", " "),
            "" if one["seconds"] is None else f"{one['seconds']:.1f} s",
            safe(one["worker"] or ""),
            safe(_what(one["summary"])),
        )
    out.print(table)


def _what(summary: Mapping[str, Any]) -> str:
    """One run in a few words: what stopped it, or how much it wrote."""
    if summary.get("error"):
        told = str(summary["error"])
        return told + (f" ({some(summary['occurrences'], 'occurrence')})" if "occurrences" in summary else "")
    written = sum(side.get("written", 0) for side in summary.get("classes", {}).values())
    parts = [summary.get("trigger", ""), f"read {summary['rows_observed']}" if "rows_observed" in summary else ""]
    return ", ".join([part for part in parts if part] + ([f"wrote {written}"] if "classes" in summary else []))


def schedule_screen(out: Console, found: Mapping[str, Any]) -> None:
    """One sync's schedule: its words, its state, and the next five occurrences in its zone and in UTC."""
    out.print(f"[bold]{safe(found['sync'])}[/]: {safe(found['rule'])}")
    state = {"paused": "[yellow]paused[/]", "completed": "completed", None: "not taken up by a worker yet"}
    paused = f" since {when(found['paused_us'])} UTC" if found["state"] == "paused" else ""
    out.print(f"  {state.get(found['state'], 'active')}{paused}")
    if found["next"]:
        table = table_of(f"next in {found['zone']}", "UTC", "")
        for one in found["next"]:
            table.add_row(one["local"], one["utc"], one["note"])
        out.print(table)
