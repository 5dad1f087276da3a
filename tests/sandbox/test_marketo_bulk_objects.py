"""Bulk extract and import beyond leads and time windows: lists, custom objects, program members, retention, queues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.marketo_client import START, Client, attributes

LEADS = "/bulk/v1/leads/export"
CARS = "/bulk/v1/customobjects/car/export"
MEMBERS = "/bulk/v1/program/members/export"
WINDOW = {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-31T00:00:00Z"}
DAY = 86_400


@pytest.fixture
def client() -> Client:
    return Client()


def code(answer: dict[str, Any]) -> str:
    assert answer["success"] is False, answer
    return str(answer["errors"][0]["code"])


def exported(client: Client, base: str, fields: list[str], chosen: Any, **members: Any) -> list[str]:
    job = client.post(f"{base}/create.json", {"fields": fields, "filter": chosen, **members})["result"][0]["exportId"]
    assert client.post(f"{base}/{job}/enqueue.json")["success"]
    assert client.get(f"{base}/{job}/status.json")["result"][0]["status"] == "Completed"
    return client.send("GET", f"{base}/{job}/file.json").body.decode().splitlines()


def upload(client: Client, path: str, content: str, **query: Any) -> dict[str, Any]:
    body = f'--XX\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\n{content}\r\n--XX--\r\n'
    headers = {"authorization": f"Bearer {client.token}", "content-type": "multipart/form-data; boundary=XX"}
    answer = client.raw("POST", f"/bulk/v1/{path}.json", {"format": "csv", **query}, body.encode(), headers)
    return dict(json.loads(answer.body))


def status(client: Client, path: str) -> dict[str, Any]:
    (result,) = client.get(f"/bulk/v1/{path}.json")["result"]
    return dict(result)


def text(client: Client, path: str) -> str:
    answer = client.send("GET", f"/bulk/v1/{path}.json")
    assert answer.status == 200
    return answer.body.decode()


def make_cars(client: Client, **members: Any) -> None:
    link = {"name": "lead", "field": "id"}
    fields = [
        {"name": "leadID", "displayName": "Lead", "dataType": "link", "relatedTo": link},
        {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True},
        {"name": "year", "displayName": "Year", "dataType": "integer"},
        {"name": "sold", "displayName": "Sold", "dataType": "boolean"},
    ]
    client.control("POST", "custom_objects", {"apiName": "car", "displayName": "Car", "fields": fields, **members})


def make_program(client: Client) -> int:
    made = client.control("POST", "programs", {"name": "Webinar", "type": "Event with Webinar", "channel": "Webinar"})
    return int(made["id"])


# -- extract -----------------------------------------------------------------------------------------------------------


def test_leads_of_a_static_list(client: Client) -> None:
    made = client.sync(*({"email": f"{name}@example.com"} for name in "abc"))
    number = client.control("POST", "lists", {"name": "VIPs"})["id"]
    ids = [made[0]["id"], made[2]["id"]]
    client.post(f"/rest/v1/lists/{number}/leads.json", {"input": [{"id": one} for one in ids]})
    for chosen in ({"staticListId": number}, {"staticListName": "VIPs"}):
        assert exported(client, LEADS, ["email"], chosen) == ["email", "a@example.com", "c@example.com"]
    unknown = {"fields": ["email"], "filter": {"staticListName": "nobody"}}
    assert code(client.post(f"{LEADS}/create.json", unknown)) == "1003"


def test_leads_of_a_smart_list_where_it_is_provisioned(client: Client) -> None:
    client.sync({"email": "a@example.com", "city": "Ulm"}, {"email": "b@example.com", "city": "Bonn"})
    rules = [{"field": "city", "operator": "is", "values": ["Ulm"]}]
    made = client.control("POST", "smart_lists", {"name": "Ulm", "filters": rules})
    for chosen in ({"smartListId": made["id"]}, {"smartListName": "Ulm"}):
        assert exported(client, LEADS, ["email"], chosen) == ["email", "a@example.com"]
    client.control("POST", "settings", {"export_by_smart_list": False})
    refused = {"fields": ["email"], "filter": {"smartListName": "Ulm"}}
    assert client.post(f"{LEADS}/create.json", refused)["errors"] == [
        {"code": "1035", "message": "Unsupported filter type for target subscription: smartListName"}
    ]


def test_tabs_and_semicolons(client: Client) -> None:
    client.sync({"email": "a@example.com", "city": "Ulm"})
    for form, between in (("TSV", "\t"), ("SSV", ";"), ("csv", ",")):
        lines = exported(client, LEADS, ["email", "city"], {"createdAt": WINDOW}, format=form)
        assert lines == [between.join(("email", "city")), between.join(("a@example.com", "Ulm"))]


def test_files_are_kept_seven_days_and_jobs_thirty(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    job = client.post(f"{LEADS}/create.json", {"fields": ["id"], "filter": {"createdAt": WINDOW}})
    path = f"{LEADS}/{job['result'][0]['exportId']}"
    client.post(f"{path}/enqueue.json")
    client.get(f"{path}/status.json")
    unused = client.post(f"{LEADS}/create.json", {"fields": ["id"], "filter": {"createdAt": WINDOW}})
    for days, file_status, listed in ((6, 200, 2), (1, 404, 2), (1, 404, 0)):
        client.wait(days * DAY)
        client.token = client.new_token()
        assert client.send("GET", f"{path}/file.json").status == file_status
        assert len(client.get(f"{LEADS}.json")["result"]) == listed
        assert client.get(f"{path}/status.json")["success"]
    client.wait(22 * DAY)
    client.token = client.new_token()
    assert code(client.get(f"{path}/status.json")) == "1013"
    assert client.get(f"{LEADS}/{unused['result'][0]['exportId']}/status.json")["success"]  # it never finished
    client.control("POST", "settings", {"export_file_days": 10})  # the other reading of the page


def test_one_queue_for_all_kinds_and_pages_of_jobs(client: Client) -> None:
    client.control("POST", "settings", {"export_seconds": 60})
    make_cars(client)
    bodies = {
        LEADS: {"fields": ["id"], "filter": {"createdAt": WINDOW}},
        "/bulk/v1/activities/export": {"filter": {"createdAt": WINDOW}},
        CARS: {"fields": ["vin"], "filter": {"updatedAt": WINDOW}},
    }
    jobs = [(base, client.post(f"{base}/create.json", body)["result"][0]) for base, body in bodies.items()]
    for base, job in jobs:
        client.post(f"{base}/{job['exportId']}/enqueue.json")
    states = [client.get(f"{base}/{job['exportId']}/status.json")["result"][0]["status"] for base, job in jobs]
    assert states == ["Processing", "Processing", "Queued"]
    client.post(f"{CARS}/{jobs[2][1]['exportId']}/cancel.json")
    assert [job["status"] for job in client.get(f"{CARS}.json", status="Canceled")["result"]] == ["Cancelled"]
    for _ in range(3):
        client.post(f"{LEADS}/create.json", bodies[LEADS])
    page = client.get(f"{LEADS}.json", batchSize=3)
    rest = client.get(f"{LEADS}.json", batchSize=3, nextPageToken=page["nextPageToken"])
    assert (len(page["result"]), len(rest["result"]), "nextPageToken" in rest) == (3, 1, False)


def test_a_file_in_many_parts(client: Client) -> None:
    client.instance.seed({"email": f"p{n}@example.com"} for n in range(12_000))
    job = client.post(f"{LEADS}/create.json", {"fields": ["id", "email"], "filter": {"createdAt": WINDOW}})
    path = f"{LEADS}/{job['result'][0]['exportId']}"
    client.post(f"{path}/enqueue.json")
    done = client.get(f"{path}/status.json")["result"][0]
    whole = client.send("GET", f"{path}/file.json").body
    assert (len(whole), done["fileSize"], done["numberOfRecords"]) == (done["fileSize"], len(whole), 12_000)
    pieces = b""
    for first in range(0, len(whole), 100_000):
        headers = {"authorization": f"Bearer {client.token}", "range": f"bytes={first}-{first + 99_999}"}
        answer = client.raw("GET", f"{path}/file.json", headers=headers)
        assert (answer.status, dict(answer.headers)["ETag"]) == (206, f'"{done["fileChecksum"][7:]}"')
        pieces += answer.body
    assert pieces == whole


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"createdAt": WINDOW, "activityTypeIds": [37]}, "1003"),
        ({"activityTypeIds": [13]}, "1003"),
        ({"createdAt": WINDOW, "primaryAttributeValues": ["x"]}, "1003"),
        ({"createdAt": WINDOW, "activityTypeIds": [12], "primaryAttributeValues": ["x"]}, "1003"),
        ({"createdAt": WINDOW, "activityTypeIds": [13, 24], "primaryAttributeValues": ["x"]}, "1003"),
        ({"createdAt": WINDOW, "activityTypeIds": [13], "primaryAttributeValueIds": ["x"]}, "1003"),
        ({"createdAt": WINDOW, "activityTypeIds": [13], "primaryAttributeValues": ["x"] * 51}, "1003"),
    ],
)
def test_activity_filters_that_make_no_sense(client: Client, chosen: Any, expected: str) -> None:
    assert code(client.post("/bulk/v1/activities/export/create.json", {"filter": chosen})) == expected


def test_activities_by_their_primary_attribute(client: Client) -> None:
    (lead,) = client.sync({"email": "a@example.com"})
    client.sync({"id": lead["id"], "city": "Ulm", "state": "BW"}, action="updateOnly", lookupField="id")
    chosen: dict[str, Any] = {"createdAt": WINDOW, "activityTypeIds": [13]}
    fields = ["primaryAttributeValue", "primaryAttributeValueId"]
    base = "/bulk/v1/activities/export"
    by_name = exported(client, base, fields, {**chosen, "primaryAttributeValues": ["City"]})
    by_id = exported(client, base, fields, {**chosen, "primaryAttributeValueIds": [64]})
    assert by_name == by_id == ["primaryAttributeValue,primaryAttributeValueId", "City,64"]


def test_custom_objects_by_list_and_by_time(client: Client) -> None:
    make_cars(client)
    first, second = client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    cars = [{"vin": "1", "leadID": first["id"], "year": 2003}, {"vin": "2", "leadID": second["id"], "sold": True}]
    client.post("/rest/v1/customobjects/car.json", {"input": cars})
    number = client.control("POST", "lists", {"name": "Buyers"})["id"]
    client.post(f"/rest/v1/lists/{number}/leads.json", {"input": [{"id": second["id"]}]})
    fields = ["leadId", "VIN", "year", "sold"]
    assert exported(client, CARS, fields, {"staticListId": number}) == ["leadID,vin,year,sold", "2,2,null,true"]
    assert len(exported(client, CARS, fields, {"updatedAt": WINDOW})) == 3
    client.wait(40 * DAY)
    client.token = client.new_token()
    late = {"startAt": "2026-04-01T00:00:00Z", "endAt": "2026-04-20T00:00:00Z"}
    assert exported(client, CARS, fields, {"updatedAt": late}) == ["leadID,vin,year,sold"]


def test_custom_objects_that_cannot_be_extracted(client: Client) -> None:
    body = {"fields": ["vin"], "filter": {"updatedAt": WINDOW}}
    assert code(client.post(f"{CARS}/create.json", body)) == "1013"
    make_cars(client, crmManaged=True)
    assert client.post(f"{CARS}/create.json", body)["errors"][0]["message"] == "CRM custom objects not allowed"
    alone = [{"name": "key", "displayName": "Key", "dataType": "string", "isDedupeField": True}]
    client.control("POST", "custom_objects", {"apiName": "course", "displayName": "Course", "fields": alone})
    unlinked = client.post("/bulk/v1/customobjects/course/export/create.json", {**body, "fields": ["key"]})
    assert code(unlinked) == "1003"


def test_a_job_whose_object_is_gone_fails(client: Client) -> None:
    make_cars(client)
    body = {"fields": ["vin"], "filter": {"updatedAt": WINDOW}}
    job = client.post(f"{CARS}/create.json", body)["result"][0]["exportId"]
    client.post("/rest/v1/customobjects/schema/car/delete.json")
    client.post(f"{CARS}/{job}/enqueue.json")
    failed = client.get(f"{CARS}/{job}/status.json")["result"][0]
    assert (failed["status"], failed["errorMsg"]) == ("Failed", "Object not found")


def test_program_members(client: Client) -> None:
    program = make_program(client)
    first, second = client.sync({"email": "a@example.com", "city": "Ulm"}, {"email": "b@example.com"})
    for lead, state in ((first, "Registered"), (second, "Attended")):
        body = {"statusName": state, "input": [{"leadId": lead["id"]}]}
        assert client.post(f"/rest/v1/programs/{program}/members/status.json", body)["success"]
    fields = ["email", "city", "statusName", "reachedSuccess"]
    lines = exported(client, MEMBERS, fields, {"programId": program})
    assert lines == [
        "email,city,statusName,reachedSuccess",
        "a@example.com,Ulm,Registered,false",
        "b@example.com,null,Attended,true",
    ]
    by_status = exported(client, MEMBERS, fields, {"programIds": [program], "statusNames": ["Registered"]})
    assert by_status[1:] == [f"{program},a@example.com,Ulm,Registered,false"]
    assert by_status[0].startswith("programId,")
    for chosen in (
        {"programId": 99},
        {},
        {"programId": program, "statusNames": ["Nonsense"]},
        {"programIds": [1] * 11},
    ):
        assert code(client.post(f"{MEMBERS}/create.json", {"fields": fields, "filter": chosen})) == "1003"


# -- import ------------------------------------------------------------------------------------------------------------


def test_new_people_known_people_and_bad_rows_in_one_file(client: Client) -> None:
    client.sync({"email": "known@example.com", "city": "Ulm"})
    rows = [
        "email,firstName,city,leadScore,unsubscribed",
        "new@example.com,Ann,Bonn,5,",
        "known@example.com,Ben,Köln,,",
        "new@example.com,Again,,7,",  # the same person once more
        "bad@example.com,Cal,,many,",
        ",Nobody,,,",
        "out@example.com,Dan,,,true",
        "short@example.com,Eve",
    ]
    upload(client, "leads", "\n".join(rows))
    done = status(client, "leads/batch/1")
    assert (done["numOfLeadsProcessed"], done["numOfRowsFailed"]) == (5, 2)
    assert done["message"] == "Import completed with errors, 5 records imported (5 members), 2 failed"
    failures = text(client, "leads/batch/1/failures").splitlines()
    assert failures == [
        "email,firstName,city,leadScore,unsubscribed,Import Failure Reason",
        "bad@example.com,Cal,,many,,Invalid data type in field Lead Score",
        ",Nobody,,,,Missing value for the required parameter 'email'",
    ]
    (new,) = client.leads("email", "new@example.com", fields="firstName,city,leadScore")
    assert (new["firstName"], new["city"], new["leadScore"]) == ("Again", "Bonn", 7)
    assert client.leads("email", "out@example.com", fields="unsubscribed")[0]["unsubscribed"] is True
    created = client.activities(12)
    assert sorted(row["primaryAttributeValue"] for row in created if "primaryAttributeValue" in row) == [
        "Ann",
        "Dan",
        "Eve",
    ]
    assert {attributes(row)["Source Type"] for row in created} == {"List import", "Web service API"}


def test_plain_rows_are_like_rows_written_one_by_one(client: Client) -> None:
    """The fast way must not be told from the slow one, which a standing fault enforces."""
    header = "email,firstName,lastName,leadScore,doNotCall,dateOfBirth,annualRevenue,unsubscribed"
    rows = [f"p{n}@example.com,A{n},B{n},{n},{'true' if n % 2 else ''},2000-01-0{n},{n}.5,false" for n in range(1, 9)]
    content = "\n".join((header, *rows))
    seen = []
    for slow in (False, True):
        other = Client()
        if slow:
            other.fault("partial_failure", "^never$", times=None)
        upload(other, "leads", content)
        status(other, "leads/batch/1")
        names = f"{header},id,createdAt,updatedAt,leadPartitionId"
        leads = other.leads("email", *(row.partition(",")[0] for row in rows), fields=names)
        feed = [{**row, "attributes": attributes(row) | {"Request Id": ""}} for row in other.activities(12, 13)]
        seen.append((leads, feed))
    assert seen[0] == seen[1]
    assert len(seen[0][0]) == len(seen[0][1]) == 8


def test_an_import_into_a_list(client: Client) -> None:
    number = client.control("POST", "lists", {"name": "VIPs"})["id"]
    client.sync({"email": "known@example.com"})
    client.control("POST", "settings", {"import_seconds": 30})
    upload(client, "leads", "email\nknown@example.com\nnew@example.com\nnot an address\n", listId=number)
    assert code(upload(client, "leads", "email\nother@example.com\n", listId=number)) == "1019"
    client.wait(30)
    members = client.get(f"/rest/v1/lists/{number}/leads.json")["result"]
    assert {row["email"] for row in members} == {"known@example.com", "new@example.com"}
    assert {attributes(row)["Source"] for row in client.activities(24)} == {"List import"}
    assert text(client, "leads/batch/1/failures").splitlines()[1:] == ["not an address,Invalid email address"]
    assert code(upload(client, "leads", "email\na@example.com\n", listId=99)) == "1013"


def test_an_import_into_a_partition(client: Client) -> None:
    client.control("POST", "partitions", {"name": "Europe"})
    upload(client, "leads", "email\na@example.com\n", partitionName="Europe")
    (lead,) = client.leads("email", "a@example.com", fields="leadPartitionId")
    partitions = {item["name"]: item["id"] for item in client.get("/rest/v1/leads/partitions.json")["result"]}
    assert lead["leadPartitionId"] == partitions["Europe"]
    assert code(upload(client, "leads", "email\nb@example.com\n", partitionName="Mars")) == "1003"


def test_a_bad_address_may_be_a_warning(client: Client) -> None:
    client.control("POST", "settings", {"import_bad_email_fails": False})
    upload(client, "leads", "firstName,email\nAerys,INVALID_EMAIL\n")
    done = status(client, "leads/batch/1")
    assert done["message"] == "Import succeeded, 1 records imported (1 members), 1 warning."
    assert text(client, "leads/batch/1/warnings").splitlines()[0] == "firstName,email,Import Warning Reason"
    assert client.send("GET", "/bulk/v1/leads/batch/1/failures.json").status == 404


def test_two_imports_at_once_in_order(client: Client) -> None:
    client.control("POST", "settings", {"import_seconds": 30})
    for number in range(4):
        upload(client, "leads", f"email\np{number}@example.com\n")

    def states() -> list[str]:
        return [status(client, f"leads/batch/{number}")["status"] for number in (1, 2, 3, 4)]

    assert states() == ["Importing", "Importing", "Queued", "Queued"]
    client.wait(30)
    assert states() == ["Complete", "Complete", "Importing", "Importing"]
    client.wait(30)
    assert states() == ["Complete"] * 4
    client.wait(8 * DAY)
    client.token = client.new_token()
    assert code(client.get("/bulk/v1/leads/batch/1.json")) == "1013"


def test_custom_objects_are_imported(client: Client) -> None:
    make_cars(client)
    (lead,) = client.sync({"email": "a@example.com"})
    content = f"leadID,vin,year\n{lead['id']},1,2003\n99,2,2004\n{lead['id']},3,old\n{lead['id']},1,2005\n"
    started = upload(client, "customobjects/car/import", content)["result"]
    assert started == [{"batchId": 1, "status": "Queued", "objectApiName": "car"}]
    assert status(client, "customobjects/car/import/1/status") == {
        "batchId": 1,
        "operation": "import",
        "status": "Complete",
        "objectApiName": "car",
        "numOfObjectsProcessed": 2,
        "numOfRowsFailed": 2,
        "numOfRowsWithWarning": 0,
        "importTime": "0 second(s)",
        "message": "Import completed with errors, 2 records imported (2 members), 2 failed",
    }
    assert text(client, "customobjects/car/import/1/failures").splitlines() == [
        "leadID,vin,year,Import Failure Reason",
        "99,2,2004,Lead not found",
        f"{lead['id']},3,old,Invalid data type in field Year",
    ]
    query = {"filterType": "vin", "filterValues": "1", "fields": "year"}
    assert client.get("/rest/v1/customobjects/car.json", **query)["result"][0]["year"] == 2005


def test_a_header_with_a_blank_misses_the_key(client: Client) -> None:
    make_cars(client)
    upload(client, "customobjects/car/import", "year, vin\n2002,WBA\n2003,WBB\n")
    assert status(client, "customobjects/car/import/1/status")["numOfRowsFailed"] == 2
    failures = text(client, "customobjects/car/import/1/failures").splitlines()
    assert failures == [
        "year, vin,Import Failure Reason",
        *(f"{row},missing.dedupe.fields" for row in ("2002,WBA", "2003,WBB")),
    ]


def test_custom_object_imports_that_are_refused(client: Client) -> None:
    assert code(upload(client, "customobjects/car/import", "vin\n1\n")) == "1013"
    make_cars(client, crmManaged=True)
    assert code(upload(client, "customobjects/car/import", "vin\n1\n")) == "1018"


def test_an_import_whose_object_is_gone_fails(client: Client) -> None:
    make_cars(client)
    client.control("POST", "settings", {"import_seconds": 30})
    upload(client, "customobjects/car/import", "vin\n1\n")
    client.post("/rest/v1/customobjects/schema/car/delete.json")
    client.wait(30)
    failed = status(client, "customobjects/car/import/1/status")
    assert (failed["status"], failed["message"]) == ("Failed", "Object not found")


def test_program_members_are_imported(client: Client) -> None:
    program = make_program(client)
    client.sync({"email": "known@example.com"})
    rows = ["Jo,known@example.com,1,R1", "Ty,INVALID_EMAIL,2,", "Ae,ae@example.com,x,"]
    content = "\n".join(("firstName,email,leadScore,registrationCode", *rows))
    path = f"program/{program}/members/import"
    assert upload(client, path, content, programMemberStatus="Registered")["result"] == [
        {"batchId": 1, "importId": "1", "status": "Queued"}
    ]
    done = status(client, "program/members/import/1/status")
    assert (done["numOfLeadsProcessed"], done["numOfRowsFailed"], done["numOfRowsWithWarning"]) == (2, 1, 1)
    assert done["message"] == "Import completed with errors, 2 records imported (2 members), 1 failed, 1 warning."
    warned = text(client, "program/members/import/1/warnings").splitlines()
    assert warned[1] == "Ty,INVALID_EMAIL,2,,Invalid email address"
    failed = text(client, "program/members/import/1/failures").splitlines()
    assert failed[1] == "Ae,ae@example.com,x,,Invalid data type in field Lead Score"
    rows = exported(client, MEMBERS, ["email", "statusName", "registrationCode"], {"programId": program})
    assert rows[1:] == ["known@example.com,Registered,R1", "INVALID_EMAIL,Registered,null"]
    assert code(upload(client, path, content)) == "1002"
    assert code(upload(client, path, content, programMemberStatus="Nonsense")) == "1025"
    assert code(upload(client, "program/99/members/import", content, programMemberStatus="Registered")) == "1013"


def test_a_waiting_import_survives_a_restart(tmp_path: Any) -> None:
    from syncline_sandbox.core.clock import SandboxClock
    from syncline_sandbox.marketo import MarketoInstance

    first = Client(MarketoInstance(tmp_path / "m.sqlite", clock=SandboxClock(frozen_at=START)))
    first.control("POST", "settings", {"import_seconds": 30})
    upload(first, "leads", "email\na@example.com\n")
    first.instance.close()
    second = Client(MarketoInstance(tmp_path / "m.sqlite", clock=SandboxClock(frozen_at=START)))
    assert second.leads("email", "a@example.com") == []
    second.wait(30)
    assert len(second.leads("email", "a@example.com")) == 1
    second.instance.close()


@pytest.mark.parametrize("content", ["", "\n", '"', "email", "email\n" + "x" * 200_000, "\x00,\x00\n\x00,1"])
def test_files_that_are_no_table_never_break_the_instance(client: Client, content: str) -> None:
    upload(client, "leads", content)
    assert status(client, "leads/batch/1")["status"] in ("Complete", "Failed")
