"""The fields of program members: the standard ones, and up to 20 custom ones made at run time.

Source: Marketo "Program Members" (Describe, Fields), "Program Member Custom Fields" (types; no name of a person field).
`acquiredBy` and `statusReason` are writable since 2022 and 2023 by the vendor's release notes, though not by the
sample of describe: the setting `member_extras_writable` decides.
"""

from __future__ import annotations

from typing import Any

import orjson

from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.fields import Field, custom_field
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store, column_definition

TABLES = """
CREATE TABLE IF NOT EXISTS member_fields (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS program_members (
    id INTEGER PRIMARY KEY AUTOINCREMENT, program_id INTEGER NOT NULL, lead_id INTEGER NOT NULL,
    statusName TEXT NOT NULL, step INTEGER NOT NULL, membershipDate TEXT, createdAt TEXT, updatedAt TEXT,
    reachedSuccess INTEGER NOT NULL DEFAULT 0, reachedSuccessDate TEXT, acquiredBy INTEGER NOT NULL DEFAULT 0,
    isExhausted INTEGER NOT NULL DEFAULT 0, nurtureCadence TEXT, trackName TEXT, statusReason TEXT,
    attendanceLikelihood INTEGER, registrationLikelihood INTEGER, waitlistPriority INTEGER,
    registrationCode TEXT, webinarUrl TEXT,
    UNIQUE (program_id, lead_id)
);
CREATE INDEX IF NOT EXISTS programs_of_lead ON program_members (lead_id);
"""
# name, type, length or 0, label
_STANDARD = """
acquiredBy boolean 0 Acquired By
attendanceLikelihood integer 0 Attendance Likelihood
createdAt datetime 0 Created At
isExhausted boolean 0 Nurture Exhausted
leadId integer 0 Lead Id
membershipDate datetime 0 Member Date
nurtureCadence string 4 Nurture Cadence
program string 255 Program
programId integer 0 Program Id
reachedSuccess boolean 0 Success
reachedSuccessDate datetime 0 Success Date
registrationLikelihood integer 0 Registration Likelihood
statusName string 255 Status
statusReason string 255 Status Reason
trackName string 255 Nurture Track
updatedAt datetime 0 Updated At
waitlistPriority integer 0 Waitlist Priority
registrationCode string 100 Registration Code
webinarUrl string 2000 Webinar URL
"""
_UPDATEABLE = frozenset(("registrationCode", "webinarUrl"))
_EXTRAS = frozenset(("acquiredBy", "statusReason"))
CREATABLE_TYPES = frozenset("boolean date datetime float integer string url".split())
MAX_CUSTOM = 20
FIRST_CUSTOM_ID = 5001
DEFAULT = ("acquiredBy", "leadId", "membershipDate", "programId", "reachedSuccess")
# Columns of program_members that no field may be named like.
_COLUMN_NAMES = {"id", "step", "program_id", "lead_id"}
# REST name → SQL over program_members m, where they differ
_EXPRESSIONS = {
    "leadId": "m.lead_id",
    "programId": "m.program_id",
    "program": "(SELECT p.name FROM programs p WHERE p.id = m.program_id)",
}


class MemberFields:
    """The catalogue."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._fields: dict[str, Field] = {}

    def establish(self) -> None:
        """Read what is stored; after a reset only the standard fields are left."""
        self._fields = {}
        for number, line in enumerate(_STANDARD.strip().splitlines(), FIRST_CUSTOM_ID - 100):
            name, kind, length, label = line.split(" ", 3)
            self._fields[name] = Field(id=number, name=name, label=label, type=kind, length=int(length) or None)
        for (record,) in self._store.all("SELECT record FROM member_fields ORDER BY id"):
            field = Field(**orjson.loads(record))
            self._fields[field.name] = field

    def all(self) -> list[Field]:
        return list(self._fields.values())

    def custom(self) -> list[Field]:
        return [field for field in self._fields.values() if field.custom]

    def find(self, name: str) -> Field | None:
        """The field by its REST name, unless it is hidden."""
        field = self._fields.get(name)
        return field if field is not None and field.visible else None

    def any(self, name: str) -> Field | None:
        """The field by its REST name, hidden or not."""
        return self._fields.get(name)

    def updateable(self, field: Field) -> bool:
        if field.custom or field.name in _UPDATEABLE:
            return True
        return self._settings.member_extras_writable and field.name in _EXTRAS

    def searchable(self) -> list[str]:
        """What filterType takes, beside updatedAt."""
        custom = [field.name for field in self.custom() if field.visible and field.type in ("string", "integer")]
        return ["leadId", *custom, "reachedSuccess", "statusName"]

    @staticmethod
    def expression(name: str) -> str:
        """The SQL of a field over `program_members m`."""
        return _EXPRESSIONS.get(name, f'm."{name}"')

    def make(self, item: dict[str, Any]) -> Field:
        """A new custom field with its column. Refused 1002, 1003 or 1017."""
        taken = {field.name.lower() for field in (*self.all(), *self._store.fields.all())} | _COLUMN_NAMES
        field = custom_field(item, FIRST_CUSTOM_ID + len(self.custom()), CREATABLE_TYPES, taken)
        if len(self.custom()) >= MAX_CUSTOM:
            raise Refused(1003, f"Limit of {MAX_CUSTOM} custom fields reached")
        self._store.connection.execute(f"ALTER TABLE program_members ADD COLUMN {column_definition(field)}")
        self.keep(field)
        return field

    def keep(self, field: Field) -> None:
        """Store a custom field as it is now."""
        members = {name: getattr(field, name) for name in field.__dataclass_fields__}
        sql = "INSERT OR REPLACE INTO member_fields VALUES (?, ?)"
        self._store.connection.execute(sql, (field.id, orjson.dumps(members)))
        self._fields[field.name] = field
