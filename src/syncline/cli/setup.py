"""Commands before the first run: init and check."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from syncline.cli.output import console, print_json
from syncline.cli.screens.limits import limits_lines
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, exit_code, perform, preview
from syncline.engine import readiness
from syncline.errors import ConfigError
from syncline.records import Problem
from syncline.spec.file import json_schema

_TEMPLATE = """\
# Syncline configuration. Secrets are references: env:NAME or file:PATH, never values.
state: sqlite:///syncline.db
connections:
  crm:
    type: salesforce
    url: https://YOUR-DOMAIN.my.salesforce.com
    client_id: env:SALESFORCE_CLIENT_ID
    client_secret: env:SALESFORCE_CLIENT_SECRET
  marketing:
    type: marketo
    url: https://YOUR-MUNCHKIN-ID.mktorest.com
    client_id: env:MARKETO_CLIENT_ID
    client_secret: env:MARKETO_CLIENT_SECRET
syncs:
  people:
    a: crm
    b: marketing
    preset: recommended
"""


def init(
    *,
    create_fields: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    options: Options = DEFAULTS,
) -> int:
    """Write a first configuration file; with --create-fields make the custom fields that `check` names.

    Parameters
    ----------
    create_fields
        Make the missing custom fields on both sides (the file must exist and both sides be reachable).
    """

    async def command() -> int:
        if not create_fields:
            return _write_template(options)
        async with preview(options) as (world, sync):
            before = await readiness.check(world, sync)
            made = [f"{c}.{f.object_type}.{f.name}" for c, fields in before.new_fields.items() for f in fields]
            problems = await readiness.create_fields(world, before)
        failed = {problem.subject for problem in problems}
        if options.json:
            print_json({"created": [m for m in made if m not in failed], "problems": [asdict(p) for p in problems]})
        else:
            for name in made:
                console().print(f"created {name}" if name not in failed else f"[red]not created[/] {name}")
            if not made:
                console().print("Every custom field is there already.")
            _show_problems(problems)
        return NOT_GREEN if problems else OK

    return perform(options, command)


def _write_template(options: Options) -> int:
    path = Path(options.config)
    if path.exists():
        raise ConfigError(f"{path} exists already.", code="SYN-113")
    try:
        path.write_text(_TEMPLATE, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.", code="SYN-113") from error
    if options.json:
        print_json({"written": str(path)})
    else:
        console().print(f"Wrote {path}. Put in both addresses, set the variables it names, then run `syncline check`.")
    return OK


def check(*, options: Options = DEFAULTS) -> int:
    """Look at both connections, their rights and every mapped field: all problems at once, each with its remedy."""

    async def command() -> int:
        async with preview(options) as (world, sync):
            found = await readiness.check(world, sync)
            limits = [await readiness.limits_of(world, name) for name in found.connected]
        if options.json:
            print_json(
                {
                    "ready": found.is_ready,
                    "connected": found.connected,
                    "limits": limits,
                    "problems": [asdict(problem) for problem in found.problems],
                    "new_fields": {name: [asdict(f) for f in fields] for name, fields in found.new_fields.items()},
                }
            )
        else:
            for name, words in found.connected.items():
                console().print(f"[bold]{name}[/]: {escape(words)}")
            limits_lines(console(), limits)
            _show_problems(found.problems)
            console().print("[bold green]Ready.[/]" if found.is_ready else "[bold red]Not ready.[/]")
        if found.stopped:
            return exit_code(found.stopped[0])
        return OK if found.is_ready else NOT_GREEN

    return perform(options, command)


def schema() -> int:
    """Print the JSON Schema of the configuration file, for editors and checkers."""
    print_json(json_schema())
    return OK


def _show_problems(problems: list[Problem]) -> None:
    for problem in sorted(problems, key=lambda p: not p.blocks):
        colour = "red" if problem.blocks else "yellow"
        console().print(f"[{colour}]{problem.code}[/] {escape(problem.message)}", soft_wrap=True)
        if problem.remedy:
            console().print(f"  → {escape(problem.remedy)}", soft_wrap=True)
