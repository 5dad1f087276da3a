"""How an action on a person ends. Every outcome is a value with its reason; nothing here does anything.

`Refused` is raised inside an action to end it early, and never leaves this package (`acting.carry_out`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from syncline.records import Outcome, Side, Status


class Ended(StrEnum):
    """What became of an action."""

    DONE = "done"
    NOTHING = "nothing"  # it was so already, or the person is not what the action is for: nothing was sent
    REFUSED = "refused"  # by us before anything was sent, or by the system
    UNKNOWN = "unknown"  # sent, and the answer was lost: look before you repeat it
    ASKS = "asks"  # nothing was done yet: it waits for a yes


@dataclass(frozen=True, kw_only=True)
class Result:
    """`code` is one of errors.CODES where something stands in the way, `vendor_code` the system's own. `record_id` is
    the record acted on, `made` what came of it (object type -> id), `candidates` the ids among which to choose.
    `pushed` is the run that first put the person on that side, None if it was there."""

    action: str
    ended: Ended
    reason: str
    code: str | None = None
    vendor_code: str | None = None
    side: Side | None = None
    object_type: str | None = None
    record_id: str | None = None
    link_id: int = 0
    made: Mapping[str, str] = field(default_factory=dict)
    candidates: tuple[str, ...] = ()
    pushed: str | None = None
    run_id: str = ""

    @property
    def is_settled(self) -> bool:
        """Nothing is left to do or to look at."""
        return self.ended in (Ended.DONE, Ended.NOTHING)


class Refused(Exception):
    """Ends an action without a further step."""

    def __init__(self, code: str, reason: str, *, candidates: Sequence[str] = (), ended: Ended = Ended.REFUSED) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.candidates = tuple(candidates)
        self.ended = ended


def nothing(code: str, reason: str) -> Refused:
    """The person is not what the action is for: nothing was done, and nothing needs to be."""
    return Refused(code, reason, ended=Ended.NOTHING)


def ended_as(outcome: Outcome) -> Ended:
    """The end of a single deed."""
    ends = {Status.WRITTEN: Ended.DONE, Status.UNCHANGED: Ended.DONE, Status.UNKNOWN: Ended.UNKNOWN}
    return ends.get(outcome.status, Ended.REFUSED)
