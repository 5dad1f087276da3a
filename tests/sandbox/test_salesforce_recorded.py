"""The org beside what real orgs were recorded to answer: describes of API v59, collections."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client
from tests.sandbox.soap_client import codes, soap

DESCRIBE_KEYS = (
    "actionOverrides activateable associateEntityType associateParentEntity childRelationships compactLayoutable "
    "createable custom customSetting deepCloneable defaultImplementation deletable deprecatedAndHidden extendedBy "
    "extendsInterfaces feedEnabled fields hasSubtypes implementedBy implementsInterfaces isInterface isSubtype "
    "keyPrefix label labelPlural layoutable listviewable lookupLayoutable mergeable mruEnabled name namedLayoutInfos "
    "networkScopeFieldName queryable recordTypeInfos replicateable retrieveable searchLayoutable searchable "
    "sobjectDescribeOption supportedScopes triggerable undeletable updateable urls"
).split()


@pytest.fixture
def client():
    return fresh_client()


def described(client: Client, sobject: str) -> Any:
    return client.call("GET", f"sobjects/{sobject}/describe")[1]


def test_a_describe_has_its_members_in_the_order_recorded(client):
    """ "sObject Describe" of the REST API Developer Guide: members stand in the order of the alphabet."""
    assert list(described(client, "Lead")) == DESCRIBE_KEYS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Account.Id", {"label": "Account ID"}),
        ("Account.Fax", {"label": "Account Fax"}),
        ("Account.BillingState", {"label": "Billing State/Province"}),
        ("Account.MasterRecordId", {"permissionable": False, "searchPrefilterable": False}),
        ("Account.LastActivityDate", {"label": "Last Activity", "permissionable": False}),
        ("Contact.AccountId", {"cascadeDelete": False, "searchPrefilterable": True, "permissionable": True}),
        ("Contact.FirstName", {"permissionable": False, "extraTypeInfo": "personname"}),
        ("Contact.EmailBouncedDate", {"permissionable": False}),
        ("Lead.LastName", {"extraTypeInfo": "personname"}),
        ("Lead.ConvertedDate", {"permissionable": False}),
        ("Lead.DoNotCall", {"permissionable": True}),
        ("Opportunity.ContactId", {"relationshipName": None, "createable": True, "updateable": False}),
        ("Opportunity.ExpectedRevenue", {"permissionable": True, "label": "Expected Amount"}),
        ("Opportunity.ForecastCategory", {"nillable": False}),
        ("Opportunity.FiscalYear", {"compoundFieldName": "Fiscal", "digits": 8, "type": "int"}),
        ("Opportunity.HasOpenActivity", {"filterable": False, "sortable": False, "groupable": True}),
        ("Event.Subject", {"groupable": False, "filterable": True, "permissionable": False}),
        ("Event.WhatId", {"label": "Related To ID"}),
    ],
)
def test_a_field_is_described_as_recorded(client, name, expected):
    """ "DescribeSObjectResult: Field" of the SOAP API Developer Guide."""
    sobject, _, field = name.partition(".")
    (told,) = (one for one in described(client, sobject)["fields"] if one["name"] == field)
    assert {key: told[key] for key in expected} == expected


def test_nobody_is_the_child_of_who_won_a_merge_and_shares_go_with_their_record(client):
    """ "DescribeSObjectResult: ChildRelationship" of the SOAP API Developer Guide."""
    children = {(c["childSObject"], c["field"]): c for c in described(client, "Contact")["childRelationships"]}
    assert ("Contact", "MasterRecordId") not in children
    assert children["ContactShare", "ContactId"]["cascadeDelete"] is True
    assert children["Opportunity", "ContactId"]["relationshipName"] == "Opportunities"


def test_the_activities_of_a_record_go_and_come_back_with_it(client):
    """ "DescribeSObjectResult: ChildRelationship": Task and Event are recorded with cascadeDelete on Who and What."""
    account = client.create("Account", Name="Acme")
    contact = client.create("Contact", LastName="Lee", AccountId=account)
    of_who, of_what = client.create("Task", WhoId=contact), client.create("Task", WhatId=account)
    of_nobody = client.create("Task", Subject="other")
    client.advance(60)
    assert client.call("DELETE", f"sobjects/Account/{account}")[0] == 204
    rows = client.query("SELECT Id, IsDeleted FROM Task", "queryAll")
    assert {row["Id"]: row["IsDeleted"] for row in rows} == {of_who: True, of_what: True, of_nobody: False}
    client.control("POST", "write", {"object": "Account", "operation": "undelete", "records": [{"Id": account}]})
    assert len(client.query("SELECT Id FROM Task")) == 3


def test_an_opportunity_tells_its_fiscal_period_and_its_activities(client):
    """Object Reference, "Opportunity": FiscalYear, FiscalQuarter, HasOpenActivity, HasOverdueTask."""
    sale = client.create("Opportunity", Name="o", StageName="Prospecting", CloseDate="2026-12-31")
    fields = ("Fiscal", "FiscalYear", "FiscalQuarter", "HasOpenActivity", "HasOverdueTask", "HasOpportunityLineItem")
    assert [client.read("Opportunity", sale, *fields)[name] for name in fields] == [
        "2026 4",
        2026,
        4,
        False,
        False,
        False,
    ]
    client.create("Task", WhatId=sale, ActivityDate="2026-02-28")
    told = client.read("Opportunity", sale, *fields)
    assert (told["HasOpenActivity"], told["HasOverdueTask"]) == (True, True)
    assert client.query("SELECT COUNT(Id) FROM Opportunity WHERE FiscalYear = 2026")[0]["expr0"] == 1


def collection(client: Client, method: str, path: str, *records: dict[str, Any]) -> Any:
    body = {"records": [{"attributes": {"type": "Account"}, **record} for record in records]}
    return client.call(method, f"composite/sobjects{path}", body)[1]


def test_an_upsert_by_id_without_an_id_creates(client):
    """ "Upsert Multiple Records with Fewer Round-Trips" of the REST API Developer Guide: recorded with a null Id."""
    (made, other) = collection(client, "PATCH", "/Account/Id", {"Id": None, "Name": "A"}, {"Name": "B"})
    assert (made["success"], made["created"], other["created"]) == (True, True, True)
    (changed,) = collection(client, "PATCH", "/Account/Id", {"Id": made["id"], "Name": "C"})
    assert (changed["id"], changed["created"]) == (made["id"], False)


def test_no_two_rows_of_a_call_are_of_one_record(client):
    """ "update()" and "upsert()" of the SOAP API Developer Guide: DUPLICATE_VALUE for each, in any matching case."""
    client.org.add_field("Account", {"name": "Key__c", "external_id": True, "unique": True})
    rows = collection(client, "PATCH", "/Account/Key__c", *({"Key__c": key, "Name": "n"} for key in ("a", "A", "b")))
    assert [row["success"] for row in rows] == [False, False, True]
    assert rows[0]["errors"] == [
        {"statusCode": "DUPLICATE_VALUE", "message": "Duplicate external id specified: a", "fields": []}
    ]
    kept = rows[2]["id"]
    rows = collection(client, "PATCH", "", {"id": kept, "Name": "n"}, {"Id": kept[:15], "Name": "m"})
    assert [row["errors"][0]["message"] for row in rows] == [
        f"Duplicate id specified: {kept}",
        f"Duplicate id specified: {kept[:15]}",
    ]


def test_soap_and_bulk_refuse_a_key_that_stands_twice_too(client):
    """ "upsert()" of the SOAP API Developer Guide; a bulk job's rows are written 200 to a call."""
    client.org.add_field("Account", {"name": "Key__c", "external_id": True, "unique": True})
    rows = "".join(f"<sObjects><type>Account</type><Key__c>{key}</Key__c><Name>n</Name></sObjects>" for key in "xXy")
    results = soap(client, "upsert", f"<externalIDFieldName>Key__c</externalIDFieldName>{rows}")
    assert [codes(result) if result["success"] == "false" else [] for result in results] == [
        ["DUPLICATE_VALUE"],
        ["DUPLICATE_VALUE"],
        [],
    ]
    spec = {"operation": "upsert", "object": "Account", "externalIdFieldName": "Key__c"}
    job = client.call("POST", "jobs/ingest", spec)[1]["id"]
    client.send("PUT", f"jobs/ingest/{job}/batches", b"Key__c,Name\nq,n\nQ,n\n", headers={"content-type": "text/csv"})
    client.call("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"})
    failed = client.send("GET", f"jobs/ingest/{job}/failedResults").body.decode().splitlines()
    assert failed[1] == '"","DUPLICATE_VALUE:Duplicate external id specified: q:--","q","n"'


