"""The one shape in which a request reaches a sandbox and an answer leaves it.

Lives here: Request, Response and the Core protocol. No sockets: `server.py` puts a Core on a port, tests call
`Core.handle` directly, and both get the same behaviour because there is only this door.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl


class Fate(enum.Enum):
    """What happens to an answer on its way back to the client."""

    ANSWERED = "answered"  # delivered
    LOST = "lost"  # the connection is closed without a byte; what was committed stays committed
    RESET = "reset"  # the connection is reset, as by a dying host
    CUT = "cut"  # the whole length is announced, `sent_bytes` of the body come, then the connection closes
    TIMED_OUT = "timed_out"  # the connection stays silent until the client gives up


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request. `path` is as sent (still percent-encoded, no query); header names are lower case."""

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = "http"

    @property
    def query(self) -> list[tuple[str, str]]:
        """Decoded query parameters in order, blanks kept."""
        return parse_qsl(self.query_string, keep_blank_values=True)

    @property
    def base_url(self) -> str:
        """Scheme and host as the client addressed us, without a trailing slash."""
        return f"{self.scheme}://{self.headers.get('host', 'localhost')}"


@dataclass(frozen=True, kw_only=True)
class Response:
    """One HTTP answer. `fate` tells the face (server or in-process transport) whether the client ever sees it.

    `sent_bytes` is for CUT alone. `body_seconds`: the body takes so long on the way, in real time.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    fate: Fate = Fate.ANSWERED
    sent_bytes: int = 0
    body_seconds: float = 0.0


class Core(Protocol):
    """A sandbox without its network face. Not thread-safe: one request at a time."""

    def handle(self, request: Request) -> Response: ...

    def unexpected(self, request: Request) -> Response:
        """What the vendor says when it is at a loss; `handle` never does, it raises."""
        ...

    def close(self) -> None:
        """End, with everything kept in the one database file. Nothing is asked of it any more."""
        ...
