"""What the platform derives when a record of a sale is saved.

Object Reference: an opportunity's stage sets its probability and forecast category unless they are given; the contact
given when it is made becomes its primary role; one role of an opportunity is primary; a task belongs to the account
of the person or the record it is about.
"""

from __future__ import annotations

from typing import Any

from .campaign_rules import RULES as CAMPAIGN_RULES
from .event_rules import RULES as EVENT_RULES
from .saving import Rule, Saving

_STAGE = 'SELECT "DefaultProbability", "ForecastCategoryName" FROM "OpportunityStage" WHERE "MasterLabel" = ?'
_ACCOUNT_OF_PERSON = 'SELECT "AccountId" FROM "Contact" WHERE "Id" = ?'
_ACCOUNT_OF_SALE = 'SELECT "AccountId" FROM "Opportunity" WHERE "Id" = ?'
_ACCOUNT = 'SELECT "Id" FROM "Account" WHERE "Id" = ?'


def derive(sobject: str, saving: Saving) -> None:
    """Complete the columns about to be saved. OrgError when they contradict a rule of the object."""
    for rule in _RULES.get(sobject, ()):
        rule(saving)


def derives(sobject: str) -> bool:
    """True when `derive` may do something to records of this object."""
    return sobject in _RULES


def _opportunity(saving: Saving) -> None:
    values, before = saving.values, saving.before
    stage = values.get("StageName")
    if stage is None or (before is not None and before["StageName"] == stage):
        return
    values["LastStageChangeDate"] = saving.stamp
    found = saving.one(_STAGE, stage)
    if found is None:
        return
    for column, value in zip(("Probability", "ForecastCategoryName"), found, strict=True):
        if values.get(column) is None:
            values[column] = value


def _account_of_activity(saving: Saving) -> None:
    row = saving.row
    asked = ((_ACCOUNT_OF_PERSON, "WhoId"), (_ACCOUNT_OF_SALE, "WhatId"), (_ACCOUNT, "WhatId"))
    found = (saving.one(sql, row.get(column)) for sql, column in asked)
    saving.values["AccountId"] = next((account[0] for account in found if account is not None and account[0]), None)


def _task(saving: Saving) -> None:
    row = saving.row
    if row.get("Status") == "Completed" and not row.get("CompletedDateTime"):
        saving.values["CompletedDateTime"] = saving.stamp


def _role(saving: Saving) -> None:
    if saving.values.get("IsPrimary"):
        others = '"OpportunityId" = ? AND "IsPrimary" = 1 AND "Id" <> ?'
        sale: Any = saving.row["OpportunityId"]
        saving.change("OpportunityContactRole", {"IsPrimary": 0}, others, sale, saving.record_id)


_RULES: dict[str, tuple[Rule, ...]] = {
    "Opportunity": (_opportunity,),
    "OpportunityContactRole": (_role,),
    "Task": (_account_of_activity, _task),
    "Event": (_account_of_activity, *EVENT_RULES),
    **CAMPAIGN_RULES,
}
