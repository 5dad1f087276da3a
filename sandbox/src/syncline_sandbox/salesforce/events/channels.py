"""Channels: which entities are selected for Change Data Capture, on which channel, and which topics there are.

"Subscription Channels", "Select Objects for Change Notifications", PlatformEventChannel and PlatformEventChannelMember
of the Change Data Capture Developer Guide and the Metadata API. Names of topics are case-sensitive. Lives here: the
selection and its names; it is kept with the org.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from syncline_sandbox.salesforce.schema import Schema, SObject
from syncline_sandbox.salesforce.storage import Storage

from .event_schema import change_event_name

STANDARD = "ChangeEvents"
MAXIMUM_CHANNELS = 100
# Nothing changes in them that anybody would want to hear of, or the vendor has no change event for them.
_NEVER = frozenset(
    "Group GroupMember QueueSobject Organization Profile LeadStatus OpportunityStage RecordType BusinessHours".split()
)


@dataclass(frozen=True)
class Topic:
    """What can be subscribed to. `topics` are the topics of the log it is made of, `entities` the objects behind."""

    name: str
    topics: tuple[str, ...]
    entities: tuple[SObject, ...]

    @property
    def platform_event(self) -> SObject | None:
        """The platform event it is the topic of; None for change events."""
        return self.entities[0] if self.name.startswith("/event/") else None


class Channels:
    """The selection of one org: entities by channel. The standard channel is `ChangeEvents`."""

    def __init__(self, schema: Schema, storage: Storage) -> None:
        self._schema = schema
        self._storage = storage
        self._selected: dict[str, list[str]] = {STANDARD: []}

    def take_up(self) -> None:
        self._selected = self._storage.kept("change_data_capture") or {STANDARD: []}

    def selection(self) -> dict[str, list[str]]:
        """Entities by channel."""
        return {channel: list(entities) for channel, entities in self._selected.items()}

    def entities(self) -> list[str]:
        """Every entity selected on any channel."""
        return list(dict.fromkeys(entity for entities in self._selected.values() for entity in entities))

    def select(self, names: Iterable[str], channel: str, maximum: int) -> None:
        """Make these the entities of a channel; of a custom one (`X__chn`) none removes it.

        Raises:
            ValueError: not the name of a channel, an object that has no change events, or more than may be selected.
        """
        if channel != STANDARD and not channel.endswith("__chn"):
            raise ValueError(f"a channel is {STANDARD} or a name that ends in __chn, not {channel!r}")
        chosen = [self._selectable(name) for name in names]
        wanted = {**self._selected, channel: chosen}
        if not chosen and channel != STANDARD:
            del wanted[channel]
        entities = {entity for of_channel in wanted.values() for entity in of_channel}
        if maximum and len(entities) > maximum:
            raise ValueError(f"{len(entities)} entities, and {maximum} may be selected over all channels")
        if len(wanted) - 1 > MAXIMUM_CHANNELS:
            raise ValueError(f"there may be {MAXIMUM_CHANNELS} custom channels")
        self._selected = wanted
        self._storage.keep("change_data_capture", wanted)

    def topic(self, name: str) -> Topic | None:
        """The topic of this exact name; None if there is none."""
        if name.startswith("/event/"):
            sobject = self._schema.sobject(name.removeprefix("/event/"))
            if sobject is None or not sobject.name.endswith("__e") or f"/event/{sobject.name}" != name:
                return None
            return Topic(name, (name,), (sobject,))
        channel = name.removeprefix("/data/")
        if channel in self._selected:
            return self._topic(name, self._selected[channel])
        # The channel of one entity is there when the entity is selected on any.
        alone = [entity for entity in self.entities() if change_event_topic(entity) == name]
        return self._topic(name, alone) if alone else None

    def _topic(self, name: str, entities: Iterable[str]) -> Topic:
        found = [sobject for sobject in map(self._schema.sobject, entities) if sobject is not None]
        return Topic(name, tuple(change_event_topic(sobject.name) for sobject in found), tuple(found))

    def _selectable(self, name: str) -> str:
        for sobject in self._schema.sobjects():
            has_changes = sobject.name not in _NEVER and not sobject.name.endswith("__e")
            if has_changes and name in (sobject.name, change_event_name(sobject.name)):
                return sobject.name
        raise ValueError(f"{name!r} is no object with change events")


def change_event_topic(entity: str) -> str:
    """`/data/LeadChangeEvent`: the topic of one entity."""
    return f"/data/{change_event_name(entity)}"
