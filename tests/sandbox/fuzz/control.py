"""Requests to the control routes of both sandboxes, and between them requests of the vendors' routes.

What a control route takes must not make the sandbox fall over later, so both are asked in turn.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from syncline_sandbox.core.wire import Request, Response
from tests.sandbox.fuzz import marketo, salesforce
from tests.sandbox.fuzz.marketo_bodies import PEOPLE
from tests.sandbox.fuzz.mutations import Draft

_LEAD = {"LastName": "Smith", "Company": "Acme"}
_ADMIN, _RULE = "admin@sandbox.example", {"object": "Lead", "condition": "City = 'Ulm'"}
SHARED: dict[str, Any] = {
    "clock": {"now": "2026-03-01T00:00:00Z", "frozen": True, "advance_seconds": 90},
    "faults": [{"name": "lost_reply", "match": "^X", "after": 2, "times": 1, "calls": [1], "probability": 0.5}],
}
ORG: dict[str, Any] = {
    **SHARED,
    "seed": {"Lead": [{**_LEAD, "SystemModstamp": "2026-01-01T00:00:00Z"}], "as": _ADMIN},
    "fields": {"object": "Lead", "name": "New__c", "type": "string", "length": 40, "unique": True, "values": ["a"]},
    "users": {"username": "seller@sandbox.example", "password": "s", "FirstName": "Sam", "rights": {"permissions": []}},
    "rights": {
        "username": _ADMIN, "hidden_fields": ["Lead.Phone"], "read_only_fields": ["Lead.Email"],
        "denied_objects": {"Account": ["delete"]}, "hidden_rows": {"Lead": "{row}.State = 'NSW'"}, "permissions": [],
    },
    "hide": {"ids": ["00Q000000000000AAA"], "hidden": True, "username": _ADMIN},
    "apps": {
        "client_id": "a", "client_secret": "b", "run_as": _ADMIN, "redirect_uris": ["https://x"], "scopes": ["api"],
        "approved_users": [_ADMIN], "certificate": "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----",
    },
    "lead_assignment": {"entries": [{"criteria": "Country = 'DE'", "owner": _ADMIN}, {"owner": _ADMIN}]},
    "duplicate_rules": {"object": "Lead", "fields": ["Email"], "against": ["Lead"], "action": "block"},
    "validation_rules": [{**_RULE, "message": "No such city.", "field": "City", "on": ["update"], "changed": ["City"]}],
    "automations": {
        **_RULE, "changed": ["City"], "on": ["update"], "set": {"Rating": "Hot", "State": {"field": "City"}},
        "as": _ADMIN, "delay_seconds": 30,
    },
    "sessions": {"expire": False, "idle_seconds": 900, "most_per_user": 50, "logins_an_hour": 3600},
    "quota": {"maximum": 50000, "used": 10, "per_app_maximum": 2500},
    "bulk": {"processing_seconds": 30, "async_api_enabled": True, "max_upload_bytes": 150000000},
    "write": {"as": _ADMIN, "object": "Lead", "operation": "create", "records": [_LEAD], "allow_duplicates": False},
    "convert": {"as": _ADMIN, "lead_id": "00Q000000000000AAA", "converted_status": "Closed - Converted"},
    "merge": {"object": "Lead", "master": "00Q000000000000AAA", "losers": ["00Q000000000001AAA"], "fields": {}},
    "purge": {"ids": ["00Q000000000000AAA"]},
    "queues": {"name": "Inbound", "objects": ["Lead"], "members": [_ADMIN]},
    "lead_mapping": {"Key__c": {"Contact": "Key__c"}},
    "touch": {"object": "Lead", "ids": ["00Q000000000000AAA"]},
    "campaigns": {"unknown_status": "refuse", "statuses_writable": False},
    "objects": {
        "name": "Order__c", "label": "Order", "name_field": {"type": "AutoNumber", "format": "O-{0000}"},
        "fields": [{"name": "Account__c", "type": "reference", "reference_to": "Account", "master_detail": 0}],
    },
    "record_types": {"object": "Lead", "name": "Partner", "default": True, "picklists": {"Status": ["New"]}},
    "sharing": {"Lead": "Private", "Contact": "ControlledByParent"},
    "metadata": {"tooling_fields_granted": False},
    "consent": {"username": _ADMIN, "deny": False},
    "refresh_tokens": {"client_id": "sandbox-client", "username": _ADMIN, "scope": "api refresh_token"},
    "logins": {"my_domain": "https://acme.my.salesforce.com", "wrong_audience": "audience is invalid"},
    "change_data_capture": {"objects": ["Lead"], "channel": "Mine__chn"},
    "platform_events": {"name": "Paid__e", "fields": [{"name": "Number__c", "type": "double"}]},
    "platform_events/publish": {"event": "Paid__e", "records": [{"Number__c": 3}], "as": _ADMIN},
    "gap_events": {"object": "Lead", "change": "UPDATE", "ids": ["00Q000000000000AAA"]},
    "events": {"keep_alive_seconds": 1, "idle_seconds": 2, "maximum_streams": 3},
}  # fmt: skip
INSTANCE: dict[str, Any] = {
    **SHARED,
    "seed": {"people": [{"email": "a@example.com", "createdAt": "2020-01-01T00:00:00Z"}], "activities": True},
    "people": {"source": "Form", "user": "", "action": "createOrUpdate", "lookupField": "email", "input": PEOPLE},
    "people/merge": {"id": 1, "leadIds": [2, 3], "user": "m@example.com"},
    "activities": {"leadId": 1, "type": "Convert Lead", "primaryId": 1, "primary": "Ann", "attributes": {"a": "Q"}},
    "lists": {"name": "VIP", "programName": "P", "folder": 15},
    "people/read": {"field": "email", "values": ["a@example.com"], "fields": ["city"]},
    "fields": {"name": "phone", "hidden": True, "read_only": True, "normaliser": "map", "values": {"CA": "California"}},
    "users": {"client_id": "ro", "client_secret": "s", "user": "ro@example.com", "permissions": ["Read-Only Lead"]},
    "settings": {"enforce_limits": False, "calls_per_day": 100, "token_life_seconds": 60, "export_seconds": 30},
    "channels": {"name": "Gift", "applicableProgramType": "program", "statuses": [{"name": "Sent", "step": 10}]},
    "tags": {"tagType": "R", "allowableValues": ["EU"], "required": True, "applicableProgramTypes": ["event"]},
    "programs": {"name": "Spring", "type": "Default", "channel": "Gift", "sfdcId": "701", "status": "on", "folder": 15},
    "members": {"program": "P", "leadIds": [1], "status": "Won", "values": {"isExhausted": True}, "acquiredBy": True},
    "partitions": {"name": "Europe", "description": "d"},
    "partitions/users": {"user": "eu@example.com", "partitions": ["Europe"]},
    "forms": {"name": "Sign up", "program": "P", "fields": ["firstName"]},
    "smart_lists": {"name": "Near", "filters": [{"field": "city", "values": ["Ulm"]}, {"list": "VIPs"}], "any": True},
    "webhooks": {
        "name": "Enrich", "url": "http://127.0.0.1:9/{{lead.Id}}", "method": "POST", "template": "{{lead.City}}",
        "encoding": "JSON", "response": "JSON", "headers": {"a": "b"}, "mappings": {"city": "city"},
    },
    "campaigns": {
        "name": "Welcome", "program": "P", "type": "trigger", "active": True, "qualification": "any",
        "flow": [{"step": "Change Score", "change": "+5"}, {"step": "Change Data Value", "field": "city"}],
    },
    "campaigns/run": {"campaign": "Welcome", "leadIds": [1], "at": "2026-03-02T10:00:00Z", "tokens": {"town": "Ulm"}},
    "objects": {"object": "opportunities", "input": [{"externalOpportunityId": "O1", "name": "Deal"}], "user": ""},
    "objects/fields": {"object": "opportunities", "name": "region", "type": "string", "label": "Region", "length": 255},
    "custom_objects": {
        "apiName": "bike_c", "displayName": "Bike", "crmManaged": False,
        "fields": [{"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}],
    },
    "native": {"crm": "sfdc"},
}  # fmt: skip
_SETTINGS: dict[str, Any] = {"match": "POST", "after": 1, "times": 2, "calls": [1, 3], "probability": 0.5, "seed": 1}
_PARAMETERS: dict[str, Any] = {
    "delay_seconds": 5, "status": 503, "index": 1, "share": 0.5, "count": 1, "seconds": 1, "field": "City",
    "value": "x", "indexes": [0, 2], "every": 2, "code": 611, "message": "m", "processed": True, "object": "Lead",
    "fields": ["City"],
}  # fmt: skip
# They forget what the drafts are made of, or close every door.
_NOT_ASKED = frozenset({"POST reset", "POST tokens/expire"})


class _ControlDrafts:
    """Control requests, and now and then one of *others*."""

    def __init__(self, dice: random.Random, others: Any, bodies: Mapping[str, Any]) -> None:
        self._dice, self._others, self._bodies = dice, others, bodies
        self.core, self.client, self.reached = others.core, others.client, others.reached
        self.reached.watch_mapping(self.core.control._routes)
        self._routes = [name for name in self.core.control._routes if name not in _NOT_ASKED]

    def draft(self) -> Draft:
        if self._dice.random() < 0.3:
            made: Draft = self._others.draft()
            return made
        method, _, name = self._dice.choice(self._routes).partition(" ")
        if name == "faults" and method == "POST":
            return Draft(method, "/_sandbox/faults", document=self._fault())
        return Draft(method, f"/_sandbox/{name}", document=self._bodies.get(name, {}) if method != "GET" else None)

    def _fault(self) -> dict[str, Any]:
        dice = self._dice
        settings = {name: value for name, value in _SETTINGS.items() if dice.random() < 0.7}
        known = self.core.control._known_faults
        fault = dice.choice(sorted(known))
        given = {name: _PARAMETERS[name] for name in known[fault] if name in _PARAMETERS and dice.random() < 0.5}
        return {**settings, "name": fault, "parameters": given}


class OrgControlDrafts(_ControlDrafts):
    """Control requests of one org."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__(dice, salesforce.SalesforceDrafts(dice), ORG)


class InstanceControlDrafts(_ControlDrafts):
    """Control requests of one instance."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__(dice, marketo.MarketoDrafts(dice), INSTANCE)


def told(request: Request, answer: Response) -> str:
    """The status of a control request; of others that there is an answer. AssertionError for a mute refusal."""
    if not request.path.startswith("/_sandbox/"):
        return "other"
    assert answer.status in (200, 400, 404), answer
    body = json.loads(answer.body)
    assert answer.status == 200 or body["error"], body
    return str(answer.status)
