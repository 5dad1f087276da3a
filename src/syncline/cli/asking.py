"""Questions to a person at the terminal. A signal ends the wait for an answer as it ends any other wait.

Lives here: whether somebody is there, and waiting for a line. Not here: what is asked (the commands).
"""

from __future__ import annotations

import asyncio
import sys

from syncline.cli.session import Options
from syncline.errors import StopRequested


def is_somebody_there(options: Options) -> bool:
    """Whether a question would be seen and could be answered: with --json, or away from a terminal, it would not."""
    return not options.json and sys.stdin.isatty()


async def answer_to(question: str) -> str:
    """The line typed after *question*, in lower case and without blanks around it.

    Raises StopRequested at the end of the input.
    """
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()
    print(question, end="", file=sys.stderr, flush=True)
    loop.add_reader(sys.stdin.fileno(), _read, line)
    try:
        typed = await line
    finally:
        loop.remove_reader(sys.stdin.fileno())
    if not typed:
        raise StopRequested
    return typed.strip().lower()


def _read(line: asyncio.Future[str]) -> None:
    if not line.done():
        line.set_result(sys.stdin.readline())
