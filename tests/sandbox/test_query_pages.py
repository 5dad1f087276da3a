"""Pages of queries: locators, jumps, their end, page sizes; queryAll; plans; search."""

from __future__ import annotations

from typing import Any

import pytest

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.soql import compile_query
from tests.sandbox.salesforce_client import BASE, Client, fresh_client

DAY = 86_400


@pytest.fixture(scope="module")
def client() -> Client:
    client = fresh_client()
    client.org.seed("Lead", [{"LastName": f"n{n:05}", "Company": "Acme", "City": "Ulm"} for n in range(4500)])
    return client


def first_page(client: Client, text: str = "SELECT LastName FROM Lead ORDER BY LastName", **options: Any) -> Any:
    status, page = client.call("GET", "query", q=text, **options)
    assert status == 200, page
    return page


def names(page: Any) -> list[str]:
    return [record["LastName"] for record in page["records"]]


def test_pages_are_told_by_locator_and_offset(client: Client) -> None:
    page = first_page(client)
    assert (page["totalSize"], page["done"], len(page["records"])) == (4500, False, 2000)
    locator = page["nextRecordsUrl"].rpartition("/")[2]
    assert (locator[:3], locator[-5:]) == ("0r8", "-2000")
    last = client.call("GET", page["nextRecordsUrl"].replace("-2000", "-4000"))[1]
    assert (last["done"], len(last["records"])) == (True, 500)
    assert "nextRecordsUrl" not in last


@pytest.mark.parametrize("offset", [0, 1, 499, 3999, 4499])
def test_a_locator_can_be_entered_anywhere(client: Client, offset: int) -> None:
    url = first_page(client)["nextRecordsUrl"].replace("-2000", f"-{offset}")
    status, page = client.call("GET", url)
    assert (status, names(page)[0]) == (200, f"n{offset:05}")


def test_a_locator_can_be_addressed_as_clients_do(client: Client) -> None:
    url = first_page(client)["nextRecordsUrl"]
    locator = url.rpartition("/")[2]
    # dlt hands the whole path in; the taps append their query again; queryAll is as good as query.
    for path, query in (
        (f"query/{url}", {}),
        (f"queryAll/{locator}", {}),
        (f"query/{locator}/", {"q": "SELECT nonsense"}),
    ):
        status, page = client.call("GET", path, **query)
        assert (status, names(page)[0]) == (200, "n02000"), path


def test_every_record_is_on_one_page_whatever_the_order(client: Client) -> None:
    for text in (
        "SELECT LastName FROM Lead",
        "SELECT LastName FROM Lead ORDER BY City",
        "SELECT LastName FROM Lead ORDER BY City LIMIT 3000",
    ):
        page = first_page(client, text)
        total, seen = page["totalSize"], names(page)
        while not page["done"]:
            page = client.call("GET", page["nextRecordsUrl"])[1]
            seen += names(page)
        assert (len(seen), len(set(seen))) == (total, total), text


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ("batchSize=300", 300),
        ("batchSize=1", 200),
        ("batchSize=9999", 2000),
        ("x=1, batchSize = 250", 250),
        ("no", 2000),
    ],
)
def test_a_page_has_the_size_asked_for_within_bounds(client: Client, options: str, rows: int) -> None:
    headers = {"sforce-query-options": options}
    page = first_page(client, headers=headers)
    assert len(page["records"]) == rows
    assert len(client.call("GET", page["nextRecordsUrl"], headers=headers)[1]["records"]) == rows


def test_two_long_custom_texts_make_pages_small() -> None:
    client = fresh_client()
    for name in ("A__c", "B__c"):
        client.org.add_field("Lead", {"name": name, "type": "textarea", "length": 32000})
    client.org.seed("Lead", [{"LastName": "n", "Company": "c"}] * 300)
    assert len(first_page(client, "SELECT A__c FROM Lead")["records"]) == 300
    assert len(first_page(client, "SELECT A__c, B__c FROM Lead")["records"]) == 200


