"""What a restricted user sees and may change, and what describe says about it."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client

FIELD_KEYS = """
aggregatable aiPredictionField autoNumber byteLength calculated calculatedFormula cascadeDelete caseSensitive
compoundFieldName controllerName createable custom defaultValue defaultValueFormula defaultedOnCreate dependentPicklist
deprecatedAndHidden digits displayLocationInDecimal encrypted externalId extraTypeInfo filterable filteredLookupInfo
formulaTreatNullNumberAsZero groupable highScaleNumber htmlFormatted idLookup inlineHelpText label length mask maskType
name nameField namePointing nillable permissionable picklistValues polymorphicForeignKey precision queryByDistance
referenceTargetField referenceTo relationshipName relationshipOrder restrictedDelete restrictedPicklist scale
searchPrefilterable soapType sortable type unique updateable writeRequiresMasterRead
""".split()


@pytest.fixture
def client() -> Client:
    return fresh_client()


def _fields(client: Client, sobject: str) -> dict[str, dict]:
    status, answer = client.call("GET", f"sobjects/{sobject}/describe")
    assert status == 200
    return {field["name"]: field for field in answer["fields"]}


def test_describe_has_every_key(client):
    for sobject in client.call("GET", "sobjects")[1]["sobjects"]:
        for field in _fields(client, sobject["name"]).values():
            assert list(field) == FIELD_KEYS


def test_describe_of_some_fields(client):
    lead = _fields(client, "Lead")
    email = lead["Email"]
    assert (email["type"], email["length"], email["byteLength"], email["idLookup"]) == ("email", 80, 240, True)
    assert (lead["Name"]["createable"], lead["LastName"]["compoundFieldName"]) == (False, "Name")
    assert (lead["Street"]["compoundFieldName"], lead["Address"]["type"]) == ("Address", "address")
    assert lead["OwnerId"]["relationshipName"] == "Owner"
    assert lead["GeocodeAccuracy"]["restrictedPicklist"] is True
    required = [
        f["name"] for f in lead.values() if f["createable"] and not f["nillable"] and not f["defaultedOnCreate"]
    ]
    assert sorted(required) == ["Company", "LastName"]
    children = client.call("GET", "sobjects/Account/describe")[1]["childRelationships"]
    assert {"Contacts", "ChildAccounts"} <= {child["relationshipName"] for child in children}


def test_describe_unless_unchanged(client):
    headers = dict(client.send("GET", "sobjects/Lead/describe").headers)
    since = {"if-modified-since": headers["Last-Modified"]}
    assert client.call("GET", "sobjects/Lead/describe", headers=since) == (304, None)
    client.advance(5)
    client.control("POST", "fields", {"object": "Lead", "name": "New__c"})
    assert client.call("GET", "sobjects/Lead/describe", headers=since)[0] == 200


def test_hidden_field_does_not_exist(client):
    record_id = client.create("Lead", LastName="x", Company="c", Phone="1")
    client.control("POST", "rights", {"hidden_fields": ["Lead.Phone"]})
    assert "Phone" not in _fields(client, "Lead")
    assert "Phone" not in client.call("GET", f"sobjects/Lead/{record_id}")[1]
    assert client.call("GET", "query", q="SELECT Phone FROM Lead")[1][0]["errorCode"] == "INVALID_FIELD"
    refused = client.call("PATCH", f"sobjects/Lead/{record_id}", {"Phone": "2"})[1][0]
    assert refused["errorCode"] == "INVALID_FIELD"
    admin = Client(client.org, "admin@sandbox.example")
    assert admin.read("Lead", record_id, "Phone") == "1"


def test_read_only_field(client):
    client.control("POST", "rights", {"read_only_fields": ["Lead.Phone"]})
    phone = _fields(client, "Lead")["Phone"]
    assert (phone["createable"], phone["updateable"]) == (False, False)
    status, answer = client.call("POST", "sobjects/Lead", {"LastName": "x", "Company": "c", "Phone": "1"})
    assert (status, answer[0]["errorCode"], answer[0]["fields"]) == (
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        ["Phone"],
    )


def test_object_without_read_is_absent(client):
    client.control("POST", "rights", {"denied_objects": {"Account": ["read"], "Lead": ["create"]}})
    names = {sobject["name"]: sobject for sobject in client.call("GET", "sobjects")[1]["sobjects"]}
    assert "Account" not in names
    assert names["Lead"]["createable"] is False
    assert client.call("GET", "sobjects/Account/describe")[1][0]["errorCode"] == "NOT_FOUND"
    assert client.call("GET", "query", q="SELECT Id FROM Account")[1][0]["errorCode"] == "INVALID_TYPE"
    status, answer = client.call("POST", "sobjects/Lead", {"LastName": "x", "Company": "c"})
    assert (status, answer[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")


def test_rows_outside_sharing(client):
    seen = client.create("Lead", LastName="x", Company="c", State="WA")
    unseen = client.create("Lead", LastName="y", Company="c", State="NSW")
    single = client.create("Lead", LastName="z", Company="c")
    client.control("POST", "rights", {"hidden_rows": {"Lead": "{row}.\"State\" = 'NSW'"}})
    client.control("POST", "hide", {"ids": [single]})
    assert [record["Id"] for record in client.query("SELECT Id FROM Lead")] == [seen]
    for record_id in (unseen, single):
        assert client.call("GET", f"sobjects/Lead/{record_id}")[0] == 404
        assert client.call("PATCH", f"sobjects/Lead/{record_id}", {"City": "x"})[0] == 404
    client.control("POST", "hide", {"ids": [single], "hidden": False})
    assert client.call("GET", f"sobjects/Lead/{single}")[0] == 200


def test_rows_that_cannot_be_changed(client):
    record_id = client.create("Lead", LastName="x", Company="c", State="NSW")
    client.control("POST", "rights", {"locked_rows": {"Lead": "{row}.\"State\" = 'NSW'"}})
    assert client.call("GET", f"sobjects/Lead/{record_id}")[0] == 200
    status, answer = client.call("PATCH", f"sobjects/Lead/{record_id}", {"City": "x"})
    assert (status, answer[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")


def test_limits_need_their_permission(client):
    limits = client.call("GET", "limits/")[1]
    assert limits["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_999}
    client.control("POST", "rights", {"permissions": []})
    assert client.call("GET", "limits")[0] == 403


def test_record_counts(client):
    client.create("Lead", LastName="x", Company="c")
    assert client.call("GET", "limits/recordCount", sObjects="Lead,Account")[1] == {
        "sObjects": [{"count": 1, "name": "Lead"}]
    }


def test_quota(client):
    client.control("POST", "quota", {"maximum": 10, "used": 9})
    assert client.call("GET", "sobjects")[0] == 200
    answer = client.send("GET", "sobjects")
    assert (answer.status, dict(answer.headers)["Sforce-Limit-Info"]) == (403, "api-usage=10/10")
    assert b'"REQUEST_LIMIT_EXCEEDED"' in answer.body
    client.advance(86_400)
    client.token = client.login("integration@sandbox.example")
    assert client.call("GET", "sobjects")[0] == 200


def test_org_in_a_file_survives(tmp_path):
    from syncline_sandbox.salesforce.org import SalesforceOrg

    path = str(tmp_path / "org.db")
    first = Client(SalesforceOrg(path))
    first.control("POST", "fields", {"object": "Lead", "name": "Key__c", "unique": True})
    first.control("POST", "rights", {"hidden_fields": ["Lead.Phone"]})
    record_id = first.create("Lead", LastName="x", Company="c", Key__c="k")
    second = Client(SalesforceOrg(path))
    assert second.read("Lead", record_id, "Key__c") == "k"
    assert "Phone" not in _fields(second, "Lead")
    assert second.create("Lead", LastName="y", Company="c") > record_id


def test_reset_empties_all_but_custom_fields(client):
    client.control("POST", "fields", {"object": "Lead", "name": "Key__c"})
    client.create("Lead", LastName="x", Company="c", Key__c="k")
    client.control("POST", "rights", {"hidden_fields": ["Lead.Phone"]})
    client.control("POST", "reset")
    assert client.call("GET", "sobjects")[0] == 401
    client.token = client.login("integration@sandbox.example")
    assert client.query("SELECT Id, Key__c, Phone FROM Lead") == []
