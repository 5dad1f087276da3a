"""The Salesforce connector's pure parts: error table, cells, SOQL text, result files, cursors."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from syncline.connectors.salesforce import soql
from syncline.connectors.salesforce.bulk import IngestResult, Job, read_table, write_table
from syncline.connectors.salesforce.bulk_write import outcomes_of
from syncline.connectors.salesforce.cells import canonical_columns, full_id, record_columns, rows_of, wire_value
from syncline.connectors.salesforce.cursor import Cursor
from syncline.connectors.salesforce.errors import FieldRefused, bulk_error, error_of, judge, refusal, vendor_errors
from syncline.errors import AccessError, Later, NotUnderstood, QuotaExhausted, RateLimited, Unavailable
from syncline.net.auth import TokenRefused
from syncline.ports import HttpRequest, HttpResponse
from syncline.records import Operation, Status, Write
from syncline.schema import Field, ObjectSchema
from syncline.values import FieldType, canonical

REQUEST = HttpRequest(method="GET", url="https://org.test/")


def rest(code: str, message: str = "…") -> list[dict[str, Any]]:
    return [{"errorCode": code, "message": message, "fields": ["F"]}]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, rest("INVALID_SESSION_ID", "Session expired or invalid"), TokenRefused),
        (401, None, TokenRefused),
        (403, rest("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), QuotaExhausted),
        (403, rest("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."), RateLimited),
        (403, rest("API_DISABLED_FOR_ORG"), AccessError),
        (503, rest("SERVER_UNAVAILABLE"), Unavailable),
        (500, rest("SOMETHING_NEW"), Unavailable),
        (400, rest("SOMETHING_NEW"), NotUnderstood),
        (400, rest("MALFORMED_QUERY"), NotUnderstood),
        (400, rest("INVALID_QUERY_LOCATOR"), Later),
        (400, rest("INVALID_FIELD", "\nSELECT X\n^\nNo such column 'X' on entity 'Lead'."), FieldRefused),
        (420, None, Unavailable),
        (502, None, Unavailable),
        (418, None, NotUnderstood),
    ],
)
def test_what_a_refused_call_means(status: int, body: Any, error: type[Exception]) -> None:
    assert type(error_of(status, body)) is error


def test_an_html_page_from_an_edge_is_read_by_its_status() -> None:
    page = b"<html>We are down for maintenance</html>"
    assert isinstance(judge(REQUEST, HttpResponse(status=503, body=page)), Unavailable)
    assert isinstance(judge(REQUEST, HttpResponse(status=403, body=page)), NotUnderstood)
    assert judge(REQUEST, HttpResponse(status=300, body=b"[]")) is None


@pytest.mark.parametrize(
    ("code", "message", "permanent", "gone"),
    [
        ("STRING_TOO_LONG", "too long", True, False),
        ("UNABLE_TO_LOCK_ROW", "locked", False, False),
        ("ENTITY_IS_DELETED", "entity is deleted", True, True),
        ("CANNOT_EXECUTE_FLOW_TRIGGER", "the flow failed: UNABLE_TO_LOCK_ROW", False, False),
        ("CANNOT_EXECUTE_FLOW_TRIGGER", "the flow failed: NullPointer", True, False),
        ("NEVER_HEARD_OF", "what?", True, False),
    ],
)
def test_what_a_refused_row_means(code: str, message: str, permanent: bool, gone: bool) -> None:
    errors = vendor_errors([{"statusCode": code, "message": message, "fields": ["LastName"]}])
    outcome = refusal(errors, "00Q1")
    assert (outcome.status, outcome.code, outcome.fields) == (Status.REJECTED, code, ("LastName",))
    assert (outcome.is_permanent, outcome.is_gone) == (permanent, gone)


def test_a_duplicate_rule_names_the_records_it_found() -> None:
    found = {"matchResults": [{"matchRecords": [{"record": {"Id": "00Q1"}}, {"record": {"Id": "00Q2"}}]}]}
    errors = vendor_errors([{"errorCode": "DUPLICATES_DETECTED", "message": "Use one?", "duplicateResut": found}])
    assert refusal(errors, None).candidates == ("00Q1", "00Q2")


def test_a_bulk_error_is_taken_apart() -> None:
    error = bulk_error("STRING_TOO_LONG:Last Name: data value too large: x (max length=80):LastName --")
    assert (error.code, error.fields) == ("STRING_TOO_LONG", ("LastName",))
    assert error.message == "Last Name: data value too large: x (max length=80)"
    assert bulk_error("INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--").fields == ()


RAW = {
    FieldType.TEXT: ["plain", " outer ", "line\r\nend", "Zu\u0308rich", "", None, "\u3000wide\u3000", "a\tb", "\x1fx"],
    FieldType.NUMBER: ["12", "12.50", "1e3", "-0.0", "+7", "007", None, "100"],
    FieldType.BOOLEAN: ["true", "false", "TRUE", "1", None],
    FieldType.DATE: ["2026-11-22", "2026-11-22Z", None],
    FieldType.DATETIME: ["2026-11-22T10:00:00.000+0000", "2026-11-22T10:00:00.000Z", "2026-11-22T12:00:00+02:00", None],
    FieldType.MULTICHOICE: ["b;a;b", "a", None],
}


@pytest.mark.parametrize("field_type", RAW)
def test_a_column_is_canonical_just_as_its_cells_are(field_type: FieldType) -> None:
    raw = RAW[field_type]
    cells = canonical_columns(pl.DataFrame({"cell": raw}, schema={"cell": pl.String()}), {"cell": field_type})
    assert cells["cell"].to_list() == [canonical(field_type, value) for value in raw]


def test_a_row_that_cannot_be_translated_is_kept_apart() -> None:
    fields = {
        "Id": Field(name="Id", label="", type=FieldType.ID),
        "N": Field(name="N", label="", type=FieldType.NUMBER),
    }
    schema = ObjectSchema(name="Lead", label="Lead", fields=fields)
    columns = record_columns([{"Id": "a", "N": "12"}, {"Id": "b", "N": "twelve"}])
    frame, (unreadable,) = rows_of(schema, ["N"], columns, height=2, as_of_us=1)
    assert frame["_id"].to_list() == ["a"]
    assert (unreadable.record_id, json.loads(unreadable.raw)) == ("b", {"Id": "b", "N": "twelve"})


def test_cells_go_out_as_their_types() -> None:
    sent = [
        wire_value(FieldType.TEXT, "12"),
        wire_value(FieldType.TEXT, ""),
        wire_value(FieldType.BOOLEAN, "false"),
        bytes(wire_value(FieldType.NUMBER, "12345678901234567.25")),
    ]
    assert sent == ["12", None, False, b"12345678901234567.25"]


@pytest.mark.parametrize(
    ("short", "full"), [("001A0000006Vm9r", "001A0000006Vm9rIAC"), ("001A0000006Vm9rIAC", "001A0000006Vm9rIAC")]
)
def test_ids_grow_to_eighteen_characters(short: str, full: str) -> None:
    assert full_id(short) == full


def test_soql_text_is_quoted_and_cut_to_the_url() -> None:
    assert soql.literal("O'Neil\\ \n") == "'O\\'Neil\\\\ \\n'"
    assert soql.select(["Id", "Name", "Id"], "Lead") == "SELECT Id, Name FROM Lead"
    parts = soql.chunks(["é" * 100] * 10, most=4, url_bytes=2_000)
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    assert soql.chunks(["x" * 9_999], most=4, url_bytes=10) == [["x" * 9_999]]
    assert soql.chunks([], most=4, url_bytes=10) == []


def test_bulk_rows_find_their_writes_in_any_order_and_twins_keep_theirs_apart() -> None:
    same = {"LastName": "Twin", "Company": "A"}
    cells = [{"LastName": "One", "Company": "A"}, same, same, {"LastName": "Lost", "Company": "A"}]
    writes = [Write(operation=Operation.CREATE, object_type="Lead", cells=one) for one in cells]
    columns = ["LastName", "Company"]
    succeeded = b'"sf__Id","sf__Created","LastName","Company"\n"1","true","Twin","A"\n"2","true","One","A"\n'
    failed = b'"sf__Id","sf__Error","LastName","Company"\n"","DUPLICATE_VALUE:twice:--","Twin","A"\n'
    result = IngestResult(
        job=Job(id="750", state="JobComplete", sent_us=0, created_us=0),
        succeeded=read_table(succeeded),
        failed=read_table(failed),
        unprocessed=read_table(b'"LastName","Company"\n'),
    )
    found = outcomes_of(writes, columns, result)
    assert [outcome.status.value for outcome in found] == ["written", "written", "rejected", "unknown"]
    assert [outcome.record_id for outcome in found[:2]] == ["2", "1"]


def test_a_table_survives_its_own_quoting() -> None:
    rows = [["a,b", 'say "x"', "two\nlines"], ["", "#N/A", "é"]]
    back = read_table(write_table(["A", "B", "C"], rows))
    assert back.with_columns(pl.all().fill_null("")).rows() == [tuple(row) for row in rows]


def test_a_cursor_survives_its_text_and_drops_what_grows_too_large() -> None:
    cursor = Cursor(since_us=17, shape="A", seen={"00Q1": "ff"})
    assert Cursor.of_text(cursor.as_text()) == cursor
    crowded = Cursor(since_us=17, shape="A", seen={str(n): "ff" for n in range(5_000)})
    assert Cursor.of_text(crowded.as_text()).seen == {}
