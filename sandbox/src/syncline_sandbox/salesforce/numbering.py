"""Values the platform gives a new record by itself: the next autonumber, the id as the name of a nameless one.

"Auto Number" of "Custom Field Types" (Salesforce Help); a custom object's record without a name is called by its id.
"""

from __future__ import annotations

from typing import Any

from .ids import IdSource
from .schema import SObject


def number(ids: IdSource, sobject: SObject, values: dict[str, Any], record_id: str) -> None:
    """Complete the columns of a record about to be stored under *record_id*."""
    for field in sobject.numbered_fields():
        if field.column is not None and values.get(field.column) is None:
            values[field.column] = ids.numbered(f"{sobject.name}.{field.name}", field.auto_number or "")
    if sobject.custom and values.get("Name") is None:
        values["Name"] = record_id
