"""Merging people: the losers end in the winner, whose values are written afterwards.

Source: the vendor's page "Leads" (Merge Leads): up to 25 losers, an answer without results, three minutes at most; the
winner keeps its values and takes the loser's where its own are blank. So what the winner shall hold is written second,
as one update by id: written first, a blank would be filled again by the merge. It is read before, and the values that
the merge itself has brought are left out: an update that arrives minutes late goes over whatever was entered meanwhile,
so it had better be none. An answer that is lost at either step
leaves the write unknown. If the merge was made and only its values were refused, the write is WRITTEN and its code,
message and fields say what was refused: the person is merged, and its values are planned again when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from syncline.connectors.marketo.client import MarketoApi
from syncline.connectors.marketo.cursor import Merge
from syncline.connectors.marketo.errors import Declined, rejected
from syncline.connectors.marketo.manifest import LOSERS_PER_MERGE
from syncline.connectors.marketo.moments import OwnTraces
from syncline.connectors.marketo.read import LeadReader, page_of
from syncline.connectors.marketo.write import NOT_SENT, LeadWriter
from syncline.errors import OurBug, OutcomeUnknown, SynclineError
from syncline.ports import Lane
from syncline.records import How, Operation, Outcome, Status, Write, WriteAnswer
from syncline.values import micros

_TIMEOUT_SECONDS = 190.0  # the server's own limit is 180


class Merger:
    """Merges through one connection, one call after the other."""

    def __init__(self, api: MarketoApi, reader: LeadReader, writer: LeadWriter, traces: OwnTraces) -> None:
        self._api = api
        self._reader = reader
        self._writer = writer
        self._traces = traces

    async def write(self, writes: Sequence[Write], *, lane: Lane) -> WriteAnswer:
        """As `ports.Connector.write`. Raises OurBug for a merge of no or more than 25 losers."""
        for write in writes:
            losers = set(write.others) - {write.record_id}
            if write.record_id is None or not 0 < len(losers) == len(write.others) <= LOSERS_PER_MERGE:
                raise OurBug(f"A merge of {write.others} into {write.record_id} cannot be sent.")
        outcomes: list[Outcome] = []
        for write in writes:
            try:
                outcomes.append(await self._merge(write, lane))
            except SynclineError as failed:
                if not outcomes:
                    raise
                stayed = Outcome(status=Status.REJECTED, code=NOT_SENT, message=failed.message, is_permanent=False)
                outcomes += [stayed] * (len(writes) - len(outcomes))
                break
        return WriteAnswer(outcomes=tuple(outcomes))

    async def _merge(self, write: Write, lane: Lane) -> Outcome:
        if not all(one.isdigit() for one in (str(write.record_id), *write.others)):
            return rejected("no_id", "A merge needs the ids of people, which are numbers.", record_id=write.record_id)
        path = f"/rest/v1/leads/{write.record_id}/merge.json?leadIds={','.join(write.others)}"
        try:
            reply = await self._api.post(path, b"", lane=lane, timeout_seconds=_TIMEOUT_SECONDS)
        except OutcomeUnknown as lost:
            return Outcome(status=Status.UNKNOWN, record_id=write.record_id, message=lost.message)
        except Declined as declined:
            return rejected(declined.vendor_code, declined.text, record_id=write.record_id)
        self._traces.sent(reply.requestId)
        at = micros(self._api.vendor_now(reply)) // 1_000_000
        self._traces.merged(write.others, Merge(at, str(write.record_id)))
        missing = await self._missing(write, lane)
        return await self._fill(replace(write, cells=missing), lane) if missing else _merged(write)

    async def _missing(self, write: Write, lane: Lane) -> Mapping[str, str]:
        """The cells that the winner does not show yet: all of them where it cannot be read. A blank may be that of
        before the merge, which fills it, so it is always written."""
        filled = tuple(name for name, value in write.cells.items() if value)
        if not filled:
            return write.cells
        try:
            found = await self._reader.by_ids(filled, [str(write.record_id)], lane=lane)
        except SynclineError:
            return write.cells
        shown = next(page_of(found, How.READ_BACK).rows.iter_rows(named=True), {})
        return {name: value for name, value in write.cells.items() if not value or shown.get(name) != value}

    async def _fill(self, write: Write, lane: Lane) -> Outcome:
        """Write the winner's cells. The merge is done: nothing may be raised any more."""
        update = replace(write, operation=Operation.UPDATE, others=(), options={})
        try:
            (outcome,) = (await self._writer.write([update], lane=lane)).outcomes
        except SynclineError as failed:
            outcome = rejected(NOT_SENT, failed.message)
        if outcome.status is Status.UNKNOWN:
            return replace(outcome, record_id=write.record_id)
        said = replace(_merged(write), code=outcome.code, message=outcome.message, fields=outcome.fields)
        return said if outcome.status is Status.REJECTED else _merged(write)


def _merged(write: Write) -> Outcome:
    return Outcome(status=Status.WRITTEN, record_id=write.record_id)
