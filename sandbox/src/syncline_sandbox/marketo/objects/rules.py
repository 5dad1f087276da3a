"""What a kind of record does beyond the common interface: the hooks a room calls. Here they do nothing."""

from __future__ import annotations

from dataclasses import dataclass

from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.store import Row


@dataclass(frozen=True, kw_only=True)
class Change:
    """One record as it was (None: it is new) and the values that were written; `now` is the stored moment."""

    before: Row | None
    values: Row
    row: Row
    now: str


class Rules:
    """Hooks around the writing of one kind. `begin` and `end` enclose a call."""

    def begin(self, call: Call) -> None:
        pass

    def saved(self, change: Change) -> None:
        pass

    def is_in_use(self, _row: Row) -> bool:
        return False

    def deleted(self, row: Row) -> None:
        pass

    def end(self) -> None:
        pass
