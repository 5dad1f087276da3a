"""Sound requests of every route of the org, and what its answers must look like whatever was sent.

Lives here: parts of paths and parameters that mean something to the org asked. Bodies are in `salesforce_bodies.py`.
"""

from __future__ import annotations

import json
import random
import re
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request, Response
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.web import Route
from tests.sandbox.fuzz.mutations import Draft
from tests.sandbox.fuzz.reached import Reached
from tests.sandbox.fuzz.salesforce_bodies import (
    BODIES,
    ENVELOPE,
    LEAD,
    OBJECTS,
    PARTS,
    SOAP_CALLS,
    SOQL,
    SOSL,
    UPLOADS,
    XML_BATCH,
    XML_JOB,
)
from tests.sandbox.salesforce_client import START, Client

_JOBS = "/services/async/59.0/job"
_FORM = "application/x-www-form-urlencoded"
_KNOWN = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
_FORMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("token", {"grant_type": "client_credentials", **_KNOWN}),
    ("token", {"grant_type": "password", **_KNOWN, "username": "u", "password": "p"}),
    ("token", {"grant_type": "refresh_token", **_KNOWN, "refresh_token": "x"}),
    ("token", {"grant_type": "authorization_code", **_KNOWN, "code": "x", "redirect_uri": "https://x"}),
    ("token", {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "e30.e30.c2ln"}),
    ("introspect", {**_KNOWN, "token": "{session}"}),
    ("revoke", {"token": "x"}),
    ("authorize", {"response_type": "code", **_KNOWN, "redirect_uri": "https://x"}),
    ("userinfo", {}),
)


