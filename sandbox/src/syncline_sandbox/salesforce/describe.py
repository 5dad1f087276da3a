"""Describe: the org's objects and fields as the caller may know them.

Lives here: the JSON of a global and an object describe, ("Describe Global", "sObject Describe", DescribeSObjectResult
in the SOAP API Developer Guide; keys as in recorded describes of v59). A field is described in `describe_fields.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from .caller import Caller
from .describe_fields import field_describe
from .reading import Reading
from .recent import Recents
from .schema import RecordTypeInfo, Schema, SObject
from .stamps import http_date, parse_http_date
from .web import Answer, Call, Route

_WITH_FEED = frozenset({"Account", "Contact", "Lead", "User", "Opportunity"})
# What only stands between two others is neither searched for nor recently used.
_BETWEEN = frozenset({"OpportunityContactRole", "CampaignMember"})
MASTER_RECORD_TYPE = "012000000000000AAA"


class DescribeResources:
    """`sobjects` and the describes below it. `changed_at` says when the schema or the rights last changed."""

    def __init__(self, schema: Schema, reading: Reading, changed_at: Callable[[], datetime], recents: Recents) -> None:
        self._schema = schema
        self._reading = reading
        self._changed_at = changed_at
        self._recents = recents

    def routes(self) -> list[Route]:
        return [
            Route("GET", "sobjects", self._global),
            Route("GET", "sobjects/{}", self._basic),
            Route("GET", "sobjects/{}/describe", self._object),
        ]

    def _global(self, call: Call) -> Answer:
        return self._unless_unchanged(call, lambda: self.global_describe(call))

    def _object(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        return self._unless_unchanged(call, lambda: self.object_describe(call, sobject))

    def _basic(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        recent = self._recents.items(call.caller, sobject)
        return Answer(body={"objectDescribe": _summary(call, sobject), "recentItems": recent})

    def _unless_unchanged(self, call: Call, describe: Callable[[], Any]) -> Answer:
        changed_at = self._changed_at().replace(microsecond=0)
        headers = (("Last-Modified", http_date(changed_at)),)
        since = parse_http_date(call.caller.headers.get("if-modified-since", ""))
        if since is not None and changed_at <= since:
            return Answer(status=304, headers=headers)
        return Answer(body=describe(), headers=headers)

    def global_describe(self, call: Call) -> dict[str, Any]:
        """The list of the objects the caller may see."""
        seen = [s for s in self._schema.sobjects() if call.caller.rights.can_read_object(s.name)]
        return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [_summary(call, sobject) for sobject in seen]}

    def object_describe(self, call: Call, sobject: SObject) -> dict[str, Any]:
        """One object with the fields the caller may see."""
        told = {
            **_summary(call, sobject),
            "actionOverrides": [],
            "childRelationships": self._children(call.caller, sobject),
            "compactLayoutable": True,
            "defaultImplementation": None,
            "extendedBy": None,
            "extendsInterfaces": None,
            "fields": [field_describe(call.caller, sobject, f) for f in self._reading.fields(call.caller, sobject)],
            "implementedBy": None,
            "implementsInterfaces": None,
            "listviewable": None,
            "lookupLayoutable": None,
            "namedLayoutInfos": [],
            "networkScopeFieldName": None,
            "recordTypeInfos": record_types(call, sobject),
            "searchLayoutable": sobject.name not in _BETWEEN,
            "sobjectDescribeOption": "FULL",
            "supportedScopes": _scopes(sobject),
        }
        return dict(sorted(told.items()))

    def _children(self, caller: Caller, sobject: SObject) -> list[dict[str, Any]]:
        return [
            {
                "cascadeDelete": field.cascade_delete or child.name == f"{sobject.name}Share",
                "childSObject": child.name,
                "deprecatedAndHidden": False,
                "field": field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": field.child_relationship_name,
                "restrictedDelete": False,
            }
            for child, field in self._schema.child_references(sobject.name)
            if field.name != "MasterRecordId"
            and caller.rights.can_read_object(child.name)
            and caller.rights.can_read_field(child.name, field.name)
        ]


def _summary(call: Call, sobject: SObject) -> dict[str, Any]:
    rights = call.caller.rights
    url = f"{call.data_url}/sobjects/{sobject.name}"
    can_edit = sobject.createable and rights.allows("edit", sobject.name)
    can_delete = sobject.deletable and sobject.createable and rights.allows("delete", sobject.name)
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": sobject.createable and rights.allows("create", sobject.name),
        "custom": sobject.name.endswith("__c"),
        "customSetting": False,
        "deepCloneable": sobject.name in ("Opportunity", "Campaign"),
        "deletable": can_delete,
        "deprecatedAndHidden": False,
        "feedEnabled": sobject.name in _WITH_FEED,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "layoutable": sobject.createable,
        "mergeable": sobject.mergeable,
        "mruEnabled": sobject.createable and sobject.name not in _BETWEEN,
        "name": sobject.name,
        "queryable": sobject.queryable,
        "replicateable": sobject.replicateable,
        "retrieveable": True,
        "searchable": sobject.createable and sobject.name not in _BETWEEN,
        "triggerable": sobject.createable,
        "undeletable": can_delete and sobject.undeletable,
        "updateable": can_edit,
        "urls": _urls(url, laid_out=sobject.createable),
    }


def _urls(url: str, *, laid_out: bool) -> dict[str, str]:
    """Where more is told of an object; an object no layout shows has the first three alone."""
    plain = {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"}
    if not laid_out:
        return plain
    return {
        "compactLayouts": f"{url}/describe/compactLayouts",
        "rowTemplate": plain["rowTemplate"],
        "approvalLayouts": f"{url}/describe/approvalLayouts",
        "listviews": f"{url}/listviews",
        "describe": plain["describe"],
        "quickActions": f"{url}/quickActions",
        "layouts": f"{url}/describe/layouts",
        "sobject": url,
    }


def record_types(call: Call, sobject: SObject) -> list[dict[str, Any]]:
    """The record types of an object, and last the master, which is the default where no other is."""
    layouts = f"{call.data_url}/sobjects/{sobject.name}/describe/layouts"
    defaulted = any(info.default for info in sobject.record_types)
    master = RecordTypeInfo(id=MASTER_RECORD_TYPE, name="Master", developer_name="Master", default=not defaulted)
    return [
        {
            "active": info.active,
            "available": info.active,
            "defaultRecordTypeMapping": info.default,
            "developerName": info.developer_name,
            "master": info is master,
            "name": info.name,
            "recordTypeId": info.id,
            "urls": {"layout": f"{layouts}/{info.id}"},
        }
        for info in (*sobject.record_types, master)
    ]


def _scopes(sobject: SObject) -> list[dict[str, str]]:
    """What USING SCOPE takes ("USING SCOPE" of the SOQL and SOSL Reference)."""
    plural = sobject.label_plural.lower()
    mine = [{"label": f"My {plural}", "name": "mine"}] if sobject.field("OwnerId") is not None else []
    return [{"label": f"All {plural}", "name": "everything"}, *mine]
