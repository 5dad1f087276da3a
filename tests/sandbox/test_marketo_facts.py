"""Single facts of the vendor's pages that no other test states: texts, members, defaults. Each names its page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.marketo_client import TOKEN_QUERY, Client, attributes

COOKIE = "id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169"
MARCH = {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-20T00:00:00Z"}


@pytest.fixture
def client() -> Client:
    return Client()


def errors(answer: dict[str, Any]) -> list[tuple[str, str]]:
    assert answer["success"] is False, answer
    return [(error["code"], error["message"]) for error in answer["errors"]]


def reasons(result: dict[str, Any]) -> tuple[str, str]:
    (reason,) = result["reasons"]
    return reason["code"], reason["message"]


def test_texts_of_the_error_table(client: Client) -> None:
    """Marketo "Error Codes"."""
    missing = "Missing value for the required parameter"
    assert errors(client.get("/rest/v1/activities/pagingtoken.json")) == [("1002", f"{missing} 'sinceDatetime'")]
    assert reasons(client.sync({"firstName": "A"})[0]) == ("1002", f"{missing} 'email'")
    for path in ("campaigns/5", "lists/5", "programs/5/members"):
        assert errors(client.get(f"/rest/v1/{path}.json")) == [("1013", "Object not found")]
    client.control("POST", "programs", {"name": "Spring", "type": "Default", "channel": "Content"})
    wanted = {"statusName": "Nowhere", "input": [{"leadId": 1}]}
    status = client.post("/rest/v1/programs/1/members/status.json", wanted)
    assert errors(status) == [("1025", "Program status not found")]
    client.post("/rest/v1/companies.json", {"input": [{"externalCompanyId": "C1"}]})
    (linked,) = client.sync({"email": "a@example.com", "externalCompanyId": "C1"})
    changed = {"id": linked["id"], "company": "Acme"}
    (refused,) = client.sync(changed, action="updateOnly", lookupField="id")
    assert reasons(refused) == ("1021", "Company update not allowed")


def test_a_job_queued_twice_is_told_in_the_words_of_the_table(client: Client) -> None:
    """Marketo "Error Codes", 1029."""
    client.instance.settings.export_seconds = 60
    job = client.post("/bulk/v1/leads/export/create.json", {"fields": ["id"], "filter": {"createdAt": MARCH}})
    enqueue = f"/bulk/v1/leads/export/{job['result'][0]['exportId']}/enqueue.json"
    client.post(enqueue)
    assert errors(client.post(enqueue)) == [("1029", "Job already queued")]


def test_leads_are_found_by_their_cookie_and_a_bad_one_is_refused(client: Client) -> None:
    """Marketo "Error Codes", 1012: also of Get Leads by Filter Type with filterType cookies."""
    (lead,) = client.sync({"email": "a@example.com"})
    for cookie in (COOKIE, COOKIE.replace("46169", "46170")):
        assert client.post(f"/rest/v1/leads/{lead['id']}/associate.json", cookie=cookie)["success"]
    assert [row["id"] for row in client.leads("cookies", COOKIE)] == [lead["id"]]
    assert client.leads("cookies", COOKIE.replace("46169", "1")) == []
    refused = client.get("/rest/v1/leads.json", filterType="cookies", filterValues="garbage")
    assert errors(refused) == [("1012", "Invalid cookie value 'garbage'")]


def test_the_metadata_of_lead_fields_is_as_the_samples_show(client: Client) -> None:
    """Marketo "Leads" (Query Fields, Browse)."""
    page = client.get("/rest/v1/leads/schema/fields.json", batchSize=5)
    assert page["moreResult"] is True
    assert page["nextPageToken"]
    every = client.get("/rest/v1/leads/schema/fields.json")
    assert every["moreResult"] is False
    assert "nextPageToken" not in every
    flags = {
        field["name"]: (field["isHtmlEncodingInEmail"], field["isSensitive"], field["isCustom"])
        for field in every["result"]
    }
    assert flags["email"] == (True, True, False)
    assert flags["dateOfBirth"] == flags["unsubscribed"] == (False, True, False)
    assert flags["industry"] == (True, False, False)
    made = [{"displayName": "Job Title", "name": "jobTitle2", "dataType": "string"}]
    (refused,) = client.post("/rest/v1/leads/schema/fields.json", {"input": made})["result"]
    assert reasons(refused)[0] == "1017"  # displayName must be unique


def test_skipped_program_members_have_a_place_and_no_lead_id(client: Client) -> None:
    """Marketo "Program Members": the samples of status, data and delete."""
    client.control("POST", "programs", {"name": "Spring", "type": "Default", "channel": "Content"})
    (lead,) = client.sync({"email": "a@example.com"})
    path, one = "/rest/v1/programs/1/members", {"input": [{"leadId": lead["id"]}]}
    (made,) = client.post(f"{path}/status.json", {"statusName": "Visited", **one})["result"]
    assert made == {"seq": 0, "status": "created", "leadId": lead["id"]}
    (again,) = client.post(f"{path}/status.json", {"statusName": "Visited", **one})["result"]
    text = "Lead skipped because it is already in or past this status"
    assert again == {"seq": 0, "status": "skipped", "reasons": [{"code": "1037", "message": text}]}
    (gone,) = client.post(f"{path}/delete.json", {"input": [{"leadId": 99}]})["result"]
    assert gone == {"seq": 0, "status": "skipped", "reasons": [{"code": "1037", "message": "Lead not in program"}]}


def test_a_cancelled_export_has_no_end(client: Client) -> None:
    """Marketo "Bulk Extract", "Bulk Lead Extract" (Canceling a Job)."""
    job = client.post("/bulk/v1/leads/export/create.json", {"fields": ["id"], "filter": {"createdAt": MARCH}})
    (told,) = client.post(f"/bulk/v1/leads/export/{job['result'][0]['exportId']}/cancel.json")["result"]
    assert sorted(told) == ["createdAt", "exportId", "format", "status"]
    assert told["status"] == "Cancelled"


def test_an_import_without_a_format_is_csv(client: Client) -> None:
    """Marketo "Bulk Import" (Common Parameters): the format defaults to CSV."""
    client.upload("/bulk/v1/leads.json", "email\r\na@example.com")
    (status,) = client.get("/bulk/v1/leads/batch/1.json")["result"]
    assert status["message"] == "Import succeeded, 1 records imported (1 members)"


def test_custom_objects_stay_with_the_person_who_loses_a_merge(client: Client) -> None:
    """Marketo "Find and Merge Duplicate People": not re-associated to the winning person."""
    link = {"name": "leadID", "displayName": "Lead", "dataType": "link", "relatedTo": {"name": "Lead", "field": "id"}}
    vin = {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}
    client.control("POST", "custom_objects", {"apiName": "car_c", "displayName": "Car", "fields": [vin, link]})
    winner, loser = (row["id"] for row in client.sync({"email": "a@example.com"}, {"email": "b@example.com"}))
    client.post("/rest/v1/customobjects/car_c.json", {"input": [{"vin": "1", "leadID": loser}]})
    assert client.post(f"/rest/v1/leads/{winner}/merge.json", leadId=loser)["success"]
    found = client.get("/rest/v1/customobjects/car_c.json", filterType="vin", filterValues="1", fields="leadID")
    assert [row["leadID"] for row in found["result"]] == [loser]


def test_forms_tell_the_types_of_their_attributes(client: Client) -> None:
    """Marketo "Activities" (Describe): the sample of Fill Out Form."""
    types = {kind["id"]: kind for kind in client.get("/rest/v1/activities/types.json")["result"]}
    assert types[2]["primaryAttribute"] == {"name": "Webform ID", "dataType": "integer"}
    kinds = {item["name"]: item["dataType"] for item in types[2]["attributes"]}
    assert (kinds["Form Fields"], kinds["Webpage ID"], kinds["User Agent"]) == ("text", "integer", "string")
    assert "primaryAttribute" not in types[12]


def test_what_a_visitor_did_can_be_told(client: Client) -> None:
    """Marketo "Activities" (Query): the sample of Visit Webpage."""
    (lead,) = client.sync({"email": "a@example.com"})
    visit = {"Client IP Address": "10.0.19.252", "Webpage URL": "/munchkintest2.html"}
    told = {"leadId": lead["id"], "type": "Visit Webpage", "primaryId": 71, "primary": "localhost/munchkintest2.html"}
    client.control("POST", "activities", {**told, "attributes": visit})
    (row,) = client.activities(1)
    assert (row["primaryAttributeValueId"], row["primaryAttributeValue"]) == (71, "localhost/munchkintest2.html")
    assert attributes(row) == visit


def test_activities_of_chosen_assets(client: Client) -> None:
    """The reference of Get Lead Activities: assetIds."""
    (lead,) = client.sync({"email": "a@example.com"})
    for name in ("VIPs", "Others"):
        number = client.control("POST", "lists", {"name": name})["id"]
        client.post(f"/rest/v1/lists/{number}/leads.json", {"input": [{"id": lead["id"]}]})
    assert [row["primaryAttributeValue"] for row in client.activities(24, assetIds=number)] == ["Others"]
    assert [row["primaryAttributeValue"] for row in client.activities(24, assetIds="1,2")] == ["VIPs", "Others"]


def test_rights_of_the_endpoint_reference(client: Client) -> None:
    """The reference's "Required Permissions": activity types, membership of a list, approval of programs."""
    rights = {
        "Read-Only Activity": ("GET", "/rest/v1/activities/types.json"),
        "Read-Write Lead": ("GET", "/rest/v1/lists/1/leads/ismember.json"),
        "Approve Assets": ("POST", "/rest/asset/v1/program/1/approve.json"),
        "Read-Write Assets": ("POST", "/rest/asset/v1/program/1/unapprove.json"),
    }
    for right, (method, path) in rights.items():
        service = {"client_id": right, "client_secret": "s", "user": "u@example.com", "permissions": [right]}
        client.control("POST", "users", service)
        client.token = client.new_token(client_id=right, client_secret="s")
        assert b'"603"' not in client.send(method, path).body, right


