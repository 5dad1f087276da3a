"""What the platform derives when a campaign's members and statuses are saved, moved or deleted.

Object Reference: a campaign has `CampaignMemberStatus` rows, one of them the default, at least one a response; a
member is a lead or a contact, once a campaign; its `Status` tells `HasResponded`. "Considerations for Converting
Leads" (Salesforce Help): who is a member as lead and as contact stays the contact, with the status further along.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .errors import OrgError
from .saving import Rule, Saving
from .storage import Storage

SETTINGS: dict[str, object] = {"unknown_status": "default", "statuses_writable": True}
"""The switches of campaigns as a fresh org has them; `unknown_status` is default, store or refuse."""
UNKNOWN_STATUS = ("default", "store", "refuse")
_STATUSES = 'SELECT "Label", "HasResponded", "IsDefault" FROM "CampaignMemberStatus"'
_MEMBERS_RECORD_TYPE = """
SELECT r."Id" FROM "Campaign" AS c JOIN "RecordType" AS r ON r."Id" = c."CampaignMemberRecordTypeId"
WHERE c."Id" = ? AND r."SobjectType" = 'CampaignMember'
"""
_OF_CAMPAIGN = 'WHERE "CampaignId" = ? AND "IsDeleted" = 0'


def first_statuses(campaign_id: str) -> list[tuple[str, dict[str, Any]]]:
    """The status rows a new campaign comes with."""
    rows = (("Sent", 1, 1, 0), ("Responded", 2, 0, 1))
    return [
        (
            "CampaignMemberStatus",
            {"CampaignId": campaign_id, "Label": label, "SortOrder": place, "IsDefault": first, "HasResponded": done},
        )
        for label, place, first, done in rows
    ]


def settings(storage: Storage) -> dict[str, Any]:
    """The switches of this org's campaigns."""
    return {**SETTINGS, **(storage.kept("campaign_settings") or {})}


def _campaign(saving: Saving) -> None:
    parent = saving.values.get("ParentId")
    while parent is not None:
        if parent == saving.record_id:
            raise OrgError("CIRCULAR_DEPENDENCY", "attempt to violate hierarchy constraints", ("ParentId",))
        found = saving.one('SELECT "ParentId" FROM "Campaign" WHERE "Id" = ?', parent)
        parent = found[0] if found else None


def _member(saving: Saving) -> None:
    values = saving.values
    if saving.before is None:
        _refuse_second(saving)
        kind = saving.one(_MEMBERS_RECORD_TYPE, values["CampaignId"])
        if kind is not None:
            values["RecordTypeId"] = kind[0]
    if saving.before is None or "Status" in values:
        _take_status(saving)


def _refuse_second(saving: Saving) -> None:
    values = saving.values
    if values.get("ContactId"):
        values["LeadId"] = None
    column = "ContactId" if values.get("ContactId") else "LeadId"
    if not values.get(column):
        text = "Required fields are missing: [ContactId, LeadId]"
        raise OrgError("REQUIRED_FIELD_MISSING", text, ("ContactId", "LeadId"))
    sql = f'SELECT 1 FROM "CampaignMember" {_OF_CAMPAIGN} AND "{column}" = ?'
    if saving.one(sql, values["CampaignId"], values[column]) is not None:
        raise OrgError("DUPLICATE_VALUE", "Already a campaign member.")


def _take_status(saving: Saving) -> None:
    row, values = saving.row, saving.values
    found = saving.storage.db.execute(f"{_STATUSES} {_OF_CAMPAIGN}", (row["CampaignId"],)).fetchall()
    known = {str(label).lower(): (label, responded) for label, responded, _ in found}
    first = next(((label, responded) for label, responded, is_default in found if is_default), (None, 0))
    asked = values.get("Status")
    label, responded = known.get(str(asked).lower(), first) if asked else first
    if asked and str(asked).lower() not in known:
        unknown = settings(saving.storage)["unknown_status"]
        if unknown == "refuse":
            text = f"Status: bad value for restricted picklist field: {asked}"
            raise OrgError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, ("Status",))
        if unknown == "store":
            label, responded = asked, 0
    values |= {"Status": label, "HasResponded": responded}
    if responded and not row.get("FirstRespondedDate"):
        values["FirstRespondedDate"] = saving.stamp[:10]


