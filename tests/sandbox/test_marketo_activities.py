"""The change feeds: activities, lead changes, deleted leads, and their tokens."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from tests.sandbox.marketo_client import START, Client, attributes


@pytest.fixture
def client() -> Client:
    return Client()


def _code(answer: dict) -> str:
    assert answer["success"] is False
    return str(answer["errors"][0]["code"])


def test_new_lead_and_changed_value(client: Client) -> None:
    client.sync({"email": "a@example.com", "firstName": "Ann", "lastName": "Lee", "city": "Ulm"})
    client.wait(5)
    answer = client.post(
        "/rest/v1/leads.json", {"input": [{"email": "a@example.com", "city": "Bonn", "lastName": None}]}
    )
    new, city, last = client.activities(12, 13)
    assert (new["leadId"], new["primaryAttributeValue"], new["activityDate"]) == (1, "Ann Lee", "2026-03-02T09:00:00Z")
    assert attributes(new)["Source Type"] == "Web service API"
    assert (city["primaryAttributeValueId"], city["primaryAttributeValue"]) == (64, "City")
    assert attributes(city) == {
        "New Value": "Bonn",
        "Old Value": "Ulm",
        "Source": "Web service API",
        "API Method Name": "syncLead",
        "Modifying User": "sandbox-api@example.com",
        "Request Id": answer["requestId"],
    }
    assert city["activityDate"] == "2026-03-02T09:00:05Z"
    assert "New Value" not in attributes(last)  # empty attributes are left out
    assert new["marketoGUID"] == str(new["id"])


def test_unchanged_values_log_nothing(client: Client) -> None:
    client.sync({"email": "a@example.com", "doNotCall": False})
    client.sync({"email": "a@example.com", "doNotCall": None, "city": ""})
    assert client.activities(13) == []


def test_score_is_logged_twice(client: Client) -> None:
    client.sync({"email": "a@example.com", "leadScore": 5})
    client.sync({"email": "a@example.com", "leadScore": 15})
    score, change = client.activities(13, 22)
    assert (score["activityTypeId"], attributes(score)["Change Value"]) == (22, "+10")
    assert (change["activityTypeId"], attributes(change)["New Value"]) == (13, "15")


def test_activity_text_of_types(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    client.sync({"email": "a@example.com", "doNotCall": True, "emailSuspendedAt": "2023-01-26T18:46:00Z"})
    shown = {row["primaryAttributeValue"]: attributes(row) for row in client.activities(13)}
    assert (shown["Do Not Call"]["Old Value"], shown["Do Not Call"]["New Value"]) == ("False", "True")
    assert shown["Email Suspended At"]["New Value"] == "2023-01-26 18:46:00"


def test_last_token_continues_and_idles(client: Client) -> None:
    token = client.paging_token()
    client.sync(*({"email": f"p{n}@example.com"} for n in range(3)))
    first = client.get("/rest/v1/activities.json", activityTypeIds=12, nextPageToken=token, batchSize=2)
    assert (len(first["result"]), first["moreResult"]) == (2, True)
    rest = client.get("/rest/v1/activities.json", activityTypeIds=12, nextPageToken=first["nextPageToken"])
    assert (len(rest["result"]), rest["moreResult"]) == (1, False)
    idle = client.get("/rest/v1/activities.json", activityTypeIds=12, nextPageToken=rest["nextPageToken"])
    assert "result" not in idle
    assert (idle["nextPageToken"], idle["moreResult"]) == (rest["nextPageToken"], False)
    client.sync({"email": "late@example.com"})  # in the same second
    news = client.get("/rest/v1/activities.json", activityTypeIds=12, nextPageToken=idle["nextPageToken"])
    assert [row["leadId"] for row in news["result"]] == [4]


def test_since_is_inclusive_to_the_second(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    assert len(client.activities(12, since=START)) == 1
    assert client.activities(12, since=START + timedelta(seconds=1)) == []


def test_lead_changes_name_rest_fields(client: Client) -> None:
    client.sync({"email": "a@example.com", "city": "Ulm"})
    client.sync({"email": "a@example.com", "city": "Bonn", "state": "NW"})
    page = client.get("/rest/v1/activities/leadchanges.json", fields="city", nextPageToken=client.paging_token())
    new, change = page["result"]
    assert (new["activityTypeId"], new["fields"]) == (12, [])
    assert change["fields"] == [{"id": 64, "name": "city", "oldValue": "Ulm", "newValue": "Bonn"}]
    assert page["moreResult"] is False


def test_deletions_only_in_deleted_leads(client: Client) -> None:
    client.sync({"email": "a@example.com", "firstName": "Ann"})
    client.post("/rest/v1/leads/delete.json", {"input": [{"id": 1}]})
    assert client.activities(12, 37)[-1]["activityTypeId"] == 12
    (row,) = client.get("/rest/v1/activities/deletedleads.json", nextPageToken=client.paging_token())["result"]
    assert (row["leadId"], row["activityTypeId"], row["primaryAttributeValue"], row["attributes"]) == (1, 37, "Ann", [])


def test_only_of_some_leads(client: Client) -> None:
    client.sync(*({"email": f"p{n}@example.com"} for n in range(3)))
    assert [row["leadId"] for row in client.activities(12, leadIds="1,3")] == [1, 3]


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("activities.json", {"activityTypeIds": "12"}, "1002"),
        ("activities.json", {"nextPageToken": "GOOD"}, "1003"),
        ("activities.json", {"nextPageToken": "GOOD", "activityTypeIds": "1,2,3,4,5,6,7,8,9,10,11"}, "1003"),
        ("activities.json", {"nextPageToken": "GOOD", "activityTypeIds": "twelve"}, "1001"),
        ("activities.json", {"nextPageToken": "garbage", "activityTypeIds": "12"}, "1003"),
        ("activities.json", {"nextPageToken": base64.b32encode(b"P:1:2").decode(), "activityTypeIds": "12"}, "1003"),
        ("activities/leadchanges.json", {"nextPageToken": "GOOD"}, "1003"),
        ("activities/leadchanges.json", {"nextPageToken": "GOOD", "fields": "nonsense"}, "1006"),
        ("activities/pagingtoken.json", {}, "1002"),
        ("activities/pagingtoken.json", {"sinceDatetime": "yesterday"}, "1003"),
    ],
)
def test_refused(client: Client, path: str, query: dict, code: str) -> None:
    if query.get("nextPageToken") == "GOOD":
        query = {**query, "nextPageToken": client.paging_token()}
    assert _code(client.get(f"/rest/v1/{path}", **query)) == code


def test_types(client: Client) -> None:
    types = {row["id"]: row for row in client.get("/rest/v1/activities/types.json")["result"]}
    assert "primaryAttribute" not in types[12]
    assert types[13]["primaryAttribute"]["name"] == "Attribute Name"
    assert {"Old Value", "New Value"} <= {attribute["name"] for attribute in types[13]["attributes"]}


def test_someone_else_writes(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    wanted = {"source": "Web form fill", "user": "", "input": [{"email": "a@example.com", "city": "Ulm"}]}
    assert client.control("POST", "people", wanted) == [{"id": 1, "status": "updated"}]
    (row,) = client.activities(13)
    assert attributes(row) == {"New Value": "Ulm", "Source": "Web form fill"}
    assert client.control("DELETE", "people", {"input": [{"id": 1}]}) == [{"id": 1, "status": "deleted"}]


def test_seeded_people_are_new_leads(client: Client) -> None:
    people = [{"email": "a@example.com", "createdAt": "2020-01-01T00:00:00Z", "unsubscribed": True}, {"city": "Ulm"}]
    assert client.control("POST", "seed", {"people": people}) == {"people": 2}
    assert client.lead(1)["createdAt"] == "2020-01-01T00:00:00Z"
    assert [row["leadId"] for row in client.activities(12)] == [1, 2]
    client.sync({"email": "a@example.com"}, action="createDuplicate")
    assert client.lead(3, "unsubscribed")["unsubscribed"] is True


def test_hidden_fields_do_not_show_in_the_feeds(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    client.sync({"email": "a@example.com", "phone": "1", "city": "Ulm"})
    client.control("POST", "fields", {"name": "phone", "hidden": True})
    assert [row["primaryAttributeValue"] for row in client.activities(13)] == ["City"]
