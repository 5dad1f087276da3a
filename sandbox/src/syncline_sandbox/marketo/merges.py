"""Merging people: the winner's values, the losers' end, and what the log tells of it.

Source: Marketo "Leads" (Merge Leads), "Error Codes" (1004, 1080), "Find and Merge Duplicate People" (no undo); the
support article "What Field Values Are Copied to Winning Records When Merging Multiple Records From REST API": of
several losers only the first one listed fills the winner's blanks. A boolean that was set to false is a value; only
one never set counts as empty (release of March 2026). "SFDC Sync: Merging a Lead/Contact/Person" (the score).
Where the vendor is silent the README says what was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from syncline_sandbox.marketo.activity_log import ActivityLog, Stamp
from syncline_sandbox.marketo.activity_types import MERGE_LEADS
from syncline_sandbox.marketo.company_fields import COMPANY_KEY
from syncline_sandbox.marketo.consent import Consent
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.record import folded, full_name
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.standard_fields import COMPANY_FIELDS
from syncline_sandbox.marketo.store import Row, Store, marks

MAX_LOSERS = 25


class LeadMerger:
    """Merges people in the database. Call inside a transaction."""

    def __init__(
        self,
        store: Store,
        log: ActivityLog,
        past: LeadPast,
        consent: Consent,
        settings: Settings,
        departures: Sequence[Callable[[list[int], int | None], None]] = (),
    ) -> None:
        self._store = store
        self._log = log
        self._past = past
        self._consent = consent
        self._settings = settings
        self._departures = departures

    def merge(
        self,
        winner_id: int,
        loser_ids: Sequence[int],
        stamp: Stamp,
        now: str,
        delay_seconds: float,
        *,
        in_crm: bool = False,
    ) -> None:
        """Merge *loser_ids* into *winner_id*. Refused, with nothing changed, when one of them cannot be found."""
        winner, losers = self._people(winner_id, list(dict.fromkeys(loser_ids)))
        filled = self._filled(winner, losers[0]) | self._summed_score([winner, *losers])
        if self._past.recording:
            self._past.remember([(row["id"], row) for row in (winner, *losers)], delay_seconds)
        self._end(losers, winner_id, stamp)
        self._fill(winner, filled, stamp, now)
        attributes = {
            "Merge IDs": [row["id"] for row in losers],
            "Merge Source": "leaddb",
            "Master Updated": bool(filled),
            "Merged in Sales": in_crm,
        }
        self._log.told(winner_id, MERGE_LEADS, stamp, winner_id, full_name({**winner, **filled}), attributes)
        self._settle_consent({**winner, **filled}, filled, stamp, now, delay_seconds)
        self._log.flush()

    def _people(self, winner_id: int, loser_ids: Sequence[int]) -> tuple[Row, list[Row]]:
        if not loser_ids:
            raise Refused(1002, "Missing value for the required parameter 'leadIds'")
        if len(loser_ids) > MAX_LOSERS:
            raise Refused(1080, f"Too many losing leads: {len(loser_ids)}, maximum {MAX_LOSERS}")
        if winner_id in loser_ids:
            raise Refused(1003, "A lead cannot be merged into itself")
        wanted = [winner_id, *loser_ids]
        rows = self._store.leads_where(self._store.lead_columns(), f"id IN {marks(wanted)}", wanted)
        found = {row["id"]: row for row in rows}
        if missing := [lead_id for lead_id in wanted if lead_id not in found]:
            raise Refused(1004, f"Lead {missing} not found")
        return found[winner_id], [found[lead_id] for lead_id in loser_ids]

    def _filled(self, winner: Row, loser: Row) -> Row:
        """What the winner takes over: the loser's values where its own are empty, its company whole or not at all."""
        known = {field.name for field in self._store.fields.all() if field.writable}
        company = (COMPANY_KEY, *COMPANY_FIELDS)
        if winner[COMPANY_KEY] is not None:
            known.difference_update(company)
        filled = {name: loser[name] for name in loser if name in known and winner[name] is None is not loser[name]}
        if COMPANY_KEY in filled:
            filled |= {name: loser[name] for name in COMPANY_FIELDS if loser[name] != winner[name]}
        return filled

    def _summed_score(self, people: Sequence[Row]) -> Row:
        """With a Salesforce sync the default score is summed, custom scores are not."""
        scores = [row["leadScore"] for row in people if row["leadScore"] is not None]
        if self._settings.native_crm != "sfdc" or not scores or sum(scores) == people[0]["leadScore"]:
            return {}
        return {"leadScore": sum(scores)}

    def _end(self, losers: Sequence[Row], winner_id: int, stamp: Stamp) -> None:
        ids = [row["id"] for row in losers]
        if self._settings.merged_people_in_deleted_leads:
            for row in losers:
                self._log.deleted(row["id"], full_name(row), stamp)
        # Before the losers go, for their roles in opportunities go with them.
        roles = f"UPDATE OR IGNORE opportunity_roles SET leadId = ? WHERE leadId IN {marks(ids)}"
        self._store.connection.execute(roles, (winner_id, *ids))
        self._store.connection.execute(f"DELETE FROM leads WHERE id IN {marks(ids)}", ids)
        united = f"UPDATE OR REPLACE list_members SET lead_id = ? WHERE lead_id IN {marks(ids)}"
        self._store.connection.execute(united, (winner_id, *ids))
        sql = f"UPDATE activities SET lead_id = ? WHERE lead_id IN {marks(ids)}"
        self._store.connection.execute(sql, (winner_id, *ids))
        for depart in self._departures:
            depart(ids, winner_id)

    def _fill(self, winner: Row, filled: Row, stamp: Stamp, now: str) -> None:
        if not filled:
            return
        for name, value in filled.items():
            self._log.changed(winner["id"], self._store.fields[name], winner[name], value, stamp)
        moved = (
            ["_changedAt"] if all(self._store.fields[name].custom for name in filled) else ["_changedAt", "updatedAt"]
        )
        values = {**filled, **dict.fromkeys(moved, now)}
        assignments = ", ".join(f'"{name}" = ?' for name in values)
        sql = f"UPDATE leads SET {assignments} WHERE id = ?"
        self._store.connection.execute(sql, (*values.values(), winner["id"]))

    def _settle_consent(self, merged: Row, filled: Row, stamp: Stamp, now: str, delay_seconds: float) -> None:
        """An opt-out the winner took over holds for everybody with its address."""
        email = folded(merged["email"])
        if email is None or not {"email", "unsubscribed"}.intersection(filled):
            return
        if merged["unsubscribed"] or email in self._consent.unsubscribed([email]):
            self._consent.spread(email, 1, stamp, now, delay_seconds)
