"""merge, undelete, emptyRecycleBin, and what the REST resources say of records that are gone."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client
from tests.sandbox.soap_client import Refused, codes, convert, merge, soap, soap_one


@pytest.fixture
def client() -> Client:
    return fresh_client()


def _leads(client: Client, *titles: str | None) -> list[str]:
    return [client.create("Lead", LastName=f"n{n}", Company="c", Title=title) for n, title in enumerate(titles)]


def _ids(*ids: str) -> str:
    return "".join(f"<ids>{record_id}</ids>" for record_id in ids)


def test_the_master_wins_even_when_empty(client):
    master, first, second = _leads(client, None, "CEO", "CTO")
    client.advance(60)
    done = merge(client, "Lead", master, first, second, fields="<City>Ulm</City>")
    assert (done["id"], done["mergedRecordIds"], done["success"]) == (master, [first, second], "true")
    row = client.read("Lead", master, "Title", "City", "SystemModstamp")
    assert (row["Title"], row["City"], row["SystemModstamp"]) == (None, "Ulm", "2026-03-01T09:01:00.000+0000")


def test_losers_lie_in_the_bin_and_name_the_master(client):
    master, loser = _leads(client, "a", "b")
    client.advance(60)
    merge(client, "Lead", master, loser)
    soql = "SELECT Id, IsDeleted, MasterRecordId, SystemModstamp FROM Lead WHERE IsDeleted = true"
    (gone,) = client.query(f"{soql} AND MasterRecordId != null", "queryAll")
    assert (gone["Id"], gone["MasterRecordId"], gone["IsDeleted"]) == (loser, master, True)
    assert gone["SystemModstamp"] == "2026-03-01T09:01:00.000+0000"
    client.advance(120)
    span = {"start": "2026-03-01T08:00:00+00:00", "end": "2026-03-01T09:03:00+00:00"}
    _, log = client.call("GET", "sobjects/Lead/deleted", **span)
    assert [entry["id"] for entry in log["deletedRecords"]] == [loser]


@pytest.mark.parametrize("way", ["merged", "deleted"])
def test_writing_to_what_is_gone(client, way):
    master, loser = _leads(client, "a", "b")
    if way == "merged":
        merge(client, "Lead", master, loser)
    else:
        client.call("DELETE", f"sobjects/Lead/{loser}")
    gone = [{"errorCode": "ENTITY_IS_DELETED", "message": "entity is deleted"}]
    assert client.call("PATCH", f"sobjects/Lead/{loser}", {"City": "Ulm"}) == (404, gone)
    assert client.call("DELETE", f"sobjects/Lead/{loser}") == (404, gone)
    assert client.call("GET", f"sobjects/Lead/{loser}") == (404, gone)
    body = {"records": [{"attributes": {"type": "Lead"}, "id": loser, "City": "Ulm"}]}
    _, (result,) = client.call("PATCH", "composite/sobjects", body)
    assert result["errors"] == [{"statusCode": "ENTITY_IS_DELETED", "message": "entity is deleted", "fields": []}]


def test_writing_to_what_is_purged(client):
    (lead,) = _leads(client, "a")
    client.call("DELETE", f"sobjects/Lead/{lead}")
    assert client.control("POST", "purge", {"ids": [lead]}) == {"purged": 1}
    status, refused = client.call("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"})
    assert (status, refused[0]["errorCode"]) == (404, "NOT_FOUND")
    body = {"records": [{"attributes": {"type": "Lead"}, "id": lead, "City": "Ulm"}]}
    _, (result,) = client.call("PATCH", "composite/sobjects", body)
    assert [error["statusCode"] for error in result["errors"]] == ["INVALID_CROSS_REFERENCE_KEY"]
    assert client.query("SELECT Id FROM Lead", "queryAll") == []
    client.advance(120)
    span = {"start": "2026-03-01T08:00:00+00:00", "end": "2026-03-01T09:02:00+00:00"}
    _, log = client.call("GET", "sobjects/Lead/deleted", **span)
    assert [entry["id"] for entry in log["deletedRecords"]] == [lead]


def test_children_move_to_the_master(client):
    kept, lost = client.create("Account", Name="Kept"), client.create("Account", Name="Lost")
    contact = client.create("Contact", LastName="c", AccountId=lost)
    sale = client.create("Opportunity", Name="o", StageName="Prospecting", CloseDate="2026-05-01", AccountId=lost)
    task = client.create("Task", Subject="Call", WhatId=lost)
    client.advance(60)
    done = merge(client, "Account", kept, lost)
    assert sorted(done["updatedRelatedIds"]) == sorted([contact, sale, task])
    row = client.read("Contact", contact, "AccountId", "IsDeleted", "SystemModstamp")
    assert [row["AccountId"], row["IsDeleted"], row["SystemModstamp"]] == [kept, False, "2026-03-01T09:01:00.000+0000"]
    assert client.read("Opportunity", sale, "AccountId") == kept
    row = client.read("Task", task, "WhatId", "AccountId")
    assert [row["WhatId"], row["AccountId"]] == [kept, kept]


def test_contacts_merge_with_their_roles_and_tasks(client):
    account = client.create("Account", Name="a")
    kept, lost = (client.create("Contact", LastName=name, AccountId=account) for name in "kl")
    sale = client.create(
        "Opportunity", Name="o", StageName="Prospecting", CloseDate="2026-05-01", AccountId=account, ContactId=lost
    )
    task = client.create("Task", Subject="Call", WhoId=lost)
    manager = client.create("Contact", LastName="m", AccountId=account, ReportsToId=lost)
    done = merge(client, "Contact", kept, lost)
    (role,) = client.query("SELECT Id, ContactId FROM OpportunityContactRole")
    assert role["ContactId"] == kept
    assert client.read("Task", task, "WhoId") == kept
    assert client.read("Contact", manager, "ReportsToId") == kept
    assert set(done["updatedRelatedIds"]) >= {role["Id"], task, manager, sale}


def test_what_cannot_be_merged(client):
    one, two, three, four = _leads(client, "a", "b", "c", "d")
    assert codes(merge(client, "Lead", one, two, three, four)) == ["LIMIT_EXCEEDED"]
    assert codes(merge(client, "Lead", one)) == ["LIMIT_EXCEEDED"]
    assert codes(merge(client, "Lead", one, one)) == ["INVALID_CROSS_REFERENCE_KEY"]
    contact = client.create("Contact", LastName="c")
    assert codes(merge(client, "Lead", one, contact)) == ["MALFORMED_ID"]
    convert(client, two)
    assert codes(merge(client, "Lead", one, two)) == ["CANNOT_UPDATE_CONVERTED_LEAD"]
    client.call("DELETE", f"sobjects/Lead/{three}")
    assert codes(merge(client, "Lead", one, three)) == ["ENTITY_IS_DELETED"]
    sale = client.create("Opportunity", Name="o", StageName="Prospecting", CloseDate="2026-05-01")
    assert codes(merge(client, "Opportunity", sale, sale)) == ["INVALID_TYPE_FOR_OPERATION"]
    assert client.read("Lead", one, "IsDeleted") is False
    with pytest.raises(Refused, match="XYZ"):
        merge(client, "XYZ", one, two)


def test_a_refused_merge_undoes_what_it_moved(client):
    client.control("POST", "fields", {"object": "Account", "name": "Ext__c", "external_id": True, "unique": True})
    kept, lost = client.create("Account", Name="Kept"), client.create("Account", Name="Lost")
    client.create("Account", Name="Third", Ext__c="X")
    contact = client.create("Contact", LastName="c", AccountId=lost)
    assert codes(merge(client, "Account", kept, lost, fields="<Ext__c>X</Ext__c>")) == ["DUPLICATE_VALUE"]
    assert client.read("Contact", contact, "AccountId") == lost
    assert client.read("Account", lost, "IsDeleted") is False


def test_the_master_may_take_a_unique_value_over(client):
    client.control("POST", "fields", {"object": "Lead", "name": "Ext__c", "external_id": True, "unique": True})
    master, loser = (client.create("Lead", LastName=n, Company="c", Ext__c=n) for n in "ab")
    assert merge(client, "Lead", master, loser, fields="<Ext__c>b</Ext__c>")["success"] == "true"
    assert client.read("Lead", master, "Ext__c") == "b"


def test_a_delete_takes_children_along_and_undelete_brings_them_back(client):
    account = client.create("Account", Name="a")
    contact = client.create("Contact", LastName="c", AccountId=account)
    before = client.create("Contact", LastName="gone before", AccountId=account)
    sale = client.create("Opportunity", Name="o", StageName="Prospecting", CloseDate="2026-05-01", AccountId=account)
    client.call("DELETE", f"sobjects/Contact/{before}")
    client.call("DELETE", f"sobjects/Account/{account}")
    assert client.query("SELECT Id FROM Contact") == client.query("SELECT Id FROM Opportunity") == []
    client.advance(60)
    assert soap_one(client, "undelete", _ids(account)) == {"id": account, "success": "true"}
    assert [row["Id"] for row in client.query("SELECT Id FROM Contact")] == [contact]
    row = client.read("Opportunity", sale, "SystemModstamp", "IsDeleted")
    assert (row["SystemModstamp"], row["IsDeleted"]) == ("2026-03-01T09:01:00.000+0000", False)


def test_an_undeleted_loser_comes_back_alone(client):
    kept, lost = client.create("Account", Name="Kept"), client.create("Account", Name="Lost")
    contact = client.create("Contact", LastName="c", AccountId=lost)
    merge(client, "Account", kept, lost)
    soap_one(client, "undelete", _ids(lost))
    row = client.read("Account", lost, "MasterRecordId", "IsDeleted")
    assert (row["MasterRecordId"], row["IsDeleted"]) == (None, False)
    assert client.read("Contact", contact, "AccountId") == kept


def test_undelete_and_empty_recycle_bin_row_by_row(client):
    first, second, live = _leads(client, "a", "b", "c")
    for lead in (first, second):
        client.call("DELETE", f"sobjects/Lead/{lead}")
    emptied = soap(client, "emptyRecycleBin", _ids(first, live))
    assert [result["success"] for result in emptied] == ["true", "false"]
    results = soap(client, "undelete", _ids(first, second, live))
    assert [result["success"] for result in results] == ["false", "true", "false"]
    assert codes(results[0]) == codes(results[2]) == ["UNDELETE_FAILED"]


def test_rows_are_made_changed_and_deleted_in_soap_too(client):
    record = "<sObjects><type>Lead</type>{}</sObjects>"
    made = soap(client, "create", record.format("<LastName>a</LastName><Company>c</Company>") + record.format(""))
    assert [result["success"] for result in made] == ["true", "false"]
    assert made[1]["errors"] == [
        {
            "fields": "Company",
            "message": "Required fields are missing: [LastName, Company]",
            "statusCode": "REQUIRED_FIELD_MISSING",
        }
    ]
    lead = made[0]["id"]
    changes = f"<fieldsToNull>Title</fieldsToNull><Id>{lead}</Id><City>Ulm</City><DoNotCall>true</DoNotCall>"
    assert soap_one(client, "update", record.format(changes)) == {"id": lead, "success": "true"}
    assert client.read("Lead", lead, "DoNotCall") is True
    assert soap_one(client, "delete", _ids(lead))["success"] == "true"
    assert client.call("GET", f"sobjects/Lead/{lead}")[0] == 404


def test_the_small_calls(client):
    (info,) = soap(client, "getUserInfo", "")
    assert info["userName"] == "integration@sandbox.example"
    (now,) = soap(client, "getServerTimestamp", "")
    assert now["timestamp"] == "2026-03-01T09:00:00.000Z"
    with pytest.raises(Refused, match="nonsense"):
        soap(client, "nonsense", "")
    assert soap(client, "logout", "") == []
    with pytest.raises(Refused) as refused:
        soap(client, "getUserInfo", "")
    assert refused.value.code == "INVALID_SESSION_ID"


def test_upsert_in_soap(client):
    client.control("POST", "fields", {"object": "Lead", "name": "Ext__c", "external_id": True})
    record = "<externalIDFieldName>Ext__c</externalIDFieldName><sObjects><type>Lead</type>{}</sObjects>"
    fields = "<Ext__c>X</Ext__c><LastName>n</LastName><Company>c</Company>"
    owner = "<Owner><type>User</type><Username>admin@sandbox.example</Username></Owner>"
    made = soap_one(client, "upsert", record.format(fields + owner))
    assert (made["created"], made["success"]) == ("true", "true")
    assert client.read("Lead", made["id"], "OwnerId") == client.org.people.user_id("admin@sandbox.example")
    again = soap_one(client, "upsert", record.format("<Ext__c>X</Ext__c><City>Ulm</City>"))
    assert (again["created"], again["id"]) == ("false", made["id"])
    client.create("Lead", LastName="n", Company="c", Ext__c="X")
    assert codes(soap_one(client, "upsert", record.format(fields))) == ["DUPLICATE_EXTERNAL_ID"]


def test_what_xml_cannot_hold_does_not_break_an_answer(client):
    rule = {"object": "Lead", "condition": "City = 'x'", "message": "no \x01 <city>"}
    client.control("POST", "validation_rules", rule)
    fields = "<LastName>n</LastName><Company>c</Company><City>x</City>"
    refused = soap_one(client, "create", f"<sObjects><type>Lead</type>{fields}</sObjects>")
    assert refused["errors"][0]["message"] == "no  <city>"
