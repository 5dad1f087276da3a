"""Who runs through which campaign, and when: runs wait in the database until the clock has come to them.

A request or a schedule only writes a run; it is carried out before the first request at or after its time. The people
of a run go through the steps together, except that whoever waits for a webhook goes on alone when the answer is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog
from syncline_sandbox.marketo.activity_types import CALL_WEBHOOK, REQUEST_CAMPAIGN
from syncline_sandbox.marketo.assets.smart_lists import SmartLists
from syncline_sandbox.marketo.campaigns.book import BATCH, TRIGGER, CampaignBook
from syncline_sandbox.marketo.campaigns.calling import WebhookCalls
from syncline_sandbox.marketo.campaigns.flow import FLOW_SOURCE, REQUEST, WAIT, WEBHOOK, Flow, Pass
from syncline_sandbox.marketo.campaigns.token_source import TokenSource
from syncline_sandbox.marketo.campaigns.webhooks import BATCH_CAMPAIGN, Webhook, WebhookAnswer
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
"""
_MOST_ROUNDS = 100  # campaigns may request each other in circles
_CHUNK = 1000  # people who go through a flow together


class Runner:
    """Carries out runs. `changing` runs an action in a transaction of its own."""

    def __init__(
        self,
        store: Store,
        log: ActivityLog,
        clock: SandboxClock,
        writer: LeadWriter,
        book: CampaignBook,
        smart_lists: SmartLists,
        tokens: TokenSource,
        flow: Flow,
        webhooks: WebhookCalls,
        changing: Callable[[Callable[[], None]], None],
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._writer = writer
        self._book = book
        self._smart_lists = smart_lists
        self._tokens = tokens
        self._flow = flow
        self._webhooks = webhooks
        self._changing = changing
        self._next_due: float | None = None

    def establish(self) -> None:
        """Know what waits."""
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
        answers = self._webhooks.answers()
        for action in answers:
            self._changing(action)
        return bool(answers)

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
        if lead_ids is None:
            people = self._smart_lists.people(orjson.loads(campaign["rules"]))
        else:
            people = self._existing(orjson.loads(lead_ids))
        if step == 0:
            people = self._qualified(campaign, people)
            self._store.connection.execute("UPDATE smart_campaigns SET hasRun = 1 WHERE id = ?", (campaign_id,))
        overrides = orjson.loads(tokens)
        going = self._tokens.going(campaign, run_id, overrides)
        for start in range(0, len(people), _CHUNK):
            self._go(going, people[start : start + _CHUNK], step, overrides, due_at)

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
        sql = "SELECT id FROM leads WHERE id IN (SELECT value FROM json_each(?))"
        known = {number for (number,) in self._store.all(sql, (orjson.dumps([*lead_ids]).decode(),))}
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

    # -- webhooks ---------------------------------------------------------------------------------------------------

    def _call(
        self, step: Mapping[str, Any], going: Pass, people: Iterable[int], index: int, overrides: Mapping[str, str]
    ) -> None:
        """Call a webhook for each person; each goes on when the answer is there."""
        webhook = self._webhooks.webhook(str(step["webhook"]))
        for lead_id in people:

            def arrived(answer: WebhookAnswer, lead_id: int = lead_id, hook: Webhook | None = webhook) -> None:
                self._took_in(going, hook, lead_id, answer, index + 1, overrides)

            if webhook is None:
                self._go(going, [lead_id], index + 1, overrides, self._clock.now().timestamp())
            elif going.campaign["type"] == BATCH:
                arrived(WebhookAnswer(0, BATCH_CAMPAIGN))
            else:
                self._webhooks.send(webhook.request(going.tokens(lead_id)), arrived)

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
