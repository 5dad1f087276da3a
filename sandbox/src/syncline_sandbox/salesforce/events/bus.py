"""The event bus of one org: it hears what transactions change, publishes events, and hands them to subscribers.

Lives here: putting the parts of this room together, and what runs inside a transaction. Events are part of the
transaction that causes them: what is rolled back is told to nobody. The gRPC face is `syncline_sandbox.pubsub`.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.schema import Schema, SObject
from syncline_sandbox.salesforce.storage import Storage

from .allotments import Allotment
from .capture import Capture, RowChange
from .changes import Change, Commit, change_of, merged, overflow, within
from .channels import STANDARD, Channels, Topic, change_event_topic
from .event_log import EventLog
from .event_schema import EventSchema, change_event_schema, channel_schema, milliseconds, platform_event_schema
from .origin import origin_of
from .platform_events import PlatformEvents
from .settings import EventSettings

DELIVERED_A_DAY = 50_000
PUBLISHED_AN_HOUR = 50_000
_FIRST_COMMIT = 1_100_638_524_517
_GAPS = frozenset({"CREATE", "UPDATE", "DELETE", "UNDELETE"})


class EventBus:
    """Change events and platform events of one org.

    `listeners` are called after a commit that brought events; `open_streams` is kept by the face that serves them.
    """

    def __init__(self, schema: Schema, storage: Storage, clock: SandboxClock, faults: FaultPlan, seed: int) -> None:
        self.settings = EventSettings()
        self.channels = Channels(schema, storage)
        self.platform_events = PlatformEvents(schema, storage)
        self.log = EventLog(storage, clock, seed, self.settings.retention_hours)
        self.delivered = Allotment(clock, DELIVERED_A_DAY, timedelta(hours=24))
        self.published = Allotment(clock, PUBLISHED_AN_HOUR, timedelta(hours=1))
        self.listeners: list[Callable[[], None]] = []
        self.open_streams = 0
        self._clock = clock
        self._faults = faults
        self._storage = storage
        self._capture = Capture(storage, schema)
        self._dice = random.Random(seed)
        self._commits = 0
        self._caller: Caller | None = None
        self._appended = False
        self._enqueued: dict[str, str] = {}
        self._schemas: dict[str, tuple[object, EventSchema]] = {}

    # --- the life of the org ---------------------------------------------------------------------------------------

    def take_up(self) -> None:
        """Continue with what the database holds; called when all else that settles a transaction is in place."""
        if self._settle not in self._storage.before_commit:
            self._storage.before_commit.append(self._settle)
            self._storage.before_begin.append(self.refresh)
        self.log.take_up()
        self.platform_events.take_up()
        self.channels.take_up()
        self._capture.watch(self.channels.entities())

    def clear(self) -> None:
        """The org is about to be emptied: no selection, no events, nothing spent. `take_up` comes after."""
        self.settings = EventSettings()
        self.log.retention_hours = self.settings.retention_hours
        self.delivered.clear()
        self.published.clear()
        self._schemas.clear()

    def select(self, names: Sequence[str], channel: str = STANDARD) -> None:
        """Select the entities of a channel. ValueError for what cannot be selected. Not inside a transaction."""
        self.channels.select(names, channel, self.settings.maximum_entities)
        self._capture.watch(self.channels.entities())

    def change_settings(self, wanted: dict[str, Any]) -> None:
        """Set switches by name. ValueError for one there is none of."""
        self.settings.change(wanted)
        self.log.retention_hours = self.settings.retention_hours

    def consumed(self) -> dict[str, int]:
        """What events have used of the org's limits, by name."""
        return {
            "DailyDeliveredPlatformEvents": min(self.delivered.used, self.delivered.maximum),
            "HourlyPublishedPlatformEvents": min(self.published.used, self.published.maximum),
        }

    # --- a transaction ---------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """A transaction is about to begin."""
        self._capture.refresh()

    def begin(self) -> None:
        """A transaction has begun whose changes are told."""
        self._caller = None
        self._appended = False
        self._enqueued.clear()
        self._capture.begin()

    def acting(self, caller: Caller) -> None:
        """Who changes things in the running transaction, and by which way."""
        self._caller = caller

    def end(self, *, committed: bool) -> None:
        """The transaction is over."""
        self._caller = None
        if not committed:
            self._capture.abandon()
            self.log.forget_known()
        elif self._appended:
            for listener in self.listeners:
                listener()
        self._appended = False

    def _settle(self) -> None:
        rows = self._capture.take()
        if rows:
            self._publish_changes(rows)

    def _publish_changes(self, rows: Sequence[RowChange]) -> None:
        origin = origin_of(self._caller)
        changes = [change_of(row, self.change_schema(row.sobject), origin.user_id, self.settings) for row in rows]
        told = within((change for change in changes if change is not None), self.settings.overflow_changes)
        self._append_changes(merged(told), origin.api)

    def _append_changes(self, changes: Sequence[Change], origin: str) -> None:
        commit = self._commit(origin)
        sequence = 0
        for told in changes:
            change = self._struck(told)
            if change is None:
                continue
            gap = change.kind.startswith("GAP_")
            sequence += not gap
            payload = commit.payload(change, 1 if gap else sequence)
            if len(payload) > self.settings.event_bytes and not gap:
                payload = commit.payload(change.as_gap(), 1)
            self.log.append(change_event_topic(change.entity), change.schema, self._uuid(), payload)
            self._appended = True
        self.log.purge()

    def _struck(self, change: Change) -> Change | None:
        """The change as a fault leaves it to be told; None when it is lost."""
        if not self._faults.faults:
            return change
        line = f"PUBLISH {change_event_topic(change.entity)}"
        if self._faults.strike("missing_events", line):
            return None
        if self._faults.strike("overflow", line):
            return overflow(change.entity, change.schema, change.user_id)
        return change.as_gap() if self._faults.strike("gap_events", line) else change

    def _commit(self, origin: str) -> Commit:
        self._commits += self._dice.randint(1, 9)
        seconds = self._clock.now().replace(microsecond=0)
        number = _FIRST_COMMIT + milliseconds(self._clock.now()) + self._commits
        return Commit(self._uuid(), milliseconds(seconds), number, origin)

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

    # --- publishing ------------------------------------------------------------------------------------------------

    def publish_gap(self, sobject: SObject, kind: str, record_ids: Sequence[str], user_id: str) -> None:
        """Tell that records changed in a way that is not told (or `OVERFLOW`), inside the caller's transaction."""
        schema = self.change_schema(sobject)
        if kind == "OVERFLOW":
            change = overflow(sobject.name, schema, user_id)
        elif kind in _GAPS:
            change = Change(sobject.name, schema, kind, list(record_ids), user_id).as_gap()
        else:
            raise ValueError(f"a gap is one of {sorted(_GAPS)} or OVERFLOW, not {kind!r}")
        self._append_changes([change], "")

    def publish(
        self, sobject: SObject, values: Mapping[str, Any], user_id: str, event_uuid: str | None = None
    ) -> tuple[int, str]:
        """Publish a platform event, its values as Avro has them, inside the caller's transaction.

        Returns its number in the log and its uuid.

        Raises:
            OrgError: the hour's allotment is used up.
            ValueError: values that do not fit the event.
        """
        if not self.published.left:
            raise OrgError("LIMIT_EXCEEDED", "The platform event publishing limit has been exceeded.")
        schema = self.platform_schema(sobject)
        created = {"CreatedDate": milliseconds(self._clock.now()), "CreatedById": user_id}
        payload = schema.encode({**created, **values})
        event_uuid = event_uuid or self._uuid()
        n = self.log.append(f"/event/{sobject.name}", schema, event_uuid, payload)
        self.published.spend(1)
        self._appended = True
        return n, event_uuid

    def publish_row(self, caller: Caller, sobject: SObject, record_id: str, row: Mapping[str, Any]) -> None:
        """Publish what would be a new record of the event. OrgError when it is refused."""
        schema = self.platform_schema(sobject)
        values = {slot.name: slot.value(row) for slot in schema.slots if slot.field.column in row}
        self._enqueued[record_id] = self.publish(sobject, values, caller.user_id)[1]

    def enqueued(self, record_id: str) -> list[dict[str, Any]]:
        """The `errors` of a create that succeeded: for an event, that it was published; else none."""
        event_uuid = self._enqueued.get(record_id)
        told: dict[str, Any] = {"statusCode": "OPERATION_ENQUEUED", "message": event_uuid, "fields": []}
        return [told] if event_uuid else []

    # --- schemas ---------------------------------------------------------------------------------------------------

    def change_schema(self, sobject: SObject) -> EventSchema:
        return self._schema_of(sobject, change_event_schema)

    def platform_schema(self, sobject: SObject) -> EventSchema:
        return self._schema_of(sobject, platform_event_schema)

    def topic_schema(self, topic: Topic) -> EventSchema:
        """The current schema of a topic; of a channel, what its events share."""
        event = topic.platform_event
        if event is not None:
            return self.platform_schema(event)
        alone = len(topic.topics) == 1 and topic.topics[0] == topic.name
        return self.change_schema(topic.entities[0]) if alone else channel_schema(topic.name.removeprefix("/data/"))

    def _schema_of(self, sobject: SObject, make: Callable[[SObject], EventSchema]) -> EventSchema:
        fields = sobject.stored_fields()
        known = self._schemas.get(sobject.name)
        # An object lists its fields anew whenever one of them changes.
        if known is None or known[0] is not fields:
            known = self._schemas[sobject.name] = (fields, make(sobject))
        return known[1]
