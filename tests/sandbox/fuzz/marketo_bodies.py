"""What sound requests to the instance carry: bodies by path, parameters, forms. Tables only."""

from __future__ import annotations

from typing import Any

PEOPLE: list[dict[str, Any]] = [
    {"email": "a@example.com", "firstName": "Ann"},
    {"email": "b@example.com", "city": "Ulm", "unsubscribed": True},
]
_DAY = {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-02T00:00:00Z"}
_ATTRIBUTE = {"name": "Points", "apiName": "points", "dataType": "integer"}
_FIELD = {"displayName": "VIN", "name": "vin", "dataType": "string", "isDedupeField": True}
# By a piece of the path; the first that occurs in it.
BODIES: dict[str, Any] = {
    "v1/leads.json": {"action": "createOrUpdate", "lookupField": "email", "partitionName": "Default", "input": PEOPLE},
    "leads/delete": {"input": [{"id": 1}]},
    "leads/push": {
        "programName": "P", "programStatus": "Member", "lookupField": "email", "source": "s", "reason": "r",
        "input": PEOPLE,
    },
    "leads/partitions": {"input": [{"id": 1, "partitionName": "Default"}]},
    "leads/schema/fields.json": {"input": [{"displayName": "K", "name": "k", "dataType": "string"}]},
    "leads/schema/fields/": {"input": [{"displayName": "City", "isHidden": False}]},
    "submitForm": {
        "formId": 1, "programId": 1,
        "input": [{"leadFormFields": {"email": "a@example.com"}, "visitorData": {"pageURL": "https://x"}}],
    },
    "companies/delete": {"deleteBy": "dedupeFields", "input": [{"externalCompanyId": "c1"}]},
    "companies": {"action": "createOrUpdate", "dedupeBy": "dedupeFields", "input": [{"externalCompanyId": "c1"}]},
    "roles/delete": {"deleteBy": "idField", "input": [{"marketoGUID": "x"}]},
    "roles": {"input": [{"externalOpportunityId": "o1", "leadId": 1, "role": "Buyer", "isPrimary": True}]},
    "opportunities/delete": {"deleteBy": "dedupeFields", "input": [{"externalOpportunityId": "o1"}]},
    "opportunities": {"action": "createOrUpdate", "input": [{"externalOpportunityId": "o1", "amount": 1.5}]},
    "salespersons": {"input": [{"externalSalesPersonId": "s1", "email": "s@example.com"}]},
    "namedaccounts/delete": {"deleteBy": "dedupeFields", "input": [{"name": "Acme"}]},
    "namedaccounts": {"action": "createOrUpdate", "dedupeBy": "dedupeFields", "input": [{"name": "Acme"}]},
    "namedAccountLists": {"action": "createOnly", "input": [{"name": "L", "marketoGUID": "x"}]},
    "namedAccountList/": {"input": [{"marketoGUID": "x"}]},
    "customobjects/schema.json": {
        "action": "createOrUpdate", "apiName": "pet_c", "displayName": "Pet", "showInLeadDetail": True,
    },
    "addField": {"input": [_FIELD, {"name": "lead", "dataType": "link", "relatedTo": {"name": "lead"}}]},
    "deleteField": {"input": [{"name": "vin"}]},
    "updateField": {"displayName": "V", "dataType": "string"},
    "customobjects/schema": None,
    "export/create": {"format": "CSV", "fields": ["id"], "columnHeaderNames": {}, "filter": {"createdAt": _DAY}},
    "members/export": None,
    "customobjects": {"action": "createOrUpdate", "dedupeBy": "dedupeFields", "input": [{"vin": "1", "year": 3}]},
    "attributes": {"attributes": [_ATTRIBUTE]},
    "external/type": {
        "apiName": "visit_c", "name": "Visit", "triggerName": "T", "filterName": "F",
        "primaryAttribute": {"apiName": "place", "name": "Place", "dataType": "string"},
    },
    "activities/external": {
        "input": [{
            "leadId": 1, "activityDate": "2026-03-02T09:00:00Z", "activityTypeId": 100001, "primaryAttributeValue": "x",
            "attributes": [{"name": "points", "value": 3}],
        }],
    },
    "trigger": {"input": {"leads": [{"id": 1}], "tokens": [{"name": "{{my.x}}", "value": "1"}]}},
    "schedule": {"input": {"runAt": "2026-03-03T09:00:00Z", "tokens": [{"name": "{{my.x}}", "value": "1"}]}},
    "members/schema/fields.json": {"input": [{"displayName": "T", "name": "track", "dataType": "string"}]},
    "members/schema/fields/": {"input": [{"displayName": "T", "isHidden": True}]},
    "members/delete": {"input": [{"leadId": 1}]},
    "members/status": {"statusName": "Member", "input": [{"leadId": 1}, {"leadId": 2}]},
    "members.json": {"input": [{"leadId": 1, "trackName": "Warm"}]},
    "leads/programs": {"status": "Member", "input": [{"id": 1}]},
    "": {"name": "x", "input": [{"id": 1, "name": "x"}]},
}  # fmt: skip
# What an activity export needs.
ACTIVITY_EXPORT = {"format": "CSV", "filter": {"createdAt": _DAY, "activityTypeIds": [1, 12]}}
MEMBER_EXPORT = {
    "format": "TSV",
    "fields": ["leadId", "statusName"],
    "filter": {"programId": 1001, "isExhausted": False},
}
OBJECT_EXPORT = {"format": "CSV", "fields": ["vin"], "filter": {"updatedAt": _DAY}}
QUERY: dict[str, tuple[str, ...]] = {
    "filterType": ("email", "id", "createdAt", "dedupeFields", "externalCompanyId", "idField", "leadId", "name"),
    "filterValues": ("a@example.com", "1,2", "c1"),
    "fields": ("id,email", "nope"),
    "activityTypeIds": ("12,13", "1"),
    "sinceDatetime": ("2026-03-01T00:00:00Z",),
    "batchSize": ("2", "300"),
    "maxReturn": ("2",),
    "offset": ("0", "5"),
    "name": ("x",),
    "id": ("1",),
    "leadId": ("1", "2"),
    "leadIds": ("2,3",),
    "cookie": ("id:1-a",),
    "listId": ("1",),
    "programIds": ("1,2",),
    "root": ('{"id":1,"type":"Folder"}',),
    "folder": ('{"id":1,"type":"Program"}',),
    "maxDepth": ("2",),
    "tagType": ("Region",),
    "tagValue": ("EU",),
    "earliestUpdatedAt": ("2026-03-01T00:00:00Z",),
    "format": ("csv",),
    "lookupField": ("email",),
    "statusName": ("Member",),
    "reachabilityDuration": ("1",),
}
# What a query by filter can be asked with, by a piece of the path.
FILTERS: dict[str, dict[str, tuple[str, ...]]] = {
    "opportunities/roles": {"filterType": ("externalOpportunityId", "leadId", "dedupeFields"), "filterValues": ("o1",)},
    "opportunities": {"filterType": ("externalOpportunityId", "idField"), "filterValues": ("o1,o2",)},
    "companies": {"filterType": ("externalCompanyId", "company"), "filterValues": ("c1",)},
    "salespersons": {"filterType": ("externalSalesPersonId", "email"), "filterValues": ("s1",)},
    "namedaccounts": {"filterType": ("name", "idField"), "filterValues": ("Acme",), "fields": ("name,industry",)},
    "namedAccountList": {"filterType": ("dedupeFields", "idField"), "filterValues": ("L",)},
    "customobjects": {"filterType": ("vin", "leadId", "dedupeFields"), "filterValues": ("1,2",), "fields": ("vin",)},
    "members": {
        "filterType": ("leadId", "statusName", "updatedAt"),
        "filterValues": ("1,2", "Member"),
        "fields": ("leadId",),
    },
}
FORMS: tuple[dict[str, str], ...] = (
    {"name": "x{n}", "folder": '{"id":15,"type":"Folder"}', "description": "d"},
    {"name": "x{n}", "parent": '{"id":15,"type":"Folder"}', "type": "Folder"},
    {
        "name": "p{n}", "folder": '{"id":15,"type":"Folder"}', "type": "Default", "channel": "Content",
        "costs": '[{"startDate":"2026-01-01","cost":20}]', "tags": '[{"tagType":"Region","tagValue":"EU"}]',
        "costsDestructiveUpdate": "true",
    },
    {"name": "my{n}", "type": "text", "value": "v", "folderType": "Program"},
    {"tagValue": "EU", "isExecutable": "true"},
)  # fmt: skip
CSVS = (
    b"email,firstName\na@example.com,Ann\nb@example.com\n",
    b"vin,leadId\n1,1\n2,\n",
    b"leadId,email,statusName\n1,a@example.com,Member\n",
)
