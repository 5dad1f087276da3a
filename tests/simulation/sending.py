"""What must hold of each write as we send it, judged by what the systems hold and what we had been shown by then.

Lives here: the laws of the moment, told by the connectors as they are asked, and what their answers claimed. Not here:
the laws of leases (`leases`) and of the end (`laws`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from syncline import records
from syncline.records import SIDES, Operation, Outcome, Page, Side, Status, Write, other
from tests.simulation.chronicle import ADDRESS, COLUMNS, RULE, US, Chronicle, Edit, Row
from tests.simulation.ports import Process

SLACK_US = 30_000_000
"""Between what a process last knew when it planned an undo and the write's leaving."""

PLANNED_US = 15_000_000
"""Between what was shown and what is stored to be sent: a read within a system's lag may have to be made again."""

UNSEEN_US = 60_000_000
"""Before a write was sent: what somebody did then may not have been seen when it was planned."""

LATE_US = 130_000_000
"""After an answer said that something was written it shows within so long."""

UNDO = "undo"
"""The turn of a process that takes something back."""

_NOT_COMPARED = frozenset({"email_opt_out", "score", "key", "sfdc_id", "sfdc_deleted", "company"})
"""Two values, sums, or one side's alone: that one was held before tells nothing."""

Cell = tuple[Side, str, str, str]
"""Side, record id, mapping key, value."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer said at *at_us* that this was written, which was sent at *sent_us*."""

    side: Side
    record_id: str
    key: str
    value: str
    sent_us: int
    at_us: int


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """A write that *process* sent at *at_us* and that nobody has answered."""

    process: Process
    cells: Mapping[str, str]
    at_us: int
    thawed: asyncio.Event | None  # of the sender's last standing still


