"""What writing a company, an opportunity, a role or a sales person entails beyond its own row.

Source: Marketo "Companies" (mirrored on leads), "Sales Persons" (in use), "Activities" (34 Add to Opportunity, 35
Remove from Opportunity, 36 Update Opportunity: the only feed of changes of opportunities, which the vendor's white
paper on CRM synchronisation tells to read). The form of "Data Value Changes" is not documented.
"""

from __future__ import annotations

from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog, Cause, Stamp
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.company_fields import CompanyFields
from syncline_sandbox.marketo.crm_objects.kinds import SALES_PERSON_KEY
from syncline_sandbox.marketo.objects.rules import Change, Rules
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.standard_fields import COMPANY_FIELDS
from syncline_sandbox.marketo.store import Row, Store

_GONE = f"CREATE TABLE IF NOT EXISTS owners_of_gone_companies ({SALES_PERSON_KEY} TEXT NOT NULL COLLATE NOCASE)"
ADD_TO_OPPORTUNITY, REMOVE_FROM_OPPORTUNITY, UPDATE_OPPORTUNITY = 34, 35, 36


class _Telling(Rules):
    """Rules that write activities, with one stamp for a call."""

    api_method = ""

    def __init__(self, store: Store, log: ActivityLog, clock: SandboxClock) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._call: Call | None = None
        self._kept: Stamp | None = None

    def begin(self, call: Call) -> None:
        self._call, self._kept = call, None

    def end(self) -> None:
        self._log.flush()

    @property
    def _stamp(self) -> Stamp:
        """Made when the first activity needs it: a cause is a row of the database."""
        if self._kept is None:
            assert self._call is not None
            now = self._clock.now().timestamp()
            cause = Cause(
                source="Web service API",
                api_method=self.api_method,
                user=self._call.user,
                request_id=self._call.request_id,
            )
            self._kept = Stamp(int(now), now + self._call.commit_delay_seconds, self._log.cause(cause))
        return self._kept


class CompanyRules(_Telling):
    """Company fields show on the linked leads; a company with leads cannot be deleted."""

    api_method = "syncCompany"

    def __init__(self, store: Store, log: ActivityLog, past: LeadPast, clock: SandboxClock) -> None:
        super().__init__(store, log, clock)
        self._mirror = CompanyFields(store, log, past)

    def saved(self, change: Change) -> None:
        mirrored = {name: value for name, value in change.values.items() if name in COMPANY_FIELDS}
        if change.before is not None and mirrored:
            assert self._call is not None
            delay = self._call.commit_delay_seconds
            self._mirror.write(change.row["externalCompanyId"], mirrored, self._stamp, change.now, delay)

    def is_in_use(self, row: Row) -> bool:
        return _exists(self._store, "leads", "externalCompanyId", row["externalCompanyId"])

    def deleted(self, row: Row) -> None:
        """Its owner stays in use for ever (Marketo "Sales Persons")."""
        if (key := row[SALES_PERSON_KEY]) is not None:
            self._store.connection.execute("INSERT INTO owners_of_gone_companies VALUES (?)", (key,))


class SalesPersonRules(Rules):
    """One who owns leads cannot be deleted, nor one a company names or named until it was deleted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.connection.execute(_GONE)

    def is_in_use(self, row: Row) -> bool:
        key = row[SALES_PERSON_KEY]
        owned = ("leads", "companies", "owners_of_gone_companies")
        return any(_exists(self._store, table, SALES_PERSON_KEY, key) for table in owned)


class OpportunityRules(_Telling):
    """A change is told to every lead with a role in it; with it go its roles."""

    api_method = "syncOpportunities"

    def saved(self, change: Change) -> None:
        if change.before is None:
            return
        changes = [
            {"name": name, "oldValue": change.before[name], "newValue": value} for name, value in change.values.items()
        ]
        told = {"Data Value Changes": orjson.dumps(changes).decode()}
        sql = "SELECT DISTINCT leadId FROM opportunity_roles WHERE externalOpportunityId = ? ORDER BY leadId"
        for (lead_id,) in self._store.all(sql, (change.row["externalOpportunityId"],)):
            self._log.told(lead_id, UPDATE_OPPORTUNITY, self._stamp, change.row["id"], change.row["name"], told)

    def is_in_use(self, row: Row) -> bool:
        return _exists(self._store, "opportunity_roles", "externalOpportunityId", row["externalOpportunityId"])


class RoleRules(_Telling):
    """A lead is told when it gets a role and when it loses one."""

    api_method = "syncOpportunityRoles"

    def saved(self, change: Change) -> None:
        if change.before is None:
            self._tell(ADD_TO_OPPORTUNITY, change.row)

    def deleted(self, row: Row) -> None:
        self._tell(REMOVE_FROM_OPPORTUNITY, row)

    def _tell(self, type_id: int, role: Row) -> None:
        sql = "SELECT id, name FROM opportunities WHERE externalOpportunityId = ?"
        number, name = self._store.one(sql, (role["externalOpportunityId"],)) or (0, None)
        told: dict[str, Any] = {"Is Primary": bool(role.get("isPrimary")), "Role": role["role"]}
        self._log.told(role["leadId"], type_id, self._stamp, number, name, told)


def _exists(store: Store, table: str, column: str, value: Any) -> bool:
    return store.one(f'SELECT 1 FROM {table} WHERE "{column}" = ? LIMIT 1', (value,)) is not None
