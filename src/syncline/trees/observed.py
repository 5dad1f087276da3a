"""What was seen of the connected systems: mirrors, evidence of changes, how far each was read, and the capture law.

Lives here: the columns. Not here: keys (`trees.tables`), or how they are kept (`store`).
"""

from __future__ import annotations

import polars as pl

from syncline.trees.columns import BYTES, INT, TEXT, Columns

# What each connected system held when we last looked. Key: connection, object_type, record_id.
MIRROR: Columns = {
    "connection": TEXT,
    "object_type": TEXT,
    "record_id": TEXT,
    "cells": TEXT,  # JSON object field -> canonical text ("" empty); a missing key is unread
    "flags": TEXT,  # null, or JSON object field -> sync that wrote this cell and has not read it back (assumed)
    "stamp_us": INT,  # the vendor's version stamp; null if unknown
    "previous_stamp_us": INT,  # the stamp at the look before: the start of the evidence interval; null if first
    "actor": TEXT,  # vendor's id of who changed it last; null if unknown
    "created_us": INT,
    "is_deleted": pl.Boolean(),
    "fate": TEXT,  # records.Fate: it ended in another record; null: it is itself, or was deleted without an heir
    "heir_type": TEXT,
    "heir_id": TEXT,
    "fate_us": INT,  # when it ended so, or was deleted, as the vendor says; null if it does not
    "as_of_us": INT,  # when the newest observation was asked for
    "previous_as_of_us": INT,
    "how": TEXT,  # records.How
}

# Evidence of single changes. Key: connection, object_type, record_id, field, at_us, new.
MOMENT: Columns = {
    "connection": TEXT,
    "object_type": TEXT,
    "record_id": TEXT,
    "field": TEXT,
    "at_us": INT,
    "actor": TEXT,
    "origin": TEXT,
    "old": TEXT,
    "new": TEXT,
    "is_person": pl.Boolean(),
}

# How far each capture has read. Key: connection, object_type.
CURSOR: Columns = {
    "connection": TEXT,
    "object_type": TEXT,
    "position": TEXT,
    "fields": TEXT,  # JSON list: the fields captured so far; another one needs a back-fill
    "rows_seen": INT,  # of the last complete count: an empty side is recognised by it
    "at_us": INT,
}

# How far each change stream was taken in. Key: connection, channel.
STREAM: Columns = {
    "connection": TEXT,
    "channel": TEXT,
    "position": TEXT,  # the vendor's replay id as text, stored with the effects of its event; null: from the newest
    "state": TEXT,  # live | gap (being answered by re-reading) | off
    "events": INT,  # taken in since the stream was first opened
    "gaps": INT,  # times we had to re-read because events were missing
    "event_us": INT,  # commit of the newest event taken in
    "at_us": INT,  # when it was taken in
    "detail": TEXT,  # JSON: why it is not live, allotment left
}

# The fields of an object that were ever visible: one that no longer is counts as hidden. Key: connection, object_type.
DESCRIBED: Columns = {"connection": TEXT, "object_type": TEXT, "fields": TEXT, "at_us": INT}

# Capture law, left side: one row per page received. Key: run_id, connection, object_type, page.
RECEIPT: Columns = {
    "run_id": TEXT,
    "connection": TEXT,
    "object_type": TEXT,
    "page": INT,
    "ids": BYTES,  # zlib of JSON list: every row as received, repeats included
}

# Capture law, right side: what became of the rows. Key: run_id, connection, object_type, page, verdict.
CAPTURED: Columns = {
    "run_id": TEXT,
    "connection": TEXT,
    "object_type": TEXT,
    "page": INT,
    "verdict": TEXT,  # applied | identical | stale | unordered | duplicate | unreadable
    "ids": BYTES,
}

# Who owns the values that records have in common: by which record, of which owner. Key: all but print.
OWNER_KEY: Columns = {
    "connection": TEXT,
    "object_type": TEXT,
    "record_id": TEXT,
    "field": TEXT,  # the field that names the owner
    "print": INT,  # fingerprint of what it says, case folded; a blank has no row
}
