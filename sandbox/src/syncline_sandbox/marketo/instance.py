"""MarketoInstance: one instance as a Core. The way of a call: faults of the wire, identity, limits, route, envelope.

Not here: what any endpoint does, nor what any connection can suffer (`core/wire_faults.py`). Faults told here:
server_error, late_write, error_code, rate_limit, quota, concurrency, expired_token, late_commit, replica_lag,
empty_page, expired_page_token. That of bulk jobs is in `bulk/job_fault.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeVar

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.control import Control
from syncline_sandbox.core.database import admit, sign
from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.core.wire import Fate, Request, Response
from syncline_sandbox.core.wire_faults import WireFaults
from syncline_sandbox.marketo import limits as limit
from syncline_sandbox.marketo.activities import Activities
from syncline_sandbox.marketo.activity_log import ActivityLog
from syncline_sandbox.marketo.bulk.fast_creates import FastCreates
from syncline_sandbox.marketo.bulk.job_fault import failing_jobs
from syncline_sandbox.marketo.bulk.room import Bulk
from syncline_sandbox.marketo.call import MAX_BODY_BYTES, MAX_IMPORT_BYTES, MAX_URI_BYTES, Call, tidy
from syncline_sandbox.marketo.control_bodies import BODIES
from syncline_sandbox.marketo.control_routes import MarketoControl
from syncline_sandbox.marketo.crm_objects.account_lists import AccountLists
from syncline_sandbox.marketo.crm_objects.room import CrmObjects
from syncline_sandbox.marketo.custom_activities.adding import CustomActivities
from syncline_sandbox.marketo.custom_activities.schema import CustomActivitySchema
from syncline_sandbox.marketo.custom_activities.shelf import KindShelf
from syncline_sandbox.marketo.custom_objects.room import CustomObjects
from syncline_sandbox.marketo.custom_objects.schema import CustomObjectSchema
from syncline_sandbox.marketo.custom_objects.shelf import TypeShelf
from syncline_sandbox.marketo.envelope import Refused, compressed, failure, plain, success
from syncline_sandbox.marketo.fault_names import FAULTS
from syncline_sandbox.marketo.identity import Identity
from syncline_sandbox.marketo.leads import Leads
from syncline_sandbox.marketo.limits import Limits
from syncline_sandbox.marketo.lists import Lists
from syncline_sandbox.marketo.marketing import Marketing
from syncline_sandbox.marketo.partial_failure import Refusals, refused_records
from syncline_sandbox.marketo.partitions import Partitions
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.routes import Route
from syncline_sandbox.marketo.row_faults import spoilt_rows
from syncline_sandbox.marketo.seed import seed_people
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.stats import Stats
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.sync import Writes
from syncline_sandbox.marketo.table import Rooms, routing_table
from syncline_sandbox.marketo.tokens import invalid_token
from syncline_sandbox.marketo.writer import LeadWriter

_GATEWAY_PAGE = b"<html><head><title>%d</title></head><body><h1>%d</h1></body></html>"
T = TypeVar("T")


class MarketoInstance:
    """A Marketo instance over *database* (a path, or ":memory:"), telling time by *clock*.

    *seed* makes tokens and request ids repeatable. `in_flight` is kept by the network face.

    Raises:
        DatabaseRefused: the file is no instance of this version.
    """

    def __init__(self, database: str | Path = ":memory:", clock: SandboxClock | None = None, seed: int = 0) -> None:
        admit(database, lambda: MarketoInstance().store.connection)
        self.clock = clock or SandboxClock()
        self.faults = FaultPlan()
        self.settings = Settings()
        self.in_flight = 0
        self._randomness = random.Random(seed)
        self._calls = 0
        self._later: list[tuple[float, Callable[[], object]]] = []  # (due, epoch seconds; action), in order of adding
        self.store = Store(database)
        self._wire = WireFaults(self.faults, self.clock)
        self.identity = Identity(self.clock, self.settings, self._randomness)
        self.limits = Limits(self.clock, self.settings)
        self.log = ActivityLog(self.store)
        self.past = LeadPast(self.store, self.clock)
        self.writer = LeadWriter(self.store, self.log, self.past, self.clock, self.settings)
        self.rooms = self._make_rooms()
        self._routes = routing_table(self.rooms)
        routes = MarketoControl(self)
        self.control = Control(
            clock=self.clock,
            faults=self.faults,
            reset=self._reset,
            counters=routes.counters,
            routes=routes.routes(),
            known_faults=FAULTS,
            bodies=BODIES,
        )
        sign(self.store.connection)

    def _make_rooms(self) -> Rooms:
        partitions = Partitions(self.store, self.log, self.clock, self._refused_records)
        leads = Leads(self.store, self.writer, self.past, self.settings, self._lag, partitions)
        writes = Writes(self.store, self.writer, leads, self.faults, self.settings, self._change_later)
        crm = CrmObjects(self.store, self.log, self.past, self.clock, self.settings, self._refused_records)
        accounts = crm.rooms["namedaccounts"]
        shelf, kinds = TypeShelf(self.store), KindShelf(self.store)
        lists = Lists(self.store, self.log, leads, self.clock, self._refused_records)
        custom = CustomObjects(self.store, shelf, self.clock, self.settings, self._refused_records)
        marketing = self._make_marketing(leads, writes, lists, partitions)
        return Rooms(
            leads=leads,
            writes=writes,
            activities=Activities(self.store, self.clock, self.settings, self._lag, self._empty_page),
            crm=crm,
            account_lists=AccountLists(self.store, self.clock, self.settings, self._refused_records, accounts),
            custom_activities=CustomActivities(self.store, self.log, kinds, self.clock, self._refused_records),
            custom_activity_schema=CustomActivitySchema(kinds, self.clock),
            custom_objects=custom,
            custom_object_schema=CustomObjectSchema(self.store, shelf, self.clock, self.settings, custom.refresh),
            bulk=self._make_bulk(leads, lists, writes, custom, marketing),
            lists=lists,
            marketing=marketing,
            stats=Stats(self.limits),
        )

    def _make_marketing(self, leads: Leads, writes: Writes, lists: Lists, partitions: Partitions) -> Marketing:
        shared = (self.store, self.log, self.clock, self.settings, self.writer)
        by_instance = (self.limits.today, self.changing, self._refused_records)
        return Marketing(*shared, leads, writes, lists, partitions, *by_instance)

    def _make_bulk(
        self, leads: Leads, lists: Lists, writes: Writes, custom: CustomObjects, marketing: Marketing
    ) -> Bulk:
        fast = FastCreates(self.store, self.writer, self.log, self.past, self.faults, self.clock, self.settings)
        common = (self.store, self.clock, self.settings, self._randomness, self.past)
        failing = failing_jobs(self.faults)
        return Bulk(*common, leads, lists, writes, custom, marketing, fast, self._change_later, failing)

    def handle(self, request: Request) -> Response:
        self._run_due()
        answer = self.control.watch(request, self._answer)
        self.rooms.marketing.runner.tick()  # what the call asked for begins once it is answered
        return answer

    def unexpected(self, _request: Request) -> Response:
        """The vendor's 611, for a request the instance has no answer to."""
        return failure(self._request_id(), Refused(611, "System error"))

    def close(self) -> None:
        self.store.close()

    def seed(self, people: Iterable[Mapping[str, Any]], *, activities: bool = True) -> int:
        """Insert people without any lookup; returns how many. ValueError naming the first bad field or value.

        `activities`: log a New Lead row for each, as the vendor would.
        """
        with self.store.transaction():
            return seed_people(self.store, self.log, self.clock, people, activities=activities)

    def changing(self, action: Callable[[], T], *, recording: bool = False) -> T:
        """Run *action* in a transaction, keeping rows before their change while a fault may show them.

        So everything is written that has no API call: what flows, marketers, connectors and late calls do.
        """
        self.past.recording = recording or self.faults.standing("replica_lag") is not None
        try:
            with self.store.transaction():
                return action()
        except BaseException:
            self.log.forget()
            raise

    # -- the way of a call ------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Response:
        call = tidy(request, self._request_id())
        return self._wire.answer(call.line, lambda: self._dated(self._at_the_door(request, call)))

    def _dated(self, answer: Response) -> Response:
        """Every answer says what time it is here: clients take their positions from it, and this clock can be set."""
        return replace(answer, headers=(*answer.headers, ("Date", format_datetime(self.clock.now(), usegmt=True))))

    def _at_the_door(self, request: Request, call: Call) -> Response:
        if len(request.path) + len(request.query_string) > MAX_URI_BYTES:
            return plain(414, "Request-URI Too Long")
        if len(request.body) > (MAX_IMPORT_BYTES if call.path.startswith("/bulk/") else MAX_BODY_BYTES):
            return plain(413, "Request Entity Too Large")
        if call.path == "/identity/oauth/token":
            authorization = request.headers.get("authorization", "")
            return self._unless_down(call, lambda: self.identity.answer(dict(call.parameters), authorization))
        return self._unless_down(call, lambda: self._in_envelope(call))

    def _request_id(self) -> str:
        self._calls += 1
        return f"{self._calls:x}#{int(self.clock.now().timestamp() * 1000):x}"

    def _unless_down(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Answer, or a gateway's page. `processed`: the call took effect all the same."""
        error = self.faults.strike("server_error", call.line)
        if error is None:
            return answer()
        if error.parameters.get("processed", False):
            answer()
        status = int(error.parameters.get("status", 502))
        return Response(status=status, headers=(("Content-Type", "text/html"),), body=_GATEWAY_PAGE % (status, status))

    def _in_envelope(self, call: Call) -> Response:
        code = None
        try:
            response = self._admitted(call)
        except Refused as refused:
            code = refused.code
            response = failure(call.request_id, refused)
        self.limits.charge(call.user, code)
        is_bulk, accepted = call.path.startswith("/bulk/"), call.request.headers.get("accept-encoding", "")
        return response if is_bulk else compressed(response, accepted)

    def _admitted(self, call: Call) -> Response:
        token = call.access_token(accept_query=self.settings.accept_token_in_query)
        if self.faults.strike("expired_token", call.line):
            self.identity.expire(token)
        service = self.identity.service_of(token)
        call.user = service.user
        self.identity.refuse_stranger(call.request.headers.get("x-forwarded-for", ""))
        self.limits.admit(self.in_flight)
        self._refuse_by_fault(call)
        route = self._routes.find(call)
        if not service.may(route.permission):
            raise Refused(603, "Access denied")
        if error := self.faults.strike("error_code", call.line):
            if error.parameters.get("processed", False):
                self._run(route, call)
            raise Refused(error.parameters.get("code", 611), str(error.parameters.get("message", "System error")))
        if late := self.faults.strike("late_write", call.line):
            self._run_later(float(late.parameters.get("delay_seconds", 0)), lambda: self._run_refused(route, call))
            if "code" in late.parameters:
                raise Refused(late.parameters["code"], str(late.parameters.get("message", "Request timed out")))
            return Response(fate=Fate.TIMED_OUT)
        return self._run(route, call)

    def _refuse_by_fault(self, call: Call) -> None:
        if self.faults.strike("rate_limit", call.line):
            raise limit.rate_refusal(self.settings)
        if self.faults.strike("concurrency", call.line):
            raise limit.concurrency_refusal(self.settings)
        if self.faults.strike("quota", call.line):
            raise limit.quota_refusal()
        token = call.one("nextPageToken")
        if token is not None and self.faults.strike("expired_page_token", call.line):
            raise invalid_token(token)

    def _run(self, route: Route, call: Call) -> Response:
        if route.writes and (late := self.faults.strike("late_commit", call.line)):
            call.commit_delay_seconds = float(late.parameters.get("delay_seconds", 300))
        answer = self.changing(lambda: route.handler(call), recording=call.commit_delay_seconds > 0)
        if isinstance(answer, Response):
            return answer
        return success(call.request_id, spoilt_rows(self.faults, call.line, answer))

    def _run_refused(self, route: Route, call: Call) -> None:
        """Run a call nobody waits for any more; a refusal has nobody to go to."""
        try:
            self._run(route, call)
        except Refused as refused:
            self.limits.errors[self.limits.today(), refused.code] += 1

    # -- time and faults that reads meet ----------------------------------------------------------------------------

    def _run_later(self, delay_seconds: float, action: Callable[[], object]) -> None:
        self._later.append((self.clock.now().timestamp() + delay_seconds, action))

    def _change_later(self, delay_seconds: float, action: Callable[[], None]) -> None:
        self._run_later(delay_seconds, lambda: self.changing(action))

    def _run_due(self) -> None:
        now = self.clock.now().timestamp()
        due = [action for at, action in self._later if at <= now]
        self._later = [(at, action) for at, action in self._later if at > now]
        for action in due:
            action()
        self.rooms.marketing.runner.tick()

    def _refused_records(self, call: Call, count: int) -> Refusals:
        return refused_records(self.faults, call.line, count)

    def _lag(self, call: Call) -> float:
        fault = self.faults.strike("replica_lag", call.line)
        return float(fault.parameters.get("delay_seconds", 5)) if fault else 0.0

    def _empty_page(self, call: Call) -> bool:
        return self.faults.strike("empty_page", call.line) is not None

    def _reset(self) -> None:
        self._later.clear()
        self.store.reset()
        self.identity.reset()
        self.limits.reset()
        self.past.reset()
        self.writer.normalisers.clear()
        self.settings.native_crm = ""  # the fields it brought are gone
        self.rooms = self._make_rooms()
        self._routes = routing_table(self.rooms)
