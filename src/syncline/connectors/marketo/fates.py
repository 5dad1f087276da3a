"""Who ended in whom: the losers of merges as rows of a page. No requests.

Marketo keeps nothing of a loser: the only trace is the winner's Merge Leads activity ("Leads", Merge Leads). So the row
has no cells, and the fate is told once the loser cannot be read any more. Of merges we made ourselves the answer is
known at once, without waiting for the activity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from syncline.connectors.marketo.cursor import Merge
from syncline.connectors.marketo.manifest import LEAD
from syncline.connectors.marketo.rows import deleted_frame
from syncline.records import FATE_SCHEMA, Fate, Page

Merges = Mapping[str, Merge]
"""Loser's id -> how it ended."""


def fates_frame(merges: Merges) -> pl.DataFrame:
    """FATE_SCHEMA. Who merged them, the vendor does not say."""
    rows = [
        (person, Fate.MERGED.value, LEAD, merge.heir, merge.at * 1_000_000, None) for person, merge in merges.items()
    ]
    return pl.DataFrame(rows, schema=FATE_SCHEMA, orient="row")


def with_own_merges(page: Page, merges: Merges, as_of_us: int) -> Page:
    """*page*, in which those missing that we merged away ourselves are rows with a fate."""
    ended = {person: merges[person] for person in page.missing if person in merges}
    return replace(
        page,
        rows=pl.concat([page.rows, deleted_frame(list(ended), page.fields, as_of_us)]),
        fates=fates_frame(ended),
        missing=tuple(person for person in page.missing if person not in ended),
    )
