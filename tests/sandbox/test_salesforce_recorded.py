"""The org beside what real orgs were recorded to answer: describes of API v59, collections."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce_client import fresh_client

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


def described(client, sobject):
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
