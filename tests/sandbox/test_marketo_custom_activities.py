"""Custom activities: types with drafts, adding rows, and reading them back from the feed and the bulk file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.marketo_client import Client, attributes

BASE = "/rest/v1/activities/external"
ONE = f"{BASE}/type/attendConference"
TYPE: dict[str, Any] = {
    "apiName": "attendConference",
    "name": "Attend Conference",
    "description": "Attend the conference",
    "triggerName": "Attends Conference",
    "filterName": "Attended Conference",
    "primaryAttribute": {"apiName": "conferenceName", "name": "Conference Name"},
}
ATTRIBUTES = [
    {"apiName": "conferenceDate", "name": "Conference Date", "dataType": "datetime"},
    {"apiName": "numberOfAttendees", "name": "Number of Attendees", "dataType": "integer"},
]


@pytest.fixture
def client() -> Client:
    return Client()


def code(answer: dict[str, Any]) -> str:
    assert answer["success"] is False, answer
    return str(answer["errors"][0]["code"])


def one(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["success"], answer
    (result,) = answer["result"]
    return dict(result)


def make(client: Client) -> int:
    one(client.post(f"{BASE}/type.json", TYPE))
    one(client.post(f"{ONE}/attributes/create.json", {"attributes": ATTRIBUTES}))
    return int(one(client.post(f"{ONE}/approve.json"))["id"])


def row(type_id: int, lead_id: int, **members: Any) -> dict[str, Any]:
    return {
        "leadId": lead_id,
        "activityDate": "2026-03-02T10:00:00+01:00",
        "activityTypeId": type_id,
        "primaryAttributeValue": "Summit",
        "attributes": [
            {"apiName": "numberOfAttendees", "value": 7},
            {"name": "Conference Date", "value": "2026-03-01T08:00:00Z"},
        ],
        **members,
    }


def test_a_type_from_draft_to_approved_with_draft(client: Client) -> None:
    draft = one(client.post(f"{BASE}/type.json", TYPE))
    assert draft == {**TYPE, "status": "draft", "primaryAttribute": {**TYPE["primaryAttribute"], "dataType": "string"}}
    assert code(client.post(f"{BASE}/type.json", TYPE)) == "1017"
    live = one(client.post(f"{ONE}/approve.json"))
    assert (live["id"], live["status"], live["createdAt"]) == (100_001, "approved", "2026-03-02T09:00:00Z")
    changed = one(client.post(f"{ONE}/attributes/create.json", {"attributes": ATTRIBUTES}))
    assert (changed["status"], changed["attributes"]) == ("approved with draft", ATTRIBUTES)
    assert "attributes" not in one(client.get(f"{ONE}/describe.json"))
    assert one(client.get(f"{ONE}/describe.json", draft="true"))["attributes"] == ATTRIBUTES
    assert one(client.post(f"{ONE}/discardDraft.json"))["status"] == "approved"
    assert [kind["status"] for kind in client.get(f"{BASE}/types.json")["result"]] == ["approved"]
    assert one(client.post(f"{ONE}/delete.json"))["status"] == "deleted"
    assert client.get(f"{BASE}/types.json")["result"] == []
    assert code(client.get(f"{ONE}/describe.json")) == "1013"


def test_approved_types_stand_among_the_activity_types(client: Client) -> None:
    number = make(client)
    by_id = {kind["id"]: kind for kind in client.get("/rest/v1/activities/types.json")["result"]}
    assert by_id[number]["apiName"] == "attendConference"
    assert by_id[number]["primaryAttribute"]["name"] == "Conference Name"
    assert "apiName" not in by_id[12]


def test_rows_are_added_and_read_back(client: Client) -> None:
    number = make(client)
    (lead,) = client.sync({"email": "a@example.com"})
    added, refused = client.post(f"{BASE}.json", {"input": [row(number, lead["id"]), row(number, 99)]})["result"]
    assert (added["status"], added["marketoGUID"]) == ("added", str(added["id"]))
    assert refused == {"status": "skipped", "errors": [{"code": "1004", "message": "Lead not found"}]}
    (read,) = client.activities(number)
    assert read == {
        "id": added["id"],
        "marketoGUID": str(added["id"]),
        "leadId": lead["id"],
        "activityDate": "2026-03-02T09:00:00Z",
        "activityTypeId": number,
        "primaryAttributeValue": "Summit",
        "attributes": [
            {"apiName": "numberOfAttendees", "name": "Number of Attendees", "value": 7},
            {"apiName": "conferenceDate", "name": "Conference Date", "value": "2026-03-01T08:00:00Z"},
        ],
    }


def test_rows_stand_in_the_bulk_file(client: Client) -> None:
    number = make(client)
    (lead,) = client.sync({"email": "a@example.com"})
    client.post(f"{BASE}.json", {"input": [row(number, lead["id"])]})
    window = {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-31T00:00:00Z"}
    body = {
        "fields": ["primaryAttributeValue", "attributes"],
        "filter": {"createdAt": window, "activityTypeIds": [number]},
    }
    job = one(client.post("/bulk/v1/activities/export/create.json", body))["exportId"]
    client.post(f"/bulk/v1/activities/export/{job}/enqueue.json")
    client.get(f"/bulk/v1/activities/export/{job}/status.json")
    content = client.send("GET", f"/bulk/v1/activities/export/{job}/file.json").body.decode()
    assert content.splitlines()[1].startswith('Summit,"{""Number of Attendees"":7,')


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"primaryAttributeValue": ""}, "1002"),
        ({"activityDate": None}, "1002"),
        ({"activityDate": "yesterday"}, "1003"),
        ({"activityTypeId": 12}, "1013"),
        ({"attributes": [{"apiName": "color", "value": "red"}]}, "1006"),
        ({"attributes": [{"apiName": "numberOfAttendees", "value": "many"}]}, "1003"),
        ({"attributes": "none"}, "1003"),
        ({"leadId": "x"}, "1004"),
    ],
)
def test_what_is_skipped(client: Client, changes: dict[str, Any], expected: str) -> None:
    number = make(client)
    (lead,) = client.sync({"email": "a@example.com"})
    (result,) = client.post(f"{BASE}.json", {"input": [row(number, lead["id"], **changes)]})["result"]
    assert (result["status"], result["errors"][0]["code"]) == ("skipped", expected)


def test_too_many_bytes_of_attributes(client: Client) -> None:
    notes = [{"apiName": f"n{n}", "name": f"N{n}", "dataType": "text"} for n in range(3)]
    make(client)
    one(client.post(f"{ONE}/attributes/create.json", {"attributes": notes}))
    one(client.post(f"{ONE}/approve.json"))
    (lead,) = client.sync({"email": "a@example.com"})
    long = [{"apiName": f"n{n}", "value": "x" * 25_000} for n in range(3)]
    (result,) = client.post(f"{BASE}.json", {"input": [row(100_001, lead["id"], attributes=long)]})["result"]
    assert result["errors"][0]["code"] == "1049"


def test_attributes_are_changed_and_taken_away(client: Client) -> None:
    make(client)
    body = {"attributes": [{"apiName": "numberOfAttendees", "name": "Heads"}]}
    assert one(client.post(f"{ONE}/attributes/update.json", body))["attributes"][1]["name"] == "Heads"
    body = {"attributes": [{"apiName": "conferenceDate"}, {"apiName": "numberOfAttendees"}]}
    assert "attributes" not in one(client.post(f"{ONE}/attributes/delete.json", body))
    assert code(client.post(f"{ONE}/attributes/delete.json", body)) == "1006"
    assert code(client.post(f"{ONE}/attributes/update.json", {"attributes": []})) == "1003"
    many = [{"apiName": f"a{n}", "name": f"A{n}", "dataType": "string"} for n in range(21)]
    assert code(client.post(f"{ONE}/attributes/create.json", {"attributes": many})) == "1028"


def test_the_primary_attribute_is_demoted_before_another_is_made_it(client: Client) -> None:
    make(client)
    promote = {"attributes": [{"apiName": "numberOfAttendees", "isPrimary": True}]}
    assert code(client.post(f"{ONE}/attributes/update.json", promote)) == "1003"
    one(
        client.post(
            f"{ONE}/attributes/update.json", {"attributes": [{"apiName": "conferenceName", "isPrimary": False}]}
        )
    )
    assert code(client.post(f"{ONE}/approve.json")) == "1003"
    draft = one(client.post(f"{ONE}/attributes/update.json", promote))
    assert draft["primaryAttribute"]["apiName"] == "numberOfAttendees"


def test_names_of_a_type_in_use_stay(client: Client) -> None:
    number = make(client)
    assert one(client.post(f"{ONE}.json", {"triggerName": "Goes"}))["status"] == "approved with draft"
    client.post(f"{ONE}/discardDraft.json")
    (lead,) = client.sync({"email": "a@example.com"})
    client.post(f"{BASE}.json", {"input": [row(number, lead["id"])]})
    assert code(client.post(f"{ONE}.json", {"triggerName": "Goes"})) == "1003"
    assert one(client.post(f"{ONE}.json", {"description": "More"}))["description"] == "More"


def test_ten_types_at_most(client: Client) -> None:
    for n in range(10):
        names = {name: f"{TYPE[name]} {n}" for name in ("name", "triggerName", "filterName")}
        one(client.post(f"{BASE}/type.json", {**TYPE, **names, "apiName": f"type{n}"}))
    assert code(client.post(f"{BASE}/type.json", TYPE)) == "1027"


def test_a_late_row_is_behind_positions_already_given(client: Client) -> None:
    number = make(client)
    (lead,) = client.sync({"email": "a@example.com"})
    client.post(f"{BASE}.json", {"input": [row(number, lead["id"])]})
    page = client.get("/rest/v1/activities.json", activityTypeIds=number, nextPageToken=client.paging_token())
    client.wait(3600)
    client.post(f"{BASE}.json", {"input": [row(number, lead["id"], activityDate="2026-03-02T08:30:00Z")]})
    later = client.get("/rest/v1/activities.json", activityTypeIds=number, nextPageToken=page["nextPageToken"])
    assert (len(page["result"]), later.get("result", [])) == (1, [])


def test_rights(client: Client) -> None:
    number = make(client)
    user = {"client_id": "ro", "client_secret": "s", "user": "ro@example.com"}
    rights = ["Read-Only Activity", "Read-Only Activity Metadata"]
    client.control("POST", "users", {**user, "permissions": rights})
    client.token = client.new_token(client_id="ro", client_secret="s")
    assert client.get(f"{BASE}/types.json")["success"]
    assert code(client.post(f"{BASE}.json", {"input": [row(number, 1)]})) == "603"
    assert code(client.post(f"{ONE}/delete.json")) == "603"


def test_marketorestpython_style_values_are_typed(client: Client) -> None:
    number = make(client)
    (lead,) = client.sync({"email": "a@example.com"})
    text = [{"apiName": "numberOfAttendees", "value": "7"}]
    client.post(f"{BASE}.json", {"input": [row(number, lead["id"], attributes=text)]})
    (read,) = client.activities(number)
    assert attributes(read) == {"Number of Attendees": 7}
    assert json.dumps(read["attributes"][0]["value"]) == "7"
