"""marketorestpython: programs and their members, assets, smart campaigns."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.clients.truth import assert_same, control
from tests.clients.worlds import CAMPAIGNS, PROGRAMS, person

from .opened import JOB, SECONDS, Client, id_of, people_stored

if TYPE_CHECKING:
    from tests.clients.room import Room


@JOB.can("programs, members, channels, tags, tokens, folders", within_seconds=SECONDS)
def programs(room: Room) -> None:
    with Client(room) as ask:
        assert_same(
            ask("browse_programs", maxReturn=200), [{"name": f"Program {n:03}"} for n in range(PROGRAMS)], "name"
        )
        (program,) = ask("get_program_by_name", name="Program 003")
        assert ask("get_program_by_id", id=program["id"])[0]["channel"] == "Blast"
        assert "Blast" in {row["name"] for row in ask("get_channels")}
        ask("get_tags")
        place = program["folder"]
        (made,) = ask(
            "create_program",
            folderId=place["value"],
            folderType=place["type"],
            name="New",
            type="Default",
            channel="Blast",
        )
        assert ask("update_program", id=made["id"], description="x")[0]["description"] == "x"
        people = [id_of(ask, person(n)["email"]) for n in range(3)]
        control(room.instance, "POST members", {"program": "New", "leadIds": people, "status": "Sent"})
        changed = ask("change_lead_program_status", id=made["id"], leadIds=people[:1], status="Opened")
        assert changed[0]["status"] == "updated"
        members = ask("get_multiple_leads_by_program_id", programId=made["id"], fields="email", batchSize=1)
        assert_same(members, [{"email": person(n)["email"]} for n in range(3)], "email")
        assert ask("describe_program_member")[0]["fields"]
        ask("create_token", id=made["id"], folderType="Program", type="text", name="greeting", value="Hello")
        assert ask("get_tokens", id=made["id"], folderType="Program")[0]["tokens"][0]["value"] == "Hello"
        assert ask("get_folder_by_id", id=place["value"], type=place["type"])[0]["folderId"]["id"] == place["value"]
        assert ask("browse_folders", root=place["value"], maxDepth=1)
        assert ask("delete_program", id=made["id"])[0]["id"] == made["id"]


@JOB.can("smart campaigns: browse, request, schedule, activate", within_seconds=SECONDS)
def campaigns(room: Room) -> None:
    control(room.instance, "POST campaigns", {"name": "Batch", "type": "batch", "filters": []})
    flow = [{"step": "Change Data Value", "field": "city", "value": "{{my.city}}"}]
    control(room.instance, "POST campaigns", {"name": "Trigger", "type": "trigger", "flow": flow})
    with Client(room) as ask:
        assert_same(
            [row for row in ask("get_multiple_campaigns") if row["name"].startswith("Campaign")],
            [{"name": f"Campaign {n:03}"} for n in range(CAMPAIGNS)],
            "name",
        )
        trigger, batch = (ask("get_smart_campaign_by_name", name=name)[0] for name in ("Trigger", "Batch"))
        who = id_of(ask, person(4)["email"])
        assert ask("request_campaign", id=trigger["id"], leads=[who], tokens={"my.city": "Ulm"}) is True
        at = (room.instance.clock.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert ask("schedule_campaign", id=batch["id"], runAt=at) is True
        assert ask("deactivate_smart_campaign", id=trigger["id"])
        assert ask("activate_smart_campaign", id=trigger["id"])
    control(room.instance, "POST clock", {"advance_seconds": 60})
    control(room.instance, "GET clock")
    assert people_stored(room, "id", [who], "city") == [{"id": who, "city": "Ulm"}]
