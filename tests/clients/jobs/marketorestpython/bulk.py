"""marketorestpython: bulk extract of every kind, bulk import."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.clients.truth import Row, assert_same, control
from tests.clients.worlds import PEOPLE, person

from .opened import FIELDS, JOB, SECONDS, Ask, Client, id_of, make_type, people_stored

if TYPE_CHECKING:
    from tests.clients.room import Room


@JOB.can("bulk extract: leads, activities, program members, custom objects", within_seconds=SECONDS)
def bulk_extract(room: Room) -> None:
    now = room.instance.clock.now()
    with Client(room) as ask:
        seen = [
            *_extracted(ask, "leads", fields=FIELDS, filters={"createdAt": _window(now, 51, 21)}),
            *_extracted(ask, "leads", fields=FIELDS, filters={"createdAt": _window(now, 21, 0)}),
        ]
        assert_same(_without_nulls(seen), [person(n) for n in range(PEOPLE)], "email")
        told = _extracted(ask, "activities", filters={"createdAt": _window(now, 21, 0), "activityTypeIds": [12]})
        recent = {row["leadId"] for row in told}
        assert len(recent) == len(told) > 500
        (program,) = ask("get_program_by_name", name="Program 003")
        people = [id_of(ask, person(n)["email"]) for n in range(3)]
        control(room.instance, "POST members", {"program": "Program 003", "leadIds": people, "status": "Sent"})
        members = _extracted(
            ask, "program_members", fields=["leadId", "statusName"], filters={"programId": program["id"]}
        )
        assert_same(members, [{"leadId": who, "statusName": "Sent"} for who in people], "leadId")
        make_type(ask)
        pets = [{"petId": f"p{n}", "name": f"Pet {n}", "keeper": person(n)["email"]} for n in range(3)]
        ask("create_update_custom_objects", name="pet_c", input=pets)
        later = room.instance.clock.now() + timedelta(seconds=5)
        window = {"updatedAt": _window(later, 1, 0)}
        seen = _extracted(
            ask, "custom_objects", fields=["petId", "name", "keeper"], filters=window, object_name="pet_c"
        )
        assert_same(seen, pets, "petId")


@JOB.can("bulk import of leads", within_seconds=SECONDS)
def bulk_import(room: Room) -> None:
    rows = [person(90_000 + n) for n in range(2_000)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, FIELDS)
    writer.writeheader()
    writer.writerows([*rows, {"email": "bad@example.com", "leadScore": "many"}])
    file = room.write("people.csv", text.getvalue())
    with Client(room) as ask:
        (batch,) = ask("import_lead", format="csv", file=file)
        (status,) = ask("get_import_lead_status", id=batch["batchId"])
        assert (status["status"], status["numOfLeadsProcessed"], status["numOfRowsFailed"]) == ("Complete", 2_000, 1)
        assert "bad@example.com" in ask("get_import_failure_file", id=batch["batchId"])
    found = people_stored(room, "email", [row["email"] for row in rows], *FIELDS)
    assert_same(found, rows, "email")


def _window(now: datetime, from_days: int, to_days: int) -> Row:
    ends = (now - timedelta(days=days) for days in (from_days, to_days))
    start, end = (at.strftime("%Y-%m-%dT%H:%M:%SZ") for at in ends)
    return {"startAt": start, "endAt": end}


def _extracted(ask: Ask, kind: str, *, object_name: str | None = None, **wanted: Any) -> list[dict[str, str]]:
    """Create, enqueue, wait for and read one bulk extract."""
    of = {"object_name": object_name} if object_name else {}
    (job,) = ask(f"create_{kind}_export_job", **wanted, **of)
    export = {"job_id": job["exportId"], **of}
    ask(f"enqueue_{kind}_export_job", **export)
    (status,) = ask(f"get_{kind}_export_job_status", **export)
    assert status["status"] == "Completed"
    text = ask(f"get_{kind}_export_job_file", **export)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert status["numberOfRecords"] == len(rows)
    return rows


def _without_nulls(rows: list[dict[str, str]]) -> list[Row]:
    """A bulk extract writes the word null for what has no value."""
    return [{name: None if value == "null" else value for name, value in row.items()} for row in rows]