@pytest.mark.parametrize(
    ("grant", "error"), [("", "invalid_request"), ("password", "unsupported_grant_type")], ids=["none", "another"]
)
def test_tokens_are_given_for_client_credentials_only(client: Client, grant: str, error: str) -> None:
    """Marketo "Authentication": grant_type=client_credentials; RFC 6749, 5.2."""
    answer = client.raw("GET", "/identity/oauth/token", {**TOKEN_QUERY, "grant_type": grant})
    assert (answer.status, json.loads(answer.body)["error"]) == (400, error)


def test_the_owner_of_a_deleted_company_stays_in_use(client: Client) -> None:
    """Marketo "Sales Persons" (Delete)."""
    keys = {"externalSalesPersonId": "S1"}
    client.post("/rest/v1/salespersons.json", {"input": [keys, {"externalSalesPersonId": "S2"}]})
    client.post("/rest/v1/companies.json", {"input": [{"externalCompanyId": "C1", **keys}]})
    client.post("/rest/v1/companies/delete.json", {"input": [{"externalCompanyId": "C1"}]})
    wanted = {"input": [keys, {"externalSalesPersonId": "S2"}]}
    owner, other = client.post("/rest/v1/salespersons/delete.json", wanted)["result"]
    assert reasons(owner) == ("1022", "Object in use")
    assert other["status"] == "deleted"


