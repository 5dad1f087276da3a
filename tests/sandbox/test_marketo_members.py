"""Program members: describe, query, status, data, delete, their custom fields, and what the log tells."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.marketo_client import Client, attributes

MEMBERS = "/rest/v1/programs/1/members"
NOW = "2026-03-02T09:00:00Z"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.sync(*({"email": f"p{n}@example.com", "lastName": f"P{n}"} for n in range(1, 6)))
    client.control("POST", "programs", {"name": "Spring", "channel": "Online Advertising"})
    return client


def put(client: Client, status: str, *ids: Any) -> list[dict[str, Any]]:
    answer = client.post(f"{MEMBERS}/status.json", {"statusName": status, "input": [{"leadId": n} for n in ids]})
    assert answer["success"], answer
    return list(answer["result"])


def query(client: Client, **parameters: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{MEMBERS}.json", **parameters)
    assert answer["success"], answer
    return list(answer["result"])


def code(answer: dict[str, Any]) -> str:
    assert answer["success"] is False, answer
    return str(answer["errors"][0]["code"])


def reason(row: dict[str, Any]) -> tuple[str, str]:
    return row["reasons"][0]["code"], row["reasons"][0]["message"]


def test_members_join_and_move_on_but_never_back(client: Client) -> None:
    assert put(client, "Registered", 1, 2) == [
        {"seq": 0, "status": "created", "leadId": 1},
        {"seq": 1, "status": "created", "leadId": 2},
    ]
    past, moved, new, nobody = (
        put(client, "Registered", 1),
        put(client, "Attended", 2),
        put(client, "No Show", 3),
        put(client, "Invited", 99, "x", None),
    )
    assert reason(past[0]) == ("1037", "Lead skipped because it is already in or past this status")
    assert (past[0]["status"], past[0]["seq"]) == ("skipped", 0)
    assert (moved[0]["status"], new[0]["status"]) == ("updated", "created")
    assert [reason(row) for row in nobody] == [("1004", "Lead not found")] * 3
    assert reason(put(client, "Invited", 2)[0])[0] == "1037"
    assert reason(put(client, "Not in Program", 2)[0])[0] == "1037"
    rows = query(client, filterType="reachedSuccess", filterValues="true")
    assert rows == [
        {
            "seq": 0,
            "leadId": 2,
            "acquiredBy": False,
            "membershipDate": NOW,
            "programId": 1,
            "reachedSuccess": True,
        }
    ]


def test_the_log_tells_each_change_of_status(client: Client) -> None:
    put(client, "Invited", 1)
    client.wait(60)
    put(client, "Attended", 1)
    first, second = client.activities(104)
    assert (first["primaryAttributeValueId"], first["primaryAttributeValue"], first["leadId"]) == (1, "Spring", 1)
    assert attributes(first) == {
        "Old Status": "Not in Program",
        "Old Status ID": 2000,
        "New Status": "Invited",
        "New Status ID": 2001,
        "Acquired By": False,
        "Success": False,
        "Reason": "Web service API",
        "Program Member ID": 1,
    }
    told = attributes(second)
    assert (told["Old Status"], told["New Status"], told["Success"]) == ("Invited", "Attended", True)
    assert told["Reached Success Date"] == "2026-03-02T09:01:00Z"


def test_describe(client: Client) -> None:
    field = {"displayName": "Seat", "name": "seat", "dataType": "string"}
    client.post("/rest/v1/programs/members/schema/fields.json", {"input": [field]})
    (described,) = client.get("/rest/v1/programs/members/describe.json")["result"]
    assert (described["name"], described["dedupeFields"]) == ("API Program Membership", ["leadId", "programId"])
    assert described["searchableFields"] == [["leadId"], ["seat"], ["reachedSuccess"], ["statusName"]]
    fields = {row["name"]: row for row in described["fields"]}
    assert len(fields) == 20
    assert fields["nurtureCadence"] == {
        "name": "nurtureCadence",
        "displayName": "nurtureCadence",
        "dataType": "string",
        "length": 4,
        "updateable": False,
        "crmManaged": False,
    }
    assert {name for name, row in fields.items() if row["updateable"]} == {
        "acquiredBy",
        "statusReason",
        "registrationCode",
        "webinarUrl",
        "seat",
    }
    client.control("POST", "settings", {"member_extras_writable": False})
    (plain,) = client.get("/rest/v1/program/members/describe.json")["result"]
    assert "dedupeFields" not in plain
    assert {row["name"] for row in plain["fields"] if row["updateable"]} == {"registrationCode", "webinarUrl", "seat"}


def test_queries(client: Client) -> None:
    put(client, "Invited", 1, 2, 3)
    put(client, "Attended", 4)
    assert [row["leadId"] for row in query(client, filterType="STATUSNAME", filterValues="Invited")] == [1, 2, 3]
    assert [row["leadId"] for row in query(client, filterType="leadId", filterValues="2,4,9")] == [2, 4]
    page = client.get(
        f"{MEMBERS}.json", filterType="statusName", filterValues="Invited", batchSize=2, fields="statusName"
    )
    assert page["result"] == [
        {"seq": 0, "leadId": 1, "statusName": "Invited"},
        {"seq": 1, "leadId": 2, "statusName": "Invited"},
    ]
    assert page["moreResult"] is True
    rest = client.get(
        f"{MEMBERS}.json",
        filterType="statusName",
        filterValues="Invited",
        batchSize=2,
        fields="statusName",
        nextPageToken=page["nextPageToken"],
    )
    assert (rest["result"], rest["moreResult"]) == ([{"seq": 0, "leadId": 3, "statusName": "Invited"}], False)
    client.wait(1800)
    put(client, "Attended", 1)
    since = {"filterType": "updatedAt", "startAt": "2026-03-02T09:15:00Z", "endAt": "2026-03-03T00:00:00Z"}
    assert [row["leadId"] for row in query(client, **since)] == [1]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, "1003"),
        ({"filterType": "leadId"}, "1003"),
        ({"filterType": "trackName", "filterValues": "a"}, "1003"),
        ({"filterType": "leadId", "filterValues": "x"}, "1001"),
        ({"filterType": "leadId", "filterValues": "9" * 30}, "1001"),
        ({"filterType": "leadId", "filterValues": ",".join(map(str, range(301)))}, "1003"),
        ({"filterType": "updatedAt"}, "1003"),
        ({"filterType": "updatedAt", "startAt": "x", "endAt": "y"}, "1003"),
        ({"filterType": "updatedAt", "startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-09T00:00:00Z"}, "1003"),
        ({"filterType": "leadId", "filterValues": "1", "fields": "shoe"}, "1006"),
    ],
)
def test_queries_that_are_refused(client: Client, parameters: dict[str, str], expected: str) -> None:
    assert code(client.get(f"{MEMBERS}.json", **parameters)) == expected


def test_unknown_programs_and_statuses(client: Client) -> None:
    assert code(client.get("/rest/v1/programs/7/members.json", filterType="leadId", filterValues="1")) == "1013"
    document = {"statusName": "Asleep", "input": [{"leadId": 1}]}
    assert code(client.post(f"{MEMBERS}/status.json", document)) == "1025"
    assert code(client.post(f"{MEMBERS}/status.json", {"input": [{"leadId": 1}]})) == "1002"
    client.control("POST", "settings", {"unknown_member_status_per_record": True})
    (row,) = client.post(f"{MEMBERS}/status.json", document)["result"]
    assert reason(row)[0] == "1025"
    too_many = {"statusName": "Invited", "input": [{"leadId": n} for n in range(301)]}
    assert code(client.post(f"{MEMBERS}/status.json", too_many)) == "1003"


def test_data_of_members_with_custom_fields(client: Client) -> None:
    fields = [
        {"displayName": "Seat", "name": "seat", "dataType": "string", "description": "Where"},
        {"displayName": "Guests", "name": "guests", "dataType": "integer"},
        {"displayName": "City", "name": "city", "dataType": "string"},
        {"displayName": "Money", "name": "money", "dataType": "currency"},
    ]
    made = client.post("/rest/v1/programs/members/schema/fields.json", {"input": fields})["result"]
    assert [row.get("reasons", [{}])[0].get("code", row["status"]) for row in made] == [
        "created",
        "created",
        "1017",
        "1003",
    ]
    put(client, "Invited", 1)
    records = [
        {"leadId": 1, "seat": "A1", "guests": 2, "registrationCode": "dcff"},
        {"leadId": 2, "seat": "B1"},
        {"leadId": 1, "statusName": "Attended"},
        {"leadId": 1, "guests": "many"},
        {"leadId": 1, "shoe": 1},
    ]
    results = client.post(f"{MEMBERS}.json", {"input": records})["result"]
    assert results[0] == {"seq": 0, "status": "updated", "leadId": 1}
    assert reason(results[1]) == ("1013", "Membership not found")
    assert [reason(row)[0] for row in results[2:]] == ["1003", "1003", "1006"]
    (row,) = query(client, filterType="guests", filterValues="2", fields="seat,guests,registrationCode,program")
    assert row == {"seq": 0, "leadId": 1, "seat": "A1", "guests": 2, "registrationCode": "dcff", "program": "Spring"}
    told = [attributes(activity) for activity in client.activities(123)]
    assert [(one["Attribute Name"], one["New Value"]) for one in told] == [
        ("Seat", "A1"),
        ("Guests", "2"),
        ("Registration Code", "dcff"),
    ]
    client.post(f"{MEMBERS}.json", {"input": [{"leadId": 1, "seat": "A1"}]})
    assert len(client.activities(123)) == 3  # nothing changed


def test_schema_of_member_fields(client: Client) -> None:
    base = "/rest/v1/programs/members/schema/fields"
    client.post(f"{base}.json", {"input": [{"displayName": "Seat", "name": "seat", "dataType": "string"}]})
    assert client.get(f"{base}/statusName.json")["result"] == [
        {
            "displayName": "Status",
            "name": "statusName",
            "description": None,
            "dataType": "string",
            "length": 255,
            "isHidden": False,
            "isHtmlEncodingInEmail": True,
            "isSensitive": False,
            "isCustom": False,
            "isApiCreated": False,
        }
    ]
    page = client.get(f"{base}.json", batchSize=19)
    assert (len(page["result"]), page["moreResult"]) == (19, True)
    (last,) = client.get(f"{base}.json", batchSize=19, nextPageToken=page["nextPageToken"])["result"]
    assert (last["name"], last["isApiCreated"]) == ("seat", True)
    assert client.post(f"{base}/seat.json", {"input": [{"isHidden": True}]})["result"] == [
        {"name": "seat", "status": "updated"}
    ]
    (described,) = client.get("/rest/v1/programs/members/describe.json")["result"]
    assert "seat" not in {field["name"] for field in described["fields"]}
    assert code(client.post(f"{base}/statusName.json", {"input": [{"displayName": "x"}]})) == "1003"
    assert code(client.get(f"{base}/shoe.json")) == "1006"
    many = [{"displayName": f"F{n}", "name": f"f{n}", "dataType": "string"} for n in range(20)]
    results = client.post(f"{base}.json", {"input": many})["result"]
    assert [row["status"] for row in results] == ["created"] * 19 + ["skipped"]


def test_members_are_deleted(client: Client) -> None:
    put(client, "Invited", 1, 2)
    results = client.post(f"{MEMBERS}/delete.json", {"input": [{"leadId": 1}, {"leadId": 3}]})["result"]
    assert results[0] == {"seq": 0, "status": "deleted", "leadId": 1}
    assert reason(results[1]) == ("1037", "Lead not in program")
    assert [row["leadId"] for row in query(client, filterType="leadId", filterValues="1,2,3")] == [2]
    assert attributes(client.activities(104)[-1])["New Status"] == "Not in Program"


def test_memberships_of_one_person_and_people_of_one_program(client: Client) -> None:
    client.control("POST", "programs", {"name": "Drip", "type": "Engagement", "channel": "Nurture"})
    put(client, "Invited", 1, 2)
    client.control(
        "POST",
        "members",
        {
            "program": "Drip",
            "leadIds": [1],
            "status": "Member",
            "values": {"trackName": "Warm", "nurtureCadence": "norm"},
        },
    )
    base = {"isExhausted": False, "acquiredBy": False, "reachedSuccess": False, "membershipDate": NOW, "updatedAt": NOW}
    answer = client.get("/rest/v1/leads/1/programMembership.json")
    assert answer["moreResult"] is False
    assert answer["result"] == [
        {"id": 1, "progressionStatus": "Invited", **base},
        {"id": 2, "progressionStatus": "Member", **base, "stream": "Warm", "nurtureCadence": "norm"},
    ]
    only = client.get("/rest/v1/leads/1/programMembership.json", filterType="programId", filterValues="2")["result"]
    assert [row["id"] for row in only] == [2]
    assert (
        client.get("/rest/v1/leads/1/programMembership.json", earliestUpdatedAt="2026-04-01T00:00:00Z")["result"] == []
    )
    assert code(client.get("/rest/v1/leads/99/programMembership.json")) == "1004"
    page = client.get("/rest/v1/leads/programs/1.json", batchSize=1, fields="lastName")
    assert page["result"] == [
        {
            "id": 1,
            "lastName": "P1",
            "membership": {"id": 1, "progressionStatus": "Invited", "progressionStatusType": "Invited", **base},
        }
    ]
    rest = client.get(
        "/rest/v1/leads/programs/1.json", batchSize=1, fields="lastName", nextPageToken=page["nextPageToken"]
    )
    assert [row["id"] for row in rest["result"]] == [2]
    assert "nextPageToken" not in rest


def test_the_older_status_call_makes_no_members(client: Client) -> None:
    put(client, "Invited", 1)
    document = {"status": "Attended", "input": [{"id": 1}, {"id": 2}, {"id": 99}]}
    first, second, third = client.post("/rest/v1/leads/programs/1/status.json", document)["result"]
    assert first == {"id": 1, "status": "updated"}
    assert (second["id"], reason(second)[0], reason(third)[0]) == (2, "1013", "1004")
    assert [row["leadId"] for row in query(client, filterType="leadId", filterValues="1,2")] == [1]


def test_merge_unites_memberships_and_delete_ends_them(client: Client) -> None:
    client.control("POST", "programs", {"name": "Autumn", "channel": "Blog"})
    put(client, "Invited", 1, 2, 5)
    client.control("POST", "members", {"program": "Autumn", "leadIds": [3], "status": "Influenced"})
    client.post(f"{MEMBERS}.json", {"input": [{"leadId": 2, "registrationCode": "two"}]})
    client.post("/rest/v1/leads/1/merge.json", leadIds="2,3")
    client.post("/rest/v1/leads/delete.json", {"input": [{"id": 5}]})
    united = client.get("/rest/v1/leads/1/programMembership.json")["result"]
    assert [(row["id"], row["progressionStatus"]) for row in united] == [(1, "Invited"), (2, "Influenced")]
    (row,) = query(client, filterType="leadId", filterValues="1,2,5", fields="registrationCode")
    assert row == {"seq": 0, "leadId": 1, "registrationCode": "two"}


def test_a_marketer_ends_a_membership_and_it_begins_anew(client: Client) -> None:
    put(client, "Attended", 1)
    client.wait(60)
    client.control("POST", "members", {"program": "Spring", "leadIds": [1], "status": "Not in Program"})
    assert query(client, filterType="leadId", filterValues="1") == []
    put(client, "Invited", 1)
    (row,) = query(client, filterType="leadId", filterValues="1")
    assert (row["membershipDate"], row["reachedSuccess"]) == ("2026-03-02T09:01:00Z", False)


def test_a_late_commit_hides_the_activity(client: Client) -> None:
    client.fault("late_commit", "members/status", delay_seconds=300)
    put(client, "Invited", 1)
    assert client.activities(104) == []
    client.wait(301)
    assert len(client.activities(104)) == 1


def test_a_partial_failure_spares_the_other_records(client: Client) -> None:
    client.fault("partial_failure", "members/status", indexes=[1], code=1003, message="Invalid data")
    first, second, third = put(client, "Invited", 1, 2, 3)
    assert (first["status"], reason(second), third) == (
        "created",
        ("1003", "Invalid data"),
        {"seq": 2, "status": "created", "leadId": 3},
    )
    assert [row["leadId"] for row in query(client, filterType="leadId", filterValues="1,2,3")] == [1, 3]
