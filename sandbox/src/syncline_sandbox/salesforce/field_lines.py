"""From the notation of the standard objects to their fields: types, lengths, flags, picklists, compounds.

Lives here: how a line `type flags Name Name>Parent,Parent …` is read, and what the names alone tell (labels,
picklists, defaults, child relationships). The lines are in `standard.py` and `standard_sales.py`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from . import standard_access as access
from . import standard_campaigns as campaigns
from . import standard_sales as sales
from .archived import ARCHIVED
from .labels import LABELS
from .schema import LONG_TEXT_LENGTH, Field, PicklistValue, SObject

_ACCURACIES = "Address NearAddress Block Street ExtendedZip Zip Neighborhood City County State Unknown".split()
_INDUSTRIES = (
    "Agriculture|Apparel|Banking|Biotechnology|Chemicals|Communications|Construction|Consulting|Education|Electronics|"
    "Energy|Engineering|Entertainment|Environmental|Finance|Food & Beverage|Government|Healthcare|Hospitality|"
    "Insurance|Machinery|Manufacturing|Media|Not For Profit|Recreation|Retail|Shipping|Technology|Telecommunications|"
    "Transportation|Utilities|Other"
).split("|")
_SOURCES = ["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"]
_PICKLISTS = {
    "Salutation": ["Mr.", "Ms.", "Mrs.", "Dr.", "Prof."],
    "Lead.Status": ["Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted"],
    "LeadSource": _SOURCES,
    "AccountSource": _SOURCES,
    "Industry": _INDUSTRIES,
    "Rating": ["Hot", "Warm", "Cold"],
    "Ownership": ["Public", "Private", "Subsidiary", "Other"],
    "Type": ["Prospect", "Customer - Direct", "Customer - Channel", "Channel Partner / Reseller", "Other"],
    "UserType": ["Standard"],
    "TimeZoneSidKey": ["GMT", "Australia/Sydney", "Europe/Berlin", "America/Los_Angeles"],
    "LocaleSidKey": ["en_US", "en_AU", "de_DE"],
    "LanguageLocaleKey": ["en_US", "de"],
    "EmailEncodingKey": ["UTF-8", "ISO-8859-1"],
    **sales.PICKLISTS,
    **campaigns.PICKLISTS,
    **access.PICKLISTS,
}
_DEFAULTS: dict[str, object] = {
    "Lead.Status": "Open - Not Contacted",
    "IsActive": True,
    "UserType": "Standard",
    "TimeZoneSidKey": "GMT",
    "LocaleSidKey": "en_US",
    "LanguageLocaleKey": "en_US",
    "EmailEncodingKey": "UTF-8",
    "IsUnreadByOwner": True,
    **sales.DEFAULTS,
    **campaigns.DEFAULTS,
    **access.DEFAULTS,
}
_CHILD_RELATIONSHIPS = {
    ("Contact", "AccountId"): "Contacts",
    ("Account", "ParentId"): "ChildAccounts",
    ("User", "ManagerId"): "ManagedUsers",
    **sales.CHILD_RELATIONSHIPS,
    **campaigns.CHILD_RELATIONSHIPS,
    **access.CHILD_RELATIONSHIPS,
}
_CASCADES = sales.CASCADES | campaigns.CASCADES | access.CASCADES | {("Contact", "AccountId")}
# Look-ups no query can follow.
_NAMELESS = frozenset({"Opportunity.ContactId"})
_COMPUTED = sales.COMPUTED | campaigns.COMPUTED
# Told of a record, never asked for.
_HAS_ACTIVITY = frozenset({"HasOpenActivity", "HasOverdueTask"})
_PERSON_NAME_PARTS = frozenset({"FirstName", "LastName", "Salutation"})
# In the order of recorded answers: that of the alphabet.
_ADDRESS_PARTS = {
    "city": "City",
    "country": "Country",
    "geocodeAccuracy": "GeocodeAccuracy",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "postalCode": "PostalCode",
    "state": "State",
    "street": "Street",
}
_LINE = re.compile(r"(?P<type>\w+)(?:\((?P<size>\d+)(?:,(?P<scale>\d+))?\))? (?P<flags>[CUNDRI-]+) (?P<names>.+)")


def label_of(name: str, sobject: str = "") -> str:
    """The label people see: words of the camel-case name, `Id` at the end dropped to the word `ID`."""
    label = LABELS.get(f"{sobject}.{name}", LABELS.get(name))
    if label is not None:
        return label
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("__c").replace("_", " "))
    return re.sub(r" Id$", " ID", words)


def sobject_of_lines(
    name: str,
    plural: str,
    prefix: str,
    text: str,
    *,
    createable: bool = True,
    deletable: bool = True,
    undeletable: bool = True,
    mergeable: bool = False,
) -> SObject:
    """The object whose fields *text* lists, one group of like fields a line."""
    return SObject(
        name,
        label=label_of(name),
        label_plural=plural,
        key_prefix=prefix,
        fields=_fields_of(name, text),
        createable=createable,
        deletable=deletable,
        undeletable=deletable and undeletable,
        mergeable=mergeable,
        replicateable=createable,
        archived_sql=ARCHIVED.get(name),
    )


@cache
def _fields_of(sobject: str, text: str) -> tuple[Field, ...]:
    return _with_compounds(tuple(field for line in text.splitlines() if line for field in _fields(sobject, line)))


def _fields(sobject: str, line: str) -> list[Field]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"not a field line: {line!r}")
    return [_field(sobject, word, match) for word in match["names"].split()]


def _field(sobject: str, word: str, match: re.Match[str]) -> Field:
    name, _, parent = word.partition(">")
    kind, flags = match["type"], match["flags"]
    size, scale = int(match["size"] or 0), int(match["scale"] or 0)
    number = kind in ("double", "currency", "percent")
    full_name = f"{sobject}.{name}"
    computed = _COMPUTED.get(full_name)
    column = None if kind == "address" or computed is not None else name
    long_text = kind == "textarea" and size > LONG_TEXT_LENGTH
    default = _DEFAULTS.get(full_name, _DEFAULTS.get(name, False if kind == "boolean" else None))
    return Field(
        name=name,
        type=kind,
        label=label_of(name, sobject),
        column=column,
        sql=computed or f'{{row}}."{name}"',
        length=18 if kind in ("id", "reference") else 0 if number or kind == "int" else size,
        precision=size if number else 0,
        scale=scale,
        digits=size if kind == "int" else 0,
        createable="C" in flags,
        updateable="U" in flags,
        nillable="N" in flags,
        defaulted_on_create="D" in flags,
        id_lookup="I" in flags,
        unique=name == "Username",
        case_sensitive=kind in ("id", "reference"),
        restricted_picklist="R" in flags,
        picklist=_picklist(full_name, kind, default),
        reference_to=tuple(parent.split(",")) if parent else (),
        relationship_name=name.removesuffix("Id") if parent and full_name not in _NAMELESS else None,
        child_relationship_name=_CHILD_RELATIONSHIPS.get((sobject, name)),
        cascade_delete=(sobject, name) in _CASCADES,
        name_field=name == "Name",
        filterable=not long_text and name not in _HAS_ACTIVITY,
        sortable=not long_text and kind != "address" and name not in _HAS_ACTIVITY,
        groupable=not long_text and not number and kind not in ("address", "combobox", "datetime"),
        default=default,
    )


def _picklist(full_name: str, kind: str, default: object) -> tuple[PicklistValue, ...]:
    if kind != "picklist":
        return ()
    name = full_name.partition(".")[2]
    listed = _PICKLISTS.get(full_name, _PICKLISTS.get(name, []))
    values = _ACCURACIES if name.endswith("GeocodeAccuracy") else listed
    return tuple(PicklistValue(value=value, label=value, default=value == default) for value in values)


def _with_compounds(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Point components at their compound, and give each address and person name the SQL that composes it."""
    person = any(field.name == "FirstName" and field.column is not None for field in fields)
    prefixes = [field.name.removesuffix("Address") for field in fields if field.type == "address"]
    owner = {f"{prefix}{part}": f"{prefix}Address" for prefix in prefixes for part in _ADDRESS_PARTS.values()}
    if any(field.name == "Fiscal" for field in fields):
        owner |= dict.fromkeys(("FiscalYear", "FiscalQuarter"), "Fiscal")
    if person:
        owner |= dict.fromkeys(_PERSON_NAME_PARTS, "Name")
    changed: list[Field] = []
    for field in fields:
        if field.type == "address":
            field = replace(field, sql=_address_sql(field.name.removesuffix("Address")))
        elif field.name == "Name" and person:
            field = replace(field, column=None, compound_field_name=None)
        elif field.name in owner:
            field = replace(field, compound_field_name=owner[field.name])
        changed.append(field)
    return tuple(changed)


def _address_sql(prefix: str) -> str:
    parts = {key: f'{{row}}."{prefix}{part}"' for key, part in _ADDRESS_PARTS.items()}
    pairs = ", ".join(f"'{key}', {column}" for key, column in parts.items())
    return f"CASE WHEN coalesce({', '.join(parts.values())}) IS NULL THEN NULL ELSE json_object({pairs}) END"
