"""The `syncline` command as somebody types it: argument list in, exit code and both streams out."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from syncline.cli.main import main


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The error a command run with --json ended with; what it says and the remedy are never blank."""
        error: dict[str, str] = self.json["error"]
        assert error["message"]
        assert error["remedy"]
        return error


class Shell:
    """Runs commands of the console script in this process; no answer may hold a word of *secrets* or a traceback."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.secrets: list[str] = []

    def __call__(self, *words: str) -> Said:
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["syncline", *words])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = self._capsys.readouterr()
        for secret in self.secrets:
            assert secret not in out + err
        assert "Traceback" not in out + err
        code = left.value.code
        return Said(code if isinstance(code, int) else int(code is not None), out, err)
