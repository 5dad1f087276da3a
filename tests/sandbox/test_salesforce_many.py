"""Many records in one call: collections, Composite, Batch, queries by page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client

V = "/services/data/v59.0"


@pytest.fixture
def client() -> Client:
    return fresh_client()


def _lead(name: str, **rest: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Lead"}, "LastName": name, "Company": "c", **rest}


def test_results_are_positional_and_partial(client):
    records = [_lead("a"), {"attributes": {"type": "Lead"}, "LastName": "b"}, _lead("c")]
    status, answer = client.call("POST", "composite/sobjects", {"allOrNone": False, "records": records})
    assert status == 200
    assert [result["success"] for result in answer] == [True, False, True]
    missing = {"statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [Company]"}
    assert answer[1] == {"success": False, "errors": [{**missing, "fields": ["Company"]}]}
    assert {record["LastName"] for record in client.query("SELECT LastName FROM Lead")} == {"a", "c"}


def test_all_or_none_rolls_back(client):
    records = [_lead("a"), _lead("b", Email="bad")]
    _, answer = client.call("POST", "composite/sobjects", {"allOrNone": True, "records": records})
    codes = [result["errors"][0]["statusCode"] for result in answer]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_EMAIL_ADDRESS"]
    assert client.query("SELECT Id FROM Lead") == []


def test_update_by_id_in_any_spelling(client):
    first, second = client.create("Lead", LastName="a", Company="c"), client.create("Lead", LastName="b", Company="c")
    records = [
        {"attributes": {"type": "Lead"}, "id": first[:15], "City": "x"},
        {"attributes": {"type": "Lead"}, "Id": second, "City": "y"},
        {"attributes": {"type": "Lead"}, "id": "00Q000000000000AAA", "City": "z"},
    ]
    _, answer = client.call("PATCH", "composite/sobjects", {"records": records})
    assert [result.get("id") for result in answer] == [first, second, None]
    assert answer[2]["errors"][0]["statusCode"] == "INVALID_CROSS_REFERENCE_KEY"
    _, answer = client.call("PATCH", "composite/sobjects", {"records": [records[0], {**records[0], "id": first}]})
    assert [result["errors"][0]["statusCode"] for result in answer] == ["DUPLICATE_VALUE"] * 2


def test_upsert_retrieve_delete(client):
    path = "composite/sobjects/Contact/Email"
    people = [{"attributes": {"type": "Contact"}, "LastName": n, "Email": f"{n}@x.example"} for n in ("a", "b")]
    _, first = client.call("PATCH", path, {"records": people})
    _, second = client.call("PATCH", path, {"records": people})
    assert [result["created"] for result in first + second] == [True, True, False, False]
    ids = [result["id"] for result in first]
    _, found = client.call(
        "POST", "composite/sobjects/Contact", {"ids": [*ids, "003000000000000AAA"], "fields": ["Email"]}
    )
    assert [record and record["Email"] for record in found] == ["a@x.example", "b@x.example", None]
    _, gone = client.call("DELETE", "composite/sobjects", ids=",".join([*ids, ids[0]]), allOrNone="false")
    assert [result["success"] for result in gone] == [True, True, False]
    assert gone[2]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"


def test_collection_limits(client):
    status, answer = client.call("POST", "composite/sobjects", {"records": [_lead("x")] * 201})
    assert (status, answer[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    mixed = [_lead("x"), {"attributes": {"type": "Account"}, "Name": "n"}] * 6
    assert client.call("POST", "composite/sobjects", {"records": mixed})[0] == 400
    assert client.call("POST", "composite/sobjects", {"records": 3})[1][0]["errorCode"] == "JSON_PARSER_ERROR"


def test_composite_with_references_is_one_call(client):
    parts = [
        {"method": "POST", "url": f"{V}/sobjects/Account", "referenceId": "a", "body": {"Name": "Acme"}},
        {
            "method": "POST",
            "url": f"{V}/composite/sobjects",
            "referenceId": "c",
            "body": {"records": [{"attributes": {"type": "Contact"}, "LastName": "x", "AccountId": "@{a.id}"}]},
        },
        {"method": "GET", "url": f"{V}/sobjects/Contact/@{{c[0].id}}?fields=AccountId", "referenceId": "r"},
        {"method": "GET", "url": f"{V}/query?q=SELECT+Name+FROM+Account", "referenceId": "q"},
    ]
    used = client.org.usage.used
    status, answer = client.call("POST", "composite", {"compositeRequest": parts})
    assert status == 200
    assert [part["httpStatusCode"] for part in answer["compositeResponse"]] == [201, 200, 200, 200]
    bodies = {part["referenceId"]: part["body"] for part in answer["compositeResponse"]}
    assert bodies["r"]["AccountId"] == bodies["a"]["id"]
    assert bodies["q"]["records"][0]["Name"] == "Acme"
    assert client.org.usage.used == used + 1


@pytest.mark.parametrize(("all_or_none", "codes", "left"), [(True, [400, 400, 400], 0), (False, [201, 400, 400], 1)])
def test_composite_failure(client, all_or_none, codes, left):
    parts = [
        {"method": "POST", "url": f"{V}/sobjects/Account", "referenceId": "a", "body": {"Name": "Acme"}},
        {"method": "POST", "url": f"{V}/sobjects/Account", "referenceId": "b", "body": {}},
        {"method": "GET", "url": f"{V}/sobjects/Account/@{{b.id}}", "referenceId": "c"},
    ]
    _, answer = client.call("POST", "composite", {"allOrNone": all_or_none, "compositeRequest": parts})
    assert [part["httpStatusCode"] for part in answer["compositeResponse"]] == codes
    errors = [part["body"][0]["errorCode"] for part in answer["compositeResponse"] if part["httpStatusCode"] == 400]
    halted = ["PROCESSING_HALTED"]
    assert errors == (halted if all_or_none else []) + ["REQUIRED_FIELD_MISSING"] + halted
    assert len(client.query("SELECT Id FROM Account")) == left


def test_batch_counts_every_part(client):
    urls = [f"{V}/sobjects/Lead/describe", "v59.0/limits", "v59.0/sobjects/Nothing/describe", "v59.0/limits"]
    parts = [{"method": "GET", "url": url} for url in urls]
    used = client.org.usage.used
    _, answer = client.call("POST", "composite/batch", {"batchRequests": parts, "haltOnError": True})
    assert [result["statusCode"] for result in answer["results"]] == [200, 200, 404, 412]
    assert answer["hasErrors"] is True
    assert answer["results"][0]["result"]["name"] == "Lead"
    assert client.org.usage.used == used + 4


def test_query_pages_are_a_stable_snapshot(client):
    client.org.seed("Lead", [{"LastName": f"n{n:04}", "Company": "c"} for n in range(450)])
    soql = "SELECT Id, LastName FROM Lead ORDER BY LastName"
    small = {"sforce-query-options": "batchSize=50"}
    _, page = client.call("GET", "query/", q=soql, headers=small)
    assert (page["totalSize"], page["done"], len(page["records"])) == (450, False, 200)
    client.create("Lead", LastName="a first one", Company="c")
    client.call("DELETE", f"sobjects/Lead/{page['records'][0]['Id']}")
    names = [record["LastName"] for record in page["records"]]
    while not page["done"]:
        _, page = client.call("GET", page["nextRecordsUrl"], headers=small, q=soql)
        names += [record["LastName"] for record in page["records"]]
    assert names == [f"n{n:04}" for n in range(450)]
    assert "nextRecordsUrl" not in page


def test_locator_is_one_users_and_expires(client):
    client.org.seed("Lead", [{"LastName": f"n{n}", "Company": "c"} for n in range(2001)])
    _, page = client.call("GET", "query", q="SELECT Id FROM Lead")
    url = page["nextRecordsUrl"]
    other = Client(client.org, "admin@sandbox.example")
    assert other.call("GET", url)[1][0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert len(client.call("GET", url)[1]["records"]) == 1
    client.advance(2 * 86400 + 1)
    client.token = client.login("integration@sandbox.example")
    assert client.call("GET", url)[1][0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_query_errors_reach_the_client(client):
    status, answer = client.call("GET", "query", q="SELECT Nope FROM Lead")
    assert (status, answer[0]["errorCode"]) == (400, "INVALID_FIELD")
    assert "No such column 'Nope'" in answer[0]["message"]
    assert client.call("GET", "query", q="")[1][0]["errorCode"] == "MALFORMED_QUERY"
    assert client.call("GET", "query", q="SELECT count() FROM Lead") == (
        200,
        {"totalSize": 0, "done": True, "records": []},
    )
