"""A record created, edited and read in process, on both sandboxes, beside the same three statements in bare SQLite.

Run as ``python benchmarks/sandbox/bench_round_trip.py [rounds]`` (2,000 if not said). Every figure is the best of five
passes; the aim is less than a millisecond for all three calls.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from urllib.parse import urlencode

import orjson

from syncline_sandbox.core.wire import Request
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg

PASSES = 5
RECORD = {
    "FirstName": "Ada",
    "LastName": "Lovelace",
    "Company": "Engines",
    "Email": "ada@example.com",
    "City": "London",
}


def floor() -> Callable[[int], None]:
    """Insert, update and select of five columns with an index, a transaction each, JSON in and out."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute(f"CREATE TABLE people (id INTEGER PRIMARY KEY, {', '.join(RECORD)})")
    database.execute("CREATE INDEX by_email ON people (Email)")

    def trip(_: int) -> None:
        record = orjson.loads(orjson.dumps(RECORD))
        row = database.execute(f"INSERT INTO people ({', '.join(record)}) VALUES (?, ?, ?, ?, ?)", [*record.values()])
        database.execute("UPDATE people SET City = ? WHERE id = ?", ("Paris", row.lastrowid))
        orjson.dumps(database.execute("SELECT * FROM people WHERE id = ?", (row.lastrowid,)).fetchone())

    return trip


def salesforce() -> Callable[[int], None]:
    org = SalesforceOrg()
    form = {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    login = org.handle(Request(method="POST", path="/services/oauth2/token", body=urlencode(form).encode()))
    headers = {"authorization": f"Bearer {orjson.loads(login.body)['access_token']}", "host": "org.example"}
    leads = "/services/data/v62.0/sobjects/Lead"

    def trip(_: int) -> None:
        made = org.handle(Request(method="POST", path=leads, headers=headers, body=orjson.dumps(RECORD)))
        path = f"{leads}/{orjson.loads(made.body)['id']}"
        edited = org.handle(Request(method="PATCH", path=path, headers=headers, body=b'{"City": "Paris"}'))
        read = org.handle(Request(method="GET", path=path, query_string="fields=Id,City", headers=headers))
        assert (made.status, edited.status, orjson.loads(read.body)["City"]) == (201, 204, "Paris")

    return trip


def marketo() -> Callable[[int], None]:
    instance = MarketoInstance()
    instance.settings.enforce_limits = False
    credentials = "grant_type=client_credentials&client_id=sandbox-client&client_secret=sandbox-secret"
    login = instance.handle(Request(method="GET", path="/identity/oauth/token", query_string=credentials))
    headers = {
        "authorization": f"Bearer {orjson.loads(login.body)['access_token']}",
        "content-type": "application/json",
    }
    leads = "/rest/v1/leads.json"

    def trip(number: int) -> None:
        person = {"email": f"{number}@example.com", "firstName": "Ada", "lastName": "Lovelace", "city": "London"}
        body = orjson.dumps({"input": [person]})
        made = orjson.loads(instance.handle(Request(method="POST", path=leads, headers=headers, body=body)).body)
        edit = {
            "action": "updateOnly",
            "lookupField": "id",
            "input": [{"id": made["result"][0]["id"], "city": "Paris"}],
        }
        instance.handle(Request(method="POST", path=leads, headers=headers, body=orjson.dumps(edit)))
        read = instance.handle(
            Request(
                method="GET",
                path=f"/rest/v1/lead/{made['result'][0]['id']}.json",
                query_string="fields=city",
                headers=headers,
            )
        )
        assert orjson.loads(read.body)["result"][0]["city"] == "Paris"

    return trip


def milliseconds(trip: Callable[[int], None], rounds: int) -> float:
    """The best pass, per round trip."""
    best = float("inf")
    for each in range(PASSES):
        started = time.perf_counter()
        for number in range(rounds // PASSES):
            trip(each * rounds + number)
        best = min(best, (time.perf_counter() - started) / (rounds // PASSES))
    return best * 1000


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    bare = milliseconds(floor(), rounds)
    for name, make in (("salesforce", salesforce), ("marketo", marketo)):
        taken = milliseconds(make(), rounds)
        print(
            json.dumps({"sandbox": name, "round_trip_ms": round(taken, 3), "times_the_floor": round(taken / bare, 1)})
        )
    print(json.dumps({"floor_ms": round(bare, 4)}))


if __name__ == "__main__":
    main()
