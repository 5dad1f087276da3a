"""An instance whose database a native CRM sync fills: the lead fields it brings, and which ones it owns.

Source: Marketo "Leads" (crmManaged in describe2), "Get Leads by Filter Type" (sfdcAccountId and the like as filters),
"Default Salesforce Field Mapping". Nothing syncs here: a test writes what the CRM would through the control endpoint.
"""

from __future__ import annotations

from syncline_sandbox.marketo.fields import Field, FieldCatalog

CONNECTORS = ("sfdc", "dynamics")

# Standard lead fields mapped to the CRM by default.
MAPPED = frozenset(
    "salutation firstName lastName email phone mobilePhone fax title company website industry annualRevenue "
    "numberOfEmployees address city state country postalCode leadSource leadStatus rating doNotCall unsubscribed "
    "dateOfBirth department sicCode site mainPhone billingStreet billingCity billingState billingCountry "
    "billingPostalCode".split()
)
_BROUGHT = {
    "sfdc": "sfdcType sfdcId sfdcLeadId sfdcContactId sfdcAccountId sfdcLeadOwnerId sfdcOpptyId".split(),
    "dynamics": "msftType msftLeadId msftContactId".split(),
}
_FIRST_ID = 900


def brought_fields(connector: str, catalog: FieldCatalog) -> list[Field]:
    """The lead fields *connector* adds and *catalog* lacks; only the CRM writes them."""
    present = {field.name for field in catalog.all()}
    names = [name for members in _BROUGHT.values() for name in members]
    return [
        Field(
            id=_FIRST_ID + names.index(name),
            name=name,
            label=f"{name[:4].upper()} {name[4:]}",
            type="string",
            length=255,
            read_only=True,
            writable=False,
        )
        for name in _BROUGHT[connector]
        if name not in present
    ]


def is_crm_managed(connector: str, field: Field) -> bool:
    return bool(connector) and (field.name in MAPPED or field.name.startswith(("sfdc", "msft")))
