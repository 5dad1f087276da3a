"""What the org's control routes take: keys and kinds. Not here: routes whose keys are objects and fields of the org."""

from __future__ import annotations

from dataclasses import fields

from syncline_sandbox.core.body import ANYTHING, COUNT, FLAG, LIST, OBJECT, SECONDS, TEXT, TEXTS, Body, nullable

from .auth import ConnectedApp
from .convert import LeadConvert

_WHO = {"as": TEXT}
_APP = {field.name: ANYTHING for field in fields(ConnectedApp)}
_RULE_OWNER = {"entries": LIST, "owner": nullable(TEXT)}

BODIES: dict[str, Body] = {
    "POST rights": Body(
        {
            "username": TEXT,
            "hidden_fields": TEXTS,
            "read_only_fields": TEXTS,
            "denied_objects": OBJECT,
            "hidden_rows": OBJECT,
            "locked_rows": OBJECT,
            "permissions": TEXTS,
        }
    ),
    "POST hide": Body({"ids": TEXTS, "hidden": FLAG, "username": TEXT}, ("ids",)),
    "POST quota": Body({"maximum": COUNT, "used": COUNT, "per_app_maximum": nullable(COUNT)}),
    "POST replication": Body({"deleted_days": COUNT}, ("deleted_days",)),
    "POST write": Body(
        {**_WHO, "object": TEXT, "operation": TEXT, "records": LIST, "allow_duplicates": FLAG},
        ("object", "operation", "records"),
    ),
    "POST touch": Body({"object": TEXT, "ids": TEXTS}, ("object", "ids")),
    "POST apps": Body(_APP, ("client_id", "client_secret")),
    "POST sessions": Body(
        {"expire": FLAG, "idle_seconds": SECONDS, "most_per_user": nullable(COUNT), "logins_an_hour": COUNT}
    ),
    "POST consent": Body({"username": nullable(TEXT), "deny": FLAG}),
    "POST refresh_tokens": Body({"client_id": TEXT, "username": TEXT, "scope": TEXT}),
    "POST logins": Body({"my_domain": nullable(TEXT), "wrong_audience": TEXT}),
    "POST convert": Body({**_WHO, **{field.name: ANYTHING for field in fields(LeadConvert)}}, ("lead_id",)),
    "POST merge": Body(
        {**_WHO, "object": TEXT, "master": TEXT, "losers": TEXTS, "fields": OBJECT}, ("object", "master", "losers")
    ),
    "POST purge": Body({"ids": TEXTS}),
    "POST queues": Body({"name": TEXT, "objects": TEXTS, "members": TEXTS}, ("name",)),
    "POST lead_assignment": Body(_RULE_OWNER),
    "POST change_data_capture": Body({"objects": TEXTS, "channel": TEXT}, ("objects",)),
    "POST platform_events/publish": Body({**_WHO, "event": TEXT, "records": LIST}, ("event", "records")),
    "POST gap_events": Body({"object": TEXT, "change": TEXT, "ids": TEXTS}, ("object",)),
}
