"""Who works, on what, with what allowance: runs, workers, leases, budgets, schedules, sealed plans, secrets.

Lives here: the columns. Not here: keys (`trees.tables`), or how they are kept (`store`).
"""

from __future__ import annotations

import polars as pl

from syncline.trees.columns import BYTES, INT, TEXT, Columns

# One row per run. Key: run_id.
RUN: Columns = {
    "run_id": TEXT,
    "sync": TEXT,
    "kind": TEXT,  # run | part | apply | audit | push | verify | undo | owner | task | convert | delete
    "state": TEXT,  # queued | running | succeeded | held | failed | skipped | missed
    "started_us": INT,
    "ended_us": INT,
    "summary": TEXT,  # JSON
    "cycle": TEXT,  # the cycle of which this is a part; null: it is whole
    "worker": TEXT,  # who carried it out; null: a command
    "lane": TEXT,  # urgent | live | bulk | audit; null: as a command
    "due_us": INT,  # the occurrence of the schedule it stands for; null: none
}

# Who works on this state, or did. Key: worker_id.
WORKER: Columns = {
    "worker_id": TEXT,  # new at every start of a process
    "host": TEXT,
    "pid": INT,
    "version": TEXT,
    "state": TEXT,  # working | stopping | stopped | lost (its leases ran out)
    "started_us": INT,
    "seen_us": INT,  # last sign of life, by the store's clock
    "doing": TEXT,  # JSON list: the units in hand
}

# Who may work on a unit, until when. Key: name.
LEASE: Columns = {
    "name": TEXT,  # observe:<connection>:<object type> | identity:<sync> | fields:<sync>:<bucket> | stream:… | …
    "holder": TEXT,  # worker_id; "" once given back
    "fence": INT,  # grows with every taking, over all leases: names one tenure for ever
    "taken_us": INT,  # by the store's clock, as all instants here
    "expires_us": INT,
}

# What is known of a connection's limits, shared by all workers. Key: connection.
BUDGET: Columns = {
    "connection": TEXT,
    "day_used": INT,  # as the vendor last said; null until it did
    "day_limit": INT,
    "day_ours": INT,  # calls of ours that the vendor's number may not hold yet
    "learnt_us": INT,
    "resets_us": INT,  # null where the vendor does not say
    "held_until_us": INT,  # no call before this instant; null: none holds
    "held_why": TEXT,
    "breaker": TEXT,  # closed | open | half (one call probes)
    "failures": INT,  # in a row, as the breaker counts them
    "openings": INT,  # of the breaker, since a call last succeeded
    "seen": TEXT,  # JSON: the day's number every ten minutes, our calls by lane; what a forecast is made of
}

# Calls granted to a worker in advance, so that no two spend the same one. Key: allowance_id.
ALLOWANCE: Columns = {
    "allowance_id": TEXT,
    "connection": TEXT,
    "kind": TEXT,  # window (calls to be started) | place (calls at once) | want (asked in vain)
    "holder": TEXT,  # worker_id
    "granted": INT,
    "spent": INT,  # of a window: null until the holder told
    "from_us": INT,  # by the store's clock
    "expires_us": INT,  # of a window: no call is started later; of a place: no call by it is under way any more
}

# Where each sync stands in its schedule. Key: sync.
SCHEDULE: Columns = {
    "sync": TEXT,
    "print": TEXT,  # of the schedule's own settings: occurrences are planned anew only when it changes
    "next_us": INT,  # the next occurrence; null: none is left
    "last_us": INT,  # the last one that was started, skipped or missed
    "is_waiting": pl.Boolean(),  # one occurrence waits for the run before it
    "paused_us": INT,  # since when; null: it is not paused
    "state": TEXT,  # active | completed
    "at_us": INT,
}

# What somebody asked of the workers. Key: request_id.
REQUEST: Columns = {
    "request_id": TEXT,  # given by who asks: asked twice under one id, it is done once
    "sync": TEXT,
    "kind": TEXT,  # push
    "subject": TEXT,  # the record's id or address; "" once it is answered
    "options": TEXT,  # JSON
    "state": TEXT,  # asked | done | failed
    "asked_us": INT,
    "answered_us": INT,
    "worker": TEXT,  # who answered
    "answer": TEXT,  # JSON: counts or an error, no values of records
}

# Sealed plans that somebody approved. Key: digest.
SEAL: Columns = {
    "digest": TEXT,  # of the plan's content: what is approved and applied is exactly this
    "sync": TEXT,
    "state": TEXT,  # approved | applied
    "counts": TEXT,  # JSON: actions by kind and side, calls, minutes
    "sealed_us": INT,
    "decided_us": INT,
    "decided_by": TEXT,
    "applied_us": INT,
    "run_id": TEXT,  # of the run that applied it
}

# Secrets of connections, encrypted. Key: connection, setting.
SECRET: Columns = {
    "connection": TEXT,
    "setting": TEXT,
    "sealed": BYTES,  # ciphertext; its key is never in the state
    "key_id": TEXT,  # which key opens it
    "at_us": INT,
}

# Facts about syncs and the installation. Key: name.
META: Columns = {"name": TEXT, "value": TEXT}
