"""Describe, custom fields, reads, sync, delete: what a record goes through."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.marketo_client import Client, attributes

SCHEMA = "/rest/v1/leads/schema/fields.json"


@pytest.fixture
def client() -> Client:
    return Client()


def _code(answer: dict) -> str:
    assert answer["success"] is False
    return str(answer["errors"][0]["code"])


def _reason(result: dict) -> str:
    assert result["status"] == "skipped"
    return str(result["reasons"][0]["code"])


def _add_field(client: Client, name: str, kind: str = "string", **members: Any) -> dict:
    record = {"displayName": name.title(), "name": name, "dataType": kind, **members}
    (result,) = client.post(SCHEMA, {"input": [record]})["result"]
    return dict(result)


# -- fields ------------------------------------------------------------------------------------------------------------


def test_describe_carries_ids_and_rest_names(client: Client) -> None:
    fields = {field["rest"]["name"]: field for field in client.get("/rest/v1/leads/describe.json")["result"]}
    assert fields["email"] == {
        "id": 56,
        "displayName": "Email Address",
        "dataType": "email",
        "length": 255,
        "rest": {"name": "email", "readOnly": False},
    }
    assert fields["leadScore"]["dataType"] == "integer"
    assert fields["createdAt"]["rest"]["readOnly"] is True


def test_custom_field_is_made_described_and_used(client: Client) -> None:
    assert _add_field(client, "synclineKey") == {"name": "synclineKey", "status": "created"}
    assert _reason(_add_field(client, "SYNCLINEKEY")) == "1017"
    assert _reason(_add_field(client, "1st")) == "1003"
    assert _reason(_add_field(client, "odd", "array")) == "1003"
    described = client.get("/rest/v1/leads/describe2.json")["result"][0]
    assert ["synclineKey"] in described["searchableFields"]
    (made,) = client.sync({"synclineKey": "k1", "lastName": "Doe"}, lookupField="synclineKey")
    (again,) = client.sync({"synclineKey": "K1", "firstName": "Jo"}, lookupField="synclineKey")
    assert (made["status"], again) == ("created", {"id": made["id"], "status": "updated"})
    assert client.leads("synclineKey", "k1", fields="firstName") == [{"id": made["id"], "firstName": "Jo"}]
    assert client.get("/rest/v1/leads/schema/fields/synclineKey.json")["result"][0]["isApiCreated"] is True


def test_schema_update_hides_a_custom_field(client: Client) -> None:
    _add_field(client, "shade")
    path = "/rest/v1/leads/schema/fields/shade.json"
    assert client.post(path, {"input": [{"isHidden": True}]})["result"] == [{"name": "shade", "status": "updated"}]
    names = [field["rest"]["name"] for field in client.get("/rest/v1/leads/describe.json")["result"]]
    assert "shade" not in names
    assert _code(client.post(path, {"input": [{"dataType": "date"}]})) == "1003"


def test_hidden_and_read_only_fields(client: Client) -> None:
    client.sync({"email": "a@example.com", "phone": "1"})
    client.control("POST", "fields", {"name": "phone", "hidden": True})
    client.control("POST", "fields", {"name": "city", "read_only": True})
    names = {field["rest"]["name"]: field["rest"] for field in client.get("/rest/v1/leads/describe.json")["result"]}
    assert "phone" not in names
    assert names["city"]["readOnly"] is True
    answer = client.get("/rest/v1/leads.json", filterType="id", filterValues=1, fields="phone")
    assert _code(answer) == "1006"
    hidden, read_only = client.sync({"email": "a@example.com", "phone": "2"}, {"email": "a@example.com", "city": "Ulm"})
    assert (_reason(hidden), _reason(read_only)) == ("1006", "1003")
    assert client.control("POST", "people/read", {"values": [1], "fields": ["phone"]}) == [{"id": 1, "phone": "1"}]


@pytest.mark.parametrize(
    ("name", "normaliser", "sent", "stored"),
    [
        ("phone", {"normaliser": "digits"}, "(02) 12-34", "021234"),
        ("country", {"normaliser": "country_name"}, "usa", "United States"),
        ("state", {"normaliser": "map", "values": {"CA": "California"}}, "ca", "California"),
        ("city", {"normaliser": "trim"}, "  ", None),
    ],
)
def test_normalisers(client: Client, name: str, normaliser: dict, sent: str, stored: str | None) -> None:
    client.control("POST", "fields", {"name": name, **normaliser})
    client.sync({"email": "a@example.com", name: sent})
    assert client.lead(1, name)[name] == stored
    client.control("POST", "fields", {"name": name, "normaliser": None})
    client.sync({"email": "a@example.com", name: sent})
    assert client.lead(1, name)[name] == sent


# -- reads -------------------------------------------------------------------------------------------------------------


def test_default_fields_in_order_with_explicit_nulls(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    row = client.lead(1)
    assert list(row) == ["id", "email", "updatedAt", "createdAt", "lastName", "firstName"]
    assert (row["lastName"], row["createdAt"]) == (None, "2026-03-02T09:00:00Z")
    assert client.get("/rest/v1/lead/1.json", fields="unsubscribed")["result"] == [{"id": 1, "unsubscribed": False}]


def test_unknown_id(client: Client) -> None:
    assert client.get("/rest/v1/lead/9.json")["result"] == []
    client.control("POST", "settings", {"unknown_lead_is_error": True})
    assert _code(client.get("/rest/v1/lead/9.json")) == "1004"
    answer = client.get("/rest/v1/lead/null.json")
    assert answer["errors"] == [{"code": "1001", "message": 'For input string: "null" failed to convert to a number'}]


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ({"filterType": "email"}, "1003", "filterValues not specified"),
        ({"filterValues": "x"}, "1003", "filterType not specified"),
        ({"filterType": "brand", "filterValues": "x"}, "1003", "Invalid filterType 'brand'"),
        ({"filterType": "createdAt", "filterValues": "x"}, "1011", "Lookup field 'createdAt' not supported"),
        ({"filterType": "email", "filterValues": "x", "nextPageToken": "?"}, "1003", 'Invalid token value: ["?"]'),
    ],
)
def test_refused_queries(client: Client, query: dict, code: str, text: str) -> None:
    assert client.get("/rest/v1/leads.json", **query)["errors"] == [{"code": code, "message": text}]


def test_paging_by_filter(client: Client) -> None:
    _add_field(client, "team")
    client.sync(*({"email": f"p{n}@example.com", "team": "red"} for n in range(5)))
    query: dict[str, Any] = {"filterType": "team", "filterValues": "red", "batchSize": 2, "fields": "id"}
    pages = []
    while True:
        page = client.get("/rest/v1/leads.json", **query)
        pages.append([row["id"] for row in page["result"]])
        if "nextPageToken" not in page:
            break
        query["nextPageToken"] = page["nextPageToken"]
    assert pages == [[1, 2], [3, 4], [5]]
    assert _code(client.get("/rest/v1/leads.json", **{**query, "filterValues": "blue"})) == "1003"


def test_too_many_matches_and_values(client: Client) -> None:
    _add_field(client, "team")
    client.instance.seed([{"team": "red"}] * 1001)
    answer = client.get("/rest/v1/leads.json", filterType="team", filterValues="red")
    assert answer["errors"] == [{"code": "1003", "message": "Too many results match the filter"}]
    values = ",".join(map(str, range(301)))
    assert _code(client.get("/rest/v1/leads.json", filterType="id", filterValues=values)) == "1003"


# -- sync --------------------------------------------------------------------------------------------------------------


def test_actions(client: Client) -> None:
    (made,) = client.sync({"email": "a@example.com"})
    assert made == {"id": 1, "status": "created"}
    (exists,) = client.sync({"email": "A@EXAMPLE.com"}, action="createOnly")
    assert exists == {"status": "skipped", "reasons": [{"code": "1005", "message": "Lead already exists"}]}
    (missing,) = client.sync({"email": "b@example.com"}, action="updateOnly")
    assert missing["reasons"] == [{"code": "1004", "message": "Lead not found"}]
    (double,) = client.sync({"email": "a@example.com"}, action="createDuplicate")
    assert double == {"id": 2, "status": "created"}
    (ambiguous,) = client.sync({"email": "a@example.com", "city": "Ulm"})
    assert ambiguous["reasons"] == [{"code": "1007", "message": "Multiple lead match lookup criteria"}]


def test_update_by_id_may_change_the_email(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    (result,) = client.sync({"id": 1, "email": "new@example.com"}, action="updateOnly", lookupField="id")
    assert result == {"id": 1, "status": "updated"}
    assert client.lead(1)["email"] == "new@example.com"
    (refused,) = client.sync({"id": 1, "email": "x@example.com"}, lookupField="id")
    assert _reason(refused) == "1003"


def test_records_are_judged_one_by_one_in_order(client: Client) -> None:
    _add_field(client, "number", "integer")
    results = client.sync(
        {"email": "a@example.com", "number": "14.1"},
        {"email": "a@example.com", "nonsense": 1},
        {"firstName": "no key"},
        {"email": "not-an-email"},
        {"email": "ok@example.com", "number": "14"},
        {"email": "ok@example.com", "city": "second record of one person"},
        {"email": "a@example.com", "createdAt": "2020-01-01T00:00:00Z"},
    )
    assert results[0]["reasons"][0]["message"] == "Invalid value for field 'number' and value '14.1'"
    assert results[1]["reasons"] == [{"code": "1006", "message": "Field 'nonsense' not found"}]
    assert [result["status"] for result in results[2:]] == ["skipped", "skipped", "created", "updated", "skipped"]
    assert results[4]["id"] == results[5]["id"]


@pytest.mark.parametrize(
    ("name", "sent", "read"),
    [
        ("doNotCall", "true", True),
        ("doNotCall", 1, True),
        ("doNotCall", None, False),
        ("dateOfBirth", "1980-02-29", "1980-02-29"),
        ("emailSuspendedAt", "2020-08-30T05:49:48.000Z", "2020-08-30T05:49:48Z"),
        ("emailSuspendedAt", "2020-08-30T07:49:48+0200", "2020-08-30T05:49:48Z"),
        ("annualRevenue", "1000.5", 1000.5),
        ("city", "", None),
        ("city", None, None),
        ("city", " Ulm ", " Ulm "),
        ("numberOfEmployees", 12.0, 12),
    ],
)
def test_values_in_and_out(client: Client, name: str, sent: Any, read: Any) -> None:
    (result,) = client.sync({"email": "a@example.com", name: sent})
    assert result["status"] == "created"
    assert client.lead(1, name)[name] == read


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("doNotCall", "maybe"),
        ("dateOfBirth", "29.02.1980"),
        ("emailSuspendedAt", "yesterday"),
        ("annualRevenue", "much"),
        ("city", "x" * 256),
        ("city", ["Ulm"]),
        ("numberOfEmployees", 2**31),
        ("email", "é@example.com"),
    ],
)
def test_values_that_do_not_fit(client: Client, name: str, sent: Any) -> None:
    (result,) = client.sync({"lastName": "x", name: sent}, action="createDuplicate")
    assert _reason(result) == "1003"


def test_updated_at_moves_for_standard_fields_only(client: Client) -> None:
    _add_field(client, "team")
    client.sync({"email": "a@example.com"})
    client.wait(60)
    client.sync({"email": "a@example.com", "team": "red"})
    assert client.lead(1)["updatedAt"] == "2026-03-02T09:00:00Z"
    client.sync({"email": "a@example.com", "team": "red", "city": None})
    assert client.lead(1)["updatedAt"] == "2026-03-02T09:00:00Z"  # nothing changed
    client.sync({"email": "a@example.com", "city": "Ulm"})
    assert client.lead(1)["updatedAt"] == "2026-03-02T09:01:00Z"


def test_unsubscribing_is_one_per_email(client: Client) -> None:
    pair = [{"email": "a@example.com", "firstName": name} for name in ("One", "Two")]
    client.sync(*pair, action="createDuplicate")
    client.sync({"id": 1, "unsubscribed": True}, action="updateOnly", lookupField="id")
    assert client.lead(2, "unsubscribed")["unsubscribed"] is True
    client.sync({"email": "A@example.com"}, action="createDuplicate")
    assert client.lead(3, "unsubscribed")["unsubscribed"] is True
    client.sync({"id": 3, "unsubscribed": False}, action="updateOnly", lookupField="id")
    assert [client.lead(n, "unsubscribed")["unsubscribed"] for n in (1, 2, 3)] == [False, False, False]
    logged = [row["leadId"] for row in client.activities(13) if row["primaryAttributeValue"] == "Unsubscribed"]
    assert sorted(logged) == [1, 1, 2, 2, 3, 3]


def test_delete(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    answer = client.post("/rest/v1/leads/delete.json", {"input": [{"id": 1}, {"id": 7}]})
    assert [result["status"] for result in answer["result"]] == ["deleted", "skipped"]
    assert client.leads("id", 1) == []
    (again,) = client.sync({"email": "a@example.com"})
    assert again == {"id": 2, "status": "created"}  # ids are never given twice


def test_company_fields_live_on_the_company_once_linked(client: Client) -> None:
    companies = {"input": [{"externalCompanyId": "acme", "company": "Acme", "industry": "Anvils"}]}
    assert client.post("/rest/v1/companies.json", companies)["result"] == [{"seq": 0, "status": "created", "id": 1}]
    client.sync({"email": "a@example.com", "externalCompanyId": "acme"})
    assert client.lead(1, "company")["company"] == "Acme"
    (refused,) = client.sync({"email": "a@example.com", "company": "Other"})
    assert _reason(refused) == "1021"
    (detached,) = client.sync({"email": "a@example.com", "externalCompanyId": None})
    assert _reason(detached) == "1003"
    client.post("/rest/v1/companies.json", {"input": [{"externalCompanyId": "acme", "company": "Acme Inc"}]})
    assert client.lead(1, "company")["company"] == "Acme Inc"
    assert attributes(client.activities(13)[-1])["New Value"] == "Acme Inc"
    found = client.get("/rest/v1/companies.json", filterType="dedupeFields", filterValues="ACME", fields="company")
    assert found["result"] == [{"seq": 0, "id": 1, "company": "Acme Inc"}]
    in_use = client.post("/rest/v1/companies/delete.json", {"input": [{"externalCompanyId": "acme"}]})
    assert _reason(in_use["result"][0]) == "1022"
