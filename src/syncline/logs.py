"""The log: JSON lines about what the programs do, never about what people's records hold.

Lives here: `get_log`, where lines go (`start_logging`) and what is masked in them. Not here: what a person is shown
(`cli`), or what happened to a record (the history in the state).

A line is built from names, counts and codes. An error is told by its code and cause (`about`), never by its message:
that may quote what a system said of a person. What still looks like an address, a telephone number or a credential is
masked in every line, those of libraries included; with `SYNCLINE_LOG_MASK=ids` records' ids are as well. Facts:
structlog, "Standard Library Logging" (`ProcessorFormatter` renders foreign lines through the same processors).
"""

from __future__ import annotations

import hashlib
import logging
import logging.handlers
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import structlog

from syncline.errors import CODES, ConfigError, SynclineError

LEVEL, FILE, MASKED = "SYNCLINE_LOG", "SYNCLINE_LOG_FILE", "SYNCLINE_LOG_MASK"
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "off": 100}
MASK = "***"

_CREDENTIAL = re.compile(
    r"(?i)\b(bearer\s+|(?:access_token|client_secret|password|assertion|key)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+"
)
_ADDRESS = re.compile(r"[^\s<>\"'(),:;=\[\]{}]+(?:@|%40)[^\s<>\"'(),:;\[\]{}]+")
# Seven digits and more, as telephone numbers are written; instants, versions and ids hold letters, dots or colons.
_TELEPHONE = re.compile(r"(?<![\w.:-])(?!\d{4}-\d\d-\d\d)\+?\(?\d[\d ()/-]{5,}\d(?![\w:])")
_ID_KEYS = frozenset({"record_id", "record", "ids", "source_id"})

_cleaners: list[Callable[[str], str]] = []

Event = MutableMapping[str, Any]

structlog.configure(
    processors=[structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)
logging.getLogger("syncline").addHandler(logging.NullHandler())  # else warnings reach standard error by themselves


def get_log(room: str) -> Any:
    """A room's log: `get_log("runtime").info("worker started", worker=worker_id)`. Silent until `start_logging`."""
    return structlog.stdlib.get_logger(f"syncline.{room}")


def about(error: SynclineError) -> dict[str, str]:
    """What a line says of an error."""
    known = CODES.get(error.code)
    return {"code": error.code, "error": type(error).__name__, "cause": known.cause if known else ""}


def hide_with(cleaner: Callable[[str], str]) -> None:
    """Let *cleaner* take the secrets it knows out of every text from now on."""
    if cleaner not in _cleaners:
        _cleaners.append(cleaner)


def without_secrets(text: str) -> str:
    """*text* without known secrets; for what a person is shown, who may see people."""
    for cleaner in _cleaners:
        text = cleaner(text)
    return text


def masked(text: str) -> str:
    """*text* without known secrets and without what looks like a credential, an address or a telephone number."""
    text = without_secrets(text)
    text = _CREDENTIAL.sub(lambda found: found[1] + MASK, text)
    return _TELEPHONE.sub(MASK, _ADDRESS.sub(MASK, text))


def start_logging(environ: Mapping[str, str], *, level: str = "off") -> None:
    """Send lines of *level* and graver (`SYNCLINE_LOG` says otherwise) to standard error, or to `SYNCLINE_LOG_FILE`.

    Libraries' lines come from "warning" on. A second call replaces the first. Raises ConfigError SYN-191.
    """
    wanted = environ.get(LEVEL, "").strip().lower() or (level if not environ.get(FILE) else _more(level, "info"))
    if wanted not in _LEVELS:
        raise ConfigError(f"{LEVEL} is {wanted!r}.", code="SYN-191", remedy=f"Use {', '.join(_LEVELS)}.")
    mask = environ.get(MASKED, "").strip().lower()
    if mask not in ("", "ids"):
        raise ConfigError(f"{MASKED} is {mask!r}.", code="SYN-191", remedy="Use ids, or leave it out.")
    handler = _handler(environ.get(FILE, "").strip())
    steps: list[Callable[[Any, str, Event], Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _framed,
        *([_hidden_ids] if mask else []),
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _clean,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    handler.setFormatter(_Lines(processors=steps))
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one.formatter, _Lines)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(max(_LEVELS[wanted], _LEVELS["warning"]))
    logging.getLogger("syncline").setLevel(_LEVELS[wanted])


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Our lines: a handler that has it is ours to replace."""


def _more(one: str, two: str) -> str:
    return min(one, two, key=lambda name: _LEVELS[name])


def _handler(path: str) -> logging.Handler:
    if not path:
        return logging.StreamHandler(sys.stderr)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return logging.handlers.WatchedFileHandler(path, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{FILE} is {Path(path)}, which cannot be written: {error.strerror}.", code="SYN-191"
        ) from error


def _framed(_log: Any, _name: str, event: Event) -> Event:
    """An exception as its type and its frames: its own text may quote a value."""
    given = event.pop("exc_info", None)
    record = event.get("_record")
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else None
    if given is True:
        error = sys.exc_info()[1]
    if error is None and record is not None and record.exc_info:
        error = record.exc_info[1]
        record.exc_info = record.exc_text = None
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        event["error"] = type(error).__name__
        event["frames"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _hidden_ids(_log: Any, _name: str, event: Event) -> Event:
    """Ids of records by a short hash: the same one is the same, and cannot be looked up."""
    for key in _ID_KEYS & event.keys():
        event[key] = _hashed(event[key])
    return event


def _hashed(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [_hashed(one) for one in value]
    return "#" + hashlib.blake2b(str(value).encode(), digest_size=4).hexdigest()


def _clean(_log: Any, _name: str, event: Event) -> Event:
    return {key: value if key in _OURS else _cleaned(value) for key, value in event.items()}


_OURS = frozenset({"at", "level", "logger"})


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {_cleaned(name): _cleaned(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_cleaned(one) for one in value]
    return value if isinstance(value, (int, float, bool, type(None))) else masked(str(value))
