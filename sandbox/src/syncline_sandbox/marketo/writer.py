"""Writing leads: lookup, the four actions, per-record refusals, and everything a write entails.

Lives here: the semantics shared by sync, bulk import, flows and the control endpoint. Not here: parsing a record
(record.py). Source: Marketo "Leads" (Create and Update), "Companies" (mirrored fields), "Error Codes" (record level).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog, Cause, Stamp
from syncline_sandbox.marketo.batch import Batch
from syncline_sandbox.marketo.company_fields import CompanyFields
from syncline_sandbox.marketo.consent import Consent
from syncline_sandbox.marketo.envelope import skipped
from syncline_sandbox.marketo.merges import LeadMerger
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.record import RecordParser, RecordSkipped, WriteOrder, folded, full_name
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.standard_fields import COMPANY_FIELDS
from syncline_sandbox.marketo.store import Row, Store, marks
from syncline_sandbox.marketo.values import Normaliser, iso

_ALWAYS_READ = ("id", "email", "unsubscribed", "externalCompanyId", "firstName", "lastName", "leadPartitionId")
# Told of people who vanish: their ids, and who they were merged into (None: they were deleted).
Departure = Callable[[list[int], "int | None"], None]
_COMPANY_FIELDS = frozenset(COMPANY_FIELDS)


class LeadWriter:
    """Applies batches of records to the database and the activity log. Call inside a transaction."""

    def __init__(self, store: Store, log: ActivityLog, past: LeadPast, clock: SandboxClock, settings: Settings) -> None:
        self._store = store
        self._log = log
        self._past = past
        self._clock = clock
        self._settings = settings
        self._parser = RecordParser(store)
        self._consent = Consent(store, log, past)
        self._companies = CompanyFields(store, log, past)
        self.departures: list[Departure] = []
        self._merger = LeadMerger(store, log, past, self._consent, settings, self.departures)

    @property
    def normalisers(self) -> dict[str, Normaliser]:
        """Rewritings of written values by field name; a test may add and remove them."""
        return self._parser.normalisers

    def write(self, records: Sequence[Mapping[str, Any]], order: WriteOrder) -> list[dict[str, Any]]:
        """One result per record, in order: {id, status} or {status: skipped, reasons}."""
        parsed = [self._parser.parse_or_skip(index, record, order) for index, record in enumerate(records)]
        batch = self._begin([values for values in parsed if isinstance(values, dict)], order)
        results = [
            self._skip(values) if isinstance(values, RecordSkipped) else self._apply_or_skip(values, batch)
            for values in parsed
        ]
        self._flush(batch)
        return results

    def delete(self, lead_ids: Sequence[Any], order: WriteOrder) -> list[dict[str, Any]]:
        """Delete by id; unknown ids are skipped 1004."""
        known = [value for value in lead_ids if isinstance(value, int)]
        columns = self._store.lead_columns() if self._past.recording else [*_ALWAYS_READ]
        found = self._store.leads_where([*columns, "mktoName"], f"id IN {marks(known)}", known)
        rows = {row["id"]: row for row in found}
        stamp = self.stamp(order.cause, order.commit_delay_seconds)
        results = []
        for index, lead_id in enumerate(lead_ids):
            if index in order.refusals:
                results.append(skipped(*order.refusals[index]))
            elif (row := rows.pop(lead_id, None)) is None:
                results.append(skipped(1004, "Lead not found", id=lead_id))
            elif (name := self._unseen_partition(row, order)) is not None:
                results.append(skipped(1008, f"Access denied to partition '{name}'", id=lead_id))
            else:
                self._log.deleted(lead_id, row["mktoName"], stamp)
                for table, column in (("leads", "id"), ("list_members", "lead_id")):
                    self._store.connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (lead_id,))
                for depart in self.departures:
                    depart([lead_id], None)
                self._remember({lead_id: row}, order)
                results.append({"id": lead_id, "status": "deleted"})
        self._log.flush()
        return results

    def merge(self, winner_id: int, loser_ids: Sequence[int], order: WriteOrder, *, in_crm: bool = False) -> None:
        """Merge *loser_ids* into *winner_id*, *in_crm*: in Salesforce too. Refused when one of them is nobody."""
        now, delay = iso(self._clock.now()), order.commit_delay_seconds
        stamp = self.stamp(order.cause, delay)
        self._merger.merge(winner_id, loser_ids, stamp, now, delay, in_crm=in_crm)

    # -- one record -------------------------------------------------------------------------------------------------

    def _apply_or_skip(self, values: Row, batch: Batch) -> dict[str, Any]:
        try:
            return self._apply(values, batch)
        except RecordSkipped as reason:
            return self._skip(reason)

    def _apply(self, values: Row, batch: Batch) -> dict[str, Any]:
        order = batch.order
        matches: list[Row] = []
        if order.action != "createDuplicate":
            matches = batch.by_key.get(folded(values[order.lookup.name]), [])
        if len(matches) > 1:
            raise RecordSkipped(1007, "Multiple lead match lookup criteria")
        if matches and order.action == "createOnly":
            raise RecordSkipped(1005, "Lead already exists")
        if not matches and order.action == "updateOnly":
            raise RecordSkipped(1004, "Lead not found")
        row = matches[0] if matches else {}
        self._refuse_partition(row, order)
        self._refuse_unknown_sales_person(values)
        values = self._with_company(values, row, batch)
        if matches:
            self._update(row, values, batch)
            return {"id": row["id"], "status": "updated"}
        return {"id": self._create(values, batch), "status": "created"}

    def _with_company(self, values: Row, row: Row, batch: Batch) -> Row:
        """Replace company fields by the linked company's. Through a lead they are refused, or written to the company
        when the order says so."""
        linked = row.get("externalCompanyId")
        wanted = values.get("externalCompanyId", linked)
        if wanted is None:
            if linked is not None:
                raise RecordSkipped(1003, "Invalid value for field 'externalCompanyId' and value 'null'")
            return values
        touched = _COMPANY_FIELDS.intersection(values)
        if batch.order.writes_company:
            batch.companies[wanted].update({name: values[name] for name in touched})
        elif touched and self._settings.reject_linked_company_fields:
            raise RecordSkipped(1021, "Company update not allowed")
        values = {name: value for name, value in values.items() if name not in touched}
        if wanted == linked:
            return values
        selected = ", ".join(f'"{name}"' for name in COMPANY_FIELDS)
        company = self._store.one(f"SELECT {selected} FROM companies WHERE externalCompanyId = ?", (wanted,))
        if company is None:
            raise RecordSkipped(1013, "Object not found")
        return {**values, **dict(zip(COMPANY_FIELDS, company, strict=True))}

    def _refuse_unknown_sales_person(self, values: Row) -> None:
        key = values.get("externalSalesPersonId")
        sql = "SELECT 1 FROM sales_persons WHERE externalSalesPersonId = ?"
        if key is not None and self._store.one(sql, (key,)) is None:
            raise RecordSkipped(1013, "Object not found")

    def _refuse_partition(self, row: Row, order: WriteOrder) -> None:
        """People in a partition the user does not see, or in another than the call names, are left alone."""
        if (name := self._unseen_partition(row, order)) is not None:
            raise RecordSkipped(1008, f"Access denied to partition '{name}'")
        if order.must_be_there and row.get("leadPartitionId") not in (None, order.partition_id):
            raise RecordSkipped(1010, "Partition update not allowed")

    def _unseen_partition(self, row: Row, order: WriteOrder) -> str | None:
        """The name of the partition that keeps a person from the user, or None."""
        partition_id, seen = row.get("leadPartitionId"), order.seen_partitions
        if seen is None or partition_id is None or partition_id in seen:
            return None
        return str(self._store.one("SELECT name FROM partitions WHERE id = ?", (partition_id,))[0])

    def _create(self, values: Row, batch: Batch) -> int:
        lead_id = self._store.next_lead_id()
        email = folded(values.get("email"))
        inherits = email is not None and batch.is_unsubscribed(email) and not values.get("unsubscribed")
        if inherits:
            values = {**values, "unsubscribed": 1}
        elif values.get("unsubscribed") and email is not None:
            batch.consents[email] = 1
        row = {
            "id": lead_id,
            **values,
            "leadPartitionId": batch.order.partition_id,
            "createdAt": batch.now,
            "updatedAt": batch.now,
            "_changedAt": batch.now,
        }
        batch.created[lead_id] = batch.rows[lead_id] = row
        batch.before.setdefault(lead_id, None)
        key = row.get(batch.order.lookup.name)
        if key is not None:
            batch.by_key[folded(key)].append(row)
        self._log.created(lead_id, full_name(row), batch.stamp)
        if inherits:
            self._consent.followed(lead_id, None, 1, batch.stamp)
        return lead_id

    def _update(self, row: Row, values: Row, batch: Batch) -> None:
        lead_id = row["id"]
        changes = [
            (name, row.get(name), new)
            for name, new in values.items()
            if row.get(name) != new and not (new == 0 and row.get(name) is None and self._is_boolean(name))
        ]
        if not changes:
            return
        batch.before.setdefault(lead_id, dict(row))
        for name, old, new in changes:
            known = self._store.fields[name]
            row[name] = new
            self._log.changed(lead_id, known, old, new, batch.stamp)
            if not known.custom:  # the visible updatedAt moves for standard fields only
                row["updatedAt"] = batch.now
        row["_changedAt"] = batch.now
        batch.updated[lead_id].update(name for name, _, _ in changes)
        self._consent.settle(row, values, {name: old for name, old, _ in changes}, batch)

    def _is_boolean(self, name: str) -> bool:
        return self._store.fields[name].type == "boolean"

    @staticmethod
    def _skip(reason: RecordSkipped) -> dict[str, Any]:
        return skipped(reason.code, reason.message)

    # -- the whole batch --------------------------------------------------------------------------------------------

    def _begin(self, records: list[Row], order: WriteOrder) -> Batch:
        emails = [email for values in records if (email := values.get("email")) is not None]
        unsubscribed = self._consent.unsubscribed(emails)
        batch = Batch(order, self.stamp(order.cause, order.commit_delay_seconds), iso(self._clock.now()), unsubscribed)
        if order.action == "createDuplicate":
            return batch
        name = order.lookup.name
        keys = list({folded(values[name]) for values in records})
        self._store.index_lookup(order.lookup)
        columns = dict.fromkeys((*_ALWAYS_READ, name))
        for values in records:
            columns.update(dict.fromkeys(values))
        if "externalCompanyId" in {key for values in records for key in values}:
            columns.update(dict.fromkeys(COMPANY_FIELDS))
        if self._past.recording:
            columns = dict.fromkeys(self._store.lead_columns())
        for row in self._store.leads_where(columns, f'"{name}" IN {marks(keys)} ORDER BY id', keys):
            batch.by_key[folded(row[name])].append(row)
            batch.rows[row["id"]] = row
        return batch

    def stamp(self, cause: Cause, delay_seconds: float = 0.0) -> Stamp:
        """Now, by *cause*, to be seen *delay_seconds* later."""
        now = self._clock.now().timestamp()
        return Stamp(int(now), now + delay_seconds, self._log.cause(cause))

    def _flush(self, batch: Batch) -> None:
        groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in batch.created.values():
            groups[tuple(row)].append(row)
        for columns, rows in groups.items():
            self._store.insert("leads", columns, [tuple(row.values()) for row in rows])
        self._flush_updates(batch)
        self._remember(batch.before, batch.order)
        for email, value in batch.consents.items():
            self._consent.spread(email, value, batch.stamp, batch.now, batch.order.commit_delay_seconds)
        for key, values in batch.companies.items():
            self._companies.write(key, values, batch.stamp, batch.now, batch.order.commit_delay_seconds)
        self._log.flush()

    def _flush_updates(self, batch: Batch) -> None:
        groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
        for lead_id, names in batch.updated.items():
            if lead_id in batch.created:
                continue
            row = batch.rows[lead_id]
            stamps = ["_changedAt", "updatedAt"] if row.get("updatedAt") == batch.now else ["_changedAt"]
            columns = (*sorted(names), *stamps)
            groups[columns].append((*(row[name] for name in columns), lead_id))
        for columns, rows in groups.items():
            assignments = ", ".join(f'"{name}" = ?' for name in columns)
            self._store.connection.executemany(f"UPDATE leads SET {assignments} WHERE id = ?", rows)

    def _remember(self, before: Mapping[int, Row | None], order: WriteOrder) -> None:
        if self._past.recording and before:
            self._past.remember(before.items(), order.commit_delay_seconds)
