"""The routing table of an instance: every endpoint it answers."""

from __future__ import annotations

from dataclasses import dataclass

from syncline_sandbox.marketo.activities import Activities
from syncline_sandbox.marketo.bulk.room import Bulk
from syncline_sandbox.marketo.bulk.routes import bulk_routes
from syncline_sandbox.marketo.crm_objects.account_lists import AccountLists
from syncline_sandbox.marketo.crm_objects.room import CrmObjects
from syncline_sandbox.marketo.custom_activities.adding import CustomActivities
from syncline_sandbox.marketo.custom_activities.schema import CustomActivitySchema
from syncline_sandbox.marketo.custom_objects.room import CustomObjects
from syncline_sandbox.marketo.custom_objects.schema import CustomObjectSchema
from syncline_sandbox.marketo.leads import Leads
from syncline_sandbox.marketo.lists import Lists
from syncline_sandbox.marketo.marketing import Marketing
from syncline_sandbox.marketo.marketing_routes import marketing_routes
from syncline_sandbox.marketo.object_routes import (
    account_list_routes,
    crm_routes,
    custom_activity_routes,
    custom_object_routes,
)
from syncline_sandbox.marketo.routes import (
    RO_ACTIVITY,
    RO_ASSET,
    RO_LEAD,
    RW_ANY_FIELD,
    RW_CUSTOM_FIELD,
    RW_LEAD,
    Route,
    RoutingTable,
)
from syncline_sandbox.marketo.stats import Stats
from syncline_sandbox.marketo.sync import Writes

V1 = "/rest/v1"


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """Those who answer."""

    leads: Leads
    writes: Writes
    activities: Activities
    crm: CrmObjects
    account_lists: AccountLists
    custom_activities: CustomActivities
    custom_activity_schema: CustomActivitySchema
    custom_objects: CustomObjects
    custom_object_schema: CustomObjectSchema
    bulk: Bulk
    lists: Lists
    marketing: Marketing
    stats: Stats


def routing_table(rooms: Rooms) -> RoutingTable:
    """All routes. The first that fits a path and verb answers."""
    leads, writes, activities, stats = rooms.leads, rooms.writes, rooms.activities, rooms.stats
    lists = rooms.lists
    return RoutingTable(
        (
            Route("GET", f"{V1}/leads/describe.json", RO_LEAD, leads.describe),
            Route("GET", f"{V1}/leads/describe2.json", RO_LEAD, leads.describe2),
            Route("GET", f"{V1}/leads/schema/fields.json", RW_ANY_FIELD, leads.schema_fields),
            Route("POST", f"{V1}/leads/schema/fields.json", RW_CUSTOM_FIELD, leads.create_fields),
            Route("GET", f"{V1}/leads/schema/fields/{{name}}.json", RW_ANY_FIELD, leads.schema_field),
            Route("POST", f"{V1}/leads/schema/fields/{{name}}.json", RW_ANY_FIELD, leads.update_field),
            Route("GET", f"{V1}/leads.json", RO_LEAD, leads.by_filter),
            Route("POST", f"{V1}/leads.json", RW_LEAD, writes.sync, writes=True),
            Route("DELETE", f"{V1}/leads.json", RW_LEAD, writes.delete, writes=True),
            Route("POST", f"{V1}/leads/delete.json", RW_LEAD, writes.delete, writes=True),
            Route("POST", f"{V1}/leads/{{id}}/merge.json", RW_LEAD, writes.merge, writes=True),
            Route("GET", f"{V1}/lead/{{id}}.json", RO_LEAD, leads.by_id),
            *custom_activity_routes(rooms.custom_activities, rooms.custom_activity_schema, activities.types),
            Route("GET", f"{V1}/activities/pagingtoken.json", RO_ACTIVITY, activities.paging_token),
            Route("GET", f"{V1}/activities/leadchanges.json", RO_ACTIVITY, activities.lead_changes),
            Route("GET", f"{V1}/activities/deletedleads.json", RO_ACTIVITY, activities.deleted_leads),
            Route("GET", f"{V1}/activities.json", RO_ACTIVITY, activities.activities),
            *crm_routes(rooms.crm),
            *account_list_routes(rooms.account_lists),
            *custom_object_routes(rooms.custom_objects, rooms.custom_object_schema),
            Route("GET", f"{V1}/lists.json", RO_LEAD, lists.lists),
            Route("GET", f"{V1}/lists/{{id}}.json", RO_LEAD, lists.one),
            *(
                route
                for members in (f"{V1}/lists/{{id}}/leads", f"{V1}/list/{{id}}/leads")
                for route in _listing(lists, members)
            ),
            Route("GET", f"{V1}/leads/{{id}}/listMembership.json", RO_ASSET, lists.of_lead),
            Route("GET", f"{V1}/stats/usage.json", "", stats.usage),
            Route("GET", f"{V1}/stats/usage/last7days.json", "", stats.usage_of_week),
            Route("GET", f"{V1}/stats/errors.json", "", stats.errors),
            Route("GET", f"{V1}/stats/errors/last7days.json", "", stats.errors_of_week),
            *bulk_routes(rooms.bulk),
            *marketing_routes(rooms.marketing),
        )
    )


def _listing(lists: Lists, members: str) -> tuple[Route, ...]:
    return (
        Route("GET", f"{members}.json", RO_LEAD, lists.members),
        Route("POST", f"{members}.json", RW_LEAD, lists.add, writes=True),
        Route("DELETE", f"{members}.json", RW_LEAD, lists.remove, writes=True),
        Route("GET", f"{members}/ismember.json", RW_LEAD, lists.is_member),
    )
