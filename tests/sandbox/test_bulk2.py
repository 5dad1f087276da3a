"""Bulk API 2.0 over the org's own door: query and ingest jobs from creation to their result files."""

from __future__ import annotations

import csv
import io

import pytest

from syncline_sandbox.core.faults import Fault
from syncline_sandbox.core.wire import Fate, Request
from syncline_sandbox.salesforce.people import USERNAME
from tests.sandbox.bulk_client import STAMP, BulkClient


@pytest.fixture
def client() -> BulkClient:
    return BulkClient()


def test_a_query_job_finishes_at_the_next_look(client: BulkClient) -> None:
    client.seed_leads(3)
    created = client.json("POST", "jobs/query", {"operation": "query", "query": "SELECT Id FROM Lead"})
    assert created == {
        "id": created["id"],
        "operation": "query",
        "object": "Lead",
        "createdById": client.org.people.user_id(USERNAME),
        "createdDate": STAMP,
        "systemModstamp": STAMP,
        "state": "UploadComplete",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 59.0,
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    assert created["id"].startswith("750")
    info = client.json("GET", f"jobs/query/{created['id']}")
    assert (info["state"], info["jobType"], info["numberRecordsProcessed"]) == ("JobComplete", "V2Query", 3)


def test_pages_carry_header_locator_and_count_and_can_be_read_again(client: BulkClient) -> None:
    client.seed_leads(7)
    pages = client.pages("SELECT LastName FROM Lead ORDER BY LastName", 3)
    assert pages == [[["L000"], ["L001"], ["L002"]], [["L003"], ["L004"], ["L005"]], [["L006"]]]
    job_id = client.query_job("SELECT LastName FROM Lead ORDER BY LastName")
    client.seed_leads(1)
    first = client.send("GET", f"jobs/query/{job_id}/results", query="maxRecords=2")
    assert first.body == client.send("GET", f"jobs/query/{job_id}/results", query="maxRecords=2").body
    assert first.body.startswith(b'"LastName"\n')


def test_an_empty_answer_still_has_its_header(client: BulkClient) -> None:
    job_id = client.query_job("SELECT Id, Owner.Name FROM Lead")
    answer = client.send("GET", f"jobs/query/{job_id}/results")
    assert answer.body == b'"Id","Owner.Name"\n'
    assert ("Sforce-Locator", "null") in answer.headers
    assert ("Sforce-NumberOfRecords", "0") in answer.headers


def test_cells_are_in_their_csv_form(client: BulkClient) -> None:
    client.org.seed(
        "Lead",
        [{"LastName": 'Quote "Q", Jr.', "Company": "Line\nbreak", "AnnualRevenue": 12.5, "NumberOfEmployees": 4}],
    )
    fields = "LastName, Company, Email, AnnualRevenue, NumberOfEmployees, IsConverted, CreatedDate, Owner.Username"
    job_id = client.query_job(f"SELECT {fields} FROM Lead", lineEnding="CRLF", columnDelimiter="PIPE")
    body = client.send("GET", f"jobs/query/{job_id}/results").body.decode()
    header, row = csv.reader(io.StringIO(body, newline=""), delimiter="|")
    assert header == [name.strip() for name in fields.split(",")]
    assert row == ['Quote "Q", Jr.', "Line\nbreak", "", "12.5", "4", "false", "2026-11-18T10:00:00.000Z", USERNAME]
    assert body.endswith('"\r\n')


def test_query_all_sees_the_recycle_bin(client: BulkClient) -> None:
    gone, *_ = client.seed_leads(2)
    assert client.send("DELETE", f"sobjects/Lead/{gone}").status == 204
    assert client.pages("SELECT Id FROM Lead WHERE IsDeleted = true", 10) == [[]]
    assert client.pages("SELECT Id FROM Lead WHERE IsDeleted = true", 10, "queryAll") == [[[gone]]]


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"operation": "query", "query": "SELECT Id, Address FROM Lead"}, "API_ERROR"),
        ({"operation": "query", "query": "SELECT COUNT() FROM Lead"}, "API_ERROR"),
        ({"operation": "query", "query": "SELECT Nope FROM Lead"}, "INVALID_FIELD"),
        ({"operation": "query", "query": "SELECT Id FROM Nope"}, "INVALID_TYPE"),
        ({"operation": "query", "query": "SELECT Id FRO Lead"}, "MALFORMED_QUERY"),
        ({"operation": "select", "query": "SELECT Id FROM Lead"}, "INVALIDJOB"),
        ({"operation": "query", "query": "SELECT Id FROM Lead", "columnDelimiter": "DOT"}, "INVALIDJOB"),
    ],
)
def test_a_query_job_is_refused_at_creation(client: BulkClient, spec: dict[str, str], code: str) -> None:
    assert client.json("POST", "jobs/query", spec, status=400)[0]["errorCode"] == code


