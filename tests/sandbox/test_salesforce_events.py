"""Events: start, end and duration; activities over a year old; relations to people and records."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client
from tests.sandbox.soap_client import convert

TIMES = ("StartDateTime", "EndDateTime", "DurationInMinutes", "ActivityDate")
NINE, TEN = "2026-03-02T09:00:00.000+0000", "2026-03-02T10:00:00.000+0000"


@pytest.fixture
def client() -> Client:
    return fresh_client()


def _times(client: Client, event: str) -> list[object]:
    row = client.read("Event", event, *TIMES)
    return [row[name] for name in TIMES]


@pytest.mark.parametrize(
    "given",
    [
        {"StartDateTime": NINE, "EndDateTime": TEN},
        {"ActivityDateTime": NINE, "DurationInMinutes": 60},
        {"ActivityDateTime": NINE, "StartDateTime": NINE, "EndDateTime": TEN, "DurationInMinutes": 60},
    ],
)
def test_an_end_or_a_duration_is_enough(client, given):
    event = client.create("Event", Subject="Call", **given)
    assert _times(client, event) == [NINE, TEN, 60, "2026-03-02"]
    client.call("PATCH", f"sobjects/Event/{event}", {"DurationInMinutes": 30})
    assert _times(client, event)[1:3] == ["2026-03-02T09:30:00.000+0000", 30]
    client.call("PATCH", f"sobjects/Event/{event}", {"StartDateTime": "2026-03-03T09:00:00Z"})
    assert _times(client, event)[1:] == ["2026-03-03T09:30:00.000+0000", 30, "2026-03-03"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"StartDateTime": NINE}, "REQUIRED_FIELD_MISSING"),
        ({"DurationInMinutes": 5}, "REQUIRED_FIELD_MISSING"),
        ({"StartDateTime": NINE, "EndDateTime": TEN, "DurationInMinutes": 5}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"StartDateTime": TEN, "EndDateTime": NINE}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"StartDateTime": NINE, "ActivityDateTime": TEN, "DurationInMinutes": 5}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"IsAllDayEvent": True}, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_times_that_do_not_agree(client, given, code):
    status, answer = client.call("POST", "sobjects/Event", {"Subject": "Call", **given})
    assert (status, answer[0]["errorCode"]) == (400, code)


def test_a_whole_day(client):
    event = client.create("Event", IsAllDayEvent=True, ActivityDate="2026-03-04")
    assert client.read("Event", event, "EndDate") == "2026-03-04"
    assert _times(client, event)[2:] == [1440, "2026-03-04"]


def test_relations_and_the_account(client):
    account = client.create("Account", Name="Acme")
    contact = client.create("Contact", LastName="Lind", AccountId=account)
    campaign = client.create("Campaign", Name="Spring")
    client.create("Event", WhoId=contact, WhatId=campaign, StartDateTime=NINE, EndDateTime=TEN)
    row = client.query("SELECT AccountId, Who.Name, What.Type FROM Event")[0]
    assert (row["AccountId"], row["Who"]["Name"], row["What"]["Type"]) == (account, "Lind", "Campaign")
    children = client.query(f"SELECT Id, (SELECT Id FROM Events) FROM Contact WHERE Id = '{contact}'")
    assert children[0]["Events"]["totalSize"] == 1


def test_activities_over_a_year_old_are_archived(client):
    client.create("Event", Subject="old", StartDateTime=NINE, EndDateTime=TEN)
    client.create("Task", Subject="closed", Status="Completed", ActivityDate="2026-03-02")
    client.create("Task", Subject="undated", Status="Completed")
    client.create("Task", Subject="open", ActivityDate="2026-03-02")
    assert len(client.query("SELECT Id FROM Task")) == 3
    client.advance(86_400 * 366)
    client.token = client.login("integration@sandbox.example")
    client.create("Event", Subject="new", StartDateTime="2027-03-02T09:00:00Z", DurationInMinutes=5)
    assert [row["Subject"] for row in client.query("SELECT Subject FROM Event")] == ["new"]
    assert [row["Subject"] for row in client.query("SELECT Subject FROM Task")] == ["open"]
    every = client.query("SELECT Subject, IsArchived FROM Task ORDER BY Subject", "queryAll")
    assert [(row["Subject"], row["IsArchived"]) for row in every] == [
        ("closed", True),
        ("open", False),
        ("undated", True),
    ]
    archived = client.query("SELECT Id FROM Event WHERE IsArchived = true", "queryAll")
    assert client.call("PATCH", f"sobjects/Event/{archived[0]['Id']}", {"Subject": "still"})[0] == 204


def test_conversion_takes_along_events_to_come(client):
    lead = client.create("Lead", LastName="Lind", Company="Acme")
    past = client.create("Event", WhoId=lead, StartDateTime="2026-02-01T09:00:00Z", DurationInMinutes=5)
    coming = client.create("Event", WhoId=lead, StartDateTime=NINE, DurationInMinutes=5)
    contact = str(convert(client, lead)["contactId"])
    assert (client.read("Event", past, "WhoId"), client.read("Event", coming, "WhoId")) == (lead, contact)
