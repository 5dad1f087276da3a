"""The SOAP calls that describe: the org's objects, their fields, its tabs.

Lives here: from the describes of the REST API to the elements of the WSDL, which stand in the order of their names
("describeGlobal()", "describeSObject()", "describeSObjects()", "describeTabs()" of the SOAP API Developer Guide).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError

from .envelope import Raw, SoapFault, SoapRequest, elements, text, texts
from .reads import SoapReads

MAX_DESCRIBED = 100
# What the REST API says and the WSDL has no element for.
_REST_ONLY = frozenset(
    "associateEntityType associateParentEntity extendedBy extendsInterfaces listviewable lookupLayoutable "
    "sobjectDescribeOption urls".split()
)
# Elements that are nil rather than left out.
_NILLABLE = frozenset(
    "defaultImplementation implementedBy implementsInterfaces keyPrefix networkScopeFieldName recordTypeId "
    "sobjectName".split()
)


class SoapDescribes:
    """Describes over one org, each a call on the resource of the REST API that says the same."""

    def __init__(self, reads: SoapReads) -> None:
        self._reads = reads

    def everything(self, caller: Caller, _asked: SoapRequest) -> list[str]:
        body = self._reads.rest(caller, "sobjects")
        sobjects = [{**sobject, "idEnabled": True} for sobject in body["sobjects"]]
        return [f"<result>{_described({**body, 'sobjects': sobjects})}</result>"]

    def one(self, caller: Caller, asked: SoapRequest) -> list[str]:
        return [self._sobject(caller, text(asked.arguments, "sObjectType") or "")]

    def some(self, caller: Caller, asked: SoapRequest) -> list[str]:
        names = texts(asked.arguments, "sObjectType")
        if len(names) > MAX_DESCRIBED:
            raise SoapFault("EXCEEDED_MAX_TYPES_LIMIT", f"cannot describe more than {MAX_DESCRIBED} types in one call")
        return [self._sobject(caller, name) for name in names]

    def tabs(self, caller: Caller, _asked: SoapRequest) -> list[str]:
        tabs = self._reads.rest(caller, "tabs")
        app = {
            "description": "The org's one app",
            "label": "Sales",
            "logoUrl": f"{caller.base_url}/img/seasonLogos/logo.png",
            "namespace": "",
            "selected": True,
            "tabSetId": "02u000000000001AAA",
            "tabs": [Raw(f"<tabs>{_described(tab)}</tabs>") for tab in tabs],
        }
        return [f"<result>{elements(app)}</result>"]

    def _sobject(self, caller: Caller, name: str) -> str:
        try:
            body = self._reads.rest(caller, f"sobjects/{name}/describe")
        except OrgError as missing:
            raise SoapFault("INVALID_TYPE", f"sObject type '{name}' is not supported.") from missing
        record_url = f"{caller.base_url}/{{ID}}"
        urls = {
            "urlDetail": record_url,
            "urlEdit": f"{record_url}/e",
            "urlNew": f"{caller.base_url}/{body['keyPrefix']}/e",
        }
        return f"<result>{_described({**body, 'idEnabled': True, **urls})}</result>"


def _described(shape: Mapping[str, Any]) -> str:
    """The keys of a describe as elements in the order of their names; what is null is left out."""
    return "".join(
        _element(name, shape[name])
        for name in sorted(shape)
        if name not in _REST_ONLY and (shape[name] is not None or name in _NILLABLE)
    )


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, Mapping):
        return f"<{name}>{_described(value)}</{name}>"
    if name == "defaultValue" and isinstance(value, bool):
        return f'<{name} xsi:type="xsd:boolean">{str(value).lower()}</{name}>'
    return elements({name: value})
