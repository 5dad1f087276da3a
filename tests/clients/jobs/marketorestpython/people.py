"""marketorestpython: people, static lists, activities, usage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.clients.truth import Row, assert_same, control
from tests.clients.worlds import LISTS, PEOPLE, change_people, person

from .opened import FIELDS, JOB, SECONDS, Ask, Client, id_of, people_stored

if TYPE_CHECKING:
    from tests.clients.room import Room

_NEW = 310  # more than the 300 of a page


@JOB.can("leads: describe, write, read in pages, delete", within_seconds=SECONDS)
def leads(room: Room) -> None:
    with Client(room) as ask:
        names = {field["rest"]["name"] for field in ask("describe")}
        assert names >= set(FIELDS)
        assert ["email"] in ask("describe2")[0]["searchableFields"]
        new = [person(90_000 + n) for n in range(_NEW)]
        made = [*_written(ask, new[:300], "createOnly"), *_written(ask, new[300:], "createOnly")]
        assert [row["status"] for row in made] == ["created"] * _NEW
        again = _written(ask, [{**row, "lastName": "Changed"} for row in new[:10]], "createOrUpdate")
        assert [row["status"] for row in again] == ["updated"] * 10
        found = ask(
            "get_multiple_leads_by_filter_type",
            filterType="id",
            filterValues=[str(row["id"]) for row in made[:300]],
            fields=FIELDS,
            batchSize=100,
        )
        assert_same(
            found, [{**row, "lastName": "Changed"} if n < 10 else row for n, row in enumerate(new[:300])], "email"
        )
        (one,) = ask("get_lead_by_id", id=made[0]["id"], fields=["email"])
        assert one["email"] == new[0]["email"]
        deleted = ask("delete_lead", id=[row["id"] for row in made[:20]])
        assert [row["status"] for row in deleted] == ["deleted"] * 20
    kept = people_stored(room, "email", [row["email"] for row in new])
    assert_same(kept, [{"email": row["email"]} for row in new[20:]], "email")


@JOB.can("leads: merge, partitions, push")
def merging(room: Room) -> None:
    control(room.instance, "POST partitions", {"name": "Second"})
    with Client(room) as ask:
        winner, *losers = (id_of(ask, person(n)["email"]) for n in (1, 2, 3))
        assert ask("merge_lead", id=winner, leadIds=losers) is True
        assert {row["name"] for row in ask("get_lead_partitions")} == {"Default", "Second"}
        moved = ask("update_leads_partition", input=[{"id": winner, "partitionName": "Second"}])
        assert moved[0]["status"] == "updated"
        pushed = ask(
            "push_lead", leads=[{"email": "pushed@example.com"}], programName="Program 000", lookupField="email"
        )
        assert pushed[0]["status"] in ("created", "updated")
    assert people_stored(room, "email", [person(n)["email"] for n in (2, 3)]) == []
    assert len(people_stored(room, "email", ["pushed@example.com"])) == 1


@JOB.can("static lists and their members", within_seconds=SECONDS)
def lists(room: Room) -> None:
    with Client(room) as ask:
        assert_same(ask("get_multiple_lists"), [{"name": f"List {n:03}"} for n in range(LISTS)], "name")
        assert len(ask("browse_lists", maxReturn=200)) == LISTS
        list_id = ask("get_multiple_lists", name=["List 007"])[0]["id"]
        (by_id,) = ask("get_list_by_id", id=list_id)
        assert by_id["name"] == "List 007"
        people = [id_of(ask, person(n)["email"]) for n in range(3)]
        assert [row["status"] for row in ask("add_leads_to_list", listId=list_id, id=people)] == ["added"] * 3
        assert [row["status"] for row in ask("remove_leads_from_list", listId=list_id, id=people[:1])] == ["removed"]
        found = [row["status"] for row in ask("member_of_list", listId=list_id, id=people)]
        assert found == ["notmemberof", "memberof", "memberof"]
        members = ask("get_multiple_leads_by_list_id", listId=list_id, fields="email", batchSize=1)
        assert_same(members, [{"email": person(n)["email"]} for n in (1, 2)], "email")


@JOB.can("activities, changes and deletions from a token on", within_seconds=SECONDS)
def activities(room: Room) -> None:
    start = room.instance.clock.now() - timedelta(days=51)
    since = start.strftime("%Y-%m-%dT%H:%M:%SZ")
    with Client(room) as ask:
        types = {row["name"]: row["id"] for row in ask("get_activity_types")}
        told = ask("get_lead_activities", activityTypeIds=[str(types["New Lead"])], sinceDatetime=since)
        assert len({row["leadId"] for row in told}) == len(told) == PEOPLE
        now = room.instance.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        change_people(room.instance)
        changes = ask("get_lead_changes", fields=["lastName"], sinceDatetime=now)
        changed = [row for row in changes if row["activityTypeId"] == types["Change Data Value"]]
        assert [row["fields"][0]["newValue"] for row in changed] == ["Changed"] * 30
        gone = id_of(ask, person(7)["email"])
        ask("delete_lead", id=[gone])
        assert [row["leadId"] for row in ask("get_deleted_leads", sinceDatetime=now)] == [gone]


@JOB.can("usage and errors")
def usage(room: Room) -> None:
    with Client(room) as ask:
        ask("describe2")
        (today,) = ask("get_daily_usage")
        assert today["total"] >= 1
        ask("get_last_7_days_usage")
        ask("get_daily_errors")
        ask("get_last_7_days_errors")


def _written(ask: Ask, rows: list[Row], action: str) -> list[Row]:
    result = ask("create_update_leads", leads=rows, action=action, lookupField="email")
    assert isinstance(result, list)
    return result