@dataclass(kw_only=True)
class Sending:
    """Watches what all processes send. `counted`: how many records a turn changed in a way that has a ceiling."""

    chronicle: Chronicle
    complaints: list[str]
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)  # turn, kind of ceiling
    told: list[Told] = field(default_factory=list)
    _known_us: dict[Cell, int] = field(default_factory=dict)  # since when a value was known for good
    sent_us: dict[Cell, list[int]] = field(default_factory=dict)  # when we sent a value
    _on_the_way: dict[tuple[Side, str], Leaving] = field(default_factory=dict)  # whose answer is awaited
    _sent: dict[tuple[str, Side, str], Leaving] = field(default_factory=dict)  # by process: what it sent last
    _counted: set[tuple[str, str, Side, str | None]] = field(default_factory=set)  # what was sent again counts once
    _shown_us: dict[tuple[Side, str], int] = field(default_factory=dict)  # as of when a record was read last
    in_doubt: set[tuple[Side, str]] = field(default_factory=set)  # nobody looked since the answer was lost

    def known(self, cells: Iterable[Cell], now_us: int) -> None:
        for cell in cells:
            self._known_us.setdefault(cell, now_us)

    def showed(self, side: Side, page: Page) -> None:
        self.in_doubt -= {(side, one) for one in (*page.rows[records.ID].to_list(), *page.missing)}
        for record_id, as_of_us in page.rows.select(records.ID, records.AS_OF).iter_rows():
            self._shown_us[side, record_id] = max(as_of_us, self._shown_us.get((side, record_id), 0))

    def sends(self, process: Process, side: Side, writes: Sequence[Write], now_us: int) -> None:
        for write in writes:
            for kind in self._kinds(side, write):
                once = (process.turn, kind, side, write.record_id or write.key)
                self.counted[process.turn, kind] += once not in self._counted
                self._counted.add(once)
            if write.operation is not Operation.UPDATE or write.record_id is None:
                continue
            if (side, write.record_id) in self.in_doubt:
                self.complaints.append(
                    f"sent blindly: {process.name} to {side} {write.record_id}, whose fate is unknown"
                )
            self._begins(process, side, write.record_id, _by_key(write), now_us)
            for key, value in _by_key(write).items():
                self.sent_us.setdefault((side, write.record_id, key, value), []).append(now_us)
                if key not in _NOT_COMPARED and not self._goes_along(process, side, write, key):
                    self.complaints += self._taken_back(process, side, write.record_id, key, value, now_us)

    def _begins(self, process: Process, side: Side, record_id: str, cells: Mapping[str, str], now_us: int) -> None:
        """One record has one write on its way at a time: of two nobody would know the order."""
        first = self._on_the_way.get((side, record_id))
        if first is not None and first.process is not process and self._is_on_its_way(side, record_id, first):
            self.complaints.append(f"two in flight: {process.name} and {first.process.name} to {side} {record_id}")
        leaving = Leaving(process=process, cells=cells, at_us=now_us, thawed=process.thawed)
        self._on_the_way[side, record_id] = self._sent[process.name, side, record_id] = leaving

    def _is_on_its_way(self, side: Side, record_id: str, write: Leaving) -> bool:
        """Whether its sender has been at it ever since, it has not arrived, and nobody else changed the record
        meanwhile: what is seen to be changed since is taken for the last word, whether our write comes before it or
        after. A change just before it may not have been seen when it was planned, and is taken for one since."""
        row, sender = self.chronicle.rows[side].get(record_id), write.process
        is_at_it = sender.is_sending and not sender.is_dead and sender.thawed is write.thawed
        if row is None or not write.cells or not is_at_it:
            return False
        since = [v for v in row.versions if v.at_us > write.at_us]
        if any(v.actor != US and v.at_us > write.at_us - UNSEEN_US for v in row.versions):
            return False
        stood = [row.at(write.at_us), *since]
        return not any(v and all(v.cells.get(key) == value for key, value in write.cells.items()) for v in stood)

    def came_to_nothing(self, side: Side, writes: Sequence[Write]) -> None:
        """Nothing of it was sent, says who raised."""
        for write in writes:
            self._on_the_way.pop((side, write.record_id or ""), None)

    def answered(
        self, process: Process, side: Side, writes: Sequence[Write], outcomes: Sequence[Outcome], now_us: int
    ) -> None:
        for write, outcome in zip(writes, outcomes, strict=True):
            if write.operation is not Operation.UPDATE or write.record_id is None:
                continue
            sent = self._sent.pop((process.name, side, write.record_id), None)
            if self._on_the_way.get((side, write.record_id)) is sent:
                self._on_the_way.pop((side, write.record_id), None)
            if outcome.status is Status.UNKNOWN and not self._was_read_back(side, write.record_id, sent):
                self.in_doubt.add((side, write.record_id))
            if outcome.status is Status.WRITTEN:
                self.told += [
                    Told(
                        side=side,
                        record_id=write.record_id,
                        key=key,
                        value=value,
                        sent_us=self.sent_us[side, write.record_id, key, value][-1],
                        at_us=now_us,
                    )
                    for key, value in _by_key(write).items()
                    if key not in _NOT_COMPARED
                ]

    def _was_read_back(self, side: Side, record_id: str, sent: Leaving | None) -> bool:
        """Whether somebody who took the work over has seen that it arrived, before its sender lost the answer."""
        shown_us, row = self._shown_us.get((side, record_id), 0), self.chronicle.rows[side].get(record_id)
        if sent is None or row is None or shown_us <= sent.at_us or (then := row.at(shown_us)) is None:
            return False
        return all(then.cells.get(key) == value for key, value in sent.cells.items())

    def _kinds(self, side: Side, write: Write) -> Iterator[str]:
        if write.operation in (Operation.CREATE, Operation.DELETE):
            yield write.operation.value
        row = self.chronicle.rows[side].get(write.record_id or "")
        if row is None or write.operation is not Operation.UPDATE:
            return
        if any(not value and row.now.cells.get(key) for key, value in _by_key(write).items()):
            yield "blank"

    def _taken_back(
        self, process: Process, side: Side, record_id: str, key: str, value: str, now_us: int
    ) -> Iterator[str]:
        """What is sent is not an old value whose successor we knew; an undo takes back only what is still ours."""
        row = self.chronicle.rows[side].get(record_id)
        if row is None or row.person is None or not value:
            return
        if process.turn.startswith(UNDO):
            began_us = int(process.turn.rpartition("/")[2])
            last = [one for one in self.chronicle.edits if (one.side, one.record_id, one.key) == (side, record_id, key)]
            is_others = bool(last) and last[-1].actor != US and last[-1].at_us < began_us - SLACK_US
            if is_others and not self._is_as_we_left_it(last[-1]):
                yield f"undone: {process.name} takes {side} {record_id} {key} {last[-1].new!r} back, not ours"
            return
        made = self._last_making(row.person, key, value)
        if made is None or RULE in value or self._is_first(side, record_id, row.person):
            return
        for one in self.chronicle.edits:
            if (one.side, one.record_id, one.key) != (made.side, made.record_id, key) or one.actor == US:
                continue
            known_us = self._known_us.get((one.side, one.record_id, key, one.new), now_us)
            is_later = one.new and one.at_us > made.at_us and known_us < process.prepared_us - PLANNED_US
            if is_later and not self._went_under(one, known_us) and not self._is_the_heirs(one, value):
                what = f"{side} {record_id} {key} {value!r}"
                yield f"old over new: {process.name} sends {what} after {one.new!r} was known"
                return

    def _is_the_heirs(self, one: Edit, value: str) -> bool:
        """Whether the record of the edit ended in one that holds the value, and not by us: who made the two one said
        so which value stays."""
        heir = self.chronicle.rows[one.side].get(self.chronicle.rows[one.side][one.record_id].now.heir or "")
        return heir is not None and not heir.has_ended and self._is_own(heir, one.key, value)

    def _is_own(self, row: Row, key: str, value: str) -> bool:
        """Whether the record holds the value since a version that is not ours."""
        since = None
        for version in row.versions:
            since = (since or version) if version.cells.get(key) == value else None
        return since is not None and since.actor != US

    def _went_under(self, one: Edit, known_us: int) -> bool:
        """Whether a write of ours that had left before the edit was known went over it since: it is lost (whether that
        is logged is a law of the end), and what the record holds instead is no successor of what stands elsewhere."""
        for ours in self.chronicle.edits:
            if (ours.side, ours.record_id, ours.key) != (one.side, one.record_id, one.key) or ours.actor != US:
                continue
            sent = self.sent_us.get((one.side, one.record_id, one.key, ours.new), ())
            left_us = max((at_us for at_us in sent if at_us <= ours.at_us), default=ours.at_us)
            if ours.at_us > one.at_us and left_us <= known_us:
                return True
        return False

    def _goes_along(self, process: Process, side: Side, write: Write, key: str) -> bool:
        """Whether it is sent because of its group, which is decided and written as one: with another field of it that
        somebody set on the other side, where all that is sent of it stands together, as far as we know. What we sent
        there ourselves we know, whether it has been read or not."""
        row = self.chronicle.rows[side].get(write.record_id or "")
        group = {name: value for name, value in _by_key(write).items() if name in ADDRESS}
        if process.turn.startswith(UNDO) or key not in group or row is None or row.person is None:
            return False
        known_us = process.prepared_us - PLANNED_US
        return any(
            self._was_set_there(far, {name: group[name] for name in group.keys() - {key}})
            and self._stands_there(far, group, known_us)
            for far in self.chronicle.rows[other(side)].values()
            if far.person == row.person
        )

    def _was_set_there(self, far: Row, cells: Mapping[str, str]) -> bool:
        return any(
            one.actor != US and (one.side, one.record_id) == (far.side, far.record_id) and cells.get(one.key) == one.new
            for one in self.chronicle.edits
        )

    def _stands_there(self, far: Row, group: Mapping[str, str], until_us: int) -> bool:
        """Whether the record holds the whole *group*; changes of others that we did not know by then left aside."""
        stands = False
        for version in far.versions:
            others = [(name, version.cells[name]) for name, value in group.items() if version.cells[name] != value]
            known = [self._known_us.get((far.side, far.record_id, *cell), until_us) for cell in others]
            if not others:
                stands = True
            elif version.actor == US or any(at_us < until_us for at_us in known):
                stands = False
        return stands

    def _is_first(self, side: Side, record_id: str, person: int) -> bool:
        """Whether b does not know yet that the two are one: then there is no last agreement, and the rules for first
        ones decide."""
        known = {row.now.cells["sfdc_id"] for row in self.chronicle.rows["b"].values() if row.person == person}
        if side == "b":
            return not self.chronicle.rows["b"][record_id].now.cells["sfdc_id"] and self._tells_ids()
        return record_id not in known and self._tells_ids()

    def _tells_ids(self) -> bool:
        return any(row.now.cells["sfdc_id"] for row in self.chronicle.rows["b"].values())

    def _is_as_we_left_it(self, edit: Edit) -> bool:
        return (edit.side, edit.record_id, edit.key, edit.new) in self.sent_us

    def _last_making(self, person: int, key: str, value: str) -> Edit | None:
        """Who made a value of the person's last, other than us."""
        own = {(s, row.record_id) for s in SIDES for row in self.chronicle.rows[s].values() if row.person == person}
        made = [
            one
            for one in self.chronicle.edits
            if one.key == key and one.new == value and one.actor != US and (one.side, one.record_id) in own
        ]
        return made[-1] if made else None


def _by_key(write: Write) -> dict[str, str]:
    names = {column: key for key, column in COLUMNS.get(write.object_type, {}).items()}
    return {names[name]: value for name, value in write.cells.items() if name in names}
