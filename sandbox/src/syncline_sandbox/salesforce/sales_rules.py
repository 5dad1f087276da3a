"""What the platform derives when a record of a sale is saved.

Object Reference: an opportunity's stage sets its probability and forecast category unless they are given; the contact
given when it is made becomes its primary role; one role of an opportunity is primary; a task belongs to the account
of the person or the record it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .schema import SObject
from .storage import Storage

_Rule = Callable[[Storage, dict[str, Any], Mapping[str, Any] | None, str], None]
_STAGE = 'SELECT "DefaultProbability", "ForecastCategoryName" FROM "OpportunityStage" WHERE "MasterLabel" = ?'
_ACCOUNT_OF_PERSON = 'SELECT "AccountId" FROM "Contact" WHERE "Id" = ?'
_ACCOUNT_OF_SALE = 'SELECT "AccountId" FROM "Opportunity" WHERE "Id" = ?'
_ACCOUNT = 'SELECT "Id" FROM "Account" WHERE "Id" = ?'


def derive(
    storage: Storage, sobject: SObject, values: dict[str, Any], before: Mapping[str, Any] | None, stamp: str
) -> None:
    """Complete *values*, the columns about to be saved over *before*; None stands for a new record."""
    rule = _RULES.get(sobject.name)
    if rule is not None:
        rule(storage, values, before, stamp)


def _opportunity(storage: Storage, values: dict[str, Any], before: Mapping[str, Any] | None, stamp: str) -> None:
    stage = values.get("StageName")
    if stage is None or (before is not None and before["StageName"] == stage):
        return
    values["LastStageChangeDate"] = stamp
    found = storage.db.execute(_STAGE, (stage,)).fetchone()
    if found is None:
        return
    for column, value in zip(("Probability", "ForecastCategoryName"), found, strict=True):
        if values.get(column) is None:
            values[column] = value


def _task(storage: Storage, values: dict[str, Any], before: Mapping[str, Any] | None, stamp: str) -> None:
    row = {**(before or {}), **values}
    asked = ((_ACCOUNT_OF_PERSON, "WhoId"), (_ACCOUNT_OF_SALE, "WhatId"), (_ACCOUNT, "WhatId"))
    found = (storage.db.execute(sql, (row.get(column),)).fetchone() for sql, column in asked)
    values["AccountId"] = next((account[0] for account in found if account is not None and account[0]), None)
    if row.get("Status") == "Completed" and not row.get("CompletedDateTime"):
        values["CompletedDateTime"] = stamp


def _role(storage: Storage, values: dict[str, Any], before: Mapping[str, Any] | None, stamp: str) -> None:
    if values.get("IsPrimary"):
        row = {**(before or {}), **values}
        sql = (
            'UPDATE "OpportunityContactRole" SET "IsPrimary" = 0, "SystemModstamp" = ? '
            'WHERE "OpportunityId" = ? AND "IsPrimary" = 1 AND "Id" <> ?'
        )
        storage.db.execute(sql, (stamp, row["OpportunityId"], (before or {}).get("Id", "")))


_RULES: dict[str, _Rule] = {"Opportunity": _opportunity, "Task": _task, "OpportunityContactRole": _role}
