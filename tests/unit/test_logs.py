"""The log: JSON lines with masked addresses, numbers and secrets, whoever wrote them; an error's text is not in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncline import logs
from syncline.errors import ConfigError, NotUnderstood
from syncline.logs import about, get_log, hide_with, masked, start_logging
from syncline.net import redaction
from syncline.net.redaction import Redactor, clean_of_all


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redaction, "_of_all", set())
    root, cleaners = logging.getLogger(), logs._cleaners[:]
    handlers, level, own = root.handlers[:], root.level, logging.getLogger("syncline").level
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)
    logging.getLogger("syncline").setLevel(own)
    logs._cleaners[:] = cleaners


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def to_file(tmp_path: Path, **more: str) -> Path:
    path = tmp_path / "log"
    start_logging({"SYNCLINE_LOG_FILE": str(path), **more})
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from ada.byron+x@mail.example.org today", "from *** today"),
        ("?email=ada%40x.org&a=1", "?email=***"),
        ("call +49 (731) 555-0100 now", "call *** now"),
        ("call 07315550100", "call ***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("grant?client_secret=s3&x=1", "grant?client_secret=***&x=1"),
        ("run 3f9a2c at 2026-03-02T09:00:00Z took 1200 ms on 10.0.0.12:5432", None),
        ("00Q5e00001abcDEFAA in 250000 rows of 2026-11-22", None),
    ],
)
def test_what_is_masked(text: str, expected: str | None) -> None:
    assert masked(text) == (text if expected is None else expected)


def test_a_line_is_json_and_a_secret_is_in_none(tmp_path: Path) -> None:
    path = to_file(tmp_path)
    known = Redactor()
    known.learn("s3cret/with+signs")
    hide_with(clean_of_all)
    hide_with(clean_of_all)
    get_log("runtime").info(
        "started s3cret/with+signs", worker="w1", to=["s3cret%2Fwith%2Bsigns"], n=3, who={"a@x.org": 1}
    )
    (line,) = written(path)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "started ***",
        "worker": "w1",
        "to": ["***"],
        "n": 3,
        "who": {"***": 1},
        "level": "info",
        "logger": "syncline.runtime",
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_librarys_line_goes_the_same_way(tmp_path: Path) -> None:
    path = to_file(tmp_path)
    logging.getLogger("elsewhere").info("too small a thing")
    logging.getLogger("elsewhere").warning("GET /x?email=%s", "ada@x.org")
    try:
        raise ValueError("Ada Byron lives here")
    except ValueError:
        logging.getLogger("elsewhere").exception("it failed for %s", "ada@x.org")
    first, second = written(path)
    assert (first["event"], first["logger"]) == ("GET /x?email=***", "elsewhere")
    assert (second["error"], second["event"]) == ("ValueError", "it failed for ***")
    assert second["frames"][0].startswith("test_logs.py:")
    assert "Byron" not in path.read_text()


def test_an_exceptions_own_text_is_left_out(tmp_path: Path) -> None:
    path = to_file(tmp_path)
    try:
        raise KeyError("Ada Byron")
    except KeyError:
        get_log("engine").exception("failed")
    error = NotUnderstood("It said: Ada Byron has no such thing.", evidence="Ada Byron")
    get_log("engine").error("stopped", **about(error))
    first, second = written(path)
    assert (first["error"], len(first["frames"])) == ("KeyError", 1)
    assert (second["code"], second["error"]) == ("SYN-500", "NotUnderstood")
    assert "Byron" not in path.read_text()


def test_ids_are_hidden_where_that_is_asked_for(tmp_path: Path) -> None:
    path = to_file(tmp_path, SYNCLINE_LOG_MASK="ids")
    for _ in range(2):
        get_log("engine").info("read", record_id="00Q5e00001abcDE", ids=["1", "2"], run_id="r1")
    one, two = written(path)
    assert (one["record_id"], one["ids"]) == (two["record_id"], two["ids"])
    assert "00Q5e00001abcDE" not in path.read_text()
    assert (one["run_id"], len(one["ids"])) == ("r1", 2)


@pytest.mark.parametrize(
    ("environ", "level", "expected"),
    [({}, "off", []), ({}, "warning", ["w"]), ({"SYNCLINE_LOG": "debug"}, "off", ["d", "i", "w"])],
)
def test_the_level(
    environ: dict[str, str], level: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    start_logging(environ, level=level)
    log = get_log("runtime")
    log.debug("d")
    log.info("i")
    log.warning("w")
    lines = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert lines == expected


@pytest.mark.parametrize(
    "environ", [{"SYNCLINE_LOG": "loud"}, {"SYNCLINE_LOG_MASK": "all"}, {"SYNCLINE_LOG_FILE": "/nowhere/at/all"}]
)
def test_a_setting_that_is_not_understood_is_told(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="SYN-191"):
        start_logging(environ)
