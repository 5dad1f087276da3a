"""Requesting and scheduling campaigns over the API, and which campaigns a person has been in.

Source: Marketo "Smart Campaigns" (Schedule: at least five minutes, at most two years ahead; Request: 100 leads, 100
tokens), "Error Codes" (1003, 1004, 1013, 1020, 1042), "Leads" (Get Smart Campaigns by Lead Id).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import Cause
from syncline_sandbox.marketo.assets.program_life import ProgramLife
from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.assets.replies import Parent, window
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.campaigns.book import BATCH, TRIGGER, CampaignBook
from syncline_sandbox.marketo.campaigns.runner import Runner
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.leads import API_SOURCE
from syncline_sandbox.marketo.store import Row, Store, marks
from syncline_sandbox.marketo.tokens import cursor, read_cursor
from syncline_sandbox.marketo.values import parse_instant

Members = dict[str, Any]
MAX_LEADS = MAX_TOKENS = 100
SOONEST, LATEST = timedelta(minutes=5), timedelta(days=2 * 365)
CLONES_PER_DAY = 20


class CampaignCalls:
    """Answers trigger, schedule and membership."""

    def __init__(
        self,
        store: Store,
        clock: SandboxClock,
        book: CampaignBook,
        runner: Runner,
        programs: Programs,
        life: ProgramLife,
        today: Callable[[], date],
    ) -> None:
        self._store = store
        self._clock = clock
        self._book = book
        self._runner = runner
        self._programs = programs
        self._life = life
        self._today = today
        self._clones: Counter[date] = Counter()

    def establish(self) -> None:
        self._clones.clear()

    def trigger(self, call: Call) -> Members:
        campaign, wanted = self._book.known(call), self._input(call)
        leads, tokens = wanted.get("leads"), self._tokens(wanted)
        if not isinstance(leads, list) or not leads:
            raise Refused(1003, "leads not specified")
        if len(leads) > MAX_LEADS:
            raise Refused(1003, f"Too many leads: {len(leads)}, maximum {MAX_LEADS}")
        if campaign["type"] != TRIGGER or not campaign["requestable"]:
            raise Refused(1003, "Campaign is not a trigger campaign with 'Campaign is Requested: Web Service API'")
        if not campaign["isActive"]:
            raise Refused(1003, "Campaign is not active")
        ids = [to_number(str(lead.get("id") if isinstance(lead, dict) else lead)) for lead in leads]
        self._refuse_unknown(ids)
        cause = Cause(source=API_SOURCE, user=call.user, request_id=call.request_id, campaign_id=campaign["id"])
        self._runner.tell_request(campaign, ids, API_SOURCE, cause)
        self._runner.ask(campaign["id"], ids, self._clock.now().timestamp(), tokens)
        return {"result": [{"id": campaign["id"]}]}

    def _refuse_unknown(self, ids: list[int]) -> None:
        known = {number for (number,) in self._store.all(f"SELECT id FROM leads WHERE id IN {marks(ids)}", ids)}
        if missing := [lead_id for lead_id in ids if lead_id not in known]:
            raise Refused(1004, f"Lead {missing} not found")

    def schedule(self, call: Call) -> Members:
        campaign, wanted = self._book.known(call), self._input(call)
        if campaign["type"] != BATCH:
            raise Refused(1003, "Campaign is not a batch campaign")
        due, tokens = self._due(wanted.get("runAt")), self._tokens(wanted)
        campaign_id = campaign["id"]
        if (name := wanted.get("cloneToProgramName")) is not None:
            campaign_id = self._cloned(campaign, str(name))
        self._runner.ask(campaign_id, None, due, tokens)
        return {"result": [{"id": campaign_id}]}

    def _due(self, text: Any) -> float:
        now = self._clock.now()
        if text is None:
            return (now + SOONEST).timestamp()
        try:
            wanted = parse_instant(str(text))
        except (ValueError, OverflowError) as wrong:
            raise Refused(1003, f"Invalid value for field 'runAt' and value '{text}'") from wrong
        if wanted > now + LATEST:
            raise Refused(1042, "Invalid runAt date")
        return max(wanted, now + SOONEST).timestamp()

    def _cloned(self, campaign: Row, name: str) -> int:
        """The campaign's clone in a clone of its program."""
        program_id = self._book.program_id(campaign)
        program = None if program_id is None else self._programs.get(program_id)
        if program is None:
            raise Refused(1003, "Campaign is not in a program that could be cloned")
        if self._clones[self._today()] >= CLONES_PER_DAY:
            raise Refused(1020, "Too many clones to program")
        place = Parent(program["folderType"], program["folderId"])
        _, campaigns = self._life.copy(program, name, place)
        self._clones[self._today()] += 1
        return campaigns[campaign["id"]]

    @staticmethod
    def _input(call: Call) -> Members:
        document = call.document()
        if document is None:
            return {}
        wanted = document.get("input", {}) if isinstance(document, dict) else None
        if not isinstance(wanted, dict):
            raise Refused(1003, "input is not an object")
        return wanted

    @staticmethod
    def _tokens(wanted: Members) -> dict[str, str]:
        """Overridden My Tokens, by the name inside {{my.…}}."""
        tokens = wanted.get("tokens") or []
        if not isinstance(tokens, list) or len(tokens) > MAX_TOKENS:
            raise Refused(1003, f"tokens is a list of at most {MAX_TOKENS}")
        values = {}
        for token in tokens:
            name = str(token.get("name", "")) if isinstance(token, dict) else ""
            if not (name.startswith("{{my.") and name.endswith("}}")):
                raise Refused(1003, f"Invalid token name '{name}'")
            values[name[5:-2].strip()] = str(token.get("value", ""))
        return values

    def of_lead(self, call: Call) -> Members:
        """The campaigns a person has run through."""
        lead_id, size = to_number(call.captured["id"]), call.batch_size()
        if self._store.one("SELECT 1 FROM leads WHERE id = ?", (lead_id,)) is None:
            raise Refused(1004, "Lead not found")
        dates, bounds = window(call)
        query = f"campaigns of {lead_id}|{bounds}"
        after = read_cursor(token, query) if (token := call.one("nextPageToken")) else 0
        sql = (
            "SELECT campaign_id, createdAt, updatedAt FROM campaign_members "
            f"WHERE lead_id = ?{dates} AND campaign_id > ? ORDER BY campaign_id LIMIT ?"
        )
        rows = self._store.all(sql, (lead_id, *bounds, after, size + 1))
        more = {"nextPageToken": cursor(query, rows[size - 1][0])} if len(rows) > size else {}
        names = ("smartCampaignId", "createdAt", "updatedAt")
        return {"result": [dict(zip(names, row, strict=True)) for row in rows[:size]], **more, "moreResult": bool(more)}