class SalesforceDrafts:
    """Makes sound requests of one org that holds a few of everything. `reached` knows who answered the last one."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.core = org = SalesforceOrg(clock=SandboxClock(frozen_at=START))
        org.usage.maximum = 10**9
        self.client = Client(org)
        self.client.control("POST", "fields", {"object": "Lead", "name": "Key__c", "external_id": True, "unique": True})
        account = self.client.create("Account", Name="Acme")
        people = [self.client.create("Contact", LastName=f"c{number}", AccountId=account) for number in range(5)]
        self._leads = org.seed("Lead", [{**LEAD, "Key__c": f"k{number}"} for number in range(300)])
        self._ids = [account, *people, *self._leads[:5], "00Q000000000000AAA"]
        self._ingest = [self._job(upload) for upload in (*UPLOADS, None)]
        self._queries = [self._made("jobs/query", {"operation": "query", "query": soql}) for soql in SOQL[:2]]
        self._old = [self._old_job("CSV"), self._old_job("XML"), self._old_job("JSON")]
        page = self.client.call(
            "GET", "query", q="SELECT Id FROM Lead", headers={"sforce-query-options": "batchSize=200"}
        )
        self._locator = page[1]["nextRecordsUrl"].rpartition("/")[2]
        self.reached = Reached()
        self.reached.watch_router(org.router)
        self.reached.watch_router(org.bulk.door._router)
        self.reached.watch(org.auth, "answer")
        self.reached.watch(org.soap._calls, "answer")
        self.routes = [route for route, _ in org.router._routes]

    def draft(self) -> Draft:
        """A request of any route, equally often one of the data resources, logins, SOAP or Bulk 1.0."""
        roll = self._dice.random()
        if roll < 0.08:
            return self._login()
        if roll < 0.23:
            return self._soap()
        return self._old_bulk() if roll < 0.33 else self.of(self._dice.choice(self.routes))

    # -- data ----------------------------------------------------------------------------------------------------------

    def of(self, route: Route) -> Draft:
        """A request of this route."""
        dice = self._dice
        path = self._path(route.pattern)
        upload = route.method == "PUT"
        headers = {"authorization": f"Bearer {self.client.token}", "host": "org.example"}
        for name, value in (("sforce-query-options", "batchSize=200"), ("accept", "application/xml")):
            if dice.random() < 0.05:
                headers[name] = value
        return Draft(
            route.method,
            f"/services/data/v{dice.choice((59, 59, 62, 45, 68))}.0/{path}",
            self._query(route.method, path),
            headers={**headers, "content-type": "text/csv" if upload else "application/json"},
            document=None if route.method in ("GET", "DELETE") or upload else self._document(route.method, path),
            body=dice.choice(UPLOADS) if upload else None,
        )  # fmt: skip

    def _path(self, pattern: str) -> str:
        """The pattern filled in with what mostly exists."""
        dice = self._dice
        sobject = dice.choice(OBJECTS)
        if pattern.startswith("jobs/"):
            pool = self._queries if "query" in pattern else self._ingest
            return pattern.replace("{}", dice.choice((*pool, *pool, dice.choice(self._ids))))
        if pattern.startswith("query"):
            return pattern.replace("{*}", dice.choice((self._locator, self._locator, "x-200", "01g/0")))
        filled = pattern.replace("{}", "Lead" if "composite" in pattern or dice.random() < 0.5 else sobject, 1)
        if "composite" in filled:
            return filled.replace("{}", "Key__c")
        one, of_it = dice.choice((
            (dice.choice(self._ids), dice.choice(("Owner", "Account", "Contacts", "Name", "Nope"))),
            ("Key__c", dice.choice(("k1", "k2", "new", "%C3%A4%2F"))),
        ))  # fmt: skip
        return filled.replace("{}", one, 1).replace("{*}", of_it)

    def _query(self, method: str, path: str) -> tuple[tuple[str, str], ...]:
        dice = self._dice
        if path.endswith(("updated", "deleted")):
            return ("start", "2026-02-27T00:00:00+00:00"), ("end", "2026-03-01T08:00:00+00:00")
        table: dict[str, tuple[tuple[str, str], ...]] = {
            "query": (("q", dice.choice(SOQL)),),
            "search": (("q", dice.choice(SOSL)),),
            "parameterizedSearch": (("q", "Smith"), ("sobject", "Lead"), ("Lead.fields", "Id,Name"), ("in", "NAME")),
            "sobjects": (("fields", "Id,Name"),),
            "composite/sobjects": (
                ("ids", ",".join(dice.sample(self._ids, 2))), ("allOrNone", "true"), ("fields", "Id,Name"),
            ),
            "jobs": (("maxRecords", "2"), ("locator", dice.choice(("MTAw", "")))),
            "recent": (("limit", "3"),),
            "limits/recordCount": (("sObjects", "Lead,Account"),),
        }  # fmt: skip
        if dice.random() < 0.1 and method == "POST":
            return (("_HttpMethod", "PATCH"),)
        return next((query for word, query in table.items() if path.startswith(word)), ())

    def _document(self, method: str, path: str) -> Any:
        dice = self._dice
        if method == "PATCH" and path.startswith("jobs"):
            return {"state": dice.choice(("UploadComplete", "Aborted"))}
        body: Any = next((body for word, body in BODIES.items() if path.startswith(word)), LEAD)
        if path.startswith("composite/sobjects"):
            named = [{**record, "id": dice.choice(self._ids), "Key__c": "k1"} for record in body["records"]]
            records = body["records"] if method == "POST" and "/Key__c" not in path else named
            return {**body, "ids": self._ids[:2], "records": records, "allOrNone": dice.random() < 0.5}
        if path == "composite":
            return {**body, "compositeRequest": dice.sample(PARTS, 3) if dice.random() < 0.5 else list(PARTS)}
        return {**body, "query": dice.choice(SOQL)} if path.startswith("jobs/query") else dict(body)

    # -- other doors ---------------------------------------------------------------------------------------------------

    def _login(self) -> Draft:
        name, form = self._dice.choice(_FORMS)
        headers = {"content-type": _FORM, "host": "login.salesforce.com"}
        told = {key: value.format(session=self.client.token) for key, value in form.items()}
        changed = {key: self._dice.choice((value, value, value, "", "x", "\x00")) for key, value in told.items()}
        return Draft("POST", f"/services/oauth2/{name}", headers=headers, body=urlencode(changed).encode())

    def _soap(self) -> Draft:
        call = self._dice.choice(SOAP_CALLS).format(id=self._dice.choice(self._ids))
        body = ENVELOPE.format(session=self.client.token, call=call).encode()
        path = self._dice.choice(("/services/Soap/u/59.0", "/services/Soap/c/62.0", "/services/Soap/u/31.0/00Dx"))
        return Draft("POST", path, headers={"content-type": "text/xml", "soapaction": '""'}, body=body)

    def _old_bulk(self) -> Draft:
        dice = self._dice
        job, kind, batches = dice.choice(self._old)
        json_headers = {"x-sfdc-session": self.client.token, "content-type": "application/json"}
        xml_headers = {"x-sfdc-session": self.client.token, "content-type": "application/xml"}
        base, batch = f"{_JOBS}/{job}", dice.choice((*batches, *batches, "751000000000001AAA"))
        wanted = {"operation": dice.choice(("insert", "query", "upsert")), "object": "Lead", "contentType": kind}
        spec = XML_JOB.format(operation=dice.choice(("insert", "queryAll", "delete")), kind=kind).encode()
        return dice.choice((
            Draft("POST", _JOBS, headers=json_headers, document={**wanted, "externalIdFieldName": "Key__c"}),
            Draft("POST", _JOBS, headers=xml_headers, body=spec),
            Draft("GET", base, headers=dice.choice((json_headers, xml_headers))),
            Draft("POST", base, headers=json_headers, document={"state": "Open"}),
            Draft("GET", f"{base}/batch", headers=json_headers),
            self._batch(job, kind),
            self._batch(job, kind),
            Draft("GET", f"{base}/batch/{batch}", headers=json_headers),
            Draft("GET", f"{base}/batch/{batch}/request", headers=json_headers),
            Draft("GET", f"{base}/batch/{batch}/result", headers=json_headers),
            Draft("GET", f"{base}/batch/{batch}/result/752000000000001", headers=json_headers),
        ))  # fmt: skip

    def _batch(self, job: str, kind: str) -> Draft:
        rows = json.dumps([{"LastName": "x", "Company": "c"}, {"Id": "00Q000000000000AAA"}]).encode()
        content_type, body = {
            "CSV": ("text/csv", self._dice.choice(UPLOADS)),
            "XML": ("application/xml", XML_BATCH.encode()),
            "JSON": ("application/json", rows),
        }[kind]
        headers = {"x-sfdc-session": self.client.token, "content-type": content_type}
        return Draft("POST", f"{_JOBS}/{job}/batch", headers=headers, body=body)

    # -- what is there from the start ----------------------------------------------------------------------------------

    def _made(self, path: str, body: dict[str, str]) -> str:
        return str(self.client.call("POST", path, body)[1]["id"])

    def _job(self, upload: bytes | None) -> str:
        job = self._made("jobs/ingest", {"object": "Lead", "operation": "insert", "contentType": "CSV"})
        if upload is not None:
            self.client.send("PUT", f"jobs/ingest/{job}/batches", upload, headers={"content-type": "text/csv"})
            self.client.call("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"})
        return job

    def _old_job(self, kind: str) -> tuple[str, str, list[str]]:
        body = {"object": "Lead", "operation": "insert", "contentType": kind}
        headers = {"x-sfdc-session": self.client.token, "content-type": "application/json"}
        job = str(self.client.call("POST", _JOBS, body, headers=headers)[1]["id"])
        added = self.core.handle(self._batch(job, kind).request())
        found = re.search(rb"751\w{15}", added.body)
        assert found is not None, added
        return job, kind, [found.group().decode()]


def told(request: Request, answer: Response) -> str:
    """The code an answer tells, "" for success. AssertionError when it is not how the vendor tells anything."""
    kind = {name.lower(): value for name, value in answer.headers}.get("content-type", "")
    if answer.status < 400:
        return ""
    if answer.status in (413, 414, 431) or request.method == "HEAD":
        return str(answer.status)
    assert answer.body, f"{answer.status} without a word"
    if "xml" in kind:
        words = " ".join(part.text or "" for part in ElementTree.fromstring(answer.body).iter())
        found = re.search(r"\b([A-Z][A-Za-z_:]{4,}|[a-z]+_[a-z_]+)\b", words)
        assert found is not None, words
        return found.group()
    assert answer.status != 500, "an unexpected exception is not what a bad request is told"
    if "json" not in kind:
        return str(answer.status)
    body = json.loads(answer.body)
    if isinstance(body, dict) and body.get("hasErrors"):
        body = body["results"][0]["errors"]
    first = body[0] if isinstance(body, list) else body
    code = next((first[name] for name in ("errorCode", "error", "exceptionCode", "statusCode") if name in first), None)
    assert isinstance(code, str), body
    return code
