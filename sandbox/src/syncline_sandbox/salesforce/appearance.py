"""What the user interface would show: tabs, themes, quick actions, page and compact layouts.

Lives here: the resources clients read although an org without an interface has little to say ("Tabs", "Themes", "Quick
Actions", "sObject Layouts", "Compact Layouts" of the REST API Developer Guide). There is one layout of each object,
made of its fields; nobody can design another.
"""

from __future__ import annotations

from typing import Any

from .caller import Caller
from .describe import MASTER_RECORD_TYPE, record_types
from .errors import not_found
from .reading import Reading
from .schema import Field, Schema, SObject
from .web import Answer, Call, Route

_THEMES = ("theme3", "theme4")
_COLOR = "4BC076"


class AppearanceResources:
    """`tabs`, `theme`, `quickActions`, and the layouts below `sobjects/{type}/describe`."""

    def __init__(self, schema: Schema, reading: Reading) -> None:
        self._schema = schema
        self._reading = reading

    def routes(self) -> list[Route]:
        layouts = "sobjects/{}/describe/layouts"
        return [
            Route("GET", "tabs", self._tabs),
            Route("GET", "theme", self._theme),
            Route("GET", "quickActions", lambda _call: Answer(body=[])),
            Route("GET", "sobjects/{}/quickActions", self._no_actions),
            Route("GET", layouts, self._layouts),
            Route("GET", f"{layouts}/{{}}", self._layout),
            Route("GET", "sobjects/{}/describe/compactLayouts", self._compact),
            Route("GET", "sobjects/{}/describe/compactLayouts/primary", self._primary_compact),
            Route("GET", "sobjects/{}/describe/namedLayouts/{}", self._no_named),
            Route("GET", "sobjects/{}/describe/approvalLayouts", self._no_approvals),
            Route("GET", "sobjects/{}/listviews", self._no_list_views),
        ]

    def _shown(self, caller: Caller) -> list[SObject]:
        """The objects with a tab: those people make records of."""
        return [s for s in self._schema.sobjects() if s.createable and caller.rights.can_read_object(s.name)]

    def _tabs(self, call: Call) -> Answer:
        base = call.caller.base_url
        tabs = [
            {
                "colors": _colors(),
                "custom": sobject.name.endswith("__c"),
                "iconUrl": f"{base}/img/icon/{sobject.name.lower()}32.png",
                "icons": _icons(base, sobject),
                "label": sobject.label_plural,
                "miniIconUrl": f"{base}/img/icon/{sobject.name.lower()}16.png",
                "name": f"standard-{sobject.name}",
                "sobjectName": sobject.name,
                "url": f"{base}/{sobject.key_prefix}/o",
            }
            for sobject in self._shown(call.caller)
        ]
        return Answer(body=tabs)

    def _theme(self, call: Call) -> Answer:
        base = call.caller.base_url
        items = [{"name": s.name, "colors": _colors(), "icons": _icons(base, s)} for s in self._shown(call.caller)]
        return Answer(body={"themeItems": items})

    def _no_actions(self, call: Call) -> Answer:
        self._reading.object(call.caller, call.parts[0])
        return Answer(body=[])

    def _no_approvals(self, call: Call) -> Answer:
        self._reading.object(call.caller, call.parts[0])
        return Answer(body={"approvalLayouts": []})

    def _no_list_views(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        body = {"done": True, "listviews": [], "nextRecordsUrl": None, "size": 0, "sobjectType": sobject.name}
        return Answer(body=body)

    def _no_named(self, call: Call) -> Answer:
        self._reading.object(call.caller, call.parts[0])
        raise not_found()

    def _layouts(self, call: Call) -> Answer:
        sobject = self._laid_out(call)
        layout = self._page_layout(call.caller, sobject)
        mappings = [
            {**info, "layoutId": layout["id"], "picklistsForRecordType": None} for info in record_types(call, sobject)
        ]
        body = {"layouts": [layout], "recordTypeMappings": mappings, "recordTypeSelectorRequired": [len(mappings) > 1]}
        return Answer(body=body)

    def _layout(self, call: Call) -> Answer:
        sobject = self._laid_out(call)
        if call.parts[1][:15] not in {info["recordTypeId"][:15] for info in record_types(call, sobject)}:
            raise not_found()
        return Answer(body=self._page_layout(call.caller, sobject))

    def _laid_out(self, call: Call) -> SObject:
        sobject = self._reading.object(call.caller, call.parts[0])
        if not sobject.createable:
            raise not_found()
        return sobject

    def _page_layout(self, caller: Caller, sobject: SObject) -> dict[str, Any]:
        layout_id = _layout_id(sobject)
        shown = [f for f in self._reading.fields(caller, sobject) if f.column is not None and f.type != "id"]
        edited = [f for f in shown if f.createable or f.updateable]
        return {
            "buttonLayoutSection": None,
            "detailLayoutSections": [_section(layout_id, sobject, shown)],
            "editLayoutSections": [_section(layout_id, sobject, edited)],
            "feedView": None,
            "highlightsPanelLayoutSection": None,
            "id": layout_id,
            "multirowEditLayoutSections": [],
            "offlineLinks": [],
            "quickActionList": {"quickActionListItems": []},
            "relatedContent": None,
            "relatedLists": [],
            "saveOptions": [],
        }

    def _compact(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        mapping = {
            "available": True,
            "compactLayoutId": None,
            "compactLayoutName": "SYSTEM",
            "recordTypeId": MASTER_RECORD_TYPE,
            "recordTypeName": "Master",
            "urls": {"compactLayout": f"{call.data_url}/sobjects/{sobject.name}/describe/compactLayouts/primary"},
        }
        body = {
            "compactLayouts": [self._compact_layout(call.caller, sobject)],
            "defaultCompactLayoutId": None,
            "recordTypeCompactLayoutMappings": [mapping],
            "urls": {"primary": f"{call.data_url}/sobjects/{sobject.name}/describe/compactLayouts/primary"},
        }
        return Answer(body=body)

    def _primary_compact(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        return Answer(body=self._compact_layout(call.caller, sobject))

    def _compact_layout(self, caller: Caller, sobject: SObject) -> dict[str, Any]:
        fields = [f for f in self._reading.fields(caller, sobject) if f.name_field or f.name == "OwnerId"]
        return {
            "actions": [],
            "fieldItems": [_item(field) for field in fields],
            "id": None,
            "imageItems": [],
            "label": "System Default",
            "name": "SYSTEM",
            "objectType": sobject.name,
        }


def _section(layout_id: str, sobject: SObject, fields: list[Field]) -> dict[str, Any]:
    rows = [fields[place : place + 2] for place in range(0, len(fields), 2)]
    return {
        "collapsed": False,
        "columns": 2,
        "heading": f"{sobject.label} Information",
        "layoutRows": [{"layoutItems": [_item(field) for field in row], "numItems": len(row)} for row in rows],
        "layoutSectionId": f"01B{layout_id[3:]}",
        "parentLayoutId": layout_id,
        "rows": len(rows),
        "tabOrder": "LeftToRight",
        "useCollapsibleSection": False,
        "useHeading": True,
    }


def _item(field: Field) -> dict[str, Any]:
    component = {"displayLines": 1, "tabOrder": 0, "type": "Field", "value": field.name}
    return {
        "editableForNew": field.createable,
        "editableForUpdate": field.updateable,
        "label": field.label,
        "layoutComponents": [component],
        "placeholder": False,
        "required": field.never_null,
    }


def _layout_id(sobject: SObject) -> str:
    return f"00h000000000{sobject.key_prefix}AAA"


def _colors() -> list[dict[str, str]]:
    return [{"color": _COLOR, "context": "primary", "theme": theme} for theme in _THEMES]


def _icons(base: str, sobject: SObject) -> list[dict[str, Any]]:
    url = f"{base}/img/icon/t4v35/standard/{sobject.name.lower()}_120.png"
    return [{"contentType": "image/png", "height": 120, "theme": "theme4", "url": url, "width": 120}]
