"""Describes and what the interface would show: every object whole, unchanged metadata, layouts, tabs, passwords."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client

# The 54 keys of a field in a recorded v59 describe.
FIELD_KEYS = set(
    "aggregatable aiPredictionField autoNumber byteLength calculated calculatedFormula cascadeDelete caseSensitive "
    "compoundFieldName controllerName createable custom defaultValue defaultValueFormula defaultedOnCreate "
    "dependentPicklist deprecatedAndHidden digits displayLocationInDecimal encrypted externalId extraTypeInfo "
    "filterable filteredLookupInfo formulaTreatNullNumberAsZero groupable highScaleNumber htmlFormatted idLookup "
    "inlineHelpText label length mask maskType name nameField namePointing nillable permissionable picklistValues "
    "polymorphicForeignKey precision queryByDistance referenceTargetField referenceTo relationshipName "
    "relationshipOrder restrictedDelete restrictedPicklist scale searchPrefilterable soapType sortable type unique "
    "updateable writeRequiresMasterRead".split()
)
GLOBAL_KEYS = set(
    "activateable associateEntityType associateParentEntity createable custom customSetting deepCloneable deletable "
    "deprecatedAndHidden feedEnabled hasSubtypes isInterface isSubtype keyPrefix label labelPlural layoutable "
    "mergeable mruEnabled name queryable replicateable retrieveable searchable triggerable undeletable updateable "
    "urls".split()
)
OBJECT_KEYS = GLOBAL_KEYS | set(
    "actionOverrides childRelationships compactLayoutable defaultImplementation extendedBy extendsInterfaces fields "
    "implementedBy implementsInterfaces listviewable lookupLayoutable namedLayoutInfos networkScopeFieldName "
    "recordTypeInfos searchLayoutable sobjectDescribeOption supportedScopes".split()
)
USER = "integration@sandbox.example"


@pytest.fixture
def client() -> Client:
    return fresh_client()


def test_every_object_of_the_list_describes_with_every_key(client):
    status, answer = client.call("GET", "sobjects/")
    assert (status, answer["encoding"], answer["maxBatchSize"]) == (200, "UTF-8", 200)
    for entry in answer["sobjects"]:
        assert set(entry) == GLOBAL_KEYS, entry["name"]
        status, described = client.call("GET", f"sobjects/{entry['name']}/describe")
        assert status == 200
        assert set(described) == OBJECT_KEYS, entry["name"]
        assert {key: described[key] for key in GLOBAL_KEYS} == entry
        for field in described["fields"]:
            assert set(field) == FIELD_KEYS, (entry["name"], field["name"])


def test_every_address_a_describe_names_answers(client):
    for entry in client.call("GET", "sobjects")[1]["sobjects"]:
        for name, url in entry["urls"].items():
            if name != "rowTemplate":
                assert client.call("GET", url)[0] == 200, url


def test_every_record_type_has_the_layout_its_describe_names(client):
    for entry in client.call("GET", "sobjects")[1]["sobjects"]:
        if "layouts" in entry["urls"]:
            for info in client.call("GET", entry["urls"]["describe"])[1]["recordTypeInfos"]:
                assert client.call("GET", info["urls"]["layout"])[0] == 200, info


def test_names_go_in_as_typed_and_come_out_as_they_are(client):
    assert client.call("GET", "SOBJECTS/lead/Describe/")[1]["name"] == "Lead"
    status, answer = client.call("GET", "sobjects/lead")
    assert (status, answer["objectDescribe"]["name"], answer["recentItems"]) == (200, "Lead", [])


def test_an_unchanged_describe_is_not_told_again(client):
    for path in ("sobjects", "sobjects/Lead/describe"):
        answer = client.send("GET", path)
        since = {"if-modified-since": dict(answer.headers)["Last-Modified"]}
        same = client.send("GET", path, headers=since)
        assert (same.status, same.body) == (304, b"")
    client.advance(10)
    client.control("POST", "fields", {"object": "Lead", "name": "New__c"})
    assert client.send("GET", "sobjects/Lead/describe", headers=since).status == 200


@pytest.mark.parametrize("path", ["sobjects/Nope", "sobjects/Nope/describe", "sobjects/Nope/describe/layouts", "nope"])
def test_what_is_not_there(client, path):
    missing = {"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}
    assert client.call("GET", path) == (404, [missing])


def test_layouts(client):
    _, answer = client.call("GET", "sobjects/Lead/describe/layouts")
    (layout,), (mapping,) = answer["layouts"], answer["recordTypeMappings"]
    assert mapping["layoutId"] == layout["id"]
    shown = {
        component["value"]
        for section in layout["editLayoutSections"]
        for row in section["layoutRows"]
        for item in row["layoutItems"]
        for component in item["layoutComponents"]
    }
    assert {"LastName", "Company", "Email"} <= shown
    assert "SystemModstamp" not in shown
    assert client.call("GET", "sobjects/Lead/describe/layouts/012000000000000AAA")[1] == layout
    assert client.call("GET", "sobjects/Lead/describe/layouts/012000000000001AAA")[0] == 404
    assert client.call("GET", "sobjects/Organization/describe/layouts")[0] == 404
    compact = client.call("GET", "sobjects/Lead/describe/compactLayouts")[1]["compactLayouts"][0]
    assert compact["name"] == "SYSTEM"


def test_what_the_interface_would_show(client):
    tabs = client.call("GET", "tabs")[1]
    assert {"Lead", "Account"} <= {tab["sobjectName"] for tab in tabs}
    assert tabs[0].keys() == set("colors custom iconUrl icons label miniIconUrl name sobjectName url".split())
    assert {item["name"] for item in client.call("GET", "theme")[1]["themeItems"]} >= {"Lead", "Account"}
    assert client.call("GET", "quickActions") == (200, [])
    assert client.call("GET", "recent") == (200, [])


def test_a_hidden_object_is_in_no_list(client):
    client.control("POST", "rights", {"denied_objects": {"Lead": ["read"]}})
    assert "Lead" not in {sobject["name"] for sobject in client.call("GET", "sobjects")[1]["sobjects"]}
    assert "Lead" not in {tab["sobjectName"] for tab in client.call("GET", "tabs")[1]}
    assert client.call("GET", "sobjects/Lead/describe")[0] == 404


def test_passwords_of_users(client):
    path = f"sobjects/User/{client.org.people.user_id(USER)}/password"
    assert client.call("GET", path) == (200, {"isExpired": False})
    assert client.call("POST", path, {"NewPassword": "other-password"}) == (204, None)
    assert client.login(USER, "other-password")
    status, refused = client.call("POST", path, {"NewPassword": "other-password"})
    assert (status, refused[0]["errorCode"]) == (400, "INVALID_NEW_PASSWORD")
    assert client.login(USER, client.call("DELETE", path)[1]["NewPassword"])
    assert client.call("GET", "sobjects/User/005000000000001/password")[0] == 404
    other = f"sobjects/User/{client.org.people.user_id('admin@sandbox.example')}/password"
    client.control("POST", "rights", {"permissions": ["ApiEnabled"]})
    assert client.call("POST", other, {"NewPassword": "other-password"})[0] == 403
