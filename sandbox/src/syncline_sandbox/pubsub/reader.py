"""One subscription's way through the log: where it starts, what it is given next, and what faults do to it.

"Event Replay", "Flow Control" of the Pub/Sub API guide. Lives here: what is read under the org's lock. Demand and
time are the stream's affair (`subscription.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grpc import StatusCode

from syncline_sandbox.salesforce.events.bitmaps import bitmaps, places_of
from syncline_sandbox.salesforce.events.event_log import LoggedEvent
from syncline_sandbox.salesforce.events.event_schema import HEADER, decode, encode
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.rights import UserRights
from syncline_sandbox.salesforce.schema import SObject

from .proto import pubsub_api_pb2 as pb
from .refusals import Refused
from .topics import see_topic

RESPONSE_BYTES = 3_500_000
"""What one response carries at most: clients take 4 MB."""
_BITMAPS = ("changedFields", "nulledFields", "diffFields")


@dataclass(frozen=True)
class Batch:
    """What goes out next: events, the position behind them, and after them perhaps the end of the stream."""

    events: list[pb.ConsumerEvent]
    latest: bytes
    then: Refused | None = None


class TopicReader:
    """Reads one topic on behalf of one user. All methods are called under the org's lock."""

    def __init__(self, org: SalesforceOrg, rights: UserRights, first: pb.FetchRequest) -> None:
        seen = see_topic(org, rights, first.topic_name)
        if not seen.can_subscribe:
            raise Refused("subscription.topic.cannot.subscribe")
        self._org = org
        self._rights = rights
        self._name = first.topic_name
        self._at = self._start(first)

    @property
    def topic_name(self) -> str:
        return self._name

    def next(self, wanted: int) -> Batch | None:
        """Up to *wanted* events; None when there are none now. Refused when nothing more may be delivered."""
        events = self._org.events
        found = events.log.read(self._topics(), self._at, wanted)
        if not found:
            return None
        if not events.delivered.left:
            raise Refused("subscription.limit.exceeded")
        found = _light_enough(found[: events.delivered.left])
        self._at = latest = found[-1].n
        found, then = self._struck(found)
        events.delivered.spend(len(found))
        told = [self._consumer_event(event) for event in found]
        return Batch(told, events.log.replay_id(latest, self._name), then)

    def tip(self) -> bytes:
        """A replay id of now: whoever resumes from it has missed nothing that was sent."""
        with self._org.platform_transaction():
            waiting = self._org.events.log.read(self._topics(), self._at, 1)
            # While events wait for demand the position is behind the last one sent.
            n = self._org.events.log.tick() if not waiting else self._at
        if not waiting:
            self._at = n
        return self._org.events.log.replay_id(n, self._name)

    def _start(self, first: pb.FetchRequest) -> int:
        log = self._org.events.log
        if first.replay_preset == pb.CUSTOM:
            if not first.replay_id:
                raise Refused("subscription.fetch.replayid.validation.failed")
            n = log.position(first.replay_id, self._name)
            if n is None:
                raise Refused(self._org.events.settings.expired_replay_code)
            return n
        return log.last if first.replay_preset == pb.LATEST else 0

    def _topics(self) -> Sequence[str]:
        topic = self._org.events.channels.topic(self._name)
        # Deselected meanwhile: nothing more comes, and nothing is wrong with the stream.
        pairs = zip(topic.topics, topic.entities, strict=True) if topic else ()
        return [name for name, sobject in pairs if self._rights.can_read_object(sobject.name)]

    def _struck(self, found: list[LoggedEvent]) -> tuple[list[LoggedEvent], Refused | None]:
        """The events as faults leave them, and what ends the stream after them."""
        faults, line = self._org.faults, f"GRPC Subscribe {self._name}"
        if not faults.faults:
            return found, None
        if fault := faults.strike("missing_events", line):
            found = found[int(fault.parameters.get("count", 1)) :]
        if faults.strike("reorder_events", line):
            found = found[::-1]
        if fault := faults.strike("duplicate_events", line):
            again = found[-int(fault.parameters.get("count", 1)) :]
            self._at = min((event.n for event in again), default=self._at + 1) - 1
        if fault := faults.strike("stream_reset", line):
            text = "RST_STREAM closed stream. HTTP/2 error code: INTERNAL_ERROR"
            reset = Refused(None, StatusCode.UNAVAILABLE, text)
            return found[: int(fault.parameters.get("events", 0))], reset
        return found, None

    def _consumer_event(self, event: LoggedEvent) -> pb.ConsumerEvent:
        payload = self._visible_part(event)
        produced = pb.ProducerEvent(id=event.uuid, schema_id=event.schema_id, payload=payload)
        return pb.ConsumerEvent(event=produced, replay_id=self._org.events.log.replay_id(event.n, self._name))

    def _visible_part(self, event: LoggedEvent) -> bytes:
        """The payload without the fields the user may not read; record sharing is not looked at."""
        if not self._rights.hidden_fields:
            return event.payload
        schema_json = self._org.events.log.schema_json(event.schema_id) or ""
        values = decode(schema_json, event.payload)
        sobject = self._org.schema.sobject(values[HEADER]["entityName"]) if HEADER in values else None
        return event.payload if sobject is None else self._without_hidden(sobject, schema_json, values)

    def _without_hidden(self, sobject: SObject, schema_json: str, values: dict[str, object]) -> bytes:
        schema = self._org.events.change_schema(sobject)
        hidden = [slot for slot in schema.slots if not self._rights.can_read_field(sobject.name, slot.field.name)]
        for slot in hidden:
            compound = values.get(slot.name)
            if slot.part is None:
                values[slot.name] = None
            elif isinstance(compound, dict):
                compound[slot.part_name] = None
        header = values[HEADER]
        assert isinstance(header, dict)
        places = {slot.place for slot in hidden}
        for name in _BITMAPS:
            header[name] = bitmaps(places_of(header[name]) - places)
        return encode(schema_json, values)


def _light_enough(found: list[LoggedEvent]) -> list[LoggedEvent]:
    """As many of the events as one response can carry; one in any case."""
    weight = 0
    for count, event in enumerate(found):
        weight += len(event.payload) + 100
        if weight > RESPONSE_BYTES and count:
            return found[:count]
    return found