def test_a_locator_ends() -> None:
    client = fresh_client()
    client.org.seed("Lead", [{"LastName": f"n{n}", "Company": "c"} for n in range(2001)])
    url = first_page(client)["nextRecordsUrl"]
    other = Client(client.org, "admin@sandbox.example")

    def refusal(who: Client, path: str) -> tuple[int, str, str]:
        status, answer = who.call("GET", path)
        return status, answer[0]["errorCode"], answer[0]["message"]

    gone = (400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    assert refusal(other, url) == gone
    assert refusal(client, url.replace("-2000", "-2002")) == gone
    assert refusal(client, "query/0r8000000000000AAA-2000") == gone
    client.advance(2 * DAY - 60)
    client.token = client.login("integration@sandbox.example")
    assert client.call("GET", url)[0] == 200
    client.advance(120)
    client.token = client.login("integration@sandbox.example")
    assert refusal(client, url) == gone


def test_rows_are_read_when_their_page_is() -> None:
    client = fresh_client()
    ids = client.org.seed("Lead", [{"LastName": f"n{n:04}", "Company": "c"} for n in range(2003)])
    url = first_page(client)["nextRecordsUrl"]
    client.call("PATCH", f"sobjects/Lead/{ids[2001]}", {"LastName": "changed"})
    assert names(client.call("GET", url)[1]) == ["n2000", "changed", "n2002"]


def test_query_all_sees_the_deleted_and_the_archived() -> None:
    client = fresh_client()
    lead = client.create("Lead", LastName="gone", Company="c")
    client.call("DELETE", f"sobjects/Lead/{lead}")
    client.create("Task", Subject="old", Status="Completed", ActivityDate="2025-02-01")
    client.create("Task", Subject="open", ActivityDate="2025-02-01")
    client.create("Event", Subject="party", ActivityDateTime="2025-02-01T20:00:00Z", DurationInMinutes=60)
    assert client.query("SELECT Id FROM Lead WHERE IsDeleted = true") == []
    assert len(client.query("SELECT Id FROM Lead WHERE IsDeleted = true", "queryAll")) == 1
    assert [row["Subject"] for row in client.query("SELECT Subject FROM Task")] == ["open"]
    assert client.query("SELECT Subject FROM Event") == []
    archived = client.query("SELECT Subject, IsArchived FROM Task ORDER BY Subject", "queryAll")
    assert [(row["Subject"], row["IsArchived"]) for row in archived] == [("old", True), ("open", False)]
    assert client.query("SELECT COUNT(Id) n FROM Event WHERE IsArchived = true", "queryAll")[0]["n"] == 1


def test_a_plan_instead_of_rows(client: Client) -> None:
    text = "SELECT LastName FROM Lead WHERE CreatedDate = YESTERDAY AND City = 'Ulm'"
    status, answer = client.call("GET", "query", explain=text)
    index, scan = answer["plans"]
    assert (status, index["leadingOperationType"], scan["leadingOperationType"]) == (200, "Index", "TableScan")
    assert (index["fields"], index["cardinality"], index["sobjectCardinality"]) == (["CreatedDate"], 0, 4500)
    assert index["relativeCost"] < 1 < scan["relativeCost"]
    assert index["notes"][0]["fields"] == ["IsDeleted"]
    assert client.call("GET", "query", explain="SELECT nonsense")[1][0]["errorCode"] == "MALFORMED_QUERY"
    assert client.call("GET", "query")[1][0]["message"] == "A query string has to be specified"


def test_a_condition_from_outside_holds_as_well(client: Client) -> None:
    org = client.org
    rights = org.people.rights(org.people.user_id("integration@sandbox.example"))
    text = "SELECT COUNT() FROM Lead WHERE City = 'Ulm'"
    also = ('{row}."LastName" < ?', ["n00010"])
    compiled = compile_query(text, org.schema, rights, org.clock.now(), also=also)
    assert org.storage.db.execute(compiled.count_sql, compiled.parameters).fetchone() == (10,)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT Id FROM Lead WHERE LastName IN (" + ",".join(f"'n{n}'" for n in range(9000)) + ")",
        "SELECT Id FROM Lead WHERE " + " OR ".join(["City = 'x'"] * 3000),
        "SELECT Id FROM Lead WHERE NumberOfEmployees = " + "9" * 5000,
        "SELECT Id FROM Lead WHERE AnnualRevenue > 1e999",
        "SELECT Id FROM Lead WHERE CreatedDate > NEXT_N_FISCAL_QUARTERS:" + "9" * 5000,
        "SELECT Id FROM Lead WHERE CreatedDate = N_WEEKS_AGO:200000",
        "SELECT Id FROM Lead LIMIT " + "9" * 5000,
    ],
)
def test_what_is_large_is_answered(client: Client, text: str) -> None:
    page = client.org.query.runs.run(_caller(client), text)
    assert page.total in (0, 4500)


def _caller(client: Client) -> Caller:
    user_id = client.org.people.user_id("integration@sandbox.example")
    return Caller(user_id=user_id, rights=client.org.people.rights(user_id))


def test_the_base_of_addresses_is_that_of_the_call(client: Client) -> None:
    status, page = client.call("GET", "/services/data/v45.0/query", q="SELECT Id FROM Lead")
    assert (status, page["nextRecordsUrl"][:27]) == (200, "/services/data/v45.0/query/")
    assert BASE in first_page(client)["nextRecordsUrl"]


def test_like_has_the_case_of_its_field() -> None:
    client = fresh_client()
    unique = {"type": "string", "length": 40, "external_id": True, "unique": True}
    client.org.add_field("Lead", {"name": "Cased__c", "case_sensitive": True, **unique})
    client.org.add_field("Lead", {"name": "Plain__c", **unique})
    client.create("Lead", LastName="n", Company="c", Cased__c="Ab%c", Plain__c="Ab%c")

    def found(where: str) -> int:
        return len(client.query(f"SELECT Id FROM Lead WHERE {where}"))

    assert (found("Cased__c LIKE 'Ab%'"), found("Cased__c LIKE 'ab%'"), found("Plain__c LIKE 'ab%'")) == (1, 0, 1)
    assert (found("Cased__c LIKE 'Ab\\%_'"), found("Cased__c LIKE 'Ab_'"), found("Cased__c LIKE '%\\%%'")) == (1, 0, 1)
    assert (found("Cased__c = 'ab%c'"), found("Plain__c = 'AB%C'"), found("Cased__c IN ('x', 'Ab%c')")) == (0, 1, 1)


def test_what_came_with_a_later_version_is_refused_before_it() -> None:
    client = fresh_client()
    for version, text, code in (
        ("50.0", "SELECT FIELDS(STANDARD) FROM Lead", "UNSUPPORTED_API_VERSION"),
        ("45.0", "SELECT TYPEOF What WHEN Account THEN Id END FROM Task", "MALFORMED_QUERY"),
    ):
        status, answer = client.call("GET", f"/services/data/v{version}/query", q=text)
        assert (status, answer[0]["errorCode"]) == (400, code)
        assert "is not supported" in answer[0]["message"] or "are not supported" in answer[0]["message"]


def test_a_long_string_is_refused() -> None:
    client = fresh_client()
    assert client.query("SELECT Id FROM Lead WHERE LastName = '" + "x" * 4000 + "'") == []
    with pytest.raises(OrgError, match="at most 4000 characters"):
        client.org.query.runs.run(_caller(client), "SELECT Id FROM Lead WHERE LastName LIKE '" + "x" * 4001 + "'")
