"""What SOQL asks of the org: objects and fields with their SQL, and the rights of the user who asks.

Lives here: the Protocols the compiler is written against. The org's own schema satisfies them; nothing here knows
how it is stored. The forms in which values lie in the database are part of the contract:

- text, ids, picklists, dates (`YYYY-MM-DD`): TEXT; multi-select picklists `A;B`
- datetimes: TEXT in the wire form `2015-08-19T08:17:00.000+0000`, always UTC, so that text order is time order
- booleans: INTEGER 0 or 1; numbers: INTEGER or REAL; null: NULL, never an empty string
- compounds (address, location, the name of a person): no column; `sql` yields the JSON text or the formula's value
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol


class PicklistEntry(Protocol):
    """One value of a picklist."""

    @property
    def value(self) -> str: ...

    @property
    def label(self) -> str: ...


class SoqlField(Protocol):
    """One field of an object, as SOQL sees it."""

    @property
    def name(self) -> str:
        """API name in its canonical casing."""

    @property
    def type(self) -> str:
        """The describe type: string, boolean, int, double, date, datetime, reference, picklist, address …"""

    @property
    def sql(self) -> str:
        """SQL expression of the value; `{row}` stands for the alias of the object's table, e.g. `{row}."Email"`."""

    @property
    def custom(self) -> bool: ...

    @property
    def scale(self) -> int:
        """Digits after the decimal point."""

    @property
    def picklist(self) -> Sequence[PicklistEntry]:
        """The values of a picklist in their order; empty for anything else."""

    @property
    def filterable(self) -> bool: ...

    @property
    def sortable(self) -> bool: ...

    @property
    def groupable(self) -> bool: ...

    @property
    def case_sensitive(self) -> bool:
        """True for ids and for external ids that are unique with case."""

    @property
    def relationship_name(self) -> str | None:
        """`Owner` for `OwnerId`; None where SOQL has no path through this field."""

    @property
    def child_relationship_name(self) -> str | None:
        """`Contacts` for `Contact.AccountId`; None where the parent has no sub-query to these children."""

    @property
    def reference_to(self) -> Sequence[str]:
        """Objects a reference points to; several for a polymorphic one."""


class SoqlObject(Protocol):
    """One object (table) of the org."""

    @property
    def name(self) -> str: ...

    @property
    def table(self) -> str:
        """Name of the SQL table, unquoted. It has at least the columns `Id` and, if soft-deletable, `IsDeleted`."""

    @property
    def soft_deletable(self) -> bool:
        """True when deleted rows stay in the table with `IsDeleted` = 1."""

    @property
    def archived_sql(self) -> str | None:
        """SQL predicate, with `{row}`, of rows only queryAll sees; None where nothing is archived."""

    @property
    def queryable(self) -> bool: ...

    def fields(self) -> Iterable[SoqlField]:
        """Every field in describe order."""

    def field(self, name: str) -> SoqlField | None:
        """The field of this name, whatever its casing; None if there is none."""


class SoqlSchema(Protocol):
    """The org's objects."""

    def sobject(self, name: str) -> SoqlObject | None:
        """The object of this name, whatever its casing; None if there is none."""

    def child_references(self, parent: str) -> Iterable[tuple[SoqlObject, SoqlField]]:
        """The reference fields, with their objects, that point to *parent*."""


class SoqlRights(Protocol):
    """Who asks, and what this user may see."""

    @property
    def user_id(self) -> str: ...

    def can_read_object(self, sobject: str) -> bool: ...

    def can_read_field(self, sobject: str, field: str) -> bool: ...

    def visible_rows(self, sobject: str, row: str) -> tuple[str, Sequence[object]] | None:
        """SQL predicate over table alias *row* with its bound values; None when every row is visible."""