def test_results_need_the_version_the_job_was_created_with(client: BulkClient) -> None:
    job_id = client.query_job("SELECT Id FROM Lead")
    assert client.send("GET", f"jobs/query/{job_id}/results", version="60.0").status == 409


def test_a_query_job_can_be_aborted_listed_and_deleted(client: BulkClient) -> None:
    client.org.bulk.take_seconds(60)
    job_id = client.query_job("SELECT Id FROM Lead")
    assert client.json("GET", f"jobs/query/{job_id}")["state"] == "InProgress"
    assert client.send("GET", f"jobs/query/{job_id}/results").status == 400
    assert client.send("DELETE", f"jobs/query/{job_id}").status == 400
    assert client.json("PATCH", f"jobs/query/{job_id}", {"state": "Aborted"})["state"] == "Aborted"
    listed = client.json("GET", "jobs/query")
    assert (listed["done"], [job["id"] for job in listed["records"]]) == (True, [job_id])
    assert client.send("DELETE", f"jobs/query/{job_id}").status == 204
    assert client.send("GET", f"jobs/query/{job_id}").status == 404


def test_jobs_take_their_time_by_the_clock_and_go_after_seven_days(client: BulkClient) -> None:
    client.org.bulk.take_seconds(60)
    job_id = client.query_job("SELECT Id FROM Lead")
    client.org.clock.advance(59)
    assert client.json("GET", f"jobs/query/{job_id}")["state"] == "InProgress"
    client.org.clock.advance(1)
    assert client.json("GET", f"jobs/query/{job_id}")["state"] == "JobComplete"
    client.org.clock.advance(7 * 86400 + 1)
    assert client.send("GET", f"jobs/query/{job_id}").status == 401  # the token is older still
    client.org.clock.advance(-7 * 86400)
    assert client.send("GET", f"jobs/query/{job_id}").status == 404


def test_query_jobs_have_a_daily_allowance(client: BulkClient) -> None:
    client.org.bulk.allowances.query_jobs.maximum = 1
    client.query_job("SELECT Id FROM Lead")
    spec = {"operation": "query", "query": "SELECT Id FROM Lead"}
    assert client.json("POST", "jobs/query", spec, status=400)[0]["errorCode"] == "LIMIT_EXCEEDED"
    limit = client.json("GET", "limits")["DailyBulkV2QueryJobs"]
    assert limit["Max"] - limit["Remaining"] == 1


