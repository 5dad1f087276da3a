"""Status, verify and explain: what is, without changing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.measure import Measurement

from syncline.cli.screens.agreement import ago, agreement_words
from syncline.cli.screens.common import safe, shown, some, table_of, when
from syncline.cli.screens.limits import limits_lines
from syncline.engine.consent import Source
from syncline.engine.explain import Event, Explanation, FieldState
from syncline.engine.verify import EXPLAINED, UNEXPLAINED, VerifyReport, sample


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
        "tombstones": report.tombstones,
        "fields": report.counts,
        "sample": list(sample(report, limit)),
    }


def verify_screen(out: Console, report: VerifyReport, names: Mapping[str, str], limit: int) -> None:
    """Every mapped field with its classes, then what nobody can explain, then the verdict."""
    classes = [n for n in ("equal", "normalised", *EXPLAINED, UNEXPLAINED) if report.total(n) or n == UNEXPLAINED]
    table = table_of("field", *classes, whole=("field",))
    table.padding = (0, 1, 0, 0)  # many columns: all of them fit on a narrow terminal
    for mapping, counts in report.counts.items():
        table.add_row(mapping, *(str(counts.get(name, 0) or "") for name in classes))
    table.add_row("[bold]all[/]", *(f"[bold]{report.total(name)}[/]" for name in classes))
    out.print(table)
    for row in sample(report, limit):
        out.print(
            f"[red]unexplained[/] {safe(str(row['mapping']))} of {row['id_a']} / {row['id_b']}: "
            f"{names['a']} {shown(row['value_a'])}, {names['b']} {shown(row['value_b'])}",
            soft_wrap=True,
        )
    verdict = "[bold green]Both sides agree.[/]" if report.is_converged else "[bold red]Not proven.[/]"
    out.print(
        f"{verdict} {some(report.pairs, 'linked pair')}, {some(report.pair_fields, 'field')} compared: "
        f"{report.unexplained} unexplained, {report.explained} explained."
    )
    out.print(
        f"A run now would write {some(report.pending, 'record')} (`status` counts what one would look at); "
        f"writes of unknown outcome {report.unknown}; "
        + "records without a partner: "
        + ", ".join(f"{name} {report.unlinked.get(side, 0)}" for side, name in names.items())
        + "."
    )


_WAITS = (
    ("backlog", "records the next run looks at", "syncline plan shows what it would write"),
    ("unknown_writes", "writes of unknown outcome", "read back in the next run"),
    ("open_conflicts", "open conflicts", "syncline conflicts"),
    ("errors", "refused records", "syncline errors"),
    ("frozen", "frozen fields", "syncline thaw"),
    ("holds", "waiting for a person", "syncline holds"),
)


def status_screen(out: Console, found: Mapping[str, Any]) -> None:
    """Links, what waits with the command that shows it, how old each object's copy is, and the last runs."""
    state = "enabled" if found["is_enabled"] else "[yellow]disabled[/]"
    out.print(f"[bold]{safe(found['sync'])}[/] ({found['preset']}, {state}): {some(found['links'], 'link')}")
    waits = table_of("", "", "")
    waits.show_header = False
    for name, words, command in _WAITS:
        count = found[name]
        colour = "yellow" if count and name != "backlog" else "default"
        waits.add_row(f"[{colour}]{count}[/]", words, f"[dim]{command}[/]" if count else "")
    out.print(waits)
    objects = table_of("object", "records", "last read", whole=("object",))
    for row in found["objects"]:
        objects.add_row(safe(row["object"]), str(row["records"]), _age(row["captured_seconds_ago"]))
    out.print(objects)
    for row in found["streams"]:
        since = f", the newest {ago(row['event_seconds_ago'])}" if row["event_seconds_ago"] is not None else ""
        why = f": {row['why']}" if row["why"] else ""
        words = f"{row['connection']} {row['channel']}: {row['state']}{why}; {some(row['events'], 'event')}{since}"
        out.print(safe(words), soft_wrap=True)
    limits_lines(out, found["limits"])
    for words in agreement_words(found["agreement"]):
        out.print(words, soft_wrap=True)
    if not found["runs"]:
        out.print("No run yet: `syncline plan` shows what the first one would do.")
        return
    runs = table_of("last runs", "started (UTC)", "took", "state", whole=("last runs", "started (UTC)", "took"))
    for at, row in enumerate(found["runs"]):
        took = "" if row["seconds"] is None else f"{row['seconds']:.1f} s"
        # A run that never ended and has a successor was cut off: its process is gone.
        ended = "cut off" if row["state"] == "running" and at else row["state"]
        error = row["summary"].get("error")
        runs.add_row(
            row["run_id"],
            row["started_at"][:19].replace("T", " "),
            took,
            ended + (f": {safe(error)}" if error else ""),
        )
    out.print(runs)


