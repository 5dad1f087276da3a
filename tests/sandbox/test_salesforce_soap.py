"""The Partner API: reads, describes, passwords, and the headers that change what a call does."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from tests.sandbox.salesforce_client import START, Client, fresh_client
from tests.sandbox.soap_client import NO_TOKEN, Refused, codes, envelope, soap, soap_one

SF = "{urn:sobject.partner.soap.sforce.com}"
PARTNER = "{urn:partner.soap.sforce.com}"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
ALL_OR_NONE = "<u:AllOrNoneHeader><u:allOrNone>true</u:allOrNone></u:AllOrNoneHeader>"


@pytest.fixture
def client() -> Client:
    return fresh_client()


def answered(client: Client, call: str, body: str, **options: Any) -> list[Element]:
    """The result elements, with their names and types as they are."""
    flavour = options.get("flavour", "partner")
    endpoint = "c" if flavour == "enterprise" else "u"
    sent = envelope(client, call, body, **options)
    answer = client.send("POST", f"/services/Soap/{endpoint}/59.0", sent, headers=NO_TOKEN)
    assert answer.status == 200, answer.body
    (envelope_body,) = ElementTree.fromstring(answer.body)  # no header before the body
    return list(envelope_body[0])


def query(client: Client, soql: str, call: str = "query", **options: Any) -> Element:
    (result,) = answered(client, call, f"<u:queryString>{soql}</u:queryString>", **options)
    return result


def names(element: Element) -> list[str]:
    return [child.tag.rpartition("}")[2] for child in element]


def test_a_query_in_the_order_of_the_wsdl(client):
    account = client.create("Account", Name="Acme", BillingCity="Ulm")
    client.create("Contact", LastName="Lee", AccountId=account)
    result = query(client, "SELECT Id, LastName, Account.Name, Email, CreatedDate, IsDeleted FROM Contact")
    assert names(result) == ["done", "queryLocator", "records", "size"]
    assert result.findtext(f"{PARTNER}done") == "true"
    record = result[2]
    # Type and Id come first, and an Id that was asked for stands again in its place.
    assert names(record) == ["type", "Id", "Id", "LastName", "Account", "Email", "CreatedDate", "IsDeleted"]
    assert record.findtext(f"{SF}type") == "Contact"
    assert record.findtext(f"{SF}Account/{SF}Name") == "Acme"
    assert record.findtext(f"{SF}CreatedDate") == "2026-03-01T09:00:00.000Z"
    assert record.findtext(f"{SF}IsDeleted") == "false"
    assert record[5].get(NIL) == "true"
    found = query(client, "SELECT BillingAddress FROM Account")[2]
    assert found.findtext(f"{SF}BillingAddress/{PARTNER}city") == "Ulm"


def test_an_enterprise_query_knows_no_type_element(client):
    client.create("Account", Name="Acme")
    result = query(client, "SELECT Name FROM Account", flavour="enterprise")
    assert names(result[2]) == ["Name"]
    assert result[2].get("{http://www.w3.org/2001/XMLSchema-instance}type") == "sf:Account"


def test_pages_of_a_query(client):
    client.control("POST", "seed", {"Lead": [{"LastName": f"n{n:03}", "Company": "c"} for n in range(450)]})
    size = "<u:QueryOptions><u:batchSize>200</u:batchSize></u:QueryOptions>"
    page = query(client, "SELECT LastName FROM Lead ORDER BY LastName", headers=size)
    read: list[str | None] = []
    while True:
        read += [record.findtext(f"{SF}LastName") for record in page.findall(f"{PARTNER}records")]
        assert page.findtext(f"{PARTNER}size") == "450"
        locator = page.findtext(f"{PARTNER}queryLocator")
        if page.findtext(f"{PARTNER}done") == "true":
            break
        (page,) = answered(client, "queryMore", f"<u:queryLocator>{locator}</u:queryLocator>", headers=size)
    assert read == [f"n{n:03}" for n in range(450)]


def test_query_all_sees_the_bin(client):
    lead = client.create("Lead", LastName="x", Company="c")
    client.call("DELETE", f"sobjects/Lead/{lead}")
    assert query(client, "SELECT Id FROM Lead").findtext(f"{PARTNER}size") == "0"
    assert query(client, "SELECT Id FROM Lead", "queryAll").findtext(f"{PARTNER}size") == "1"
    assert query(client, "SELECT count() FROM Account").findtext(f"{PARTNER}size") == "0"


@pytest.mark.parametrize(
    ("call", "body", "code", "element"),
    [
        ("query", "<queryString>SELECT Nope FROM Lead</queryString>", "INVALID_FIELD", "InvalidFieldFault"),
        ("query", "<queryString>SELECT Id FROM Nope</queryString>", "INVALID_TYPE", "InvalidSObjectFault"),
        ("query", "<queryString>SELECT</queryString>", "MALFORMED_QUERY", "MalformedQueryFault"),
        ("query", "", "MALFORMED_QUERY", "MalformedQueryFault"),
        ("queryMore", "<queryLocator>0r8x-1</queryLocator>", "INVALID_QUERY_LOCATOR", "InvalidQueryLocatorFault"),
        ("queryMore", "", "INVALID_QUERY_LOCATOR", "InvalidQueryLocatorFault"),
        ("describeSObject", "<sObjectType>Nope</sObjectType>", "INVALID_TYPE", "InvalidSObjectFault"),
        ("retrieve", "<fieldList>Id</fieldList><sObjectType>N</sObjectType>", "INVALID_TYPE", "InvalidSObjectFault"),
        ("retrieve", "<fieldList>N</fieldList><sObjectType>Lead</sObjectType>", "INVALID_FIELD", "InvalidFieldFault"),
        ("getUpdated", "<sObjectType>Lead</sObjectType>", "INVALID_REPLICATION_DATE", "UnexpectedErrorFault"),
        ("setPassword", "<userId>005000000000001</userId><password>x</password>", "NOT_FOUND", "UnexpectedErrorFault"),
        ("fly", "", "INVALID_OPERATION", "UnexpectedErrorFault"),
    ],
)
def test_faults(client, call, body, code, element):
    answer = client.send("POST", "/services/Soap/u/59.0", envelope(client, call, body), headers=NO_TOKEN)
    assert answer.status == 500
    assert f"<faultcode>sf:{code}</faultcode>".encode() in answer.body
    assert f"<sf:{element} ".encode() in answer.body


@pytest.mark.parametrize("version", ["20.0", "30.0", "69.0", "x"])
def test_versions_that_are_not_served(client, version):
    answer = client.send("POST", f"/services/Soap/u/{version}", envelope(client, "getUserInfo", ""), headers=NO_TOKEN)
    assert b"<faultcode>sf:UNSUPPORTED_API_VERSION</faultcode>" in answer.body


def test_an_envelope_that_nests_without_end(client):
    body = "<a>" * 2000 + "</a>" * 2000
    for call in ("create", "merge", "query"):
        with pytest.raises(Refused) as refused:
            soap(client, call, body)
        assert refused.value.code == "UNKNOWN_EXCEPTION"


def test_retrieving_keeps_the_order_and_says_nil(client):
    first, second = (client.create("Lead", LastName=name, Company="c") for name in "ab")
    ids = "".join(f"<ids>{i}</ids>" for i in (second, "00Q000000000000AAA", first[:15]))
    body = f"<fieldList>Id, LastName</fieldList><sObjectType>Lead</sObjectType>{ids}"
    results = answered(client, "retrieve", body)
    assert [result.findtext(f"{SF}LastName") for result in results] == ["b", None, "a"]
    assert results[1].get(NIL) == "true"


def test_updated_and_deleted(client):
    kept, gone = (client.create("Lead", LastName=name, Company="c") for name in "ab")
    client.call("DELETE", f"sobjects/Lead/{gone}")
    client.advance(180)
    span = "<startDate>2026-03-01T08:50:00Z</startDate><endDate>2026-03-01T09:02:00Z</endDate>"
    (updated,) = answered(client, "getUpdated", f"<sObjectType>Lead</sObjectType>{span}")
    assert (names(updated), updated[0].text) == (["ids", "latestDateCovered"], kept)
    (deleted,) = answered(client, "getDeleted", f"<sObjectType>Lead</sObjectType>{span}")
    assert names(deleted) == ["deletedRecords", "earliestDateAvailable", "latestDateCovered"]
    assert [child.text for child in deleted[0]] == ["2026-03-01T09:00:00.000Z", gone]


def test_describes(client):
    (everything,) = answered(client, "describeGlobal", "")
    found = [sobject.findtext(f"{PARTNER}name") for sobject in everything.findall(f"{PARTNER}sobjects")]
    assert found == [sobject["name"] for sobject in client.call("GET", "sobjects")[1]["sobjects"]]
    many = answered(client, "describeSObjects", "".join(f"<sObjectType>{name}</sObjectType>" for name in found))
    assert [sobject.findtext(f"{PARTNER}name") for sobject in many] == found
    (lead,) = answered(client, "describeSObject", "<sObjectType>lead</sObjectType>")
    assert names(lead) == sorted(names(lead))
    assert not {"urls", "sobjectDescribeOption"} & set(names(lead))
    fields = {field.findtext(f"{PARTNER}name"): field for field in lead.findall(f"{PARTNER}fields")}
    assert fields["Email"].findtext(f"{PARTNER}idLookup") == "true"
    assert [v.findtext(f"{PARTNER}value") for v in fields["Status"].findall(f"{PARTNER}picklistValues")][:1]
    assert fields["OwnerId"].findtext(f"{PARTNER}referenceTo") in ("User", "Group")
    (app,) = answered(client, "describeTabs", "")
    tabs = [tab.findtext(f"{PARTNER}sobjectName") for tab in app.findall(f"{PARTNER}tabs")]
    assert "Lead" in tabs
    with pytest.raises(Refused, match="100 types"):
        soap(client, "describeSObjects", "<sObjectType>Lead</sObjectType>" * 101)


def test_all_or_none_undoes_the_call(client):
    lead = "<u:sObjects><u:type>Lead</u:type><u:LastName>x</u:LastName><u:Company>c</u:Company></u:sObjects>"
    bad = "<u:sObjects><u:type>Lead</u:type></u:sObjects>"
    results = soap(client, "create", lead + bad + lead, headers=ALL_OR_NONE)
    bystander = ["ALL_OR_NONE_OPERATION_ROLLED_BACK"]
    assert [codes(result) for result in results] == [bystander, ["REQUIRED_FIELD_MISSING"], bystander]
    assert client.query("SELECT Id FROM Lead") == []
    assert [result["success"] for result in soap(client, "create", lead + bad)] == ["true", "false"]


def test_passwords(client):
    user_id = client.org.people.user_id("integration@sandbox.example")
    soap(client, "setPassword", f"<u:userId>{user_id}</u:userId><u:password>other-password</u:password>")
    assert client.login("integration@sandbox.example", "other-password")
    made = soap_one(client, "resetPassword", f"<u:userId>{user_id}</u:userId>")["password"]
    assert client.login("integration@sandbox.example", made)
    with pytest.raises(Refused) as short:
        soap(client, "setPassword", f"<u:userId>{user_id}</u:userId><u:password>x</u:password>")
    assert short.value.code == "INVALID_NEW_PASSWORD"


def test_sessions_ended_by_others(client):
    mine, other = client.token, client.login("integration@sandbox.example")
    results = soap(client, "invalidateSessions", f"<u:sessionIds>{other}</u:sessionIds><u:sessionIds>x</u:sessionIds>")
    assert [result["success"] for result in results] == ["true", "false"]
    client.token = other
    assert client.call("GET", "sobjects")[0] == 401
    client.token = mine
    assert client.call("GET", "sobjects")[0] == 200


def test_the_small_calls(client):
    assert soap_one(client, "getServerTimestamp", "")["timestamp"] == START.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert soap(client, "logout", "") == []
    with pytest.raises(Refused) as over:
        soap(client, "getUserInfo", "")
    assert over.value.code == "INVALID_SESSION_ID"
