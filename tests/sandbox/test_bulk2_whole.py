"""The rarer ends of Bulk API 2.0: job lists, multipart, parallel results, sizes, parents, faults of a load."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from syncline_sandbox.core.faults import Fault
from syncline_sandbox.core.wire import Request
from tests.sandbox.bulk_client import BulkClient

INSERT = {"object": "Lead", "operation": "insert"}
MULTIPART = (
    '--XX\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name="job"\r\n\r\n{job}\r\n'
    '--XX\r\nContent-Type: text/csv\r\nContent-Disposition: form-data; name="content"; filename="content"\r\n\r\n'
    "{content}\r\n--XX--\r\n"
)
FORM = {"content-type": 'multipart/form-data; boundary="XX"'}


@pytest.fixture
def client() -> BulkClient:
    return BulkClient()


def test_job_and_data_in_one_request(client: BulkClient) -> None:
    body = MULTIPART.format(job=json.dumps(INSERT), content="LastName,Company\nA,Acme\nB,\n").encode()
    answer = client.send("POST", "jobs/ingest", body, headers=FORM)
    created = json.loads(answer.body)
    assert (answer.status, created["state"], "contentUrl" in created) == (200, "UploadComplete", False)
    info = client.json("GET", f"jobs/ingest/{created['id']}")
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 2, 1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"--XX\r\n\r\n--XX--", 400, "INVALIDJOB"),
        (MULTIPART.format(job="{", content="a").encode(), 400, "JSON_PARSER_ERROR"),
        (MULTIPART.format(job="[]", content="a").encode(), 400, "JSON_PARSER_ERROR"),
        (MULTIPART.format(job="{}", content="a" * 100_001).encode(), 413, "LIMIT_EXCEEDED"),
    ],
)
def test_a_broken_multipart_request_is_refused(client: BulkClient, body: bytes, status: int, code: str) -> None:
    answer = client.send("POST", "jobs/ingest", body, headers=FORM)
    assert (answer.status, json.loads(answer.body)[0]["errorCode"]) == (status, code)


def test_lists_are_filtered_and_paged(client: BulkClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncline_sandbox.salesforce.bulk2.lists.JOBS_PER_PAGE", 2)
    made = [client.query_job("SELECT Id FROM Lead") for _ in range(5)]
    seen: list[str] = []
    query, done = "", False
    while not done:
        page = client.json("GET", "jobs/query", query=query)
        seen += [job["id"] for job in page["records"]]
        done = page["done"]
        assert (page["nextRecordsUrl"] is None) == done
        query = "" if done else page["nextRecordsUrl"].partition("?")[2]
    assert seen == made[::-1]
    assert client.json("GET", "jobs/query", query="jobType=Classic")["records"] == []
    assert len(client.json("GET", "jobs/query", query="jobType=V2Query&concurrencyMode=parallel")["records"]) == 2
    assert client.json("GET", "jobs/query", query="isPkChunkingEnabled=true")["records"] == []
    wrong = client.json("GET", "jobs/query", query="jobType=Nope", status=400)
    assert wrong[0]["errorCode"] == "INVALID_PARAMETER"
    assert client.json("GET", "jobs/query", query="queryLocator=%25", status=400)[0]["errorCode"]


def test_results_in_parallel(client: BulkClient) -> None:
    client.seed_leads(13)
    spec = {"operation": "query", "query": "SELECT LastName FROM Lead ORDER BY LastName"}
    job_id = json.loads(client.send("POST", "jobs/query", spec, version="60.0").body)["id"]
    path, query, names, done = f"jobs/query/{job_id}/resultPages", "maxRecords=2", [], False
    sizes = []
    while not done:
        pages = json.loads(client.send("GET", path, query=query, version="60.0").body)
        done = pages["done"]
        query = pages.get("nextRecordsUrl", "").partition("?")[2]
        sizes.append(len(pages["resultPages"]))
        for page in pages["resultPages"]:
            where, _, how = page["resultUrl"].partition("?")
            assert where == f"/services/data/v60.0/jobs/query/{job_id}/results"
            answer = client.send("GET", f"jobs/query/{job_id}/results", query=how, version="60.0")
            names += [row["LastName"] for row in csv.DictReader(io.StringIO(answer.body.decode()))]
    assert sizes == [5, 2]
    assert names == [f"L{n:03}" for n in range(13)]
    assert client.send("GET", path, version="61.0").status == 409
    assert client.send("GET", path, version="57.0").status == 404


def test_pages_of_any_size_fit_together(client: BulkClient) -> None:
    client.org.seed("Lead", [{"LastName": f'"{n}"\n,', "Company": ""} for n in range(2500)])
    for size in (1, 999, 1001, 5000):
        pages = client.pages("SELECT Id, LastName, Company FROM Lead ORDER BY Id", size)[: 3 if size == 1 else None]
        rows = [row for page in pages for row in page]
        assert [row[1:] for row in rows] == [[f'"{n}"\n,', ""] for n in range(len(rows))]


@pytest.mark.parametrize("delimiter", ["COMMA", "TAB", "SEMICOLON", "PIPE", "CARET", "BACKQUOTE"])
@pytest.mark.parametrize("ending", ["LF", "CRLF"])
def test_every_delimiter_and_line_ending(client: BulkClient, delimiter: str, ending: str) -> None:
    marks = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
    line = "\r\n" if ending == "CRLF" else "\n"
    mark = marks[delimiter]
    content = line.join([f"LastName{mark}Company", f'"x,\ty;|^`"{mark}Acme', ""])
    info = client.ingest("insert", content, columnDelimiter=delimiter, lineEnding=ending)
    assert (info["state"], info["numberRecordsFailed"]) == ("JobComplete", 0)
    assert client.leads("LastName, Company") == [("x,\ty;|^`", "Acme")]
    answer = client.send("GET", f"jobs/ingest/{info['id']}/successfulResults").body.decode()
    header, row = csv.reader(io.StringIO(answer, newline=""), delimiter=mark)
    assert header == ["sf__Id", "sf__Created", "LastName", "Company"]
    assert row[1:] == ["true", "x,\ty;|^`", "Acme"]
    assert answer.endswith(line)


def test_too_much_for_one_upload(client: BulkClient) -> None:
    client.org.bulk.ingest.max_upload_bytes = 10
    job = client.json("POST", "jobs/ingest", INSERT)
    assert client.send("PUT", f"jobs/ingest/{job['id']}/batches", b"x" * 11).status == 413
    assert client.send("PUT", f"jobs/ingest/{job['id']}/batches", b"x" * 10).status == 201


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("LastName,Company,Company", "A,B,C", "InvalidBatch : Duplicate column : Company"),
        ("LastName,Lead:Owner.Username", "A,B", "InvalidBatch : Field name not found : Lead:Owner.Username"),
        (",".join(f"c{n}" for n in range(5001)), "A", "InvalidBatch : A record has at most 5000 fields"),
        ("LastName,Company,Street,City,State", ",".join(["x" * 100_000] * 5), "InvalidBatch : A record has at most"),
        ("LastName,Company", f"{'x' * 131_073},y", "InvalidBatch : Failed to parse CSV: field larger than"),
    ],
)
def test_an_upload_beyond_the_rules_fails(client: BulkClient, header: str, row: str, message: str) -> None:
    info = client.ingest("insert", f"{header}\n{row}\n")
    assert info["state"] == "Failed"
    assert info["errorMessage"].startswith(message)


def test_a_parent_is_named_by_its_external_id_and_cleared(client: BulkClient) -> None:
    org = client.org
    org.add_field("Account", {"name": "Ext__c", "external_id": True, "unique": True})
    (account,) = org.seed("Account", [{"Name": "Acme", "Ext__c": "A1"}])
    contacts = org.seed("Contact", [{"LastName": "x", "AccountId": account}, {"LastName": "y"}, {"LastName": "z"}])
    content = f"Id,Account.Ext__c\n{contacts[0]},#N/A\n{contacts[1]},A1\n{contacts[2]},A2\n"
    job = client.json("POST", "jobs/ingest", {"object": "Contact", "operation": "update"})
    client.send("PUT", f"jobs/ingest/{job['id']}/batches", content.encode())
    client.json("PATCH", f"jobs/ingest/{job['id']}", {"state": "UploadComplete"})
    (failed,) = client.results(job, "failedResults")
    assert failed["sf__Error"].startswith("INVALID_FIELD:Foreign key external ID: A2 not found for field Ext__c")
    found = client.json("GET", "query", query="q=SELECT+AccountId+FROM+Contact+ORDER+BY+LastName")["records"]
    assert [row["AccountId"] for row in found] == [None, account, None]


def test_a_polymorphic_parent_by_its_type(client: BulkClient) -> None:
    (lead,) = client.org.seed("Lead", [{"LastName": "x", "Company": "c", "Ext__c": "L1"}])
    job = client.json("POST", "jobs/ingest", {"object": "Task", "operation": "insert"})
    content = b"Subject,Status,Priority,Lead:Who.Ext__c\nCall,Not Started,Normal,L1\n"
    client.send("PUT", f"jobs/ingest/{job['id']}/batches", content)
    client.json("PATCH", f"jobs/ingest/{job['id']}", {"state": "UploadComplete"})
    assert client.json("GET", f"jobs/ingest/{job['id']}")["numberRecordsFailed"] == 0
    assert client.json("GET", "query", query="q=SELECT+WhoId+FROM+Task")["records"][0]["WhoId"] == lead


def test_an_assignment_rule_runs_only_where_the_job_names_it(client: BulkClient) -> None:
    admin = client.org.people.user_id("admin@sandbox.example")
    rule = {"owner": "admin@sandbox.example"}
    client.org.handle(Request(method="POST", path="/_sandbox/lead_assignment", body=json.dumps(rule).encode()))
    client.ingest("insert", "LastName,Company\nA,Acme\n")
    named = client.ingest("insert", "LastName,Company\nB,Acme\n", assignmentRuleId="01Q000000000001AAA")
    assert named["assignmentRuleId"] == "01Q000000000001AAA"
    owners = dict(client.leads("LastName, OwnerId"))
    assert (owners["A"] != admin, owners["B"] == admin) == (True, True)


def test_an_upsert_by_id_and_ids_of_failed_rows(client: BulkClient) -> None:
    one, *_ = client.seed_leads(1)
    info = client.ingest("upsert", f"Id,LastName,Company\n{one},Neu,\n,Zwei,Acme\n", externalIdFieldName="Id")
    assert [row["sf__Created"] for row in client.results(info, "successfulResults")] == ["false", "true"]
    failed = client.ingest("update", f"Id,Email\n{one},nope\n")
    assert [row["sf__Id"] for row in client.results(failed, "failedResults")] == [one]


def test_a_share_of_the_rows_cannot_be_locked(client: BulkClient) -> None:
    lock = Fault(name="record_lock", match="jobs/ingest", parameters={"share": 0.25, "seed": 7})
    client.org.faults.install(lock)
    info = client.ingest("insert", "LastName,Company\n" + "".join(f"L{n},Acme\n" for n in range(1000)))
    assert info["state"] == "JobComplete"
    assert 180 < info["numberRecordsFailed"] < 320
    failed = client.results(info, "failedResults")
    assert {row["sf__Error"] for row in failed} == {
        "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"
    }
    again = client.ingest("insert", "LastName,Company\n" + "".join(f"{row['LastName']},Acme\n" for row in failed))
    assert again["numberRecordsFailed"] == 0
    assert len(client.json("GET", "query", query="q=SELECT+Id+FROM+Lead")["records"]) == 1000


def test_a_job_that_dies_after_some_batches(client: BulkClient) -> None:
    death = {"after_batches": 1, "message": "InternalServerError : Retried more than 20 times"}
    client.org.faults.install(Fault(name="bulk_job_failure", match="jobs/ingest", parameters=death))
    info = client.ingest("insert", "LastName,Company\n" + "".join(f"L{n},Acme\n" for n in range(10_300)))
    assert (info["state"], info["errorMessage"]) == ("Failed", death["message"])
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (10_000, 0)
    assert len(client.results(info, "successfulResults")) == 10_000
    left = client.results(info, "unprocessedRecords")
    assert (left[0]["LastName"], len(left)) == ("L10000", 300)
    assert client.json("GET", "query", query="q=SELECT+COUNT()+FROM+Lead")["totalSize"] == 10_000


def test_a_query_job_can_fail(client: BulkClient) -> None:
    client.org.faults.install(Fault(name="bulk_job_failure", match="jobs/query", parameters={"message": "no"}))
    job_id = client.query_job("SELECT Id FROM Lead")
    info = client.json("GET", f"jobs/query/{job_id}")
    assert (info["state"], info["errorMessage"]) == ("Failed", "no")
    assert client.send("GET", f"jobs/query/{job_id}/results").status == 400


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "API_ERROR"),
        ("SELECT Id FROM Lead LIMIT 1 OFFSET 2", "API_ERROR"),
        ("SELECT City, COUNT(Id) FROM Lead GROUP BY City", "API_ERROR"),
        ("SELECT FIELDS(ALL) FROM Lead LIMIT 10", "MALFORMED_QUERY"),
    ],
)
def test_what_bulk_does_not_query(client: BulkClient, query: str, code: str) -> None:
    spec: dict[str, Any] = {"operation": "query", "query": query}
    assert client.json("POST", "jobs/query", spec, status=400)[0]["errorCode"] == code


def test_results_are_rationed_by_size(client: BulkClient) -> None:
    client.seed_leads(50)
    client.org.bulk.allowances.query_bytes.maximum = 600
    first, second = (client.query_job("SELECT Id FROM Lead LIMIT 20") for _ in range(2))
    assert client.json("GET", f"jobs/query/{first}")["state"] == "JobComplete"
    info = client.json("GET", f"jobs/query/{second}")
    assert (info["state"], info["errorMessage"]) == ("Failed", "Max size of query results in 24 hours exceeded")
