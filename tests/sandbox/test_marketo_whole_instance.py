"""The instance as a whole, every room filled: what a reset leaves, what a restart keeps, what two instances share, and
what the same seed repeats. A room that is added belongs into `fill` and `told`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo import MarketoInstance
from tests.sandbox.marketo_client import START, Client

V1 = "/rest/v1"
FIELD = {"displayName": "Key", "name": "key", "dataType": "string"}
VIN = {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}
LINK = {"name": "leadID", "displayName": "Lead", "dataType": "link", "relatedTo": {"name": "Lead", "field": "id"}}
VISIT = {
    "apiName": "visit",
    "name": "Visit",
    "triggerName": "Visits",
    "filterName": "Visited",
    "primaryAttribute": {"apiName": "where", "name": "Where"},
}
MARCH = {"createdAt": {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-20T00:00:00Z"}}
# Answers that tell of every room.
READS = (
    f"{V1}/leads.json?filterType=id&filterValues=1,2,3&fields=email,key,leadScore,externalCompanyId,unsubscribed",
    f"{V1}/leads/schema/fields/key.json",
    f"{V1}/leads/partitions.json",
    f"{V1}/companies.json?filterType=id&filterValues=1&fields=company",
    f"{V1}/salespersons.json?filterType=id&filterValues=1",
    f"{V1}/opportunities.json?filterType=externalOpportunityId&filterValues=O1&fields=name",
    f"{V1}/opportunities/roles.json?filterType=leadId&filterValues=1",
    f"{V1}/namedaccounts.json?filterType=name&filterValues=Acme",
    f"{V1}/namedAccountLists.json?filterType=dedupeFields&filterValues=Targets",
    f"{V1}/customobjects.json",
    f"{V1}/customobjects/car_c.json?filterType=vin&filterValues=1&fields=leadID",
    f"{V1}/activities/external/types.json",
    f"{V1}/lists.json",
    f"{V1}/lists/1/leads.json",
    f"{V1}/programs/1/members.json?filterType=leadId&filterValues=1,2&fields=statusName,registrationCode",
    f"{V1}/programs/members/schema/fields/memberKey.json",
    f"{V1}/campaigns.json",
    f"{V1}/leads/1/smartCampaignMembership.json",
    "/rest/asset/v1/programs.json",
    "/rest/asset/v1/channels.json?maxReturn=200",
    "/rest/asset/v1/folders.json?maxReturn=200",
    "/rest/asset/v1/folder/1/tokens.json?folderType=Program",
    "/rest/asset/v1/smartLists.json",
    "/rest/asset/v1/forms.json",
    "/bulk/v1/leads/export.json",
    "/bulk/v1/leads/batch/1.json",
)


def fill(client: Client) -> None:
    """Something in every room."""
    client.post(f"{V1}/leads/schema/fields.json", {"input": [FIELD]})
    client.sync(
        {"email": "a@example.com", "key": "k", "leadScore": 3}, {"email": "b@example.com", "unsubscribed": True}
    )
    client.post(f"{V1}/programs/members/schema/fields.json", {"input": [{**FIELD, "name": "memberKey"}]})
    client.control("POST", "partitions", {"name": "Europe"})
    client.post(f"{V1}/companies.json", {"input": [{"externalCompanyId": "C1", "company": "Acme"}]})
    client.post(f"{V1}/salespersons.json", {"input": [{"externalSalesPersonId": "S1", "email": "s@example.com"}]})
    client.post(f"{V1}/opportunities.json", {"input": [{"externalOpportunityId": "O1", "name": "Deal"}]})
    role = {"externalOpportunityId": "O1", "leadId": 1, "role": "Buyer"}
    client.post(f"{V1}/opportunities/roles.json", {"input": [role]})
    client.post(f"{V1}/namedaccounts.json", {"input": [{"name": "Acme"}]})
    client.post(f"{V1}/namedAccountLists.json", {"input": [{"name": "Targets"}]})
    client.control("POST", "custom_objects", {"apiName": "car_c", "displayName": "Car", "fields": [VIN, LINK]})
    client.post(f"{V1}/customobjects/car_c.json", {"input": [{"vin": "1", "leadID": 1}]})
    client.post(f"{V1}/activities/external/type.json", VISIT)
    client.post(f"{V1}/activities/external/type/visit/approve.json")
    client.control("POST", "programs", {"name": "Spring", "type": "Default", "channel": "Content"})
    client.control(
        "POST",
        "channels",
        {"name": "Gift", "applicableProgramType": "program", "statuses": [{"name": "Sent", "step": 1}]},
    )
    client.control("POST", "members", {"program": "Spring", "leadIds": [1], "status": "Visited"})
    client.post(f"{V1}/programs/1/members.json", {"input": [{"leadId": 1, "registrationCode": "R1"}]})
    client.control("POST", "lists", {"name": "VIPs", "programName": "Spring"})
    client.post(f"{V1}/lists/1/leads.json", {"input": [{"id": 1}]})
    client.control(
        "POST", "smart_lists", {"name": "Near", "filters": [{"field": "email", "values": ["a@example.com"]}]}
    )
    client.control("POST", "forms", {"name": "Sign up", "program": "Spring"})
    flow = [{"step": "Change Score", "change": "+5"}]
    order = {"name": "Welcome", "program": "Spring", "type": "trigger", "active": True, "requestable": True}
    client.control("POST", "campaigns", {**order, "flow": flow})
    client.post(f"{V1}/campaigns/1/trigger.json", {"input": {"leads": [{"id": 1}]}})
    client.upload("/bulk/v1/leads.json", "email\nc@example.com")
    job = client.post("/bulk/v1/leads/export/create.json", {"fields": ["id", "email"], "filter": MARCH})
    client.post(f"/bulk/v1/leads/export/{job['result'][0]['exportId']}/enqueue.json")
    client.get(f"{V1}/lists.json")


def told(client: Client) -> dict[str, Any]:
    """What the instance says of itself, without what tells calls apart."""
    client.token = client.new_token()
    answers: dict[str, Any] = {}
    for call in READS:
        path, _, query = call.partition("?")
        answers[call] = client.get(path, **dict(item.split("=") for item in query.split("&") if item))
    answers["feed"] = [client.activities(*types) for types in ((12, 13, 22, 24), (34, 47, 104, 123))]
    answers["people"] = client.control("POST", "people/read", {"field": "email", "values": ["a@example.com"]})
    plain = json.loads(json.dumps(answers))
    for answer in plain.values():
        if isinstance(answer, dict):
            answer.pop("requestId", None)
    return dict(plain)


def new_client(database: str | Path = ":memory:", seed: int = 0) -> Client:
    return Client(MarketoInstance(database, SandboxClock(frozen_at=START), seed))


def test_every_room_has_something_to_tell() -> None:
    client = new_client()
    empty = told(client)
    fill(client)
    full = told(client)
    assert [call for call in full if full[call] == empty[call]] == []


def test_a_reset_leaves_nothing_of_it() -> None:
    client = new_client()
    fill(client)
    client.control("POST", "reset")
    assert told(client) == told(new_client())
    fill(client)
    again = new_client()
    fill(again)
    first, second = told(client), told(again)
    for each in (first, second):
        for call in ("/bulk/v1/leads/export.json", "feed"):  # export ids and request ids go on
            each.pop(call)
    assert first == second


def test_a_restart_keeps_it_all(tmp_path: Path) -> None:
    client = new_client(tmp_path / "marketo.sqlite")
    fill(client)
    before = told(client)
    client.instance.close()
    again = new_client(tmp_path / "marketo.sqlite")
    assert told(again) == before
    assert again.sync({"email": "d@example.com"}) == [{"id": 4, "status": "created"}]
    again.instance.close()


def test_two_instances_share_nothing() -> None:
    one, other = new_client(), new_client()
    fill(one)
    assert told(other) == told(new_client())


def test_the_same_seed_repeats_every_id_and_token() -> None:
    def transcript(seed: int) -> tuple[str, dict[str, Any]]:
        client = new_client(seed=seed)
        fill(client)
        return client.token, told(client)

    assert transcript(7) == transcript(7)
    assert transcript(7)[0] != transcript(8)[0]
