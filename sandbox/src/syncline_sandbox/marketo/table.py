"""The routing table of an instance: every endpoint it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncline_sandbox.marketo.activities import Activities
from syncline_sandbox.marketo.leads import Leads
from syncline_sandbox.marketo.routes import (
    RO_ACTIVITY,
    RO_ACTIVITY_METADATA,
    RO_LEAD,
    RW_CUSTOM_FIELD,
    RW_LEAD,
    Route,
    RoutingTable,
)
from syncline_sandbox.marketo.stats import Stats
from syncline_sandbox.marketo.sync import Writes

if TYPE_CHECKING:
    from syncline_sandbox.marketo.instance import MarketoInstance

V1 = "/rest/v1"


def routing_table(
    _instance: MarketoInstance, leads: Leads, writes: Writes, activities: Activities, stats: Stats
) -> RoutingTable:
    """All routes. The first that fits a path and verb answers."""
    return RoutingTable(
        (
            Route("GET", f"{V1}/leads/describe.json", RO_LEAD, leads.describe),
            Route("GET", f"{V1}/leads/describe2.json", RO_LEAD, leads.describe2),
            Route("GET", f"{V1}/leads/schema/fields.json", RW_CUSTOM_FIELD, leads.schema_fields),
            Route("POST", f"{V1}/leads/schema/fields.json", RW_CUSTOM_FIELD, leads.create_fields),
            Route("GET", f"{V1}/leads/schema/fields/{{name}}.json", RW_CUSTOM_FIELD, leads.schema_field),
            Route("POST", f"{V1}/leads/schema/fields/{{name}}.json", RW_CUSTOM_FIELD, leads.update_field),
            Route("GET", f"{V1}/leads/partitions.json", RO_LEAD, leads.partitions),
            Route("GET", f"{V1}/leads.json", RO_LEAD, leads.by_filter),
            Route("POST", f"{V1}/leads.json", RW_LEAD, writes.sync, writes=True),
            Route("DELETE", f"{V1}/leads.json", RW_LEAD, writes.delete, writes=True),
            Route("POST", f"{V1}/leads/delete.json", RW_LEAD, writes.delete, writes=True),
            Route("GET", f"{V1}/lead/{{id}}.json", RO_LEAD, leads.by_id),
            Route("GET", f"{V1}/activities/types.json", RO_ACTIVITY_METADATA, activities.types),
            Route("GET", f"{V1}/activities/pagingtoken.json", RO_ACTIVITY, activities.paging_token),
            Route("GET", f"{V1}/activities/leadchanges.json", RO_ACTIVITY, activities.lead_changes),
            Route("GET", f"{V1}/activities/deletedleads.json", RO_ACTIVITY, activities.deleted_leads),
            Route("GET", f"{V1}/activities.json", RO_ACTIVITY, activities.activities),
            Route("GET", f"{V1}/stats/usage.json", "", stats.usage),
            Route("GET", f"{V1}/stats/usage/last7days.json", "", stats.usage_of_week),
            Route("GET", f"{V1}/stats/errors.json", "", stats.errors),
            Route("GET", f"{V1}/stats/errors/last7days.json", "", stats.errors_of_week),
        )
    )