def test_insert_reports_each_row(client: BulkClient) -> None:
    info = client.ingest(
        "insert",
        "LastName,Company,Email,AnnualRevenue,IsUnreadByOwner\n"
        "Adams,Acme,a@x.example,12.5,1\n"
        'Brown,"Brown, ""B"" Ltd",not-an-address,,\n'
        "Clark,,,,\n",
    )
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 3, 2)
    assert info["jobType"] == "V2Ingest"
    (made,) = client.results(info, "successfulResults")
    assert (made["sf__Created"], made["LastName"], made["Company"]) == ("true", "Adams", "Acme")
    failed = {row["LastName"]: row for row in client.results(info, "failedResults")}
    assert failed["Brown"]["sf__Error"] == "INVALID_EMAIL_ADDRESS:Email: invalid email address: not-an-address:Email --"
    assert failed["Clark"]["sf__Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --"
    assert list(failed["Brown"])[:3] == ["sf__Id", "sf__Error", "LastName"]
    assert failed["Brown"]["Company"] == 'Brown, "B" Ltd'
    assert client.results(info, "unprocessedrecords") == []
    assert client.leads("Id, Email, AnnualRevenue, IsUnreadByOwner") == [(made["sf__Id"], "a@x.example", 12.5, True)]


def test_an_empty_cell_leaves_alone_and_not_available_clears(client: BulkClient) -> None:
    one, two, three = client.seed_leads(3)
    missing = "00Q000000000001AAA"
    info = client.ingest(
        "update", f"Id,Company,NumberOfEmployees\n{one},,#N/A\n{two},New Co,5\n{missing},X,1\n,Y,1\n{three},#N/A,\n"
    )
    assert client.leads("Company, NumberOfEmployees") == [("Acme", None), ("New Co", 5), ("Acme", 2)]
    assert [row["sf__Created"] for row in client.results(info, "successfulResults")] == ["false", "false"]
    errors = [(row["sf__Id"], row["sf__Error"]) for row in client.results(info, "failedResults")]
    assert errors == [
        (missing, "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"),
        ("", "MISSING_ARGUMENT:Id not specified in an update call:--"),
        (three, "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --"),
    ]


def test_upsert_tells_created_from_updated_and_refuses_an_ambiguous_key(client: BulkClient) -> None:
    body = "Ext__c,LastName,Company\nx1,One,Acme\nx2,Two,Acme\n"
    first = client.ingest("upsert", body, externalIdFieldName="ext__c")
    assert first["externalIdFieldName"] == "Ext__c"
    assert [row["sf__Created"] for row in client.results(first, "successfulResults")] == ["true", "true"]
    second = client.ingest("upsert", body.replace("Two", "Zwei") + "x3,Three,Acme\n", externalIdFieldName="Ext__c")
    assert [row["sf__Created"] for row in client.results(second, "successfulResults")] == ["false", "false", "true"]
    assert client.leads("LastName") == [("One",), ("Zwei",), ("Three",)]
    client.org.seed("Lead", [{"LastName": "Twin", "Company": "Acme", "Ext__c": "x1"}])
    third = client.ingest("upsert", "Ext__c,LastName\nx1,Eins\n", externalIdFieldName="Ext__c")
    (row,) = client.results(third, "failedResults")
    assert row["sf__Error"].startswith("DUPLICATE_EXTERNAL_ID:Ext__c: more than one record found")


def test_a_parent_is_looked_up_by_its_key(client: BulkClient) -> None:
    info = client.ingest(
        "insert", f"LastName,Company,Owner.Username\nA,Acme,{USERNAME}\nB,Acme,nobody@nowhere.example\n"
    )
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (2, 1)
    assert client.leads("Owner.Username")[0][0]["Username"] == USERNAME


def test_delete_takes_ids_only(client: BulkClient) -> None:
    one, two = client.seed_leads(2)
    info = client.ingest("delete", f"Id\n{one}\n{one}\n")
    assert client.leads("Id") == [(two,)]
    assert [row["sf__Id"] for row in client.results(info, "successfulResults")] == [one]
    assert client.results(info, "failedResults")[0]["sf__Error"].startswith("ENTITY_IS_DELETED:")
    wrong = client.ingest("delete", f"Id,LastName\n{two},x\n")
    assert wrong["state"] == "Failed"
    assert client.leads("Id") == [(two,)]


def test_hard_delete_needs_its_permission_and_skips_the_bin(client: BulkClient) -> None:
    one, two = client.seed_leads(2)
    client.ingest("hardDelete", f"Id\n{one}\n")
    assert client.pages("SELECT Id FROM Lead", 10, "queryAll") == [[[two]]]
    client.org.people.set_rights(client.org.people.user_id(USERNAME), {"permissions": ["ApiEnabled"]})
    refused = client.json("POST", "jobs/ingest", {"object": "Lead", "operation": "hardDelete"}, status=400)
    assert refused[0]["errorCode"] == "FEATURENOTENABLED"


@pytest.mark.parametrize(
    ("content", "spec", "message"),
    [
        ("LastName,Nope__c\nA,b\n", {}, "InvalidBatch : Field name not found : Nope__c"),
        ("LastName,Owner.Nope\nA,b\n", {}, "InvalidBatch : Field name not found : Owner.Nope"),
        ("LastName,Company\r\nA,b\r\n", {}, "ClientInputError : LineEnding is invalid on user data. Current"),
        ("LastName,Company\nA,b\n", {"lineEnding": "CRLF"}, "ClientInputError : LineEnding is invalid on user data."),
        ('LastName,Company\nA,"b"x\n', {}, "InvalidBatch : Failed to parse CSV"),
        ("LastName,Company\nA\n", {}, "InvalidBatch : A row does not have the 2 columns"),
        ("", {}, "InvalidBatch"),
    ],
)
def test_a_broken_upload_fails_the_job_and_writes_nothing(
    client: BulkClient, content: str, spec: dict[str, str], message: str
) -> None:
    info = client.ingest("insert", content, **spec)
    assert info["state"] == "Failed"
    assert info["errorMessage"].startswith(message)
    assert client.leads("Id") == []
    for kind in ("successfulResults", "failedResults", "unprocessedRecords"):
        assert client.send("GET", f"jobs/ingest/{info['id']}/{kind}").status == 200


def test_a_hidden_field_is_no_field(client: BulkClient) -> None:
    client.org.people.set_rights(client.org.people.user_id(USERNAME), {"hidden_fields": ["Lead.Phone"]})
    info = client.ingest("insert", "LastName,Company,Phone\nA,b,1\n")
    assert info["errorMessage"] == "InvalidBatch : Field name not found : Phone"
    assert client.results(info, "unprocessedRecords") == [{"LastName": "A", "Company": "b", "Phone": "1"}]


def test_rows_beyond_the_daily_allowance_stay_unprocessed_and_the_others_written(client: BulkClient) -> None:
    client.org.bulk.allowances.records.maximum = 250
    rows = "".join(f"L{n},Acme\n" for n in range(450))
    info = client.ingest("insert", "LastName,Company\n" + rows)
    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 200)
    assert len(client.leads("Id")) == 200
    unprocessed = client.results(info, "unprocessedRecords")
    assert [unprocessed[0]["LastName"], len(unprocessed)] == ["L200", 250]


