"""jsforce 3.10 from npm, unmodified, over HTTP. What it cannot do is a defect of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET, PASSWORD, SECURITY_TOKEN, USERNAME
from tests.clients.node import ClientError, NodeClient
from tests.sandbox.salesforce_client import START

CLIENT = "jsforce"
LEAD = {"LastName": "Lind", "Company": "Acme", "Email": "ada@x.example"}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[SalesforceOrg, NodeClient]]:
    org = SalesforceOrg(clock=SandboxClock(frozen_at=START))
    org.add_field("Lead", {"name": "Ext__c", "external_id": True, "unique": True})
    with serve(org) as url, NodeClient(CLIENT, url) as client:
        yield org, client


@pytest.fixture
def org(served: tuple[SalesforceOrg, NodeClient]) -> SalesforceOrg:
    served[0].control.reset()
    return served[0]


@pytest.fixture
def client(served: tuple[SalesforceOrg, NodeClient], org: SalesforceOrg) -> NodeClient:
    served[1]("login", USERNAME, PASSWORD + SECURITY_TOKEN)
    return served[1]


def _made(client: NodeClient, kind: str, **fields: Any) -> str:
    made = client("create", fields, on=kind)
    assert made["success"] is True
    return str(made["id"])


def test_a_login_by_soap_and_who_that_is(client: NodeClient, org: SalesforceOrg) -> None:
    info = client("login", USERNAME, PASSWORD)
    assert info["organizationId"] == org.auth.organization_id
    assert client("identity")["username"] == USERNAME
    with pytest.raises(ClientError, match="INVALID_LOGIN"):
        client("login", USERNAME, "wrong")


def test_a_login_by_oauth(org: SalesforceOrg) -> None:
    with serve(org) as url, NodeClient(CLIENT, url, CLIENT_ID, CLIENT_SECRET) as client:
        client("login", USERNAME, PASSWORD)
        assert client("identity")["user_id"] == org.people.user_id(USERNAME)
        assert client("limits")["DailyApiRequests"]["Max"] == 100_000
        client("logout")
        assert org.auth.expire_all() == 0  # revoked


def test_describes(client: NodeClient) -> None:
    names = {sobject["name"] for sobject in client("describeGlobal")["sobjects"]}
    assert {"Lead", "Contact", "Account", "Opportunity", "Task", "Group"} <= names
    fields = {field["name"]: field for field in client("describe", on="Lead")["fields"]}
    assert fields["ConvertedOpportunityId"]["referenceTo"] == ["Opportunity"]
    assert fields["Ext__c"]["externalId"] is True


def test_records_alone_and_many_at_once(client: NodeClient) -> None:
    lead = _made(client, "Lead", **LEAD)
    assert client("retrieve", lead, on="Lead")["LastName"] == "Lind"
    assert client("update", {"Id": lead, "City": "Ulm"}, on="Lead")["success"] is True
    assert client("upsert", {"Ext__c": "X", "LastName": "x", "Company": "c"}, "Ext__c", on="Lead")["created"] is True
    assert client("upsert", {"Ext__c": "X", "City": "Bern"}, "Ext__c", on="Lead")["success"] is True
    results = client("create", [LEAD, {"LastName": "no company"}], on="Lead")
    assert [result["success"] for result in results] == [True, False]
    assert results[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    both = [lead, results[0]["id"]]
    assert [row["City"] for row in client("retrieve", both, on="Lead")] == ["Ulm", None]
    upserted = client("upsert", [{"Ext__c": "X", "City": "Wien"}, {**LEAD, "Ext__c": "Y"}], "Ext__c", on="Lead")
    assert [result["created"] for result in upserted] == [False, True]
    assert [result["success"] for result in client("destroy", both, on="Lead")] == [True, True]
    with pytest.raises(ClientError) as gone:
        client("update", {"Id": lead, "City": "Bern"}, on="Lead")
    assert gone.value.said["errorCode"] == "ENTITY_IS_DELETED"


def test_a_duplicate_is_told_with_what_was_found(client: NodeClient, org: SalesforceOrg) -> None:
    org.rule_book.put("duplicate_rules", [{"object": "Lead", "fields": ["Email"]}])
    lead = _made(client, "Lead", **LEAD)
    with pytest.raises(ClientError) as refused:
        client("create", LEAD, on="Lead")
    assert refused.value.said["errorCode"] == "DUPLICATES_DETECTED"
    found = refused.value.said["data"]["duplicateResut"]["matchResults"][0]["matchRecords"][0]["record"]["Id"]
    assert found == lead
    allowed = {"headers": {"Sforce-Duplicate-Rule-Header": "allowSave=true"}}
    assert client("create", LEAD, allowed, on="Lead")["success"] is True


def test_queries_in_pages_by_hand_and_by_itself(client: NodeClient, org: SalesforceOrg) -> None:
    org.seed("Lead", [{"LastName": f"n{n:04}", "Company": "c"} for n in range(2500)])
    soql = "SELECT LastName, Owner.Name FROM Lead ORDER BY LastName"
    first = client("query", soql)
    assert (first["totalSize"], len(first["records"]), first["done"]) == (2500, 2000, False)
    rest = client("queryMore", first["nextRecordsUrl"])
    assert (len(rest["records"]), rest["done"]) == (500, True)
    fetched = client("query", soql, {"autoFetch": True, "maxFetch": 2500})
    assert [row["LastName"] for row in fetched["records"]] == [f"n{n:04}" for n in range(2500)]
    lead = _made(client, "Lead", **LEAD)
    client("destroy", lead, on="Lead")
    deleted = client("query", "SELECT Id, IsDeleted FROM Lead WHERE IsDeleted = true", {"scanAll": True})
    assert [(row["Id"], row["IsDeleted"]) for row in deleted["records"]] == [(lead, True)]


def test_updated_and_deleted(client: NodeClient, org: SalesforceOrg) -> None:
    kept, gone = _made(client, "Lead", **LEAD), _made(client, "Lead", **LEAD)
    client("destroy", gone, on="Lead")
    org.clock.advance(180)
    span = [(START + timedelta(minutes=minutes)).isoformat() for minutes in (-5, 2)]
    assert client("updated", *span, on="Lead")["ids"] == [kept]
    assert [entry["id"] for entry in client("deleted", *span, on="Lead")["deletedRecords"]] == [gone]


def test_bulk_jobs(client: NodeClient) -> None:
    rows = [{"LastName": f"n{n}", "Company": 'Ä, "c"'} for n in range(3)]
    wanted = {"object": "Lead", "operation": "insert", "input": [*rows, {"LastName": "", "Company": "c"}]}
    results = client("bulk2.loadAndWaitForResults", wanted)
    assert len(results["successfulResults"]) == 3
    assert results["failedResults"][0]["sf__Error"].startswith("REQUIRED_FIELD_MISSING")
    assert results["unprocessedRecords"] == []
    found = client("bulk2.query", "SELECT LastName, Company FROM Lead", within="stream")
    assert sorted((row["LastName"], row["Company"]) for row in found) == [(f"n{n}", 'Ä, "c"') for n in range(3)]


def test_bulk_loads_of_version_1(client: NodeClient, org: SalesforceOrg) -> None:
    rows = [{"LastName": f"n{n}", "Company": 'Ä, "c"', "Ext__c": f"x{n}"} for n in range(3)]
    made = client("bulk.load", "Lead", "insert", [*rows, {"LastName": "no company"}])
    assert [result["success"] for result in made] == [True, True, True, False]
    assert made[3]["errors"][0].startswith("REQUIRED_FIELD_MISSING")
    ids = [result["id"] for result in made[:3]]
    changed = client("bulk.load", "Lead", "update", [{"Id": ids[0], "City": "Ulm", "Company": None}, {"Id": ids[1]}])
    assert [result["success"] for result in changed] == [False, True]
    # The client takes the columns from the first record.
    fixed = {"Company": "c", "City": "Ulm"}
    more = [{"Ext__c": key, "LastName": name, **fixed} for key, name in (("x0", "n0"), ("x9", "n9"))]
    upserted = client("bulk.load", "Lead", "upsert", {"extIdField": "Ext__c", "concurrencyMode": "Serial"}, more)
    assert [result["created"] for result in upserted] == [False, True]
    found = client("bulk.query", "SELECT LastName, City FROM Lead ORDER BY LastName", within="stream")
    assert [(row["LastName"], row["City"]) for row in found][::3] == [("n0", "Ulm"), ("n9", "Ulm")]
    assert client("bulk.load", "Lead", "delete", [{"Id": ids[0]}])[0]["success"] is True
    assert client("bulk.load", "Lead", "hardDelete", [{"Id": ids[1]}])[0]["success"] is True
    org.people.set_rights(org.people.user_id(USERNAME), {"permissions": []})
    with pytest.raises(ClientError) as refused:
        client("bulk.load", "Lead", "hardDelete", [{"Id": ids[2]}])
    assert refused.value.said["errorCode"] == "FeatureNotEnabled"


def test_bulk_loads_of_version_2(client: NodeClient, org: SalesforceOrg) -> None:
    def load(operation: str, rows: list[dict[str, Any]], **more: str) -> Any:
        wanted = {"object": "Lead", "operation": operation, "input": rows, **more}
        return client("bulk2.loadAndWaitForResults", wanted)

    made = load("insert", [{"LastName": f"n{n}", "Company": "c", "Ext__c": f"x{n}"} for n in range(3)])
    ids = [row["sf__Id"] for row in made["successfulResults"]]
    changed = load("update", [{"Id": ids[0], "Email": ""}, {"Id": ids[1], "Email": "nope"}])
    assert [row["sf__Id"] for row in changed["failedResults"]] == [ids[1]]
    rows = [{"Ext__c": key, "LastName": name, "Company": "c"} for key, name in (("x0", "n0"), ("x9", "n9"))]
    upserted = load("upsert", rows, externalIdFieldName="Ext__c")
    assert sorted(row["sf__Created"] for row in upserted["successfulResults"]) == ["false", "true"]
    assert len(load("delete", [{"Id": ids[0]}])["successfulResults"]) == 1
    assert len(load("hardDelete", [{"Id": ids[1]}])["successfulResults"]) == 1
    found = client("bulk2.query", "SELECT LastName, IsDeleted FROM Lead", {"scanAll": True}, within="stream")
    assert sorted((row["LastName"], row["IsDeleted"]) for row in found) == [
        ("n0", "true"),
        ("n2", "false"),
        ("n9", "false"),
    ]
    org.people.set_rights(org.people.user_id(USERNAME), {"permissions": []})
    with pytest.raises(ClientError) as refused:
        load("hardDelete", [{"Id": ids[2]}])
    assert refused.value.said["errorCode"] == "FEATURENOTENABLED"


def test_a_session_is_renewed_in_bulk(client: NodeClient, org: SalesforceOrg) -> None:
    org.auth.expire_all()
    made = client("bulk.load", "Lead", "insert", [LEAD])
    assert made[0]["success"] is True


def test_converting_merging_and_undeleting(client: NodeClient) -> None:
    lead = _made(client, "Lead", **LEAD)
    convert = {"leadId": lead, "convertedStatus": "Closed - Converted", "doNotCreateOpportunity": True}
    done = client("soap.convertLead", convert)
    assert (done["success"], done["opportunityId"], done["errors"]) == (True, None, [])
    assert client("retrieve", done["contactId"], on="Contact")["AccountId"] == done["accountId"]
    (again,) = client("soap.convertLead", [convert])
    assert [error["statusCode"] for error in again["errors"]] == ["CANNOT_UPDATE_CONVERTED_LEAD"]

    master, loser = (_made(client, "Lead", **LEAD, Title=title) for title in ("a", "b"))
    wanted = {"masterRecord": {"type": "Lead", "Id": master, "City": "Ulm"}, "recordToMergeIds": [loser]}
    merged = client("soap.merge", wanted)
    assert (merged["id"], merged["mergedRecordIds"], merged["success"]) == (master, [loser], True)
    assert client("retrieve", master, on="Lead")["City"] == "Ulm"

    (undeleted,) = client("soap.undelete", [loser])
    assert (undeleted["id"], undeleted["success"]) == (loser, True)
    client("destroy", loser, on="Lead")
    (emptied,) = client("soap.emptyRecycleBin", [loser])
    assert emptied["success"] is True


def test_rows_by_soap_and_the_small_calls(client: NodeClient, org: SalesforceOrg) -> None:
    made = client("soap.create", [{"type": "Lead", **LEAD}, {"type": "Lead", "LastName": "x"}])
    assert [result["success"] for result in made] == [True, False]
    change = {"type": "Lead", "Id": made[0]["id"], "Email": None, "City": "<Ulm>"}
    assert client("soap.update", change)["success"] is True
    row = client("retrieve", made[0]["id"], on="Lead")
    assert (row["Email"], row["City"]) == (None, "<Ulm>")
    assert client("soap.delete", made[0]["id"])["success"] is True
    assert client("soap.getUserInfo")["userName"] == USERNAME
    assert client("soap.getServerTimestamp")["timestamp"] == org.stamp().replace("+0000", "Z")


def test_an_expired_session_is_renewed_in_rest_and_soap(client: NodeClient, org: SalesforceOrg) -> None:
    org.auth.expire_all()
    assert client("query", "SELECT Id FROM Lead")["totalSize"] == 0
    org.auth.expire_all()
    assert client("soap.getUserInfo")["userName"] == USERNAME


def test_several_matches_of_a_key(client: NodeClient) -> None:
    for _ in range(2):
        _made(client, "Contact", LastName="n", Email="same@x.example")
    with pytest.raises(ClientError) as several:
        client("upsert", {"Email": "same@x.example", "Title": "t"}, "Email", on="Contact")
    assert several.value.said["name"] == "MULTIPLE_CHOICES"


def test_a_search(client: NodeClient) -> None:
    lead = _made(client, "Lead", **LEAD)
    found = client("search", "FIND {lind} RETURNING Lead(Id, LastName)")
    assert [(record["Id"], record["LastName"]) for record in found["searchRecords"]] == [(lead, "Lind")]
    with pytest.raises(ClientError, match="No search term found"):
        client("search", "FIND lind")
