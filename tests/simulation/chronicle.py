"""What really happened in both systems: every version of every record, taken from their databases and from nobody else.

Lives here: looking at a system after each thing that was done there, and who did it. It knows nothing of what Syncline
believes. What must hold is said in `laws`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncline.records import Side
from syncline_sandbox.marketo.instance import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg

US, HUMAN, FLOW = "syncline", "human", "flow"
Cells = Mapping[str, str]
RULE = "by rule"
"""What flows of the systems set says so."""

ADDRESS = ("street", "city")
"""The atomic group of the fields we look at."""

COLUMNS: dict[str, dict[str, str]] = {
    "Lead": {
        "email": "Email",
        "first_name": "FirstName",
        "last_name": "LastName",
        "title": "Title",
        "phone": "Phone",
        "email_opt_out": "HasOptedOutOfEmail",
        "street": "Street",
        "city": "City",
        "score": "mkto71_Lead_Score__c",
        "company": "Company",
        "key": "Syncline_Key__c",
        "status": "Rating",
    },
    "Contact": {
        "email": "Email",
        "first_name": "FirstName",
        "last_name": "LastName",
        "title": "Title",
        "phone": "Phone",
        "email_opt_out": "HasOptedOutOfEmail",
        "street": "MailingStreet",
        "city": "MailingCity",
        "score": "mkto71_Lead_Score__c",
        "key": "Syncline_Key__c",
    },
    "lead": {
        "email": "email",
        "first_name": "firstName",
        "last_name": "lastName",
        "title": "title",
        "phone": "phone",
        "email_opt_out": "unsubscribed",
        "street": "address",
        "city": "city",
        "score": "leadScore",
        "company": "company",
        "key": "synclineKey",
        "sfdc_id": "synclineSfdcId",
        "sfdc_deleted": "synclineSfdcIsDeleted",
    },
}
"""The columns we look at, by mapping key."""

_FLAGS = frozenset({"email_opt_out", "sfdc_deleted"})


@dataclass(frozen=True, kw_only=True)
class Version:
    """A record as it stood from *at_us* on, and who made it so. `heir` is the record it ended in."""

    at_us: int
    actor: str
    cells: Cells
    is_deleted: bool = False
    is_purged: bool = False
    heir: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.is_deleted or self.is_purged or self.heir is not None


@dataclass(kw_only=True)
class Row:
    """One record's life."""

    side: Side
    record_id: str
    object_type: str
    person: int | None = None  # who it is, if that is known
    versions: list[Version] = field(default_factory=list)

    @property
    def now(self) -> Version:
        return self.versions[-1]

    @property
    def has_ended(self) -> bool:
        return self.now.has_ended

    def at(self, at_us: int) -> Version | None:
        """How it stood then; None before there was such a record."""
        return next((v for v in reversed(self.versions) if v.at_us <= at_us), None)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One field of one record changed from *old* to *new*."""

    side: Side
    record_id: str
    key: str
    old: str
    new: str
    at_us: int
    actor: str


@dataclass(kw_only=True)
class Chronicle:
    """Both systems' true history, oldest first. `edits` are changes of single fields by anybody."""

    org: SalesforceOrg
    instance: MarketoInstance
    object_types: tuple[str, ...]
    rows: dict[Side, dict[str, Row]] = field(default_factory=lambda: {"a": {}, "b": {}})
    edits: list[Edit] = field(default_factory=list)
    heirs: dict[str, str] = field(default_factory=dict)  # of people merged in Marketo: loser -> winner
    _of_rules: set[str] = field(default_factory=set)  # what flows have set so far
    _last: dict[Side, list[tuple[Any, ...]]] = field(default_factory=lambda: {"a": [], "b": []})

    def look(self, side: Side, actor: str, at_us: int) -> list[Row]:
        """Take note of what changed on a side since the last look, as *actor*'s doing; the rows that did."""
        found = list(self._of_org() if side == "a" else self._of_instance())
        if found == self._last[side]:
            return []
        self._last[side] = found
        changed = [row for one in found if (row := self._note(side, actor, at_us, *one))]
        gone = set(self.rows[side]) - {one[1] for one in found}
        return changed + [row for record_id in gone if (row := self._note_gone(side, record_id, actor, at_us))]

    def _of_org(self) -> Iterator[tuple[Any, ...]]:
        for name in self.object_types:
            columns = ", ".join(f'"{column}"' for column in COLUMNS[name].values())
            heir = '"MasterRecordId"' if name == "Contact" else 'coalesce("ConvertedContactId", "MasterRecordId")'
            sql = f'SELECT "Id", "IsDeleted", {heir}, {columns} FROM "{name}"'
            for record_id, is_deleted, its_heir, *values in self.org.storage.db.execute(sql):
                yield name, record_id, bool(is_deleted), its_heir, tuple(values)

    def _of_instance(self) -> Iterator[tuple[Any, ...]]:
        columns = ", ".join(f'"{column}"' for column in COLUMNS["lead"].values())
        for record_id, *values in self.instance.store.connection.execute(f"SELECT id, {columns} FROM leads"):
            yield "lead", str(record_id), False, None, tuple(values)

    def _note(
        self,
        side: Side,
        actor: str,
        at_us: int,
        object_type: str,
        record_id: str,
        is_deleted: bool,
        heir: str | None,
        values: tuple[Any, ...],
    ) -> Row | None:
        cells = {key: canonical(key, value) for key, value in zip(COLUMNS[object_type], values, strict=True)}
        row = self.rows[side].get(record_id)
        if row is None:
            row = self.rows[side][record_id] = Row(side=side, record_id=record_id, object_type=object_type)
        elif (row.now.cells, row.now.is_deleted, row.now.heir) == (cells, is_deleted, heir) and not row.now.is_purged:
            return None
        old = row.versions[-1].cells if row.versions else {}
        row.versions.append(Version(at_us=at_us, actor=actor, cells=cells, is_deleted=is_deleted, heir=heir))
        for key, value in cells.items():
            if value != old.get(key, ""):
                who = actor
                if RULE in value and value not in self._of_rules:
                    self._of_rules.add(value)
                    who = FLOW
                self.edits.append(
                    Edit(
                        side=side, record_id=record_id, key=key, old=old.get(key, ""), new=value, at_us=at_us, actor=who
                    )
                )
        return row

    def _note_gone(self, side: Side, record_id: str, actor: str, at_us: int) -> Row | None:
        row = self.rows[side][record_id]
        if row.now.is_purged:
            return None
        heir = self.heirs.get(record_id) if side == "b" else row.now.heir
        row.versions.append(
            Version(at_us=at_us, actor=actor, cells=row.now.cells, is_deleted=True, is_purged=True, heir=heir)
        )
        return row

    def merged(self, path: str, body: bytes, query: str) -> None:
        """Note the heirs of a merge call to Marketo, before its effect is looked at."""
        if found := re.search(r"/leads/(\d+)/merge", path):
            losers = re.findall(r"leadIds?=([\d,%C]+)", query)
            named = [one for text in losers for one in re.split(",|%2C", text)]
            if not named and body.startswith(b"{"):
                named = [str(one) for one in json.loads(body).get("leadIds", [])]
            self.heirs |= {one: found[1] for one in named if one}

    def last(self, side: Side, record_id: str) -> str:
        """The end of a chain of heirs."""
        while (row := self.rows[side].get(record_id)) is not None and row.now.heir is not None:
            record_id = row.now.heir
        return record_id


def canonical(key: str, value: Any) -> str:
    """A stored value as text, the same for both systems."""
    if key in _FLAGS:
        return "true" if value in (1, True, "true") else "false"
    if value is None:
        return ""
    if key == "score":
        return str(int(value))
    return str(value).strip()
