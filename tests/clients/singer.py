"""A Singer tap driven as its users do: discover, select streams, run, run again from a state.

Lives here: the commands and the reading of messages, for any tap. What a tap is asked for is in `jobs`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.clients.room import Room

Row = dict[str, Any]
Stream = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run put out: the records by stream, and the last state."""

    records: dict[str, list[Row]]
    state: dict[str, Any]


class Tap:
    """One tap with its configuration. Both taps know the catalog by its old name, --properties."""

    def __init__(self, room: Room, command: str, config: Row) -> None:
        self._room = room
        self._command = (command, "--config", room.write("config.json", config))

    def discover(self) -> list[Stream]:
        """The streams it finds."""
        streams = json.loads(self._room.run(*self._command, "--discover"))["streams"]
        assert isinstance(streams, list)
        return streams

    def sync(
        self, streams: list[Stream], wanted: Container[str], *, state: Row | None = None, incremental: bool = False
    ) -> Run:
        """Run with the wanted streams selected, from *state* on. Incremental: by the replication key found for each."""
        for stream in streams:
            whole = next(part["metadata"] for part in stream["metadata"] if part["breadcrumb"] == [])
            whole["selected"] = stream["tap_stream_id"] in wanted
            for part in stream["metadata"]:
                if part["metadata"].get("inclusion") == "available":
                    part["metadata"]["selected"] = True
            keys = whole.get("valid-replication-keys")
            if keys:
                key = keys if isinstance(keys, str) else keys[0]
                chosen = {"replication-method": "INCREMENTAL", "replication-key": key}
                whole |= chosen if incremental else {"replication-method": "FULL_TABLE"}
        catalog = self._room.write("catalog.json", {"streams": streams})
        from_state = () if state is None else ("--state", self._room.write("state.json", state))
        return _read(self._room.run(*self._command, "--properties", catalog, *from_state))


def _read(printed: str) -> Run:
    records: dict[str, list[Row]] = defaultdict(list)
    state: Row = {}
    for line in printed.splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            records[message["stream"]].append(message["record"])
        elif message["type"] == "STATE":
            state = message["value"]
    return Run(records=dict(records), state=state)
