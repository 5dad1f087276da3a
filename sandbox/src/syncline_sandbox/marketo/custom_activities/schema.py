"""The Custom Activities Metadata API: types listed, described, made, changed, approved, discarded, deleted.

Source: Marketo "Activities" (Custom Activity Types); "Error Codes" (1027: ten types at most). Codes of the other
refusals are not documented: 1002, 1003, 1013, 1017 by what they mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.custom_activities import attributes
from syncline_sandbox.marketo.custom_activities.shelf import ActivityKind, Attribute, KindShelf, Version
from syncline_sandbox.marketo.custom_objects.fields import NAME
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.values import iso

MAX_TYPES = 10
_NAMES = {"name": "name", "triggerName": "trigger_name", "filterName": "filter_name"}

Members = dict[str, Any]


class CustomActivitySchema:
    """Answers the metadata endpoints."""

    def __init__(self, shelf: KindShelf, clock: SandboxClock) -> None:
        self._shelf = shelf
        self._clock = clock

    # -- reads ------------------------------------------------------------------------------------------------------

    def types(self, _call: Call) -> Members:
        return {"result": [_head(kind, kind.approved or kind.newest) for kind in self._shelf.all()]}

    def describe(self, call: Call) -> Members:
        """The approved version; the draft with `draft=true`, or when there is no other."""
        kind = self._kind(call)
        wants_draft = (call.one("draft") or "").lower() == "true"
        version = kind.draft if wants_draft else kind.approved or kind.draft
        if version is None:
            raise Refused(1013, "Object not found")
        return {"result": [_described(kind, version)]}

    def beside(self, standard: Callable[[Call], Members]) -> Callable[[Call], Members]:
        """activities/types.json: the approved types after the *standard* ones."""

        def types(call: Call) -> Members:
            own = [_activity_type(kind, kind.approved) for kind in self._shelf.all() if kind.approved is not None]
            return {"result": [*standard(call)["result"], *own]}

        return types

    # -- types ------------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> Members:
        document = call.document()
        wanted = document if isinstance(document, dict) else {}
        api_name = str(wanted.get("apiName") or "")
        missing = [name for name in ("apiName", *_NAMES, "primaryAttribute") if not wanted.get(name)]
        if missing:
            raise Refused(1002, f"Missing value for the required parameter '{missing[0]}'")
        if not NAME.match(api_name) or len(api_name) > 255:
            raise Refused(1003, f"Invalid value for field 'apiName' and value '{api_name}'")
        kinds = self._shelf.all()
        self._refuse_taken(kinds, api_name, wanted)
        if len(kinds) >= MAX_TYPES:
            raise Refused(1027, "Max Activity Type Limit Reached")
        draft = Version(
            name=str(wanted["name"]),
            trigger_name=str(wanted["triggerName"]),
            filter_name=str(wanted["filterName"]),
            primary=attributes.new_attribute(wanted["primaryAttribute"]),
            description=str(wanted.get("description") or ""),
        )
        kind = self._shelf.add(api_name, draft, iso(self._clock.now()))
        return {"result": [_described(kind, draft)]}

    def update(self, call: Call) -> Members:
        kind, document = self._kind(call), call.document()
        wanted = document if isinstance(document, dict) else {}
        self._refuse_taken([other for other in self._shelf.all() if other.id != kind.id], "", wanted)
        texts = {to: str(wanted[name]) for name, to in _NAMES.items() if wanted.get(name)}
        if wanted.get("description") is not None:
            texts["description"] = str(wanted["description"])
        draft = replace(kind.newest, **texts)  # type: ignore[arg-type]
        if "primaryAttribute" in wanted:
            draft = replace(draft, primary=attributes.new_attribute(wanted["primaryAttribute"]))
        return self._keep(kind, draft)

    def approve(self, call: Call) -> Members:
        kind = self._kind(call)
        if kind.draft is None or kind.draft.primary is None:
            raise Refused(1003, "Only a draft with a primary attribute can be approved")
        live = replace(kind, approved=kind.draft, draft=None, changed_at=iso(self._clock.now()))
        self._shelf.put(live)
        return {"result": [_described(live, live.newest)]}

    def discard(self, call: Call) -> Members:
        kind = self._kind(call)
        if kind.approved is None or kind.draft is None:
            raise Refused(1003, "There is no draft beside an approved version")
        live = replace(kind, draft=None)
        self._shelf.put(live)
        return {"result": [_described(live, live.newest)]}

    def delete(self, call: Call) -> Members:
        kind = self._kind(call)
        self._shelf.remove(kind)
        return {"result": [{**_described(kind, kind.newest), "status": "deleted"}]}

    # -- attributes -------------------------------------------------------------------------------------------------

    def add_attributes(self, call: Call) -> Members:
        return self._edit(call, attributes.added)

    def change_attributes(self, call: Call) -> Members:
        return self._edit(call, attributes.changed)

    def remove_attributes(self, call: Call) -> Members:
        return self._edit(call, attributes.removed)

    def _edit(self, call: Call, edit: Callable[[Version, list[Members]], Version]) -> Members:
        kind = self._kind(call)
        return self._keep(kind, edit(kind.newest, attributes.attributes_of(call.document())))

    def _keep(self, kind: ActivityKind, draft: Version) -> Members:
        """Store a draft. A live type somebody has activities of keeps its names and its primary attribute."""
        live = kind.approved
        if live is not None and self._shelf.is_in_use(kind):
            fixed = (draft.name, draft.trigger_name, draft.filter_name, draft.primary)
            if fixed != (live.name, live.trigger_name, live.filter_name, live.primary):
                raise Refused(1003, "Names and primary attribute of a type in use cannot be changed")
        kept = replace(kind, draft=draft, changed_at=iso(self._clock.now()))
        self._shelf.put(kept)
        return {"result": [_described(kept, draft)]}

    def _kind(self, call: Call) -> ActivityKind:
        kind = self._shelf.find(call.captured["name"])
        if kind is None:
            raise Refused(1013, "Object not found")
        return kind

    @staticmethod
    def _refuse_taken(kinds: list[ActivityKind], api_name: str, wanted: Members) -> None:
        for kind in kinds:
            same = [getattr(kind.newest, to).lower() == str(wanted.get(name)).lower() for name, to in _NAMES.items()]
            if kind.api_name.lower() == api_name.lower() or any(same):
                raise Refused(1017, "Object already exists")


def _head(kind: ActivityKind, version: Version) -> Members:
    """A draft that was never approved has no id and no times in the vendor's samples."""
    is_live = kind.approved is not None
    head: Members = {"id": kind.id} if is_live else {}
    head |= {"apiName": kind.api_name, "name": version.name}
    head |= {"description": version.description} if version.description else {}
    head |= {"triggerName": version.trigger_name, "filterName": version.filter_name}
    head |= {"createdAt": kind.made_at, "updatedAt": kind.changed_at} if is_live else {}
    return {**head, "status": kind.status}


def _described(kind: ActivityKind, version: Version) -> Members:
    primary = {} if version.primary is None else {"primaryAttribute": version.primary.told()}
    others = {"attributes": [a.told() for a in version.attributes]} if version.attributes else {}
    return {**_head(kind, version), **primary, **others}


def _activity_type(kind: ActivityKind, version: Version) -> Members:
    """An element of activities/types.json, which does not say that the type is custom but for its apiName."""

    def short(attribute: Attribute) -> Members:
        return {"apiName": attribute.api_name, "name": attribute.name, "dataType": attribute.data_type}

    primary = {} if version.primary is None else {"primaryAttribute": short(version.primary)}
    head = {"id": kind.id, "apiName": kind.api_name, "name": version.name, "description": version.description}
    return {**head, **primary, "attributes": [short(attribute) for attribute in version.attributes]}
