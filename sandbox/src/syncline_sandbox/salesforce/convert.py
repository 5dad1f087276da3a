"""Converting a lead into a contact, its account and, if wanted, an opportunity.

"convertLead()", LeadConvert and LeadConvertResult of the SOAP API Developer Guide; "Converting Leads" of the Apex
Developer Guide: in an existing account or contact only empty fields are filled, except LeadSource on request; a
converted lead is read-only. There is no REST resource for it. Which field becomes which is in `lead_mapping.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from .caller import Caller
from .campaign_rules import convert_members
from .dml import Dml
from .errors import OrgError
from .ids import full_id
from .lead_mapping import LeadMapping
from .rights import UserRights
from .schema import Schema, SObject
from .stamps import moment_of
from .storage import Storage

MAX_CONVERTS = 100
_OPEN = {"Task": "r.\"Status\" IS NOT 'Completed'", "Event": 'r."EndDateTime" >= sf_now()'}
_FIRST_STAGE = 'SELECT "MasterLabel" FROM "OpportunityStage" WHERE "IsActive" = 1 ORDER BY "SortOrder" LIMIT 1'


@dataclass(frozen=True, kw_only=True)
class LeadConvert:
    """One conversion as asked for; ids as the client wrote them, None or empty where not given."""

    lead_id: str
    converted_status: str | None = None
    account_id: str | None = None
    contact_id: str | None = None
    opportunity_id: str | None = None
    opportunity_name: str | None = None
    owner_id: str | None = None
    do_not_create_opportunity: bool = False
    overwrite_lead_source: bool = False
    bypass_account_dedupe_check: bool = False
    bypass_contact_dedupe_check: bool = False


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What a lead became."""

    lead_id: str
    account_id: str
    contact_id: str
    opportunity_id: str | None


