"""The routes of the objects that are no leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.crm_objects.account_lists import AccountLists
from syncline_sandbox.marketo.crm_objects.room import EXTENSIBLE, CrmObjects
from syncline_sandbox.marketo.custom_activities.adding import CustomActivities
from syncline_sandbox.marketo.custom_activities.schema import CustomActivitySchema
from syncline_sandbox.marketo.custom_objects.room import CustomObjects
from syncline_sandbox.marketo.custom_objects.schema import CustomObjectSchema
from syncline_sandbox.marketo.routes import (
    RO_ACTIVITY,
    RO_ACTIVITY_METADATA,
    RO_COMPANY,
    RO_CUSTOM_OBJECT,
    RO_CUSTOM_OBJECT_TYPE,
    RO_NAMED_ACCOUNT,
    RO_NAMED_ACCOUNT_LIST,
    RO_OPPORTUNITY,
    RO_SALES_PERSON,
    RW_ACTIVITY,
    RW_ACTIVITY_METADATA,
    RW_ANY_FIELD,
    RW_CUSTOM_OBJECT,
    RW_CUSTOM_OBJECT_TYPE,
    RW_NAMED_ACCOUNT,
    RW_NAMED_ACCOUNT_LIST,
    Route,
)

V1 = "/rest/v1"
# path below /rest/v1/ → what reading it needs
CRM_OBJECTS = {
    "companies": RO_COMPANY,
    "opportunities": RO_OPPORTUNITY,
    "opportunities/roles": RO_OPPORTUNITY,
    "salespersons": RO_SALES_PERSON,
    "namedaccounts": RO_NAMED_ACCOUNT,
}


def crm_routes(crm: CrmObjects) -> Iterator[Route]:
    for path, permission in CRM_OBJECTS.items():
        base, writing = f"{V1}/{path}", permission.replace("Read-Only", "Read-Write")
        yield Route("GET", f"{base}/describe.json", permission, crm.describing(path))
        yield Route("GET", f"{base}.json", permission, crm.querying(path))
        yield Route("POST", f"{base}.json", writing, crm.syncing(path), writes=True)
        yield Route("POST", f"{base}/delete.json", writing, crm.deleting(path), writes=True)
        if path in EXTENSIBLE:
            yield Route("GET", f"{base}/schema/fields.json", RW_ANY_FIELD, crm.listing_fields(path))
            yield Route("GET", f"{base}/schema/fields/{{name}}.json", RW_ANY_FIELD, crm.showing_field(path))


def account_list_routes(lists: AccountLists) -> tuple[Route, ...]:
    members = f"{V1}/namedAccountList/{{id}}/namedAccounts"
    return (
        Route("GET", f"{V1}/namedAccountLists.json", RO_NAMED_ACCOUNT_LIST, lists.query),
        Route("POST", f"{V1}/namedAccountLists.json", RW_NAMED_ACCOUNT_LIST, lists.sync),
        Route("POST", f"{V1}/namedAccountLists/delete.json", RW_NAMED_ACCOUNT_LIST, lists.delete),
        Route("GET", f"{members}.json", RO_NAMED_ACCOUNT, lists.members),
        Route("POST", f"{members}.json", RW_NAMED_ACCOUNT, lists.add),
        Route("POST", f"{members}/remove.json", RW_NAMED_ACCOUNT, lists.remove),
    )


def custom_activity_routes(
    activities: CustomActivities, schema: CustomActivitySchema, standard_types: Callable[[Call], dict[str, Any]]
) -> tuple[Route, ...]:
    """*standard_types* answers activities/types.json for the types that are not custom."""
    base = f"{V1}/activities/external"
    one = f"{base}/type/{{name}}"
    return (
        Route("GET", f"{V1}/activities/types.json", RO_ACTIVITY, schema.beside(standard_types)),
        Route("POST", f"{base}.json", RW_ACTIVITY, activities.add, writes=True),
        Route("GET", f"{base}/types.json", RO_ACTIVITY_METADATA, schema.types),
        Route("POST", f"{base}/type.json", RW_ACTIVITY_METADATA, schema.create),
        Route("GET", f"{one}/describe.json", RO_ACTIVITY_METADATA, schema.describe),
        Route("POST", f"{one}.json", RW_ACTIVITY_METADATA, schema.update),
        Route("POST", f"{one}/approve.json", RW_ACTIVITY_METADATA, schema.approve),
        Route("POST", f"{one}/discardDraft.json", RW_ACTIVITY_METADATA, schema.discard),
        Route("POST", f"{one}/delete.json", RW_ACTIVITY_METADATA, schema.delete),
        Route("POST", f"{one}/attributes/create.json", RW_ACTIVITY_METADATA, schema.add_attributes),
        Route("POST", f"{one}/attributes/update.json", RW_ACTIVITY_METADATA, schema.change_attributes),
        Route("POST", f"{one}/attributes/delete.json", RW_ACTIVITY_METADATA, schema.remove_attributes),
    )


def custom_object_routes(objects: CustomObjects, schema: CustomObjectSchema) -> tuple[Route, ...]:
    """The schema's own paths stand before those that take any name."""
    base = f"{V1}/customobjects"
    one = f"{base}/schema/{{name}}"
    return (
        Route("GET", f"{base}.json", RO_CUSTOM_OBJECT, objects.types),
        Route("GET", f"{base}/schema.json", RO_CUSTOM_OBJECT_TYPE, schema.list_types),
        Route("POST", f"{base}/schema.json", RW_CUSTOM_OBJECT_TYPE, schema.sync),
        Route("GET", f"{base}/schema/fieldDataTypes.json", RO_CUSTOM_OBJECT_TYPE, schema.data_types),
        Route("GET", f"{base}/schema/linkableObjects.json", RO_CUSTOM_OBJECT_TYPE, schema.linkable_objects),
        Route("GET", f"{one}/describe.json", RO_CUSTOM_OBJECT_TYPE, schema.describe),
        Route("GET", f"{one}/dependentAssets.json", RO_CUSTOM_OBJECT_TYPE, schema.dependent_assets),
        Route("POST", f"{one}/approve.json", RW_CUSTOM_OBJECT_TYPE, schema.approve),
        Route("POST", f"{one}/discardDraft.json", RW_CUSTOM_OBJECT_TYPE, schema.discard),
        Route("POST", f"{one}/delete.json", RW_CUSTOM_OBJECT_TYPE, schema.delete),
        Route("POST", f"{one}/addField.json", RW_CUSTOM_OBJECT_TYPE, schema.add_fields),
        Route("POST", f"{one}/deleteField.json", RW_CUSTOM_OBJECT_TYPE, schema.delete_fields),
        Route("POST", f"{one}/{{field}}/updateField.json", RW_CUSTOM_OBJECT_TYPE, schema.update_field),
        Route("GET", f"{base}/{{name}}/describe.json", RO_CUSTOM_OBJECT, objects.describe),
        Route("GET", f"{base}/{{name}}.json", RO_CUSTOM_OBJECT, objects.query),
        Route("POST", f"{base}/{{name}}.json", RW_CUSTOM_OBJECT, objects.sync, writes=True),
        Route("POST", f"{base}/{{name}}/delete.json", RW_CUSTOM_OBJECT, objects.delete, writes=True),
    )
