"""jsforce: query, both bulk APIs, SOAP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET, PASSWORD, SECURITY_TOKEN, USERNAME
from tests.clients.capability import Job
from tests.clients.node import ClientError, NodeClient
from tests.clients.places import INSTANCE, LOGIN
from tests.clients.truth import assert_same, stored
from tests.clients.worlds import ACCOUNTS, CONTACTS, KEY, LEAD_FIELDS, LEADS, contact, lead

if TYPE_CHECKING:
    from tests.clients.room import Room

JOB = Job()
_ALL = f"SELECT Id, {', '.join(LEAD_FIELDS)} FROM Lead"
_LEADS = [lead(n) for n in range(LEADS)]
_NEW = 450


def _opened(room: Room) -> NodeClient:
    client = NodeClient("jsforce", LOGIN, errors=room.log)
    client("login", USERNAME, PASSWORD + SECURITY_TOKEN)
    return client


@JOB.can("login by SOAP, and by OAuth")
def logins(room: Room) -> None:
    with NodeClient("jsforce", LOGIN, errors=room.log) as client:
        with pytest.raises(ClientError, match="INVALID_LOGIN"):
            client("login", USERNAME, "wrong")
        info = client("login", USERNAME, PASSWORD + SECURITY_TOKEN)
        assert info["id"] == room.org.people.user_id(USERNAME)
        assert client("identity")["username"] == USERNAME
        client("logout")
    with NodeClient("jsforce", LOGIN, CLIENT_ID, CLIENT_SECRET, errors=room.log) as client:
        client("login", USERNAME, PASSWORD + SECURITY_TOKEN)
        assert client("identity")["user_id"] == room.org.people.user_id(USERNAME)
        client("logout")
    with NodeClient("jsforce", INSTANCE, CLIENT_ID, CLIENT_SECRET, errors=room.log) as client:
        client("authorize", {"grant_type": "client_credentials"})
        assert client("query", "SELECT count() FROM Lead")["totalSize"] == LEADS


@JOB.can("describe, limits")
def describes(room: Room) -> None:
    with _opened(room) as client:
        for sobject in client("describeGlobal")["sobjects"]:
            assert client("describe", on=sobject["name"])["keyPrefix"] == sobject["keyPrefix"]
        assert client("limits")["DailyApiRequests"]["Max"] == room.org.usage.maximum


@JOB.can("query: pages by hand, by itself, as a stream")
def queries(room: Room) -> None:
    with _opened(room) as client:
        first = client("query", _ALL)
        assert (first["totalSize"], len(first["records"]), first["done"]) == (LEADS, 2000, False)
        rest = client("queryMore", first["nextRecordsUrl"])
        assert_same([*first["records"], *rest["records"]], _LEADS, KEY)
        fetched = client("query", _ALL, {"autoFetch": True, "maxFetch": 10_000})
        assert_same(fetched["records"], _LEADS, KEY)
        nested = "SELECT Name, (SELECT LastName FROM Contacts) FROM Account ORDER BY Name"
        firms = client("query", nested, {"autoFetch": True})["records"]
        assert len(firms) == ACCOUNTS
        assert sum(len(firm["Contacts"]["records"]) for firm in firms) == CONTACTS
        found = client("find", {KEY: {"$in": ["L00001", "L00002"]}}, LEAD_FIELDS, on="Lead")
        assert_same(found, _LEADS[1:3], KEY)
        client("destroy", first["records"][0]["Id"], on="Lead")
        gone = client("query", "SELECT Id FROM Lead WHERE IsDeleted = true", {"scanAll": True})
        assert [row["Id"] for row in gone["records"]] == [first["records"][0]["Id"]]


@JOB.can("create, read, update, upsert, delete, alone and many at once")
def records(room: Room) -> None:
    rows = [lead(90_000 + n) for n in range(_NEW)]
    with _opened(room) as client:
        made = client("create", rows, {"allowRecursive": True}, on="Lead")
        assert [result["success"] for result in made] == [True] * _NEW
        ids = [result["id"] for result in made]
        assert_same(client("retrieve", ids[:100], on="Lead"), rows[:100], KEY)
        one = client("upsert", {KEY: "L90000", "LastName": "Müller"}, KEY, on="Lead")
        assert one["success"] is True
        changes = [{"Id": record_id, "City": "Ulm"} for record_id in ids]
        client("update", changes, {"allowRecursive": True}, on="Lead")
        where = f"\"{KEY}\" LIKE 'L9%'"
        assert {row["City"] for row in stored(room.org, "Lead", ["City"], where)} == {"Ulm"}
        results = client("create", [lead(99_998), {"LastName": "no company"}], on="Lead")
        assert results[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
        assert all(result["success"] for result in client("destroy", ids, {"allowRecursive": True}, on="Lead"))
    assert len(stored(room.org, "Lead", ["Id"])) == LEADS + 1


@JOB.can("Bulk API 1.0: load and query", within_seconds=120)
def bulk1(room: Room) -> None:
    rows = [lead(90_000 + n) for n in range(_NEW)]
    with _opened(room) as client:
        made = client("bulk.load", "Lead", "insert", [*_csv_rows(rows), {"LastName": "no company"}])
        assert [result["success"] for result in made] == [True] * _NEW + [False]
        upserted = client("bulk.load", "Lead", "upsert", {"extIdField": KEY}, [{KEY: "L90000", "LastName": "Upserted"}])
        assert [result["success"] for result in upserted] == [True]
        stream = client("bulk.query", _ALL, within="stream")
        wanted = [*_LEADS, {**rows[0], "LastName": "Upserted"}, *rows[1:]]
        assert_same(stream, wanted, KEY)
        ids = [{"Id": result["id"]} for result in made[:-1]]
        assert all(result["success"] for result in client("bulk.load", "Lead", "delete", ids))
    assert len(stored(room.org, "Lead", ["Id"])) == LEADS


@JOB.can("Bulk API 2.0: load and query")
def bulk2(room: Room) -> None:
    rows = [lead(90_000 + n) for n in range(_NEW)]
    wanted = {
        "object": "Lead",
        "operation": "insert",
        "input": [*_csv_rows(rows), {KEY: "bad", "LastName": "no company"}],
    }
    with _opened(room) as client:
        results = client("bulk2.loadAndWaitForResults", wanted)
        assert_same(results["successfulResults"], rows, KEY)
        assert [row[KEY] for row in results["failedResults"]] == ["bad"]
        changes = [{KEY: row[KEY], "LastName": "Upserted"} for row in rows]
        upsert = {"object": "Lead", "operation": "upsert", "externalIdFieldName": KEY, "input": changes}
        assert len(client("bulk2.loadAndWaitForResults", upsert)["successfulResults"]) == _NEW
        found = client("bulk2.query", _ALL, within="stream")
        assert_same(found, [*_LEADS, *({**row, "LastName": "Upserted"} for row in rows)], KEY)
        ids = [{"Id": row["sf__Id"]} for row in results["successfulResults"]]
        client("bulk2.loadAndWaitForResults", {"object": "Lead", "operation": "delete", "input": ids})
    assert len(stored(room.org, "Lead", ["Id"])) == LEADS


@JOB.can("SOAP: create, update, upsert, query, delete, undelete")
def soap_records(room: Room) -> None:
    new = [
        {"type": "Contact", **{name: value for name, value in contact(90_000 + n).items() if value}} for n in range(3)
    ]
    with _opened(room) as client:
        made = client("soap.create", new)
        assert [result["success"] for result in made] == [True] * 3
        ids = [result["id"] for result in made]
        assert client("soap.update", {"type": "Contact", "Id": ids[0], "Title": "<Dr & Co>"})["success"] is True
        upserted = client("soap.upsert", KEY, [{"type": "Contact", KEY: "C90001", "LastName": "Upserted"}])
        assert [result["created"] for result in upserted] == [False]
        where = f"\"{KEY}\" IN ('C90000', 'C90001')"
        kept = stored(room.org, "Contact", [KEY, "LastName", "Title"], f"{where} AND IsDeleted = 0")
        assert {row[KEY]: row["LastName"] for row in kept} == {"C90000": "Berg 90000", "C90001": "Upserted"}
        assert {row["Title"] for row in kept} >= {"<Dr & Co>"}
        assert client("soap.delete", ids[2])["success"] is True
        assert client("soap.undelete", [ids[2]])[0]["success"] is True
    assert len(stored(room.org, "Contact", ["Id"])) == CONTACTS + 3


@JOB.can("SOAP: convertLead, merge, getUserInfo, getServerTimestamp, logout")
def soap_life(room: Room) -> None:
    with _opened(room) as client:
        first, second, third = (_id(client, f"L{n:05}") for n in (1, 2, 3))
        convert: dict[str, Any] = {
            "leadId": first,
            "convertedStatus": "Closed - Converted",
            "doNotCreateOpportunity": True,
        }
        converted = client("soap.convertLead", convert)
        assert converted["success"] is True
        assert stored(room.org, "Contact", ["Email"], f"Id = '{converted['contactId']}'") == [
            {"Email": lead(1)["Email"]}
        ]
        merge = {"masterRecord": {"type": "Lead", "Id": second, "City": "Ulm"}, "recordToMergeIds": [third]}
        assert client("soap.merge", merge)["success"] is True
        masters = stored(room.org, "Lead", ["MasterRecordId"], f"Id = '{third}'")
        assert masters == [{"MasterRecordId": second}]
        assert client("soap.getUserInfo")["userName"] == USERNAME
        assert client("soap.getServerTimestamp")["timestamp"]
        client("logout")


def _id(client: NodeClient, key: str) -> str:
    (row,) = client("query", f"SELECT Id FROM Lead WHERE {KEY} = '{key}'")["records"]
    return str(row["Id"])


def _csv_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with an empty cell for what is null: the client makes CSV of them."""
    return [{name: "" if value is None else value for name, value in row.items()} for row in rows]
