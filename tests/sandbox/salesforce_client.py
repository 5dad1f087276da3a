"""An in-process client of the org sandbox for its own tests: token in, JSON out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request, Response
from syncline_sandbox.salesforce.org import SalesforceOrg

BASE = "/services/data/v59.0/"
START = datetime(2026, 3, 1, 9, 0, 0, tzinfo=UTC)


class Client:
    """One user's session. `call` answers status and JSON, `send` the whole response."""

    def __init__(self, org: SalesforceOrg, username: str = "integration@sandbox.example") -> None:
        self.org = org
        self.token = self.login(username)

    def login(self, username: str, password: str = "sandbox-password") -> str:
        form = {"grant_type": "password", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}
        body = urlencode({**form, "username": username, "password": password}).encode()
        answer = self.org.handle(Request(method="POST", path="/services/oauth2/token", body=body))
        assert answer.status == 200, answer.body
        return str(orjson.loads(answer.body)["access_token"])

    def send(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: str
    ) -> Response:
        request = Request(
            method=method,
            path=path if path.startswith("/") else BASE + path,
            query_string=urlencode(query),
            headers={"authorization": f"Bearer {self.token}", "host": "org.example", **(headers or {})},
            body=b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body),
        )
        return self.org.handle(request)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        answer = self.send(method, path, body, **options)
        return answer.status, orjson.loads(answer.body) if answer.body else None

    def create(self, sobject: str, **record: Any) -> str:
        status, answer = self.call("POST", f"sobjects/{sobject}", record)
        assert status == 201, answer
        return str(answer["id"])

    def read(self, sobject: str, record_id: str, *fields: str) -> Any:
        status, answer = self.call("GET", f"sobjects/{sobject}/{record_id}", fields=",".join(fields))
        assert status == 200, answer
        return answer if len(fields) != 1 else answer[fields[0]]

    def query(self, soql: str, resource: str = "query") -> list[Any]:
        status, answer = self.call("GET", resource, q=soql)
        assert status == 200, answer
        return list(answer["records"])

    def control(self, method: str, name: str, body: Any = None) -> Any:
        status, answer = self.call(method, f"/_sandbox/{name}", body)
        assert status == 200, answer
        return answer

    def fault(self, name: str, match: str = "", **rest: Any) -> None:
        self.control("POST", "faults", {"name": name, "match": match, **rest})

    def advance(self, seconds: float) -> None:
        self.control("POST", "clock", {"advance_seconds": seconds})


def fresh_client() -> Client:
    """A session of the integration user in a fresh org whose clock stands still."""
    return Client(SalesforceOrg(clock=SandboxClock(frozen_at=START)))
