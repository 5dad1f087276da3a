"""Custom platform events: objects whose records are not stored but published.

"Define Your Custom Platform Event", "Publish Event Messages with Salesforce APIs" of the Platform Events Developer
Guide. Lives here: their definitions as objects of the schema, kept with the org. What is published goes through
`bus.py`; a create of whatever API reaches it by `Dml.create`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncline_sandbox.salesforce.custom_fields import custom_field
from syncline_sandbox.salesforce.field_lines import sobject_of_lines
from syncline_sandbox.salesforce.schema import Schema, SObject
from syncline_sandbox.salesforce.storage import Storage

SUFFIX = "__e"
_KEYS = frozenset({"name", "label", "plural", "fields"})
# The table stays empty; the columns are what every object of the schema has.
_FIELDS = """
id ---DI Id
string(1000) --N- ReplayId
datetime ---D CreatedDate
reference ---D CreatedById>User
string(36) --N- EventUuid
datetime ---D LastModifiedDate
reference ---D LastModifiedById>User
datetime ---D SystemModstamp
"""


class PlatformEvents:
    """The platform events an org has defined."""

    def __init__(self, schema: Schema, storage: Storage) -> None:
        self._schema = schema
        self._storage = storage
        self._defined: list[dict[str, Any]] = []

    def take_up(self) -> None:
        """Put the events found in the database back into the schema; after a reset, those defined before it."""
        if self._defined and not self._kept():
            self._storage.keep("platform_events", self._defined)
        self._defined = self._kept()
        for place, spec in enumerate(self._defined):
            self._put(place, spec)

    def define(self, spec: Mapping[str, Any]) -> SObject:
        """Define an event, or add fields to one that is there.

        Keys: name (ends in `__e`), label, plural, fields (as of a custom field).

        Raises:
            ValueError: a key or name the org does not have; a field that is none.
        """
        name = str(spec.get("name", ""))
        if unknown := spec.keys() - _KEYS:
            raise ValueError(f"a platform event has no {', '.join(sorted(unknown))}; it has {sorted(_KEYS)}")
        if not name.endswith(SUFFIX) or not name.removesuffix(SUFFIX).isidentifier():
            raise ValueError(f"the name of a platform event ends in {SUFFIX}: {name!r}")
        kept = self._kept()
        place = next((place for place, known in enumerate(kept) if known["name"] == name), len(kept))
        earlier = kept[place] if place < len(kept) else {}
        fields = {str(one["name"]): one for one in (*earlier.get("fields", []), *spec.get("fields", []))}
        whole = {**earlier, **spec, "fields": list(fields.values())}
        sobject = self._put(place, whole)
        self._defined = [*kept[:place], whole, *kept[place + 1 :]]
        self._storage.keep("platform_events", self._defined)
        return sobject

    def definitions(self) -> list[dict[str, Any]]:
        return self._kept()

    def _kept(self) -> list[dict[str, Any]]:
        return list(self._storage.kept("platform_events") or [])

    def _put(self, place: int, spec: Mapping[str, Any]) -> SObject:
        name = str(spec["name"])
        fields = [custom_field(dict(field)) for field in spec.get("fields", [])]
        sobject = sobject_of_lines(
            name, str(spec.get("plural", name)), f"e{place:02d}", _FIELDS, deletable=False, undeletable=False
        )
        sobject.queryable = False
        sobject.replicateable = False
        for field in fields:
            sobject.put_field(field)
        self._schema.put(sobject)
        self._storage.create_table(sobject)
        return sobject
