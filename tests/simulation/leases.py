"""What must hold at every moment about leases, told at the ports: who stores, who sends, who touches others' writes.

Lives here: the laws, judged by the lease table as it stands on the disk and by what processes do. Not here: the laws of
the end (`laws`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from syncline.trees import Commit, Lease, Table
from tests.simulation.ground import Ground
from tests.simulation.ports import Process

_GIVEN_UP = ("unknown", "abandoned", "rejected")


@dataclass(kw_only=True)
class Leases:
    """Watches all processes of a history. `complaints` is the stage's."""

    ground: Ground
    complaints: list[str]
    _held: dict[str, Lease] = field(default_factory=dict)  # process -> the lease it took last
    _in_hand: dict[str, Process] = field(default_factory=dict)  # batch of writes -> who is sending it

    def before_taking(self, name: str) -> tuple[str, int] | None:
        """Who holds the lease *name* now, and until when."""
        found = self.ground.disk.execute("SELECT holder, expires_us FROM lease WHERE name = ?", (name,)).fetchone()
        return None if found is None else (found[0], found[1])

    def taken(self, process: Process, lease: Lease, before: tuple[str, int] | None) -> None:
        """A lease is given to somebody only when nobody else's lasts."""
        self._held[process.name] = lease
        if before is not None and before[0] not in ("", lease.holder) and before[1] > self.ground.time.now_us():
            self.complaints.append(f"two holders: {process.name} took {lease.name} while {before[0]} had it")

    def given_back(self, process: Process) -> None:
        self._held.pop(process.name, None)

    def sends(self, process: Process) -> None:
        """Who begins to send has a lease that lasts."""
        lease = self._held.get(process.name)
        if lease is None:
            return
        row = self.ground.disk.execute(
            "SELECT fence, holder, expires_us FROM lease WHERE name = ?", (lease.name,)
        ).fetchone()
        if row[0] != lease.fence or row[1] != lease.holder or row[2] <= self.ground.time.now_us():
            self.complaints.append(f"sent without a lease: {process.name} for {lease.name}, which it no longer has")

    def committed(self, process: Process, commit: Commit) -> None:
        """What is stored under a lease is stored while it is held; writes in somebody's hand are left to him."""
        for name, fence in commit.fences.items():
            row = self.ground.disk.execute("SELECT fence, holder FROM lease WHERE name = ?", (name,)).fetchone()
            if row is None or row[0] != fence or not row[1]:
                self.complaints.append(f"a zombie stored: {process.name} under {name}, which has passed on")
        for frame in (commit.add.get(Table.ENTRY), commit.put.get(Table.ENTRY)):
            if frame is not None and self._held.get(process.name) is not None:
                for batch_id in frame["batch_id"].unique().to_list():
                    self._in_hand.setdefault(batch_id, process)
        for frame in commit.amend.get(Table.ENTRY, ()):
            states = frame["state"] if "state" in frame.columns else [""] * frame.height
            for batch_id, state in set(zip(frame["batch_id"], states, strict=True)):
                self._touched(process, batch_id, state)

    def _touched(self, process: Process, batch_id: str, state: str) -> None:
        owner = self._in_hand.get(batch_id)
        if owner is None or owner is process:
            self._in_hand.pop(batch_id, None)
            return
        if state not in _GIVEN_UP:
            return  # what was seen to have arrived has arrived
        lease = self._held.get(owner.name)
        if owner.is_dead or owner.is_frozen or lease is None or not owner.is_sending:
            return
        row = self.ground.disk.execute("SELECT fence, expires_us FROM lease WHERE name = ?", (lease.name,)).fetchone()
        if row[0] == lease.fence and row[1] > self.ground.time.now_us():
            self.complaints.append(f"others' writes: {process.name} settled what {owner.name} is sending")
