"""Who runs through which campaign, and when: runs wait in the database until the clock has come to them.

A request or a schedule only writes a run; it is carried out before the first request at or after its time. The people
of a run go through the steps together, except that whoever waits for a webhook goes on alone when the answer is there.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog
from syncline_sandbox.marketo.activity_types import CALL_WEBHOOK, REQUEST_CAMPAIGN
from syncline_sandbox.marketo.assets.my_tokens import MyTokens
from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.assets.replies import Parent
from syncline_sandbox.marketo.assets.smart_lists import SmartLists
from syncline_sandbox.marketo.campaigns.book import BATCH, TRIGGER, CampaignBook
from syncline_sandbox.marketo.campaigns.flow import FLOW_SOURCE, REQUEST, WAIT, WEBHOOK, Flow, Pass
from syncline_sandbox.marketo.campaigns.tokens import Tokens, by_label, system
from syncline_sandbox.marketo.campaigns.webhooks import (
    BATCH_CAMPAIGN,
    Caller,
    Webhook,
    WebhookAnswer,
    call_at_once,
    call_in_background,
)
from syncline_sandbox.marketo.members.roll import MemberRoll
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Row, Store, marks
from syncline_sandbox.marketo.values import iso
from syncline_sandbox.marketo.writer import LeadWriter

TABLES = """
CREATE TABLE IF NOT EXISTS campaign_members (
    campaign_id INTEGER NOT NULL, lead_id INTEGER NOT NULL, createdAt TEXT, updatedAt TEXT,
    PRIMARY KEY (campaign_id, lead_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS campaigns_of_lead ON campaign_members (lead_id);
CREATE TABLE IF NOT EXISTS campaign_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, campaign_id INTEGER NOT NULL, due_at REAL NOT NULL, step INTEGER NOT NULL,
    lead_ids TEXT,                -- JSON; NULL: whom the smart list selects then
    tokens TEXT NOT NULL          -- JSON: My Tokens overridden for this run
);
CREATE TABLE IF NOT EXISTS webhooks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, record TEXT NOT NULL);
"""
_MOST_ROUNDS = 100  # campaigns may request each other in circles


class Runner:
    """Carries out runs. `changing` runs an action in a transaction of its own."""

    def __init__(
        self,
        store: Store,
        log: ActivityLog,
        clock: SandboxClock,
        settings: Settings,
        writer: LeadWriter,
        book: CampaignBook,
        smart_lists: SmartLists,
        programs: Programs,
        my_tokens: MyTokens,
        roll: MemberRoll,
        flow: Flow,
        changing: Callable[[Callable[[], None]], None],
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._settings = settings
        self._writer = writer
        self._book = book
        self._smart_lists = smart_lists
        self._programs = programs
        self._my_tokens = my_tokens
        self._roll = roll
        self._flow = flow
        self._changing = changing
        self._answers: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._next_due: float | None = None
        self.caller: Caller | None = None  # how webhooks are called; None: as the settings say

    def establish(self) -> None:
        """Know what waits; forget answers to calls of an instance that was reset."""
        self._answers = queue.SimpleQueue()
        self._look_ahead()

    # -- asking for runs --------------------------------------------------------------------------------------------

    def ask(
        self,
        campaign_id: int,
        lead_ids: Sequence[int] | None,
        due_at: float,
        tokens: Mapping[str, str] | None = None,
        step: int = 0,
    ) -> int:
        """A run from *step* at *due_at* (epoch seconds); its id. Call inside a transaction."""
        people = None if lead_ids is None else orjson.dumps([*lead_ids]).decode()
        sql = "INSERT INTO campaign_runs (campaign_id, due_at, step, lead_ids, tokens) VALUES (?, ?, ?, ?, ?)"
        members = (campaign_id, due_at, step, people, orjson.dumps(dict(tokens or {})).decode())
        number = self._store.connection.execute(sql, members).lastrowid
        assert number is not None
        self._next_due = due_at if self._next_due is None else min(self._next_due, due_at)
        return number

    def waiting(self) -> list[Row]:
        """The runs to come."""
        rows = self._store.all("SELECT id, campaign_id, due_at, step FROM campaign_runs ORDER BY due_at, id")
        return [dict(zip(("id", "campaignId", "dueAt", "step"), row, strict=True)) for row in rows]

    def tick(self) -> None:
        """Carry out what is due, and take in the answers of webhooks."""
        for _ in range(_MOST_ROUNDS):
            if not (self._take_in_answers() or self._carry_out_due()):
                return

    def _take_in_answers(self) -> bool:
        """Whether there were any."""
        waiting = self._answers.qsize()
        for _ in range(waiting):
            self._changing(self._answers.get())
        return waiting > 0

    def _carry_out_due(self) -> bool:
        """Whether there were any runs."""
        now = self._clock.now().timestamp()
        if self._next_due is None or self._next_due > now:
            return False
        columns = "id, campaign_id, step, lead_ids, tokens, due_at"
        sql = f"SELECT {columns} FROM campaign_runs WHERE due_at <= ? ORDER BY due_at, id"
        for row in self._store.all(sql, (now,)):
            self._changing(partial(self._carry_out, *row))
        self._look_ahead()
        return True

    def _look_ahead(self) -> None:
        (self._next_due,) = self._store.one("SELECT min(due_at) FROM campaign_runs")

    def depart(self, lead_ids: Sequence[int], winner_id: int | None) -> None:
        """People vanish: they have been in no campaign, or their winner has been."""
        if winner_id is not None:
            sql = f"UPDATE OR REPLACE campaign_members SET lead_id = ? WHERE lead_id IN {marks(lead_ids)}"
            self._store.connection.execute(sql, (winner_id, *lead_ids))
        self._store.connection.execute(
            f"DELETE FROM campaign_members WHERE lead_id IN {marks(lead_ids)}", tuple(lead_ids)
        )

    # -- one run ----------------------------------------------------------------------------------------------------

    def _carry_out(
        self, run_id: int, campaign_id: int, step: int, lead_ids: str | None, tokens: str, due_at: float
    ) -> None:
        self._store.connection.execute("DELETE FROM campaign_runs WHERE id = ?", (run_id,))
        campaign = self._book.shelf.get(campaign_id)
        if campaign is None:
            return
        wanted = (
            self._smart_lists.people(orjson.loads(campaign["rules"])) if lead_ids is None else orjson.loads(lead_ids)
        )
        people = self._existing(wanted)
        if step == 0:
            people = self._qualified(campaign, people)
            self._store.connection.execute("UPDATE smart_campaigns SET hasRun = 1 WHERE id = ?", (campaign_id,))
        overrides = orjson.loads(tokens)
        self._go(self._pass(campaign, run_id, overrides), people, step, overrides, due_at)

    def _go(self, going: Pass, people: Sequence[int], start: int, overrides: Mapping[str, str], at: float) -> None:
        """Through the flow from a step on, until a wait or a webhook. A wait begins *at* (epoch seconds), so that a
        clock that jumps leaves no wait out."""
        campaign_id = going.campaign["id"]
        for index, step in enumerate(orjson.loads(going.campaign["flow"])[start:], start):
            if not people:
                return
            if step["step"] == WAIT:
                self.ask(campaign_id, people, at + float(step["seconds"]), overrides, index + 1)
                return
            if step["step"] == WEBHOOK:
                self._call(step, going, people, index, overrides)
                return
            if step["step"] == REQUEST:
                self._request(str(step["campaign"]), people, going)
            else:
                self._flow.run(step, people, going)

    def _existing(self, lead_ids: Sequence[int]) -> list[int]:
        known = {
            number for (number,) in self._store.all(f"SELECT id FROM leads WHERE id IN {marks(lead_ids)}", lead_ids)
        }
        return [lead_id for lead_id in lead_ids if lead_id in known]

    def _qualified(self, campaign: Row, people: list[int]) -> list[int]:
        """Whoever may run through by the qualification rule, noted as a member of the campaign."""
        been = "SELECT lead_id FROM campaign_members WHERE campaign_id = ?"
        before = {number for (number,) in self._store.all(been, (campaign["id"],))}
        if campaign["qualification"] == "once":
            people = [lead_id for lead_id in people if lead_id not in before]
        now = iso(self._clock.now())
        sql = (
            "INSERT INTO campaign_members VALUES (?, ?, ?, ?) "
            "ON CONFLICT (campaign_id, lead_id) DO UPDATE SET updatedAt = excluded.updatedAt"
        )
        self._store.connection.executemany(sql, [(campaign["id"], lead_id, now, now) for lead_id in people])
        return people

    def _request(self, name: str, people: Sequence[int], going: Pass) -> None:
        """Another campaign takes the people over, if it is one that can be requested."""
        asked = [row for row in self._book.shelf.named(name) if row["type"] == TRIGGER and row["isActive"]]
        for campaign in asked[:1]:
            self.tell_request(campaign, people, FLOW_SOURCE, going.cause(REQUEST))
            self.ask(campaign["id"], people, self._clock.now().timestamp())

    def tell_request(self, campaign: Row, people: Sequence[int], source: str, cause: Any) -> None:
        stamp = self._writer.stamp(cause)
        for lead_id in people:
            self._log.told(lead_id, REQUEST_CAMPAIGN, stamp, campaign["id"], campaign["name"], {"Source": source})
        self._log.flush()

    # -- tokens -----------------------------------------------------------------------------------------------------

    def _pass(self, campaign: Row, run_id: int, overrides: Mapping[str, str]) -> Pass:
        program_id = self._book.program_id(campaign)
        program = None if program_id is None else self._programs.get(program_id)
        mine = self._my_tokens.inherited(Parent(campaign["folderType"], campaign["folderId"])) | dict(overrides)
        common = {
            "my": {name.lower(): value for name, value in mine.items()},
            "campaign": {name: campaign[name] for name in ("id", "name", "description")},
            "program": {name: (program or {}).get(name) for name in ("id", "name", "description")},
            "system": system(self._clock.now()),
        }
        return Pass(
            campaign=campaign,
            program=program,
            run_id=run_id,
            tokens=lambda lead_id: self._tokens(lead_id, program, common),
        )

    def _tokens(self, lead_id: int, program: Row | None, common: Mapping[str, Mapping[str, Any]]) -> Tokens:
        fields = self._store.fields.all()
        rows = self._store.leads_where([field.name for field in fields], "id = ?", (lead_id,))
        lead = by_label(fields, rows[0]) if rows else {}
        member = None if program is None else self._roll.member(program["id"], lead_id)
        about = by_label(self._roll.fields.all(), member or {})
        return Tokens({**common, "lead": lead, "company": lead, "member": about})

    # -- webhooks ---------------------------------------------------------------------------------------------------

    def _call(
        self, step: Mapping[str, Any], going: Pass, people: Iterable[int], index: int, overrides: Mapping[str, str]
    ) -> None:
        """Call a webhook for each person; each goes on when the answer is there."""
        webhook = self.webhook(str(step["webhook"]))
        for lead_id in people:

            def arrived(answer: WebhookAnswer, lead_id: int = lead_id, hook: Webhook | None = webhook) -> None:
                self._took_in(going, hook, lead_id, answer, index + 1, overrides)

            if webhook is None:
                self._go(going, [lead_id], index + 1, overrides, self._clock.now().timestamp())
            elif going.campaign["type"] == BATCH:
                arrived(WebhookAnswer(0, BATCH_CAMPAIGN))
            else:
                self._send(webhook, going.tokens(lead_id), arrived)

    def _send(self, webhook: Webhook, tokens: Tokens, arrived: Callable[[WebhookAnswer], None]) -> None:
        answers, seconds = self._answers, self._settings.webhook_timeout_seconds
        default = call_at_once if self._settings.webhooks_wait else call_in_background
        caller = self.caller or default(seconds)
        caller(webhook.request(tokens), lambda answer: answers.put(lambda: arrived(answer)))

    def _took_in(
        self,
        going: Pass,
        webhook: Webhook | None,
        lead_id: int,
        answer: WebhookAnswer,
        step: int,
        overrides: Mapping[str, str],
    ) -> None:
        if webhook is None or not self._existing([lead_id]):
            return
        cause = going.cause(WEBHOOK)
        said = {"Error Type": answer.error_type, "Response": answer.text}
        self._log.told(lead_id, CALL_WEBHOOK, self._writer.stamp(cause), webhook.id, webhook.name, said)
        self._log.flush()
        for name, value in webhook.mapped(answer).items():
            # One by one: a value that does not fit its field is left out, the others are written.
            self._flow.write([{"id": lead_id, name: value}], cause)
        self._go(going, [lead_id], step, overrides, self._clock.now().timestamp())

    def webhook(self, name: str) -> Webhook | None:
        row = self._store.one("SELECT record FROM webhooks WHERE name = ?", (name,))
        return None if row is None else Webhook(**orjson.loads(row[0]))

    def put_webhook(self, members: Mapping[str, Any]) -> int:
        """Set a webhook up, or anew; its id. TypeError or ValueError when it makes no sense."""
        name = str(members.get("name", ""))
        row = self._store.one("SELECT id FROM webhooks WHERE name = ?", (name,))
        number = row[0] if row else self._store.one("SELECT coalesce(max(id), 0) + 1 FROM webhooks")[0]
        webhook = Webhook(**{**members, "id": number, "name": name})
        record = {part: getattr(webhook, part) for part in webhook.__dataclass_fields__}
        sql = "INSERT OR REPLACE INTO webhooks VALUES (?, ?, ?)"
        self._store.connection.execute(sql, (number, name, orjson.dumps(record).decode()))
        return int(number)