def test_a_value_taken_is_told_with_the_short_id_of_who_has_it(client):
    """Seen in public reports: "duplicates value on record with id: 001U000001c83gK"."""
    client.org.add_field("Account", {"name": "Key__c", "external_id": True, "unique": True})
    holder = client.create("Account", Name="A", Key__c="k")
    answer = client.call("POST", "sobjects/Account", {"Name": "B", "Key__c": "k"})[1]
    assert answer[0]["message"].endswith(f"record with id: {holder[:15]}")


def test_what_is_no_id_is_taken_for_a_key_field(client):
    """ "sObject Rows" of the REST API Developer Guide; restforce issue 376 shows the text."""
    text = "Provided external ID field does not exist or is not accessible: tmp_1"
    for method in ("GET", "PATCH", "DELETE"):
        answer = client.call(method, "sobjects/Account/tmp_1", {} if method == "PATCH" else None)
        assert answer == (404, [{"message": text, "errorCode": "NOT_FOUND"}])


def test_a_value_of_the_wrong_type_is_told_with_its_place(client):
    """ "Status Codes and Error Responses": JSON_PARSER_ERROR names line and column of the field."""
    body = b'{\n  "LastName": "L",\n  "Birthdate": "08/10/2015"}'
    status, answer = client.call("POST", "sobjects/Contact", body)
    assert (status, answer[0]["message"]) == (
        400,
        "Cannot deserialize instance of date from VALUE_STRING value 08/10/2015 or request may be missing a required "
        "field at [line:3, column:3]",
    )
    answer = client.call("POST", "sobjects/Contact", {"LastName": {"a": 1}})[1]
    assert "No such column" in answer[0]["message"]
    answer = client.call("POST", "sobjects/Account", {"NumberOfEmployees": 1.5})[1]
    assert "of int from VALUE_NUMBER_FLOAT value 1.5 " in answer[0]["message"]


