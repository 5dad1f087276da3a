"""What the installed faults do to a request at the org's door: refused, late, its session or its cursor gone.

Lives here: faults of a whole request that only this vendor can have, and the writes that are still to come. What any
connection can suffer is in `core/wire_faults.py`, faults of single rows and fields in `record_collections.py`,
`save_rules.py` and the bulk APIs, the lagging replica in `reading.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.faults import Fault
from syncline_sandbox.core.wire import Fate, Request, Response
from syncline_sandbox.core.wire_faults import WireFaults

from .errors import OrgError
from .soap.envelope import SoapFault
from .stamps import http_date
from .web import Answer

if TYPE_CHECKING:
    from .org import SalesforceOrg


@dataclass(frozen=True, kw_only=True)
class _Late:
    """A write to be applied at `due_at`. `stamp` and `serials` make it look as if it had been there all along."""

    due_at: datetime
    request: Request
    user_id: str
    stamp: str | None = None
    serials: dict[str, int] | None = None


class RequestFaults:
    """Stands between the door and the org."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._late: list[_Late] = []
        self._wire = WireFaults(org.faults, org.clock)
        self._table: dict[str, Callable[[Request, Fault], Response]] = {
            "rate_limit": self._rate_limit,
            "expired_token": self._expired_token,
            "expired_locator": self._expired_locator,
            "server_error": self._server_error,
            "error_code": self._error_code,
            "late_write": self._late_write,
        }

    @property
    def pending(self) -> int:
        """How many writes are still to be applied."""
        return len(self._late)

    def forget(self) -> None:
        self._late.clear()

    def answer(self, request: Request) -> Response:
        """Answer a request, late writes that are due applied first."""
        self._apply_due()
        line = f"{request.method} {request.path}"
        return self._wire.answer(line, lambda: self._dated(self._at_the_door(request, line)))

    def _at_the_door(self, request: Request, line: str) -> Response:
        for name, meet in self._table.items() if self._org.faults.faults else ():
            fault = self._org.faults.strike(name, line)
            if fault is not None:
                return meet(request, fault)
        return self._org.serve(request)

    def _dated(self, answer: Response) -> Response:
        """Every answer says what time it is here: clients take their positions from it, and this clock can be set."""
        return replace(answer, headers=(*answer.headers, ("Date", http_date(self._org.clock.now()))))

    def answer_data(self, request: Request, user_id: str) -> Answer:
        """Answer an authorised data request; under `late_commit` its writes show only later, with today's stamp."""
        org = self._org
        line = f"{request.method} {request.path}"
        # A bulk job commits when it runs, not when a request about it is answered: see `bulk_ingest.py`.
        commits = request.method != "GET" and "/jobs/" not in request.path.lower()
        fault = org.faults.strike("late_commit", line) if commits else None
        if fault is None:
            return org.serve_data(request, user_id)
        serials = dict(org.ids.serials)
        answer = org.serve_data(request, user_id, keep=False)
        due_at = org.clock.now() + timedelta(seconds=_seconds(fault, 300))
        self._late.append(_Late(due_at=due_at, request=request, user_id=user_id, stamp=org.stamp(), serials=serials))
        return answer

    def _rate_limit(self, request: Request, fault: Fault) -> Response:
        text = fault.parameters.get("message", "TotalRequests Limit exceeded.")
        answer = self._org.refusal(request, OrgError("REQUEST_LIMIT_EXCEEDED", str(text)))
        return replace(answer, headers=(self._org.usage.header,)).as_response()

    def _expired_token(self, request: Request, _fault: Fault) -> Response:
        self._org.auth.expire(request)
        return self._org.serve(request)

    def _server_error(self, request: Request, fault: Fault) -> Response:
        if fault.parameters.get("processed"):
            self._org.serve(request)
        status = int(fault.parameters.get("status", 503))
        code = "SERVER_UNAVAILABLE" if status == 503 else "UNKNOWN_EXCEPTION"
        text = "Server Unavailable" if status == 503 else "An unexpected error occurred. (-1)"
        return self._org.refusal(request, OrgError(code, text, status=status)).as_response()

    def _expired_locator(self, request: Request, _fault: Fault) -> Response:
        """The cursor behind a `nextRecordsUrl` is gone, as after two days or too many open ones."""
        self._org.query.forget()
        return self._org.serve(request)

    def _error_code(self, request: Request, fault: Fault) -> Response:
        """Any refusal of the vendor's catalogue, by default the query that took too long."""
        if fault.parameters.get("processed"):
            self._org.serve(request)
        code = str(fault.parameters.get("code", "QUERY_TIMEOUT"))
        text = str(fault.parameters.get("message", "Your query request was running for too long."))
        return self._org.refusal(request, OrgError(code, text, status=fault.parameters.get("status"))).as_response()

    def _late_write(self, request: Request, fault: Fault) -> Response:
        try:
            user_id = self._org.auth.user_of(request)
        except OrgError as refused:
            return self._org.refusal(request, refused).as_response()
        due_at = self._org.clock.now() + timedelta(seconds=_seconds(fault, 0))
        self._late.append(_Late(due_at=due_at, request=request, user_id=user_id))
        return Response(fate=Fate.TIMED_OUT)

    def _apply_due(self) -> None:
        due = [late for late in self._late if late.due_at <= self._org.clock.now()]
        self._late = [late for late in self._late if late not in due]
        for late in due:
            self._apply(late)

    def _apply(self, late: _Late) -> None:
        serials = self._org.ids.serials
        later = dict(serials)
        if late.serials is not None:
            # The same ids as the first time, when the answer was given.
            serials.clear()
            serials.update(late.serials)
        try:
            self._org.serve_data(late.request, late.user_id, stamp=late.stamp)
        except (OrgError, SoapFault):
            # Refused when its time came, as a vendor would: nobody is left to be told.
            return
        finally:
            for prefix, serial in later.items():
                serials[prefix] = max(serial, serials.get(prefix, 0))


def _seconds(fault: Fault, default: float) -> float:
    value: Any = fault.parameters.get("delay_seconds", default)
    return float(value)
