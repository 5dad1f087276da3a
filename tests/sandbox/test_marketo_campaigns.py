"""Smart campaigns: requested, scheduled, run by the control endpoint; flows, tokens and webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.request import urlopen

import pytest

from syncline_sandbox.core.server import serve
from syncline_sandbox.marketo.campaigns.webhooks import WebhookAnswer, WebhookRequest
from tests.sandbox.marketo_client import Client, attributes


@pytest.fixture
def client() -> Client:
    client = Client()
    client.sync(*({"email": f"p{n}@example.com", "firstName": f"F{n}", "leadScore": n} for n in range(1, 5)))
    client.control("POST", "programs", {"name": "Spring", "channel": "Online Advertising"})
    return client


def campaign(client: Client, *flow: dict[str, Any], name: str = "Welcome", **members: Any) -> int:
    wanted = {"name": name, "program": "Spring", "flow": list(flow), **members}
    return int(client.control("POST", "campaigns", wanted)["id"])


def trigger(client: Client, number: int, *ids: int, **members: Any) -> dict[str, Any]:
    document = {"input": {"leads": [{"id": lead_id} for lead_id in ids], **members}}
    return client.post(f"/rest/v1/campaigns/{number}/trigger.json", document)


def code(answer: dict[str, Any]) -> str:
    assert answer["success"] is False, answer
    return str(answer["errors"][0]["code"])


def test_a_request_sends_people_through_the_flow(client: Client) -> None:
    client.control("POST", "lists", {"name": "VIPs"})
    number = campaign(
        client,
        {"step": "Change Data Value", "field": "City", "value": "{{my.town:default=Ulm}} {{lead.First Name}}"},
        {"step": "Change Score", "change": "+5"},
        {"step": "Add to List", "list": "VIPs"},
        {"step": "Change Program Status", "status": "Registered"},
        {"step": "Interesting Moment", "type": "Web", "description": "Saw {{program.name}}/{{campaign.name}}"},
        {"step": "Send Email", "email": "Hello", "id": 77},
    )
    answer = trigger(client, number, 1, 2)
    assert answer["result"] == [{"id": number}]
    assert client.lead(1, "city", "leadScore") == {"id": 1, "city": "Ulm F1", "leadScore": 6}
    assert client.lead(3, "city", "leadScore") == {"id": 3, "city": None, "leadScore": 3}
    assert [row["id"] for row in client.get("/rest/v1/lists/1/leads.json")["result"]] == [1, 2]
    (membership,) = client.get("/rest/v1/leads/2/programMembership.json")["result"]
    assert membership["progressionStatus"] == "Registered"
    requested, changed, moment = (client.activities(number, leadIds=1)[0] for number in (47, 13, 46))
    assert (requested["primaryAttributeValueId"], attributes(requested)) == (number, {"Source": "Web service API"})
    assert (requested["campaignId"], changed["campaignId"]) == (number, number)
    assert attributes(changed)["Reason"] == "Changed by Smart Campaign Spring.Welcome action Change Data Value"
    assert attributes(moment)["Description"] == "Saw Spring/Welcome"
    mails = client.activities(6, 7, leadIds=1)
    assert [(row["activityTypeId"], row["primaryAttributeValueId"]) for row in mails] == [(6, 77), (7, 77)]
    (been,) = client.get("/rest/v1/leads/1/smartCampaignMembership.json")["result"]
    assert been == {"smartCampaignId": number, "createdAt": "2026-03-02T09:00:00Z", "updatedAt": "2026-03-02T09:00:00Z"}


def test_qualification_once_or_any_time(client: Client) -> None:
    once = campaign(client, {"step": "Change Score", "change": "+1"})
    flow = ({"step": "Change Score", "change": "=50"}, {"step": "Change Score", "change": "-1"})
    often = campaign(client, *flow, name="B", qualification="any")
    trigger(client, once, 1)
    trigger(client, once, 1)
    assert client.lead(1, "leadScore")["leadScore"] == 2
    trigger(client, often, 2)
    assert client.lead(2, "leadScore")["leadScore"] == 49


@pytest.mark.parametrize(
    ("members", "document", "expected"),
    [
        ({}, {"input": {"leads": [{"id": 84}, {"id": 85}]}}, "1004"),
        ({}, {"input": {"leads": []}}, "1003"),
        ({}, {"input": {"leads": [{"id": 1}] * 101}}, "1003"),
        ({}, {"input": {"leads": [{"id": "x"}]}}, "1001"),
        ({}, {"input": {"leads": [{"id": 1}], "tokens": [{"name": "town", "value": "x"}]}}, "1003"),
        ({}, {"input": [1]}, "1003"),
        ({"active": False}, {"input": {"leads": [{"id": 1}]}}, "1003"),
        ({"requestable": False}, {"input": {"leads": [{"id": 1}]}}, "1003"),
        ({"type": "batch"}, {"input": {"leads": [{"id": 1}]}}, "1003"),
    ],
)
def test_requests_that_are_refused(
    client: Client, members: dict[str, Any], document: dict[str, Any], expected: str
) -> None:
    number = campaign(client, {"step": "Change Score", "change": "+1"}, **members)
    answer = client.post(f"/rest/v1/campaigns/{number}/trigger.json", document)
    assert code(answer) == expected
    if expected == "1004":
        assert answer["errors"][0]["message"] == "Lead [84, 85] not found"
    assert client.activities(47) == []
    assert code(client.post("/rest/v1/campaigns/99/trigger.json", document)) == "1013"


def test_tokens_of_the_request_override_those_of_the_program(client: Client) -> None:
    body = {"folderType": "Program", "name": "town", "type": "text", "value": "Bonn"}
    client.send("POST", "/rest/asset/v1/folder/1/tokens.json", body)
    flow = {"step": "Change Data Value", "field": "city", "value": "{{my.town}}"}
    number = campaign(client, flow)
    trigger(client, number, 1)
    trigger(client, number, 2, tokens=[{"name": "{{my.town}}", "value": "Kiel"}])
    assert [client.lead(n, "city")["city"] for n in (1, 2)] == ["Bonn", "Kiel"]


def test_a_schedule_waits_five_minutes_at_least(client: Client) -> None:
    filters = [{"field": "leadScore", "values": [2, 3]}]
    flow = {"step": "Change Data Value", "field": "city", "value": "{{my.town}}"}
    number = campaign(client, flow, type="batch", filters=filters)
    (asset,) = client.get(f"/rest/asset/v1/smartCampaign/{number}.json")["result"]
    assert (asset["status"], asset["type"], asset["parentProgramId"]) == ("Never Run", "batch", 1)
    document = {"input": {"runAt": "2026-03-02T09:00:10+0000", "tokens": [{"name": "{{my.town}}", "value": "Kiel"}]}}
    assert client.post(f"/rest/v1/campaigns/{number}/schedule.json", document)["result"] == [{"id": number}]
    client.wait(200)
    assert client.lead(2, "city")["city"] is None
    assert len(client.control("GET", "campaigns/runs")) == 1
    client.wait(101)
    assert [client.lead(n, "city")["city"] for n in (1, 2, 3)] == [None, "Kiel", "Kiel"]
    assert client.get(f"/rest/asset/v1/smartCampaign/{number}.json")["result"][0]["status"] == "Single Run"
    assert client.post(f"/rest/v1/campaigns/{number}/schedule.json")["success"]


def test_schedules_that_are_refused(client: Client) -> None:
    batch = campaign(client, {"step": "Change Score", "change": "+1"}, type="batch")
    requested = campaign(client, {"step": "Change Score", "change": "+1"}, name="T")
    path = f"/rest/v1/campaigns/{batch}/schedule.json"
    assert code(client.post(f"/rest/v1/campaigns/{requested}/schedule.json")) == "1003"
    assert code(client.post(path, {"input": {"runAt": "2028-06-01T00:00:00Z"}})) == "1042"
    assert code(client.post(path, {"input": {"runAt": "soon"}})) == "1003"
    assert client.post(path, {"input": {"cloneToProgramName": "Copy 0"}})["result"] == [{"id": 3}]
    assert code(client.post(path, {"input": {"cloneToProgramName": "Copy 0"}})) == "611"
    for number in range(1, 20):
        assert client.post(path, {"input": {"cloneToProgramName": f"Copy {number}"}})["success"]
    assert code(client.post(path, {"input": {"cloneToProgramName": "One more"}})) == "1020"


def test_campaigns_request_each_other_and_wait(client: Client) -> None:
    campaign(client, {"step": "Change Data Value", "field": "state", "value": "done"}, name="Second")
    first = campaign(
        client,
        {"step": "Wait", "seconds": 1800},
        {"step": "Request Campaign", "campaign": "Second"},
        {"step": "Change Data Value", "field": "city", "value": "NULL"},
        name="First",
    )
    client.sync({"email": "p1@example.com", "city": "Ulm"})
    trigger(client, first, 1)
    client.wait(1799)
    assert client.lead(1, "city", "state") == {"id": 1, "city": "Ulm", "state": None}
    client.wait(2)
    assert client.lead(1, "city", "state") == {"id": 1, "city": None, "state": "done"}
    assert [row["primaryAttributeValue"] for row in client.activities(47)] == ["First", "Second"]


def test_campaigns_that_request_each_other_in_a_circle_do_not_stop_the_instance(client: Client) -> None:
    campaign(client, {"step": "Request Campaign", "campaign": "B"}, name="A", qualification="any")
    number = campaign(client, {"step": "Request Campaign", "campaign": "A"}, name="B", qualification="any")
    trigger(client, number, 1)
    assert client.lead(1)["id"] == 1


def test_a_flow_passes_over_what_it_cannot_do(client: Client) -> None:
    number = campaign(
        client,
        {"step": "Change Data Value", "field": "shoe", "value": "x"},
        {"step": "Change Data Value", "field": "leadScore", "value": "many"},
        {"step": "Add to List", "list": "Nowhere"},
        {"step": "Change Program Status", "status": "Asleep"},
        {"step": "Change Person Partition", "partition": "Mars"},
        {"step": "Call Webhook", "webhook": "Nobody"},
        {"step": "Change Data Value", "field": "city", "value": "Ulm"},
    )
    trigger(client, number, 1)
    assert client.lead(1, "city", "leadScore") == {"id": 1, "city": "Ulm", "leadScore": 1}


def test_who_opted_out_gets_no_mail(client: Client) -> None:
    client.sync({"email": "p1@example.com", "unsubscribed": True})
    number = campaign(client, {"step": "Send Email", "email": "News"})
    notice = campaign(client, {"step": "Send Email", "email": "Receipt", "operational": True}, name="Notice")
    trigger(client, number, 1, 2)
    trigger(client, notice, 1)
    told = [(row["leadId"], row["primaryAttributeValue"]) for row in client.activities(6)]
    assert told == [(2, "News"), (1, "Receipt")]


def test_members_change_and_lists_are_left_in_a_flow(client: Client) -> None:
    client.control("POST", "lists", {"name": "VIPs"})
    client.post("/rest/v1/lists/1/leads.json", {"input": [{"id": 1}]})
    number = campaign(
        client,
        {"step": "Remove from List", "list": "VIPs"},
        {"step": "Change Program Status", "status": "Invited"},
        {"step": "Change Program Member Data", "field": "registrationCode", "value": "{{lead.Id}}-{{member.Status}}"},
        {"step": "Change Program Status", "program": "Spring", "status": "Attended"},
    )
    trigger(client, number, 1)
    assert client.get("/rest/v1/lists/1/leads.json")["result"] == []
    (row,) = client.get(
        "/rest/v1/programs/1/members.json", filterType="leadId", filterValues="1", fields="registrationCode,statusName"
    )["result"]
    assert (row["registrationCode"], row["statusName"]) == ("1-Invited", "Attended")


def test_the_control_endpoint_runs_campaigns_and_refuses_nonsense(client: Client) -> None:
    campaign(client, {"step": "Change Score", "change": "+10"}, name="A", active=False)
    client.control("POST", "campaigns/run", {"campaign": "A", "leadIds": [1, 99]})
    client.control("POST", "campaigns/run", {"campaign": "A", "leadIds": [2], "at": "2026-03-02T09:30:00Z"})
    assert [client.lead(n, "leadScore")["leadScore"] for n in (1, 2)] == [11, 2]
    client.wait(1801)
    assert client.lead(2, "leadScore")["leadScore"] == 12
    for name, body in (
        ("campaigns", {"name": "X", "flow": [{"step": "Dance"}]}),
        ("campaigns", {"name": "X", "flow": [{"step": "Add to List"}]}),
        ("campaigns", {"name": "X", "flow": [{"step": "Change Score", "change": "much"}]}),
        ("campaigns", {"name": "X", "filters": [{"field": "shoe"}]}),
        ("campaigns", {"name": "X", "program": "Nowhere"}),
        ("campaigns/run", {"campaign": "Nobody"}),
        ("webhooks", {"name": "W", "url": "file:///etc/passwd"}),
        ("webhooks", {"name": "W", "url": "http://localhost", "colour": "red"}),
        ("members", {"program": "Spring", "leadIds": [1], "status": "Asleep"}),
    ):
        answer = client.raw("POST", f"/_sandbox/{name}", body=json.dumps(body).encode())
        assert answer.status == 400, (name, body, answer.body)


def test_runs_survive_a_restart(tmp_path: Any) -> None:
    from syncline_sandbox.core.clock import SandboxClock
    from syncline_sandbox.marketo import MarketoInstance
    from tests.sandbox.marketo_client import START

    clock = SandboxClock(frozen_at=START)
    client = Client(MarketoInstance(tmp_path / "m.sqlite", clock))
    client.sync({"email": "a@example.com"})
    client.control("POST", "programs", {"name": "Spring", "channel": "Blog"})
    number = campaign(client, {"step": "Wait", "seconds": 600}, {"step": "Change Score", "change": "+1"})
    trigger(client, number, 1)
    client.control("GET", "campaigns/runs")
    client.instance.close()
    again = Client(MarketoInstance(tmp_path / "m.sqlite", clock))
    again.wait(601)
    assert again.lead(1, "leadScore")["leadScore"] == 1
    again.instance.close()


# -- campaigns as records ----------------------------------------------------------------------------------------------


def test_campaigns_are_listed_in_both_apis(client: Client) -> None:
    number = campaign(client, {"step": "Change Score", "change": "+1"})
    batch = campaign(client, name="Nightly", type="batch")
    record = {
        "id": number,
        "name": "Welcome",
        "type": "trigger",
        "programId": 1,
        "programName": "Spring",
        "workspaceName": "Default",
        "createdAt": "2026-03-02T09:00:00Z",
        "updatedAt": "2026-03-02T09:00:00Z",
        "active": True,
    }
    assert client.get("/rest/v1/campaigns.json", isTriggerable="true")["result"] == [record]
    assert client.get(f"/rest/v1/campaigns/{number}.json")["result"] == [record]
    assert [row["id"] for row in client.get("/rest/v1/campaigns.json", name="Nightly")["result"]] == [batch]
    assert client.get("/rest/v1/campaigns.json", workspaceName="Other")["result"] == []
    first = client.get("/rest/v1/campaigns.json", batchSize=1)
    rest = client.get("/rest/v1/campaigns.json", batchSize=1, nextPageToken=first["nextPageToken"])
    assert [row["id"] for row in (*first["result"], *rest["result"])] == [number, batch]
    assert code(client.get("/rest/v1/campaigns/99.json")) == "1013"
    (asset,) = client.get("/rest/asset/v1/smartCampaigns.json", isActive="true")["result"]
    assert (asset["id"], asset["status"], asset["isRequestable"]) == (number, "Active", True)


def test_campaigns_as_assets_are_made_cloned_and_deleted(client: Client) -> None:
    assets = "/rest/asset/v1"
    folder = '{"type": "folder","id": 15}'

    def send(path: str, **query: Any) -> dict[str, Any]:
        return client.post(f"{assets}/{path}", None, **query)

    (made,) = send("smartCampaigns.json", name="Smart Campaign 02", folder=folder, description="A test.")["result"]
    assert made == {
        "id": 1,
        "name": "Smart Campaign 02",
        "description": "A test.",
        "createdAt": "2026-03-02T09:00:00Z+0000",
        "updatedAt": "2026-03-02T09:00:00Z+0000",
        "folder": {"id": 15, "type": "Folder"},
        "status": "Never Run",
        "type": "batch",
        "isSystem": False,
        "isActive": False,
        "isRequestable": False,
        "isCommunicationLimitEnabled": False,
        "recurrence": {"weekdayOnly": False},
        "qualificationRuleType": "once",
        "workspace": "Default",
        "smartListId": 1,
        "flowId": 1,
        "computedUrl": "https://app-sandbox.marketo.com/#SC1A1",
    }
    assert client.get(f"{assets}/smartCampaign/byName.json", name="Smart Campaign 02")["result"] == [made]
    assert send("smartCampaign/1.json", name="Renamed")["result"][0]["name"] == "Renamed"
    assert send("smartCampaign/1/clone.json", name="Copy", folder=folder)["result"][0]["smartListId"] == 2
    assert code(send("smartCampaigns.json", name="Copy", folder=folder)) == "709"
    assert code(send("smartCampaign/1/activate.json")) == "709"  # no trigger
    number = campaign(client, {"step": "Change Score", "change": "+1"}, active=False)
    assert send(f"smartCampaign/{number}/activate.json")["result"] == [{"id": number}]
    assert code(send(f"smartCampaign/{number}/delete.json")) == "709"
    assert send(f"smartCampaign/{number}/deactivate.json")["result"] == [{"id": number}]
    assert code(send(f"smartCampaign/{number}/deactivate.json")) == "709"
    assert send(f"smartCampaign/{number}/delete.json")["result"] == [{"id": number}]
    assert code(send(f"smartCampaign/{number}/delete.json")) == "702"


# -- webhooks ----------------------------------------------------------------------------------------------------------


class Service:
    """Stands in for whoever is called: notes requests, answers as told."""

    def __init__(self, client: Client, *answers: WebhookAnswer) -> None:
        self.requests: list[WebhookRequest] = []
        self._answers = list(answers)
        client.instance.rooms.marketing.webhooks.caller = self

    def __call__(self, request: WebhookRequest, done: Callable[[WebhookAnswer], None]) -> None:
        self.requests.append(request)
        done(self._answers.pop(0))


def hook(client: Client, **members: Any) -> None:
    wanted = {"name": "Enrich", "url": "http://service.example/{{lead.Email Address}}", **members}
    client.control("POST", "webhooks", wanted)


def test_a_webhook_sends_tokens_and_its_answer_reaches_the_person(client: Client) -> None:
    hook(
        client,
        template='{"mail": {{lead.Email Address}}, "score": {{lead.Lead Score}}, "none": {{lead.City}}}',
        headers={"X-Program": "{{program.name}}"},
        mappings={"orders[1].city": "city", "score": "leadScore", "absent": "state", "words": "priority"},
    )
    answer = {"orders": [{}, {"city": "Ulm"}], "score": 40, "words": "many"}
    service = Service(client, WebhookAnswer(200, "OK", json.dumps(answer)))
    number = campaign(
        client,
        {"step": "Call Webhook", "webhook": "Enrich"},
        {"step": "Change Data Value", "field": "state", "value": "after {{lead.City}}"},
    )
    trigger(client, number, 1)
    row = client.lead(1, "city", "leadScore", "state")
    (request,) = service.requests
    assert (request.method, request.url) == ("POST", "http://service.example/p1%40example.com")
    assert json.loads(request.body or b"") == {"mail": "p1@example.com", "score": 1, "none": ""}
    assert request.headers == {"Content-Type": "application/json", "X-Program": "Spring"}
    assert row == {"id": 1, "city": "Ulm", "leadScore": 40, "state": "after Ulm"}
    (told,) = client.activities(110)
    assert (told["primaryAttributeValue"], told["campaignId"]) == ("Enrich", number)
    assert attributes(told) == {"Response": json.dumps(answer)}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (WebhookAnswer(500, "Internal Server Error", '{"city": "Ulm"}'), "Internal Server Error"),
        (WebhookAnswer(200, "OK", ""), "1001"),
        (WebhookAnswer(0, "Request timed out"), "Request timed out"),
        (WebhookAnswer(200, "OK", "not json"), None),
    ],
)
def test_only_good_answers_are_mapped(client: Client, answer: WebhookAnswer, error: str | None) -> None:
    hook(client, mappings={"city": "city"})
    Service(client, answer)
    trigger(client, campaign(client, {"step": "Call Webhook", "webhook": "Enrich"}), 1)
    assert client.lead(1, "city")["city"] is None
    assert attributes(client.activities(110)[0]).get("Error Type") == error


def test_webhooks_in_batch_campaigns_are_an_error_of_their_own(client: Client) -> None:
    hook(client)
    service = Service(client)
    campaign(
        client, {"step": "Call Webhook", "webhook": "Enrich"}, {"step": "Change Score", "change": "+1"}, type="batch"
    )
    client.control("POST", "campaigns/run", {"campaign": "Welcome", "leadIds": [1]})
    assert client.lead(1, "leadScore")["leadScore"] == 2
    assert (service.requests, attributes(client.activities(110)[0])) == ([], {"Error Type": "1000"})


def test_xml_answers_and_forms(client: Client) -> None:
    hook(
        client,
        template="name={{lead.First Name}}&mail={{lead.Email Address}}",
        encoding="Form/Url",
        response="XML",
        mappings={"elementList.element[1].foo": "city"},
    )
    text = "<elementList><element><foo>baz</foo></element><element><foo>bar</foo></element></elementList>"
    service = Service(client, WebhookAnswer(200, "OK", text))
    trigger(client, campaign(client, {"step": "Call Webhook", "webhook": "Enrich"}), 1)
    assert client.lead(1, "city")["city"] == "bar"
    assert service.requests[0].body == b"name=F1&mail=p1%40example.com"


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status = 404 if self.path == "/gone" else 200
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"city": "Kiel"}')

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}", bodies
        http.shutdown()


def test_a_real_call(client: Client, server: tuple[str, list[bytes]]) -> None:
    url, bodies = server
    client.control("POST", "settings", {"webhooks_wait": True, "webhook_timeout_seconds": 5})
    hook(client, url=f"{url}/in", template="{{lead.Id}}", mappings={"city": "city"})
    client.control(
        "POST", "webhooks", {"name": "Gone", "url": f"{url}/gone", "template": "x", "mappings": {"city": "state"}}
    )
    client.control("POST", "webhooks", {"name": "Closed", "url": "http://127.0.0.1:9/", "method": "GET"})
    number = campaign(client, *({"step": "Call Webhook", "webhook": name} for name in ("Enrich", "Gone", "Closed")))
    trigger(client, number, 3)
    for _ in range(3):
        client.lead(3)
    assert client.lead(3, "city", "state") == {"id": 3, "city": "Kiel", "state": None}
    assert bodies == [b"3", b"x"]
    errors = [attributes(row).get("Error Type") for row in client.activities(110)]
    assert errors[:2] == [None, "Not Found"]
    assert "refused" in str(errors[2])


def test_who_is_called_may_call_the_instance_meanwhile(client: Client) -> None:
    called = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with urlopen(f"{url}/_sandbox/clock", timeout=10) as clock:
                town = clock.read()
            self.send_response(200 if b"2026" in town else 500)
            self.end_headers()
            self.wfile.write(b'{"city": "Kiel"}')
            called.set()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http, serve(client.instance) as url:
        Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        hook(client, url=f"http://127.0.0.1:{http.server_port}/", method="GET", mappings={"city": "city"})
        trigger(client, campaign(client, {"step": "Call Webhook", "webhook": "Enrich"}), 1)
        assert called.wait(10)
        for _ in range(2000):  # the answer is taken in before the first call after it came
            if client.lead(1, "city")["city"] == "Kiel":
                break
        assert client.lead(1, "city")["city"] == "Kiel"
        http.shutdown()
