"""Pages made from the command and the configuration's types: cli, errors, exit-codes, configuration, the JSON Schema.

Lives here: what imports syncline to describe it. Pages made by reading sources alone are in `generate.py`.
"""

from __future__ import annotations

import json
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from syncline.cli.main import app
from syncline.cli.session import EXIT_CODES
from syncline.connectors.registry import manifest_of
from syncline.engine.retrying import POLICY
from syncline.errors import CODES
from syncline.spec.expressions import CAST_TYPE_NAMES, FUNCTION_NAMES
from syncline.spec.file import CeilingFile, FieldFile, File, ProbabilisticFile, SideFile, SyncFile, json_schema
from syncline.spec.model import Blanks, Creates, Direction, Drift, LeavesFilter, Overridden, Policy
from syncline.spec.presets.people import PRESETS

CONNECTORS = ("salesforce", "marketo")
_HUNDREDS = {
    "0": "",
    "1": "1xx: the configuration or the command line. Nothing was started.",
    "2": "2xx: access. A person grants a right or re-authorises.",
    "3": "3xx: not now. The same request later; the next run continues.",
    "4": "4xx: read again, then decide. The next run does.",
    "5": "5xx: a system answered what we do not understand. Nothing more was sent.",
    "6": "6xx: held for a person.",
    "7": "7xx: our own state. Nothing was sent.",
    "9": "9xx: a bug of ours.",
}


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def errors_page(head: str) -> str:
    lines = [
        head,
        "# Error codes",
        "",
        "Codes are stable. Every error says what happened to what, then what to do; `--json` prints",
        '`{"error": {"code", "message", "remedy"}}`, for 5xx and 9xx with `evidence`. The exit code follows from the',
        "code: [exit-codes.md](exit-codes.md).",
    ]
    for digit, title in _HUNDREDS.items():
        own = {code: about for code, about in CODES.items() if code[4] == digit}
        lines += ["", f"## {title}", ""] if title else [""]
        lines += ["| code | what happened | what to do |", "|---|---|---|"]
        lines += [f"| {code} | {_cell(about.cause)} | {_cell(about.remedy)} |" for code, about in own.items()]
    return "\n".join(lines) + "\n"


