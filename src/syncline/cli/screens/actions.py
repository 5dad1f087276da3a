"""What became of an action on one person, and what a delete or an undo would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from syncline.cli.screens.common import held_lines, safe, shown, some, table_of
from syncline.engine.actions.deletion import Deletion
from syncline.engine.actions.results import Ended, Result
from syncline.engine.reversal import Lasting
from syncline.engine.revival import OneRecord
from syncline.engine.undo import Undone
from syncline.engine.undo_plan import Undo
from syncline.errors import remedy_of

MOST_ROWS = 40
MOST_RUNS = 5

_COLOURS = {Ended.DONE: "green", Ended.NOTHING: "dim", Ended.ASKS: "yellow", Ended.UNKNOWN: "yellow"}


def result_as_dict(result: Result) -> dict[str, Any]:
    return {**asdict(result), "remedy": remedy_of(result.code or "")}


def result_screen(out: Console, result: Result) -> None:
    """The reason, what was made, the choice that is left, and what to do next."""
    colour = _COLOURS.get(result.ended, "bold red")
    code = f" ({result.code})" if result.code else ""
    out.print(f"[{colour}]{result.ended.value}[/]{code}: {safe(result.reason)}", soft_wrap=True)
    if result.pushed:
        out.print(f"It was pushed first, in run {result.pushed}.")
    for kind, made in sorted(result.made.items()):
        out.print(f"  {safe(kind)} {safe(made)}")
    if result.candidates:
        out.print(f"  Choose among: {', '.join(safe(one) for one in result.candidates)}", soft_wrap=True)
    if result.code and (remedy := remedy_of(result.code)):
        out.print(f"→ {remedy}", soft_wrap=True)


def deletion_as_dict(shown_: Sequence[Deletion]) -> list[dict[str, Any]]:
    return [asdict(one) for one in shown_]


def deletion_screen(out: Console, shown_: Sequence[Deletion]) -> None:
    """Each record of the person: whether it goes, and what a person should know of that."""
    table = table_of("", "record", "", whole=("record",))
    for one in shown_:
        record = f"{safe(one.subject.connection)} {safe(one.subject.object_type)} {safe(one.subject.record_id)}"
        table.add_row("[bold red]goes[/]" if one.goes else "stays", record, safe(one.note))
    out.print(table)


def undo_as_dict(plan: Undo) -> dict[str, Any]:
    put_back = plan.actions.select("side", "object_type", "record_id", "field", "before", "after", "link_id")
    stays = plan.stays.select("side", "object_type", "record_id", "field", "held", "wrote", "now", "reason")
    return {
        "runs": list(plan.runs),
        "digest": plan.digest,
        "put_back": put_back.to_dicts(),
        "brought_back": [
            {"side": one.side, "object_type": one.object_type, "record_id": one.record_id, "how": one.how}
            for one in plan.revivals
        ],
        "deleted_again": [
            {"side": one.side, "object_type": one.object_type, "record_id": one.record_id} for one in plan.removals
        ],
        "stays": stays.to_dicts(),
        "lasting": [asdict(one) for one in plan.lasting],
        "is_forgotten": plan.is_forgotten,
    }


def undo_screen(out: Console, plan: Undo, names: Mapping[str, str]) -> None:
    """The values that go back, those that stay and why, and what no value undoes."""
    runs = ", ".join(plan.runs[:MOST_RUNS]) or "no run"
    runs += f" and {len(plan.runs) - MOST_RUNS} more" if len(plan.runs) > MOST_RUNS else ""
    back = f", {some(len(plan.revivals), 'deleted record')} to bring back" if plan.revivals else ""
    back += f", {some(len(plan.removals), 'created record')} to delete" if plan.removals else ""
    out.print(f"[bold]undo[/] of {safe(runs)}: {some(len(plan.actions), 'value')} to put back{back}")
    for line in _revival_lines(plan, names):
        out.print(line, soft_wrap=True)
    if len(plan.actions):
        table = table_of("where", "field", "now", "put back", whole=("where",))
        for row in plan.actions.head(MOST_ROWS).iter_rows(named=True):
            where = f"{safe(names[row['side']])} {safe(row['record_id'])}"
            table.add_row(where, safe(row["field"]), shown(row["before"]), shown(row["after"]))
        out.print(table)
    if len(plan.stays):
        table = table_of("stays", "field", "now", "because", whole=("stays",))
        for row in plan.stays.head(MOST_ROWS).iter_rows(named=True):
            where = f"{safe(names[row['side']])} {safe(row['record_id'])}"
            table.add_row(where, safe(row["field"]), shown(row["now"]), safe(row["reason"]))
        out.print(table)
    for line in _lasting_lines(plan.lasting, names):
        out.print(line, soft_wrap=True)
    if plan.is_forgotten:
        out.print("[yellow]Part of what was written is no longer in the journal and cannot be put back.[/]")


_HOW = {"undelete": "comes out of the recycle bin", "create": "is made anew with what it held, under a new id"}


def _revival_lines(plan: Undo, names: Mapping[str, str]) -> list[str]:
    acts: list[tuple[OneRecord, str]] = [(one, _HOW[one.how]) for one in plan.revivals]
    acts += [(one, "[bold red]is deleted[/]") for one in plan.removals]
    shown_ = acts[:MOST_ROWS]
    lines = [f"  {safe(names[o.side])} {safe(o.object_type)} {safe(o.record_id)} {words}" for o, words in shown_]
    rest = len(acts) - len(shown_)
    return [*lines, f"  … and {some(rest, 'more record')} (--json for all)"] if rest else lines


def _lasting_lines(lasting: Sequence[Lasting], names: Mapping[str, str]) -> list[str]:
    """One line per kind and side, with how many records it concerns."""
    counts: dict[tuple[str, str, str], int] = {}
    for one in lasting:
        place = (one.what, one.side, one.sentence)
        counts[place] = counts.get(place, 0) + 1
    return [
        f"[yellow]Not undone[/]: {some(count, what)} on {safe(names[side])}. {sentence}"
        for (what, side, sentence), count in counts.items()
    ]


def undone_as_dict(done: Undone) -> dict[str, Any]:
    return {
        **undo_as_dict(done.plan),
        "run_id": done.run_id,
        "done": done.put_back(),
        "records_back": done.brought_back(),
        "records_deleted": done.removed(),
        "refused": done.refused.to_dicts(),
        "classes": {action: {"class": name, "reason": reason} for action, (name, reason) in done.classes.items()},
        "held": [asdict(one) for one in done.held],
        "is_other": done.is_other,
        "stopped": {"code": done.stopped.code, "message": done.stopped.message} if done.stopped else None,
    }


def undone_screen(out: Console, done: Undone) -> None:
    """What the undo did, in a few lines."""
    if done.is_other:
        out.print("[yellow]Nothing was done[/]: something changed since this was shown. Look again.")
        return
    back = f", {some(done.brought_back(), 'record')} brought back" if done.plan.revivals else ""
    back += f", {some(done.removed(), 'record')} deleted" if done.plan.removals else ""
    out.print(f"[green]{some(done.put_back(), 'value')} put back{back}[/] in run {done.run_id}.")
    for name, reason in dict.fromkeys(pair for pair in done.classes.values() if pair[0] != "written"):
        out.print(f"{name}: {safe(reason)}", soft_wrap=True)
    if len(done.refused):
        out.print(f"[bold red]{some(len(done.refused), 'field')} refused[/] by the system; they stay as they are.")
    held_lines(out, done.held)
    if done.stopped is not None:
        out.print(f"[bold red]Stopped[/] ({done.stopped.code}): {safe(done.stopped.message)}", soft_wrap=True)
