"""An administrator's clients of the two sandboxes: the vendors' own REST calls, past Syncline.

Lives here: reading and editing as a person with their own access would. The control endpoint is for what no API can do
(clock, rights, faults, fields).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2


class CallRefused(AssertionError):
    """A public call of the administrator was refused: the scenario itself is wrong."""


class Org:
    """The Salesforce org as its administrator sees it: REST calls with a session of their own."""

    def __init__(self, url: str) -> None:
        self._http = httpx2.Client(base_url=url, timeout=10, verify=False)  # plain http: no authorities to load
        self._session: dict[str, str] = {}

    def control(self, name: str, body: object = None) -> Any:
        return _json(self._http.post(f"/_sandbox/{name}", json=body))

    def log_in(self) -> None:
        form = {
            "grant_type": "password",
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            "username": "admin@sandbox.example",
            "password": "sandbox-password",
        }
        token = _json(self._http.post("/services/oauth2/token", data=form))["access_token"]
        self._session = {"Authorization": f"Bearer {token}"}

    def _call(self, method: str, path: str, body: object = None, **query: str) -> Any:
        url = f"/services/data/v59.0/{path}"
        return _json(self._http.request(method, url, json=body, params=query or None, headers=self._session))

    def create(self, object_type: str, **values: object) -> str:
        return str(self._call("POST", f"sobjects/{object_type}", values)["id"])

    def update(self, object_type: str, record_id: str, **values: object) -> None:
        self._call("PATCH", f"sobjects/{object_type}/{record_id}", values)

    def delete(self, object_type: str, record_id: str) -> None:
        self._call("DELETE", f"sobjects/{object_type}/{record_id}")

    def undelete(self, object_type: str, record_id: str) -> None:
        """What the Recycle Bin page does; only SOAP has a call for it."""
        row = {"operation": "undelete", "object": object_type, "records": [{"Id": record_id}]}
        self.control("write", {"as": "admin@sandbox.example", **row})

    def merge(self, object_type: str, master: str, *losers: str, **fields: object) -> None:
        """What the Merge page does; *fields* are the values its user picked."""
        body = {"object": object_type, "master": master, "losers": list(losers), "fields": fields}
        self.control("merge", {"as": "admin@sandbox.example", **body})

    def convert(self, lead: str, **options: object) -> dict[str, str]:
        """What the Convert page does; the ids of what it made or used, by `contact_id`, `account_id` …"""
        body = {"lead_id": lead, "do_not_create_opportunity": True, **options}
        made: dict[str, str] = self.control("convert", {"as": "admin@sandbox.example", **body})
        return made

    def query(self, soql: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._call("GET", "query", q=soql)["records"]
        return [{name: value for name, value in row.items() if name != "attributes"} for row in rows]

    def read(self, object_type: str, record_id: str, *fields: str) -> Any:
        """One value for one field, else a dictionary."""
        row = self.query(f"SELECT {', '.join(fields)} FROM {object_type} WHERE Id = '{record_id}'")[0]
        return row[fields[0]] if len(fields) == 1 else row

    def leads(self, email: str, *fields: str) -> list[dict[str, Any]]:
        names = ", ".join(("Id", *fields))
        return self.query(f"SELECT {names} FROM Lead WHERE Email = '{email}' ORDER BY CreatedDate, Id")

    def close(self) -> None:
        self._http.close()


class Instance:
    """The Marketo instance as its administrator sees it: REST calls of an API user of their own."""

    def __init__(self, url: str) -> None:
        self._http = httpx2.Client(base_url=url, timeout=10, verify=False)  # plain http: no authorities to load
        self._token = ""

    def control(self, name: str, body: object = None) -> Any:
        return _json(self._http.post(f"/_sandbox/{name}", json=body))

    def log_in(self) -> None:
        """As an API user that is not Syncline's."""
        user = {"client_id": "marketer", "client_secret": "other-secret", "user": "marketer@example.com"}
        self.control("users", user)
        self.renew()

    def renew(self) -> None:
        """Ask for the token in force: it lives for an hour."""
        query = {"grant_type": "client_credentials", "client_id": "marketer", "client_secret": "other-secret"}
        self._token = _json(self._http.get("/identity/oauth/token", params=query))["access_token"]

    def _call(self, method: str, path: str, body: object = None, **query: object) -> list[dict[str, Any]]:
        params = {name: str(value) for name, value in query.items()}
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = _json(self._http.request(method, path, json=body, params=params, headers=headers))
        if not answer["success"]:
            raise CallRefused(f"{method} {path}: {answer}")
        return list(answer.get("result", ()))

    def create(self, **values: object) -> int:
        return self._sync("createOnly", None, values)

    def update(self, person: int, **values: object) -> None:
        self._sync("updateOnly", "id", {"id": person, **values})

    def _sync(self, action: str, lookup: str | None, record: Mapping[str, object]) -> int:
        body = {"action": action, "input": [record], **({"lookupField": lookup} if lookup else {})}
        (result,) = self._call("POST", "/rest/v1/leads.json", body)
        if result["status"] not in ("created", "updated"):
            raise CallRefused(f"{action} {record}: {result}")
        return int(result["id"])

    def delete(self, person: int) -> None:
        (result,) = self._call("POST", "/rest/v1/leads/delete.json", {"input": [{"id": person}]})
        if result["status"] != "deleted":
            raise CallRefused(f"delete {person}: {result}")

    def merge(self, winner: int, *losers: int) -> None:
        self._call("POST", f"/rest/v1/leads/{winner}/merge.json", leadIds=",".join(map(str, losers)))

    def exists(self, person: int) -> bool:
        query = {"filterType": "id", "filterValues": str(person), "fields": "id"}
        return bool(self._call("GET", "/rest/v1/leads.json", **query))

    def changes_of(self, person: int, field: str, since: str) -> list[tuple[str | None, str | None]]:
        """Old and new value of every Change Data Value activity of a field since *since* (ISO), oldest first."""
        headers = {"Authorization": f"Bearer {self._token}"}
        first = self._http.get("/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": since}, headers=headers)
        query = {"nextPageToken": _json(first)["nextPageToken"], "fields": field, "leadIds": str(person)}
        rows = self._call("GET", "/rest/v1/activities/leadchanges.json", **query)
        return [
            (change["oldValue"], change["newValue"])
            for row in rows
            for change in row.get("fields", ())
            if change["name"] == field
        ]

    def people(self, email: str, *fields: str) -> list[dict[str, Any]]:
        """Everybody with this address, the oldest first; `id` and *fields*."""
        query = {"filterType": "email", "filterValues": email, "fields": ",".join(("id", *fields))}
        return sorted(self._call("GET", "/rest/v1/leads.json", **query), key=lambda row: int(row["id"]))

    def read(self, person: int, *fields: str) -> Any:
        """One value for one field, else a dictionary."""
        row = self._call("GET", f"/rest/v1/lead/{person}.json", fields=",".join(fields))[0]
        return row[fields[0]] if len(fields) == 1 else {name: row[name] for name in fields}

    def write_objects(self, path: str, *records: Mapping[str, object], delete: bool = False) -> list[dict[str, Any]]:
        """Sync or delete records that are no leads (`companies`, `opportunities` …): their results, skipped or not."""
        return self._call("POST", f"/rest/v1/{path}{'/delete' if delete else ''}.json", {"input": list(records)})

    def objects(self, path: str, key: str, value: str, *fields: str) -> list[dict[str, Any]]:
        query = {"filterType": key, "filterValues": value, "fields": ",".join(fields)}
        return self._call("GET", f"/rest/v1/{path}.json", **query)

    def close(self) -> None:
        self._http.close()


def _json(answer: httpx2.Response) -> Any:
    if answer.status_code >= 400:
        raise CallRefused(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
    return answer.json() if answer.content else None