def retries_page(head: str) -> str:
    """What becomes of every kind of failure, and what wakes it: from the engine's own table."""
    rows = [f"| {_cell(rule.said)} | {_cell(rule.becomes)} | {_cell(rule.wakes)} |" for rule in POLICY]
    lines = [
        head,
        "# What is tried again, and when",
        "",
        "Every failure has one row. A *dead letter* is kept with what was sent and said: `syncline errors` lists them,",
        "`syncline retry` lets them be planned again, all or those of one cause.",
        "",
        "| what was said | what becomes of it | what wakes it |",
        "|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def exit_codes_page(head: str) -> str:
    rows = [f"| {number} | {codes} | {_cell(words)} |" for number, (codes, words) in EXIT_CODES.items()]
    lines = [head, "# Exit codes", "", "| exit code | error codes | what it says |", "|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def cli_page(head: str) -> str:
    started_as, sys.argv = sys.argv, ["syncline"]  # cyclopts names commands after whoever runs it
    try:
        text = app.generate_docs()
    finally:
        sys.argv = started_as
    return f"{head}\n{text.strip()}\n\nExit codes: [exit-codes.md](exit-codes.md).\n"


def schema_page() -> str:
    return json.dumps(json_schema(), indent=2) + "\n"


EXAMPLE = """\
# Where the state is kept. A relative path counts from this file's folder.
state: sqlite:///syncline.db

connections:
  crm:
    type: salesforce
    url: https://acme.my.salesforce.com
    client_id: env:SALESFORCE_CLIENT_ID            # a reference; only secrets must be one
    client_secret: file:secrets/salesforce         # env:NAME or file:PATH, never the secret itself
  marketing:
    type: marketo
    url: https://123-ABC-456.mktorest.com
    client_id: env:MARKETO_CLIENT_ID
    client_secret: env:MARKETO_CLIENT_SECRET
    created_since: 2019-03-01                      # nobody is older: fewer exports in the first copy

syncs:
  people:
    preset: recommended
    a:
      connection: crm
      objects: [Lead, Contact]
      filter:                                      # one predicate for all objects, or one per object
        Lead: Status <> 'Unqualified' AND Email IS NOT NULL
    b:
      connection: marketing
      creates: never                               # Marketo's own new people stay there unless they match
    first_link: non_blank                          # where two records differ when they meet: the filled one
    leaves_filter: stop
    ceilings:
      create: {share: 0.1, plus: 200}              # at most a tenth of the linked records and 200 more in one run
      blank: {share: 0.01, plus: 50}
    fields:
      fax: false                                   # not synced
      title: {policy: a}                           # on conflict Salesforce wins
      lead_source:
        direction: a_to_b                          # one way
        drift: restore                             # an edit in Marketo is put back
      rating:
        direction: a_to_b
        to_b: upper(Rating)                        # a SQL expression over side a's fields
      department:                                  # a field of our own: both ends are needed
        a: {Contact: Department}
        b: department
"""


def configuration_page(head: str) -> str:
    lines = [
        head,
        "# Configuration",
        "",
        "One YAML file, `syncline.yaml` unless `--config` names another. `syncline init` writes a first one,",
        "`syncline schema` prints its JSON Schema ([syncline.schema.json](syncline.schema.json)). Unknown keys,",
        "doubled keys, aliases and tags are refused, with the line and the nearest known key.",
        "",
        "## A complete example",
        "",
        "```yaml",
        EXAMPLE.rstrip(),
        "```",
    ]
    for title, struct in (
        ("The file", File),
        ("A sync: `syncs.NAME`", SyncFile),
        ("A side: `syncs.NAME.a`, `syncs.NAME.b`", SideFile),
        ("A field: `syncs.NAME.fields.KEY`", FieldFile),
        ("A ceiling: `syncs.NAME.ceilings.create|blank|delete`", CeilingFile),
        ("Matching by probability: `syncs.NAME.probabilistic`", ProbabilisticFile),
    ):
        about = " ".join((struct.__doc__ or "").split())
        lines += ["", f"## {title}", "", about, "", "| key | value | meaning |", "|---|---|---|", *_rows(struct)]
    lines += ["", "## Words", "", *_words()]
    for kind in CONNECTORS:
        lines += ["", f"## Settings of a {kind} connection", "", *_settings(kind)]
    lines += ["", "## Fields of the presets", "", *_preset_fields(), "", *_expressions()]
    return "\n".join(lines) + "\n"


def _rows(struct: type[msgspec.Struct]) -> Iterator[str]:
    for field in msgspec.structs.fields(struct):
        kind, meta = typing.get_args(field.type)[:2]
        need = " **needed**" if field.required else ""
        yield f"| `{field.name}` | {_kind(kind)}{need} | {_cell(meta.description or '')} |"


def _kind(kind: Any) -> str:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return " or ".join(_kind(each) for each in typing.get_args(kind) if each is not type(None))
    if typing.get_origin(kind) is dict:
        return f"mapping to {_kind(typing.get_args(kind)[1])}"
    if typing.get_origin(kind) is list:
        return f"list of {_kind(typing.get_args(kind)[0])}"
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(f"`{each}`" for each in typing.get_args(kind))
    names = {str: "text", bool: "true or false", int: "whole number", float: "number"}
    return names.get(kind) or str(kind.__name__).removesuffix("File")


_MEANINGS: dict[str, str] = {
    "Direction.BOTH": "both ways",
    "Direction.A_TO_B": "from a to b only",
    "Direction.B_TO_A": "from b to a only",
    "Policy.A": "side a wins",
    "Policy.B": "side b wins",
    "Policy.NEWEST": "the field's newest change",
    "Policy.NEWEST_RECORD": "the record changed last",
    "Policy.NON_BLANK": "the side that has a value",
    "Policy.MOST_RESTRICTIVE": "the value that protects (opt-outs)",
    "Policy.MAX": "the greater value",
    "Policy.MIN": "the smaller value",
    "Policy.HOLD": "nobody: it waits for a person",
    "Blanks.CLEAR": "the other side is cleared",
    "Blanks.KEEP": "the other side keeps its value",
    "Drift.LEAVE": "it is left",
    "Drift.RESTORE": "our value is written again",
    "Drift.HOLD": "it waits for a person",
    "Overridden.ACCEPT": "it counts as that side's change",
    "Overridden.HOLD": "it waits for a person",
    "Creates.NEVER": "they stay where they are",
    "Creates.MATCHED_FIRST": "after the match rules found nobody",
    "Creates.UNMATCHED": "without matching by anything but our key and id",
    "LeavesFilter.STOP": "the link rests",
    "LeavesFilter.UNLINK": "the link ends",
    "LeavesFilter.DELETE": "not available yet",
}


def _words() -> Iterator[str]:
    for kind in (Direction, Policy, Blanks, Drift, Overridden, Creates, LeavesFilter):
        yield (
            f"- **{kind.__name__}**: "
            + "; ".join(f"`{each.value}` {_MEANINGS[f'{kind.__name__}.{each.name}']}" for each in kind)
            + "."
        )


def _settings(kind: str) -> Iterator[str]:
    yield from ("| setting | | meaning |", "|---|---|---|")
    for one in manifest_of(kind).settings:
        facts = ["secret: a reference"] * one.is_secret + ["needed"] * one.is_required
        facts += [f"default `{one.default}`"] if one.default else []
        facts += [f"such as `{one.example}`"] if one.example else []
        yield f"| `{one.name}` | {', '.join(facts) or 'optional'} | {_cell(f'{one.label}. {one.help}')} |"


def _preset_fields() -> Iterator[str]:
    yield from ("| key | a | b | flows | who wins (recommended) |", "|---|---|---|---|---|")
    for m in PRESETS["recommended"]("people", "crm", "marketing").fields:
        ends = [", ".join(f"{name}.{end.inputs[0]}" for name, end in m.ends(side).items()) for side in ("a", "b")]
        yield f"| `{m.key}` | {ends[0]} | {ends[1]} | {m.direction.value} | {m.policy('*').value} |"


def _expressions() -> Iterator[str]:
    yield from (
        "## Expressions",
        "",
        "Filters and transforms are single SQL expressions over the fields of one record, checked against a list of",
        "what may stand there and evaluated where nothing outside can be reached. An empty field is null.",
        "",
        "Allowed: comparisons, `AND`, `OR`, `NOT`, `IN (…)`, `LIKE`, `ILIKE`, `BETWEEN`, `IS NULL`, `IS DISTINCT",
        "FROM`, `+ - * / %`, `||`, `CASE`, `CAST` and `TRY_CAST` to "
        + ", ".join(CAST_TYPE_NAMES)
        + ", and the functions "
        + ", ".join(FUNCTION_NAMES)
        + ".",
        "",
        "Refused: sub-queries, tables, files, aggregates, windows, lists, structs, parameters, chance, the time.",
    )
