"""Reports as tables for a terminal and as plain objects for `--json`. No I/O but printing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from syncline.engine.cycle import RunReport
from syncline.engine.explain import Explanation
from syncline.engine.verify import EXPLAINED, UNEXPLAINED, VerifyReport, sample
from syncline.reconcile.conserve import CLASSES
from syncline.records import SIDES
from syncline.values import instant


def frame_as_dicts(rows: pl.DataFrame) -> list[dict[str, Any]]:
    return list(rows.iter_rows(named=True))


def when(at_us: int | None) -> str:
    """An instant to the second, UTC."""
    return "–" if at_us is None else instant(at_us).strftime("%Y-%m-%d %H:%M:%S")


def shown(value: str | None) -> str:
    """A cell for a person: quoted text, or why there is none."""
    if value is None:
        return "[dim]unread[/]"
    return escape(value) if value else "[dim]empty[/]"


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def counts_of(actions: pl.DataFrame) -> dict[str, int]:
    """How much a plan does: records by kind and side, fields, blank-outs."""
    subjects = actions.select("action", "kind", "side").unique()
    out = {
        f"{kind}s_on_{side}": len(subjects.filter((pl.col("kind") == kind) & (pl.col("side") == side)))
        for kind in ("create", "update")
        for side in SIDES
    }
    blanks = actions.filter((pl.col("after") == "") & (pl.col("before").fill_null("") != ""))
    return out | {"fields": len(actions), "blank_outs": len(blanks)}


def plan_as_dict(report: RunReport) -> dict[str, Any]:
    names = ["action", "kind", "side", "object_type", "record_id", "mapping", "field", "before", "after", "reason"]
    return {
        "sync": report.sync,
        "counts": counts_of(report.actions),
        "held": [asdict(held) for held in report.held],
        "classes": {side: report.counts(side) for side in SIDES},
        "calls": report.calls,
        "actions": frame_as_dicts(report.actions.select(names)),
    }


def plan_screen(out: Console, report: RunReport, limit: int) -> None:
    """What would be written, field by field, then what is held."""
    actions = report.actions
    if actions.is_empty():
        out.print("Nothing to do: both sides hold what they agreed on.")
    else:
        _actions_table(out, actions, limit)
    counts = counts_of(actions)
    parts = [f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n]
    out.print("Would do: " + (", ".join(parts) or "nothing") + ". Nothing was written.")
    _held(out, report)


def _actions_table(out: Console, actions: pl.DataFrame, limit: int) -> None:
    subjects = actions["action"].unique(maintain_order=True)
    table = _table("record", "field", "before", "", "after", "why")
    for action in subjects.head(limit):
        own = actions.filter(pl.col("action") == action)
        for at, row in enumerate(own.iter_rows(named=True)):
            what = f"{row['kind']} {row['object_type']} {row['record_id'] or ''} on {row['side']}" if at == 0 else ""
            why = row["reason"] if row["kind"] == "update" or row["is_default"] else ""
            if at == 0 and row["kind"] == "create":
                why = f"new, from {row['source_type']} {row['source_id']}"
            table.add_row(what, row["field"], shown(row["before"]), "→", shown(row["after"]), escape(why))
        table.add_section()
    out.print(table)
    if len(subjects) > limit:
        out.print(f"… and {len(subjects) - limit} more (--limit, or --json for all).")


def _held(out: Console, report: RunReport) -> None:
    for held in report.held:
        out.print(
            f"[bold yellow]Held[/]: {len(held.actions)} {held.kind}s are above the ceiling of {held.allowed}. "
            f"`syncline approve {held.digest}` lets exactly these through."
        )


def run_as_dict(report: RunReport) -> dict[str, Any]:
    return {
        "run_id": report.run_id,
        "sync": report.sync,
        "green": report.is_green,
        "balanced": report.is_balanced,
        "observed": {f"{c.connection}.{c.object_type}": c.rows for c in report.captures},
        "empty_sides": [f"{c.connection}.{c.object_type}" for c in report.captures if c.is_empty_side],
        "links_made": report.links_made,
        "written": counts_of(report.actions) if report.stopped is None else {},
        "classes": {side: report.counts(side) for side in SIDES},
        "conflicts": report.conflicts,
        "held": [asdict(held) for held in report.held],
        "unknown": report.unknown,
        "calls": report.calls,
        "stopped": str(report.stopped) if report.stopped else None,
    }


def run_screen(out: Console, report: RunReport) -> None:
    """One cycle as a table: what became of every record considered, per side."""
    observed = ", ".join(f"{c.object_type} {c.rows}" for c in report.captures)
    out.print(f"[bold]{escape(report.sync)}[/]  observed: {observed or 'nothing new'}; linked: {report.links_made}")
    counts = {side: report.counts(side) for side in SIDES}
    present = [name for name in CLASSES if any(name in counts[side] for side in SIDES)]
    if present:
        table = _table("side", *present)
        for side in SIDES:
            table.add_row(side, *(str(counts[side].get(name, 0)) for name in present))
        out.print(table)
    for capture in report.captures:
        if capture.is_empty_side:
            out.print(
                f"[bold red]Held[/]: {capture.connection}.{capture.object_type} had records and now answers none. "
                "Nothing was taken from that answer; look at the system before anything else."
            )
    _held(out, report)
    if report.stopped is not None:
        out.print(f"[bold red]Stopped[/]: {escape(str(report.stopped))}")
    calls = ", ".join(f"{name} {count}" for name, count in report.calls.items())
    proof = "both laws balance" if report.is_balanced else "[bold red]the laws of conservation do not balance[/]"
    unknown = f"; {report.unknown} writes of unknown outcome, read back in the next run" if report.unknown else ""
    out.print(f"{proof}; conflicts decided: {report.conflicts}; API calls: {calls or 'none'}{unknown}")


def verify_as_dict(report: VerifyReport, limit: int) -> dict[str, Any]:
    return {
        "sync": report.sync,
        "converged": report.is_converged,
        "pairs": report.pairs,
        "pair_fields": report.pair_fields,
        "equal": report.total("equal"),
        "normalised": report.total("normalised"),
        "explained": {name: report.total(name) for name in EXPLAINED if report.total(name)},
        "unexplained": report.unexplained,
        "backlog": report.pending,
        "unknown_writes": report.unknown,
        "unlinked": report.unlinked,
        "fields": report.counts,
        "sample": list(sample(report, limit)),
    }


def verify_screen(out: Console, report: VerifyReport, limit: int) -> None:
    classes = [n for n in ("equal", "normalised", *EXPLAINED, UNEXPLAINED) if report.total(n) or n == UNEXPLAINED]
    table = _table("field", *classes)
    for mapping, counts in report.counts.items():
        table.add_row(mapping, *(str(counts.get(name, 0) or "") for name in classes))
    table.add_section()
    table.add_row("[bold]all[/]", *(f"[bold]{report.total(name)}[/]" for name in classes))
    out.print(table)
    for row in sample(report, limit):
        out.print(
            f"unexplained: {row['mapping']} of {row['id_a']} / {row['id_b']}: "
            f"a {shown(row['value_a'])}, b {shown(row['value_b'])}"  # type: ignore[arg-type]
        )
    verdict = "[bold green]Both sides agree.[/]" if report.is_converged else "[bold red]Not proven.[/]"
    out.print(
        f"{verdict} {report.pairs} linked pairs, {report.pair_fields} fields compared; "
        f"{report.unexplained} unexplained, backlog {report.pending}, unknown writes {report.unknown}; "
        f"unlinked records: a {report.unlinked.get('a', 0)}, b {report.unlinked.get('b', 0)}."
    )


def status_screen(out: Console, found: Mapping[str, Any]) -> None:
    state = "enabled" if found["is_enabled"] else "[yellow]disabled[/]"
    out.print(f"[bold]{escape(found['sync'])}[/] ({found['preset']}, {state}): {found['links']} links")
    table = _table("side", "object", "records", "captured")
    for row in found["objects"]:
        age = row["captured_seconds_ago"]
        table.add_row(row["side"], row["object"], str(row["records"]), "never" if age is None else f"{age:.0f} s ago")
    out.print(table)
    waits = [
        ("backlog", "backlog"),
        ("unknown_writes", "writes of unknown outcome"),
        ("open_conflicts", "open conflicts"),
        ("errors", "errors (`syncline errors`)"),
        ("holds", "holds (`syncline holds`)"),
    ]
    out.print("; ".join(f"{words}: {found[name]}" for name, words in waits))
    if found["runs"]:
        runs = _table("run", "started", "seconds", "state", "error")
        for row in found["runs"]:
            took = "" if row["seconds"] is None else f"{row['seconds']:.1f}"
            error = row["summary"].get("error") or ""
            runs.add_row(row["run_id"], row["started_at"][:19], took, row["state"], escape(error))
        out.print(runs)


def explain_as_dict(found: Explanation) -> dict[str, Any]:
    return asdict(found)


def explain_screen(out: Console, found: Explanation) -> None:
    """One person: who is who, every field with what was agreed, then the history."""
    for subject in found.subjects:
        out.print(f"side {subject.side}: {subject.connection} {subject.object_type} [bold]{subject.record_id}[/]")
    if found.link is None:
        out.print("Not linked to anybody on the other side.")
    else:
        out.print(f"linked by [bold]{escape(str(found.link['rule']))}[/], {_decided(found.link)} UTC")
    if found.fields:
        table = _table("field", "a", "b", "since they agreed", "direction", "who wins", "noted")
        for one in found.fields:
            notes = ", ".join(kind for kind, _ in one.marks)
            table.add_row(
                one.mapping,
                shown(one.value_a),
                shown(one.value_b),
                _since(one.changed_a, one.changed_b),
                one.direction,
                one.policy,
                notes,
            )
        out.print(table)
    for title, rows in (("waits", found.holds), ("errors", found.letters)):
        for row in rows:
            out.print(f"[yellow]{title}[/]: " + escape(_summary(row)))
    for row in found.conflicts:
        out.print(f"conflict, {when(row['at_us'])}: {escape(str(row['reason']))}; " + _values(row))
    if found.events:
        history = _table("when (UTC)", "side", "what", "values", title="history")
        for event in found.events:
            history.add_row(when(event.at_us), event.side, event.cause, escape(event.text))
        out.print(history)


def _since(changed_a: bool | None, changed_b: bool | None) -> str:
    if changed_a is None and changed_b is None:
        return "[dim]not agreed yet[/]"
    changed = [side for side, moved in (("a", changed_a), ("b", changed_b)) if moved]
    return f"changed on {' and '.join(changed)}" if changed else "unchanged"


def _summary(row: Mapping[str, Any]) -> str:
    if "code" in row:
        return f"{row['letter_id']} {row['code']}: {row['message']} (sent {row['sent']})"
    return f"{row['kind']}: {row['subject']}"


def _values(row: Mapping[str, Any]) -> str:
    return f"a {shown(row['value_a'])}, b {shown(row['value_b'])}"


def conflicts_screen(out: Console, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        out.print("No conflict has been met.")
        return
    table = _table("when (UTC)", "field", "kind", "a", "b", "winner", "why")
    for row in rows.iter_rows(named=True):
        winner = row["winner_side"] or "[yellow]open[/]"
        table.add_row(
            when(row["at_us"]),
            row["mapping"],
            row["kind"],
            shown(row["value_a"]),
            shown(row["value_b"]),
            winner,
            escape(row["reason"] or ""),
        )
    out.print(table)


def errors_screen(out: Console, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        out.print("Nothing was refused.")
        return
    table = _table("id", "when (UTC)", "record", "code", "what the system said", "sent", "wakes on")
    for row in rows.iter_rows(named=True):
        record = f"{row['object_type']} {row['record_id'] or ''} → {row['side']}"
        table.add_row(
            row["letter_id"],
            when(row["at_us"]),
            record,
            row["code"],
            escape(row["message"]),
            escape(row["sent"]),
            f"another {row['wakes_on']}",
        )
    out.print(table)
    out.print("`syncline retry` tries them all again in the next run; `syncline retry ID` one of them.")


def holds_screen(out: Console, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        out.print("Nothing waits for a person.")
        return
    table = _table("kind", "what", "digest", "since (UTC)")
    for row in rows.head(200).iter_rows(named=True):
        subject = json.loads(row["subject"])
        words = (
            "; ".join(
                f"{one.get('side', '')} {one.get('object_type', '')} {one.get('record_id', one)}" for one in subject
            )
            if isinstance(subject, list)
            else ", ".join(f"{name} {value}" for name, value in subject.items())
        )
        table.add_row(row["kind"], escape(words), row["digest"], when(row["at_us"]))
    out.print(table)
    if len(rows) > 200:
        out.print(f"… and {len(rows) - 200} more (--json for all).")


def _decided(link: Mapping[str, object]) -> str:
    at_us = link["decided_us"]
    return when(at_us if isinstance(at_us, int) else None)
