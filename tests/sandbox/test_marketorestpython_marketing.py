"""marketorestpython 0.5.25, unmodified, over HTTP: programs, folders, lists, members, campaigns, partitions, forms.

The client waits 0.2 s between calls of one verb, so the tests are few and each does much.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from marketorestpython.client import MarketoClient

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.marketo.identity import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests.sandbox.marketo_client import START, Client


@pytest.fixture
def instance() -> MarketoInstance:
    return MarketoInstance(clock=SandboxClock(frozen_at=START))


@pytest.fixture
def client(instance: MarketoInstance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Its own pace of five calls a second is not what is tested here.
    monkeypatch.setattr("marketorestpython.helper.http_lib.time.sleep", lambda _seconds: None)
    with serve(instance) as url:
        client = MarketoClient("123-ABC-456", DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
        client.host = url
        yield client


def test_programs_and_folders(client: Any, instance: MarketoInstance) -> None:
    run = client.execute
    (root,) = run(method="get_folder_by_name", name="Marketing Activities")
    assert root["folderId"] == {"id": 14, "type": "Folder"}
    (folder,) = run(method="create_folder", name="Campaigns", parentId=15, parentType="Folder", description="ours")
    assert folder["path"] == "/Marketing Activities/Default/Campaigns"
    assert [
        row["name"] for row in run(method="browse_folders", root=str({"id": 14, "type": "Folder"}), maxDepth=2)
    ] == [
        "Marketing Activities",
        "Default",
        "Campaigns",
    ]
    Client(instance).control("POST", "tags", {"tagType": "Region"})
    (program,) = run(
        method="create_program",
        folderId=folder["id"],
        folderType="Folder",
        name="Spring",
        type="Default",
        channel="Online Advertising",
        description="first",
        tags={"Region": "EU"},
        costs=[{"startDate": "2026-01-01", "cost": 2000}],
    )
    assert program["tags"] == [{"tagType": "Region", "tagValue": "EU"}]
    assert program["costs"] == [{"startDate": "2026-01-01", "cost": 2000}]
    number = program["id"]
    assert run(method="get_program_by_id", id=number)[0]["name"] == "Spring"
    assert run(method="get_program_by_name", name="Spring")[0]["id"] == number
    assert run(method="get_program_by_tag_type", tagType="Region", tagValue="EU")[0]["id"] == number
    assert run(method="update_program", id=number, description="second", tags={"Region": "US"})[0]["tags"][0] == {
        "tagType": "Region",
        "tagValue": "US",
    }
    (clone,) = run(method="clone_program", id=number, name="Autumn", folderId=15, folderType="Folder")
    assert [row["name"] for row in run(method="browse_programs", maxReturn=1)] == ["Spring", "Autumn"]
    assert list(run(method="get_programs_yield", offset=0, maxReturn=1)) == [
        [row] for row in run(method="browse_programs")
    ]
    assert run(method="create_token", id=number, folderType="Program", type="text", name="a", value="b")[0]["tokens"]
    assert run(method="get_tokens", id=number, folderType="Program")[0]["tokens"][0]["value"] == "b"
    assert run(method="delete_tokens", id=number, folderType="Program", name="a", type="text") == [{"id": number}]
    assert run(method="get_folder_contents", id=folder["id"], type="Folder") == [{"id": number, "type": "Program"}]
    assert {"Blog", "Nurture"} <= {row["name"] for row in run(method="get_channels", maxReturn=3)}
    assert run(method="get_channel_by_name", name="Blog")[0]["progressionStatuses"][0]["step"] == 0
    assert [row["tagType"] for row in run(method="get_tags")] == ["Region"]
    assert run(method="get_tag_by_name", name="Region")[0]["required"] is False
    assert run(method="delete_program", id=clone["id"]) == [{"id": clone["id"]}]
    with pytest.raises(Exception, match="'code': '709'"):
        run(method="approve_program", id=number)
    with pytest.raises(Exception, match="'code': '709'"):
        run(method="delete_folder", id=folder["id"])
    assert run(method="update_folder", id=folder["id"], name="Ours")[0]["name"] == "Ours"
    assert run(method="get_emails") == []
    assert run(method="get_forms") == []


def test_lists_members_and_campaigns(client: Any, instance: MarketoInstance) -> None:
    run, control = client.execute, Client(instance).control
    people = [{"email": f"p{n}@example.com"} for n in range(3)]
    ids = [row["id"] for row in run(method="create_update_leads", leads=people)]
    control("POST", "programs", {"name": "Spring", "channel": "Content"})
    (made,) = run(method="create_list", name="VIPs", folderId=1, folderType="Program", description="best")
    assert run(method="get_list_by_name", name="VIPs")[0]["folder"] == {"id": 1, "type": "Program"}
    assert run(method="update_list", id=made["id"], name="Best")[0]["name"] == "Best"
    assert [row["id"] for row in run(method="browse_lists", folderId=1, folderType="Program")] == [made["id"]]
    assert run(method="get_multiple_lists", programName=["Spring"])[0]["name"] == "Best"
    run(method="add_leads_to_list", listId=made["id"], id=ids[:1])
    assert run(method="member_of_list", listId=made["id"], id=ids[:1])[0]["status"] == "memberof"

    pushed = run(
        method="push_lead", leads=people, programName="Spring", programStatus="Visited", source="s", reason="r"
    )
    assert [row["status"] for row in pushed] == ["updated"] * 3
    changed = run(method="change_lead_program_status", id=1, leadIds=ids[:1], status="Downloaded")
    assert changed == [{"id": ids[0], "status": "updated"}]
    assert run(method="describe_program_member")[0]["dedupeFields"] == ["leadId", "programId"]
    data = run(method="sync_program_member_data", id=1, input=[{"leadId": ids[0], "registrationCode": "x"}])
    assert data == [{"seq": 0, "status": "updated", "leadId": ids[0]}]
    rows = run(method="get_multiple_leads_by_program_id", programId=1, fields="email", batchSize=2)
    assert [row["membership"]["progressionStatus"] for row in rows] == ["Downloaded", "Visited", "Visited"]

    flow = [{"step": "Change Data Value", "field": "city", "value": "{{my.town}}"}]
    control("POST", "campaigns", {"name": "Move", "program": "Spring", "flow": flow, "active": False})
    filters = [{"program": "Spring"}]
    control(
        "POST", "campaigns", {"name": "All", "type": "batch", "program": "Spring", "flow": flow, "filters": filters}
    )
    assert run(method="activate_smart_campaign", id=1) == [{"id": 1}]
    assert run(method="request_campaign", id=1, leads=ids[:1], tokens={"my.town": "Ulm"}) is True
    assert run(method="get_lead_by_id", id=ids[0], fields=["city"])[0]["city"] == "Ulm"
    assert run(method="get_smart_campaigns_by_lead_id", lead_id=ids[0])[0]["smartCampaignId"] == 1
    assert run(method="schedule_campaign", id=2, tokens={"my.town": "Kiel"}) is True
    instance.clock.advance(301)
    assert run(method="get_lead_by_id", id=ids[2], fields=["city"])[0]["city"] == "Kiel"
    assert run(method="schedule_campaign", id=2) is True
    assert [row["name"] for row in run(method="get_multiple_campaigns", programName=["Spring"])] == ["Move", "All"]
    assert run(method="get_campaign_by_id", id=2)[0]["type"] == "batch"
    assert run(method="get_smart_list_by_smart_campaign_id", id=2)[0]["rules"]["filters"]
    (copy,) = run(method="clone_smart_campaign", id=2, folderId=15, folderType="Folder", name="Copy")
    assert run(method="update_smart_campaign", id=copy["id"], name="C")[0]["name"] == "C"
    assert run(method="delete_smart_campaign", id=copy["id"]) == [{"id": copy["id"]}]
    assert [row["id"] for page in run(method="get_smart_campaigns") for row in page] == [1, 2]
    assert list(run(method="get_smart_lists")) == []
    assert run(method="delete_list", id=made["id"]) == [{"id": made["id"]}]


def test_partitions_cookies_and_forms(client: Any, instance: MarketoInstance) -> None:
    run, control = client.execute, Client(instance).control
    control("POST", "partitions", {"name": "Europe"})
    control("POST", "forms", {"name": "Sign up"})
    assert [row["name"] for row in run(method="get_lead_partitions")] == ["Default", "Europe"]
    (row,) = run(method="submit_form", formId=1, input={"leadFormFields": {"email": "a@example.com"}})
    assert run(method="update_leads_partition", input=[{"id": row["id"], "partitionName": "Europe"}]) == [
        {"id": row["id"], "status": "updated"}
    ]
    assert run(method="associate_lead", id=row["id"], cookie="id:123-ABC-456&token:_mch-example.com-1-2") is True
    with pytest.raises(Exception, match="'code': '1012'"):
        run(method="associate_lead", id=row["id"], cookie="x")