def test_members_of_an_account_list_show_the_fields_asked_for(client: Client) -> None:
    """Marketo "Named Account Lists" (Query Membership)."""
    (account,) = client.post("/rest/v1/namedaccounts.json", {"input": [{"name": "Acme", "city": "Ulm"}]})["result"]
    (made,) = client.post("/rest/v1/namedAccountLists.json", {"input": [{"name": "Targets"}]})["result"]
    path, guid = f"/rest/v1/namedAccountList/{made['marketoGUID']}/namedAccounts.json", account["marketoGUID"]
    client.post(path, {"input": [{"marketoGUID": guid}]})
    (plain,) = client.get(path)["result"]
    assert sorted(plain) == ["createdAt", "marketoGUID", "name", "seq", "updatedAt"]
    assert client.get(path, fields="city")["result"] == [{"seq": 0, "marketoGUID": guid, "city": "Ulm"}]


def test_a_merge_sums_the_default_score_where_salesforce_is_connected(client: Client) -> None:
    """Marketo "SFDC Sync: Merging a Lead/Contact/Person"."""
    for crm, score in ((None, 10), ("sfdc", 30)):
        client.control("POST", "native", {"crm": crm})
        first, *others = (row["id"] for row in client.sync(*[{"leadScore": 10}] * 3, action="createDuplicate"))
        merged = client.post(f"/rest/v1/leads/{first}/merge.json", leadIds=",".join(map(str, others)))
        assert merged["success"], merged
        assert client.lead(first, "leadScore")["leadScore"] == score


def test_a_merge_in_the_crm_needs_a_crm(client: Client) -> None:
    """Marketo "Error Codes" (703), "Leads" (Merge, mergeInCRM)."""
    first, second = (row["id"] for row in client.sync({"email": "a@example.com"}, {"email": "b@example.com"}))
    merge = f"/rest/v1/leads/{first}/merge.json"
    refused = client.post(merge, leadId=second, mergeInCRM="true")
    assert errors(refused) == [("703", "The feature is not enabled for the subscription")]
    client.control("POST", "native", {"crm": "sfdc"})
    assert client.post(merge, leadId=second, mergeInCRM="true")["success"]
    assert attributes(client.activities(32)[0])["Merged in Sales"] is True


def test_an_upload_may_carry_its_token_in_a_part(client: Client) -> None:
    """Marketo "Bulk Lead Import": curl -F format=csv -F file=… -F access_token=…"""
    parts = {'format"': "csv", 'file"; filename="a.csv"': "email\na@example.com", 'access_token"': client.token}
    head = 'Content-Disposition: form-data; name="'
    body = "".join(f"--B\r\n{head}{name}\r\n\r\n{value}\r\n" for name, value in parts.items()) + "--B--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=B"}
    answer = client.raw("POST", "/bulk/v1/leads.json", body=body.encode(), headers=headers)
    assert json.loads(answer.body)["result"][0]["status"] == "Queued"
    client.control("POST", "settings", {"accept_token_in_query": False})
    answer = client.raw("POST", "/bulk/v1/leads.json", body=body.encode(), headers=headers)
    assert errors(json.loads(answer.body)) == [("603", "Access denied")]