def test_an_aborted_upload_is_unprocessed_and_the_job_deletable(client: BulkClient) -> None:
    job = client.json("POST", "jobs/ingest", {"object": "lead", "operation": "insert"})
    assert job["object"] == "Lead"
    assert client.send("GET", f"jobs/ingest/{job['id']}/failedResults").status == 400
    assert client.send("DELETE", f"jobs/ingest/{job['id']}").status == 400
    content = b"LastName,Company\nA,Acme\n"
    assert client.send("PUT", f"jobs/ingest/{job['id']}/batches", content).status == 201
    assert client.send("PUT", f"jobs/ingest/{job['id']}/batches", content).status == 400
    assert client.json("PATCH", f"jobs/ingest/{job['id']}", {"state": "Aborted"})["state"] == "Aborted"
    assert client.results(job, "UNPROCESSEDRECORDS") == [{"LastName": "A", "Company": "Acme"}]
    assert client.leads("Id") == []
    assert client.json("GET", "jobs/ingest")["records"][0]["id"] == job["id"]
    assert client.send("DELETE", f"jobs/ingest/{job['id']}").status == 204
    assert client.send("GET", f"jobs/ingest/{job['id']}").status == 404


def test_a_closed_job_is_processed_though_nobody_polls(client: BulkClient) -> None:
    job = client.json("POST", "jobs/ingest", {"object": "Lead", "operation": "insert"})
    client.send("PUT", f"jobs/ingest/{job['id']}/batches", b"LastName,Company\nA,Acme\n")
    client.json("PATCH", f"jobs/ingest/{job['id']}", {"state": "UploadComplete"})
    assert client.leads("LastName") == [("A",)]


