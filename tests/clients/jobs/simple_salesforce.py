"""simple-salesforce: its logins, REST, both bulk APIs. SOAP it speaks for the login alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET, PASSWORD, SECURITY_TOKEN, USERNAME
from tests.clients.bridge import Bridge, ClientError
from tests.clients.capability import Job
from tests.clients.places import INSTANCE_HOST, MY_DOMAIN
from tests.clients.truth import Row, assert_same, control, stored
from tests.clients.worlds import CONTACTS, KEY, LEAD_FIELDS, LEADS, contact, lead

if TYPE_CHECKING:
    from tests.clients.room import Room

JOB = Job()
ALL = f"SELECT Id, {', '.join(LEAD_FIELDS)} FROM Lead"
_NEW = 450  # more than the 200 of a chunk
_BULK_SECONDS = 120  # it waits five seconds between two looks at a job


def _opened(room: Room) -> Bridge:
    return room.python("simple_salesforce", username=USERNAME, password=PASSWORD, security_token=SECURITY_TOKEN)


def _counts_leads(room: Room, **credentials: Any) -> None:
    with room.python("simple_salesforce", **credentials) as client:
        assert client("sf_instance") == INSTANCE_HOST
        assert client("query", "SELECT count() FROM Lead")["totalSize"] == LEADS


@JOB.can("login by SOAP")
def soap_login(room: Room) -> None:
    _counts_leads(room, username=USERNAME, password=PASSWORD, security_token=SECURITY_TOKEN)
    with (
        room.python("simple_salesforce", username=USERNAME, password="wrong", security_token="x") as client,
        pytest.raises(AssertionError, match="ended without an answer"),
    ):
        client("limits")


@JOB.can("login by client credentials")
def client_credentials(room: Room) -> None:
    _counts_leads(room, consumer_key=CLIENT_ID, consumer_secret=CLIENT_SECRET, domain=MY_DOMAIN)


@JOB.can("login by OAuth password grant")
def password_grant(room: Room) -> None:
    _counts_leads(
        room,
        username=USERNAME,
        password=PASSWORD + SECURITY_TOKEN,
        consumer_key=CLIENT_ID,
        consumer_secret=CLIENT_SECRET,
    )


@JOB.can("login by JWT bearer")
def jwt_bearer(room: Room) -> None:
    issued = trustme.CA().issue_cert("jwt.example", key_type=trustme.KeyType.RSA)
    certificate = issued.cert_chain_pems[0].bytes().decode()
    private_key = issued.private_key_pem.bytes().decode()
    app = {"client_id": "jwt-app", "client_secret": "s", "certificate": certificate}
    control(room.org, "POST apps", app)
    _counts_leads(room, username=USERNAME, consumer_key="jwt-app", privatekey=private_key)


@JOB.can("describe and limits")
def describes(room: Room) -> None:
    with _opened(room) as client:
        names = {sobject["name"] for sobject in client("describe")["sobjects"]}
        assert names >= {sobject.name for sobject in room.org.schema.sobjects()} - {"_"}
        fields = {field["name"]: field for field in client("Lead.describe")["fields"]}
        assert fields[KEY]["externalId"] is True
        assert client("Lead.metadata")["objectDescribe"]["name"] == "Lead"
        for name in sorted(names):
            assert client(f"{name}.describe")["name"] == name
        assert client("limits")["DailyApiRequests"]["Max"] == room.org.usage.maximum


@JOB.can("queries in pages, deleted rows included")
def queries(room: Room) -> None:
    with _opened(room) as client:
        assert_same(client("query_all", ALL)["records"], [lead(n) for n in range(LEADS)], KEY)
        assert_same(client("query_all_iter", ALL), [lead(n) for n in range(LEADS)], KEY)
        first = client("query", ALL)
        assert (first["totalSize"], first["done"]) == (LEADS, False)
        more = client("query_more", first["nextRecordsUrl"], kwargs={"identifier_is_url": True})
        assert len(first["records"]) + len(more["records"]) == LEADS
        gone = first["records"][0]["Id"]
        assert client("Lead.delete", gone) == 204
        left = client("query_all", "SELECT Id FROM Lead WHERE IsDeleted = true", kwargs={"include_deleted": True})
        assert [row["Id"] for row in left["records"]] == [gone]
        joined = client("query", "SELECT Name, Account.Name FROM Contact ORDER BY LastName LIMIT 1")["records"][0]
        assert (joined["Name"], joined["Account"]["Name"]) == ("Berg 00000", "Firm 000")


@JOB.can("search")
def search(room: Room) -> None:
    with _opened(room) as client:
        found = client("quick_search", lead(7)["Email"])["searchRecords"]
        assert [row["Id"] for row in found] == [
            row["Id"] for row in stored(room.org, "Lead", ["Id"], f"\"{KEY}\" = 'L00007'")
        ]


@JOB.can("create, read, update, upsert, delete")
def records(room: Room) -> None:
    with _opened(room) as client:
        made = client("Lead.create", lead(90_000))["id"]
        assert_same([client("Lead.get", made)], [lead(90_000)], KEY)
        assert client("Lead.update", made, {"LastName": "Müller"}) == 204
        assert client("Lead.upsert", f"{KEY}/L90000", {"FirstName": None}) in (200, 204)
        assert client("Lead.upsert", f"{KEY}/X/ä", {"LastName": "Lind", "Company": "c"}) == 201
        assert client("Lead.get_by_custom_id", KEY, "L90000")["LastName"] == "Müller"
        assert client("Lead.delete", made) == 204
        for call, args, name in (
            ("Lead.get", [made], "SalesforceResourceNotFound"),
            ("Lead.create", [{"LastName": "no company"}], "SalesforceMalformedRequest"),
        ):
            with pytest.raises(ClientError) as refused:
                client(call, *args)
            assert refused.value.said["name"] == name
    keys = f"\"{KEY}\" IN ('L90000', 'X/ä')"
    assert stored(room.org, "Lead", [KEY, "LastName"], f"{keys} AND IsDeleted = 0") == [
        {KEY: "X/ä", "LastName": "Lind"}
    ]


@JOB.can("updated and deleted records of a time span")
def replication(room: Room) -> None:
    with _opened(room) as client:
        changed, gone = (client("Lead.get_by_custom_id", KEY, f"L{n:05}")["Id"] for n in (1, 2))
        client("Lead.update", changed, {"City": "Ulm"})
        client("Lead.delete", gone)
        now = room.org.clock.now()
        control(room.org, "POST clock", {"advance_seconds": 120})
        span = [(now + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S%z") for minutes in (-10, 1)]
        assert client("restful", "sobjects/Lead/updated", {"start": span[0], "end": span[1]})["ids"] == [changed]
        told = client("restful", "sobjects/Lead/deleted", {"start": span[0], "end": span[1]})
        assert [entry["id"] for entry in told["deletedRecords"]] == [gone]


@JOB.can("composite resources")
def composites(room: Room) -> None:
    many = {"allOrNone": False, "records": [{"attributes": {"type": "Lead"}, **lead(90_000 + n)} for n in range(200)]}
    parts = [
        {"method": "POST", "url": "/services/data/v59.0/sobjects/Account", "referenceId": "a", "body": {"Name": "New"}},
        {
            "method": "POST",
            "url": "/services/data/v59.0/sobjects/Contact",
            "referenceId": "c",
            "body": {**contact(90_000), "AccountId": "@{a.id}"},
        },
    ]
    tree = {"records": [{"attributes": {"type": "Account", "referenceId": "t"}, "Name": "Tree"}]}
    with _opened(room) as client:
        results = client("restful", "composite/sobjects", kwargs={"method": "POST", "json": many})
        assert [result["success"] for result in results] == [True] * 200
        answers = client("restful", "composite", kwargs={"method": "POST", "json": {"compositeRequest": parts}})
        assert [part["httpStatusCode"] for part in answers["compositeResponse"]] == [201, 201]
        planted = client("restful", "composite/tree/Account", kwargs={"method": "POST", "json": tree})
        assert planted["hasErrors"] is False
    assert len(stored(room.org, "Lead", ["Id"])) == LEADS + 200
    account = answers["compositeResponse"][0]["body"]["id"]
    assert stored(room.org, "Contact", [KEY], f"AccountId = '{account}'") == [{KEY: contact(90_000)[KEY]}]


@JOB.can("Bulk API 1.0: insert, upsert, update, delete", within_seconds=_BULK_SECONDS)
def bulk1_load(room: Room) -> None:
    rows = [lead(90_000 + n) for n in range(_NEW)]
    with _opened(room) as client:
        made = client("bulk.Lead.insert", [*rows, {"LastName": "no company"}], kwargs={"batch_size": 200})
        assert [result["success"] for result in made] == [True] * _NEW + [False]
        assert made[-1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
        assert_same(_of_ids(room, [result["id"] for result in made[:-1]]), rows, KEY)
        changes = [{KEY: row[KEY], "LastName": "Upserted", "Company": "c"} for row in rows[:10]]
        changes.append({KEY: "new", "LastName": "Upserted", "Company": "c"})
        upserted = client("bulk.Lead.upsert", changes, KEY, kwargs={"use_serial": True})
        assert [result["created"] for result in upserted] == [False] * 10 + [True]
        ids = [result["id"] for result in made[:-1]]
        client("bulk.Lead.update", [{"Id": record_id, "City": "Ulm"} for record_id in ids])
        assert {row["City"] for row in _of_ids(room, ids, "City")} == {"Ulm"}
        deleted = client("bulk.Lead.delete", [{"Id": record_id} for record_id in ids])
        assert all(result["success"] for result in deleted)
    assert len(stored(room.org, "Lead", ["Id"])) == LEADS + 1


@JOB.can("Bulk API 1.0: query, deleted rows included", within_seconds=_BULK_SECONDS)
def bulk1_query(room: Room) -> None:
    with _opened(room) as client:
        assert_same(_flat(client("bulk.Lead.query", ALL)), [lead(n) for n in range(LEADS)], KEY)
        gone = client("Lead.get_by_custom_id", KEY, "L00003")["Id"]
        client("Lead.delete", gone)
        left = _flat(client("bulk.Lead.query_all", "SELECT Id, IsDeleted FROM Lead WHERE IsDeleted = true"))
        assert [(row["Id"], row["IsDeleted"]) for row in left] == [(gone, True)]


@JOB.can("Bulk API 2.0: insert, upsert, update, delete", within_seconds=_BULK_SECONDS)
def bulk2_load(room: Room) -> None:
    rows = [{name: value for name, value in lead(90_000 + n).items() if value is not None} for n in range(_NEW)]
    alike = [{**dict.fromkeys(LEAD_FIELDS), **row} for row in rows]
    with _opened(room) as client:
        jobs = client(
            "bulk2.Lead.insert", kwargs={"records": [*alike, {**alike[0], "Company": None, KEY: "bad"}], "wait": 1}
        )
        (job,) = jobs
        assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (_NEW + 1, 1)
        made = _csv(client("bulk2.Lead.get_successful_records", job["job_id"]))
        assert_same(_of_ids(room, [row["sf__Id"] for row in made]), [lead(90_000 + n) for n in range(_NEW)], KEY)
        (failed,) = _csv(client("bulk2.Lead.get_failed_records", job["job_id"]))
        assert failed["sf__Error"].startswith("REQUIRED_FIELD_MISSING")
        assert _csv(client("bulk2.Lead.get_unprocessed_records", job["job_id"])) == []
        changes = [{KEY: row[KEY], "LastName": "Upserted", "Company": "c"} for row in [*rows[:10], {KEY: "new"}]]
        (job,) = client("bulk2.Lead.upsert", kwargs={"records": changes, "external_id_field": KEY, "wait": 1})
        created = [row["sf__Created"] for row in _csv(client("bulk2.Lead.get_successful_records", job["job_id"]))]
        assert created == ["false"] * 10 + ["true"]
        ids = [row["sf__Id"] for row in made]
        client("bulk2.Lead.update", kwargs={"records": [{"Id": i, "City": "Ulm"} for i in ids], "wait": 1})
        assert {row["City"] for row in _of_ids(room, ids, "City")} == {"Ulm"}
        (job,) = client("bulk2.Lead.delete", kwargs={"records": [{"Id": i} for i in ids], "wait": 1})
        assert job["numberRecordsFailed"] == 0
    assert len(stored(room.org, "Lead", ["Id"])) == LEADS + 1


@JOB.can("Bulk API 2.0: query in pages, deleted rows included", within_seconds=_BULK_SECONDS)
def bulk2_query(room: Room) -> None:
    with _opened(room) as client:
        pages = client("bulk2.Lead.query", ALL, kwargs={"max_records": 1000, "wait": 1})
        assert len(pages) == 3
        assert_same((row for page in pages for row in _csv(page)), [lead(n) for n in range(LEADS)], KEY)
        wanted = f"SELECT {KEY}, Account.Name FROM Contact"
        (page,) = client("bulk2.Contact.query", wanted, kwargs={"wait": 1})
        firms = [{KEY: contact(n)[KEY], "Account.Name": f"Firm {n % 300:03}"} for n in range(CONTACTS)]
        assert_same(_csv(page), firms, KEY)
        gone = client("Lead.get_by_custom_id", KEY, "L00003")["Id"]
        client("Lead.delete", gone)
        (page,) = client("bulk2.Lead.query_all", "SELECT Id FROM Lead WHERE IsDeleted = true", kwargs={"wait": 1})
        assert _csv(page) == [{"Id": gone}]


def _of_ids(room: Room, ids: Iterable[str], *fields: str) -> list[Row]:
    wanted = ", ".join(f"'{record_id}'" for record_id in ids)
    return stored(room.org, "Lead", ["Id", *(fields or LEAD_FIELDS)], f"Id IN ({wanted})")


def _flat(answer: Any) -> list[Row]:
    """Rows, whether or not they come in a list for each batch."""
    return [row for part in answer for row in (part if isinstance(part, list) else [part])]


def _csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))
