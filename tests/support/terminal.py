"""A terminal for commands that ask: what a person types ahead into it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import pytest

Typing = Callable[[str], None]
"""Types a text, line ends included, into the terminal that is the commands' standard input from the first time on."""


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Typing]:
    keys, terminal = os.openpty()
    with os.fdopen(terminal) as stdin, os.fdopen(keys, "wb", buffering=0) as typed:

        def type_text(text: str) -> None:
            monkeypatch.setattr(sys, "stdin", stdin)
            typed.write(text.encode())

        yield type_text
