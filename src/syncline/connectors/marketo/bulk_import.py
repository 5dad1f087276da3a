"""Floods of updates by id as imported files: one set of fields a file, never a blank, never a create.

The vendor does not say what a blank cell of an import does, and an import that does not find a person by e-mail makes
one; so neither is ever sent. An import answers with counts and a file of the rows that failed, which are found again
by their id. Source: the vendor's pages "Bulk Import", "Bulk Lead Import".
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from syncline.connectors.marketo.client import MarketoApi, decoded
from syncline.connectors.marketo.errors import Declined, rejected
from syncline.errors import Later, OutcomeUnknown, SynclineError
from syncline.ports import HttpRequest, Lane, Random
from syncline.records import Outcome, Status, Write

_LARGEST_FILE_BYTES = 9_500_000  # the vendor takes 10 MB, the multipart frame included
_POLL_SECONDS = 10.0
_LONGEST_POLLS = 6 * 360
_TYPED = "Invalid data type in field "
_REASON = ("Import Failure Reason", "Import Warning Reason")
_FAILED_CODE = "import_failed"
_WARNED_CODE = "import_warning"
_NO_FILE = "404"
# An import cannot take back an unsubscription (vendor's product page "Understanding Durable Unsubscribe").
_BY_CALL_ONLY = frozenset(("unsubscribed",))


@dataclass(frozen=True)
class ImportFile:
    """One file: the rows it holds (positions in the batch of writes), their person ids, and its bytes."""

    rows: tuple[int, ...]
    ids: tuple[str, ...]
    content: bytes


def flood_files(writes: Sequence[Write], rows: Sequence[int], least: int) -> list[ImportFile]:
    """Files for those of *rows* (positions of updates by id) that share a set of fields with *least* others or more."""
    by_fields: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in rows:
        if _is_fit(writes[row].cells):
            by_fields[tuple(sorted(writes[row].cells))].append(row)
    files: list[ImportFile] = []
    for names, group in by_fields.items():
        if len(group) >= least:
            files += _files(writes, group, names)
    return files


def _is_fit(cells: Mapping[str, str]) -> bool:
    """Whether a file can say this: no blank, nor the word null, which may be read as one; and no consent."""
    return _BY_CALL_ONLY.isdisjoint(cells) and all(cell not in ("", "null") for cell in cells.values())


def _files(writes: Sequence[Write], rows: Sequence[int], names: Sequence[str]) -> Iterator[ImportFile]:
    head = _line(["id", *names])
    taken: list[int] = []
    lines, size = [head], len(head)
    for row in rows:
        line = _line([str(writes[row].record_id), *(writes[row].cells[name] for name in names)])
        if size + len(line) > _LARGEST_FILE_BYTES:
            yield _file(writes, taken, lines)
            taken, lines, size = [], [head], len(head)
        taken.append(row)
        lines.append(line)
        size += len(line)
    yield _file(writes, taken, lines)


def _file(writes: Sequence[Write], rows: Sequence[int], lines: Sequence[bytes]) -> ImportFile:
    return ImportFile(tuple(rows), tuple(str(writes[row].record_id) for row in rows), b"".join(lines))


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


class Importer:
    """Imports files through one connection."""

    def __init__(self, api: MarketoApi, random: Random) -> None:
        self._api = api
        self._random = random

    async def send(
        self, file: ImportFile, by_label: Mapping[str, str], *, lane: Lane
    ) -> tuple[dict[int, Outcome], str | None]:
        """Outcomes by row, and the request id of the upload. Rows whose fate is not told are UNKNOWN.

        Raises:
            SynclineError: the file was not taken and nothing was changed; the rows may go another way.
        """
        try:
            batch_id, origin = await self._start(file, lane)
        except OutcomeUnknown as lost:
            return dict.fromkeys(file.rows, _unknown(lost.message)), None
        try:
            return await self._result(file, by_label, batch_id, lane), origin
        except SynclineError as lost:
            said = f"Import {batch_id}: its result could not be read: {lost.message}"
            return dict.fromkeys(file.rows, _unknown(said)), origin

    async def _start(self, file: ImportFile, lane: Lane) -> tuple[str, str]:
        boundary = self._random.token(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="updates.csv"\r\n'
            "Content-Type: text/csv\r\n\r\n"
        )
        request = HttpRequest(
            method="POST",
            url="/bulk/v1/leads.json?format=csv&lookupField=id",
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
            body=head.encode() + file.content + f"\r\n--{boundary}--\r\n".encode(),
            timeout_seconds=300.0,
        )
        reply = decoded(await self._api.http.send(request, lane=lane))
        if len(reply.result) != 1 or "batchId" not in reply.result[0]:
            raise OutcomeUnknown("Marketo took an import and did not name its batch.")
        return str(reply.result[0]["batchId"]), reply.requestId

    async def _result(
        self, file: ImportFile, by_label: Mapping[str, str], batch_id: str, lane: Lane
    ) -> dict[int, Outcome]:
        for _ in range(_LONGEST_POLLS):
            reply = await self._api.get(f"/bulk/v1/leads/batch/{batch_id}.json", lane=lane)
            batch = reply.result[0] if reply.result else {}
            if batch.get("status") == "Complete":
                return await self._outcomes(file, by_label, batch_id, batch, lane)
            if batch.get("status") == "Failed":
                said = f"Marketo ended the import {batch_id} as failed: {batch.get('message', '')}"
                return dict.fromkeys(file.rows, _unknown(said))
            await self._api.clock.sleep(_POLL_SECONDS)
        raise Later(f"Marketo has not finished the import {batch_id} within six hours.")

    async def _outcomes(
        self, file: ImportFile, by_label: Mapping[str, str], batch_id: str, batch: Mapping[str, object], lane: Lane
    ) -> dict[int, Outcome]:
        told_failed, told_warned = (
            int(str(batch.get(name) or 0)) for name in ("numOfRowsFailed", "numOfRowsWithWarning")
        )
        failed = await self._reasons(batch_id, "failures", lane) if told_failed else {}
        warned = await self._reasons(batch_id, "warnings", lane) if told_warned else {}
        if len(failed) != told_failed or not set(failed) <= set(file.ids):
            # Some failures belong to rows we cannot name, so no row is known to be written.
            return dict.fromkeys(file.rows, _unknown(f"Import {batch_id}: {told_failed} rows failed, not all named."))
        return {
            row: _outcome(record_id, failed.get(record_id), warned.get(record_id), by_label)
            for row, record_id in zip(file.rows, file.ids, strict=True)
        }

    async def _reasons(self, batch_id: str, which: str, lane: Lane) -> dict[str, str]:
        """Reasons by person id from the failure or warning file; empty if there is none."""
        try:
            content = await self._api.file(f"/bulk/v1/leads/batch/{batch_id}/{which}.json", lane=lane)
        except Declined as declined:
            if declined.vendor_code != _NO_FILE:
                raise
            return {}
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        return {row["id"]: next((row[name] for name in _REASON if row.get(name)), "") for row in rows if row.get("id")}


def _outcome(record_id: str, failure: str | None, warning: str | None, by_label: Mapping[str, str]) -> Outcome:
    if failure is not None:
        # A failure file names a field as people see it, where the calls name it as they send it.
        named = by_label.get(failure.removeprefix(_TYPED)) if failure.startswith(_TYPED) else None
        refused = rejected(_FAILED_CODE, failure, record_id=record_id, fields=() if named is None else (named,))
        # The one reason whose meaning we know from the call that has codes.
        return replace(refused, is_gone=failure.lower().startswith("lead not found"))
    code = None if warning is None else _WARNED_CODE
    return Outcome(status=Status.WRITTEN, record_id=record_id, code=code, message=warning)


def _unknown(message: str) -> Outcome:
    return Outcome(status=Status.UNKNOWN, message=message)
