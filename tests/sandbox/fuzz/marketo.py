"""Sound requests of every route of the instance, and what its answers must look like whatever was sent.

Lives here: parts of paths that mean something to the instance asked. Bodies are in `marketo_bodies.py`.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from typing import Any
from urllib.parse import urlencode

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request, Response
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.marketo.routes import Route
from tests.sandbox.fuzz.marketo_bodies import (
    ACTIVITY_EXPORT,
    BODIES,
    CSVS,
    FILTERS,
    FORMS,
    MEMBER_EXPORT,
    OBJECT_EXPORT,
    PEOPLE,
    QUERY,
)
from tests.sandbox.fuzz.mutations import Draft
from tests.sandbox.fuzz.reached import Reached
from tests.sandbox.marketo_client import START, TOKEN_QUERY, Client

_EXPORTS = {"activities": ACTIVITY_EXPORT, "members": MEMBER_EXPORT, "customobjects": OBJECT_EXPORT}
_FORM = "application/x-www-form-urlencoded"


# Asked less often than others, for little is left to ask for afterwards.
_ENDING = ("delete.json", "merge.json")
_NAMES = {
    "external": ("visit_c", "visit_c", "x"), "customobjects": ("car_c", "car_c", "vin", "x"),
    "members/schema": ("trackName", "x"), "leads/schema": ("city", "car", "x"), "companies": ("company", "x"),
    "opportunities": ("amount", "x"), "namedaccounts": ("name", "x"), "program": ("Region", "x"),
}  # fmt: skip


class MarketoDrafts:
    """Makes sound requests of one instance that holds a few of everything. `reached`: who answered the last one."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.core = MarketoInstance(clock=SandboxClock(frozen_at=START))
        self.core.settings.enforce_limits = False
        self.client = client = Client(self.core)
        client.sync(*PEOPLE)
        client.sync(*({"email": f"p{number}@example.com"} for number in range(8)))
        self._ids = self._furnish(client)
        client.wait(600)
        self._page = client.paging_token()
        self.reached = Reached()
        self.reached.watch_table(self.core._routes)
        self.reached.watch(self.core.identity, "answer")
        self.routes = [route for _, route in self.core._routes._routes]

    def _furnish(self, client: Client) -> dict[str, tuple[str, ...]]:
        """One of everything; the ids by a piece of the paths they belong in."""
        made = {
            name: str(client.control("POST", name, body).get("id"))
            for name, body in (
                ("channels", {"name": "Gift", "statuses": [{"name": "Member", "step": 1}, {"name": "Won", "step": 2}]}),
                ("lists", {"name": "VIPs", "programName": ""}),
                ("programs", {"name": "P", "type": "Default", "channel": "Gift"}),
                ("forms", {"name": "Sign up", "program": "P", "fields": ["firstName"]}),
                ("smart_lists", {"name": "Near", "filters": [{"field": "city", "values": ["Ulm"]}]}),
                ("campaigns", {"name": "Welcome", "flow": [{"step": "Change Score", "change": "+5"}]}),
                ("tags", {"tagType": "Region", "allowableValues": ["EU"]}),
                ("custom_objects", _CAR),
            )
        }
        client.control("POST", "members", {"program": "P", "leadIds": [1], "status": "Member"})
        client.post("/rest/v1/activities/external/type.json", BODIES["external/type"])
        client.post("/rest/v1/activities/external/type/visit_c/approve.json")
        exports = [self._export(path, body) for path, body in _EXPORT_CALLS]
        imports = str(self._upload_now("/bulk/v1/leads.json", format="csv")["result"][0]["batchId"])
        programs, leads = (made["programs"], made["programs"], "77"), ("1", "2", "4", "77")
        return {
            "/export/": (*exports, "x"), "/import/": (imports, "1", "2"), "/batch/": (imports, "1", "2"),
            "leads/programs": programs, "/lists/": (made["lists"], "77"), "/list/": (made["lists"], "77"),
            "/lead": leads, "/program": programs, "/campaigns/": (made["campaigns"], "77"),
            "/smartCampaign": (made["campaigns"], "77"), "/form/": (made["forms"], "77"),
            "/smartList": (made["smart_lists"], "77"), "/staticList": (made["lists"], "77"),
            "/folder/": ("15", "1", "77"),
        }  # fmt: skip

    def draft(self) -> Draft:
        """A request of any route, now and then for a token."""
        dice = self._dice
        if dice.random() < 0.03:
            known = {**TOKEN_QUERY, "partner_id": "x"}
            return Draft(dice.choice(("GET", "POST")), "/identity/oauth/token", tuple(known.items()))
        route = dice.choice(self.routes)
        while route.path.endswith(_ENDING) and dice.random() < 0.95:
            route = dice.choice(self.routes)
        return self.of(route)

    def of(self, route: Route) -> Draft:
        """A request of this route."""
        dice, path = self._dice, self._path(route)
        headers = {"authorization": f"Bearer {self.client.token}", "content-type": "application/json"}
        if dice.random() < 0.1:
            headers["accept-encoding"] = "gzip"
        share = 0.5 if route.method == "GET" else 0.15
        filters = [query for word, query in FILTERS.items() if word in path]
        known: dict[str, tuple[str, ...]] = {**QUERY, **(filters[0] if filters else {})}
        query = [(name, dice.choice(values)) for name, values in known.items() if dice.random() < share]
        query += [("nextPageToken", self._page)] if dice.random() < 0.5 else []
        draft = Draft(route.method, path, tuple(query), headers)
        if route.method == "GET":
            return self._as_post(draft) if dice.random() < 0.05 else draft
        return self._with_body(draft)

    def _path(self, route: Route) -> str:
        numbers = next((ids for word, ids in self._ids.items() if word in route.path), ("1",))
        path = route.path.replace("{id}", self._dice.choice(numbers))
        names = next((names for word, names in _NAMES.items() if word in path), ("x",))
        return re.sub(r"\{\w+\}", lambda _: self._dice.choice(names), path)

    def _as_post(self, draft: Draft) -> Draft:
        """A query sent as a form, for it is too long for a URL."""
        headers = {**draft.headers, "content-type": _FORM}
        body = urlencode(draft.query).encode()
        return Draft("POST", draft.path, (("_method", "GET"),), headers, body=body)

    def _with_body(self, draft: Draft) -> Draft:
        if "/bulk/" in draft.path and draft.path.endswith(("/leads.json", "/import.json")):
            return self._upload(draft)
        if "/asset/" in draft.path:
            form = {
                name: value.replace("{n}", str(self._dice.randrange(99)))
                for name, value in self._dice.choice(FORMS).items()
            }
            headers = {**draft.headers, "content-type": _FORM}
            return Draft(draft.method, draft.path, draft.query, headers, body=urlencode(form).encode())
        if draft.path.endswith("export/create.json"):
            body: Any = next((body for word, body in _EXPORTS.items() if word in draft.path), BODIES["export/create"])
        else:
            body = next(body for word, body in BODIES.items() if word in draft.path)
        return Draft(draft.method, draft.path, draft.query, draft.headers, body)

    def _upload(self, draft: Draft) -> Draft:
        headers = {**draft.headers, "content-type": "multipart/form-data; boundary=b"}
        body = _multipart(self._dice.choice(CSVS))
        query = (*(pair for pair in draft.query if pair[0] != "format"), ("format", "csv"))
        return Draft(draft.method, draft.path, query, headers, body=body)

    def _upload_now(self, path: str, **query: str) -> Any:
        headers = {"authorization": f"Bearer {self.client.token}", "content-type": "multipart/form-data; boundary=b"}
        return json.loads(self.client.raw("POST", path, query, _multipart(CSVS[0]), headers).body)

    def _export(self, path: str, body: dict[str, Any]) -> str:
        made = self.client.post(f"/bulk/v1/{path}/export/create.json", body)
        assert made["success"], made
        job = made["result"][0]["exportId"]
        self.client.post(f"/bulk/v1/{path}/export/{job}/enqueue.json")
        return str(job)


