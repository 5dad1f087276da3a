"""Companies, opportunities, roles, sales persons, named accounts: their endpoints, and what a native CRM sync closes.

Source: Marketo "Companies", "Opportunities", "Sales Persons" (read-only while a native CRM sync is on), "Lead Database"
(older text: disabled altogether), "Opportunity Roles" (only without one), "Error Codes" (1018 CRM Enabled).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo import fields as catalog
from syncline_sandbox.marketo.activity_log import ActivityLog
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.crm_objects import kinds
from syncline_sandbox.marketo.crm_objects.rules import (
    CompanyRules,
    OpportunityRules,
    RoleRules,
    SalesPersonRules,
)
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.objects.kind import Kind
from syncline_sandbox.marketo.objects.room import ObjectRoom
from syncline_sandbox.marketo.objects.rules import Rules
from syncline_sandbox.marketo.partial_failure import Refusing
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.tokens import cursor, read_cursor

Members = dict[str, Any]
# What a native CRM sync owns; named accounts are not among it.
CRM_OWNED = ("companies", "opportunities", "opportunities/roles", "salespersons")
EXTENSIBLE = ("companies", "opportunities", "namedaccounts")
_CUSTOM = "CREATE TABLE IF NOT EXISTS object_fields (path TEXT, record TEXT)"


class CrmObjects:
    """Answers for every standard kind, by the path below /rest/v1/."""

    def __init__(
        self,
        store: Store,
        log: ActivityLog,
        past: LeadPast,
        clock: SandboxClock,
        settings: Settings,
        refusing: Refusing,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._refusing = refusing
        store.connection.execute(_CUSTOM)
        made: dict[str, tuple[Kind, Rules]] = {
            "companies": (kinds.company_kind(store.fields), CompanyRules(store, log, past, clock)),
            "salespersons": (kinds.SALES_PERSON, SalesPersonRules(store)),
            "opportunities": (kinds.OPPORTUNITY, OpportunityRules(store, log, clock)),
            "opportunities/roles": (kinds.ROLE, RoleRules(store, log, clock)),
            "namedaccounts": (kinds.NAMED_ACCOUNT, Rules()),
        }
        self._rules = {path: rules for path, (_, rules) in made.items()}
        self._standard = {path: kind for path, (kind, _) in made.items()}
        self.rooms = {path: self._open(path) for path in made}
        # A role is nothing without its lead.
        store.connection.execute(
            "CREATE TRIGGER IF NOT EXISTS roles_go_with_the_lead AFTER DELETE ON leads "
            "BEGIN DELETE FROM opportunity_roles WHERE leadId = OLD.id; END"
        )

    def _open(self, path: str) -> ObjectRoom:
        kind = kinds.with_custom(self._standard[path], self._custom(path))
        return ObjectRoom(self._store, self._clock, self._settings, kind, self._refusing, self._rules[path])

    # -- calls ------------------------------------------------------------------------------------------------------

    def describing(self, path: str) -> Callable[[Call], Members]:
        def describe(call: Call) -> Members:
            self._refuse_reading(path)
            return self.rooms[path].describe(call, crm_managed=self._crm_owns(path))

        return describe

    def querying(self, path: str) -> Callable[[Call], Members]:
        def query(call: Call) -> Members:
            self._refuse_reading(path)
            return self.rooms[path].query(call)

        return query

    def syncing(self, path: str) -> Callable[[Call], Members]:
        return lambda call: self._closed(call) if self._crm_owns(path) else self.rooms[path].sync(call)

    def deleting(self, path: str) -> Callable[[Call], Members]:
        return lambda call: self._closed(call) if self._crm_owns(path) else self.rooms[path].delete(call)

    # -- the native CRM sync ----------------------------------------------------------------------------------------

    def _crm_owns(self, path: str) -> bool:
        return bool(self._settings.native_crm) and path in CRM_OWNED

    def _refuse_reading(self, path: str) -> None:
        readable = self._settings.native_crm_reads and (
            path != "opportunities/roles" or self._settings.native_crm_role_reads
        )
        if self._crm_owns(path) and not readable:
            raise crm_refusal()

    def _closed(self, call: Call) -> Members:
        """Every record skipped, or the whole call refused."""
        _, records = call.inputs()
        if self._settings.native_crm_refuses_call:
            raise crm_refusal()
        return {"result": [{"seq": seq, **skipped(1018, "CRM Enabled")} for seq in range(len(records))]}

    # -- fields -----------------------------------------------------------------------------------------------------

    def add_field(self, path: str, field: Field) -> None:
        """A custom field, as a marketer's support contact would add one: there is no API for it."""
        self._store.connection.execute(
            "INSERT INTO object_fields VALUES (?, ?)",
            (path, orjson.dumps({name: getattr(field, name) for name in field.__dataclass_fields__}).decode()),
        )
        self.rooms[path] = self._open(path)

    def _custom(self, path: str) -> tuple[Field, ...]:
        rows = self._store.all("SELECT record FROM object_fields WHERE path = ? ORDER BY rowid", (path,))
        return tuple(Field(**orjson.loads(record)) for (record,) in rows)

    def listing_fields(self, path: str) -> Callable[[Call], Members]:
        def schema_fields(call: Call) -> Members:
            query, size = f"fields of {path}", call.batch_size()
            after = read_cursor(token, query) if (token := call.one("nextPageToken")) else 0
            later = self.rooms[path].kind.fields[after:]
            more = {"nextPageToken": cursor(query, after + size)} if len(later) > size else {}
            result = [catalog.schema_record(field) for field in later[:size]]
            return {"result": result, **more, "moreResult": bool(more)}

        return schema_fields

    def showing_field(self, path: str) -> Callable[[Call], Members]:
        def schema_field(call: Call) -> Members:
            field = self.rooms[path].kind.by_name.get(call.captured["name"].lower())
            if field is None:
                raise Refused(1006, f"Field '{call.captured['name']}' not found")
            return {"result": [catalog.schema_record(field)]}

        return schema_field


def crm_refusal() -> Refused:
    return Refused(1018, "CRM Enabled")
