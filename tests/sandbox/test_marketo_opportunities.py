"""Companies, opportunities, roles, sales persons, named accounts: the common interface, and what is special."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.marketo_client import START, Client, attributes

OPPORTUNITIES, ROLES = "/rest/v1/opportunities", "/rest/v1/opportunities/roles"
PERSONS, COMPANIES, ACCOUNTS = "/rest/v1/salespersons", "/rest/v1/companies", "/rest/v1/namedaccounts"


@pytest.fixture
def client() -> Client:
    return Client()


def sync(client: Client, base: str, *records: dict[str, Any], **members: Any) -> list[dict[str, Any]]:
    answer = client.post(f"{base}.json", {**members, "input": list(records)})
    assert answer["success"], answer
    return list(answer["result"])


def found(client: Client, base: str, filter_type: str, values: Any, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{base}.json", filterType=filter_type, filterValues=values, **query)
    assert answer["success"], answer
    return list(answer["result"])


def reason(result: dict[str, Any]) -> str:
    assert result["status"] == "skipped"
    return str(result["reasons"][0]["code"])


def deal(number: int = 1, **members: Any) -> dict[str, Any]:
    return {"externalOpportunityId": f"O{number}", "name": f"Deal {number}", **members}


@pytest.mark.parametrize(
    ("base", "name", "id_field", "dedupe", "searchable"),
    [
        (COMPANIES, "Company", "id", ["externalCompanyId"], [["externalCompanyId"], ["id"], ["company"]]),
        (
            OPPORTUNITIES,
            "opportunity",
            "marketoGUID",
            ["externalOpportunityId"],
            [["externalOpportunityId"], ["marketoGUID"]],
        ),
        (
            ROLES,
            "opportunityRole",
            "marketoGUID",
            ["externalOpportunityId", "leadId", "role"],
            [["externalOpportunityId", "leadId", "role"], ["marketoGUID"], ["leadId"], ["externalOpportunityId"]],
        ),
        (
            PERSONS,
            "SalesPerson",
            "id",
            ["externalSalesPersonId"],
            [["externalSalesPersonId"], ["id"], ["email"]],
        ),
    ],
)
def test_describe_tells_keys(
    client: Client, base: str, name: str, id_field: str, dedupe: list[str], searchable: list[list[str]]
) -> None:
    (kind,) = client.get(f"{base}/describe.json")["result"]
    assert (kind["name"], kind["idField"], kind["dedupeFields"]) == (name, id_field, dedupe)
    assert kind["searchableFields"] == searchable
    fields = {field["name"]: field for field in kind["fields"]}
    assert fields["createdAt"]["updateable"] is False
    assert all(fields[name]["updateable"] is False for name in dedupe)


def test_an_opportunity_is_made_found_changed_and_deleted(client: Client) -> None:
    made, refused = sync(client, OPPORTUNITIES, deal(amount=1604.47, isWon=True), {"externalOpportunityId": "O2"})
    assert (made["seq"], made["status"], len(made["marketoGUID"])) == (0, "created", 36)
    assert (refused["seq"], reason(refused)) == (1, "1002")  # the name must not be null
    client.wait(60)
    (row,) = found(client, OPPORTUNITIES, "dedupeFields", "o1")
    assert row == {
        "seq": 0,
        "marketoGUID": made["marketoGUID"],
        "externalOpportunityId": "O1",
        "createdAt": "2026-03-02T09:00:00Z",
        "updatedAt": "2026-03-02T09:00:00Z",
    }
    by_id = {"marketoGUID": made["marketoGUID"], "stage": "Closed"}
    (changed,) = sync(client, OPPORTUNITIES, by_id, action="updateOnly", dedupeBy="idField")
    assert changed == {"seq": 0, "status": "updated", "marketoGUID": made["marketoGUID"]}
    fields = "amount,stage,isWon,isClosed,updatedAt,MarketoGuid"
    (row,) = found(client, OPPORTUNITIES, "idField", made["marketoGUID"], fields=fields)
    assert (row["amount"], row["stage"], row["isWon"], row["isClosed"]) == (1604.47, "Closed", True, False)
    assert (row["updatedAt"], row["marketoGUID"]) == ("2026-03-02T09:01:00Z", made["marketoGUID"])
    gone = client.post(f"{OPPORTUNITIES}/delete.json", {"input": [deal(), deal(9)]})["result"]
    assert gone[0] == {"seq": 0, "marketoGUID": made["marketoGUID"], "status": "deleted"}
    assert gone[1] == {
        "seq": 1,
        "status": "skipped",
        "reasons": [{"code": "1013", "message": "Record not found"}],
    }
    assert found(client, OPPORTUNITIES, "dedupeFields", "O1") == []


def test_the_three_actions(client: Client) -> None:
    (missing,) = sync(client, OPPORTUNITIES, deal(), action="updateOnly")
    (made,) = sync(client, OPPORTUNITIES, deal(), action="createOnly")
    (again,) = sync(client, OPPORTUNITIES, deal(), action="createOnly")
    first, twin = sync(client, OPPORTUNITIES, deal(2), deal(2, name="Twin"))
    assert [reason(missing), made["status"], reason(again)] == ["1013", "created", "1017"]
    assert (first["status"], reason(twin)) == ("created", "1036")


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"externalOpportunityId": "O1", "name": "n", "color": "red"}, "1006"),
        ({"externalOpportunityId": "O1", "name": "n", "amount": "much"}, "1003"),
        ({"externalOpportunityId": "O1", "name": "n", "createdAt": "2026-01-01T00:00:00Z"}, "1003"),
        ({"name": "n"}, "1002"),
        ("no record", "1003"),
        ({"externalOpportunityId": "O1", "name": "n", "externalCompanyId": "nobody"}, "1013"),
    ],
)
def test_what_is_skipped(client: Client, record: Any, code: str) -> None:
    (result,) = sync(client, OPPORTUNITIES, record)
    assert reason(result) == code


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"input": []}, "1003"),
        ({"input": [deal(n) for n in range(301)]}, "1003"),
        ({"input": [deal()], "action": "createDuplicate"}, "1003"),
        ({"input": [deal()], "dedupeBy": "yoyoto"}, "1003"),
        ({"input": [deal()], "dedupeBy": "idField", "action": "createOnly"}, "1003"),
        ({"input": [deal(externalSalesPersonId="nobody")]}, "718"),
    ],
)
def test_what_refuses_the_call(client: Client, document: Any, code: str) -> None:
    answer = client.post(f"{OPPORTUNITIES}.json", document)
    assert (answer["success"], answer["errors"][0]["code"]) == (False, code)


def test_id_field_with_create_or_update_is_the_overviews_reading(client: Client) -> None:
    (made,) = sync(client, OPPORTUNITIES, deal())
    record = {"marketoGUID": made["marketoGUID"], "stage": "Won"}
    assert sync(client, OPPORTUNITIES, record, dedupeBy="idField")[0]["status"] == "updated"
    client.control("POST", "settings", {"id_field_needs_update_only": True})
    answer = client.post(f"{OPPORTUNITIES}.json", {"dedupeBy": "idField", "input": [record]})
    assert answer["errors"][0]["code"] == "1003"


def test_a_key_cannot_be_changed_through_the_id(client: Client) -> None:
    (made,) = sync(client, OPPORTUNITIES, deal())
    record = {"marketoGUID": made["marketoGUID"], "externalOpportunityId": "other"}
    (result,) = sync(client, OPPORTUNITIES, record, action="updateOnly", dedupeBy="idField")
    assert reason(result) == "1003"


def test_roles_need_both_sides_and_are_found_by_the_compound_key(client: Client) -> None:
    (lead,) = client.sync({"email": "a@example.com"})
    sync(client, OPPORTUNITIES, deal())
    role = {"externalOpportunityId": "O1", "leadId": lead["id"], "role": "Buyer"}
    made, no_lead, no_deal = sync(
        client, ROLES, {**role, "isPrimary": True}, {**role, "leadId": 99}, {**role, "externalOpportunityId": "O9"}
    )
    assert [made["status"], reason(no_lead), reason(no_deal)] == ["created", "1004", "1013"]
    body = {
        "filterType": "dedupeFields",
        "fields": ["marketoGuid", "isPrimary"],
        "input": [role, {**role, "role": "x"}],
    }
    answer = client.post(f"{ROLES}.json", body, _method="GET")
    assert answer["result"] == [{"seq": 0, "marketoGUID": made["marketoGUID"], "isPrimary": True}]
    incomplete = client.post(f"{ROLES}.json", {**body, "input": [{"leadId": 1}]}, _method="GET")
    assert incomplete["errors"][0]["code"] == "1003"
    assert [row["role"] for row in found(client, ROLES, "leadId", lead["id"])] == ["Buyer"]


def test_opportunities_are_followed_in_the_activity_feed(client: Client) -> None:
    (lead,) = client.sync({"email": "a@example.com"})
    sync(client, OPPORTUNITIES, deal())
    role = {"externalOpportunityId": "O1", "leadId": lead["id"], "role": "Buyer"}
    sync(client, ROLES, role)
    sync(client, OPPORTUNITIES, deal(stage="Won"))
    in_use = client.post(f"{OPPORTUNITIES}/delete.json", {"input": [deal()]})["result"]
    client.post(f"{ROLES}/delete.json", {"input": [role]})
    added, updated, removed = client.activities(34, 35, 36, since=START)
    assert (added["activityTypeId"], added["leadId"], attributes(added)["Role"]) == (34, lead["id"], "Buyer")
    assert updated["primaryAttributeValue"] == "Deal 1"
    assert '"newValue":"Won"' in attributes(updated)["Data Value Changes"]
    assert (removed["activityTypeId"], reason(in_use[0])) == (35, "1022")


def test_roles_go_with_the_lead_and_move_with_a_merge(client: Client) -> None:
    winner, loser, other = client.sync(*({"email": f"{name}@example.com"} for name in "abc"))
    sync(client, OPPORTUNITIES, deal())
    for lead in (loser, other):
        sync(client, ROLES, {"externalOpportunityId": "O1", "leadId": lead["id"], "role": "Buyer"})
    client.post(f"/rest/v1/leads/{winner['id']}/merge.json", leadId=loser["id"])
    client.post("/rest/v1/leads/delete.json", {"input": [{"id": other["id"]}]})
    assert [row["leadId"] for row in found(client, ROLES, "externalOpportunityId", "O1")] == [winner["id"]]


def test_pages(client: Client) -> None:
    sync(client, OPPORTUNITIES, *(deal(n) for n in range(5)))
    query = {"filterType": "dedupeFields", "filterValues": ",".join(f"O{n}" for n in range(5)), "batchSize": 2}
    seen, token = [], None
    while True:
        page = client.get(f"{OPPORTUNITIES}.json", **query, **({"nextPageToken": token} if token else {}))
        seen += [(row["seq"], row["externalOpportunityId"]) for row in page["result"]]
        token = page.get("nextPageToken")
        assert page["moreResult"] is (token is not None)
        if token is None:
            break
    assert seen == [(0, "O0"), (1, "O1"), (0, "O2"), (1, "O3"), (0, "O4")]
    bad = client.get(f"{OPPORTUNITIES}.json", **query, nextPageToken="garbage")
    assert bad["errors"][0]["code"] == "1003"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"filterType": "stage", "filterValues": "x"}, "Invalid filterType 'stage'"),
        ({"filterType": "dedupeFields"}, "filterValues not specified"),
        ({"filterValues": "x"}, "filterType not specified"),
        ({"filterType": "dedupeFields", "filterValues": "x", "fields": "colour"}, "Field 'colour' not found"),
    ],
)
def test_queries_that_make_no_sense(client: Client, query: dict[str, str], message: str) -> None:
    answer = client.get(f"{OPPORTUNITIES}.json", **query)
    assert answer["errors"][0]["message"] == message


def test_sales_persons_own_leads_and_companies(client: Client) -> None:
    (sam,) = sync(client, PERSONS, {"externalSalesPersonId": "sam", "email": "sam@example.com"})
    owned, nobody = client.sync(
        {"email": "a@example.com", "externalSalesPersonId": "sam"},
        {"email": "b@example.com", "externalSalesPersonId": "nobody"},
    )
    assert nobody["reasons"][0]["code"] == "1013"
    (row,) = found(client, PERSONS, "email", "sam@example.com")
    assert set(row) == {"seq", "id", "externalSalesPersonId", "email", "createdAt", "updatedAt"}  # the populated ones
    (in_use,) = client.post(f"{PERSONS}/delete.json", {"input": [{"externalSalesPersonId": "sam"}]})["result"]
    assert (reason(in_use), in_use["id"]) == ("1022", sam["id"])
    client.sync({"id": owned["id"], "externalSalesPersonId": None}, lookupField="id", action="updateOnly")
    sync(client, COMPANIES, {"externalCompanyId": "acme", "externalSalesPersonId": "sam"})
    body = {"deleteBy": "idField", "input": [{"id": sam["id"]}]}
    assert reason(client.post(f"{PERSONS}/delete.json", body)["result"][0]) == "1022"
    sync(client, COMPANIES, {"externalCompanyId": "acme", "externalSalesPersonId": None})
    assert client.post(f"{PERSONS}/delete.json", body)["result"] == [{"seq": 0, "id": sam["id"], "status": "deleted"}]


def test_custom_fields_of_opportunities(client: Client) -> None:
    field = {"object": "opportunities", "name": "region", "type": "string", "label": "Region"}
    client.control("POST", "objects/fields", field)
    sync(client, OPPORTUNITIES, deal(region="North"), deal(2, region="South"))
    assert [row["externalOpportunityId"] for row in found(client, OPPORTUNITIES, "region", "north")] == ["O1"]
    (shown,) = client.get(f"{OPPORTUNITIES}/schema/fields/region.json")["result"]
    assert (shown["displayName"], shown["isCustom"]) == ("Region", True)
    page = client.get(f"{OPPORTUNITIES}/schema/fields.json", batchSize=5)
    assert [row["name"] for row in page["result"]] == ["externalOpportunityId", "name", "description", "type", "stage"]
    assert page["moreResult"] is True
    rest = client.get(f"{OPPORTUNITIES}/schema/fields.json", nextPageToken=page["nextPageToken"])
    assert rest["result"][-1]["name"] == "region"


def test_named_accounts_and_their_lists(client: Client) -> None:
    made = sync(client, ACCOUNTS, {"name": "Google", "city": "Ulm"}, {"name": "Yahoo", "numberOfEmployees": 3})
    assert [row["name"] for row in found(client, ACCOUNTS, "numberOfEmployees", 3)] == ["Yahoo"]
    lists = "/rest/v1/namedAccountLists"
    (created,) = sync(client, lists, {"name": "SAAS List"})
    (twice,) = sync(client, lists, {"name": "SAAS List"})
    assert (created["status"], reason(twice)) == ("created", "1017")
    members = f"/rest/v1/namedAccountList/{created['marketoGUID']}/namedAccounts"
    added = client.post(f"{members}.json", {"input": [{"marketoGUID": row["marketoGUID"]} for row in made]})
    assert [row["status"] for row in added["result"]] == ["added", "added"]
    removed = client.post(f"{members}/remove.json", {"input": [{"marketoGUID": made[0]["marketoGUID"]}, {}]})
    assert [row["status"] for row in removed["result"]] == ["removed", "skipped"]
    assert [row["name"] for row in client.get(f"{members}.json")["result"]] == ["Yahoo"]
    (shown,) = found(client, lists, "dedupeFields", "SAAS List")
    assert (shown["type"], shown["updateable"]) == ("default", True)
    client.post(f"{lists}/delete.json", {"input": [{"name": "SAAS List"}]})
    assert client.get(f"{members}.json")["errors"][0]["code"] == "1013"


def test_a_partial_failure_refuses_some_records(client: Client) -> None:
    client.fault("partial_failure", "opportunities.json", indexes=[1], code=1014, message="Failed to create object")
    first, second = sync(client, OPPORTUNITIES, deal(1), deal(2))
    assert (first["status"], second["seq"], reason(second)) == ("created", 1, "1014")


def test_rights_by_family(client: Client) -> None:
    user = {"client_id": "ro", "client_secret": "s", "user": "ro@example.com", "permissions": ["Read-Only Opportunity"]}
    client.control("POST", "users", user)
    client.token = client.new_token(client_id="ro", client_secret="s")
    assert client.get(f"{OPPORTUNITIES}/describe.json")["success"]
    for answer in (
        client.post(f"{OPPORTUNITIES}.json", {"input": [deal()]}),
        client.get(f"{PERSONS}/describe.json"),
        client.get(f"{ACCOUNTS}/describe.json"),
    ):
        assert answer["errors"][0]["code"] == "603"


def test_reset_forgets_rows_and_custom_fields(client: Client) -> None:
    client.control("POST", "objects/fields", {"object": "opportunities", "name": "region", "type": "string"})
    sync(client, OPPORTUNITIES, deal(region="North"))
    client.control("POST", "reset")
    client.token = client.new_token()
    assert found(client, OPPORTUNITIES, "dedupeFields", "O1") == []
    assert reason(sync(client, OPPORTUNITIES, deal(region="North"))[0]) == "1006"
