"""Bulk API 1.0 over the org's own door: XML, CSV and JSON as the taps and jsforce send them, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from syncline_sandbox.core.faults import Fault
from syncline_sandbox.core.wire import Request, Response
from syncline_sandbox.salesforce.people import USERNAME
from tests.sandbox.bulk_client import NOW, BulkClient

NS = "{http://www.force.com/2009/06/asyncapi/dataload}"
JSON, XML, CSV = "application/json", "application/xml; charset=UTF-8", "text/csv"
JOB_XML = (
    '<?xml version="1.0" encoding="UTF-8"?><jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload">{}</jobInfo>'
)


class AsyncClient(BulkClient):
    """Speaks Bulk 1.0 to an org in process, by X-SFDC-Session alone."""

    def ask(self, method: str, path: str, body: Any = None, kind: str = "", **headers: str) -> Response:
        raw = body.encode() if isinstance(body, str) else body or b""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"x-sfdc-session": self.token, **({"content-type": kind} if kind else {}), **more}
        path = f"/services/async/59.0/{path}"
        return self.org.handle(Request(method=method, path=path, headers=given, body=raw))

    def told(self, *args: Any, status: int = 200, **headers: str) -> Any:
        answer = self.ask(*args, **headers)
        assert answer.status == status, answer.body
        if dict(answer.headers)["Content-Type"].startswith("application/json"):
            return json.loads(answer.body)
        return ElementTree.fromstring(answer.body)

    def job(self, operation: str, content_type: str = "CSV", sobject: str = "Lead", **more: str) -> str:
        """Create a job as the taps do, by JSON whatever the batches are in."""
        headers = {name: value for name, value in more.items() if name.startswith("sforce_")}
        spec = {name: value for name, value in more.items() if name not in headers}
        body = json.dumps({"operation": operation, "object": sobject, "contentType": content_type, **spec})
        return str(self.told("POST", "job", body, JSON, status=201, **headers)["id"])

    def batch(self, job: str, body: str, kind: str = CSV) -> str:
        told = self.told("POST", f"job/{job}/batch", body, kind, status=201)
        return str(told["id"] if isinstance(told, dict) else told.find(f"{NS}id").text)

    def state(self, job: str, batch: str) -> tuple[str, str | None]:
        told = self.told("GET", f"job/{job}/batch/{batch}", None, JSON)
        if isinstance(told, dict):
            return told["state"], told["stateMessage"]
        return told.findtext(f"{NS}state"), told.findtext(f"{NS}stateMessage")

    def refused(self, *args: Any, **headers: str) -> str:
        answer = self.ask(*args, **headers)
        assert answer.status == 400, answer.body
        if dict(answer.headers)["Content-Type"] == "application/json":
            return str(json.loads(answer.body)["exceptionCode"])
        assert dict(answer.headers)["Content-Type"] == "application/xml"
        root = ElementTree.fromstring(answer.body)
        assert root.tag == f"{NS}error"
        return str(root.findtext(f"{NS}exceptionCode"))


@pytest.fixture
def client() -> AsyncClient:
    return AsyncClient()


def test_a_job_in_xml(client: AsyncClient) -> None:
    body = JOB_XML.format("<operation>insert</operation><object>lead</object><contentType>CSV</contentType>")
    told = client.told("POST", "job", body, XML, status=201)
    assert told.tag == f"{NS}jobInfo"
    values = {element.tag.removeprefix(NS): element.text for element in told}
    assert values | {"id": "", "createdById": ""} == {
        "id": "",
        "operation": "insert",
        "object": "Lead",
        "createdById": "",
        "createdDate": "2026-11-18T10:00:00.000Z",
        "systemModstamp": "2026-11-18T10:00:00.000Z",
        "state": "Open",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        **dict.fromkeys(
            "numberBatchesQueued numberBatchesInProgress numberBatchesCompleted numberBatchesFailed "
            "numberBatchesTotal numberRecordsProcessed numberRetries".split(),
            "0",
        ),
        "apiVersion": "59.0",
        **dict.fromkeys(
            "numberRecordsFailed totalProcessingTime apiActiveProcessingTime apexProcessingTime".split(), "0"
        ),
    }
    closed = client.told("POST", f"job/{values['id']}", JOB_XML.format("<state>Closed</state>"), XML)
    assert closed.findtext(f"{NS}state") == "Closed"
    assert client.told("GET", f"job/{values['id']}", None, JSON)["createdDate"] == "2026-11-18T10:00:00.000+0000"


def test_a_load_in_csv_answers_in_xml_and_csv_in_the_order_of_the_rows(client: AsyncClient) -> None:
    job = client.job("insert", concurrencyMode="Serial")
    content = "LastName,Company,Email\nA,Acme,a@x.example\nB,,#N/A\nC,Acme,nope\n"
    batch = client.batch(job, content)
    told = client.told("GET", f"job/{job}/batch/{batch}", None, JSON)
    assert [element.tag.removeprefix(NS) for element in told] == (
        "id jobId state createdDate systemModstamp numberRecordsProcessed numberRecordsFailed totalProcessingTime "
        "apiActiveProcessingTime apexProcessingTime"
    ).split()
    assert (told.findtext(f"{NS}state"), told.findtext(f"{NS}numberRecordsFailed")) == ("Completed", "2")
    answer = client.ask("GET", f"job/{job}/batch/{batch}/result")
    assert dict(answer.headers)["Content-Type"] == "text/csv; charset=UTF-8"
    one, two, three = csv.DictReader(io.StringIO(answer.body.decode()))
    assert (one["Success"], one["Created"], one["Error"]) == ("true", "true", "")
    assert (two["Id"], two["Success"]) == ("", "false")
    assert two["Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --"
    assert three["Error"].startswith("INVALID_EMAIL_ADDRESS:")
    assert client.leads("Id, LastName") == [(one["Id"], "A")]
    assert client.ask("GET", f"job/{job}/batch/{batch}/request").body == content.encode()
    assert client.told("GET", f"job/{job}", None, JSON)["concurrencyMode"] == "Serial"


def test_a_load_in_xml(client: AsyncClient) -> None:
    job = client.job("insert", "XML")
    batch = client.batch(
        job,
        '<?xml version="1.0"?><sObjects xmlns="http://www.force.com/2009/06/asyncapi/dataload" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        "<sObject><LastName>A &amp; B</LastName><Company>Acme</Company><City xsi:nil='true'/><State/>"
        f"<Owner><sObject><Username>{USERNAME}</Username></sObject></Owner></sObject>"
        "<sObject><LastName>C</LastName></sObject></sObjects>",
        XML,
    )
    assert client.state(job, batch) == ("Completed", None)
    one, two = client.told("GET", f"job/{job}/batch/{batch}/result")
    assert [element.tag.removeprefix(NS) for element in one] == ["id", "success", "created"]
    error = two.find(f"{NS}errors")
    assert [(each.tag.removeprefix(NS), each.text) for each in error] == [
        ("fields", "Company"),
        ("message", "Required fields are missing: [Company]"),
        ("statusCode", "REQUIRED_FIELD_MISSING"),
    ]
    assert client.leads("LastName, Owner.Username")[0][0] == "A & B"


def test_a_query_as_the_taps_send_it(client: AsyncClient) -> None:
    client.seed_leads(2)
    job = client.job("queryAll", sforce_disable_batch_retry="true")
    batch = client.batch(job, "SELECT Id,LastName,CreatedDate,IsConverted,City FROM Lead")
    assert client.told("POST", f"job/{job}", '{"state": "Closed"}', JSON)["state"] == "Closed"
    assert client.state(job, batch) == ("Completed", None)
    listed = client.told("GET", f"job/{job}/batch/{batch}/result", None, JSON)
    assert listed.tag == f"{NS}result-list"
    (result,) = [element.text for element in listed]
    assert result.startswith("752")
    answer = client.ask("GET", f"job/{job}/batch/{batch}/result/{result}")
    header, row, _ = csv.reader(io.StringIO(answer.body.decode()))
    assert header == ["Id", "LastName", "CreatedDate", "IsConverted", "City"]
    assert row[1:] == ["L000", "2026-11-18T10:00:00.000Z", "false", ""]
    (batches,) = client.told("GET", f"job/{job}/batch", None, JSON)
    assert (batches.findtext(f"{NS}id"), batches.findtext(f"{NS}numberRecordsProcessed")) == (batch, "2")


def test_a_csv_query_without_rows_says_so_in_words(client: AsyncClient) -> None:
    job = client.job("query")
    batch = client.batch(job, "SELECT Id FROM Lead")
    (listed,) = client.told("GET", f"job/{job}/batch/{batch}/result")
    answer = client.ask("GET", f"job/{job}/batch/{batch}/result/{listed.text}")
    assert answer.body == b"Records not found for this query\n"


def test_rows_of_a_query_in_json_and_xml(client: AsyncClient) -> None:
    client.seed_leads(3)
    results = {}
    soql = "SELECT Id, LastName, CreatedDate, NumberOfEmployees, City, Owner.Name FROM Lead ORDER BY Id LIMIT 2"
    for kind in ("JSON", "XML"):
        job = client.job("query", kind)
        batch = client.batch(job, soql, JSON)
        listed = client.told("GET", f"job/{job}/batch/{batch}/result")
        result = listed[0] if kind == "JSON" else listed[0].text
        results[kind] = client.told("GET", f"job/{job}/batch/{batch}/result/{result}")
    first = results["JSON"][0]
    stamp = round(NOW.timestamp() * 1000)
    assert (first["LastName"], first["CreatedDate"], first["NumberOfEmployees"]) == ("L000", stamp, 0)
    assert (first["City"], first["Owner"]["attributes"]["type"]) == (None, "Name")
    record = results["XML"][0]
    assert [each.tag.removeprefix(NS) for each in record][:3] == ["type", "Id", "LastName"]
    assert record.findtext(f"{NS}CreatedDate") == "2026-11-18T10:00:00.000Z"


def test_pk_chunking(client: AsyncClient) -> None:
    ids = client.seed_leads(25)
    client.send("DELETE", f"sobjects/Lead/{ids[3]}")
    job = client.job("query", sforce_enable_pkchunking="chunkSize=10; parent=Account")
    original = client.batch(job, "SELECT LastName FROM Lead WHERE LastName <> 'L024' OR City = 'x'")
    assert client.state(job, original) == ("NotProcessed", None)
    told = client.told("GET", f"job/{job}/batch")
    states = [one.findtext(f"{NS}state") for one in told]
    assert states == ["NotProcessed", "Completed", "Completed", "Completed"]
    assert [one.findtext(f"{NS}numberRecordsProcessed") for one in told][1:] == ["9", "10", "4"]
    second = told[2].findtext(f"{NS}id")
    asked = client.ask("GET", f"job/{job}/batch/{second}/request").body.decode()
    assert asked == (
        f"SELECT LastName FROM Lead WHERE Id >= '{ids[10]}' AND Id < '{ids[20]}' AND (LastName <> 'L024' OR City = 'x')"
    )
    limits = client.json("GET", "limits")["DailyBulkApiBatches"]
    assert limits["Max"] - limits["Remaining"] == 3
    classic = client.json("GET", "jobs/query", query="isPkChunkingEnabled=true&jobType=Classic")["records"]
    assert [one["id"] for one in classic] == [job]


@pytest.mark.parametrize(
    ("header", "soql", "batches"),
    [
        ("TRUE", "SELECT Id FROM Lead", 2),
        ("false", "SELECT Id FROM Lead", 1),
        ("chunkSize=1; startRow={last}", "SELECT Id FROM Lead", 2),
        ("chunkSize=1", "SELECT Id FROM Lead ORDER BY Id", 1),
        ("chunkSize=1", "SELECT Id FROM Lead WHERE LastName = 'LIMIT'", 4),
    ],
)
def test_what_is_cut(client: AsyncClient, header: str, soql: str, batches: int) -> None:
    *_, last = client.seed_leads(3)
    job = client.job("query", sforce_enable_pkchunking=header.format(last=last))
    client.batch(job, soql)
    assert len(client.told("GET", f"job/{job}/batch")) == batches


@pytest.mark.parametrize("header", ["chunkSize=250001", "chunkSize=x", "startRow=1", "size=3"])
def test_a_pk_chunking_header_that_makes_no_sense(client: AsyncClient, header: str) -> None:
    spec = json.dumps({"operation": "query", "object": "Lead", "contentType": "CSV"})
    assert client.refused("POST", "job", spec, JSON, sforce_enable_pkchunking=header) == "InvalidJob"


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"operation": "insert", "object": "Nope"}, "InvalidEntity"),
        ({"operation": "replace", "object": "Lead"}, "InvalidJob"),
        ({"operation": "upsert", "object": "Lead"}, "InvalidJob"),
        ({"operation": "upsert", "object": "Lead", "externalIdFieldName": "City"}, "InvalidJob"),
        ({"operation": "insert", "object": "Lead", "contentType": "ZIP_CSV"}, "InvalidJob"),
        ({"operation": "insert", "object": "Lead", "concurrencyMode": 2}, "InvalidJob"),
        ({"operation": ["insert"], "object": {}}, "InvalidEntity"),
        ([], "ClientInputError"),
    ],
)
def test_a_job_is_refused(client: AsyncClient, spec: Any, code: str) -> None:
    assert client.refused("POST", "job", json.dumps(spec), JSON) == code


def test_other_refusals(client: AsyncClient) -> None:
    job = client.job("insert")
    assert client.refused("POST", "job", "<jobInfo", XML) == "InvalidXML"
    assert client.refused("POST", "job", "{", JSON) == "ClientInputError"
    assert client.refused("GET", "job/750000000000001AAA", None, JSON) == "InvalidJob"
    assert client.refused("GET", f"job/{job}/batch/751000000000001AAA") == "InvalidBatch"
    assert client.refused("POST", f"job/{job}", '{"state": "Open"}', JSON) == "InvalidJobState"
    assert client.refused("GET", "nothing/here") == "InvalidUrl"
    assert client.ask("DELETE", f"job/{job}").status == 405
    assert client.refused("POST", f"job/{job}/batch", b"x" * 10_000_001, CSV) == "ClientInputError"
    batch = client.batch(job, "LastName\nA\n")
    client.told("POST", f"job/{job}", '{"state": "Closed"}', JSON)
    assert client.refused("POST", f"job/{job}/batch", "LastName\nA\n", CSV) == "InvalidJobState"
    assert client.refused("POST", f"job/{job}", '{"state": "Closed"}', JSON) == "InvalidJobState"
    assert client.refused("GET", f"job/{job}/batch/{batch}/result/752000000000001AAA") == "InvalidBatch"
    client.token = "nobody"
    assert client.refused("GET", f"job/{job}") == "InvalidSessionId"
    old = Request(method="GET", path="/services/async/20.0/job/1", headers={"x-sfdc-session": AsyncClient().token})
    assert b"InvalidVersion" in client.org.handle(old).body


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("CSV", "LastName,Nope\nA,b\n", "InvalidBatch : Field name not found : Nope"),
        ("CSV", "LastName,Company\n", "InvalidBatch : Records not found"),
        ("CSV", "LastName,Company\nA\n", "InvalidBatch : Failed to parse CSV"),
        ("CSV", "", "InvalidBatch : "),
        ("JSON", '[{"LastName": "A", "Nope": 1}]', "InvalidBatch : Field name not found : Nope"),
        ("JSON", '{"LastName": "A"}', "InvalidBatch : Failed to parse JSON"),
        ("JSON", "[]", "InvalidBatch : Records not found"),
        ("XML", "<sObjects>", "InvalidBatch : Failed to parse the XML"),
        ("CSV", "LastName\n" + "A\n" * 10_001, "InvalidBatch : Exceeded number of records: 10001."),
    ],
)
def test_a_batch_that_cannot_be_read_fails_and_the_next_goes_on(
    client: AsyncClient, kind: str, body: str, message: str
) -> None:
    job = client.job("insert", kind)
    state, said = client.state(job, client.batch(job, body))
    assert (state, (said or "")[: len(message)]) == ("Failed", message)
    assert client.leads("Id") == []
    good = {
        "CSV": "LastName,Company\nA,b\n",
        "JSON": '[{"LastName": "A", "Company": "b"}]',
        "XML": "<sObjects><sObject><LastName>A</LastName><Company>b</Company></sObject></sObjects>",
    }[kind]
    assert client.state(job, client.batch(job, good))[0] == "Completed"
    info = client.told("GET", f"job/{job}", None, JSON)
    assert (info["numberBatchesFailed"], info["numberBatchesCompleted"], info["numberBatchesTotal"]) == (1, 1, 2)


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        ("SELECT Nope FROM Lead", "INVALID_FIELD: "),
        ("SELECT Id FROM Account", "INVALID_TYPE: "),
        ("SELECT COUNT() FROM Lead", "FUNCTIONALITY_NOT_ENABLED: "),
        ("\xff", "MALFORMED_QUERY: "),
    ],
)
def test_a_query_that_fails(client: AsyncClient, soql: str, message: str) -> None:
    job = client.job("query")
    state, said = client.state(job, client.batch(job, soql))
    assert (state, (said or "").startswith(f"InvalidBatch : Failed to process query: {message}")) == ("Failed", True)


def test_batches_take_their_time_and_an_abort_leaves_them_unprocessed(client: AsyncClient) -> None:
    client.org.handle(Request(method="POST", path="/_sandbox/bulk", body=b'{"processing_seconds": 60}'))
    job = client.job("insert")
    batch = client.batch(job, "LastName,Company\nA,Acme\n")
    assert client.state(job, batch)[0] == "InProgress"
    assert client.refused("GET", f"job/{job}/batch/{batch}/result") == "InvalidBatch"
    assert client.told("POST", f"job/{job}", '{"state": "Aborted"}', JSON)["state"] == "Aborted"
    client.org.clock.advance(60)
    assert client.state(job, batch)[0] == "NotProcessed"
    other = client.job("insert")
    late = client.batch(other, "LastName,Company\nB,Acme\n")
    client.org.clock.advance(60)
    assert client.state(other, late)[0] == "Completed"
    assert client.leads("LastName") == [("B",)]


def test_jobs_take_batches_for_a_day_and_stay_for_seven(client: AsyncClient) -> None:
    client.org.auth.idle_seconds = 1e9
    job = client.job("insert")
    client.org.clock.advance(86_401)
    assert client.refused("POST", f"job/{job}/batch", "LastName\nA\n", CSV) == "InvalidJobState"
    client.org.clock.advance(7 * 86_400)
    assert client.refused("GET", f"job/{job}") == "InvalidJob"


def test_batches_are_rationed(client: AsyncClient) -> None:
    client.org.bulk.allowances.batches.maximum = 1
    job = client.job("insert")
    client.batch(job, "LastName,Company\nA,Acme\n")
    assert client.refused("POST", f"job/{job}/batch", "LastName,Company\nA,Acme\n", CSV) == "ExceededQuota"
    client.org.clock.advance(86_400)


def test_a_batch_that_dies_keeps_what_it_wrote(client: AsyncClient) -> None:
    death = {"after_rows": 3, "message": "InternalServerError : Retried more than 10 times"}
    client.org.faults.install(Fault(name="bulk_job_failure", match="services/async", parameters=death))
    job = client.job("insert")
    content = "LastName,Company\n" + "".join(f"L{n},Acme\n" for n in range(5))
    first, second = client.batch(job, content), client.batch(job, content)
    assert client.state(job, first) == ("Failed", death["message"])
    assert client.state(job, second)[0] == "Completed"
    assert len(client.leads("Id")) == 8
    answer = client.ask("GET", f"job/{job}/batch/{first}/result").body.decode()
    assert len(list(csv.DictReader(io.StringIO(answer)))) == 3


def test_a_query_can_time_out(client: AsyncClient) -> None:
    message = "InternalServerError : QUERY_TIMEOUT : Your query request was running for too long."
    client.org.faults.install(Fault(name="bulk_job_failure", match="services/async", parameters={"message": message}))
    job = client.job("query")
    assert client.state(job, client.batch(job, "SELECT Id FROM Lead")) == ("Failed", message)


def test_a_late_commit_shows_later(client: AsyncClient) -> None:
    client.org.faults.install(Fault(name="late_commit", match="services/async", parameters={"delay_seconds": 300}))
    job = client.job("insert")
    batch = client.batch(job, "LastName,Company\nA,Acme\n")
    assert client.state(job, batch)[0] == "InProgress"
    client.org.clock.advance(300)
    assert client.state(job, batch)[0] == "Completed"
    assert client.leads("SystemModstamp") == [("2026-11-18T10:00:00.000+0000",)]


def test_faults_at_the_door_are_told_in_its_words(client: AsyncClient) -> None:
    client.org.faults.install(Fault(name="rate_limit", match="services/async"))
    assert client.refused("GET", "job/1") == "ExceededQuota"
    client.org.faults.install(Fault(name="expired_token", match="services/async"))
    assert client.refused("GET", "job/1", None, JSON) == "InvalidSessionId"


def test_a_query_too_deep_for_anybody_fails_alone(client: AsyncClient) -> None:
    deep = f"SELECT Id FROM Lead WHERE {' OR '.join(['LastName = chr'] * 3)}".replace("chr", "'x'")
    long = "SELECT Id FROM Lead WHERE " + "(" * 400 + "LastName = 'x'" + ")" * 400
    wide = "SELECT Id FROM Lead WHERE " + " OR ".join(f"LastName LIKE '%{n}%'" for n in range(3000))
    job = client.job("query", "JSON")
    states = [client.state(job, client.batch(job, soql, JSON))[0] for soql in (deep, long, wide)]
    assert states[0] == "Completed"
    assert set(states) <= {"Completed", "Failed"}
    for soql in (long, wide):
        made = client.send("POST", "jobs/query", {"operation": "query", "query": soql})
        assert made.status in (200, 400)
        if made.status == 200:
            assert client.json("GET", f"jobs/query/{json.loads(made.body)['id']}")["state"] in ("JobComplete", "Failed")


def test_odd_records_fail_alone(client: AsyncClient) -> None:
    good = {"lastname": "A", "Company": "b", "ext__c": "x1"}
    odd: list[dict[str, Any]] = [
        {"LastName": ["A"], "Company": "b", "Ext__c": "x2"},
        {"LastName": "A", "Company": "b", "Ext__c": None},
        {"LastName": "A", "Company": "b", "Ext__c": "x3", "Owner": {"attributes": 7, "Username": "nobody"}},
        {"LastName": "A", "Company": "b", "Ext__c": "x4", "Owner": {}},
        {"LastName": "A", "Company": "b", "Ext__c": "x5", "Owner": {"attributes": {"type": []}, "Username": 1}},
    ]
    job = client.job("upsert", "JSON", externalIdFieldName="Ext__c")
    batch = client.batch(job, json.dumps([good, *odd]), JSON)
    results = client.told("GET", f"job/{job}/batch/{batch}/result")
    assert [one["success"] for one in results] == [True, False, False, False, False, False]
    assert {error["statusCode"] for one in results for error in one["errors"]} == {
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        "MISSING_ARGUMENT",
        "INVALID_FIELD",
    }
