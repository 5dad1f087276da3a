"""The Salesforce CLI: login, records, queries, trees, bulk export and import, describes, limits."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any

from syncline_sandbox.salesforce.people import USERNAME
from tests.clients.capability import Job
from tests.clients.node import node
from tests.clients.places import INSTANCE
from tests.clients.truth import Row, as_text, assert_same, stored
from tests.clients.worlds import KEY, LEAD_FIELDS, LEADS, lead, session

if TYPE_CHECKING:
    from tests.clients.room import Room

JOB = Job()
_ALL = f"SELECT Id, {', '.join(LEAD_FIELDS)} FROM Lead"
_LEADS = [lead(n) for n in range(LEADS)]
_NEW = 450
_SECONDS = 180
# A home of its own, and none of the calls it makes for its makers' sake.
_ENVIRON = {
    "SF_DISABLE_TELEMETRY": "true",
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_DISABLE_AUTOUPDATE": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
    "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
}


def _sf(room: Room, *command: str, fails: bool = False) -> Any:
    """What the command tells as JSON; where it *fails*, its error."""
    script = room.installed.folder / "node_modules" / "@salesforce" / "cli" / "bin" / "run.js"
    told = json.loads(room.run(str(node()), str(script), *command, "--json", ok=(1,) if fails else (0,)))
    return told if fails else told["result"]


def _on_org(room: Room, *command: str, fails: bool = False) -> Any:
    return _sf(room, *command, "--target-org", "acme", fails=fails)


def _log_in(room: Room) -> None:
    home = room.folder / "home"
    home.mkdir(exist_ok=True)
    os.environ |= {**_ENVIRON, "HOME": str(home), "SF_ACCESS_TOKEN": session(room.org)}
    told = _sf(room, "org", "login", "access-token", "--instance-url", INSTANCE, "--no-prompt", "--alias", "acme")
    assert told["username"] == USERNAME


@JOB.can("org login access-token, org display, org list limits", within_seconds=_SECONDS)
def login(room: Room) -> None:
    _log_in(room)
    shown = _on_org(room, "org", "display")
    assert (shown["username"], shown["instanceUrl"].rstrip("/")) == (USERNAME, INSTANCE)
    assert shown["connectedStatus"] == "Connected"
    limits = {row["name"]: row["max"] for row in _on_org(room, "org", "list", "limits")}
    assert limits["DailyApiRequests"] == room.org.usage.maximum


@JOB.can("sobject list and describe", within_seconds=_SECONDS)
def describes(room: Room) -> None:
    _log_in(room)
    names = set(_on_org(room, "sobject", "list", "--sobject", "all"))
    assert names >= {"Account", "Contact", "Lead", "Opportunity", "Task"}
    fields = {field["name"]: field for field in _on_org(room, "sobject", "describe", "--sobject", "Lead")["fields"]}
    assert fields[KEY]["externalId"] is True


@JOB.can("data query: pages, deleted rows, parents", within_seconds=_SECONDS)
def query(room: Room) -> None:
    _log_in(room)
    told = _on_org(room, "data", "query", "--query", _ALL)
    assert told["totalSize"] == LEADS
    assert_same(told["records"], _LEADS, KEY)
    nested = "SELECT LastName, Account.Name FROM Contact ORDER BY LastName LIMIT 1"
    (row,) = _on_org(room, "data", "query", "--query", nested)["records"]
    assert (row["LastName"], row["Account"]["Name"]) == ("Berg 00000", "Firm 000")
    _on_org(room, "data", "delete", "record", "--sobject", "Lead", "--where", f"{KEY}=L00003")
    gone = _on_org(room, "data", "query", "--all-rows", "--query", f"SELECT {KEY} FROM Lead WHERE IsDeleted = true")
    assert [row[KEY] for row in gone["records"]] == ["L00003"]


@JOB.can("data create, get, update and delete record", within_seconds=_SECONDS)
def records(room: Room) -> None:
    _log_in(room)
    values = f"LastName='Müller' Company='Firm & Co' {KEY}=new NumberOfEmployees=5"
    made = _on_org(room, "data", "create", "record", "--sobject", "Lead", "--values", values)
    of_record = ("--sobject", "Lead", "--record-id", made["id"])
    assert _on_org(room, "data", "get", "record", *of_record)["LastName"] == "Müller"
    _on_org(room, "data", "update", "record", *of_record, "--values", "City=Ulm")
    assert stored(room.org, "Lead", ["City", "NumberOfEmployees"], f"\"{KEY}\" = 'new'") == [
        {"City": "Ulm", "NumberOfEmployees": 5}
    ]
    _on_org(room, "data", "delete", "record", *of_record)
    assert stored(room.org, "Lead", ["Id"], f"\"{KEY}\" = 'new' AND IsDeleted = 0") == []


@JOB.can("data import tree and export tree", within_seconds=_SECONDS)
def trees(room: Room) -> None:
    _log_in(room)
    tree = {
        "records": [
            {
                "attributes": {"type": "Account", "referenceId": f"a{n}"},
                "Name": f"Tree {n}",
                "Contacts": {
                    "records": [
                        {"attributes": {"type": "Contact", "referenceId": f"c{n}-{m}"}, "LastName": f"Leaf {n}-{m}"}
                        for m in range(2)
                    ]
                },
            }
            for n in range(3)
        ]
    }
    made = _on_org(room, "data", "import", "tree", "--files", room.write("tree.json", tree))
    assert len(made) == 9
    assert len(stored(room.org, "Contact", ["Id"], "LastName LIKE 'Leaf %' AND AccountId IS NOT NULL")) == 6
    exported = "SELECT Name, (SELECT LastName FROM Contacts) FROM Account WHERE Name LIKE 'Tree %' ORDER BY Name"
    folder = room.folder / "exported"
    folder.mkdir()
    _on_org(room, "data", "export", "tree", "--query", exported, "--output-dir", str(folder))
    (file,) = folder.glob("*.json")
    firms = json.loads(file.read_text())["records"]
    assert [firm["Name"] for firm in firms] == ["Tree 0", "Tree 1", "Tree 2"]
    assert [len(firm["Contacts"]["records"]) for firm in firms] == [2, 2, 2]


@JOB.can("data export bulk", within_seconds=_SECONDS)
def export_bulk(room: Room) -> None:
    _log_in(room)
    file = room.folder / "leads.csv"
    export = ("data", "export", "bulk", "--query", _ALL, "--output-file", str(file), "--wait", "2")
    told = _on_org(room, *export, "--result-format", "csv")
    assert told["totalSize"] == LEADS
    with file.open(newline="", encoding="utf-8") as lines:
        assert_same(csv.DictReader(lines), _LEADS, KEY)


@JOB.can("data import, update, upsert and delete bulk; bulk results", within_seconds=_SECONDS)
def load_bulk(room: Room) -> None:
    _log_in(room)
    rows = [lead(90_000 + n) for n in range(_NEW)]
    wait = ("--wait", "2", "--sobject", "Lead")
    told = _on_org(room, "data", "import", "bulk", "--file", _csv(room, "new.csv", rows), *wait)
    assert (told["processedRecords"], told["successfulRecords"], told["failedRecords"]) == (_NEW, _NEW, 0)
    made = stored(room.org, "Lead", ["Id", *LEAD_FIELDS], f"\"{KEY}\" LIKE 'L9%'")
    assert_same(made, rows, KEY)
    changes = [{"Id": row["Id"], "City": "Ulm"} for row in made]
    told = _on_org(room, "data", "update", "bulk", "--file", _csv(room, "changes.csv", changes), *wait)
    assert told["successfulRecords"] == _NEW
    upserts = [*({KEY: row[KEY], "LastName": "Upserted", "Company": "c"} for row in rows[:10])]
    upserts.append({KEY: "bad", "LastName": "", "Company": "c"})
    file = _csv(room, "upserts.csv", upserts)
    told = _on_org(room, "data", "upsert", "bulk", "--file", file, "--external-id", KEY, *wait, fails=True)
    assert told["message"] == "Job finished being processed but failed to process 1 records."
    names = stored(room.org, "Lead", ["City", "LastName"], f"\"{KEY}\" LIKE 'L9%'")
    assert {row["City"] for row in names} == {"Ulm"}
    assert sum(row["LastName"] == "Upserted" for row in names) == 10
    file = _csv(room, "gone.csv", [{"Id": row["Id"]} for row in made])
    told = _on_org(room, "data", "delete", "bulk", "--file", file, *wait)
    assert told["jobInfo"]["numberRecordsFailed"] == 0
    assert len(stored(room.org, "Lead", ["Id"])) == LEADS
    results = _on_org(room, "data", "bulk", "results", "--job-id", told["jobInfo"]["id"])
    assert results["successfulRecords"] == _NEW


def _csv(room: Room, name: str, rows: list[Row]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({field: as_text(value) for field, value in row.items()} for row in rows)
    return room.write(name, text.getvalue())
