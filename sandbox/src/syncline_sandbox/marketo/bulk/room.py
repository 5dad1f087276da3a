"""Bulk extract and import put together: who has which rows, and who takes which. No behaviour here."""

from __future__ import annotations

import random
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.bulk.activity_source import ActivitySource
from syncline_sandbox.marketo.bulk.custom_object_import import CustomObjectImport
from syncline_sandbox.marketo.bulk.custom_object_source import CustomObjectSource
from syncline_sandbox.marketo.bulk.exports import Exports
from syncline_sandbox.marketo.bulk.fast_creates import FastCreates
from syncline_sandbox.marketo.bulk.imports import Imports, Later
from syncline_sandbox.marketo.bulk.job_fault import Failing
from syncline_sandbox.marketo.bulk.lead_import import LeadImport
from syncline_sandbox.marketo.bulk.lead_source import LeadSource
from syncline_sandbox.marketo.bulk.member_import import MemberImport
from syncline_sandbox.marketo.bulk.member_source import MemberSource
from syncline_sandbox.marketo.bulk.sources import ExportSource, ListFilters, SmartCondition
from syncline_sandbox.marketo.bulk.targets import ImportTarget
from syncline_sandbox.marketo.custom_objects.room import CustomObjects
from syncline_sandbox.marketo.leads import Leads
from syncline_sandbox.marketo.lists import Lists
from syncline_sandbox.marketo.marketing import Marketing
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.sync import Writes


class Bulk:
    """The two rooms. Made anew after a reset."""

    def __init__(
        self,
        store: Store,
        clock: SandboxClock,
        settings: Settings,
        randomness: random.Random,
        past: LeadPast,
        leads: Leads,
        lists: Lists,
        writes: Writes,
        custom: CustomObjects,
        marketing: Marketing,
        fast: FastCreates,
        later: Later,
        failing: Failing,
    ) -> None:
        filters = ListFilters(store, settings, _smart_condition(marketing))
        sources: dict[str, ExportSource] = {
            "leads": LeadSource(store, past, settings, filters),
            "activities": ActivitySource(store, clock, settings),
            "program": MemberSource(store, settings, marketing.programs, marketing.member_fields),
            "customobjects": CustomObjectSource(store, settings, custom, filters),
        }
        people = LeadImport(store, writes, leads, lists, fast, settings)
        targets: dict[str, ImportTarget] = {
            "leads": people,
            "program": MemberImport(people, marketing.programs, marketing.members),
            "customobjects": CustomObjectImport(custom),
        }
        self.exports = Exports(store, clock, settings, randomness, sources, failing)
        self.imports = Imports(store, clock, settings, later, targets, failing)


def _smart_condition(marketing: Marketing) -> SmartCondition:
    """The people of a smart list at the time of asking."""

    def condition(column: str, value: Any) -> tuple[str, list[Any]] | None:
        shelf = marketing.smart_lists.shelf
        rows = shelf.where(f"{column} = ? AND campaignId IS NULL", (value,))
        if not rows:
            return None
        people = marketing.smart_lists.people(orjson.loads(rows[0]["rules"]))
        return "id IN (SELECT value FROM json_each(?))", [orjson.dumps(people).decode()]

    return condition