class LeadConversion:
    """Converts leads, each in the caller's savepoint."""

    def __init__(self, schema: Schema, storage: Storage, dml: Dml) -> None:
        self._schema = schema
        self._storage = storage
        self._dml = dml
        self.mapping = LeadMapping(schema)

    def convert(self, caller: Caller, wanted: LeadConvert) -> Converted:
        """Convert one lead.

        Raises:
            OrgError: a rule of the conversion is broken; the caller rolls back.
        """
        if "ConvertLeads" not in caller.rights.permissions:
            raise OrgError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
        lead = self._dml.existing(caller, self._sobject("Lead"), wanted.lead_id, "edit")
        if lead["IsConverted"]:
            raise OrgError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        self._check_status(wanted.converted_status)
        _check_targets(wanted)
        owner_id = self._owner(wanted, lead)
        # Converted first: a lead on its way out is no duplicate of the contact it becomes.
        lead_id = str(lead["Id"])
        self._change(caller, "Lead", lead_id, {"IsConverted": 1, "Status": wanted.converted_status})
        account_id = self._account(caller, wanted, lead, owner_id)
        contact_id = self._contact(caller, wanted, lead, owner_id, account_id)
        opportunity_id = self._opportunity(caller, wanted, lead, owner_id, account_id, contact_id)
        for activity in ("Task", "Event"):
            self._move_open(activity, caller, lead_id, contact_id, opportunity_id or account_id, account_id)
        convert_members(
            self._storage,
            lead_id,
            contact_id,
            lambda member, values: self._change(caller, "CampaignMember", member, values),
            lambda member: self._dml.bin.put(self._sobject("CampaignMember"), member),
        )
        became = {
            "ConvertedDate": self._dml.stamp()[:10],
            "ConvertedAccountId": account_id,
            "ConvertedContactId": contact_id,
            "ConvertedOpportunityId": opportunity_id,
            "IsUnreadByOwner": 0,
        }
        self._change(caller, "Lead", lead_id, became)
        return Converted(lead_id=lead_id, account_id=account_id, contact_id=contact_id, opportunity_id=opportunity_id)

    def _check_status(self, status: str | None) -> None:
        sql = 'SELECT 1 FROM "LeadStatus" WHERE "ApiName" = ? AND "IsConverted" = 1'
        if self._storage.db.execute(sql, (status,)).fetchone() is None:
            raise OrgError("INVALID_STATUS", f"invalid convertedStatus: {status or ''}", ("ConvertedStatus",))

    def _owner(self, wanted: LeadConvert, lead: Mapping[str, Any]) -> str:
        owner_id = full_id(wanted.owner_id) if wanted.owner_id else lead["OwnerId"]
        row = self._storage.row(self._sobject("User"), owner_id or "")
        if row is None:
            text = (
                "Converted objects can only be owned by users. If the lead is not owned by a user, you must specify a "
                "user for the Owner field."
            )
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", text, ("OwnerId",))
        return str(row["Id"])

    def _account(self, caller: Caller, wanted: LeadConvert, lead: Mapping[str, Any], owner_id: str) -> str:
        values = self.mapping.values("Account", lead)
        if wanted.account_id:
            return self._fill(caller, "Account", wanted.account_id, values)
        bypass = wanted.bypass_account_dedupe_check
        return self._create(caller, "Account", {**values, "OwnerId": owner_id}, bypass=bypass)

    def _contact(
        self, caller: Caller, wanted: LeadConvert, lead: Mapping[str, Any], owner_id: str, account_id: str
    ) -> str:
        values = self.mapping.values("Contact", lead)
        if not wanted.contact_id:
            made = {**values, "AccountId": account_id, "OwnerId": owner_id}
            return self._create(caller, "Contact", made, bypass=wanted.bypass_contact_dedupe_check)
        row = self._dml.existing(caller, self._sobject("Contact"), wanted.contact_id, "edit")
        if row["AccountId"] != account_id:
            text = f"contact ID {row['Id']} is not a contact of account ID {account_id}"
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", text, ("ContactId",))
        always = {"LeadSource"} if wanted.overwrite_lead_source else set()
        return self._fill(caller, "Contact", wanted.contact_id, values, always)

    def _opportunity(
        self,
        caller: Caller,
        wanted: LeadConvert,
        lead: Mapping[str, Any],
        owner_id: str,
        account_id: str,
        contact_id: str,
    ) -> str | None:
        if wanted.do_not_create_opportunity:
            return None
        values = self.mapping.values("Opportunity", lead)
        if wanted.opportunity_id:
            return self._fill(caller, "Opportunity", wanted.opportunity_id, values)
        values |= {
            "Name": wanted.opportunity_name or lead["Company"],
            "AccountId": account_id,
            "ContactId": contact_id,
            "OwnerId": owner_id,
            "StageName": self._storage.db.execute(_FIRST_STAGE).fetchone()[0],
            "CloseDate": _end_of_quarter(moment_of(self._dml.stamp()).date()).isoformat(),
        }
        return self._create(caller, "Opportunity", values)

    def _create(self, caller: Caller, name: str, values: Mapping[str, Any], *, bypass: bool = False) -> str:
        if not caller.rights.allows("create", name):
            raise OrgError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
        return self._dml.create(_converting(caller, bypass=bypass), self._sobject(name), values)

    def _fill(
        self, caller: Caller, name: str, record_id: str, values: Mapping[str, Any], always: set[str] | None = None
    ) -> str:
        """Give an existing record the values it has none of, and those it shall have in any case."""
        sobject = self._sobject(name)
        row = self._dml.existing(caller, sobject, record_id, "edit")
        missing = {key: value for key, value in values.items() if row.get(key) is None or key in (always or ())}
        if missing:
            self._dml.update(_converting(caller), sobject, row["Id"], missing)
        return str(row["Id"])

    def _move_open(
        self, activity: str, caller: Caller, lead_id: str, contact_id: str, what_id: str, account_id: str
    ) -> None:
        """Hang the lead's open tasks, and its events that have not ended, on what it became."""
        sql = (
            f'SELECT r."Id", r."WhatId" FROM "{activity}" AS r WHERE r."WhoId" = ? AND r."IsDeleted" = 0 '
            f"AND {_OPEN[activity]}"
        )
        for record_id, what in self._storage.db.execute(sql, (lead_id,)).fetchall():
            moved = {"WhoId": contact_id, "WhatId": what or what_id, "AccountId": account_id}
            self._change(caller, activity, record_id, moved)

    def _change(self, caller: Caller, name: str, record_id: str, values: Mapping[str, Any]) -> None:
        stamp = self._dml.stamp()
        audit = {"LastModifiedDate": stamp, "SystemModstamp": stamp, "LastModifiedById": caller.user_id}
        sobject = self._sobject(name)
        self._storage.update(sobject, record_id, {**values, **audit})
        self._dml.touched.append((sobject, record_id))

    def _sobject(self, name: str) -> SObject:
        sobject = self._schema.sobject(name)
        assert sobject is not None
        return sobject


def _check_targets(wanted: LeadConvert) -> None:
    if wanted.contact_id and not wanted.account_id:
        text = "One or more leads couldn't be converted. If contactId is specified, accountId must be specified too."
        raise OrgError("INVALID_FIELD", text, ("Id",))
    if wanted.do_not_create_opportunity and (wanted.opportunity_name or wanted.opportunity_id):
        text = (
            "One or more leads couldn't be converted. If doNotCreateOpportunity is true, opportunityName and "
            "opportunityId must be null."
        )
        raise OrgError("INVALID_FIELD", text, ("Id",))


def _converting(caller: Caller, *, bypass: bool = False) -> Caller:
    """The caller while the platform writes the targets: mapped fields go over whatever the user may edit."""
    headers = {**caller.headers, "sforce-auto-assign": "FALSE"}
    if bypass:
        headers["sforce-duplicate-rule-header"] = "allowSave=true"
    return replace(caller, rights=UserRights(user_id=caller.user_id), headers=headers)


def _end_of_quarter(today: date) -> date:
    first_of_next = (today.replace(day=1) + timedelta(days=31 * (3 - (today.month - 1) % 3))).replace(day=1)
    return first_of_next - timedelta(days=1)