def test_a_row_that_is_no_json_has_a_value_not_of_the_required_type(client):
    """Bulk API, "Get Job Failed Record Results": INVALID_TYPE_ON_FIELD_IN_RECORD; `250.0` is no whole number there."""
    job = client.call("POST", "jobs/ingest", {"operation": "insert", "object": "Account"})[1]["id"]
    rows = b"Name,NumberOfEmployees\nA,250.0\nB,250\n"
    client.send("PUT", f"jobs/ingest/{job}/batches", rows, headers={"content-type": "text/csv"})
    client.call("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"})
    failed = client.send("GET", f"jobs/ingest/{job}/failedResults").body.decode().splitlines()
    error = "INVALID_TYPE_ON_FIELD_IN_RECORD:Employees: value not of required type: 250.0:NumberOfEmployees --"
    assert failed[1:] == [f'"","{error}","A","250.0"']


def test_dates_of_replication_have_an_encoded_sign_and_deletes_a_window_one_can_widen(client):
    """ "Get a List of Deleted Records Within a Given Timeframe": encoded dates, 15 days back; other texts say 30."""
    when = {"start": "2026-03-01T08:00:00 00:00", "end": "2026-03-01T09:00:00 00:00"}
    assert client.call("GET", "sobjects/Account/updated", **when)[1][0]["errorCode"] == "INVALID_REPLICATION_DATE"
    early = {"start": "2026-02-01T08:00:00+00:00", "end": "2026-03-01T09:00:00Z"}
    assert client.call("GET", "sobjects/Account/deleted", **early)[0] == 400
    client.control("POST", "replication", {"deleted_days": 30})
    assert client.call("GET", "sobjects/Account/deleted", **early)[0] == 200


