"""The tooling resources a sync tool needs: making custom fields and objects, and asking what there is.

Tooling API, "REST Resources": `tooling/sobjects/CustomField` and its like with POST, GET by id; `tooling/query` over
the org's description. Lives here: requests and answers. What a component is and does is in `metadata`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from .errors import OrgError, not_found
from .metadata.catalogue import Catalogue, metadata_columns
from .metadata.components import Components
from .query_runs import QueryRuns
from .reading import Reading
from .rights import UserRights
from .web import Answer, Call, Route

if TYPE_CHECKING:
    from .org import SalesforceOrg

_MADE = frozenset({"CustomField", "CustomObject"})


class ToolingResources:
    """`tooling/sobjects`, `tooling/query` and the single components below."""

    def __init__(self, org: SalesforceOrg, components: Components) -> None:
        self._components = components
        self._catalogue = Catalogue(org, components)
        # To a query the catalogue is what Reading is to those of data: where it looks.
        self._runs = QueryRuns(self._catalogue.schema, cast(Reading, self._catalogue), org.ids, org.clock)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "tooling/query", self._query),
            Route("GET", "tooling/sobjects", self._global),
            Route("POST", "tooling/sobjects/{}", self._create),
            Route("GET", "tooling/sobjects/{}/describe", self._describe),
            Route("GET", "tooling/sobjects/{}/{}", self._read),
        ]

    def _query(self, call: Call) -> Answer:
        text = call.query.get("q", "")
        if not text:
            raise OrgError("MALFORMED_QUERY", "A query string has to be specified")
        return Answer(body={**self._run(call, text), "size": None, "queryLocator": None, "entityTypeName": None})

    def _run(self, call: Call, text: str) -> dict[str, Any]:
        asked = replace(call.caller, rights=_SeenHere(call.caller.rights))
        page = self._runs.run(asked, text)
        body = page.body(f"{call.data_url}/tooling")
        if page.total > 1 and metadata_columns(page.records[0] if page.records else ()):
            text_ = (
                "When retrieving results with Metadata or FullName fields, the query qualifications must specify no "
                "more than one row for retrieval."
            )
            raise OrgError("MALFORMED_QUERY", text_)
        _address(body)
        return body

    def _create(self, call: Call) -> Answer:
        kind, body = call.parts[0], call.json_object()
        full_name, metadata = str(body.get("FullName", "")), body.get("Metadata")
        if kind not in _MADE:
            raise not_found()
        if not full_name or not isinstance(metadata, dict) or (kind == "CustomField" and "." not in full_name):
            raise OrgError("REQUIRED_FIELD_MISSING", "Required fields are missing: [FullName, Metadata]", ("FullName",))
        self._components.create(call.caller, kind, full_name, metadata)
        found = self._run(call, f"SELECT Id FROM {kind} WHERE FullName = '{full_name}'")["records"][0]["Id"]
        made = {"id": found, "success": True, "errors": [], "warnings": [], "infos": []}
        return Answer(status=201, body=made)

    def _read(self, call: Call) -> Answer:
        kind, record_id = call.parts
        sobject = self._catalogue.schema.sobject(kind)
        if sobject is None or not record_id.replace("_", "").isalnum():
            raise not_found()
        names = ", ".join(field.name for field in sobject.fields())
        records = self._run(call, f"SELECT {names} FROM {sobject.name} WHERE Id = '{record_id}'")["records"]
        if not records:
            raise not_found()
        return Answer(body=records[0])

    def _global(self, call: Call) -> Answer:
        listed = [
            {"name": one.name, "label": one.label, "keyPrefix": one.key_prefix, "queryable": True}
            | {"createable": one.name in _MADE, "urls": {"sobject": f"{call.data_url}/tooling/sobjects/{one.name}"}}
            for one in self._catalogue.schema.sobjects()
        ]
        return Answer(body={"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})

    def _describe(self, call: Call) -> Answer:
        sobject = self._catalogue.schema.sobject(call.parts[0])
        if sobject is None:
            raise not_found()
        fields = [{"name": one.name, "type": one.type, "label": one.label} for one in sobject.fields()]
        return Answer(body={"name": sobject.name, "label": sobject.label, "fields": fields})


def _address(told: Any) -> None:
    """Let every record's url say where the Tooling API has it."""
    if isinstance(told, list):
        for each in told:
            _address(each)
    elif isinstance(told, dict):
        attributes = told.get("attributes")
        if isinstance(attributes, dict) and "url" in attributes:
            attributes["url"] = attributes["url"].replace("/sobjects/", "/tooling/sobjects/", 1)
        for each in told.values():
            if isinstance(each, dict | list) and each is not attributes:
                _address(each)


class _SeenHere(UserRights):
    """The rights of a caller over the catalogue: all of it, whose rows already heed the rights of *asking*."""

    def __init__(self, asking: UserRights) -> None:
        super().__init__(user_id=asking.user_id)
        self._asking = asking

    def can_read_object(self, sobject: str) -> bool:
        """An object of the org, or one of the catalogue's own."""
        return self._asking.can_read_object(sobject)

    def can_read_field(self, sobject: str, field_name: str) -> bool:
        """A field of the org, or one of the catalogue's own."""
        return self._asking.can_read_field(sobject, field_name)
