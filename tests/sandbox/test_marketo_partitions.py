"""Lead partitions, push, forms and cookies: the ways in beside Sync Leads, and who may see whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.marketo_client import Client, attributes

COOKIE = "id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169"
TOKEN = "_mch-marketo.com-1396310362214-46169"


@pytest.fixture
def client() -> Client:
    client = Client()
    for name in ("Europe", "Asia"):
        client.control("POST", "partitions", {"name": name})
    return client


def code(answer: dict[str, Any]) -> str:
    assert answer["success"] is False, answer
    return str(answer["errors"][0]["code"])


def reasons(rows: list[dict[str, Any]]) -> list[str]:
    return [row["reasons"][0]["code"] for row in rows]


def restricted(client: Client, *partitions: str) -> Client:
    """A client of another API user, who sees these partitions only."""
    client.control("POST", "users", {"client_id": "eu", "client_secret": "s", "user": "eu@example.com"})
    client.control("POST", "partitions/users", {"user": "eu@example.com", "partitions": list(partitions)})
    other = Client(client.instance)
    other.token = other.new_token(client_id="eu", client_secret="s")
    return other


def test_people_are_made_in_a_partition_and_moved(client: Client) -> None:
    assert client.get("/rest/v1/leads/partitions.json")["result"] == [
        {"id": 1, "name": "Default", "description": "Initial system lead partition"},
        {"id": 2, "name": "Europe"},
        {"id": 3, "name": "Asia"},
    ]
    client.sync({"email": "a@example.com"}, partitionName="Europe")
    assert client.lead(1, "leadPartitionId")["leadPartitionId"] == 2
    assert reasons(client.sync({"email": "a@example.com"}, partitionName="Asia")) == ["1010"]
    assert client.sync({"email": "a@example.com", "city": "Ulm"})[0]["status"] == "updated"
    records = [
        {"id": 1, "partitionName": "Asia"},
        {"id": 9, "partitionName": "Asia"},
        {"id": 1, "partitionName": "Mars"},
        {"id": 1},
    ]
    moved, *refused = client.post("/rest/v1/leads/partitions.json", {"input": records})["result"]
    assert moved == {"id": 1, "status": "updated"}
    assert reasons(refused) == ["1004", "1003", "1009"]
    assert [row["id"] for row in client.leads("leadPartitionId", 3)] == [1]
    (told,) = client.activities(100)
    assert (told["primaryAttributeValueId"], told["primaryAttributeValue"]) == (3, "Asia")
    assert attributes(told)["Old Partition ID"] == 2


def test_what_a_partition_name_must_be(client: Client) -> None:
    record = {"email": "a@example.com"}
    for members in ({"partitionName": "Mars"}, {"partitionName": "Europe", "action": "updateOnly"}):
        assert code(client.post("/rest/v1/leads.json", {**members, "input": [record]})) == "1003"


def test_a_user_sees_the_people_of_its_partitions_only(client: Client) -> None:
    client.sync({"email": "a@example.com"}, partitionName="Europe")
    client.sync({"email": "b@example.com"}, partitionName="Asia")
    european = restricted(client, "Europe")
    assert [row["name"] for row in european.get("/rest/v1/leads/partitions.json")["result"]] == ["Europe"]
    assert [row["id"] for row in european.leads("id", 1, 2)] == [1]
    assert european.get("/rest/v1/lead/2.json")["result"] == []
    assert european.sync({"email": "c@example.com"})[0]["status"] == "created"
    assert client.lead(3, "leadPartitionId")["leadPartitionId"] == 2
    refused = european.sync({"email": "b@example.com", "city": "Ulm"})
    assert reasons(refused) == ["1008"]
    assert refused[0]["reasons"][0]["message"] == "Access denied to partition 'Asia'"
    assert (
        code(european.post("/rest/v1/leads.json", {"partitionName": "Asia", "input": [{"email": "d@e.com"}]})) == "1008"
    )
    client.control("POST", "partitions/users", {"user": "eu@example.com", "partitions": ["Europe", "Asia"]})
    assert code(european.post("/rest/v1/leads.json", {"input": [{"email": "d@example.com"}]})) == "1009"
    client.sync({"email": "e@example.com"})
    document = {"input": [{"id": 3}, {"id": 4}]}
    gone, kept = european.post("/rest/v1/leads/delete.json", document)["result"]
    assert (gone["status"], reasons([kept])) == ("deleted", ["1008"])
    client.control("POST", "partitions/users", {"user": "eu@example.com", "partitions": None})
    assert len(european.leads("id", 1, 2, 4)) == 3


def test_lists_show_a_user_its_people_only(client: Client) -> None:
    client.control("POST", "lists", {"name": "All"})
    client.sync({"email": "a@example.com"}, partitionName="Europe")
    client.sync({"email": "b@example.com"}, partitionName="Asia")
    client.post("/rest/v1/lists/1/leads.json", {"input": [{"id": 1}, {"id": 2}]})
    european = restricted(client, "Europe")
    assert [row["id"] for row in european.get("/rest/v1/list/1/leads.json")["result"]] == [1]


# -- cookies -----------------------------------------------------------------------------------------------------------


def test_a_cookie_is_associated_and_found(client: Client) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    answer = client.post("/rest/v1/leads/1/associate.json", cookie=COOKIE)
    assert answer == {"requestId": answer["requestId"], "success": True}
    assert [row["id"] for row in client.leads("cookies", TOKEN)] == [1]
    client.post("/rest/v1/leads/2/associate.json", cookie=COOKIE)
    assert [row["id"] for row in client.leads("cookies", TOKEN)] == [2]
    assert code(client.post("/rest/v1/leads/1/associate.json", cookie="nonsense")) == "1012"
    assert code(client.post("/rest/v1/leads/9/associate.json", cookie=COOKIE)) == "1004"
    client.post("/rest/v1/leads/1/merge.json", leadId=2)
    assert [row["id"] for row in client.leads("cookies", TOKEN)] == [1]


# -- push --------------------------------------------------------------------------------------------------------------


def test_push_upserts_tells_and_enrols(client: Client) -> None:
    client.control("POST", "programs", {"name": "Launch", "channel": "Content"})
    client.sync({"email": "old@example.com"})
    document = {
        "programName": "Launch",
        "programStatus": "Visited",
        "source": "Cool Sales Site",
        "reason": "Downloaded pricing sheet",
        "lookupField": "email",
        "input": [
            {"email": "new@example.com", "leadScore": 45, "cookies": COOKIE},
            {"email": "old@example.com", "city": "Ulm"},
            {"email": "bad@example.com", "shoe": 1},
        ],
    }
    answer = client.post("/rest/v1/leads/push.json", document)
    assert answer["warnings"] == []
    created, updated, refused = answer["result"]
    assert ([created["status"], updated["status"]], reasons([refused])) == (["created", "updated"], ["1006"])
    told = client.activities(145)
    assert [(row["leadId"], row["primaryAttributeValue"]) for row in told] == [(2, "Launch"), (1, "Launch")]
    assert attributes(told[0]) == {"Source": "Cool Sales Site", "Reason": "Downloaded pricing sheet"}
    members = client.get("/rest/v1/leads/programs/1.json", fields="acquisitionProgramId")["result"]
    assert [(row["id"], row["acquisitionProgramId"], row["membership"]["acquiredBy"]) for row in members] == [
        (1, None, False),
        (2, 1, True),
    ]
    assert [row["id"] for row in client.leads("cookies", TOKEN)] == [2]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"programName": None}, "1002"),
        ({"programName": "Nowhere"}, "1013"),
        ({"programStatus": "Asleep"}, "1025"),
        ({"lookupField": "mktToken"}, "1003"),
        ({"lookupField": "shoe"}, "1003"),
        ({"input": [{"email": "a@example.com", "cookies": "x"}]}, "1012"),
        ({"input": []}, "1003"),
    ],
)
def test_pushes_that_are_refused(client: Client, members: dict[str, Any], expected: str) -> None:
    client.control("POST", "programs", {"name": "Launch", "channel": "Content"})
    document = {"programName": "Launch", "input": [{"email": "a@example.com"}], **members}
    assert code(client.post("/rest/v1/leads/push.json", document)) == expected
    assert client.leads("email", "a@example.com") == []


# -- forms -------------------------------------------------------------------------------------------------------------


def submit(client: Client, fields: dict[str, Any], **members: Any) -> dict[str, Any]:
    record = {"leadFormFields": fields, **members.pop("record", {})}
    return client.post("/rest/v1/leads/submitForm.json", {"formId": 1, "input": [record], **members})


def test_a_form_makes_and_changes_people(client: Client) -> None:
    client.control("POST", "programs", {"name": "Launch", "channel": "Content"})
    field = {"displayName": "Seat", "name": "seat", "dataType": "string"}
    client.post("/rest/v1/programs/members/schema/fields.json", {"input": [field]})
    client.control("POST", "forms", {"name": "Sign up", "program": "Launch", "fields": ["firstName", "seat"]})
    visit = {
        "pageURL": "https://pages.example.com/lp/UnsubscribePage.html",
        "queryString": "Unsubscribed=yes",
        "leadClientIpAddress": "192.150.22.5",
        "userAgentString": "Mozilla/5.0",
    }
    answer = submit(
        client,
        {"email": "marge@example.com", "firstName": "Marge", "seat": "A1"},
        record={"visitorData": visit, "cookie": COOKIE},
    )
    assert answer["result"] == [{"id": 1, "status": "created"}]
    (told,) = client.activities(2)
    assert (told["primaryAttributeValueId"], told["primaryAttributeValue"]) == (1, "Sign up")
    said = attributes(told)
    assert (said["Client IP Address"], said["Query Parameters"]) == ("192.150.22.5", "Unsubscribed=yes")
    (row,) = client.get(
        "/rest/v1/programs/1/members.json", filterType="seat", filterValues="A1", fields="statusName,acquiredBy"
    )["result"]
    assert row == {"seq": 0, "leadId": 1, "statusName": "Visited", "acquiredBy": True}
    assert [row["id"] for row in client.leads("cookies", TOKEN)] == [1]
    assert submit(client, {"email": "MARGE@example.com", "firstName": "M"})["result"] == [
        {"id": 1, "status": "updated"}
    ]
    assert client.lead(1, "firstName", "email") == {"id": 1, "firstName": "M", "email": "marge@example.com"}
    assert client.get("/rest/asset/v1/forms.json")["result"][0]["name"] == "Sign up"


def test_a_form_changes_whom_was_changed_last(client: Client) -> None:
    client.control("POST", "forms", {"name": "Open"})
    client.sync({"email": "a@example.com"}, {"email": "a@example.com"}, action="createDuplicate")
    client.wait(60)
    client.sync({"id": 1, "city": "Ulm"}, action="updateOnly", lookupField="id")
    assert submit(client, {"email": "a@example.com", "city": "Bonn"})["result"] == [{"id": 1, "status": "updated"}]


@pytest.mark.parametrize(
    ("fields", "members", "expected"),
    [
        ({"firstName": "x"}, {}, "1003"),
        ({"email": "a@example.com", "city": "Ulm"}, {}, "1003"),
        ({"email": "a@example.com"}, {"formId": 9}, "1003"),
        ({"email": "a@example.com"}, {"programId": 9}, "1013"),
        ({"email": "a@example.com"}, {"record": {"cookie": "x"}}, "1012"),
        ({"email": "a@example.com"}, {"input": [{}, {}]}, "1003"),
        ({"email": "a@example.com"}, {"input": ["x"]}, "1003"),
    ],
)
def test_forms_that_are_refused(client: Client, fields: dict[str, Any], members: dict[str, Any], expected: str) -> None:
    client.control("POST", "forms", {"name": "Sign up", "fields": ["firstName"]})
    assert code(submit(client, fields, **members)) == expected
    assert client.activities(2) == []
