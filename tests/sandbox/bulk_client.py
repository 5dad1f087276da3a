"""An in-process client of the org's bulk APIs, for their own tests."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request, Response
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET

NOW = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
STAMP = "2026-11-18T10:00:00.000+0000"


class BulkClient:
    """Speaks Bulk 2.0 to an org in process."""

    def __init__(self) -> None:
        self.org = SalesforceOrg(clock=SandboxClock(frozen_at=NOW))
        self.org.add_field("Lead", {"name": "Ext__c", "type": "string", "length": 40, "external_id": True})
        form = f"grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = self.org.handle(
            Request(method="POST", path="/services/oauth2/token", headers=headers, body=form.encode())
        )
        self.token = str(json.loads(answer.body)["access_token"])
        self._headers = {"authorization": f"Bearer {self.token}"}

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: str = "",
        version: str = "59.0",
        headers: dict[str, str] | None = None,
    ) -> Response:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.org.handle(
            Request(
                method=method,
                path=f"/services/data/v{version}/{path}",
                query_string=query,
                headers={**self._headers, **(headers or {})},
                body=raw,
            )
        )

    def json(self, method: str, path: str, body: Any = None, query: str = "", status: int = 200) -> Any:
        answer = self.send(method, path, body, query)
        assert answer.status == status, answer.body
        return json.loads(answer.body)

    def query_job(self, soql: str, operation: str = "query", **spec: str) -> str:
        return str(self.json("POST", "jobs/query", {"operation": operation, "query": soql, **spec})["id"])

    def pages(self, soql: str, max_records: int, operation: str = "query") -> list[list[list[str]]]:
        """Every page of a query, header rows dropped after a look at them."""
        job_id, locator = self.query_job(soql, operation), ""
        pages: list[list[list[str]]] = []
        while locator != "null":
            query = f"maxRecords={max_records}" + (f"&locator={locator}" if locator else "")
            answer = self.send("GET", f"jobs/query/{job_id}/results", query=query)
            headers = dict(answer.headers)
            header, *rows = csv.reader(io.StringIO(answer.body.decode()))
            assert headers["Sforce-NumberOfRecords"] == str(len(rows))
            assert headers["Content-Type"].startswith("text/csv")
            assert header
            pages.append(rows)
            locator = headers["Sforce-Locator"]
        return pages

    def ingest(self, operation: str, content: str, **spec: str) -> dict[str, Any]:
        """Run an ingest job on Lead; returns its info once it is terminal."""
        created = self.json(
            "POST", "jobs/ingest", {"object": "Lead", "operation": operation, "contentType": "CSV", **spec}
        )
        assert created["state"] == "Open"
        assert created["contentUrl"] == f"services/data/v59.0/jobs/ingest/{created['id']}/batches"
        uploaded = self.send("PUT", f"jobs/ingest/{created['id']}/batches", content.encode())
        assert (uploaded.status, uploaded.body) == (201, b"")
        closed = self.json("PATCH", f"jobs/ingest/{created['id']}", {"state": "UploadComplete"})
        assert closed["state"] == "UploadComplete"
        info: dict[str, Any] = self.json("GET", f"jobs/ingest/{created['id']}")
        return info

    def results(self, info: dict[str, Any], kind: str) -> list[dict[str, str]]:
        answer = self.send("GET", f"jobs/ingest/{info['id']}/{kind}")
        assert answer.status == 200, answer.body
        return list(csv.DictReader(io.StringIO(answer.body.decode())))

    def leads(self, fields: str) -> list[tuple[Any, ...]]:
        soql = f"SELECT {fields} FROM Lead ORDER BY Id".replace(" ", "+")
        records = self.json("GET", "query", query=f"q={soql}")["records"]
        return [tuple(list(record.values())[1:]) for record in records]

    def seed_leads(self, count: int) -> list[str]:
        return self.org.seed(
            "Lead", [{"LastName": f"L{n:03}", "Company": "Acme", "NumberOfEmployees": n} for n in range(count)]
        )
