"""What control routes refuse, and in which words: nothing sent is passed over in silence, and Python is not heard."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncline_sandbox.core.wire import Request
from syncline_sandbox.marketo.fields import CREATABLE_TYPES
from syncline_sandbox.salesforce.custom_fields import custom_field
from tests.sandbox.marketo_client import Client as MarketoClient
from tests.sandbox.salesforce_client import Client as OrgClient
from tests.sandbox.salesforce_client import fresh_client

_PYTHON = ("LookupError", "ValueError", "KeyError", "TypeError", "OrgError", "__init__", "invalid literal")


def refused(core: Any, route: str, body: Any) -> str:
    """The words a core refuses a body with."""
    answer = core.handle(Request(method="POST", path=f"/_sandbox/{route}", body=json.dumps(body).encode()))
    assert answer.status == 400, answer.body
    said = str(json.loads(answer.body)["error"])
    assert not [word for word in _PYTHON if word in said], said
    return said


@pytest.mark.parametrize(
    ("route", "body", "said"),
    [
        ("quota", {"maxmum": 5}, "POST quota: unknown: maxmum; known: maximum, per_app_maximum, used"),
        ("quota", {"maximum": "5"}, "maximum is a whole number, 0 or more, not '5'"),
        ("clock", {"advance": 1}, "POST clock: unknown: advance; known: advance_seconds, frozen, now"),
        ("clock", {}, "POST clock: needs one of: advance_seconds, frozen, now"),
        ("clock", {"frozen": False}, "frozen goes with now"),
        ("clock", {"now": "soon"}, "not an ISO date-time: 'soon'"),
        ("rights", {"hidden_fields": ["Lead.Foo"]}, "no field 'Lead.Foo'"),
        ("rights", {"read_only_fields": ["Phone"]}, "no field 'Phone'"),
        ("rights", {"permissions": ["ApiEnabledd"]}, "no permission ApiEnabledd; there are ApiEnabled, "),
        ("users", {"username": "a@b.example", "rights": {"permissions": ["None"]}}, "no permission None"),
        ("users", {"password": "x"}, "missing or unknown: username"),
        ("write", {"object": "Lead"}, "POST write: missing: operation, records"),
        ("seed", {"Foo": []}, "no object 'Foo'"),
        ("seed", {"Lead": [{"Foo": 1}]}, "Lead has no field 'Foo'"),
        ("write", {"object": "Lead", "operation": "create", "records": [{"Foo": 1}]}, "INVALID_FIELD"),
        ("fields", {"object": "Lead", "name": "Score__c", "type": "number"}, "no type number; there are "),
        ("fields", {"object": "Lead", "name": "Score"}, "ends in __c"),
        ("fields", {"object": "Lead", "name": "Score__c", "tpe": "int"}, "unknown: tpe; known: "),
        (
            "validation_rules",
            {"object": "Lead", "condition": "ISBLANK(Phone)", "message": "m"},
            "conditions are what may stand in a SOQL WHERE",
        ),
        ("apps", {"client_id": "a", "client_secret": "b", "runas": "c"}, "POST apps: unknown: runas; known: "),
    ],
)
def test_the_org_says_what_it_cannot_take(route: str, body: Any, said: str) -> None:
    assert said in refused(fresh_client().org, route, body)


@pytest.mark.parametrize(
    ("route", "body", "said"),
    [
        ("fields", {"name": "phone", "hiden": True}, "POST fields: unknown: hiden; known: hidden, label, name"),
        ("fields", {"name": "foo", "hidden": True}, "no field 'foo'; with a type it is made"),
        ("fields", {"name": "foo", "type": "number"}, "no type number; there are boolean, currency"),
        ("fields", {"name": "phone", "type": "string"}, "phone: 1017 Object already exists"),
        ("users", {"client_id": "a"}, "POST users: missing: client_secret, user"),
        ("members", {"program": "Sprig", "leadIds": [1]}, "no program 'Sprig'"),
        ("campaigns/run", {"campaign": "Sprig"}, "no campaign 'Sprig'"),
        ("people/merge", {"id": 1}, "POST people/merge: missing: leadIds"),
        ("clock", {"advance": 1}, "unknown: advance"),
    ],
)
def test_the_instance_says_what_it_cannot_take(route: str, body: Any, said: str) -> None:
    assert said in refused(MarketoClient().instance, route, body)


def test_a_refused_permission_leaves_the_rights_as_they_were() -> None:
    client = fresh_client()
    before = client.control("GET", "users")
    refused(client.org, "rights", {"permissions": ["ApiEnabledd"]})
    assert client.control("GET", "users") == before


def test_nobody_is_seeded_into_a_campaign_twice() -> None:
    client: OrgClient = fresh_client()
    (campaign,) = client.control("POST", "seed", {"Campaign": [{"Name": "Spring"}]})["Campaign"]
    lead = client.create("Lead", LastName="x", Company="c")
    member = {"CampaignMember": [{"CampaignId": campaign, "LeadId": lead}]}
    client.control("POST", "seed", member)
    assert "already a member" in refused(client.org, "seed", member)
    assert len(client.query("SELECT Id FROM CampaignMember")) == 1


def test_a_custom_person_field_is_made_seeded_and_read() -> None:
    client = MarketoClient()
    made = client.control("POST", "fields", {"name": "myField__c", "type": "string", "label": "Mine"})
    assert (made["name"], made["type"], made["label"], made["custom"]) == ("myField__c", "string", "Mine", True)
    assert client.control("POST", "seed", {"people": [{"email": "a@example.com", "myField__c": "x"}]}) == {"people": 1}
    (person,) = client.leads("email", "a@example.com", fields="myField__c")
    assert person["myField__c"] == "x"
    assert [row["id"] for row in client.leads("myField__c", "x")] == [person["id"]]


@pytest.mark.parametrize("kind", sorted(CREATABLE_TYPES))
def test_a_custom_person_field_of_every_type(kind: str) -> None:
    client = MarketoClient()
    client.control("POST", "fields", {"name": "made", "type": kind})
    names = [field["rest"]["name"] for field in client.get("/rest/v1/leads/describe.json")["result"]]
    assert "made" in names


def test_a_custom_field_needs_nothing_but_its_name() -> None:
    assert custom_field({"name": "Key__c"}).type == "string"
