"""Lead partitions: which there are, who may see which, and moving people between them.

Source: Marketo "Leads" (Get Lead Partitions, Update Lead Partition, partitionName), "Custom Services" (workspaces and
partitions), "Error Codes" (1008, 1009, 1010). The first partition is the primary one: new people come there. A user
sees all partitions unless the control endpoint says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog, Cause, Stamp
from syncline_sandbox.marketo.activity_types import CHANGE_LEAD_PARTITION
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.partial_failure import Refusing
from syncline_sandbox.marketo.store import Store, marks
from syncline_sandbox.marketo.values import iso

TABLES = """
CREATE TABLE IF NOT EXISTS partitions (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT);
CREATE TABLE IF NOT EXISTS partition_users (user TEXT NOT NULL, partition_id INTEGER NOT NULL);
"""
PRIMARY = (1, "Default", "Initial system lead partition")
API_SOURCE = "Web service API"
Members = dict[str, Any]


class Partitions:
    """Answers the partition endpoints; reads and writes of leads ask here what a user may see."""

    def __init__(self, store: Store, log: ActivityLog, clock: SandboxClock, refusing: Refusing) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._refusing = refusing
        self._seen: dict[str, frozenset[int]] = {}
        self.establish()

    def establish(self) -> None:
        """Tables and the primary partition; what is known of users is read again."""
        self._store.connection.executescript(TABLES)
        self._store.connection.execute("INSERT OR IGNORE INTO partitions VALUES (?, ?, ?)", PRIMARY)
        seen: dict[str, set[int]] = {}
        for user, partition_id in self._store.all("SELECT user, partition_id FROM partition_users"):
            seen.setdefault(user, set()).add(partition_id)
        self._seen = {user: frozenset(ids) for user, ids in seen.items()}

    def put(self, name: str, description: str | None) -> int:
        """A new partition, or another description of one; its id."""
        sql = (
            "INSERT INTO partitions (name, description) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET description = ?"
        )
        self._store.connection.execute(sql, (name, description, description))
        return int(self._store.one("SELECT id FROM partitions WHERE name = ?", (name,))[0])

    def by_name(self, name: str) -> int | None:
        row = self._store.one("SELECT id FROM partitions WHERE name = ?", (name,))
        return None if row is None else int(row[0])

    def restrict(self, user: str, names: Iterable[str] | None) -> None:
        """Which partitions a user sees; None: all. KeyError for one that does not exist."""
        self._store.connection.execute("DELETE FROM partition_users WHERE user = ?", (user,))
        self._seen.pop(user, None)
        if names is None:
            return
        ids = {name: self.by_name(name) for name in names}
        if unknown := [name for name, number in ids.items() if number is None]:
            raise KeyError(unknown[0])
        self._store.insert("partition_users", ("user", "partition_id"), [(user, number) for number in ids.values()])
        self._seen[user] = frozenset(number for number in ids.values() if number is not None)

    def seen_by(self, user: str) -> frozenset[int] | None:
        """The partitions a user sees; None: all of them."""
        return self._seen.get(user)

    def condition(self, user: str) -> str:
        """SQL over leads that holds for those a user sees, to stand after an AND; "" when that is everybody."""
        seen = self._seen.get(user)
        return "" if seen is None else f" AND leadPartitionId IN ({', '.join(map(str, sorted(seen)))})"

    def wanted(self, user: str, name: Any) -> int:
        """Where new people go. Refused 1003 for an unknown name, 1008 for one the user does not see, 1009 without
        one when the primary partition is not among several the user sees."""
        seen = self._seen.get(user)
        if name is None:
            if seen is None or PRIMARY[0] in seen:
                return PRIMARY[0]
            if len(seen) != 1:
                raise Refused(1009, "Partition name must be specified")
            return min(seen)
        partition_id = self.by_name(str(name))
        if partition_id is None:
            raise Refused(1003, f"Invalid value for field 'partitionName' and value '{name}'")
        if seen is not None and partition_id not in seen:
            raise Refused(1008, f"Access denied to partition '{name}'")
        return partition_id

    # -- endpoints --------------------------------------------------------------------------------------------------

    def partitions(self, call: Call) -> Members:
        seen = self._seen.get(call.user)
        rows = self._store.all("SELECT id, name, description FROM partitions ORDER BY id")
        return {
            "result": [
                {"id": number, "name": name, **({} if description is None else {"description": description})}
                for number, name, description in rows
                if seen is None or number in seen
            ]
        }

    def update(self, call: Call) -> Members:
        _, records = call.inputs()
        cause = Cause(source=API_SOURCE, api_method="updateLeadPartition", user=call.user, request_id=call.request_id)
        stamp, refusals = self._stamp(cause, call.commit_delay_seconds), self._refusing(call, len(records))
        results = [
            skipped(*refusals[index]) if index in refusals else self._update(record, call.user, stamp)
            for index, record in enumerate(records)
        ]
        self._log.flush()
        return {"result": results}

    def _update(self, record: Any, user: str, stamp: Stamp) -> Members:
        lead_id, name = (record.get("id"), record.get("partitionName")) if isinstance(record, dict) else (None, None)
        if not isinstance(lead_id, int) or not self._is_seen(lead_id, user):
            return skipped(1004, "Lead not found", id=lead_id)
        if name is None:
            return skipped(1009, "Partition name must be specified", id=lead_id)
        try:
            target = self.wanted(user, name)
        except Refused as refused:
            return skipped(int(refused.code), refused.message, id=lead_id)
        self._move([lead_id], target, stamp)
        return {"id": lead_id, "status": "updated"}

    def _is_seen(self, lead_id: int, user: str) -> bool:
        sql = f"SELECT 1 FROM leads WHERE id = ?{self.condition(user)}"
        return abs(lead_id) < 2**63 and self._store.one(sql, (lead_id,)) is not None

    def move(self, lead_ids: Sequence[int], target: int, cause: Cause) -> None:
        """Move people, as a flow does."""
        self._move(lead_ids, target, self._stamp(cause))
        self._log.flush()

    def _move(self, lead_ids: Sequence[int], target: int, stamp: Stamp) -> None:
        sql = f"SELECT id, leadPartitionId FROM leads WHERE id IN {marks(lead_ids)} AND leadPartitionId IS NOT ?"
        moved = self._store.all(sql, (*lead_ids, target))
        (name,) = self._store.one("SELECT name FROM partitions WHERE id = ?", (target,))
        (source, reason) = self._store.one("SELECT source, reason FROM causes WHERE id = ?", (stamp.cause_id,))
        now = iso(self._clock.now())
        sql = "UPDATE leads SET leadPartitionId = ?, _changedAt = ? WHERE id = ?"
        self._store.connection.executemany(sql, [(target, now, lead_id) for lead_id, _ in moved])
        for lead_id, old in moved:
            said = {"Old Partition ID": old, "Reason": reason or source}
            self._log.told(lead_id, CHANGE_LEAD_PARTITION, stamp, target, name, said)

    def _stamp(self, cause: Cause, delay_seconds: float = 0.0) -> Stamp:
        now = self._clock.now().timestamp()
        return Stamp(int(now), now + delay_seconds, self._log.cause(cause))
