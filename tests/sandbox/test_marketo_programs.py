"""Assets against the vendor's documented answers: programs with channels, tags and costs, folders, My Tokens, lists."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from syncline_sandbox.marketo import MarketoInstance
from tests.sandbox.marketo_client import Client

ASSET = "/rest/asset/v1"
NOTHING = {"errors": [], "warnings": ["No assets found for the given search criteria."]}
FOLDER = '{"id":15,"type":"Folder"}'
NOW = "2026-03-02T09:00:00Z+0000"


@pytest.fixture
def client() -> Client:
    return Client()


def form(client: Client, path: str, **fields: Any) -> dict[str, Any]:
    """A write as the vendor's samples send it."""
    headers = {
        "authorization": f"Bearer {client.token}",
        "content-type": "application/x-www-form-urlencoded;charset=utf-8",
    }
    answer = client.raw("POST", f"{ASSET}/{path}", body=urlencode(fields).encode(), headers=headers)
    decoded: dict[str, Any] = json.loads(answer.body)
    return decoded


def program(client: Client, name: str = "Spring", **fields: Any) -> int:
    wanted = {"name": name, "folder": FOLDER, "type": "Default", "channel": "Online Advertising", **fields}
    answer = form(client, "programs.json", **wanted)
    assert answer["success"], answer
    return int(answer["result"][0]["id"])


def code(answer: dict[str, Any]) -> str:
    assert answer["success"] is False, answer
    return str(answer["errors"][0]["code"])


def test_a_program_as_the_vendor_shows_it(client: Client) -> None:
    costs = '[{"startDate":"2015-01-01","cost":2000}]'
    answer = form(
        client,
        "programs.json",
        name="API Test Program",
        folder=FOLDER,
        description="Sample API Program",
        type="Default",
        channel="Online Advertising",
        costs=costs,
    )
    assert (answer["errors"], answer["warnings"]) == ([], [])
    assert answer["result"] == [
        {
            "id": 1,
            "name": "API Test Program",
            "description": "Sample API Program",
            "createdAt": NOW,
            "updatedAt": NOW,
            "url": "https://app-sandbox.marketo.com/#PG1A1",
            "type": "Default",
            "channel": "Online Advertising",
            "folder": {"type": "Folder", "value": 15, "folderName": "Default"},
            "status": "",
            "workspace": "Default",
            "headStart": False,
            "tags": None,
            "costs": [{"startDate": "2015-01-01", "cost": 2000}],
        }
    ]
    assert client.get(f"{ASSET}/program/1.json")["result"] == answer["result"]
    (by_name,) = client.get(f"{ASSET}/program/byName.json", name="API Test Program")["result"]
    assert by_name["costs"] is None
    (browsed,) = client.get(f"{ASSET}/programs.json")["result"]
    assert {"tags", "costs"}.isdisjoint(browsed)


def test_nothing_found_is_a_warning_without_a_result(client: Client) -> None:
    for path in (
        "programs",
        "program/9",
        "smartCampaigns",
        "smartLists",
        "emails",
        "segmentation",
        "forms",
        "tagTypes",
    ):
        answer = client.get(f"{ASSET}/{path}.json")
        assert {name: answer[name] for name in answer if name not in ("requestId", "success")} == NOTHING, path
        assert answer["success"] is True


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": ""}, "701"),
        ({"folder": ""}, "701"),
        ({"folder": '{"id":999,"type":"Folder"}'}, "710"),
        ({"folder": "nonsense"}, "709"),
        ({"type": "Banner"}, "709"),
        ({"channel": "Nurture"}, "709"),
        ({"name": "Taken"}, "709"),
        ({"costs": '[{"startDate":"soon","cost":1}]'}, "704"),
        ({"costs": '[{"startDate":"2026-01-01","cost":"much"}]'}, "709"),
        ({"costs": "[["}, "709"),
        ({"tags": '[{"tagType":"Presenter","tagValue":"Dennis"}]'}, "709"),
        ({"startDate": "soon"}, "704"),
        ({"folder": '{"id":1,"type":"Program"}'}, "711"),
    ],
)
def test_programs_that_are_refused(client: Client, fields: dict[str, str], expected: str) -> None:
    program(client, "Taken")
    wanted = {"name": "New", "folder": FOLDER, "type": "Default", "channel": "Blog", **fields}
    assert code(form(client, "programs.json", **wanted)) == expected


