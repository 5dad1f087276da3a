"""How commands speak: text for people on standard output, one JSON object for programs, errors in words."""

from __future__ import annotations

import json
import os
import sys
import traceback

from rich.console import Console

from syncline.errors import OurBug, SynclineError
from syncline.logs import without_secrets

PIPED_WIDTH = 160
"""Columns where nobody watches: ids and addresses stay in one piece for the next program."""

_EVIDENCE = ("5", "9")
"""Hundreds of the codes whose evidence is shown with --json: elsewhere the message says all, and an answer of a system
is full of people."""


def console(*, stderr: bool = False) -> Console:
    """Where to print. `COLUMNS` is obeyed; a pipe is wide."""
    out = Console(stderr=stderr, highlight=False)
    if not out.is_terminal and "COLUMNS" not in os.environ:
        out.width = PIPED_WIDTH
    return out


def print_json(value: object, *, one_line: bool = False) -> None:
    """One JSON object on standard output; on one line where several follow each other. A closed pipe ends it."""
    text = json.dumps(value, ensure_ascii=False, indent=None if one_line else 2, default=str)
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def error_as_dict(error: SynclineError) -> dict[str, object]:
    shown: dict[str, object] = {"code": error.code, "message": error.message, "remedy": error.remedy}
    if error.evidence and error.code.removeprefix("SYN-").startswith(_EVIDENCE):
        shown["evidence"] = error.evidence
    return {"error": {name: without_secrets(str(text)) for name, text in shown.items()}}


def show_error(error: SynclineError, *, as_json: bool, one_line: bool = False) -> None:
    """What happened, to what, and what to do; the code beside it."""
    if as_json:
        print_json(error_as_dict(error), one_line=one_line)
        return
    out = console(stderr=True)
    out.print(f"[bold red]{error.code}[/] ", end="")
    out.print(without_secrets(error.message), markup=False, soft_wrap=True)
    if error.remedy:
        out.print(f"→ {error.remedy}", markup=False, soft_wrap=True)


def as_bug(error: Exception) -> OurBug:
    """An exception nobody expected, as a bug of ours. Its own text is left out: it may quote a value or a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return OurBug(
        f"{type(error).__name__}{where}.",
        evidence="".join(f"{frame.filename}:{frame.lineno} {frame.name}\n" for frame in frames),
    )
