"""The Custom Object Metadata API: types made, changed, approved, discarded, deleted; their fields.

Source: Marketo "Custom Objects" (Custom Object Types): writes go to a draft and answer an empty result; "Error Codes"
(616 without the entitlement, 1048). Refusals the vendor does not document have the code that says what they mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.custom_objects.definition import DATA_TYPES, Definition
from syncline_sandbox.marketo.custom_objects.fields import NAME, FieldMaker
from syncline_sandbox.marketo.custom_objects.shelf import CustomType, TypeShelf
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.objects.kind import GUID, Kind, Members, describe
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.values import iso

MAX_TYPES = 10
STATES = ("draft", "approved", "approvedWithDraft")
_TEXTS = {"displayName": "display_name", "pluralName": "plural_name", "description": "description"}
_DONE: Members = {"result": []}


class CustomObjectSchema:
    """Answers the metadata endpoints. `changed` is called with the name of a type whose live version is another."""

    def __init__(
        self,
        store: Store,
        shelf: TypeShelf,
        clock: SandboxClock,
        settings: Settings,
        changed: Callable[[str], None],
    ) -> None:
        self._shelf = shelf
        self._clock = clock
        self._settings = settings
        self._changed = changed
        self._fields = FieldMaker(store, shelf)

    # -- reads ------------------------------------------------------------------------------------------------------

    def list_types(self, call: Call) -> Members:
        self._refuse_unentitled()
        state, names = self._state(call), {name.lower() for name in call.many("names")}
        shown = [self._record(kept, state) for kept in self._shelf.all() if not names or kept.name.lower() in names]
        return {"result": [record for record in shown if record is not None]}

    def describe(self, call: Call) -> Members:
        kept = self._type(call)
        record = self._record(kept, self._state(call))
        if record is None:
            raise Refused(1013, "Object not found")
        return {"result": [record]}

    def data_types(self, _call: Call) -> Members:
        self._refuse_unentitled()
        return {"result": [*DATA_TYPES]}

    def linkable_objects(self, _call: Call) -> Members:
        self._refuse_unentitled()
        return {"result": self._fields.linkable()}

    def dependent_assets(self, call: Call) -> Members:
        """No asset here uses a custom object."""
        self._type(call)
        return _DONE

    # -- types ------------------------------------------------------------------------------------------------------

    def sync(self, call: Call) -> Members:
        self._refuse_unentitled()
        document = call.document()
        wanted = document if isinstance(document, dict) else {}
        action, name = wanted.get("action") or "createOrUpdate", str(wanted.get("apiName") or "")
        if action not in ("createOnly", "createOrUpdate", "updateOnly"):
            raise Refused(1003, f"Invalid action '{action}'")
        kept = self._shelf.find(name)
        if kept is None and action == "updateOnly":
            raise Refused(1013, "Object not found")
        if kept is not None and action == "createOnly":
            raise Refused(1017, "Object already exists")
        self._create(name, wanted) if kept is None else self._update(kept, wanted)
        return _DONE

    def _create(self, name: str, wanted: Members) -> None:
        label = str(wanted.get("displayName") or "")
        if not (name and label):
            raise Refused(1002, "Missing value for the required parameter 'displayName' or 'apiName'")
        if not NAME.match(name):
            raise Refused(1003, f"Invalid value for field 'apiName' and value '{name}'")
        types = self._shelf.all()
        if any(kept.newest.display_name.lower() == label.lower() for kept in types):
            raise Refused(1017, "Object already exists")
        if len(types) >= MAX_TYPES:
            raise Refused(1003, f"Limit of {MAX_TYPES} custom object types reached")
        draft = _with_texts(Definition(display_name=label), wanted)
        new = CustomType(
            name=name, approved=None, draft=draft, made_at=None, changed_at=None, crm_managed=False, added=0
        )
        self._shelf.put(new)

    def _update(self, kept: CustomType, wanted: Members) -> None:
        label = wanted.get("displayName")
        if kept.approved is not None and label not in (None, kept.approved.display_name):
            raise Refused(1003, "displayName of an approved type cannot be changed")
        self._shelf.put(replace(kept, draft=_with_texts(kept.newest, wanted)))

    def approve(self, call: Call) -> Members:
        kept = self._type(call)
        if kept.draft is None:
            raise Refused(1003, "Only a draft can be approved")
        if not kept.draft.dedupe:
            raise Refused(1003, "A custom object needs at least one dedupe field")
        self.publish(kept)
        return _DONE

    def publish(self, kept: CustomType) -> None:
        """Make the draft the live version."""
        now = iso(self._clock.now())
        assert kept.draft is not None
        live = {} if kept.approved is None else {field.name for field in kept.approved.fields}
        added = 0 if kept.approved is None else sum(field.name not in live for field in kept.draft.fields)
        live_type = replace(kept, approved=kept.draft, draft=None, added=kept.added + added)
        self._shelf.put(replace(live_type, made_at=kept.made_at or now, changed_at=now))
        self._changed(kept.name)

    def make(self, name: str, document: Members, *, crm_managed: bool) -> None:
        """A type that is live at once, as made on the vendor's screens or, *crm_managed*, brought by a CRM sync."""
        self._create(name, document)
        kept = self._shelf.find(name)
        assert kept is not None
        draft = self._fields.added(kept, document.get("fields") or [])
        if not draft.dedupe:
            raise Refused(1003, "A custom object needs at least one dedupe field")
        self.publish(replace(kept, draft=draft, crm_managed=crm_managed))

    def discard(self, call: Call) -> Members:
        """Drop the draft; a type that was never approved goes with it."""
        kept = self._type(call)
        if kept.draft is None:
            raise Refused(1048, "Custom Object Discard Draft Failed")
        if kept.approved is None:
            self._shelf.remove(kept.name)
        else:
            self._shelf.put(replace(kept, draft=None))
        return _DONE

    def delete(self, call: Call) -> Members:
        kept = self._type(call)
        others = [other for other in self._shelf.all() if other.name != kept.name]
        if any(field.related_object.lower() == kept.name.lower() for other in others for field in other.newest.fields):
            raise Refused(1022, "Object in use")
        self._shelf.remove(kept.name)
        self._changed(kept.name)
        return _DONE

    # -- fields -----------------------------------------------------------------------------------------------------

    def add_fields(self, call: Call) -> Members:
        kept = self._type(call)
        _, records = call.inputs()
        self._shelf.put(replace(kept, draft=self._fields.added(kept, records)))
        return _DONE

    def update_field(self, call: Call) -> Members:
        kept, document = self._type(call), call.document()
        if not isinstance(document, dict):
            raise Refused(1003, "A JSON object is expected")
        self._shelf.put(replace(kept, draft=self._fields.changed(kept, call.captured["field"], document)))
        return _DONE

    def delete_fields(self, call: Call) -> Members:
        kept = self._type(call)
        _, records = call.inputs()
        self._shelf.put(replace(kept, draft=self._fields.removed(kept, records)))
        return _DONE

    # -- what is told -----------------------------------------------------------------------------------------------

    def _refuse_unentitled(self) -> None:
        if not self._settings.custom_object_types:
            raise Refused(616, "Invalid subscription type")

    def _type(self, call: Call) -> CustomType:
        self._refuse_unentitled()
        kept = self._shelf.find(call.captured["name"])
        if kept is None:
            raise Refused(1013, "Object not found")
        if kept.crm_managed and call.method != "GET":
            raise Refused(1018, "CRM Enabled")
        return kept

    @staticmethod
    def _state(call: Call) -> str | None:
        state = call.one("state")
        if state is not None and state not in STATES:
            raise Refused(1003, f"Invalid value for 'state': '{state}'")
        return state

    def _record(self, kept: CustomType, state: str | None) -> Members | None:
        """The approved version if there is one, else the draft; with *state* the version that is asked for."""
        if state == "approvedWithDraft" and kept.state != state:
            return None
        wants_draft = state in ("draft", "approvedWithDraft") or (state is None and kept.approved is None)
        version = kept.draft if wants_draft else kept.approved
        if version is None:
            return None
        return self._told(kept, version, "draft" if wants_draft else "approved")

    def _told(self, kept: CustomType, version: Definition, which: str) -> Members:
        """A type that was never approved has no id field and no times yet (the vendor's sample)."""
        shape = describe(self._shape(kept, version))
        is_live = kept.approved is not None
        return {
            "state": kept.state,
            "version": which,
            "displayName": version.display_name,
            "pluralName": version.plural_name or None,
            "description": version.description or None,
            "apiName": kept.name,
            "showInLeadDetail": version.show_in_lead_detail,
            "idField": GUID if is_live else None,
            "createdAt": kept.made_at,
            "updatedAt": kept.changed_at,
            "dedupeFields": [*version.dedupe],
            "searchableFields": shape["searchableFields"] if is_live else [[]],
            "relationships": shape.get("relationships", []),
            "fields": shape["fields"],
        }

    def _shape(self, kept: CustomType, version: Definition) -> Kind:
        return self._shelf.kind(replace(kept, approved=version))


def _with_texts(version: Definition, wanted: Members) -> Definition:
    texts: dict[str, Any] = {to: str(wanted[name]) for name, to in _TEXTS.items() if wanted.get(name) is not None}
    if "showInLeadDetail" in wanted:
        texts["show_in_lead_detail"] = wanted["showInLeadDetail"] is True
    return replace(version, **texts)