def _age(seconds: float | None) -> str:
    return "never" if seconds is None else ago(seconds)


def explain_as_dict(found: Explanation) -> dict[str, Any]:
    return asdict(found)


def explain_screen(out: Console, found: Explanation, names: Mapping[str, str]) -> None:
    """One person: who is who, every field with what was agreed, what waits, then the history."""
    for subject in found.subjects:
        out.print(f"{safe(subject.connection)} {subject.object_type} [bold]{safe(subject.record_id)}[/]")
    if found.link is None:
        out.print("Not linked to anybody on the other side.")
    else:
        rule = safe(str(found.link["rule"]))
        out.print(f"linked by [bold]{rule}[/] at {when(found.link['decided_us'])} UTC")
    _tale(out, found, names)
    _fields(out, found, names)
    for one in found.fields:
        for source in one.sources:
            out.print(_source(one.mapping, source, names), soft_wrap=True)
    for hold in found.holds:
        out.print(f"[yellow]waits[/] {hold['kind']}: {safe(str(hold['subject']))}", soft_wrap=True)
    for row in found.letters:
        words = f"{row['letter_id']} {row['code']}: {row['message']} (sent {row['sent']})"
        out.print(f"[yellow]refused[/] {safe(words)}", soft_wrap=True)
    for row in found.conflicts:
        values = f"{names['a']} {shown(row['value_a'])}, {names['b']} {shown(row['value_b'])}"
        out.print(f"[yellow]conflict[/] {when(row['at_us'])} {safe(str(row['reason']))}: {values}", soft_wrap=True)
    _history(out, found, names)


_FOLLOWS = {
    "flag": "only what tells of it flows to the other side",
    "delete": "its counterpart is deleted as well",
    "nothing": "its counterpart stays; `syncline push` makes it anew",
    "held": "a person decides (`syncline resolve`)",
    "recreate": "the counterpart's next edit makes it anew",
    "at_once": "the next run makes it anew",
    "back_in_filter": "it is made anew when its counterpart passes the filter again",
}


def _tale(out: Console, found: Explanation, names: Mapping[str, str]) -> None:
    """Records that ended, the tombstone, and mergers."""
    for one in found.tale.former:
        out.print(f"[dim]{safe(names[one.side])}: {safe(one.words)}[/]", soft_wrap=True)
    if (ended := found.tale.ended) is not None:
        words = f"{ended.why.replace('_', ' ')} on {names[ended.side]}; {_FOLLOWS[ended.then]}"
        out.print(f"[yellow]tombstone[/] {safe(words)}", soft_wrap=True)
    for row in found.tale.mergers:
        out.print(f"merger {row['state']}: {safe(str(row['reason']))}", soft_wrap=True)


def _source(mapping: str, source: Source, names: Mapping[str, str]) -> str:
    """Where a consent value comes from, on one line."""
    by = "copied by us" if source.is_ours else f"by {safe(source.actor)}" if source.actor else "nobody knows by whom"
    act = {True: ", a person's act", False: ", by a program", None: ""}[None if source.is_ours else source.is_person]
    value = shown(source.value)
    return f"{safe(mapping)}: {safe(names[source.side])} says {value} since {when(source.at_us)}, {by}{act}"


