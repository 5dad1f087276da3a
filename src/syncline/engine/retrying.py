"""When a refused write is tried again: by what its refusal means, after which delay, how often.

Lives here: the policy as one table (docs/reference/retries.md is made from it), the count of attempts and the delays.
Not here: burying what no time heals (`letters`), repeating a call within one request (`net`), or waking by a person
(`inbox`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from syncline.engine.batches import Batch, Row
from syncline.engine.settlement import add_rows, conflict_id
from syncline.engine.world import World
from syncline.records import Outcome, Status
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table

FIRST_SECONDS, LONGEST_SECONDS = 60, 3_600
MOST_ATTEMPTS = 16
"""Half a day: 1, 2, 4 … 32 minutes, then every hour. What still does not pass by then, somebody has to look at."""

_BYSTANDERS = frozenset({"not_sent", "unprocessed"})
"""Our own words for rows that stayed behind when another call failed: it is not they that were refused."""


@dataclass(frozen=True)
class Rule:
    """One row of the policy: what was said, what becomes of the write, and what wakes it."""

    said: str
    becomes: str
    wakes: str


POLICY: tuple[Rule, ...] = (
    Rule(
        "A call that only reads got no answer, or the system was busy (5xx)",
        "repeated at once by the same request: 5 attempts, 0.5 s doubling to 60 s, with jitter",
        "then the next run",
    ),
    Rule(
        "A call that writes got no answer, or a 5xx",
        "*unknown*: never sent again blindly; read back by id or by our key",
        "the next run, until it is known",
    ),
    Rule(
        "Too many calls (a rate, calls at once, Retry-After)",
        "the connection sends nothing until the system wants calls again; longer than 60 s: parked",
        "that time",
    ),
    Rule(
        "The day's calls are used up",
        "the lane is parked; one call every 5 minutes asks whether the day has moved on",
        "the reset, or a larger quota",
    ),
    Rule(
        "10 calls in a row failed, or 60 % of the last 40",
        "the breaker opens: 20 s, doubling to 15 minutes, with jitter; then one call probes",
        "the probe that succeeds",
    ),
    Rule(
        "One record was refused for a reason that passes (locked, busy, its parent is not there yet)",
        f"*deferred*: planned again after {FIRST_SECONDS // 60} minute, doubling to {LONGEST_SECONDS // 60} minutes; "
        f"after {MOST_ATTEMPTS} attempts a dead letter",
        "its time; any change of the record at once",
    ),
    Rule(
        "One record was refused for values of some fields",
        "sent once more without these fields (an atomic group leaves as one); the fields are a dead letter",
        "another value of them, or `syncline retry`",
    ),
    Rule(
        "One record was refused as a whole (a validation rule, a duplicate, a missing right)",
        "a dead letter; all other records go on",
        "another value of the record, or `syncline retry`",
    ),
    Rule(
        "A whole call was refused because of one record in it",
        "the call is halved until the record is alone: it is a dead letter, the others are written",
        "another value of the record, or `syncline retry`",
    ),
    Rule(
        "The record was changed since it was planned, or is gone",
        "read by id and planned again",
        "the next run",
    ),
    Rule("A delete or a merge was refused", "a dead letter", "`syncline retry`: no value can wake it"),
    Rule("Access is refused (login, token, right of the app)", "the run ends", "a person who grants it"),
    Rule("The answer breaks the system's own contract", "the run ends, with evidence", "a person who looks at it"),
)


def delay_us(attempts: int) -> int:
    """How long to wait after so many attempts (1 or more), in microseconds."""
    return min(LONGEST_SECONDS, FIRST_SECONDS << min(attempts - 1, 20)) * 1_000_000


def passes(outcome: Outcome) -> bool:
    """Whether a refusal may pass by itself and counts as an attempt of the row's own."""
    if outcome.status is not Status.REJECTED or outcome.is_permanent or outcome.is_gone or outcome.is_stale:
        return False
    return outcome.code not in _BYSTANDERS


async def attempts_before(world: World, sync: Sync, batch: Batch, rows: Sequence[Row]) -> dict[str, int]:
    """By action, how often its write was refused for reasons that pass, since it last succeeded."""
    if not rows:
        return {}
    ids = {_letter_id(batch, row): row.action for row in rows}
    keys = pl.DataFrame({"letter_id": list(ids)})
    letters = (await world.store.by_keys(Table.DEAD_LETTER, keys)).filter(pl.col("state") == "retrying")
    return {ids[letter_id]: count for letter_id, count in letters.select("letter_id", "attempts").iter_rows()}


def count_attempt(
    world: World, sync: Sync, batch: Batch, row: Row, outcome: Outcome, attempts: int, commit: Commit
) -> None:
    """Keep that the write was tried *attempts* times; a success resolves it as it does dead letters. No value is kept:
    nobody has to act on it."""
    letter = {
        "letter_id": _letter_id(batch, row),
        "sync": sync.name,
        "link_id": row.link_id,
        "side": batch.side,
        "object_type": batch.object_type if row.link_id else row.source_type,
        "record_id": row.write.record_id if row.link_id else row.source_id,
        "mapping": None,
        "operation": batch.operation.value,
        "code": outcome.code or "refused",
        "message": outcome.message or "refused without a reason",
        "sent": "{}",
        "attempts": attempts,
        "wakes_on": "time",
        "wake_print": 0,
        "at_us": world.now_us(),
        "state": "retrying" if attempts < MOST_ATTEMPTS else "resolved",
    }
    add_rows(commit, Table.DEAD_LETTER, pl.DataFrame([letter], schema=dict(TABLES[Table.DEAD_LETTER][0])))


def postpone(marks: pl.DataFrame, taken_seq: int, commit: Commit) -> None:
    """Make the records of *marks* (DIRTY without seq) due when these say, although they are dirty already: marks that
    were set before *taken_seq* are replaced. One that was set since stands, and makes its record due at once."""
    old = marks.with_columns(pl.lit(taken_seq, dtype=pl.Int64).alias("seq"))
    commit.clean = old if commit.clean is None else pl.concat([commit.clean, old.select(commit.clean.columns)])
    commit.touch.append(marks)


def _letter_id(batch: Batch, row: Row) -> str:
    subject = str(row.link_id) if row.link_id else f"{row.source_type}/{row.source_id}"
    return conflict_id(row.link_id, subject, batch.object_type, batch.side, "retrying")