def test_a_fault_fails_one_row_of_a_job(client: BulkClient) -> None:
    client.org.faults.install(Fault(name="partial_failure", match="jobs/ingest", parameters={"index": 1}))
    info = client.ingest("insert", "LastName,Company\nA,Acme\nB,Acme\nC,Acme\n")
    assert [row["LastName"] for row in client.results(info, "successfulResults")] == ["A", "C"]
    assert client.results(info, "failedResults")[0]["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:")


def test_a_late_commit_shows_its_rows_later_with_an_earlier_stamp(client: BulkClient) -> None:
    client.org.faults.install(Fault(name="late_commit", match="jobs/ingest", parameters={"delay_seconds": 300}))
    info = client.ingest("insert", "LastName,Company\nA,Acme\n")
    client.org.clock.advance(299)
    assert client.json("GET", f"jobs/ingest/{info['id']}")["state"] == "InProgress"
    assert client.leads("Id") == []
    client.org.clock.advance(1)
    assert client.json("GET", f"jobs/ingest/{info['id']}")["state"] == "JobComplete"
    assert client.leads("LastName, SystemModstamp") == [("A", STAMP)]


def test_a_lost_reply_to_the_close_leaves_the_job_running(client: BulkClient) -> None:
    job = client.json("POST", "jobs/ingest", {"object": "Lead", "operation": "insert"})
    client.send("PUT", f"jobs/ingest/{job['id']}/batches", b"LastName,Company\nA,Acme\n")
    client.org.faults.install(Fault(name="lost_reply", match="PATCH .*jobs/ingest"))
    assert client.send("PATCH", f"jobs/ingest/{job['id']}", {"state": "UploadComplete"}).fate is Fate.LOST
    assert client.json("GET", f"jobs/ingest/{job['id']}")["state"] == "JobComplete"
    assert client.leads("LastName") == [("A",)]


def test_the_control_endpoint_says_how_long_jobs_take(client: BulkClient) -> None:
    answer = client.org.handle(Request(method="POST", path="/_sandbox/bulk", body=b'{"processing_seconds": 30}'))
    assert answer.status == 200
    job_id = client.query_job("SELECT Id FROM Lead")
    assert client.json("GET", f"jobs/query/{job_id}")["state"] == "InProgress"


def test_a_lagging_replica_is_what_a_query_job_reads(client: BulkClient) -> None:
    client.org.faults.install(
        Fault(name="replica_lag", match="jobs/query", times=None, parameters={"delay_seconds": 60})
    )
    client.ingest("insert", "LastName,Company\nA,Acme\n")
    assert client.pages("SELECT Id FROM Lead", 10) == [[]]
    client.org.clock.advance(61)
    assert len(client.pages("SELECT Id FROM Lead", 10)[0]) == 1


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"object": "Nope", "operation": "insert"}, "INVALIDENTITY"),
        ({"object": "Lead", "operation": "replace"}, "INVALIDJOB"),
        ({"object": "Lead", "operation": "upsert"}, "INVALIDJOB"),
        ({"object": "Lead", "operation": "upsert", "externalIdFieldName": "City"}, "INVALIDJOB"),
    ],
)
def test_an_ingest_job_is_refused_at_creation(client: BulkClient, spec: dict[str, str], code: str) -> None:
    assert client.json("POST", "jobs/ingest", spec, status=400)[0]["errorCode"] == code


def test_batches_are_counted_by_ten_thousand_rows(client: BulkClient) -> None:
    rows = "".join(f"L{n},Acme\n" for n in range(10_001))
    info = client.ingest("insert", "LastName,Company\n" + rows)
    assert info["numberRecordsProcessed"] == 10_001
    limit = client.json("GET", "limits")["DailyBulkApiBatches"]
    assert limit["Max"] - limit["Remaining"] == 2
