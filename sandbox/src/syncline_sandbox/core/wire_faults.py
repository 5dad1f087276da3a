"""What goes wrong between any vendor's server and its client, whatever the answer says.

Lives here: connections that break before or after the commit, bodies that end early or crawl, pages of a gateway in
place of JSON, refusals of a busy front with and without Retry-After, a clock that is off. What only a vendor can say
(an error code, an expired token, a late commit) is in its own core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from syncline_sandbox.core.body import FLAG, SCALAR, SECONDS, SHARE, SKEW_SECONDS, STATUS, TEXT
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import Fault, FaultPlan, FaultTable
from syncline_sandbox.core.wire import Fate, Response

Answering = Callable[[], Response]

_GATEWAY_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


class WireFaults:
    """Stands in front of a core's answers: the first fault of the wire that strikes decides what becomes of one.

    `processed` is a parameter of most: whether the request took effect all the same.
    """

    def __init__(self, faults: FaultPlan, clock: SandboxClock) -> None:
        self._faults = faults
        self._clock = clock

    def answer(self, request_line: str, answering: Answering) -> Response:
        """The answer to "METHOD path" as the installed faults let it through."""
        if not self._faults.faults:
            return answering()
        if skew := self._faults.strike("clock_skew", request_line):
            with self._clock.skewed(float(skew.parameters.get("seconds", 60))):
                return self._broken(request_line, answering)
        return self._broken(request_line, answering)

    def _broken(self, request_line: str, answering: Answering) -> Response:
        for name, spoil in WIRE_FAULTS.items():
            fault = self._faults.strike(name, request_line)
            if fault is not None:
                return spoil(fault, answering)
        return answering()


def _lost_reply(_fault: Fault, answering: Answering) -> Response:
    return replace(answering(), fate=Fate.LOST)


def _connection_reset(fault: Fault, answering: Answering) -> Response:
    return replace(_effect(fault, answering, Response()), fate=Fate.RESET)


def _timeout(fault: Fault, answering: Answering) -> Response:
    return replace(_effect(fault, answering, Response()), fate=Fate.TIMED_OUT)


def _half_body(fault: Fault, answering: Answering) -> Response:
    """The whole length is announced and *share* of the bytes sent, then the connection closes."""
    answer = answering()
    sent = int(len(answer.body) * float(fault.parameters.get("share", 0.5)))
    return replace(answer, fate=Fate.CUT, sent_bytes=min(sent, max(len(answer.body) - 1, 0)))


def _slow_body(fault: Fault, answering: Answering) -> Response:
    """The head at once, the body in pieces over *seconds* of real time."""
    return replace(answering(), body_seconds=float(fault.parameters.get("seconds", 2)))


def _html_page(fault: Fault, answering: Answering) -> Response:
    """A login or maintenance page where JSON was expected, by default with a status that says all is well."""
    _effect(fault, answering, Response())
    return _page(int(fault.parameters.get("status", 200)), str(fault.parameters.get("title", "Maintenance")))


def _http_status(fault: Fault, answering: Answering) -> Response:
    """A front that answers for the server: 503 unless told otherwise, with Retry-After when `retry_after` is given."""
    _effect(fault, answering, Response())
    status = int(fault.parameters.get("status", 503))
    page = _page(status, str(fault.parameters.get("title", status)))
    wait = fault.parameters.get("retry_after")
    return page if wait is None else replace(page, headers=(*page.headers, ("Retry-After", str(wait))))


def _wrong_content_type(fault: Fault, answering: Answering) -> Response:
    answer = answering()
    kept = tuple(header for header in answer.headers if header[0].lower() != "content-type")
    return replace(answer, headers=(*kept, ("Content-Type", str(fault.parameters.get("content_type", "text/plain")))))


WIRE_FAULTS: dict[str, Callable[[Fault, Answering], Response]] = {
    "lost_reply": _lost_reply,
    "connection_reset": _connection_reset,
    "timeout": _timeout,
    "half_body": _half_body,
    "slow_body": _slow_body,
    "html_page": _html_page,
    "http_status": _http_status,
    "wrong_content_type": _wrong_content_type,
}
_PROCESSED = {"processed": FLAG}
WIRE_FAULT_PARAMETERS: FaultTable = {
    "lost_reply": {},
    "connection_reset": _PROCESSED,
    "timeout": _PROCESSED,
    "half_body": {"share": SHARE},
    "slow_body": {"seconds": SECONDS},
    "html_page": {"status": STATUS, "title": TEXT, **_PROCESSED},
    "http_status": {"status": STATUS, "retry_after": SCALAR, "title": TEXT, **_PROCESSED},
    "wrong_content_type": {"content_type": TEXT},
    "clock_skew": {"seconds": SKEW_SECONDS},
}
WIRE_FAULT_NAMES = frozenset(WIRE_FAULT_PARAMETERS)


def _effect(fault: Fault, answering: Answering, otherwise: Response) -> Response:
    return answering() if fault.parameters.get("processed", False) else otherwise


def _page(status: int, title: str) -> Response:
    return Response(status=status, headers=(("Content-Type", "text/html"),), body=_GATEWAY_PAGE.format(title).encode())