def test_costs_are_appended_replaced_and_cleared(client: Client) -> None:
    number = program(client, costs='[{"startDate":"2026-01-01","cost":100}]')
    added = form(client, f"program/{number}.json", costs='[{"startDate":"2026-02-01","cost":200,"note":"Adwords"}]')
    assert added["result"][0]["costs"] == [
        {"startDate": "2026-01-01", "cost": 100},
        {"startDate": "2026-02-01", "cost": 200, "note": "Adwords"},
    ]
    replaced = form(
        client, f"program/{number}.json", costs='[{"startDate":"2026-03-01","cost":7}]', costsDestructiveUpdate="true"
    )
    assert replaced["result"][0]["costs"] == [{"startDate": "2026-03-01", "cost": 7}]
    cleared = form(client, f"program/{number}.json", costsDestructiveUpdate="true")
    assert cleared["result"][0]["costs"] is None


def test_tags_required_and_allowed(client: Client) -> None:
    client.control("POST", "tags", {"tagType": "Region", "required": True, "allowableValues": ["EU", "US"]})
    client.control("POST", "tags", {"tagType": "Presenter", "applicableProgramTypes": ["event"]})
    fields = {"name": "P", "folder": FOLDER, "type": "Default", "channel": "Blog"}
    assert code(form(client, "programs.json", **fields)) == "709"
    number = program(client, "P", channel="Blog", tags="[{'tagType': 'Region', 'tagValue': 'EU'}]")
    (found,) = client.get(f"{ASSET}/program/byTag.json", tagType="Region", tagValue="EU")["result"]
    assert (found["id"], found["tags"]) == (number, [{"tagType": "Region", "tagValue": "EU"}])
    assert form(client, f"program/{number}/tag/Region.json", tagValue="US")["result"] == [{"id": number}]
    assert "result" not in client.get(f"{ASSET}/program/byTag.json", tagType="Region", tagValue="EU")
    assert code(form(client, f"program/{number}/tag/Region.json", tagValue="Mars")) == "709"
    assert code(form(client, f"program/{number}/tag/Presenter.json", tagValue="Ann")) == "709"
    assert code(form(client, f"program/{number}/tag/Region/delete.json")) == "709"
    assert client.get(f"{ASSET}/tagTypes.json")["result"] == [
        {"tagType": "Presenter", "applicableProgramTypes": "[event]", "required": False},
        {
            "tagType": "Region",
            "applicableProgramTypes": "[program,event,webinar,nurture,email_batch]",
            "required": True,
        },
    ]
    (region,) = client.get(f"{ASSET}/tagType/byName.json", name="Region")["result"]
    assert region["allowableValues"] == "[EU, US]"


def test_browsing_by_status_dates_filters_and_offset(client: Client) -> None:
    for number in range(3):
        program(client, f"P{number}")
        client.wait(60)
    program(client, "Send", type="Email", channel="Email Send")

    def names(**query: Any) -> list[str]:
        return [row["name"] for row in client.get(f"{ASSET}/programs.json", **query).get("result", [])]

    assert names(offset=1, maxReturn=2) == ["P1", "P2"]
    assert names(status="unlocked") == ["Send"]
    assert names(filterType="id", filterValues="1,3") == ["P0", "P2"]
    assert names(earliestUpdatedAt="2026-03-02T09:01:00Z", latestUpdatedAt="2026-03-02T04:02:00-05:00") == ["P1", "P2"]
    assert names(filterType="workspace", filterValues="Other") == []
    assert names(offset=4) == []
    assert code(client.get(f"{ASSET}/programs.json", earliestUpdatedAt="soon")) == "704"
    assert code(client.get(f"{ASSET}/programs.json", maxReturn="many")) == "1001"


def test_only_email_programs_are_approved(client: Client) -> None:
    number = program(client, "Send", type="Email", channel="Email Send", startDate="2026-10-19T15:00:00.000Z")
    assert code(form(client, f"program/{number}/approve.json")) == "709"
    (row,) = form(client, f"program/{number}.json", endDate="2026-10-20T15:00:00.000Z")["result"]
    assert (row["startDate"], row["endDate"]) == ("2026-10-19T15:00:00Z+0000", "2026-10-20T15:00:00Z+0000")
    assert form(client, f"program/{number}/approve.json")["result"] == [{"id": number}]
    assert client.get(f"{ASSET}/program/{number}.json")["result"][0]["status"] == "locked"
    assert code(form(client, f"program/{number}/approve.json")) == "709"
    assert form(client, f"program/{number}/unapprove.json")["success"]
    assert code(form(client, f"program/{program(client)}/approve.json")) == "709"


