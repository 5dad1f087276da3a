"""What the Marketo tests share: an instance with a frozen clock, and calls that read like the vendor's samples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import Fault
from syncline_sandbox.core.wire import Request, Response
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.marketo.identity import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET

START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
TOKEN_QUERY = {
    "grant_type": "client_credentials",
    "client_id": DEFAULT_CLIENT_ID,
    "client_secret": DEFAULT_CLIENT_SECRET,
}


class Client:
    """Calls one instance in process."""

    def __init__(self, instance: MarketoInstance | None = None) -> None:
        self.instance = instance or MarketoInstance(clock=SandboxClock(frozen_at=START))
        self.token = self.new_token()

    def new_token(self, **credentials: str) -> str:
        answer = self.raw("GET", "/identity/oauth/token", {**TOKEN_QUERY, **credentials})
        return str(json.loads(answer.body)["access_token"])

    def raw(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        request = Request(
            method=method, path=path, query_string=urlencode(query or {}), headers=headers or {}, body=body
        )
        return self.instance.handle(request)

    def send(self, method: str, path: str, query: Mapping[str, Any] | None = None, document: Any = None) -> Response:
        headers = {"authorization": f"Bearer {self.token}"}
        body = b""
        if document is not None:
            headers["content-type"] = "application/json"
            body = json.dumps(document).encode()
        return self.raw(method, path, query, body, headers)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._decoded(self.send("GET", path, query))

    def post(self, path: str, document: Any = None, **query: Any) -> dict[str, Any]:
        return self._decoded(self.send("POST", path, query, document))

    def upload(self, path: str, content: str, **query: Any) -> dict[str, Any]:
        """Start an import of a CSV file."""
        part = f'Content-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\n{content}'
        headers = {"authorization": f"Bearer {self.token}", "content-type": "multipart/form-data; boundary=XX"}
        return self._decoded(self.raw("POST", path, query, f"--XX\r\n{part}\r\n--XX--\r\n".encode(), headers))

    def sync(self, *records: Mapping[str, Any], **members: Any) -> list[dict[str, Any]]:
        """The results of one Sync Leads call, which must succeed."""
        answer = self.post("/rest/v1/leads.json", {**members, "input": list(records)})
        assert answer["success"], answer
        return list(answer["result"])

    def leads(self, filter_type: str, *values: Any, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(
            "/rest/v1/leads.json", filterType=filter_type, filterValues=",".join(map(str, values)), **query
        )
        assert answer["success"], answer
        return list(answer["result"])

    def lead(self, lead_id: int, *fields: str) -> dict[str, Any]:
        (row,) = self.leads("id", lead_id, **({"fields": ",".join(fields)} if fields else {}))
        return row

    def paging_token(self, since: datetime = START) -> str:
        answer = self.get("/rest/v1/activities/pagingtoken.json", sinceDatetime=since.isoformat())
        return str(answer["nextPageToken"])

    def activities(self, *types: int, since: datetime = START, **query: Any) -> list[dict[str, Any]]:
        """All activities of these types since then."""
        query = {"activityTypeIds": ",".join(map(str, types)), "nextPageToken": self.paging_token(since), **query}
        rows: list[dict[str, Any]] = []
        while True:
            page = self.get("/rest/v1/activities.json", **query)
            rows += page.get("result", [])
            if not page["moreResult"]:
                return rows
            query["nextPageToken"] = page["nextPageToken"]

    def control(self, method: str, name: str, document: Any = None) -> Any:
        body = b"" if document is None else json.dumps(document).encode()
        answer = self.raw(method, f"/_sandbox/{name}", body=body)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def fault(self, name: str, match: str = "", times: int | None = 1, after: int = 0, **parameters: Any) -> None:
        self.instance.faults.install(Fault(name=name, match=match, times=times, after=after, parameters=parameters))

    def wait(self, seconds: float) -> None:
        self.instance.clock.advance(seconds)

    @staticmethod
    def _decoded(answer: Response) -> dict[str, Any]:
        assert answer.status == 200, answer
        decoded: dict[str, Any] = json.loads(answer.body)
        return decoded


def attributes(activity: Mapping[str, Any]) -> dict[str, Any]:
    return {item["name"]: item["value"] for item in activity["attributes"]}
