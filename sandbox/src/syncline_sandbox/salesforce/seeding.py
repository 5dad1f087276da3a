"""Filling an org quickly: many rows per statement, past rights, flows and rules about whole rows.

Lives here: the path behind the control endpoint's `seed`. Values are still checked field by field; audit fields may
be given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from .ids import IdSource
from .numbering import number
from .schema import Field, SObject
from .storage import Storage
from .values import stored_value


def seed(
    storage: Storage, ids: IdSource, sobject: SObject, records: Iterable[Mapping[str, Any]], stamp: str, user_id: str
) -> list[str]:
    """Insert *records* in the caller's transaction; returns their ids in order.

    Raises:
        LookupError: a field the object does not have, or cannot store.
        OrgError: a value the field refuses.
        ValueError: somebody twice in a campaign.
    """
    made: list[str] = []
    for names, alike in groupby(records, key=_names):
        fields = [_stored(sobject, name) for name in names]
        defaults = _defaults(sobject, fields, stamp, user_id)
        numbered = _numbered(sobject, fields)
        with_id = any(field.type == "id" for field in fields)
        rows: list[tuple[Any, ...]] = []
        extra = tuple(defaults.values())
        for record in alike:
            values = [stored_value(field, value) for field, value in zip(fields, record.values(), strict=True)]
            if with_id:
                made.append(str(values[names.index("Id")]))
                rows.append((*values, *extra))
            else:
                record_id = ids.new(sobject.key_prefix)
                made.append(record_id)
                rows.append((*values, *extra, record_id))
            if numbered:
                given = {str(field.column): value for field, value in zip(fields, values, strict=True)}
                number(ids, sobject, given, made[-1])
                rows[-1] = (*rows[-1], *(given[column] for column in numbered))
        columns = [*(str(field.column) for field in fields), *defaults, *(() if with_id else ("Id",)), *numbered]
        storage.insert_many(sobject, columns, rows)
    if sobject.name == "CampaignMember":
        _check_members(storage)
    return made


def _check_members(storage: Storage) -> None:
    """ValueError if somebody is now in a campaign twice: what no org holds, seeded or not."""
    for person in ("LeadId", "ContactId"):
        sql = (
            f'SELECT "CampaignId", "{person}" FROM "CampaignMember" WHERE "IsDeleted" = 0 AND "{person}" IS NOT NULL '
            f'GROUP BY "CampaignId", "{person}" HAVING count(*) > 1 LIMIT 1'
        )
        if twice := storage.db.execute(sql).fetchone():
            raise ValueError(f"{twice[1]} is already a member of the campaign {twice[0]}")


def _numbered(sobject: SObject, given: list[Field]) -> list[str]:
    """The columns that get a value of their own where none is given."""
    names = [*(field.column for field in sobject.numbered_fields()), *(["Name"] if sobject.custom else [])]
    return [name for name in dict.fromkeys(names) if name is not None and name not in {f.column for f in given}]


def _names(record: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(record)


def _stored(sobject: SObject, name: str) -> Field:
    field = sobject.field(name)
    if field is None or field.column is None:
        raise LookupError(f"{sobject.name} has no field {name!r} that stores a value")
    return field


def _defaults(sobject: SObject, given: list[Field], stamp: str, user_id: str) -> dict[str, Any]:
    taken = {field.column for field in given}
    values: dict[str, Any] = {
        field.column: int(field.default) if isinstance(field.default, bool) else field.default
        for field in sobject.stored_fields()
        if field.column is not None and field.default is not None
    }
    values |= dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), stamp)
    values |= dict.fromkeys(("CreatedById", "LastModifiedById"), user_id)
    if sobject.field("OwnerId") is not None:
        values["OwnerId"] = user_id
    return {column: value for column, value in values.items() if column not in taken}