def test_a_clone_has_what_lies_inside_but_no_costs_and_no_members(client: Client) -> None:
    number = program(client, costs='[{"startDate":"2026-01-01","cost":1}]')
    place = json.dumps({"id": number, "type": "Program"})
    form(client, f"folder/{number}/tokens.json", folderType="Program", name="offer", type="text", value="10%")
    form(client, "staticLists.json", name="Guests", folder=place)
    flow = [{"step": "Change Data Value", "field": "city", "value": "Ulm"}]
    client.control("POST", "campaigns", {"name": "Welcome", "program": "Spring", "flow": flow})
    client.sync({"email": "a@example.com"})
    client.control("POST", "members", {"program": "Spring", "leadIds": [1], "status": "Invited"})
    answer = form(client, f"program/{number}/clone.json", name="Autumn", folder=FOLDER, description="Copy")
    (clone,) = answer["result"]
    assert (clone["name"], clone["description"], clone["costs"]) == ("Autumn", "Copy", None)
    tokens = client.get(f"{ASSET}/folder/{clone['id']}/tokens.json", folderType="Program")["result"][0]["tokens"]
    assert [(token["name"], token["value"]) for token in tokens] == [("offer", "10%")]
    inside = client.get(f"{ASSET}/folder/{clone['id']}/content.json", type="Program")["result"]
    assert inside == [{"id": 2, "type": "Smart Campaign"}, {"id": 2, "type": "List"}]
    (campaign,) = client.get("/rest/v1/campaigns.json", programName="Autumn")["result"]
    assert (campaign["name"], campaign["active"], campaign["programId"]) == ("Welcome", False, clone["id"])
    (smart_list,) = client.get(f"{ASSET}/smartCampaign/2/smartList.json")["result"]
    assert smart_list["id"] != client.get(f"{ASSET}/smartCampaign/1/smartList.json")["result"][0]["id"]
    assert client.get(f"/rest/v1/leads/programs/{clone['id']}.json")["result"] == []
    assert client.get("/rest/v1/lists.json", programName="Autumn")["result"][0]["name"] == "Guests"
    assert code(form(client, f"program/{number}/clone.json", name="Autumn", folder=FOLDER)) == "611"
    assert code(form(client, f"program/{number}/clone.json", name="Other", folder=place)) == "711"


def test_deleting_takes_along_what_lies_inside(client: Client) -> None:
    number = program(client)
    place = json.dumps({"id": number, "type": "Program"})
    form(client, "staticLists.json", name="Guests", folder=place)
    client.control("POST", "campaigns", {"name": "W", "program": "Spring", "flow": [{"step": "Wait", "seconds": 1}]})
    assert code(form(client, f"program/{number}/delete.json")) == "709"  # an active campaign
    form(client, "smartCampaign/1/deactivate.json")
    assert form(client, f"program/{number}/delete.json")["result"] == [{"id": number}]
    assert client.get("/rest/v1/lists.json")["result"] == []
    assert client.get("/rest/v1/campaigns.json")["result"] == []
    assert "result" not in client.get(f"{ASSET}/program/{number}.json")
    assert code(form(client, f"program/{number}/delete.json")) == "702"


def test_channels_and_their_statuses(client: Client) -> None:
    (channel,) = client.get(f"{ASSET}/channel/byName.json", name="Online Advertising")["result"]
    assert channel["applicableProgramType"] == "program"
    assert channel["progressionStatuses"] == [
        {"name": name, "step": step, "description": None, "hidden": False, "success": success}
        for name, step, success in (
            ("Not in Program", 0, False),
            ("Invited", 10, False),
            ("Registered", 20, False),
            ("No Show", 30, False),
            ("Attended", 40, True),
        )
    ]
    statuses = [{"name": "Won", "step": 20, "success": True}, {"name": "Sent", "step": 10, "hidden": True}]
    client.control("POST", "channels", {"name": "Gift", "statuses": statuses})
    listed = client.get(f"{ASSET}/channels.json", maxReturn=200)["result"]
    assert [status["name"] for status in listed[-1]["progressionStatuses"]] == ["Not in Program", "Sent", "Won"]
    assert [row["name"] for row in client.get(f"{ASSET}/channels.json", offset=1, maxReturn=1)["result"]] == [
        "Online Advertising"
    ]


