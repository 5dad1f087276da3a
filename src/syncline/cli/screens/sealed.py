"""Sealed plans: what is in one, who approved it, and what applying it came to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from syncline.cli.screens.common import safe, shown, some, when
from syncline.engine.sealed.approval import Approval
from syncline.engine.sealed.paper import Header
from syncline.engine.sealed.results import Applied, Undone

_KINDS = {"link": "link", "create": "new counterpart of", "update": "update", "delete": "delete"}
_SIGNS = {"link": "[cyan]=[/]", "create": "[green]+[/]", "update": "[yellow]~[/]", "delete": "[red]-[/]"}
MOST_UNDONE = 20


def header_as_dict(header: Header) -> dict[str, Any]:
    return asdict(header)


def counts_words(header: Header) -> str:
    """ "1 link, 3 creates on marketing, 2 updates on crm: 17 fields, 1 of them blanked out"; "nothing" for nothing."""
    counts = header.counts
    parts = [some(counts["links"], "new link")] if counts["links"] else []
    parts += [
        f"{some(counts[f'{kind}s_on_{side}'], kind)} on {safe(name)}"
        for kind in ("create", "update", "delete")
        for side, name in header.sides.items()
        if counts[f"{kind}s_on_{side}"]
    ]
    if not parts:
        return "nothing"
    blanks = f", {counts['blank_outs']} of them blanked out" if counts["blank_outs"] else ""
    return ", ".join(parts) + (f": {some(counts['fields'], 'field')}{blanks}" if counts["fields"] else "")


def sealed_screen(out: Console, header: Header, path: Path) -> None:
    """How much a plan is, what it covers and leaves out, what it takes, and what to do with it."""
    out.print(f"[bold]Sealed plan[/] {header.digest} of {safe(header.sync)}, {when(header.sealed_us)} UTC")
    out.print(f"It makes {counts_words(header)}.", soft_wrap=True)
    for words in header.beyond_ceilings:
        out.print(f"[bold yellow]Beyond a ceiling[/] and in this plan: {safe(words)}.", soft_wrap=True)
    for words in header.left_out:
        out.print(f"[yellow]Not in this plan[/]: {safe(words)}.", soft_wrap=True)
    estimate = header.estimate
    calls = ", ".join(f"{safe(name)} {estimate.read[name]} + {count}" for name, count in estimate.write.items())
    out.print(f"API calls to read again and to write: at most {calls}.", soft_wrap=True)
    out.print(f"It takes {_minutes(estimate.minutes)}, reckoned so:", soft_wrap=True)
    for words in estimate.how.split("; "):
        out.print(f"  [dim]{safe(words)}[/]", soft_wrap=True)
    out.print(f"[dim]{safe(header.personal_data)}[/]", soft_wrap=True)
    name = safe(path)
    out.print(f"→ `syncline approve {name}`, then `syncline apply {name}`.", soft_wrap=True)


def _minutes(minutes: float) -> str:
    return "less than a minute" if minutes < 1 else f"about {minutes:.0f} min"


def lines_screen(out: Console | None, lines: Iterable[bytes], sides: Mapping[str, str]) -> list[dict[str, Any]]:
    """Print the lines of a plan; without a console give them back as they are."""
    if out is None:
        return [json.loads(text) for text in lines]
    for text in lines:
        _line(out, json.loads(text), sides)
    return []


def _line(out: Console, told: Mapping[str, Any], sides: Mapping[str, str]) -> None:
    kind = told["do"]
    if kind == "link":
        ends = " and ".join(f"{told[side][0]} {told[side][1]} of {sides[side]}" for side in ("a", "b"))
        out.print(f"{_SIGNS[kind]} [bold]link[/] {safe(ends)} [dim]{safe(told['why'])}[/]", soft_wrap=True)
        return
    subject = f"{told['object']} {told['id'] or '(new)'} on {sides[told['side']]}"
    source = " ".join(told["from"])
    why = f" [dim]{safe(told['why'])}[/]" if told["why"] else ""
    out.print(f"{_SIGNS[kind]} [bold]{safe(subject)}[/], from {safe(source)}{why}", soft_wrap=True)
    for field in told["fields"]:
        change = shown(field["after"]) if kind == "create" else f"{shown(field['before'])} → {shown(field['after'])}"
        out.print(f"    {safe(field['field'])}  {change}  [dim]{safe(field['reason'] or '')}[/]", soft_wrap=True)


def approval_as_dict(given: Approval) -> dict[str, Any]:
    return asdict(given)


def approval_screen(out: Console, given: Approval) -> None:
    """Who said yes and when, and what has come of it."""
    said = f"by {safe(given.decided_by)} at {when(given.decided_us)} UTC"
    if given.is_new:
        out.print(f"The plan {given.digest} is approved, {said}.", soft_wrap=True)
    else:
        out.print(f"The plan {given.digest} was approved before, {said}; nothing has changed.", soft_wrap=True)
    if given.state == "applied":
        out.print(f"It was applied at {when(given.applied_us)} UTC by run {given.run_id}.", soft_wrap=True)


def applied_as_dict(done: Applied) -> dict[str, Any]:
    report, earlier = done.report, done.earlier
    return {
        "digest": done.digest,
        "applied_before": None if earlier is None else {"run_id": earlier.run_id, "applied_us": earlier.applied_us},
        "run_id": report.run_id if report else None,
        "complete": done.is_whole,
        "balanced": report.is_balanced if report else None,
        "links": done.links,
        "written": done.written,
        "written_before": done.before,
        "moved": [asdict(one) for one in done.moved],
        "refused": [asdict(one) for one in done.refused],
        "left": [asdict(one) for one in done.left],
        "calls": report.calls if report else {},
        "stopped": str(report.stopped) if report and report.stopped else None,
    }


def applied_screen(out: Console, done: Applied, sides: Mapping[str, str]) -> None:
    """What was done, what was not and why, and the proof."""
    if done.earlier is not None:
        by = f"run {done.earlier.run_id}, approved by {safe(done.earlier.decided_by)}"
        out.print(f"This plan was applied before, at {when(done.earlier.applied_us)} UTC by {by}. Nothing was done.")
        return
    assert done.report is not None
    before = f"; {some(done.before, 'record')} had been written by it before" if done.before else ""
    out.print(
        f"[bold]Applied[/] by run {done.report.run_id}: {some(done.links, 'link')} made, "
        f"{some(done.written, 'record')} written{before}.",
        soft_wrap=True,
    )
    _undone(out, "[yellow]Not done, left for the next plan[/]", done.moved, sides)
    _undone(out, "[red]Refused by the system[/] (syncline errors)", done.refused, sides)
    _undone(out, "[yellow]Still to be done[/]: apply the plan again for", done.left, sides)
    if done.report.stopped is not None:
        out.print(
            f"[bold red]Stopped[/] ({done.report.stopped.code}): {safe(done.report.stopped.message)}", soft_wrap=True
        )
    proof = "every row read and every record considered is accounted for"
    out.print(f"proof: {proof}" if done.report.is_balanced else "[bold red]the laws of conservation do not balance[/]")


def _undone(out: Console, words: str, rows: Sequence[Undone], sides: Mapping[str, str]) -> None:
    if not rows:
        return
    out.print(f"{words}: {len(rows)}")
    for one in rows[:MOST_UNDONE]:
        subject = f"{_KINDS[one.kind]} {one.object_type} {one.record_id} of {sides[one.side]}"
        out.print(f"  {safe(subject)}: {safe(one.why)}", soft_wrap=True)
    if len(rows) > MOST_UNDONE:
        out.print(f"  … and {len(rows) - MOST_UNDONE} more (--json for all).")