def test_a_reset_takes_back_what_was_set_by_hand(client):
    """The control endpoint: limits, sessions, logins and bulk jobs are those of a fresh org again."""
    org = client.org
    client.control("POST", "quota", {"maximum": 5, "per_app_maximum": 3})
    client.control("POST", "sessions", {"idle_seconds": 9, "most_per_user": 1, "logins_an_hour": 2})
    client.control("POST", "logins", {"wrong_audience": "audience is invalid", "my_domain": "https://a.example"})
    client.control("POST", "bulk", {"processing_seconds": 60, "async_api_enabled": False})
    client.control("POST", "replication", {"deleted_days": 30})
    client.call("POST", "/_sandbox/reset")
    fresh = fresh_client().org
    for each in (org, fresh):
        each.usage.clear()
    assert (org.usage.maximum, org.usage.per_app_maximum) == (fresh.usage.maximum, None)
    sessions, others = org.auth.sessions, fresh.auth.sessions
    assert (sessions.idle_seconds, sessions.most_per_user, sessions.logins_an_hour) == (
        others.idle_seconds,
        others.most_per_user,
        others.logins_an_hour,
    )
    assert (org.auth.grants.wrong_audience, org.auth.my_domain) == (fresh.auth.grants.wrong_audience, None)
    assert (org.bulk.shelf.processing_seconds, org.bulk.door.enabled) == (0.0, True)
    assert org.replication.deleted_days == fresh.replication.deleted_days


def test_the_parts_of_an_address_stand_in_the_order_recorded(client):
    """ "Address Compound Fields" of the Object Reference, as a recorded Organization shows one."""
    account = client.create("Account", Name="A", BillingCity="Ulm")
    parts = "city country geocodeAccuracy latitude longitude postalCode state street".split()
    assert list(client.read("Account", account, "BillingAddress")) == parts


def test_the_global_describe_tells_what_was_recorded(client):
    """ "Describe Global" of the REST API Developer Guide."""
    told = {one["name"]: one for one in client.call("GET", "sobjects")[1]["sobjects"]}
    assert (told["Opportunity"]["deepCloneable"], told["Lead"]["deepCloneable"]) == (True, False)
    assert (told["Lead"]["feedEnabled"], told["Campaign"]["feedEnabled"]) == (True, False)
    assert (told["CampaignMember"]["searchable"], told["CampaignMember"]["mruEnabled"]) == (False, False)


def test_tooling_records_have_their_address_in_the_tooling_api(client):
    """Tooling API, "REST Resources": `tooling/sobjects/`."""
    client.org.add_field("Lead", {"name": "Key__c"})
    answer = client.call("GET", "tooling/query", q="SELECT Id FROM CustomField WHERE DeveloperName = 'Key'")[1]
    assert answer["records"][0]["attributes"]["url"].startswith("/services/data/v59.0/tooling/sobjects/CustomField/")


def test_a_key_of_several_records_refuses_the_row_in_the_same_words_everywhere(client):
    """ "upsert()" of the SOAP API Developer Guide: DUPLICATE_EXTERNAL_ID, with the records that match."""
    client.org.add_field("Account", {"name": "Key__c", "external_id": True})
    one, two = (client.create("Account", Name="A", Key__c="k") for _ in range(2))
    text = f"Key__c: more than one record found for external id field: [{one}, {two}]"
    (row,) = collection(client, "PATCH", "/Account/Key__c", {"Key__c": "k", "Name": "n"})
    told = {"statusCode": "DUPLICATE_EXTERNAL_ID", "message": text, "fields": ["Key__c"]}
    assert row == {"success": False, "errors": [told]}
    sent = "<sObjects><type>Account</type><Key__c>k</Key__c><Name>n</Name></sObjects>"
    (result,) = soap(client, "upsert", f"<externalIDFieldName>Key__c</externalIDFieldName>{sent}")
    assert result["errors"][0]["message"] == text