def test_folders(client: Client) -> None:
    (made,) = form(client, "folders.json", name="Test 10", parent=FOLDER, description="This is a test")["result"]
    number = made["id"]
    assert made == {
        "name": "Test 10",
        "description": "This is a test",
        "createdAt": NOW,
        "updatedAt": NOW,
        "url": f"https://app-sandbox.marketo.com/#MF{number}A1",
        "folderId": {"id": number, "type": "Folder"},
        "folderType": "Marketing Folder",
        "parent": {"id": 15, "type": "Folder"},
        "path": "/Marketing Activities/Default/Test 10",
        "isArchive": False,
        "isSystem": False,
        "accessZoneId": 1,
        "workspace": "Default",
        "id": number,
    }
    assert client.get(f"{ASSET}/folder/{number}.json", type="Folder")["result"] == [made]
    assert client.get(f"{ASSET}/folder/byName.json", name="Test 10")["result"] == [made]
    inner = program(client, "Inner", folder=json.dumps({"id": number, "type": "Folder"}))
    root = '{"id":14,"type":"Folder"}'

    def names(depth: int) -> list[str]:
        return [row["name"] for row in client.get(f"{ASSET}/folders.json", root=root, maxDepth=depth)["result"]]

    assert names(0) == ["Marketing Activities"]
    assert names(2) == ["Marketing Activities", "Default", "Test 10"]
    assert names(3)[-1] == "Inner"
    (as_folder,) = client.get(f"{ASSET}/folder/{inner}.json", type="Program")["result"]
    assert (as_folder["folderType"], as_folder["path"]) == (
        "Marketing Program",
        "/Marketing Activities/Default/Test 10/Inner",
    )
    assert client.get(f"{ASSET}/folder/{number}/content.json", type="Folder")["result"] == [
        {"id": inner, "type": "Program"}
    ]
    assert code(form(client, f"folder/{number}/delete.json", type="Folder")) == "709"  # not empty
    (changed,) = form(client, f"folder/{number}.json", type="Folder", name="T", isArchive="true")["result"]
    assert (changed["name"], changed["isArchive"]) == ("T", True)
    form(client, f"program/{inner}/delete.json")
    assert form(client, f"folder/{number}/delete.json", type="Folder")["result"] == [{"id": number}]
    assert code(form(client, "folder/15/delete.json", type="Folder")) == "709"  # a system folder
    assert code(form(client, "folder/1/delete.json", type="Program")) == "711"
    assert code(client.get(f"{ASSET}/folder/15.json")) == "701"


def test_my_tokens(client: Client) -> None:
    number = program(client)
    fields = {"folderType": "Program", "name": "April Fools", "type": "date", "value": "2015-04-01"}
    told = {
        "folder": {"type": "Program", "value": number},
        "tokens": [
            {
                "name": "April Fools",
                "type": "date",
                "value": "2015-04-01",
                "computedUrl": f"https://app-sandbox.marketo.com/#MF{number}C3",
            }
        ],
    }
    assert form(client, f"folder/{number}/tokens.json", **fields)["result"] == [told]
    assert client.get(f"{ASSET}/folder/{number}/tokens.json", folderType="Program")["result"] == [told]
    form(client, f"folder/{number}/tokens.json", **{**fields, "value": "2016-04-01"})
    (read,) = client.get(f"{ASSET}/folder/{number}/tokens.json", folderType="Program")["result"]
    assert [token["value"] for token in read["tokens"]] == ["2016-04-01"]
    assert "result" not in client.get(f"{ASSET}/folder/15/tokens.json", folderType="Folder")
    assert code(form(client, f"folder/{number}/tokens.json", **{**fields, "type": "image"})) == "709"
    assert code(form(client, f"folder/{number}/tokens.json", **{**fields, "name": "x" * 51})) == "709"
    gone = {"folderType": "Program", "name": "April Fools", "type": "date"}
    assert form(client, f"folder/{number}/tokens/delete.json", **gone)["result"] == [{"id": number}]
    assert code(form(client, f"folder/{number}/tokens/delete.json", **gone)) == "702"


