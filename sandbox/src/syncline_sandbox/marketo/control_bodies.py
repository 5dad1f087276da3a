"""What the instance's control routes take: keys and kinds. Not here: routes whose room checks every key itself."""

from __future__ import annotations

from syncline_sandbox.core.body import ANYTHING, COUNT, FLAG, LIST, OBJECT, TEXT, TEXTS, Body, nullable, whole

_CAUSE = {"source": TEXT, "reason": TEXT, "user": TEXT}
_PLACE = {"name": TEXT, "program": TEXT, "folder": COUNT}

BODIES: dict[str, Body] = {
    "POST seed": Body({"people": LIST, "activities": FLAG}),
    "POST people": Body({**_CAUSE, "action": TEXT, "lookupField": TEXT, "input": LIST}),
    "DELETE people": Body({**_CAUSE, "input": LIST}),
    "POST people/read": Body({"field": TEXT, "values": LIST, "fields": TEXTS}),
    "POST people/merge": Body({**_CAUSE, "id": COUNT, "leadIds": LIST}, ("id", "leadIds")),
    "POST activities": Body(
        {"leadId": COUNT, "type": ANYTHING, "primaryId": ANYTHING, "primary": ANYTHING, "attributes": OBJECT},
        ("leadId", "type"),
    ),
    "POST users": Body(
        {"client_id": TEXT, "client_secret": TEXT, "user": TEXT, "permissions": TEXTS},
        ("client_id", "client_secret", "user"),
    ),
    "POST fields": Body(
        {
            "name": TEXT,
            "type": TEXT,
            "label": TEXT,
            "hidden": FLAG,
            "read_only": FLAG,
            "normaliser": nullable(TEXT),
            "values": OBJECT,
        },
        ("name",),
    ),
    "POST native": Body({"crm": nullable(TEXT)}, ("crm",)),
    "POST objects": Body({"object": TEXT, "action": TEXT, "input": LIST, "user": TEXT}, ("object",)),
    "POST objects/fields": Body(
        {"object": TEXT, "name": TEXT, "type": TEXT, "label": TEXT, "length": whole(1)}, ("object", "name")
    ),
    "POST lists": Body({**_PLACE, "programName": TEXT}, ("name",)),
    "POST channels": Body({"name": TEXT, "applicableProgramType": TEXT, "statuses": LIST}, ("name", "statuses")),
    "POST tags": Body(
        {"tagType": TEXT, "allowableValues": LIST, "required": FLAG, "applicableProgramTypes": TEXTS}, ("tagType",)
    ),
    "POST programs": Body(
        {
            **dict.fromkeys(("name", "type", "channel", "status", "sfdcId", "sfdcName", "description"), TEXT),
            "folder": COUNT,
        },
        ("name",),
    ),
    "POST members": Body(
        {**_CAUSE, "program": TEXT, "leadIds": LIST, "status": nullable(TEXT), "values": OBJECT, "acquiredBy": FLAG},
        ("program", "leadIds"),
    ),
    "POST partitions": Body({"name": TEXT, "description": nullable(TEXT)}, ("name",)),
    "POST partitions/users": Body({"user": TEXT, "partitions": nullable(LIST)}, ("user", "partitions")),
    "POST forms": Body({**_PLACE, "fields": LIST}, ("name",)),
    "POST smart_lists": Body({**_PLACE, "filters": LIST, "any": FLAG}, ("name",)),
    "POST campaigns": Body(
        {
            **_PLACE,
            **dict.fromkeys(("type", "qualification"), TEXT),
            **dict.fromkeys(("active", "requestable", "any"), FLAG),
            **dict.fromkeys(("filters", "flow"), LIST),
        },
        ("name",),
    ),
    "POST campaigns/run": Body(
        {"campaign": TEXT, "leadIds": LIST, "at": TEXT, "tokens": nullable(ANYTHING)}, ("campaign",)
    ),
}
