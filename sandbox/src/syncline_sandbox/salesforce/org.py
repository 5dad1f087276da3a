"""The org: one database, its users, its APIs, behind one door.

Lives here: putting the parts together, and the way of a request through them: session, quota, transaction, answer.
What each resource does is in its own module, what a fault does to a request in `request_faults.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import Any

from syncline_sandbox.core.clock import Periodic, SandboxClock
from syncline_sandbox.core.control import Control
from syncline_sandbox.core.database import admit, sign
from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.core.wire import Request, Response

from .appearance import AppearanceResources
from .auth import Auth
from .bulk.api import Bulk
from .bulk1.door import is_async, with_session
from .composite import CompositeResources
from .control import OrgControl
from .control_bodies import BODIES
from .convert import LeadConversion
from .describe import DescribeResources
from .dml import Dml
from .errors import OrgError, not_found
from .events import EventBus
from .fault_names import FAULTS
from .formats import as_asked
from .founding import found_org, organization
from .ids import IdSource
from .intake import one_slash, read_call
from .limits import LimitResources, version_list
from .merge import Merging
from .metadata import Components, MetadataCalls
from .org_objects import STAYING, OrgObjects
from .passwords import PasswordResources
from .people import USERNAME, People, first_people
from .query import QueryResources
from .queues import Queues
from .reading import Reading
from .recent import Recents
from .record_collections import CollectionResources
from .records import RecordResources
from .replication import DELETED_DAYS, ReplicationResources
from .request_faults import RequestFaults
from .rule_book import RuleBook
from .save_event import AfterWrite, Flow
from .schema import Schema
from .search import SearchResources
from .seeding import seed
from .soap import SoapDoor
from .soap.envelope import is_soap
from .stamps import stamp_of
from .standard import standard_sobjects
from .storage import Storage
from .tooling import ToolingResources
from .transactions import Transactions
from .usage import ApiUsage
from .validation import Invalid
from .web import Answer, Router, refusal

_BIN_CHECK_EVERY = timedelta(hours=1)


class SalesforceOrg:
    """A Salesforce org on localhost, as a Core: `handle` answers one request at a time.

    *database* is a file to keep the org in, or ":memory:". The same *seed* gives the same ids and tokens.
    `flows` are called inside every save; `clock` and `faults` may be shared with other sandboxes.

    Raises:
        DatabaseRefused: the file is no org of this version.
    """

    def __init__(
        self,
        database: str = ":memory:",
        *,
        clock: SandboxClock | None = None,
        seed: int = 1,
        faults: FaultPlan | None = None,
    ) -> None:
        admit(database, lambda: SalesforceOrg().storage.db)
        # Faces of several kinds may stand before one org; it serves one request at a time.
        self.lock = threading.RLock()
        self.clock = clock or SandboxClock()
        self.faults = faults or FaultPlan()
        self.schema = Schema(standard_sobjects())
        self.storage = Storage(database, self.schema)
        self.ids = IdSource(seed)
        self._bin_check = Periodic(_BIN_CHECK_EVERY)
        self.schema_changed_at = self.clock.now()
        self.reading = Reading(self.schema, self.storage, self.clock, self.faults)
        self.events = EventBus(self.schema, self.storage, self.clock, self.faults, seed)
        self._transactions = Transactions(self.storage, self.ids, self.clock, self.reading, self.events)
        self.dml = Dml(self.schema, self.storage, self.ids, self.faults, self.clock, self._transactions)
        self.objects = OrgObjects(self.schema, self.storage, self.ids, self._transactions, self.dml)
        self.components = Components(self)
        self.metadata = MetadataCalls(self, self.components)
        self.conversion = LeadConversion(self.schema, self.storage, self.dml)
        self.merging = Merging(self.schema, self.storage, self.dml)
        self.queues = Queues(self.schema, self.storage, self.ids)
        self.usage = ApiUsage(self.clock)
        organization_id = self._take_up()
        self.auth = Auth(self.clock, organization_id, seed, self.storage)
        self.people = People(self.storage, self.ids, self.auth, self.objects.grants, self.objects.sharing)
        self.passwords = PasswordResources(self.auth, self.people)
        self.recents = Recents(self.schema, self.reading, self.dml.touched)
        self.rule_book = RuleBook(self.storage, self.people, self.dml.rules)
        self._settle_people()
        self.query = QueryResources(self.schema, self.reading, self.ids, self.clock)
        self.bulk = Bulk(self, self.platform_transaction)
        self.limits = LimitResources(
            self.usage, self.reading, self.storage, lambda: {**self.bulk.consumed(), **self.events.consumed()}
        )
        self.replication = ReplicationResources(self.reading, self.clock)
        self.router = Router(self._routes())
        self.soap = SoapDoor(self)
        self._request_faults = RequestFaults(self)
        self.control = Control(
            clock=self.clock,
            faults=self.faults,
            reset=self._empty,
            counters=self.counters,
            routes=OrgControl(self).routes(),
            known_faults=FAULTS,
            bodies=BODIES,
        )
        sign(self.storage.db)

    @property
    def flows(self) -> list[Flow]:
        """Callables run in the transaction of every create and update; they may change the values saved."""
        return self.dml.rules.flows

    def after_write(self, sobject_name: str, hook: AfterWrite) -> None:
        """Call *hook* with the SaveEvent after every write of this object; the fields it returns are set as well.

        They are set in the same transaction and with the same stamp, and call no hook again. LookupError for an
        object that is not there.
        """
        self.dml.rules.automations.install(sobject_name, hook)

    def refuse_when(self, sobject_name: str, invalid: Invalid, message: str, field: str | None = None) -> None:
        """Add a validation rule: saves of which *invalid* says True are refused with *message* at *field*."""
        self.dml.rules.validation.install(sobject_name, invalid, message, field)

    def handle(self, request: Request) -> Response:
        with self.lock:
            asked = self.soap.with_session(with_session(one_slash(request)))
            return self.control.watch(asked, self._request_faults.answer)

    def unexpected(self, request: Request) -> Response:
        """The vendor's UNKNOWN_EXCEPTION, for a request the org has no answer to."""
        unforeseen = OrgError("UNKNOWN_EXCEPTION", "An unexpected error occurred. (-1)")
        return self.refusal(request, unforeseen).as_response()

    def close(self) -> None:
        self.storage.close()

    def stamp(self) -> str:
        """The stamp of what is written now: one for a whole transaction, in whole seconds."""
        return self._transactions.stamp()

    def serve(self, request: Request) -> Response:
        """Answer a request as if no fault existed."""
        self._empty_old_bin()
        self.bulk.run_due()
        self._run_follow_ups()
        try:
            return as_asked(request, self._dispatch(request))
        except OrgError as refused:
            return as_asked(request, refusal(refused))

    def serve_data(self, request: Request, user_id: str, *, stamp: str | None = None, keep: bool = True) -> Answer:
        """Answer a data request of this user. *stamp* replaces the time of its writes; not *keep* undoes them.

        Raises:
            OrgError: the request is refused as a whole; nothing was written.
            SoapFault: the same, in SOAP.
        """
        if is_async(request.path):
            return self.bulk.door.run(request, user_id)  # what a job writes it writes by itself
        act: Callable[[], Answer] = partial(self.soap.run, request, user_id)
        if not is_soap(request.path):
            call = read_call(request, self.people.rights(user_id))
            act = partial(self.recents.watch, call.caller, partial(self.router.answer, call))
            if call.method in ("GET", "HEAD"):
                return self.router.answer(call)
        return self._transactions.answer(act, stamp, keep=keep)

    def platform_transaction(self, stamp: str | None = None) -> AbstractContextManager[None]:
        """What is written outside any request: the chunks of a bulk job, writes through the control endpoint."""
        return self._transactions.platform(stamp)

    def seed(self, sobject_name: str, records: list[Mapping[str, Any]], *, username: str = USERNAME) -> list[str]:
        """Insert many records at once, as this user, past rules about whole rows; returns their ids in order."""
        sobject = self.schema.sobject(sobject_name)
        if sobject is None:
            raise LookupError(f"no object {sobject_name!r}")
        with self.lock, self.storage.transaction():
            made = seed(self.storage, self.ids, sobject, records, self.stamp(), self.people.user_id(username))
            self.storage.keep("serials", self.ids.serials)
        self.reading.forget_replica()
        return made

    def add_field(self, sobject_name: str, spec: dict[str, Any]) -> None:
        """Add a custom field (see `custom_fields.custom_field`). LookupError or ValueError when it makes no sense."""
        sobject = self.schema.sobject(sobject_name)
        if sobject is None:
            raise LookupError(f"no object {sobject_name!r}")
        self.objects.fields.add_field(sobject, spec)
        self.schema_changed()

    def add_object(self, spec: dict[str, Any]) -> str:
        """Add a custom object (see `custom_objects.custom_object`); returns its name. ValueError or LookupError."""
        name = self.objects.fields.add_object(spec).name
        self.schema_changed()
        return name

    def schema_changed(self) -> None:
        """Note that objects, fields or what is said of them are not what they were."""
        self.schema_changed_at = self.clock.now()
        self.objects.grants.refresh()
        self.reading.forget_replica()

    def counters(self) -> dict[str, Any]:
        """What the control endpoint shows beside the request counts."""
        tables = {sobject.name: sobject.table for sobject in self.schema.sobjects()}
        rows = {
            name: self.storage.db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
            for name, table in tables.items()
        }
        usage = {"used": self.usage.used, "maximum": self.usage.maximum}
        return {"api_calls": usage, "rows": rows, "pending_writes": self._request_faults.pending}

    def _routes(self) -> list[Any]:
        composite = CompositeResources(
            self.schema, self.reading, self.dml, self.storage, lambda: self.router, self.usage.count
        )
        describe = DescribeResources(self.schema, self.reading, lambda: self.schema_changed_at, self.recents)
        collections = CollectionResources(self.reading, self.dml, self.storage, self.faults)
        records = RecordResources(self.reading, self.dml)
        # The more literal patterns come before those with groups.
        return [
            *self.limits.routes(),
            *self.query.routes(),
            *SearchResources(self.schema, self.reading, self.query.runs).routes(),
            *self.bulk.routes(),
            *self.replication.routes(),
            *ToolingResources(self, Components(self, "tooling_fields_granted")).routes(),
            *composite.routes(),
            *self.passwords.routes(),
            *self.recents.routes(),
            *AppearanceResources(self.schema, self.reading).routes(),
            *collections.routes(),
            *describe.routes(),
            *records.routes(),
        ]

    def _dispatch(self, request: Request) -> Answer:
        path = request.path
        if path.startswith(("/services/oauth2/", "/id/")):
            return self.auth.answer(request)
        if is_soap(path):
            return self.soap.answer(request)
        if is_async(path):
            return self.bulk.door.answer(request)
        if path.rstrip("/") == "/services/data":
            return Answer(body=version_list())
        if path.startswith("/services/apexrest/"):
            self.auth.user_of(request)
            raise not_found("Could not find a match for URL")
        if not path.startswith("/services/data/"):
            raise not_found()
        try:
            answer = self.counted(request)
        except OrgError as refused:
            answer = refusal(refused)
        return Answer(
            status=answer.status,
            body=answer.body,
            raw=answer.raw,
            content_type=answer.content_type,
            headers=(*answer.headers, self.usage.header),
        )

    def counted(self, request: Request) -> Answer:
        """Answer a data request of whoever's session it carries, as one call of the quota.

        Raises:
            OrgError: no session, no calls left, or refused as a whole.
            SoapFault: refused as a whole, in SOAP.
        """
        user_id = self.auth.user_of(request)
        if self.usage.exhausted:
            raise OrgError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.usage.begin(self.auth.app_of(request))
        return self._request_faults.answer_data(request, user_id)

    def refusal(self, request: Request, refused: OrgError) -> Answer:
        """How a refused request is told: an error array, or in SOAP a fault."""
        if is_async(request.path):
            return self.bulk.door.refusal(request, refused)
        return self.soap.refusal(refused) if is_soap(request.path) else refusal(refused)

    def user(self, user_id: str) -> dict[str, Any]:
        """The stored row of a user."""
        sobject = self.schema.sobject("User")
        assert sobject is not None
        row = self.storage.row(sobject, user_id)
        assert row is not None
        return row

    def _run_follow_ups(self) -> None:
        for follow_up in self.dml.rules.automations.due():
            with self.platform_transaction(stamp_of(follow_up.due_at)):
                self.dml.follow_up(follow_up)

    def _empty_old_bin(self) -> None:
        if self._bin_check.falls_due(self.clock.now()):
            with self.platform_transaction():
                self.dml.bin.empty_old()

    def _take_up(self) -> str:
        """Continue an org found in the database, or found a fresh one; returns the organization's id."""
        self.objects.take_up()
        self.ids.serials.update(self.storage.kept("serials") or {})
        if not self.ids.serials:
            with self.storage.transaction():
                found_org(self.storage, self.schema, self.ids, self.stamp())
        return str(organization(self.storage)["Id"])

    def _settle_people(self) -> None:
        with self.storage.transaction():
            if self.storage.kept("logins") is None:
                first_people(self.people, self.schema, self.stamp())
                self.storage.keep("serials", self.ids.serials)
            else:
                self.people.load()
            self.objects.record_types.restore()
        self.rule_book.load()
        self.conversion.mapping.custom = self.storage.kept("lead_mapping") or {}
        self.events.take_up()

    def _empty(self) -> None:
        """Start over: records, users, rights and quota gone; custom fields stay."""
        kept = {name: self.storage.kept(name) for name in STAYING}
        self.events.clear()
        self.storage.empty()
        self.objects.start_over()
        for name, value in kept.items():
            self.storage.keep(name, value)
        self.ids.serials.clear()
        self.query.forget()
        self.bulk.clear()
        self.usage.start_over()
        self.replication.deleted_days = DELETED_DAYS
        self.recents.clear()
        self._request_faults.forget()
        self.reading.forget_replica()
        self.auth.clear()
        organization_id = self._take_up()
        assert organization_id == self.auth.organization_id
        self._settle_people()