def test_static_lists_as_assets(client: Client) -> None:
    number = program(client)
    place = {"id": number, "type": "Program"}
    (made,) = form(client, "staticLists.json", name="My Static List", folder=json.dumps(place))["result"]
    assert made == {
        "id": 1,
        "name": "My Static List",
        "createdAt": NOW,
        "updatedAt": NOW,
        "folder": place,
        "computedUrl": "https://app-sandbox.marketo.com/#ST1A1",
    }
    (by_rest,) = client.get("/rest/v1/lists.json", programName="Spring", workspaceName="Default")["result"]
    assert (by_rest["id"], by_rest["workspaceName"]) == (1, "Default")
    form(client, f"program/{number}.json", name="Summer")
    assert client.get("/rest/v1/lists/1.json")["result"][0]["programName"] == "Summer"
    assert code(form(client, "staticLists.json", name="My Static List", folder=FOLDER)) == "709"
    (changed,) = form(client, "staticList/1.json", description="For testing")["result"]
    assert changed["description"] == "For testing"
    assert client.get(f"{ASSET}/staticLists.json", folder=json.dumps(place))["result"] == [changed]
    assert "result" not in client.get(f"{ASSET}/staticLists.json", folder=FOLDER)
    assert client.get(f"{ASSET}/staticList/byName.json", name="My Static List")["result"] == [changed]
    client.sync({"email": "a@example.com"})
    client.post("/rest/v1/lists/1/leads.json", {"input": [{"id": 1}]})
    assert form(client, "staticList/1/delete.json")["result"] == [{"id": 1}]
    assert client.get("/rest/v1/leads/1/listMembership.json")["result"] == []
    assert code(client.get("/rest/v1/lists/1.json")) == "1013"


def test_smart_lists(client: Client) -> None:
    filters = [{"field": "city", "values": ["Ulm", "Bonn"]}, {"field": "state", "operator": "is empty"}]
    assert client.control("POST", "smart_lists", {"name": "Near", "filters": filters}) == {"id": 1}
    (row,) = client.get(f"{ASSET}/smartList/1.json", includeRules="true")["result"]
    assert row["rules"]["filterMatchType"] == "all"
    assert [one["name"] for one in row["rules"]["filters"]] == ["city", "state"]
    assert client.get(f"{ASSET}/smartLists.json")["result"] == [{k: v for k, v in row.items() if k != "rules"}]
    (copy,) = form(client, "smartList/1/clone.json", name="Nearer", folder='{"id":31,"type":"Folder"}')["result"]
    assert (copy["id"], copy["name"]) == (2, "Nearer")
    assert form(client, "smartList/2/delete.json")["result"] == [{"id": 2}]
    assert "result" not in client.get(f"{ASSET}/smartList/byName.json", name="Nearer")
    instance = client.instance
    refused = client.raw("POST", "/_sandbox/smart_lists", body=b'{"name": "x", "filters": [{"field": "shoe"}]}')
    assert refused.status == 400
    assert instance.rooms.marketing.smart_lists.people({"filters": filters}) == []


def test_rights_by_family(client: Client) -> None:
    wanted = {"client_id": "ro", "client_secret": "s", "user": "ro@example.com", "permissions": ["Read-Only Assets"]}
    client.control("POST", "users", wanted)
    number = program(client, "Send", type="Email", channel="Email Send")
    reader = Client(client.instance)
    reader.token = reader.new_token(client_id="ro", client_secret="s")
    assert reader.get(f"{ASSET}/programs.json")["success"]
    assert code(form(reader, f"program/{number}.json", name="x")) == "603"
    assert code(form(reader, f"program/{number}/approve.json")) == "603"
    assert code(reader.get("/rest/v1/campaigns.json")) == "603"
    assert code(reader.post("/rest/v1/campaigns/1/trigger.json")) == "603"


def test_assets_survive_a_restart_and_end_with_a_reset(tmp_path: Any) -> None:
    client = Client(MarketoInstance(tmp_path / "marketo.sqlite"))
    program(client)
    client.instance.close()
    again = Client(MarketoInstance(tmp_path / "marketo.sqlite"))
    assert again.get(f"{ASSET}/programs.json")["result"][0]["name"] == "Spring"
    again.control("POST", "reset")
    again.token = again.new_token()
    assert "result" not in again.get(f"{ASSET}/programs.json")
    assert again.get(f"{ASSET}/channels.json")["result"]
    again.instance.close()
