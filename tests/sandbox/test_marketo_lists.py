"""Static lists, the activities of a CRM connector, and the bulk extract of activities."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.sandbox.marketo_client import Client, attributes

EXPORT = "/bulk/v1/activities/export"
WINDOW = {"createdAt": {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-31T00:00:00Z"}}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.sync(*({"email": f"p{n}@example.com", "lastName": f"P{n}"} for n in range(1, 5)))
    assert client.control("POST", "lists", {"name": "VIPs", "programName": "Spring"}) == {"id": 1}
    return client


def _put(client: Client, *ids: int, list_id: int = 1) -> list[tuple[int, str]]:
    document = {"input": [{"id": lead} for lead in ids]}
    result = client.post(f"/rest/v1/lists/{list_id}/leads.json", document)["result"]
    return [(row["id"], row["status"]) for row in result]


def _members(client: Client, list_id: int = 1, **query: Any) -> list[int]:
    return [row["id"] for row in client.get(f"/rest/v1/list/{list_id}/leads.json", **query)["result"]]


def test_people_come_and_go(client: Client) -> None:
    assert _put(client, 1, 2, 9) == [(1, "added"), (2, "added"), (9, "skipped")]
    assert _put(client, 2) == [(2, "added")]
    assert _members(client) == [1, 2]
    path = "/rest/v1/lists/1/leads"
    removed = json.loads(client.send("DELETE", f"{path}.json", {"id": "2,3"}).body)["result"]
    assert [(row["id"], row["status"]) for row in removed] == [(2, "removed"), (3, "skipped")]
    assert removed[1]["reasons"][0]["code"] == "1015"
    states = client.get(f"{path}/ismember.json", id="1,2")["result"]
    assert [row["status"] for row in states] == ["memberof", "notmemberof"]
    told = [(row["activityTypeId"], row["leadId"], row["primaryAttributeValue"]) for row in client.activities(24, 25)]
    assert told == [(24, 1, "Spring.VIPs"), (24, 2, "Spring.VIPs"), (25, 2, "Spring.VIPs")]


def test_lists_are_found_and_paged(client: Client) -> None:
    client.control("POST", "lists", {"name": "Others"})
    (found,) = client.get("/rest/v1/lists.json", name="Others")["result"]
    assert (found["id"], found["name"]) == (2, "Others")
    first = client.get("/rest/v1/lists.json", batchSize=1)
    rest = client.get("/rest/v1/lists.json", batchSize=1, nextPageToken=first["nextPageToken"])
    assert [row["id"] for row in (*first["result"], *rest["result"])] == [1, 2]
    assert client.get("/rest/v1/lists/9.json")["errors"][0]["code"] == "1013"
    _put(client, 1, 2, 3)
    page = client.get("/rest/v1/lists/1/leads.json", batchSize=2, fields="lastName")
    assert page["result"] == [{"id": 1, "lastName": "P1"}, {"id": 2, "lastName": "P2"}]
    assert _members(client, batchSize=2, fields="lastName", nextPageToken=page["nextPageToken"]) == [3]


def test_merge_unites_memberships_and_delete_ends_them(client: Client) -> None:
    client.control("POST", "lists", {"name": "Others"})
    _put(client, 1, 2, 4)
    _put(client, 2, 3, list_id=2)
    client.post("/rest/v1/leads/1/merge.json", leadIds="2,3")
    client.post("/rest/v1/leads/delete.json", {"input": [{"id": 4}]})
    assert (_members(client), _members(client, 2)) == ([1], [1])
    of_winner = client.get("/rest/v1/leads/1/listMembership.json")["result"]
    assert [row["listId"] for row in of_winner] == [1, 2]
    assert client.get("/rest/v1/leads/2/listMembership.json")["errors"][0]["code"] == "1004"


# -- what a CRM connector tells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "number", "told"),
    [
        ("Convert Lead", 21, {"Converted Status": "Qualified", "Is Sent Notification Email": False}),
        ("Change Owner", 23, {"Old Owner": "Sam"}),
        (29, 29, {}),
        ("Update Opportunity", 36, {"Data Value Changes": "{}"}),
        ("Change Status in SFDC Campaign", 44, {"New Status": "Responded", "Old Status": "Sent"}),
    ],
)
def test_a_connector_activity_is_read_back(client: Client, kind: Any, number: int, told: dict) -> None:
    wanted = {"leadId": 2, "type": kind, "primaryId": 7, "primary": "Seven", "attributes": told}
    assert client.control("POST", "activities", wanted) == {"leadId": 2, "activityTypeId": number}
    (row,) = client.activities(number)
    assert (row["leadId"], row["primaryAttributeValueId"], row["primaryAttributeValue"]) == (2, 7, "Seven")
    assert attributes(row) == told


@pytest.mark.parametrize(
    "wanted",
    [
        {"leadId": 1, "type": 13},
        {"leadId": 1, "type": "Merge Leads"},
        {"leadId": 9, "type": 19},
        {"leadId": 1, "type": 19, "attributes": {"Nonsense": 1}},
    ],
)
def test_the_control_route_refuses_what_it_cannot_tell(client: Client, wanted: dict) -> None:
    answer = client.raw("POST", "/_sandbox/activities", body=json.dumps(wanted).encode())
    assert answer.status == 400
    assert client.activities(13, 19, 32) == []


def test_types_are_listed_with_their_attributes(client: Client) -> None:
    types = {row["id"]: row for row in client.get("/rest/v1/activities/types.json")["result"]}
    assert {12, 13, 19, 21, 22, 23, 24, 25, 26, 29, 30, 32, 34, 35, 36, 37, 42, 43, 44} <= set(types)
    assert {2, 6, 7, 46, 47, 100, 104, 110, 123, 145} <= set(types)
    kinds = {attribute["name"]: attribute["dataType"] for attribute in types[32]["attributes"]}
    assert kinds["Master Updated"] == "boolean"
    assert types[29]["attributes"] == []


# -- bulk extract ------------------------------------------------------------------------------------------------------


def _extract(client: Client, **document: Any) -> list[dict[str, str]]:
    (job,) = client.post(f"{EXPORT}/create.json", document)["result"]
    client.post(f"{EXPORT}/{job['exportId']}/enqueue.json")
    (done,) = client.get(f"{EXPORT}/{job['exportId']}/status.json")["result"]
    assert done["status"] == "Completed"
    text = client.send("GET", f"{EXPORT}/{job['exportId']}/file.json").body.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert done["numberOfRecords"] == len(rows)
    return rows


def test_activities_are_extracted_without_deletions(client: Client) -> None:
    client.sync({"email": "p1@example.com", "city": "Ulm"})
    client.post("/rest/v1/leads/1/merge.json", leadId=2)
    client.post("/rest/v1/leads/delete.json", {"input": [{"id": 4}]})
    rows = _extract(client, fields=None, filter=WINDOW)
    assert {row["activityTypeId"] for row in rows} == {"12", "13", "32"}
    (merge,) = [row for row in rows if row["activityTypeId"] == "32"]
    assert json.loads(merge["attributes"])["Merge IDs"] == [2]
    assert (merge["leadId"], merge["campaignId"], merge["activityDate"]) == ("1", "null", "2026-03-02T09:00:00Z")
    some = _extract(client, fields=["leadId"], filter={**WINDOW, "activityTypeIds": [13]})
    assert some == [{"leadId": "1"}]


@pytest.mark.parametrize(
    "document",
    [
        {"filter": {**WINDOW, "activityTypeIds": [37]}},
        {"filter": {"activityTypeIds": [12]}},
        {"filter": {**WINDOW, "listId": 1}},
        {"filter": WINDOW, "fields": ["nonsense"]},
    ],
)
def test_extract_refuses(client: Client, document: dict) -> None:
    assert client.post(f"{EXPORT}/create.json", document)["errors"][0]["code"] == "1003"


def test_jobs_of_leads_and_activities_are_apart(client: Client) -> None:
    client.post(f"{EXPORT}/create.json", {"filter": WINDOW})
    assert "exportId" in client.get(f"{EXPORT}.json")["result"][0]
    assert client.get("/bulk/v1/leads/export.json")["result"] == []


def test_hidden_fields_are_not_extracted(client: Client) -> None:
    client.sync({"email": "p1@example.com", "phone": "1", "city": "Ulm"})
    client.control("POST", "fields", {"name": "phone", "hidden": True})
    rows = _extract(client, filter={**WINDOW, "activityTypeIds": [13]})
    assert [row["primaryAttributeValue"] for row in rows] == ["City"]
