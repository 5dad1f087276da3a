"""marketorestpython: companies and what hangs on them, custom objects, custom activities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.clients.truth import Row, assert_same
from tests.clients.worlds import person

from .opened import JOB, SECONDS, Ask, Client, id_of, make_type

if TYPE_CHECKING:
    from tests.clients.room import Room


@JOB.can("companies, opportunities, roles, sales persons, named accounts", within_seconds=SECONDS)
def crm_objects(room: Room) -> None:
    with Client(room) as ask:
        for kind in ("company", "opportunity", "opportunity_role", "sales_person", "named_accounts"):
            assert ask(f"describe_{kind}")
        companies = [{"externalCompanyId": f"c{n}", "company": f"Firm {n}"} for n in range(3)]
        assert _statuses(ask("create_update_companies", input=companies)) == ["created"] * 3
        read = _found(ask, "companies", "externalCompanyId", ["c0", "c1", "c2"], "company", batchSize=2)
        assert_same(read, companies, "externalCompanyId")
        sellers = [{"externalSalesPersonId": "s1", "email": "s1@example.com"}]
        ask("create_update_sales_persons", input=sellers)
        read = _found(ask, "sales_persons", "externalSalesPersonId", ["s1"], "email")
        assert_same(read, sellers, "externalSalesPersonId")
        deals = [{"externalOpportunityId": "o1", "name": "Deal", "externalCompanyId": "c1"}]
        assert _statuses(ask("create_update_opportunities", input=deals)) == ["created"]
        read = _found(ask, "opportunities", "externalOpportunityId", ["o1"], "name", "externalCompanyId")
        assert_same(read, deals, "externalOpportunityId")
        who = id_of(ask, person(4)["email"])
        roles = [{"externalOpportunityId": "o1", "leadId": who, "role": "Buyer"}]
        assert _statuses(ask("create_update_opportunities_roles", input=roles)) == ["created"]
        read = _found(ask, "opportunity_roles", "externalOpportunityId", ["o1"], "leadId", "role")
        assert_same(read, roles, "externalOpportunityId")
        assert _statuses(ask("delete_opportunity_roles", input=roles)) == ["deleted"]
        assert _statuses(ask("delete_opportunities", input=[{"externalOpportunityId": "o1"}])) == ["deleted"]
        assert _statuses(ask("delete_companies", input=[{"externalCompanyId": "c2"}])) == ["deleted"]


@JOB.can("custom objects: types and records", within_seconds=SECONDS)
def custom_objects(room: Room) -> None:
    with Client(room) as ask:
        make_type(ask)
        assert "pet_c" in {row["name"] for row in ask("get_list_of_custom_objects")}
        assert {field["name"] for field in ask("describe_custom_object", name="pet_c")[0]["fields"]} >= {
            "petId",
            "name",
        }
        pets = [{"petId": f"p{n}", "name": f"Pet {n}"} for n in range(5)]
        made = ask("create_update_custom_objects", name="pet_c", input=pets)
        assert [row["status"] for row in made] == ["created"] * 5
        keys = [{"petId": row["petId"]} for row in pets]
        read = ask(
            "get_custom_objects",
            name="pet_c",
            input=keys,
            filterType="dedupeFields",
            fields=["petId", "name"],
            batchSize=2,
        )
        assert_same(read, pets, "petId")
        gone = ask("delete_custom_objects", name="pet_c", input=keys[:2])
        assert [row["status"] for row in gone] == ["deleted"] * 2


@JOB.can("custom activities: types and rows", within_seconds=SECONDS)
def custom_activities(room: Room) -> None:
    now = room.instance.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    with Client(room) as ask:
        ask(
            "create_custom_activity_type",
            apiName="visit_c",
            name="Visit",
            triggerName="Visits",
            filterName="Visited",
            primaryAttributeApiName="place",
            primaryAttributeName="Place",
        )
        ask(
            "create_custom_activity_type_attribute",
            apiName="visit_c",
            attributes=[{"apiName": "hours", "name": "Hours", "dataType": "integer"}],
        )
        (kind,) = ask("approve_custom_activity_type", apiName="visit_c")
        who = id_of(ask, person(4)["email"])
        row = {
            "leadId": who,
            "activityDate": now,
            "activityTypeId": kind["id"],
            "primaryAttributeValue": "Ulm",
            "attributes": [{"name": "hours", "value": 3}],
        }
        assert ask("add_custom_activities", input=[row])[0]["status"] == "added"
        (told,) = ask("get_lead_activities", activityTypeIds=[str(kind["id"])], sinceDatetime=now)
        assert (told["leadId"], told["primaryAttributeValue"]) == (who, "Ulm")


def _statuses(results: list[Row]) -> list[str]:
    return [result["status"] for result in results]


def _found(ask: Ask, kind: str, key: str, values: list[str], *fields: str, **how: Any) -> list[Row]:
    rows = ask(f"get_{kind}", filterType=key, filterValues=values, fields=[key, *fields], **how)
    assert isinstance(rows, list)
    return rows
