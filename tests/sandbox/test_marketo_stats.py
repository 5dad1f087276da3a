"""Usage and errors by day and user, the quota's day in Central time, retention of activities, short activity pages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from syncline_sandbox.marketo.limits import central_day
from tests.sandbox.marketo_client import START, Client

USAGE, ERRORS = "/rest/v1/stats/usage", "/rest/v1/stats/errors"
DAY = 86_400


@pytest.fixture
def client() -> Client:
    return Client()


def again(client: Client) -> None:
    client.token = client.new_token()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-01-15T05:59:59+00:00", date(2026, 1, 14)),  # winter: six hours behind
        ("2026-01-15T06:00:00+00:00", date(2026, 1, 15)),
        ("2026-07-15T04:59:59+00:00", date(2026, 7, 14)),  # summer: five
        ("2026-07-15T05:00:00+00:00", date(2026, 7, 15)),
        ("2026-03-08T05:59:59+00:00", date(2026, 3, 7)),  # the night the clocks go forward
        ("2026-03-09T05:00:00+00:00", date(2026, 3, 9)),
        ("2026-11-01T05:00:00+00:00", date(2026, 11, 1)),  # the night they go back
        ("2026-11-02T05:59:59+00:00", date(2026, 11, 1)),
    ],
)
def test_the_day_of_the_quota_is_central(moment: str, day: date) -> None:
    assert central_day(datetime.fromisoformat(moment)) == day


def test_the_daily_quota_ends_at_central_midnight(client: Client) -> None:
    client.instance.clock.set(datetime(2026, 7, 15, 4, 0, tzinfo=UTC))
    again(client)
    client.control("POST", "settings", {"enforce_limits": True, "calls_per_day": 3})
    answers = [client.get(f"{USAGE}.json") for _ in range(4)]
    assert [answer["success"] for answer in answers] == [True, True, True, False]
    assert answers[3]["errors"] == [{"code": "607", "message": "Daily quota reached"}]
    client.wait(3599)
    assert not client.get(f"{USAGE}.json")["success"]
    client.wait(1)
    again(client)
    assert client.get(f"{USAGE}.json")["success"]


def test_the_window_slides(client: Client) -> None:
    client.control("POST", "settings", {"enforce_limits": True, "calls_per_window": 2})
    assert client.get(f"{USAGE}.json")["success"]
    client.wait(15)
    assert client.get(f"{USAGE}.json")["success"]
    refused = client.get(f"{USAGE}.json")
    assert refused["errors"] == [{"code": "606", "message": "Max rate limit '2' exceeded with in '20' secs"}]
    client.wait(5)
    assert not client.get(f"{USAGE}.json")["success"]  # the refused call counted too
    client.wait(20)
    assert client.get(f"{USAGE}.json")["success"]


def test_ten_at_once(client: Client) -> None:
    client.control("POST", "settings", {"enforce_limits": True})
    client.instance.in_flight = 11
    refused = client.get(f"{USAGE}.json")
    assert refused["errors"] == [{"code": "615", "message": "Concurrent access limit '10' reached"}]


def test_usage_by_user_and_day(client: Client) -> None:
    client.control("POST", "users", {"client_id": "b", "client_secret": "s", "user": "b@example.com"})
    for _ in range(3):
        client.get("/rest/v1/leads/describe.json")
    first = client.token
    client.token = client.new_token(client_id="b", client_secret="s")
    client.get("/rest/v1/leads/describe.json")
    client.token = first
    client.wait(DAY)
    again(client)
    client.get("/rest/v1/leads/describe.json")
    (today,) = client.get(f"{USAGE}.json")["result"]
    assert today == {"date": "2026-03-03", "total": 1, "users": [{"userId": "sandbox-api@example.com", "count": 1}]}
    week = client.get(f"{USAGE}/last7days.json")["result"]
    assert [day["date"] for day in week] == [(date(2026, 3, 3) - timedelta(days=ago)).isoformat() for ago in range(7)]
    assert week[1]["total"] == 4
    assert {user["userId"]: user["count"] for user in week[1]["users"]} == {
        "sandbox-api@example.com": 3,
        "b@example.com": 1,
    }


def test_errors_by_code_and_what_is_not_charged(client: Client) -> None:
    client.get("/rest/v1/nonsense.json")
    client.get("/rest/v1/nonsense.json")
    client.get("/rest/v1/leads/delete.json")  # 605 is not charged
    good, client.token = client.token, "garbage"
    client.get(f"{USAGE}.json")  # 601: nobody's call
    client.token = ""
    client.get(f"{USAGE}.json")  # 603 without a token: nobody's call either
    client.token = good
    (errors,) = client.get(f"{ERRORS}.json")["result"]
    assert {item["errorCode"]: item["count"] for item in errors["errors"]} == {"610": 2, "605": 1, "601": 1, "603": 1}
    assert errors["total"] == 5
    (usage,) = client.get(f"{USAGE}.json")["result"]
    assert usage["users"] == [{"userId": "sandbox-api@example.com", "count": 3}]
    assert len(client.get(f"{ERRORS}/last7days.json")["result"]) == 7


def kinds(client: Client, *types: int) -> list[int]:
    return [row["activityTypeId"] for row in client.activities(*types, since=START - timedelta(days=1))]


def test_activities_are_kept_for_ever_unless_told_otherwise(client: Client) -> None:
    (lead,) = client.sync({"email": "a@example.com"})
    client.sync({"id": lead["id"], "city": "Ulm"}, action="updateOnly", lookupField="id")
    client.control("POST", "activities", {"leadId": lead["id"], "type": "Convert Lead"})
    steps: list[tuple[int, list[int]]] = [(91, [12, 13, 21]), (0, [12, 21]), (700, [12])]
    for days, expected in steps:
        client.wait(days * DAY)
        again(client)
        assert kinds(client, 12, 13, 21) == expected
        client.control("POST", "settings", {"prune_activities": True})


def test_pruned_activities_are_not_exported_either(client: Client) -> None:
    (lead,) = client.sync({"email": "a@example.com"})
    client.sync({"id": lead["id"], "city": "Ulm"}, action="updateOnly", lookupField="id")
    client.control("POST", "settings", {"prune_activities": True})
    client.wait(91 * DAY)
    again(client)
    window = {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-31T00:00:00Z"}
    base = "/bulk/v1/activities/export"
    job = client.post(f"{base}/create.json", {"fields": ["activityTypeId"], "filter": {"createdAt": window}})
    path = f"{base}/{job['result'][0]['exportId']}"
    client.post(f"{path}/enqueue.json")
    assert client.get(f"{path}/status.json")["result"][0]["numberOfRecords"] == 1
    assert client.send("GET", f"{path}/file.json").body == b"activityTypeId\n12\n"


@pytest.mark.parametrize("block", [1, 2, 3, 7, 100])
def test_pages_may_be_short_or_empty_and_nothing_is_lost(client: Client, block: int) -> None:
    ids = [lead["id"] for lead in client.sync(*({"email": f"p{n}@example.com"} for n in range(5)))]
    for lead_id in ids:
        client.sync({"id": lead_id, "city": "Ulm"}, action="updateOnly", lookupField="id")
    whole = client.activities(13)
    client.control("POST", "settings", {"activity_block_rows": block})
    pages: list[list[dict[str, Any]]] = []
    token = client.paging_token()
    while True:
        page = client.get("/rest/v1/activities.json", activityTypeIds=13, nextPageToken=token, batchSize=2)
        pages.append(page.get("result", []))
        token = page["nextPageToken"]
        if not page["moreResult"]:
            break
    assert [row for rows in pages for row in rows] == whole
    assert (block > 5) or any(not rows for rows in pages)


def test_activities_of_a_list(client: Client) -> None:
    inside, _ = client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    number = client.control("POST", "lists", {"name": "VIPs"})["id"]
    client.post(f"/rest/v1/lists/{number}/leads.json", {"input": [{"id": inside["id"]}]})
    assert [row["leadId"] for row in client.activities(12, listId=number)] == [inside["id"]]
    query = {"activityTypeIds": 12, "nextPageToken": client.paging_token()}
    client.control("POST", "settings", {"activity_list_limit": 1})
    assert client.get("/rest/v1/activities.json", **query, listId=number)["errors"][0]["code"] == "1003"
    assert client.get("/rest/v1/activities.json", **query, listId=99)["errors"][0]["code"] == "1013"
