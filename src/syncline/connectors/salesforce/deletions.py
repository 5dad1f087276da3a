"""The log of deletions: which ids went away, whatever became of their rows since.

A deleted row is readable for 15 days, unless the recycle bin is emptied, overflows, or the row was deleted for good at
once; then only this log names it. Facts: Salesforce, REST API Developer Guide, "Get a List of Deleted Records Within a
Given Timeframe" (15 days back, seconds are dropped, start precedes end by more than a minute), and SOAP API Developer
Guide, "getDeleted()" (the next call starts at `latestDateCovered`, which long transactions hold back). Records the user
cannot see are not listed; entries older than two hours may be pruned from a large log, so this is a second look
beside the changed rows and not the first source.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from syncline.connectors.salesforce.cells import full_id
from syncline.connectors.salesforce.client import SalesforceClient
from syncline.errors import NotUnderstood
from syncline.ports import Lane
from syncline.values import instant, micros, parse_instant

ASKED_EVERY = timedelta(minutes=15)
_KEPT = timedelta(days=15) - timedelta(minutes=5)


@dataclass(frozen=True)
class Deletions:
    """Ids deleted since the last look, and until when (microseconds, the server's clock) the log has been read."""

    ids: list[str]
    until_us: int


async def deletions_since(
    client: SalesforceClient, object_type: str, since_us: int, now_us: int, lane: Lane
) -> Deletions | None:
    """What was deleted since; None if the last look was less than `ASKED_EVERY` ago. One call."""
    if instant(now_us) - instant(since_us) < ASKED_EVERY:
        return None
    start = max(instant(since_us), instant(now_us) - _KEPT)
    path = f"/sobjects/{object_type}/deleted/?start={_minute(start)}&end={_minute(instant(now_us))}"
    body = (await client.get(path, lane)).body
    if not isinstance(body, dict) or not isinstance(body.get("deletedRecords"), list):
        raise NotUnderstood(f"Salesforce listed deleted {object_type} without records.", evidence=repr(body)[:500])
    covered_us = micros(parse_instant(body["latestDateCovered"]))
    ids = [full_id(str(item["id"])) for item in body["deletedRecords"]]
    return Deletions(list(dict.fromkeys(ids)), max(since_us, covered_us))


def _minute(at: datetime) -> str:
    return quote(at.strftime("%Y-%m-%dT%H:%M:00+00:00"), safe="")
