"""A fresh org's first rows: the organization, one profile, the values of a lead's status, the stages of a sale.

Lives here: what is there before anybody writes. The first users are in `people.py`.
"""

from __future__ import annotations

from typing import Any

from .ids import IdSource
from .schema import Schema
from .standard_sales import FORECAST_CATEGORY_NAMES, STAGES
from .storage import Storage

_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted")


def found_org(storage: Storage, schema: Schema, ids: IdSource, stamp: str) -> None:
    """Insert the first rows in the caller's transaction."""
    audit: dict[str, Any] = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), stamp)
    for table, values in _first_rows():
        sobject = schema.sobject(table)
        assert sobject is not None
        storage.insert(sobject, {"Id": ids.new(sobject.key_prefix), **audit, **values})
    _give_profiles_sets(storage, schema, ids, audit)


def organization(storage: Storage) -> dict[str, Any]:
    """The one row of Organization."""
    cursor = storage.db.execute('SELECT * FROM "Organization"')
    names = [column[0] for column in cursor.description]
    return dict(zip(names, cursor.fetchone(), strict=True))


def _give_profiles_sets(storage: Storage, schema: Schema, ids: IdSource, audit: dict[str, Any]) -> None:
    """Each profile has a permission set of its own; what it gives comes on top of what its users may anyway."""
    sobject = schema.sobject("PermissionSet")
    assert sobject is not None
    for (profile_id,) in storage.db.execute('SELECT "Id" FROM "Profile"').fetchall():
        flags = {field.column: 0 for field in sobject.stored_fields() if field.type == "boolean" and field.column}
        named = {"Name": f"X{profile_id[:15]}", "Label": f"00e{profile_id[3:15]}", "Type": "Profile"}
        owned = {"ProfileId": profile_id, "IsOwnedByProfile": 1}
        storage.insert(sobject, {"Id": ids.new(sobject.key_prefix), **audit, **flags, **named, **owned})


def _first_rows() -> list[tuple[str, dict[str, Any]]]:
    about = {"Name": "Sandbox org", "OrganizationType": "Developer Edition", "InstanceName": "LOCAL", "IsSandbox": 1}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("Organization", {**about, "TimeZoneSidKey": "GMT", "FiscalYearStartMonth": 1}),
        ("Profile", {"Name": "System Administrator"}),
    ]
    for place, status in enumerate(_STATUSES):
        flags = {"IsDefault": int(place == 0), "IsConverted": int(status == "Closed - Converted")}
        rows.append(("LeadStatus", {"MasterLabel": status, "ApiName": status, "SortOrder": place + 1, **flags}))
    for place, (stage, probability, category) in enumerate(STAGES):
        rows.append(("OpportunityStage", _stage(stage, place + 1, probability, category)))
    return rows


def _stage(name: str, place: int, probability: int, category: str) -> dict[str, Any]:
    return {
        "MasterLabel": name,
        "ApiName": name,
        "IsActive": 1,
        "SortOrder": place,
        "IsClosed": int(name.startswith("Closed")),
        "IsWon": int(name == "Closed Won"),
        "ForecastCategory": category,
        "ForecastCategoryName": FORECAST_CATEGORY_NAMES[category],
        "DefaultProbability": probability,
    }
