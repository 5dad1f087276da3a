"""Somebody who watches the demo and trusts nobody: reads both sandboxes past Syncline, while they still run.

Lives here: reading. What must hold is said in test_demo.py.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console

from syncline.cli.screens.demo import Story
from syncline.demo.day import Act
from syncline.demo.outcome import Outcome
from syncline.demo.people import DemoPeople
from syncline.demo.sandboxes import Sandboxes
from syncline.demo.score import PairScore
from syncline.demo.stage import Stage
from syncline.demo.told import Told
from syncline.demo.truth import Linked
from syncline.engine.cycle import RunReport
from syncline.engine.verify import VerifyReport

FIELDS = {
    "FirstName": "firstName",
    "LastName": "lastName",
    "Email": "email",
    "Title": "title",
    "MobilePhone": "mobilePhone",
    "HasOptedOutOfEmail": "unsubscribed",
    "mkto71_Lead_Score__c": "leadScore",
}
"""Fields that lead and contact call alike, and their names in Marketo."""


class Witness(Story):
    """Also prints the story, to *out*. `acts` are all that were played, `reports` all runs that were told of."""

    def __init__(self, out: Console) -> None:
        super().__init__(out)
        self.acts: list[Act] = []
        self.reports: list[RunReport] = []
        self.told: Sequence[Told] = ()
        self.said: Outcome | None = None

    def began(self, people: DemoPeople, stage: Stage) -> None:
        super().began(people, stage)
        self.stage = stage
        self.urls = [control.url for control in stage.sandboxes.both()]
        self.settings = stage.sandboxes.marketo.get("settings")

    def first_copy(self, reports: Sequence[RunReport], score: PairScore, linked: Linked) -> None:
        super().first_copy(reports, score, linked)
        self.reports += reports
        self.people_at_first = people_in(self.stage.sandboxes, ["synclineSfdcId"])

    def act(self, at: datetime, act: Act) -> None:
        super().act(at, act)
        self.acts.append(act)

    def pushed(self, at: datetime, who: str, report: RunReport) -> None:
        super().pushed(at, who, report)
        self.reports.append(report)

    def cycle(self, at: datetime, report: RunReport) -> None:
        super().cycle(at, report)
        self.reports.append(report)

    def conflicts(self, told: Sequence[Told]) -> None:
        super().conflicts(told)
        self.told = told

    def verified(self, report: VerifyReport) -> None:
        super().verified(report)
        self.verify = report
        self.writes_before = writes_to(self.stage.sandboxes)

    def second_run(self, report: RunReport) -> None:
        super().second_run(report)
        sandboxes = self.stage.sandboxes
        self.second = report
        self.writes_after = writes_to(sandboxes)
        self.requests_of_syncline = sandboxes.requests()
        self.refusals = sandboxes.marketo.get("counters")["errors"]
        self.people = people_in(sandboxes, [*FIELDS.values(), "phone", "synclineSfdcId", "synclineKey"])
        self.records = {
            row["Id"]: row for name in ("Lead", "Contact") for row in records_in(sandboxes, name, [*FIELDS, "Phone"])
        }
        self.requests = sandboxes.requests()

    def ended(self, outcome: Outcome) -> None:
        super().ended(outcome)
        self.said = outcome


def people_in(sandboxes: Sandboxes, fields: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Everybody in Marketo as stored, by id."""
    wanted = {"field": "leadPartitionId", "values": [1], "fields": list(fields)}
    return {str(row["id"]): row for row in sandboxes.marketo.post("people/read", wanted)}


def records_in(sandboxes: Sandboxes, name: str, fields: Sequence[str]) -> list[dict[str, Any]]:
    """All records of an object, over REST as the administrator, from whom nothing is hidden."""
    base = sandboxes.salesforce.url
    given = sandboxes.credentials["salesforce"]
    form = {
        "grant_type": "password",
        "client_id": given["client_id"],
        "client_secret": given["client_secret"],
        "username": "admin@sandbox.example",
        "password": given["password"] + given["security_token"],
    }
    token = _answer(f"{base}/services/oauth2/token", urllib.parse.urlencode(form).encode())["access_token"]
    rows: list[dict[str, Any]] = []
    soql = urllib.parse.urlencode({"q": f"SELECT Id, {', '.join(fields)} FROM {name}"})
    next_page = f"/services/data/v62.0/query?{soql}"
    while next_page:
        page = _answer(base + next_page, token=token)
        rows += page["records"]
        next_page = page.get("nextRecordsUrl", "")
    return rows


def _answer(url: str, body: bytes | None = None, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
        return json.load(answer)


def writes_to(sandboxes: Sandboxes) -> int:
    """Requests of both logs that can change a person: whatever is not read, described or about a token."""
    reading = ("_method=GET", "/oauth", "/export", "/describe")
    return sum(
        entry["method"] != "GET" and not any(word in f"{entry['path']}?{entry['query']}" for word in reading)
        for control in sandboxes.both()
        for entry in control.get("requests")
    )
