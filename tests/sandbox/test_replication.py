"""getUpdated and getDeleted: spans of whole minutes, their limits, and what a user cannot see."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET, USERNAME

NOW = datetime(2026, 11, 18, 10, 0, 30, tzinfo=UTC)


class Replica:
    """A client that asks an in-process org what changed."""

    def __init__(self) -> None:
        self.org = SalesforceOrg(clock=SandboxClock(frozen_at=NOW))
        form = f"grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        token = self.org.handle(
            Request(method="POST", path="/services/oauth2/token", headers=headers, body=form.encode())
        )
        self._headers = {"authorization": f"Bearer {json.loads(token.body)['access_token']}"}

    def call(self, path: str, query: str = "", method: str = "GET", status: int = 200) -> Any:
        answer = self.org.handle(
            Request(method=method, path=f"/services/data/v59.0/{path}", query_string=query, headers=self._headers)
        )
        assert answer.status == status, answer.body
        return json.loads(answer.body) if answer.body else None

    def span(self, kind: str, start: str, end: str, status: int = 200, sobject: str = "Lead") -> Any:
        query = f"start={quote(start)}&end={quote(end)}"
        return self.call(f"sobjects/{sobject}/{kind}/", query, status=status)

    def lead(self, name: str) -> str:
        return self.org.seed("Lead", [{"LastName": name, "Company": "Acme"}])[0]


@pytest.fixture
def replica() -> Replica:
    return Replica()


def test_updated_names_live_records_of_the_span_and_how_far_it_reaches(replica: Replica) -> None:
    first = replica.lead("A")
    replica.org.clock.advance(120)
    second, gone = replica.lead("B"), replica.lead("C")
    replica.call(f"sobjects/Lead/{gone}", method="DELETE", status=204)
    assert replica.span("updated", "2026-11-18T09:59:00+00:00", "2026-11-18T10:01:00+00:00") == {
        "ids": [first],
        "latestDateCovered": "2026-11-18T10:01:00.000+0000",
    }
    # The running minute is read, but not covered: its records come again.
    assert replica.span("updated", "2026-11-18T10:01:00Z", "2026-11-18T11:00:00Z") == {
        "ids": [second],
        "latestDateCovered": "2026-11-18T10:02:00.000+0000",
    }


def test_consecutive_spans_lose_nothing(replica: Replica) -> None:
    made, found, start = [], set(), "2026-11-18T09:58:00.000+0000"
    for _ in range(6):
        made.append(replica.lead("A"))
        answer = replica.span("updated", start, "2026-11-18T12:00:00Z")
        start = answer["latestDateCovered"]
        found |= set(answer["ids"])
        made.append(replica.lead("B"))
        replica.org.clock.advance(45)
    found |= set(replica.span("updated", start, "2026-11-18T12:00:00Z")["ids"])
    assert found == set(made)


def test_deleted_names_what_went_with_its_time(replica: Replica) -> None:
    gone, kept = replica.lead("A"), replica.lead("B")
    replica.call(f"sobjects/Lead/{gone}", method="DELETE", status=204)
    assert replica.span("deleted", "2026-11-18T09:00:00Z", "2026-11-18T10:30:00Z") == {
        "deletedRecords": [{"id": gone, "deletedDate": "2026-11-18T10:00:30.000+0000"}],
        "earliestDateAvailable": "2026-11-03T10:00:00.000+0000",
        "latestDateCovered": "2026-11-18T10:00:00.000+0000",
    }
    assert kept not in json.dumps(replica.span("deleted", "2026-11-18T09:00:00Z", "2026-11-18T10:30:00Z"))


def test_what_sharing_hides_is_neither_updated_nor_deleted(replica: Replica) -> None:
    hidden, gone = replica.lead("A"), replica.lead("B")
    replica.call(f"sobjects/Lead/{gone}", method="DELETE", status=204)
    rights = {"hidden_rows": {"Lead": "{row}.\"Company\" = 'Acme'"}}
    replica.org.people.set_rights(replica.org.people.user_id(USERNAME), rights)
    assert hidden not in replica.span("updated", "2026-11-18T09:00:00Z", "2026-11-18T10:30:00Z")["ids"]
    assert replica.span("deleted", "2026-11-18T09:00:00Z", "2026-11-18T10:30:00Z")["deletedRecords"] == []


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        ("updated", "2026-11-18T09:59:00Z", "2026-11-18T10:00:00Z"),  # no more than one minute
        ("updated", "2026-11-18T10:00:00Z", "2026-11-18T09:00:00Z"),
        ("updated", "2026-10-19T09:59:00Z", "2026-11-18T10:00:00Z"),  # more than 30 days back
        ("deleted", "2026-11-03T09:59:00Z", "2026-11-18T10:00:00Z"),  # more than 15 days back
        ("updated", "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z"),
        ("updated", "yesterday", "2026-11-18T10:00:00Z"),
    ],
)
def test_spans_that_are_refused(replica: Replica, kind: str, start: str, end: str) -> None:
    assert replica.span(kind, start, end, status=400)[0]["errorCode"] == "INVALID_REPLICATION_DATE"


def test_the_oldest_spans_that_are_not_refused(replica: Replica) -> None:
    replica.span("updated", "2026-10-19T10:00:00Z", "2026-11-18T10:00:00Z")
    replica.span("deleted", "2026-11-03T10:00:00Z", "2026-11-18T10:00:00Z")


def test_an_object_must_be_replicateable(replica: Replica) -> None:
    span = ("updated", "2026-11-18T09:00:00Z", "2026-11-18T10:00:00Z")
    assert replica.span(*span, status=404, sobject="Nope")[0]["errorCode"] == "NOT_FOUND"
    assert replica.span(*span, status=400, sobject="LeadStatus")[0]["errorCode"] == "INVALID_TYPE_FOR_OPERATION"
