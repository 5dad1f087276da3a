"""What is known of pairs: links, bases, marks, what waits, what was decided, and the sync law.

Lives here: the columns. Not here: keys (`trees.tables`), or how they are kept (`store`).
"""

from __future__ import annotations

import polars as pl

from syncline.trees.columns import BYTES, INT, TEXT, Columns

# Which record of side a is which of side b, per sync. Outlives conversion, merge, delete and key changes.
LINK: Columns = {
    "link_id": INT,
    "sync": TEXT,
    "state": TEXT,  # live | tombstone (a record of it was deleted, or its person lives on in another link)
    "rule": TEXT,  # which rule or person decided it
    "decided_us": INT,
    "evidence": TEXT,  # JSON: what was compared
    "member_a": pl.Boolean(),  # passes side a's filter; null undecided: last membership stays
    "member_b": pl.Boolean(),
    "visible_a": pl.Boolean(),  # false: the record left our sight without a proven delete
    "visible_b": pl.Boolean(),
}

# The records of a link. Key: sync, side, object_type, record_id. Aliases (converted, merged away) stay.
LINK_END: Columns = {
    "sync": TEXT,
    "side": TEXT,
    "object_type": TEXT,
    "record_id": TEXT,
    "link_id": INT,
    "role": TEXT,  # current | alias
}

# What each side held when they last agreed: one packed row per link. Key: link_id.
BASE: Columns = {
    "link_id": INT,
    "sync": TEXT,
    "revision": INT,  # of the mapping list the prints are ordered by
    "canonicaliser": INT,
    "prints_a": BYTES,  # little-endian u64 per mapping in the revision's order; 0 = unknown
    "prints_b": BYTES,
}

# Sparse facts about one mapping of one link. Key: link_id, mapping, kind.
MARK: Columns = {
    "link_id": INT,
    "mapping": TEXT,
    "kind": TEXT,  # ended | owner | normalised | apart | drift | held | blocked | not_taken | dead | frozen | thawed
    "detail": TEXT,  # JSON
    "at_us": INT,
}

# Where to look. Key: sync, link_id, side, object_type, record_id; link_id 0 for unlinked records.
DIRTY: Columns = {
    "sync": TEXT,
    "link_id": INT,
    "side": TEXT,  # "" for links
    "object_type": TEXT,
    "record_id": TEXT,
    "seq": INT,  # store sequence when set
    "due_us": INT,  # not before; 0 at once
}

# Values that lost, restorable. Key: conflict_id (of link, mapping and both fingerprints).
CONFLICT: Columns = {
    "conflict_id": TEXT,
    "sync": TEXT,
    "link_id": INT,
    "mapping": TEXT,
    "kind": TEXT,  # conflict | first_link | drift | overwritten_in_flight | overridden | window | merged_away
    "state": TEXT,  # logged | open
    "policy": TEXT,
    "reason": TEXT,  # one sentence: which evidence decided
    "winner_side": TEXT,  # null while open
    "value_a": TEXT,
    "value_b": TEXT,
    "at_us": INT,
    "run_id": TEXT,
}

# Two persons of one side that are one since their counterparts were merged or converted into each other on the other
# side: the merge that is due, its cells computed once, so that a repeat adds nothing. Key: merger_id.
MERGER: Columns = {
    "merger_id": TEXT,
    "sync": TEXT,
    "side": TEXT,  # where the merge is due
    "object_type": TEXT,
    "winner_link": INT,
    "loser_link": INT,
    "winner_id": TEXT,
    "loser_id": TEXT,
    "cells": TEXT,  # JSON object field -> cell the winner shall hold besides what the vendor's merge leaves
    "state": TEXT,  # due | held | done | local (nothing to merge over there) | refused | apart | moot (two again)
    "reason": TEXT,
    "at_us": INT,
    "run_id": TEXT,
}

# Who must not come back: keyed hashes of an erased person's keys, nothing else of him. Key: sync, kind, print.
ERASED: Columns = {
    "sync": TEXT,
    "kind": TEXT,  # email | id:<side>:<object type> | a match rule's key
    "print": TEXT,  # hex HMAC under the installation's key
    "at_us": INT,
}

# Actions or fields that were refused and wait for something. Key: letter_id.
DEAD_LETTER: Columns = {
    "letter_id": TEXT,
    "sync": TEXT,
    "link_id": INT,
    "side": TEXT,
    "object_type": TEXT,
    "record_id": TEXT,
    "mapping": TEXT,  # null: the whole record
    "operation": TEXT,
    "code": TEXT,
    "message": TEXT,
    "sent": TEXT,  # JSON: the cells that were refused
    "attempts": INT,
    "wakes_on": TEXT,  # value | person | schema | time (it may pass: planned again by itself)
    "wake_print": INT,  # fingerprint of the refused values: another value wakes it
    "at_us": INT,
    "state": TEXT,  # dead | retried | resolved | retrying (counts the attempts; waits for nobody)
}

# What waits for a person. Key: hold_id.
HOLD: Columns = {
    "hold_id": TEXT,
    "sync": TEXT,
    "kind": TEXT,  # ambiguous | linked | ceiling | conflict | empty_side | delete | edited_and_deleted | merge | gone
    "subject": TEXT,  # JSON: the records or the action kind
    "evidence": TEXT,  # JSON
    "digest": TEXT,  # hash of the held set; an approval names it
    "state": TEXT,  # open | replaced (its set changed since) | approved | resolved
    "at_us": INT,
    "run_id": TEXT,
}

# Sync law, left side: the dirty marks a run took. Key: run_id, sync, side, object_type, record_id.
CONSIDERED: Columns = {
    "run_id": TEXT,
    "sync": TEXT,
    "side": TEXT,
    "object_type": TEXT,
    "record_id": TEXT,
    "link_id": INT,
    "seq": INT,
}

# Sync law, right side: what became of each, the gravest class of its fields. Same key.
VERDICT: Columns = {
    "run_id": TEXT,
    "sync": TEXT,
    "side": TEXT,
    "object_type": TEXT,
    "record_id": TEXT,
    "class": TEXT,
    "reason": TEXT,
}

# By what a record could match others: one row per way of a sync's match rules to agree. Key: all but value.
MATCH_KEY: Columns = {
    "sync": TEXT,
    "side": TEXT,
    "object_type": TEXT,
    "record_id": TEXT,
    "way": INT,
    "value": TEXT,  # the compared cells in their compared forms
}

# What rolling verification found, a bucket of links at a time. Key: sync, bucket.
AGREEMENT: Columns = {
    "sync": TEXT,
    "bucket": INT,
    "pairs": INT,
    "agreeing": INT,
    "explained": INT,  # differ for a reason we know: held, dead, blocked, apart, waiting
    "differing": INT,  # differ and nothing says why: a repair was planned
    "digest_a": TEXT,  # of what was read on each side, so that an unchanged bucket is told without its rows
    "digest_b": TEXT,
    "checked_us": INT,
    "run_id": TEXT,
}
