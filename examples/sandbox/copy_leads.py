"""Copies leads that changed in Salesforce to Marketo: a small piece of somebody's software, to show how one is tested.

Nothing in here knows of the sandbox. Only the standard library is used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

BATCH = 300
TRIES = 3
FIELDS = {"Email": "email", "FirstName": "firstName", "LastName": "lastName", "Company": "company"}


@dataclass(frozen=True)
class System:
    """Where a system answers, and the key to it."""

    url: str
    client_id: str
    client_secret: str


def copy_leads(salesforce: System, marketo: System, since: str) -> int:
    """Bring every lead with an e-mail address that changed after *since* (ISO, UTC) to Marketo; returns how many."""
    leads = _changed_leads(salesforce, since)
    people = [{FIELDS[name]: lead[name] for name in FIELDS} for lead in leads]
    for start in range(0, len(people), BATCH):
        _write(marketo, people[start : start + BATCH])
    return len(people)


def _changed_leads(salesforce: System, since: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {_token(salesforce, '/services/oauth2/token')}"}
    soql = f"SELECT {', '.join(FIELDS)} FROM Lead WHERE Email != null AND SystemModstamp > {since} ORDER BY Id"
    page = _call(f"{salesforce.url}/services/data/v62.0/query?{urlencode({'q': soql})}", headers)
    leads = list(page["records"])
    while not page["done"]:
        page = _call(salesforce.url + page["nextRecordsUrl"], headers)
        leads += page["records"]
    return leads


def _write(marketo: System, people: list[dict[str, Any]]) -> None:
    """Written by e-mail address, so writing twice does no harm: what got no proper answer is sent again."""
    body = {"action": "createOrUpdate", "lookupField": "email", "input": people}
    said: Any = None
    for _ in range(TRIES):
        headers = {"Authorization": f"Bearer {_token(marketo, '/identity/oauth/token')}"}
        try:
            said = _call(f"{marketo.url}/rest/v1/leads.json", {**headers, "Content-Type": "application/json"}, body)
        except (OSError, HTTPException, ValueError) as failed:  # no answer, half of one, or a page in place of JSON
            said = failed
            continue
        if said["success"]:
            return
    raise RuntimeError(f"Marketo did not take {len(people)} people: {said}")


def _token(system: System, path: str) -> str:
    secret = {"client_id": system.client_id, "client_secret": system.client_secret}
    return str(_call(f"{system.url}{path}?{urlencode({'grant_type': 'client_credentials', **secret})}")["access_token"])


def _call(url: str, headers: dict[str, str] | None = None, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    method = "POST" if body is not None or "/services/oauth2/" in url else "GET"
    try:
        with urlopen(Request(url, data, headers or {}, method=method), timeout=5) as answer:
            return json.load(answer)
    except HTTPError as refused:
        with refused:
            raise OSError(f"{refused.code} from {url}: {refused.read()[:200]!r}") from refused
