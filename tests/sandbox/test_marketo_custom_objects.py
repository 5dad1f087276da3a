"""Custom objects: the metadata API with its drafts, and records linked to people, companies and each other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.marketo_client import Client

BASE = "/rest/v1/customobjects"
SCHEMA = f"{BASE}/schema"
LEAD_LINK = {
    "name": "leadID",
    "displayName": "Lead ID",
    "dataType": "link",
    "relatedTo": {"name": "lead", "field": "Id"},
}
VIN = {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}
CAR = [LEAD_LINK, VIN, {"name": "make", "displayName": "Make", "dataType": "string"}]
YEAR = {"name": "year", "displayName": "Year", "dataType": "integer"}


@pytest.fixture
def client() -> Client:
    return Client()


def done(answer: dict[str, Any]) -> None:
    assert (answer["success"], answer["result"]) == (True, [])


def code(answer: dict[str, Any]) -> str:
    assert answer["success"] is False, answer
    return str(answer["errors"][0]["code"])


def reason(result: dict[str, Any]) -> str:
    assert result["status"] == "skipped", result
    return str(result["reasons"][0]["code"])


def make(
    client: Client, name: str = "car", fields: list[dict[str, Any]] | None = None, *, approve: bool = True
) -> None:
    done(client.post(f"{SCHEMA}.json", {"apiName": name, "displayName": name.title(), "description": "It is one"}))
    done(client.post(f"{SCHEMA}/{name}/addField.json", {"input": fields or CAR}))
    if approve:
        done(client.post(f"{SCHEMA}/{name}/approve.json"))


def sync(client: Client, name: str, *records: dict[str, Any], **members: Any) -> list[dict[str, Any]]:
    answer = client.post(f"{BASE}/{name}.json", {**members, "input": list(records)})
    assert answer["success"], answer
    return list(answer["result"])


def described(client: Client, name: str = "car", **query: str) -> dict[str, Any]:
    (record,) = client.get(f"{SCHEMA}/{name}/describe.json", **query)["result"]
    return dict(record)


def names(record: dict[str, Any]) -> list[str]:
    return [field["name"] for field in record["fields"]]


def test_from_a_draft_to_an_approved_type(client: Client) -> None:
    make(client, approve=False)
    draft = described(client)
    assert (draft["state"], draft["idField"], draft["createdAt"], draft["searchableFields"]) == (
        "draft",
        None,
        None,
        [[]],
    )
    assert code(client.get(f"{BASE}/car/describe.json")) == "1013"
    done(client.post(f"{SCHEMA}/car/approve.json"))
    live = described(client)
    assert (live["state"], live["version"], live["idField"], live["dedupeFields"]) == (
        "approved",
        "approved",
        "marketoGUID",
        ["vin"],
    )
    assert live["searchableFields"] == [["vin"], ["marketoGUID"], ["leadID"]]
    assert live["relationships"] == [{"field": "leadID", "type": "child", "relatedTo": {"name": "Lead", "field": "id"}}]
    (shown,) = client.get(f"{BASE}/car/describe.json")["result"]
    types = {field["name"]: field["dataType"] for field in shown["fields"]}
    assert types == {
        "marketoGUID": "string",
        "createdAt": "datetime",
        "updatedAt": "datetime",
        "leadID": "integer",
        "vin": "string",
        "make": "string",
    }
    (item,) = client.get(f"{BASE}.json", names="car")["result"]
    assert (item["name"], "fields" in item) == ("car", False)


def test_changes_go_to_a_draft_until_they_are_approved(client: Client) -> None:
    make(client)
    done(client.post(f"{SCHEMA}/car/addField.json", {"input": [YEAR]}))
    done(client.post(f"{SCHEMA}.json", {"action": "updateOnly", "apiName": "car", "description": "Better"}))
    assert (described(client)["state"], "year" in names(described(client))) == ("approvedWithDraft", False)
    draft = described(client, state="draft")
    assert ("year" in names(draft), draft["description"], draft["version"]) == (True, "Better", "draft")
    assert reason(sync(client, "car", {"vin": "1", "year": 2003})[0]) == "1006"
    done(client.post(f"{SCHEMA}/car/approve.json"))
    assert sync(client, "car", {"vin": "1", "year": 2003})[0]["status"] == "created"
    done(client.post(f"{SCHEMA}/car/deleteField.json", {"input": [{"name": "make"}]}))
    done(client.post(f"{SCHEMA}/car/discardDraft.json"))
    assert ("make" in names(described(client)), described(client)["state"]) == (True, "approved")
    assert code(client.post(f"{SCHEMA}/car/discardDraft.json")) == "1048"
    assert code(client.post(f"{SCHEMA}/car/approve.json")) == "1003"


def test_what_is_fixed_once_approved(client: Client) -> None:
    make(client)
    key = {"name": "plate", "displayName": "Plate", "dataType": "string", "isDedupeField": True}
    link = {**LEAD_LINK, "name": "driver"}
    for call, document in (
        (f"{SCHEMA}/car/addField.json", {"input": [key]}),
        (f"{SCHEMA}/car/addField.json", {"input": [link]}),
        (f"{SCHEMA}/car/deleteField.json", {"input": [{"name": "vin"}]}),
        (f"{SCHEMA}/car/make/updateField.json", {"dataType": "integer"}),
        (f"{SCHEMA}.json", {"apiName": "car", "displayName": "Auto"}),
    ):
        assert code(client.post(call, document)) == "1003"
    done(client.post(f"{SCHEMA}/car/make/updateField.json", {"displayName": "Brand"}))
    assert described(client, state="draft")["fields"][-1]["displayName"] == "Brand"


@pytest.mark.parametrize(
    ("call", "document", "expected"),
    [
        (".json", {"apiName": "car", "displayName": "Car", "action": "createOnly"}, "1017"),
        (".json", {"apiName": "boat", "action": "updateOnly"}, "1013"),
        (".json", {"apiName": "boat"}, "1002"),
        (".json", {"apiName": "my boat", "displayName": "Boat"}, "1003"),
        (".json", {"apiName": "boat", "displayName": "Car"}, "1017"),
        ("/boat/approve.json", None, "1013"),
        ("/car/addField.json", {"input": [{"name": "vin", "displayName": "V", "dataType": "string"}]}, "1017"),
        ("/car/addField.json", {"input": [{"name": "x", "displayName": "X", "dataType": "blob"}]}, "1003"),
        ("/car/addField.json", {"input": [{"name": "x", "displayName": "X", "dataType": "link"}]}, "1013"),
        ("/car/deleteField.json", {"input": [{"name": "nothing"}]}, "1006"),
        ("/car/addField.json", {"input": [{**YEAR, "name": f"f{n}"} for n in range(48)]}, "1003"),
        ("/car/addField.json", {"input": [{**YEAR, "name": f"f{n}"} for n in range(21)]}, "1003"),
    ],
)
def test_refusals_of_the_metadata_api(client: Client, call: str, document: Any, expected: str) -> None:
    make(client)
    assert code(client.post(f"{SCHEMA}{call}", document)) == expected


def test_a_type_needs_a_key_and_there_are_ten_at_most(client: Client) -> None:
    make(client, fields=[LEAD_LINK], approve=False)
    assert code(client.post(f"{SCHEMA}/car/approve.json")) == "1003"
    for number in range(9):
        make(client, f"type{number}")
    assert code(client.post(f"{SCHEMA}.json", {"apiName": "eleventh", "displayName": "Eleventh"})) == "1003"
    assert [record["apiName"] for record in client.get(f"{SCHEMA}.json", names="car,type3")["result"]] == [
        "car",
        "type3",
    ]
    assert [record["apiName"] for record in client.get(f"{SCHEMA}.json", state="draft")["result"]] == ["car"]


def test_without_the_entitlement(client: Client) -> None:
    make(client)
    client.control("POST", "settings", {"custom_object_types": False})
    for answer in (
        client.get(f"{SCHEMA}.json"),
        client.post(f"{SCHEMA}.json", {"apiName": "boat", "displayName": "Boat"}),
        client.get(f"{SCHEMA}/fieldDataTypes.json"),
        client.get(f"{SCHEMA}/linkableObjects.json"),
    ):
        assert code(answer) == "616"
    assert client.get(f"{BASE}.json")["success"]
    client.control("POST", "settings", {"custom_objects": False})
    assert code(client.get(f"{BASE}.json")) == code(client.post(f"{BASE}/car.json", {"input": [{}]})) == "1026"


def test_records_are_made_found_changed_and_deleted(client: Client) -> None:
    make(client)
    (lead,) = client.sync({"email": "a@example.com"})
    bmw, orphan, keyless = sync(
        client, "car", {"vin": "1", "make": "BMW", "leadID": lead["id"]}, {"vin": "2", "leadID": 99}, {"make": "VW"}
    )
    assert (bmw["seq"], bmw["status"], len(bmw["marketoGUID"])) == (0, "created", 36)
    assert orphan["reasons"] == [{"code": "1004", "message": "Lead not found"}]
    assert reason(keyless) == "1002"
    (row,) = client.get(f"{BASE}/car.json", filterType="leadID", filterValues=lead["id"])["result"]
    assert set(row) == {"seq", "marketoGUID", "vin", "createdAt", "updatedAt"}
    query = {"filterType": "dedupeFields", "fields": ["marketoGuid", "make"], "input": [{"VIN": "1"}]}
    (row,) = client.post(f"{BASE}/car.json", query, _method="GET")["result"]
    assert row == {"seq": 0, "marketoGUID": bmw["marketoGUID"], "make": "BMW"}
    by_id = {"dedupeBy": "idField", "input": [{"marketoGUID": bmw["marketoGUID"], "make": None}]}
    assert code(client.post(f"{BASE}/car.json", by_id)) == "1003"  # only with updateOnly
    assert client.post(f"{BASE}/car.json", {**by_id, "action": "updateOnly"})["result"][0]["status"] == "updated"
    gone, unknown = client.post(f"{BASE}/car/delete.json", {"input": [{"vin": "1"}, {"vin": "9"}]})["result"]
    assert gone == {"seq": 0, "marketoGUID": bmw["marketoGUID"], "status": "deleted"}
    assert unknown["reasons"] == [{"code": "1013", "message": "Object not found"}]


def test_many_to_many_by_an_object_between(client: Client) -> None:
    course = [{"name": "courseID", "displayName": "Course ID", "dataType": "string", "isDedupeField": True}]
    make(client, "course", course, approve=False)
    to_course = {
        "name": "courseID",
        "displayName": "Course ID",
        "dataType": "link",
        "relatedTo": {"field": "courseID", "name": "course"},
    }
    number = {"name": "enrollmentID", "displayName": "Enrollment ID", "dataType": "string", "isDedupeField": True}
    done(client.post(f"{SCHEMA}.json", {"apiName": "enrollment", "displayName": "Enrollment"}))
    fields = {"input": [LEAD_LINK, to_course, number]}
    assert code(client.post(f"{SCHEMA}/enrollment/addField.json", fields)) == "1013"  # not approved yet
    done(client.post(f"{SCHEMA}/course/approve.json"))
    done(client.post(f"{SCHEMA}/enrollment/addField.json", fields))
    done(client.post(f"{SCHEMA}/enrollment/approve.json"))
    leads = client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    sync(client, "course", {"courseID": "C1"}, {"courseID": "C2"})
    results = sync(
        client,
        "enrollment",
        *(
            {"enrollmentID": f"{lead['id']}-{c}", "leadID": lead["id"], "courseID": c}
            for lead in leads
            for c in ("C1", "C2", "C9")
        ),
    )
    assert [result["status"] for result in results] == ["created", "created", "skipped"] * 2
    found = client.get(f"{BASE}/enrollment.json", filterType="courseID", filterValues="C1", fields="leadID")["result"]
    assert [row["leadID"] for row in found] == [lead["id"] for lead in leads]
    assert code(client.post(f"{SCHEMA}/course/delete.json")) == "1022"
    done(client.post(f"{SCHEMA}/enrollment/delete.json"))
    done(client.post(f"{SCHEMA}/course/delete.json"))
    assert client.get(f"{BASE}.json")["result"] == []


def test_links_to_companies_and_to_a_field_of_people(client: Client) -> None:
    client.post(
        "/rest/v1/leads/schema/fields.json",
        {"input": [{"name": "siebelId", "displayName": "Siebel", "dataType": "string"}]},
    )
    company = {
        "name": "companyID",
        "displayName": "Company",
        "dataType": "link",
        "relatedTo": {"name": "Company", "field": "Id"},
    }
    siebel = {
        "name": "siebel",
        "displayName": "Siebel",
        "dataType": "link",
        "relatedTo": {"name": "lead", "field": "siebelId"},
    }
    make(client, "plant", [VIN, company, siebel])
    client.sync({"email": "a@example.com", "siebelId": "S1"})
    (acme,) = client.post("/rest/v1/companies.json", {"input": [{"externalCompanyId": "A"}]})["result"]
    good, bad, nobody = sync(
        client,
        "plant",
        {"vin": "1", "companyID": acme["id"], "siebel": "S1"},
        {"vin": "2", "companyID": 99},
        {"vin": "3", "siebel": "S9"},
    )
    assert (good["status"], reason(bad), reason(nobody)) == ("created", "1013", "1004")


def test_helpers(client: Client) -> None:
    make(client)
    assert client.get(f"{SCHEMA}/fieldDataTypes.json")["result"] == (
        "string boolean integer float link email currency date datetime phone text".split()
    )
    by_name = {item["name"]: item for item in client.get(f"{SCHEMA}/linkableObjects.json")["result"]}
    assert [field["name"] for field in by_name["car"]["fields"]] == ["marketoGUID", "vin"]
    assert by_name["company"]["fields"] == [{"name": "id", "displayName": "Id", "dataType": "integer"}]
    assert {"name": "id", "displayName": "Id", "dataType": "integer"} in by_name["lead"]["fields"]
    done(client.get(f"{SCHEMA}/car/dependentAssets.json"))


def test_types_a_crm_brings_are_read_only(client: Client) -> None:
    client.control(
        "POST", "custom_objects", {"apiName": "asset_c", "displayName": "Asset", "fields": CAR, "crmManaged": True}
    )
    client.control("POST", "objects", {"object": "asset_c", "input": [{"vin": "1", "make": "BMW"}]})
    assert reason(sync(client, "asset_c", {"vin": "1", "make": "VW"})[0]) == "1018"
    assert reason(client.post(f"{BASE}/asset_c/delete.json", {"input": [{"vin": "1"}]})["result"][0]) == "1018"
    (row,) = client.get(f"{BASE}/asset_c.json", filterType="vin", filterValues="1", fields="make")["result"]
    assert row["make"] == "BMW"
    (shown,) = client.get(f"{BASE}/asset_c/describe.json")["result"]
    assert {field["name"]: field["crmManaged"] for field in shown["fields"]}["vin"] is True
    assert code(client.post(f"{SCHEMA}/asset_c/addField.json", {"input": [YEAR]})) == "1018"


def test_a_refused_query_leaves_the_type_usable(client: Client) -> None:
    make(client)
    assert code(client.get(f"{BASE}/car.json", filterType="make", filterValues="BMW")) == "1003"
    assert sync(client, "car", {"vin": "1"})[0]["status"] == "created"


def test_rights(client: Client) -> None:
    make(client)
    user = {
        "client_id": "ro",
        "client_secret": "s",
        "user": "ro@example.com",
        "permissions": ["Read-Only Custom Object"],
    }
    client.control("POST", "users", user)
    client.token = client.new_token(client_id="ro", client_secret="s")
    assert client.get(f"{BASE}/car/describe.json")["success"]
    assert code(client.post(f"{BASE}/car.json", {"input": [{"vin": "1"}]})) == "603"
    assert code(client.get(f"{SCHEMA}.json")) == "603"


def test_types_and_records_survive_a_restart(tmp_path: Any) -> None:
    from syncline_sandbox.core.clock import SandboxClock
    from syncline_sandbox.marketo import MarketoInstance
    from tests.sandbox.marketo_client import START

    path = tmp_path / "m.sqlite"
    first = Client(MarketoInstance(path, clock=SandboxClock(frozen_at=START)))
    make(first)
    (made,) = sync(first, "car", {"vin": "1"})
    first.instance.close()
    second = Client(MarketoInstance(path, clock=SandboxClock(frozen_at=START)))
    (row,) = second.get(f"{BASE}/car.json", filterType="vin", filterValues="1")["result"]
    assert row["marketoGUID"] == made["marketoGUID"]
    (other,) = sync(second, "car", {"vin": "2"})
    assert other["marketoGUID"] != made["marketoGUID"]
    second.instance.close()
