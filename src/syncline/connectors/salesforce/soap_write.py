"""Merges, conversions and undeletes: the writes that have no REST resource, through the SOAP API.

Each is sent once. An answer that is lost, or that names another number of results than were asked for, leaves its rows
unknown; nothing is read back here. Facts: Salesforce, SOAP API Developer Guide, "merge()" (one master, two losers at
most; the master's values win even where they are blank, so what is to be kept of a loser is said in `cells`),
"convertLead()" and "LeadConvert" (only blank fields of an existing account or contact are filled; a queue's lead needs
an owner), "undelete()" (only what is in the recycle bin, for 15 days), "DuplicateRuleHeader".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from xml.etree.ElementTree import Element

from syncline.connectors.salesforce import soap, soql
from syncline.connectors.salesforce.cells import full_id
from syncline.connectors.salesforce.client import SalesforceClient
from syncline.connectors.salesforce.errors import CallRefused, VendorError, refusal, vendor_errors
from syncline.connectors.salesforce.write import break_off, unknown
from syncline.errors import OurBug, OutcomeUnknown, SynclineError
from syncline.ports import Lane
from syncline.records import ALLOW_DUPLICATES, ConvertOption, Operation, Outcome, Status, Write, WriteAnswer

LOSERS_PER_MERGE = 2
_ROWS_PER_CALL = (
    50  # the vendor takes 200 merges or 100 conversions: fewer, so that one lost answer leaves less unknown
)

_CALLS = {Operation.MERGE: "merge", Operation.CONVERT: "convertLead", Operation.UNDELETE: "undelete"}
BY_SOAP = frozenset(_CALLS)


class SoapWriter:
    """Writes merges, conversions and undeletes through one connection."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    async def write(self, writes: Sequence[Write], lane: Lane) -> WriteAnswer:
        """As `ports.Connector.write`. Raises OurBug for a merge of no or more than two losers."""
        status = await self._converted_status(lane) if _lacks_status(writes) else None
        outcomes: dict[int, Outcome] = {}
        for indexes in _calls(writes, outcomes):
            own = [writes[index] for index in indexes]
            try:
                answered = await self._call(own, status, lane)
            except OutcomeUnknown as lost:
                answered = [unknown(lost)] * len(own)
            except CallRefused as refused:
                answered = [refusal([refused.error], write.record_id) for write in own]
            except SynclineError as failed:
                if not outcomes:
                    raise
                break_off(outcomes, len(writes), failed)
                break
            outcomes |= dict(zip(indexes, answered, strict=True))
        return WriteAnswer(outcomes=tuple(outcomes[index] for index in range(len(writes))))

    async def _call(self, writes: Sequence[Write], status: str | None, lane: Lane) -> list[Outcome]:
        spoken = "".join(_spoken(write, status) for write in writes)
        headers = ""
        if _allows_duplicates(writes[0]):
            headers = f"<DuplicateRuleHeader>{soap.element('allowSave', 'true')}</DuplicateRuleHeader>"
        body = await self._client.soap(_CALLS[writes[0].operation], spoken, lane, headers=headers)
        found = soap.results(body)
        if found is None or len(found) != len(writes):
            raise OutcomeUnknown("Salesforce answered a SOAP call with another number of results than were sent.")
        return [_outcome(result, write) for result, write in zip(found, writes, strict=True)]

    async def _converted_status(self, lane: Lane) -> str | None:
        """The first status that means converted ("LeadStatus" in the Object Reference); None if the org has none."""
        query = soql.select(["ApiName"], "LeadStatus", "IsConverted = true", "SortOrder")
        async for answer in self._client.query(f"{query} LIMIT 1", lane):
            for record in answer.body["records"]:
                return str(record["ApiName"])
        return None


def _lacks_status(writes: Sequence[Write]) -> bool:
    return any(w.operation is Operation.CONVERT and ConvertOption.STATUS not in w.options for w in writes)


def _calls(writes: Sequence[Write], outcomes: dict[int, Outcome]) -> list[list[int]]:
    """Indexes of the writes of each call; what cannot be said gets its outcome at once."""
    for index, write in enumerate(writes):
        if write.record_id is None or (write.operation is Operation.MERGE and not _is_merge(write)):
            raise OurBug(f"A {write.operation} of {write.object_type} {write.record_id} with {write.others}.")
        if not soap.is_sayable([*write.cells.values(), *write.options.values()]):
            said = VendorError(code="INVALID_FIELD", message="A value holds a character that XML cannot carry.")
            outcomes[index] = refusal([said], write.record_id)
    calls: list[list[int]] = []
    for allows in (False, True):
        open_ = [i for i, write in enumerate(writes) if i not in outcomes and _allows_duplicates(write) == allows]
        calls += [open_[start : start + _ROWS_PER_CALL] for start in range(0, len(open_), _ROWS_PER_CALL)]
    return calls


def _is_merge(write: Write) -> bool:
    return 0 < len(set(write.others) - {write.record_id}) == len(write.others) <= LOSERS_PER_MERGE


def _allows_duplicates(write: Write) -> bool:
    return write.options.get(ALLOW_DUPLICATES) == "true"


def _spoken(write: Write, status: str | None) -> str:
    if write.operation is Operation.MERGE:
        losers = "".join(soap.element("recordToMergeIds", one) for one in write.others)
        master = soap.sobject("masterRecord", write.object_type, str(write.record_id), write.cells)
        return f"<mergeRequests>{master}{losers}</mergeRequests>"
    if write.operation is Operation.UNDELETE:
        return soap.element("ids", write.record_id)
    wanted = "".join(soap.element(name, value) for name, value in _lead_convert(write, status))
    return f"<leadConverts>{wanted}</leadConverts>"


def _lead_convert(write: Write, status: str | None) -> list[tuple[str, str | None]]:
    """The elements of LeadConvert in the order of the WSDL."""
    say: Callable[[str], str | None] = write.options.get
    opportunity = say(ConvertOption.OPPORTUNITY)
    return [
        ("accountId", say(ConvertOption.ACCOUNT)),
        ("contactId", say(ConvertOption.CONTACT)),
        ("convertedStatus", say(ConvertOption.STATUS) or status),
        ("doNotCreateOpportunity", "false" if opportunity else "true"),
        ("leadId", write.record_id),
        ("opportunityName", opportunity or None),
        ("overwriteLeadSource", "false"),
        ("ownerId", say(ConvertOption.OWNER)),
        ("sendNotificationEmail", say(ConvertOption.NOTIFY_OWNER) or "false"),
    ]


_MADE: Mapping[str, str] = {"Contact": "contactId", "Account": "accountId", "Opportunity": "opportunityId"}


def _outcome(result: Element, write: Write) -> Outcome:
    if soap.text(result, "success") != "true":
        return refusal(vendor_errors(soap.row_errors(result)), write.record_id)
    if write.operation is Operation.MERGE:
        return Outcome(status=Status.WRITTEN, record_id=full_id(soap.text(result, "id") or str(write.record_id)))
    made = {kind: full_id(found) for kind, name in _MADE.items() if (found := soap.text(result, name))}
    return Outcome(status=Status.WRITTEN, record_id=write.record_id, made=made)