_CAR = {
    "apiName": "car_c", "displayName": "Car",
    "fields": [
        {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True},
        {"name": "leadId", "displayName": "L", "dataType": "link", "relatedTo": {"name": "lead", "field": "id"}},
    ],
}  # fmt: skip
_EXPORT_CALLS = (
    ("leads", BODIES["export/create"]),
    ("activities", ACTIVITY_EXPORT),
    ("customobjects/car_c", OBJECT_EXPORT),
)


def _multipart(rows: bytes) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\nContent-Type: text/csv\r\n\r\n'
    return head + rows + b"\r\n--b--\r\n"


def told(request: Request, answer: Response) -> str:
    """The code an answer tells, "" for success. AssertionError when it is not how the vendor tells anything."""
    kind = {name.lower(): value for name, value in answer.headers}.get("content-type", "")
    if answer.status in (413, 414):
        return str(answer.status)
    if "json" not in kind:
        assert answer.status in (200, 206, 404, 416), (answer.status, answer.body[:200])
        return "" if answer.status < 400 else str(answer.status)
    body = json.loads(_unpacked(answer))
    if "error" in body:
        assert answer.status in (400, 401)
        return str(body["error"])
    if answer.status == 200 and "access_token" in body:
        return ""
    assert answer.status == 200, (answer.status, body)
    assert body["requestId"]
    if body["success"]:
        return ""
    (first, *_) = body["errors"]
    assert isinstance(first["code"], str), body
    assert first["message"], body
    assert first["code"] != "611" or request.path.endswith("/clone.json"), body  # what a name taken is told
    return str(first["code"])


def _unpacked(answer: Response) -> bytes:
    packed = any(value == "gzip" for name, value in answer.headers if name.lower() == "content-encoding")
    return gzip.decompress(answer.body) if packed else answer.body
