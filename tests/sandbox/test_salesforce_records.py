"""Single records over the REST API: statuses, codes and what is stored."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client


@pytest.fixture
def client() -> Client:
    return fresh_client()


def test_create_read_update_delete(client):
    answer = client.send("POST", "sobjects/lead/", {"lastname": "Smith", "FirstName": "Ann", "Company": "Acme"})
    assert answer.status == 201
    headers = dict(answer.headers)
    assert headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    record_id = headers["Location"].rpartition("/")[2]
    record = client.read("Lead", record_id[:15], "Name", "isdeleted", "Status", "OwnerId", "SystemModstamp")
    assert record == {
        "attributes": {"type": "Lead", "url": f"/services/data/v59.0/sobjects/Lead/{record_id}"},
        "Name": "Ann Smith",
        "IsDeleted": False,
        "Status": "Open - Not Contacted",
        "OwnerId": client.org.people.user_id("integration@sandbox.example"),
        "SystemModstamp": "2026-03-01T09:00:00.000+0000",
    }
    client.advance(60)
    assert client.call("PATCH", f"sobjects/Lead/{record_id}", {"FirstName": None}) == (204, None)
    changed = client.read("Lead", record_id, "Name", "CreatedDate", "LastModifiedDate")
    assert changed["Name"] == "Smith"
    assert changed["CreatedDate"] < changed["LastModifiedDate"] == "2026-03-01T09:01:00.000+0000"
    assert client.call("DELETE", f"sobjects/Lead/{record_id}") == (204, None)
    gone = [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED"}]
    assert client.call("DELETE", f"sobjects/Lead/{record_id}") == (404, gone)
    assert client.call("GET", f"sobjects/Lead/{record_id}") == (404, gone)
    assert client.query("SELECT Id FROM Lead") == []
    assert client.query("SELECT Id, IsDeleted FROM Lead", "queryAll")[0]["IsDeleted"] is True


REFUSED: list[tuple[dict[str, Any], str, str, list[str] | None]] = [
    ({"FirstName": "x"}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
    ({"LastName": "x", "Foo": 1}, "INVALID_FIELD", "No such column 'Foo' on sobject of type Contact", None),
    ({"LastName": "x", "Email": "y"}, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: y", ["Email"]),
    ({"LastName": "x", "Title": "t" * 129}, "STRING_TOO_LONG", "(max length=128)", ["Title"]),
    ({"LastName": "x", "Name": "y"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "fields: Name. Please", ["Name"]),
    ({"LastName": "x", "CreatedDate": None}, "INVALID_FIELD_FOR_INSERT_UPDATE", "security settings", ["CreatedDate"]),
    ({"LastName": "x", "MailingGeocodeAccuracy": "Near"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Near", None),
    ({"LastName": "x", "Birthdate": "soon"}, "JSON_PARSER_ERROR", "instance of date from VALUE_STRING", None),
    ({"LastName": "x", "AccountId": "003000000000001"}, "MALFORMED_ID", "id value of incorrect type", ["AccountId"]),
    ({"LastName": "x", "AccountId": "001000000000001"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference", None),
    ({"LastName": "x", "Id": "003000000000001"}, "INVALID_FIELD", "The Id field should not be specified", ["Id"]),
    ({"LastName": "x", "DoNotCall": "perhaps"}, "JSON_PARSER_ERROR", "boolean", None),
]


@pytest.mark.parametrize(("record", "code", "message", "fields"), REFUSED)
def test_refused_values(client, record, code, message, fields):
    status, answer = client.call("POST", "sobjects/Contact", record)
    assert status == 400
    assert answer[0]["errorCode"] == code
    assert message in answer[0]["message"]
    if fields is not None:
        assert answer[0]["fields"] == fields
    assert client.query("SELECT Id FROM Contact") == []


def test_values_as_stored(client):
    given = {"DoNotCall": True, "Birthdate": "1980-02-03Z", "Title": "", "Email": "A@B.example"}
    record_id = client.create("Contact", LastName="x", MailingCity="Perth", **given)
    record = client.read("Contact", record_id, "DoNotCall", "Birthdate", "Title", "Email", "MailingAddress")
    assert [record[name] for name in ("DoNotCall", "Birthdate", "Title", "Email")] == [
        True,
        "1980-02-03",
        None,
        "A@B.example",
    ]
    assert record["MailingAddress"]["city"] == "Perth"
    assert record["MailingAddress"]["street"] is None


def test_required_field_cannot_be_emptied(client):
    record_id = client.create("Lead", LastName="x", Company="c")
    status, answer = client.call("PATCH", f"sobjects/Lead/{record_id}", {"Company": None})
    assert (status, answer[0]["errorCode"]) == (400, "REQUIRED_FIELD_MISSING")
    assert client.read("Lead", record_id, "Company") == "c"


def test_unknown_resources(client):
    for path in ("sobjects/Nothing", "sobjects/Lead/00Q000000000000AAA", "nowhere", "sobjects/Lead/zzz"):
        status, answer = client.call("GET", path)
        assert (status, answer[0]["errorCode"]) == (404, "NOT_FOUND")
    status, answer = client.call("PUT", "sobjects/Lead", {})
    assert (status, answer[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert client.call("GET", "/services/data/v30.0/limits")[0] == 410
    assert client.call("GET", "/services/data/v99.0/limits")[0] == 404
    assert client.call("POST", "sobjects/Lead", b"{")[1][0]["errorCode"] == "JSON_PARSER_ERROR"


def test_versions_are_listed_without_a_session(client):
    client.token = ""
    status, versions = client.call("GET", "/services/data")
    assert status == 200
    assert [versions[0]["version"], versions[-1]["version"]] == ["31.0", "68.0"]
    assert {"label": "Winter '26", "url": "/services/data/v65.0", "version": "65.0"} in versions
    assert client.call("GET", "limits") == (
        401,
        [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}],
    )


def test_upsert_by_external_id(client):
    client.control("POST", "fields", {"object": "Lead", "name": "Key__c", "external_id": True, "unique": True})
    url = "sobjects/Lead/Key__c/a%2Fb"
    status, made = client.call("PATCH", url, {"LastName": "x", "Company": "c"})
    assert (status, made["created"], made["success"]) == (201, True, True)
    assert client.read("Lead", made["id"], "Key__c") == "a/b"
    assert client.call("PATCH", url, {"City": "Perth"}) == (200, {**made, "created": False})
    assert client.call("PATCH", "/services/data/v45.0/" + url, {"City": "Bern"}) == (204, None)
    assert client.call("PATCH", url, {"Key__c": "q"})[1][0]["errorCode"] == "INVALID_FIELD"
    assert client.call("GET", url, fields="City")[1]["City"] == "Bern"
    status, answer = client.call("PATCH", "sobjects/Lead/Title/x", {"City": "Perth"})
    assert (status, answer[0]["message"]) == (
        404,
        "Provided external ID field does not exist or is not accessible: Title",
    )
    assert client.call("PATCH", "sobjects/Lead/Key__c/none", {"City": "x"}, updateOnly="true")[0] == 404


def test_upsert_that_matches_several(client):
    first = client.create("Contact", LastName="a", Email="both@x.example")
    second = client.create("Contact", LastName="b", Email="both@x.example")
    status, answer = client.call("PATCH", "sobjects/Contact/Email/BOTH@x.example", {"Title": "t"})
    assert status == 300
    assert answer == [f"/services/data/v59.0/sobjects/Contact/{found}" for found in (first, second)]
    client.call("DELETE", f"sobjects/Contact/{second}")
    assert client.call("PATCH", "sobjects/Contact/Email/both@x.example", {"Title": "t"})[0] == 200


@pytest.mark.parametrize(
    ("flags", "status"), [({"unique": True}, 200), ({"unique": True, "case_sensitive": True}, 201), ({}, 201)]
)
def test_case_of_an_external_id(client, flags, status):
    client.control("POST", "fields", {"object": "Lead", "name": "Key__c", "external_id": True, **flags})
    client.create("Lead", LastName="x", Company="c", Key__c="abc")
    assert client.call("PATCH", "sobjects/Lead/Key__c/ABC", {"LastName": "y", "Company": "c"})[0] == status


def test_unique_value_names_the_other_record(client):
    client.control("POST", "fields", {"object": "Lead", "name": "Key__c", "external_id": True, "unique": True})
    first = client.create("Lead", LastName="x", Company="c", Key__c="k")
    status, answer = client.call("POST", "sobjects/Lead", {"LastName": "y", "Company": "c", "Key__c": "K"})
    assert (status, answer[0]["errorCode"], answer[0]["fields"]) == (400, "DUPLICATE_VALUE", ["Key__c"])
    assert first[:15] in answer[0]["message"]


def test_conditional_update(client):
    record_id = client.create("Lead", LastName="x", Company="c")
    before = {"if-unmodified-since": "Sun, 01 Mar 2026 08:59:59 GMT"}
    after = {"if-unmodified-since": "Sun, 01 Mar 2026 09:00:00 GMT"}
    assert client.call("PATCH", f"sobjects/Lead/{record_id}", {"City": "a"}, headers=before)[0] == 412
    assert client.call("PATCH", f"sobjects/Lead/{record_id}", {"City": "b"}, headers=after)[0] == 204
    assert client.read("Lead", record_id, "City") == "b"
    unchanged = {"if-modified-since": "Sun, 01 Mar 2026 09:00:00 GMT"}
    assert client.call("GET", f"sobjects/Lead/{record_id}", headers=unchanged) == (304, None)


def test_parent_by_external_id_and_cascade(client):
    client.control("POST", "fields", {"object": "Account", "name": "Code__c", "external_id": True, "unique": True})
    account = client.create("Account", Name="Acme", Code__c="A1")
    contact = client.create("Contact", LastName="x", Account={"Code__c": "A1"})
    assert client.query(f"SELECT Account.Name FROM Contact WHERE Id = '{contact}'")[0]["Account"]["Name"] == "Acme"
    client.call("DELETE", f"sobjects/Account/{account}")
    assert client.call("GET", f"sobjects/Contact/{contact}")[1][0]["errorCode"] == "ENTITY_IS_DELETED"
    client.control("POST", "write", {"object": "Contact", "operation": "undelete", "records": [{"Id": contact}]})
    assert client.read("Contact", contact, "LastName") == "x"


def test_recycle_bin_keeps_for_fifteen_days(client):
    record_id = client.create("Lead", LastName="x", Company="c")
    client.call("DELETE", f"sobjects/Lead/{record_id}")
    client.advance(15 * 86400 - 3600)
    client.token = client.login("integration@sandbox.example")
    assert len(client.query("SELECT Id FROM Lead", "queryAll")) == 1
    client.advance(3601)
    assert client.query("SELECT Id FROM Lead", "queryAll") == []
    assert client.call("GET", f"sobjects/Lead/{record_id}")[1][0]["errorCode"] == "NOT_FOUND"


def test_formula_moves_no_stamp(client):
    formula = {"formula": "UPPER(Account.Name)", "formula_sql": _FORMULA_SQL, "type": "string"}
    client.control("POST", "fields", {"object": "Contact", "name": "Firm__c", **formula})
    account = client.create("Account", Name="Acme")
    contact = client.create("Contact", LastName="x", AccountId=account)
    client.advance(3600)
    client.call("PATCH", f"sobjects/Account/{account}", {"Name": "Other"})
    record = client.query(f"SELECT Firm__c, SystemModstamp FROM Contact WHERE Id = '{contact}'")[0]
    assert (record["Firm__c"], record["SystemModstamp"]) == ("OTHER", "2026-03-01T09:00:00.000+0000")
    refused = client.call("PATCH", f"sobjects/Contact/{contact}", {"Firm__c": "x"})[1][0]
    assert refused["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


_FORMULA_SQL = '(SELECT upper(p."Name") FROM "Account" AS p WHERE p."Id" = {row}."AccountId")'


def test_lead_assignment_rule(client):
    owner = client.control("POST", "users", {"username": "seller@sandbox.example"})["id"]
    client.control("POST", "lead_assignment", {"owner": "seller@sandbox.example"})
    assigned = client.create("Lead", LastName="x", Company="c")
    assert client.read("Lead", assigned, "OwnerId") == owner
    off = {"sforce-auto-assign": "FALSE"}
    _, made = client.call("POST", "sobjects/Lead", {"LastName": "y", "Company": "c"}, headers=off)
    assert client.read("Lead", made["id"], "OwnerId") != owner


def test_bodies_nobody_can_read(client):
    gzipped = {"content-encoding": "gzip"}
    body = gzip.compress(b'{"LastName": "x", "Company": "c"}')
    assert client.call("POST", "sobjects/Lead", body, headers=gzipped)[0] == 201
    assert client.call("POST", "sobjects/Lead", b"plain", headers=gzipped)[1][0]["errorCode"] == "JSON_PARSER_ERROR"
    assert client.call("POST", "sobjects/Lead", [1])[1][0]["errorCode"] == "JSON_PARSER_ERROR"
    odd = {"records": [{"attributes": "Lead", "LastName": "x"}]}
    assert client.call("POST", "composite/sobjects", odd)[1][0]["errors"][0]["statusCode"] == "INVALID_TYPE"
    assert client.call("POST", "composite", {"compositeRequest": [{"url": 3}]})[0] == 400
    part = {"method": "GET", "url": 3, "referenceId": "a"}
    assert client.call("POST", "composite", {"compositeRequest": [part]})[0] == 200
    token = {"authorization": "Basic ?"}
    answer = client.send("POST", "/services/oauth2/token", b"grant_type=client_credentials", headers=token)
    assert answer.status == 400


def test_head_of_a_request_is_limited(client):
    assert client.call("GET", "query", q="SELECT Id FROM Lead WHERE Name = '" + "x" * 16_384 + "'")[0] == 414
    assert client.call("GET", "limits", headers={"x-long": "x" * 16_384})[0] == 431


def test_people_may_share_a_stamp_but_never_move_it_back(client):
    records = [{"attributes": {"type": "Lead"}, "LastName": name, "Company": "c"} for name in "abc"]
    client.control("POST", "clock", {"now": "2026-03-01T10:00:00Z", "frozen": False})
    client.call("POST", "composite/sobjects", {"records": records})
    stamps = {row["SystemModstamp"] for row in client.query("SELECT SystemModstamp FROM Lead")}
    assert len(stamps) == 1
    client.control("POST", "clock", {"now": "2026-03-01T09:00:00Z"})
    lead = client.query("SELECT Id FROM Lead LIMIT 1")[0]["Id"]
    client.call("PATCH", f"sobjects/Lead/{lead}", {"City": "x"})
    assert client.read("Lead", lead, "SystemModstamp") in stamps