def _fields(out: Console, found: Explanation, names: Mapping[str, str]) -> None:
    """The fields that hold something or about which there is something to say; the others are counted."""
    telling = [f for f in found.fields if f.value_a or f.value_b or f.marks or f.changed_a or f.changed_b]
    if telling:
        rows = [_field_cells(one, names) for one in telling]
        table = table_of("field", names["a"], names["b"], "since agreed", "flow, who wins", "noted", whole=("field",))
        for row in rows:
            table.add_row(*row)
        if Measurement.get(out, out.options.update(width=_ANY_WIDTH), table).minimum <= out.width:
            out.print(table)
        else:
            _stacked(out, rows, names)
    if rest := len(found.fields) - len(telling):
        out.print(f"{some(rest, 'more field')} {'is' if rest == 1 else 'are'} empty on both sides.")


def _field_cells(one: FieldState, names: Mapping[str, str]) -> tuple[str, ...]:
    flow = _FLOWS[one.direction].format(**names)
    return (
        one.mapping,
        shown(one.value_a),
        shown(one.value_b),
        _since(one.changed_a, one.changed_b, names),
        flow or names.get(one.policy, one.policy.replace("_", " ")),
        ", ".join(kind for kind, _ in one.marks),
    )


_ANY_WIDTH = 10_000


def _stacked(out: Console, rows: Sequence[tuple[str, ...]], names: Mapping[str, str]) -> None:
    """A line a field that both sides hold alike, else three: where a table would break ids and addresses over lines."""
    width, widest = max(len(name) for name in names.values()), max(len(row[0]) for row in rows)
    for field, *values, since, flow, noted in rows:
        said = f"{since}; {flow}{noted and '; '}{noted}"
        if values[0] == values[1]:
            out.print(f"{field:<{widest}}  {values[0]}  [dim]({said})[/]", soft_wrap=True)
            continue
        out.print(f"{field:<{widest}}  [dim]({said})[/]", soft_wrap=True)
        for name, value in zip(names.values(), values, strict=True):
            out.print(f"  {name:<{width}}  {value}", soft_wrap=True)


_FLOWS = {"both": "", "a_to_b": "{a} → {b}", "b_to_a": "{b} → {a}"}


def _history(out: Console, found: Explanation, names: Mapping[str, str]) -> None:
    if found.events:
        out.print("[bold]history[/] (UTC)")
    for line in dict.fromkeys(filter(None, (_event(event, names) for event in found.events))):
        out.print(line, soft_wrap=True)


def _event(event: Event, names: Mapping[str, str]) -> str:
    """One line of the history in markup; "" if there is nothing to tell. What one act did to several records of a
    person reads the same for each."""
    where = f"{names[event.side]}: " if event.side in names else ""
    changes = _changes(event.detail)
    what = event.cause if event.detail else event.text
    if not what or (event.detail and not changes):
        return ""
    return f"{when(event.at_us)}  {safe(where + what)}" + (f": {changes}" if changes else "")


def _changes(cells: Mapping[str, Any]) -> str:
    """Changed cells in markup; a cell first seen empty says nothing, and one first seen has no before."""
    parts = []
    for name, (before, after) in cells.items():
        if before is None and after:
            parts.append(f"{safe(name)} {shown(after)}")
        elif before is not None:
            parts.append(f"{safe(name)} {shown(before)} → {shown(after)}")
    return ", ".join(parts)


def _since(changed_a: bool | None, changed_b: bool | None, names: Mapping[str, str]) -> str:
    if changed_a is None and changed_b is None:
        return "[dim]not agreed yet[/]"
    changed = [names[side] for side, moved in (("a", changed_a), ("b", changed_b)) if moved]
    return f"changed on {' and '.join(changed)}" if changed else "unchanged"