def _status(saving: Saving) -> None:
    values, before, row = saving.values, saving.before, saving.row
    others = '"CampaignId" = ? AND "IsDeleted" = 0 AND "Id" <> ?'
    bound = (row["CampaignId"], saving.record_id)
    if before is None:
        sql = f'SELECT 1 FROM "CampaignMemberStatus" WHERE {others} AND "Label" = ?'
        if saving.one(sql, *bound, row.get("Label")) is not None:
            raise OrgError("DUPLICATE_VALUE", "duplicate value found: Label", ("Label",))
    if before is not None and before["IsDefault"] and "IsDefault" in values and not values["IsDefault"]:
        raise OrgError("FIELD_INTEGRITY_EXCEPTION", "Every campaign has a default member status", ("IsDefault",))
    if before is not None and before["HasResponded"] and "HasResponded" in values and not values["HasResponded"]:
        _refuse_without_response(saving.storage, *bound)
    if values.get("IsDefault"):
        saving.change("CampaignMemberStatus", {"IsDefault": 0}, f'{others} AND "IsDefault" = 1', *bound)
    if before is not None and values.get("HasResponded", before["HasResponded"]) != before["HasResponded"]:
        _spread_response(saving, int(values["HasResponded"]))


def _spread_response(saving: Saving, responded: int) -> None:
    row = saving.row
    members = '"CampaignId" = ? AND "IsDeleted" = 0 AND "Status" = ?'
    bound = (row["CampaignId"], row["Label"])
    if responded:
        first = f'{members} AND "FirstRespondedDate" IS NULL'
        saving.change("CampaignMember", {"FirstRespondedDate": saving.stamp[:10]}, first, *bound)
    saving.change("CampaignMember", {"HasResponded": responded}, members, *bound)


def _refuse_without_response(storage: Storage, campaign_id: str, status_id: str) -> None:
    sql = f'SELECT 1 FROM "CampaignMemberStatus" {_OF_CAMPAIGN} AND "Id" <> ? AND "HasResponded" = 1'
    if storage.db.execute(sql, (campaign_id, status_id)).fetchone() is None:
        text = "At least one campaign member status must be set to responded"
        raise OrgError("FIELD_INTEGRITY_EXCEPTION", text, ("HasResponded",))


def refuse_delete(storage: Storage, row: Mapping[str, Any]) -> None:
    """Refuse to delete a status row that is the default, the last response, or in use. OrgError DELETE_FAILED."""
    used = f'SELECT 1 FROM "CampaignMember" {_OF_CAMPAIGN} AND "Status" = ?'
    if row["IsDefault"] or storage.db.execute(used, (row["CampaignId"], row["Label"])).fetchone() is not None:
        raise OrgError("DELETE_FAILED", "You can't delete a member status that is the default or in use")
    if row["HasResponded"]:
        _refuse_without_response(storage, row["CampaignId"], row["Id"])


_BOTH = """
SELECT l."Id", l."Status", l."HasResponded", l."FirstRespondedDate", c."Id", c."Status" FROM "CampaignMember" AS l
LEFT JOIN "CampaignMember" AS c ON c."CampaignId" = l."CampaignId" AND c."IsDeleted" = 0 AND c."Id" <> l."Id"
AND c."ContactId" = ? WHERE l."LeadId" = ? AND l."IsDeleted" = 0
"""
_PLACE = """
SELECT "SortOrder" FROM "CampaignMemberStatus" WHERE "Label" = ? AND "IsDeleted" = 0
AND "CampaignId" = (SELECT "CampaignId" FROM "CampaignMember" WHERE "Id" = ?)
"""


def convert_members(
    storage: Storage,
    lead_id: str,
    contact_id: str,
    change: Callable[[str, dict[str, Any]], None],
    remove: Callable[[str], None],
) -> None:
    """Make a converted lead's memberships the contact's: they keep the lead's id and gain the contact's.

    *change* sets columns of a member, *remove* deletes one.
    """
    for member, status, responded, first, other, other_status in storage.db.execute(
        _BOTH, (contact_id, lead_id)
    ).fetchall():
        if other is None:
            change(member, {"ContactId": contact_id})
            continue
        places = [storage.db.execute(_PLACE, (label, member)).fetchone() or (0,) for label in (status, other_status)]
        if (places[0][0] or 0) > (places[1][0] or 0):
            change(other, {"Status": status, "HasResponded": responded, "FirstRespondedDate": first})
        remove(member)


def doubled_members(storage: Storage, column: str, loser_id: str, master_id: str) -> list[str]:
    """The memberships of a merge's loser in campaigns its master is a member of already."""
    sql = (
        f'SELECT l."Id" FROM "CampaignMember" AS l WHERE l."{column}" = ? AND l."IsDeleted" = 0 AND EXISTS (SELECT 1 '
        f'FROM "CampaignMember" AS m WHERE m."CampaignId" = l."CampaignId" AND m."{column}" = ? AND m."IsDeleted" = 0)'
    )
    return [member for (member,) in storage.db.execute(sql, (loser_id, master_id)).fetchall()]


RULES: dict[str, tuple[Rule, ...]] = {
    "Campaign": (_campaign,),
    "CampaignMember": (_member,),
    "CampaignMemberStatus": (_status,),
}
