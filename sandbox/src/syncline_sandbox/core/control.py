"""The control endpoint under /_sandbox/: what both sandboxes share, and how each adds its own routes.

Lives here: clock, faults, request log, counters, reset. A sandbox's own routes (seed, users, fields …) live with it.
Every route answers JSON; a refused control request is 400 with {"error": …}, an unknown one 404.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any

import orjson

from syncline_sandbox.core.body import FLAG, SKEW_SECONDS, TEXT, Body
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import Fault, FaultPlan, FaultTable, fault_of
from syncline_sandbox.core.wire import Request, Response

PREFIX = "/_sandbox/"

# What Python says of a body that has something else where a route expects a text, a number, a list … No more is said
# to the caller, who is a test: its call fails with these words.
_WRONG_SHAPES = (
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ArithmeticError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
)
_CLOCK = Body({"now": TEXT, "frozen": FLAG, "advance_seconds": SKEW_SECONDS}, some=True)
# A control route takes the decoded JSON body (None without one) and returns what is answered as JSON.
ControlRoute = Callable[[Any], Any]


class ControlRefused(ValueError):
    """A control request that makes no sense; the text goes back to the caller."""


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One request as it was answered. `service_seconds` is real time, `at` the sandbox's clock (ISO, UTC).

    `faults` names the faults that struck it, in order.
    """

    at: str
    method: str
    path: str
    query: str
    status: int
    fate: str
    faults: tuple[str, ...]
    request_bytes: int
    response_bytes: int
    service_seconds: float


@dataclass
class RequestLog:
    """The newest requests and counts of all of them since the last reset."""

    entries: deque[LogEntry] = field(default_factory=lambda: deque(maxlen=20_000))
    counts: Counter[str] = field(default_factory=Counter)

    def clear(self) -> None:
        self.entries.clear()
        self.counts.clear()


class Control:
    """The shared control routes plus the sandbox's own; also the recorder of the request log.

    `routes` maps "METHOD name" (without the prefix) to a ControlRoute. `counters` returns the sandbox's own counters
    (quotas, rows …) to be shown beside the request counts. `reset` empties the sandbox's data. `known_faults` are the
    faults this sandbox knows with their parameters: others are refused, for they would never strike. None: any goes.
    `bodies` says by route which keys a body takes: a body with others is refused before its route sees it.
    """

    def __init__(
        self,
        *,
        clock: SandboxClock,
        faults: FaultPlan,
        reset: Callable[[], None],
        counters: Callable[[], Mapping[str, Any]] = dict,
        routes: Mapping[str, ControlRoute] | None = None,
        known_faults: FaultTable | None = None,
        bodies: Mapping[str, Body] | None = None,
    ) -> None:
        self.log = RequestLog()
        self._clock = clock
        self._faults = faults
        self._reset = reset
        self._counters = counters
        self._known_faults = known_faults
        self._bodies = {"POST clock": _CLOCK, **(bodies or {})}
        self._routes: dict[str, ControlRoute] = {
            "GET clock": self._read_clock,
            "POST clock": self._move_clock,
            "GET faults": self._list_faults,
            "POST faults": self._install_faults,
            "DELETE faults": self._clear_faults,
            "GET requests": lambda _body: [asdict(entry) for entry in self.log.entries],
            "DELETE requests": lambda _body: self.log.clear(),
            "GET counters": lambda _body: {"requests": dict(self.log.counts), **self._counters()},
            "POST reset": lambda _body: self.reset(),
            **(routes or {}),
        }

    def watch(self, request: Request, answer: Callable[[Request], Response]) -> Response:
        """Answer control requests here and the rest through *answer*, recording the latter."""
        if request.path.startswith(PREFIX):
            return self._answer_control(request)
        started = perf_counter()
        self._faults.take_struck()  # what struck outside any request is not this one's
        response = answer(request)
        self.log.entries.append(
            LogEntry(
                at=self._clock.now().isoformat(),
                method=request.method,
                path=request.path,
                query=request.query_string,
                status=response.status,
                fate=response.fate.value,
                faults=self._faults.take_struck(),
                request_bytes=len(request.body),
                response_bytes=len(response.body),
                service_seconds=perf_counter() - started,
            )
        )
        self.log.counts[f"{request.method} {request.path}"] += 1
        return response

    def reset(self) -> None:
        """Empty the data, the faults and the log. The clock stays."""
        self._faults.clear()
        self.log.clear()
        self._reset()

    def _answer_control(self, request: Request) -> Response:
        name = f"{request.method} {request.path.removeprefix(PREFIX).strip('/')}"
        route = self._routes.get(name)
        if route is None:
            return _json({"error": f"no control route {name!r}", "routes": sorted(self._routes)}, 404)
        try:
            body = orjson.loads(request.body) if request.body else None
            if body is not None and name in self._bodies and (wrong := self._bodies[name].wrong(body)):
                raise ControlRefused(f"{name}: {wrong}")
            return _json(route(body))
        except (ControlRefused, orjson.JSONDecodeError) as refused:
            return _json({"error": str(refused)}, 400)
        except _WRONG_SHAPES as odd:
            return _json({"error": f"{name}: {said_of(odd)}"}, 400)

    def _read_clock(self, _body: Any) -> dict[str, Any]:
        return {"now": self._clock.now().isoformat()}

    def _move_clock(self, body: Any) -> dict[str, Any]:
        wanted = required_object(body)
        if "frozen" in wanted and "now" not in wanted:
            raise ControlRefused("frozen goes with now")
        if "now" in wanted:
            self._clock.set(_aware(wanted["now"]), frozen=bool(wanted.get("frozen", True)))
        if "advance_seconds" in wanted:
            self._clock.advance(float(wanted["advance_seconds"]))
        return self._read_clock(None)

    def _list_faults(self, _body: Any) -> list[dict[str, Any]]:
        return [fault.shown() for fault in self._faults.faults]

    def _install_faults(self, body: Any) -> list[dict[str, Any]]:
        for fault in [self._fault(item) for item in (body if isinstance(body, list) else [body])]:
            self._faults.install(fault)
        return self._list_faults(None)

    def _fault(self, item: Any) -> Fault:
        try:
            return fault_of(required_object(item), self._known_faults)
        except ValueError as wrong:
            raise ControlRefused(str(wrong)) from wrong

    def _clear_faults(self, _body: Any) -> list[dict[str, Any]]:
        self._faults.clear()
        return []


def said_of(wrong: Exception) -> str:
    """What a refusal says, without Python's name for it. What only Python said is told as a body of a wrong shape."""
    if type(wrong) is KeyError:
        return f"missing or unknown: {wrong.args[0]}"
    if isinstance(wrong, TypeError | AttributeError | ArithmeticError | IndexError | sqlite3.Error):
        return f"the body makes no sense: {wrong}"
    return str(wrong)


def required_object(body: Any) -> dict[str, Any]:
    """The body as a JSON object. ControlRefused when it is anything else."""
    if not isinstance(body, dict):
        raise ControlRefused("a JSON object is expected")
    return body


def _aware(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as wrong:
        raise ControlRefused(f"not an ISO date-time: {text!r}") from wrong
    if moment.tzinfo is None:
        raise ControlRefused(f"the clock takes a date-time with its zone, not {text!r}")
    return moment


def _json(value: Any, status: int = 200) -> Response:
    body = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)  # a prompt follows on a line of its own
    return Response(status=status, headers=(("Content-Type", "application/json"),), body=body)
