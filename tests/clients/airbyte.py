"""An Airbyte source driven as its platform does: check, discover, read, read again from a state.

Lives here: the commands and the reading of messages, for any source. What a source is asked for is in `jobs`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.clients.room import Room

Row = dict[str, Any]
Stream = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one read put out: the records by stream, the last state of each stream, and how each stream ended."""

    records: dict[str, list[Row]]
    states: list[Row]
    ended: dict[str, str]


class Source:
    """One source with its configuration."""

    def __init__(self, room: Room, command: str, config: Row) -> None:
        self._room = room
        self._command = command
        self._config = ("--config", room.write("config.json", config))

    def check(self) -> None:
        """AssertionError unless it can work with this configuration."""
        (said,) = _messages(self._room.run(self._command, "check", *self._config), "CONNECTION_STATUS")
        assert said["connectionStatus"]["status"] == "SUCCEEDED", said

    def discover(self) -> dict[str, Stream]:
        """The streams it finds, by name."""
        (said,) = _messages(self._room.run(self._command, "discover", *self._config), "CATALOG")
        return {stream["name"]: stream for stream in said["catalog"]["streams"]}

    def read(self, streams: Iterable[Stream], mode: str, states: list[Row] | None = None) -> Reading:
        """Read these streams in this sync mode, from the states of an earlier read on."""
        configured = [
            {
                "stream": stream,
                "sync_mode": mode,
                "destination_sync_mode": "append",
                "cursor_field": stream.get("default_cursor_field", []),
            }
            for stream in streams
        ]
        catalog = self._room.write("catalog.json", {"streams": configured})
        from_state = () if states is None else ("--state", self._room.write("state.json", states))
        return _reading(self._room.run(self._command, "read", *self._config, "--catalog", catalog, *from_state))


def _messages(printed: str, *kinds: str) -> list[Row]:
    messages = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [message for message in messages if message["type"] in kinds]


def _reading(printed: str) -> Reading:
    records: dict[str, list[Row]] = defaultdict(list)
    states: dict[str, Row] = {}
    ended: dict[str, str] = {}
    for message in _messages(printed, "RECORD", "STATE", "TRACE"):
        if message["type"] == "RECORD":
            records[message["record"]["stream"]].append(message["record"]["data"])
        elif message["type"] == "STATE":
            states[message["state"]["stream"]["stream_descriptor"]["name"]] = message["state"]
        elif message["trace"]["type"] == "STREAM_STATUS":
            status = message["trace"]["stream_status"]
            ended[status["stream_descriptor"]["name"]] = status["status"]
    return Reading(records=dict(records), states=list(states.values()), ended=ended)
