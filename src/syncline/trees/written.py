"""What we wrote and what became of it: the journal, its entries, the history.

Lives here: the columns. Not here: keys (`trees.tables`), or how they are kept (`store`).
"""

from __future__ import annotations

from syncline.trees.columns import BYTES, INT, TEXT, Columns

# One row per call's worth of writes, prepared before it is sent. Key: batch_id.
JOURNAL: Columns = {
    "batch_id": TEXT,
    "sync": TEXT,
    "run_id": TEXT,
    "side": TEXT,
    "connection": TEXT,
    "object_type": TEXT,
    "operation": TEXT,
    "state": TEXT,  # prepared | sent | answered
    "prepared_us": INT,
    "sent_us": INT,
    "answered_us": INT,
    "origin": TEXT,  # the vendor's request id of the call; null if none
    "fence": INT,
    "segment": BYTES,  # compressed Arrow of engine.journal.SEGMENT: per record and field, what we expect back
}

# One narrow row per record in a batch. In flight = prepared, sent or unknown: at most one per record, and per key.
ENTRY: Columns = {
    "batch_id": TEXT,
    "position": INT,
    "connection": TEXT,
    "object_type": TEXT,
    "record_id": TEXT,  # null for a create until its outcome is known
    "match_key": TEXT,  # our key of a create; null for updates
    "link_id": INT,  # 0 for a create until linked
    "state": TEXT,  # prepared | sent | unknown | written | settled | rejected | abandoned
    "at_us": INT,
}

# Append-only: every observed change and every write, changed cells only, newest base values kept for ever.
HISTORY: Columns = {
    "day": TEXT,  # "2026-11-22": the partition
    "connection": TEXT,
    "object_type": TEXT,
    "record_id": TEXT,
    "at_us": INT,
    "cause": TEXT,  # observed | written | deleted | undeleted | linked | base
    "actor": TEXT,
    "run_id": TEXT,
    "cells": TEXT,  # JSON object field -> [before, after]
}
