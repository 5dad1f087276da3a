"""The switches of the event bus: limits, retention, and readings where the vendor is silent or contradicts itself.

Lives here: names and defaults; the control route `POST events` sets them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any


@dataclass(kw_only=True)
class EventSettings:
    """`retention_hours`: "Event Message Durability"; `overflow_changes`: "Overflow Events".

    `event_bytes`: what weighs more becomes a gap event. `diff_characters`: a text at least that long is sent as a
    unified diff where that is shorter; 0 never.
    `last_modified_by_always`: an update tells LastModifiedById even when it is who it was.
    `maximum_entities`: how many entities may be selected over all channels; 0 for as many as one likes.
    `expired_replay_code`: what a replay id beyond retention is refused with.
    `keep_alive_seconds` and `idle_seconds` are real time: the longest silence of a Subscribe stream, and how long one
    without outstanding demand, or a PublishStream without a request, is kept. `maximum_streams` of all clients.
    """

    retention_hours: float = 72.0
    overflow_changes: int = 100_000
    event_bytes: int = 1_000_000
    diff_characters: int = 1_000
    last_modified_by_always: bool = False
    maximum_entities: int = 5
    expired_replay_code: str = "subscription.fetch.replayid.corrupted"
    keep_alive_seconds: float = 270.0
    idle_seconds: float = 70.0
    maximum_streams: int = 1_000

    def change(self, wanted: dict[str, Any]) -> None:
        """Set the switches named. ValueError for a name there is none of, or a value of another kind."""
        kinds: dict[str, Callable[[Any], Any]] = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        for name, value in wanted.items():
            if name not in kinds:
                raise ValueError(f"no setting {name!r}; there are {sorted(kinds)}")
            try:
                setattr(self, name, kinds[name](value))
            except (TypeError, ValueError) as wrong:
                raise ValueError(f"{name} does not take {value!r}") from wrong
