"""Reads the log of events of an org in process, decoded, and makes orgs that capture changes."""

from __future__ import annotations

from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.salesforce.events.bitmaps import places_of
from syncline_sandbox.salesforce.events.event_log import LoggedEvent
from syncline_sandbox.salesforce.events.event_schema import decode
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.sandbox.salesforce_client import START, Client


def capturing_client(*objects: str, database: str = ":memory:") -> Client:
    """A session in an org whose clock stands still, with these objects selected for Change Data Capture."""
    client = Client(SalesforceOrg(database, clock=SandboxClock(frozen_at=START)))
    if objects:
        client.control("POST", "change_data_capture", {"objects": list(objects)})
    return client


class EventReader:
    """Takes what was published since it was last asked."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._after = 0

    def raw(self) -> list[LoggedEvent]:
        """What is there since the last `take`, as it lies in the log."""
        topics = [topic for (topic,) in self._org.storage.db.execute("SELECT DISTINCT topic FROM _events")]
        return self._org.events.log.read(topics, self._after, 100_000)

    def take(self) -> list[dict[str, Any]]:
        """The values of all events since the last time."""
        found = self.raw()
        self._after = max((event.n for event in found), default=self._after)
        return [decode(self._org.events.log.schema_json(event.schema_id) or "", event.payload) for event in found]

    def names(self, sobject_name: str, entries: list[str]) -> set[str]:
        """The fields that bitmaps name, parts of compounds behind a dot."""
        sobject = self._org.schema.sobject(sobject_name)
        assert sobject is not None
        slots = {slot.place: slot for slot in self._org.events.change_schema(sobject).slots}
        named = [slots[place] for place in places_of(entries)]
        return {slot.name if slot.part is None else f"{slot.name}.{slot.part_name}" for slot in named}
