"""Merge and delete: who remains, with what, and what the log tells."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.marketo_client import START, Client, attributes

SECOND_USER = {"client_id": "marketer", "client_secret": "m", "user": "marketer@example.com"}


@pytest.fixture
def client() -> Client:
    return Client()


def _merge(client: Client, winner: int, **query: Any) -> dict[str, Any]:
    return client.post(f"/rest/v1/leads/{winner}/merge.json", **query)


def _code(answer: dict[str, Any]) -> str:
    assert answer["success"] is False
    return str(answer["errors"][0]["code"])


def test_winner_keeps_its_values_and_takes_what_it_lacks(client: Client) -> None:
    client.sync(
        {"email": "a@example.com", "city": "Ulm", "doNotCall": False},
        {"email": "b@example.com", "city": "Bonn", "title": "Electrician", "doNotCall": True},
    )
    client.wait(5)
    answer = _merge(client, 1, leadId=2)
    assert set(answer) == {"requestId", "success"}
    (person,) = client.leads("id", 1, 2, fields="email,city,title,doNotCall")
    expected = {"id": 1, "email": "a@example.com", "city": "Ulm", "title": "Electrician", "doNotCall": False}
    assert person == expected
    assert client.get("/rest/v1/lead/2.json")["result"] == []
    assert client.lead(1)["updatedAt"] == "2026-03-02T09:00:05Z"


def test_merge_is_told_on_the_winner(client: Client) -> None:
    people = [{"email": f"{name}@example.com", "lastName": name, "title": name} for name in "bc"]
    client.sync({"email": "a@example.com", "lastName": "Lee"}, *people)
    _merge(client, 1, leadIds="2,3")
    (merge,) = client.activities(32)
    assert (merge["leadId"], merge["primaryAttributeValueId"], merge["primaryAttributeValue"]) == (1, 1, "Lee")
    said = {"Merge IDs": [2, 3], "Merge Source": "leaddb", "Master Updated": True, "Merged in Sales": False}
    assert attributes(merge) == said
    (change,) = client.activities(13)
    assert attributes(change)["New Value"] == "b"  # of several losers the first one fills
    assert (attributes(change)["Reason"], attributes(change)["API Method Name"]) == ("Merge Leads", "mergeLeads")
    assert [row["leadId"] for row in client.activities(12)] == [1, 1, 1]  # the logs are combined
    deleted = client.get("/rest/v1/activities/deletedleads.json", nextPageToken=client.paging_token())
    assert "result" not in deleted


def test_only_the_first_loser_listed_fills(client: Client) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com"}, {"email": "c@example.com", "title": "Chief"})
    _merge(client, 1, leadIds="2,3")
    assert client.lead(1, "title")["title"] is None
    assert attributes(client.activities(32)[0])["Master Updated"] is False
    assert client.lead(1)["updatedAt"] == "2026-03-02T09:00:00Z"


def test_losers_among_the_deleted_leads_by_setting(client: Client) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com", "lastName": "Bee"})
    client.control("POST", "settings", {"merged_people_in_deleted_leads": True})
    _merge(client, 1, leadId=2)
    (row,) = client.get("/rest/v1/activities/deletedleads.json", nextPageToken=client.paging_token())["result"]
    assert (row["leadId"], row["primaryAttributeValue"]) == (2, "Bee")


def test_an_opt_out_goes_over_and_holds_for_the_address(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    client.sync({"email": "a@example.com"}, action="createDuplicate")
    client.sync({"email": "b@example.com", "unsubscribed": True})
    _merge(client, 1, leadId=3)
    assert [row["unsubscribed"] for row in client.leads("id", 1, 2, fields="unsubscribed")] == [True, True]


def test_a_company_goes_over_whole(client: Client) -> None:
    client.post("/rest/v1/companies.json", {"input": [{"externalCompanyId": "A1", "company": "Acme", "site": "HQ"}]})
    client.sync(
        {"email": "a@example.com", "company": "Own", "industry": "Tin"},
        {"email": "b@example.com", "externalCompanyId": "A1"},
        {"email": "c@example.com", "company": "Other", "website": "c.example"},
    )
    _merge(client, 1, leadId=2)
    fields = ("externalCompanyId", "company", "site", "industry", "website")
    taken = {"id": 1, "externalCompanyId": "A1", "company": "Acme", "site": "HQ", "industry": None, "website": None}
    assert client.lead(1, *fields) == taken
    _merge(client, 1, leadId=3)
    assert client.lead(1, *fields) == taken


@pytest.mark.parametrize(
    ("winner", "query", "code"),
    [
        (9, {"leadId": 1}, "1004"),
        (1, {"leadIds": "2,9"}, "1004"),
        (1, {"leadIds": "1,2"}, "1003"),
        (1, {}, "1002"),
        (1, {"leadId": "two"}, "1001"),
        (1, {"leadIds": ",".join(map(str, range(2, 28)))}, "1080"),
        (1, {"leadId": 2, "mergeInCRM": "true"}, "703"),
    ],
)
def test_refused_and_nothing_changed(client: Client, winner: int, query: dict, code: str) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com", "city": "Ulm"})
    assert _code(_merge(client, winner, **query)) == code
    assert len(client.leads("id", 1, 2)) == 2
    assert client.activities(13, 32) == []


@pytest.mark.parametrize("code", [712, 714, 1076, 1077, 1078, 1079])
def test_what_only_a_crm_can_answer_comes_by_fault(client: Client, code: int) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    client.fault("error_code", "merge.json", code=code)
    assert _code(_merge(client, 1, leadId=2, mergeInCRM="true")) == str(code)
    assert len(client.leads("id", 1, 2)) == 2


def test_25_losers_are_merged(client: Client) -> None:
    client.sync(*({"email": f"p{n}@example.com"} for n in range(26)))
    assert _merge(client, 1, leadIds=",".join(map(str, range(2, 27))))["success"]
    assert [row["id"] for row in client.leads("id", *range(1, 27))] == [1]


def test_lost_reply_has_merged(client: Client) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    client.fault("lost_reply", "merge.json")
    client.send("POST", "/rest/v1/leads/1/merge.json", {"leadId": 2})
    assert [row["id"] for row in client.leads("id", 1, 2)] == [1]
    assert _code(_merge(client, 1, leadId=2)) == "1004"


def test_a_late_commit_still_shows_the_loser(client: Client) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com", "title": "Chief"})
    client.fault("late_commit", "merge.json", delay_seconds=60)
    _merge(client, 1, leadId=2)
    assert [(row["id"], row["title"]) for row in client.leads("id", 1, 2, fields="title")] == [(1, None), (2, "Chief")]
    assert client.activities(32) == []
    client.wait(61)
    assert [(row["id"], row["title"]) for row in client.leads("id", 1, 2, fields="title")] == [(1, "Chief")]
    assert len(client.activities(32)) == 1


def test_deletions_are_told_for_14_days(client: Client) -> None:
    client.sync({"email": "a@example.com", "firstName": "Ann", "lastName": "Lee"})
    client.post("/rest/v1/leads/delete.json", {"input": [{"id": 1}]})
    path, token = "/rest/v1/activities/deletedleads.json", client.paging_token()
    client.wait(timedelta(days=14).total_seconds())
    client.token = client.new_token()
    (row,) = client.get(path, nextPageToken=token)["result"]
    assert (row["leadId"], row["primaryAttributeValue"]) == (1, "Ann Lee")
    client.wait(1)
    pruned = client.get(path, nextPageToken=token)
    assert (pruned["success"], pruned["moreResult"], "result" in pruned) == (True, False, False)


def test_a_second_user_merges_and_deletes_by_the_public_api(client: Client) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com", "city": "Ulm"}, {"email": "c@example.com"})
    client.control("POST", "users", SECOND_USER)
    client.token = client.new_token(client_id="marketer", client_secret="m")
    assert _merge(client, 1, leadId=2)["success"]
    assert client.post("/rest/v1/leads/delete.json", {"input": [{"id": 3}]})["result"][0]["status"] == "deleted"
    (change,) = client.activities(13, since=START)
    assert attributes(change)["Modifying User"] == "marketer@example.com"


def test_a_marketer_merges_without_the_api(client: Client) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com", "city": "Ulm"})
    assert client.control("POST", "people/merge", {"id": 1, "leadIds": [2]}) == {"id": 1, "status": "merged"}
    (change,) = client.activities(13)
    assert (attributes(change)["Source"], attributes(change)["Modifying User"]) == (
        "Marketo UI",
        "marketer@example.com",
    )
    assert client.lead(1, "city")["city"] == "Ulm"
