"""The standard objects of the org, as condensed from recorded describes of API v59.

Lives here: which standard fields exist, their types, lengths and flags (Object Reference: Account, Contact, Lead,
User, Organization, Profile, LeadStatus; those of a sale are in `standard_sales.py`). One line a group: `type flags
Name Name>Parent,Parent …`, flags C createable, U updateable, N nillable, D defaulted on create, R restricted picklist,
I idLookup.
"""

from __future__ import annotations

import re
from dataclasses import replace

from . import standard_sales as sales
from .schema import LONG_TEXT_LENGTH, Field, PicklistValue, SObject

_AUDIT = """
datetime ---D CreatedDate
reference ---D CreatedById>User
datetime ---D LastModifiedDate
reference ---D LastModifiedById>User
datetime ---D SystemModstamp
"""
_VIEWED = "datetime --N- LastViewedDate LastReferencedDate"
_HEAD = "id ---DI Id\nboolean ---D IsDeleted\n"

_ACCOUNT = f"""{_HEAD}
reference --N- MasterRecordId>Account
string(255) CU-- Name
picklist(40) CUN- Type
reference CUN- ParentId>Account
textarea(255) CUN- BillingStreet
string(40) CUN- BillingCity
string(80) CUN- BillingState
string(20) CUN- BillingPostalCode
string(80) CUN- BillingCountry
double(18,15) CUN- BillingLatitude BillingLongitude
picklist(40) CUN-R BillingGeocodeAccuracy
address --N- BillingAddress
textarea(255) CUN- ShippingStreet
string(40) CUN- ShippingCity
string(80) CUN- ShippingState
string(20) CUN- ShippingPostalCode
string(80) CUN- ShippingCountry
double(18,15) CUN- ShippingLatitude ShippingLongitude
picklist(40) CUN-R ShippingGeocodeAccuracy
address --N- ShippingAddress
phone(40) CUN- Phone Fax
string(40) CUN- AccountNumber
url(255) CUN- Website
url(255) --N- PhotoUrl
string(20) CUN- Sic
picklist(40) CUN- Industry
currency(18,0) CUN- AnnualRevenue
int(8) CUN- NumberOfEmployees
picklist(40) CUN- Ownership
string(20) CUN- TickerSymbol
textarea(32000) CUN- Description
picklist(40) CUN- Rating
string(80) CUN- Site
reference CU-D OwnerId>User
{_AUDIT}
date --N- LastActivityDate
{_VIEWED}
picklist(40) CUN- AccountSource
"""

_CONTACT = f"""{_HEAD}
reference --N- MasterRecordId>Contact
reference CUN- AccountId>Account
string(80) CU-- LastName
string(40) CUN- FirstName
picklist(40) CUN- Salutation
string(121) ---- Name
textarea(255) CUN- OtherStreet
string(40) CUN- OtherCity
string(80) CUN- OtherState
string(20) CUN- OtherPostalCode
string(80) CUN- OtherCountry
double(18,15) CUN- OtherLatitude OtherLongitude
picklist(40) CUN-R OtherGeocodeAccuracy
address --N- OtherAddress
textarea(255) CUN- MailingStreet
string(40) CUN- MailingCity
string(80) CUN- MailingState
string(20) CUN- MailingPostalCode
string(80) CUN- MailingCountry
double(18,15) CUN- MailingLatitude MailingLongitude
picklist(40) CUN-R MailingGeocodeAccuracy
address --N- MailingAddress
phone(40) CUN- Phone Fax MobilePhone HomePhone OtherPhone AssistantPhone
reference CUN- ReportsToId>Contact
email(80) CUN-I Email
string(128) CUN- Title
string(80) CUN- Department
string(40) CUN- AssistantName
picklist(255) CUN- LeadSource
date CUN- Birthdate
textarea(32000) CUN- Description
reference CU-D OwnerId>User
boolean CU-D HasOptedOutOfEmail HasOptedOutOfFax DoNotCall
{_AUDIT}
date --N- LastActivityDate
datetime --N- LastCURequestDate LastCUUpdateDate
{_VIEWED}
string(255) CUN- EmailBouncedReason
datetime CUN- EmailBouncedDate
boolean ---D IsEmailBounced
url(255) --N- PhotoUrl
"""

_LEAD = f"""{_HEAD}
reference --N- MasterRecordId>Lead
string(80) CU-- LastName
string(40) CUN- FirstName
picklist(40) CUN- Salutation
string(121) ---- Name
string(128) CUN- Title
string(255) CU-- Company
textarea(255) CUN- Street
string(40) CUN- City
string(80) CUN- State
string(20) CUN- PostalCode
string(80) CUN- Country
double(18,15) CUN- Latitude Longitude
picklist(40) CUN-R GeocodeAccuracy
address --N- Address
phone(40) CUN- Phone MobilePhone Fax
email(80) CUN-I Email
url(255) CUN- Website
url(255) --N- PhotoUrl
textarea(32000) CUN- Description
picklist(255) CUN- LeadSource
picklist(255) CU-D Status
picklist(255) CUN- Industry Rating
currency(18,0) CUN- AnnualRevenue
int(8) CUN- NumberOfEmployees
reference CU-D OwnerId>Group,User
boolean CU-D HasOptedOutOfEmail HasOptedOutOfFax DoNotCall
boolean C--D IsConverted
date --N- ConvertedDate
reference --N- ConvertedAccountId>Account ConvertedContactId>Contact ConvertedOpportunityId>Opportunity
boolean CU-D IsUnreadByOwner
{_AUDIT}
date --N- LastActivityDate
{_VIEWED}
string(255) -UN- EmailBouncedReason
datetime -UN- EmailBouncedDate
"""

_USER = f"""id ---DI Id
string(80) CU--I Username
string(80) CU-- LastName
string(40) CUN- FirstName
string(121) ---- Name
string(80) CUN- CompanyName Division Department Title
textarea(255) CUN- Street
string(40) CUN- City
string(80) CUN- State
string(20) CUN- PostalCode
string(80) CUN- Country
email(128) CU-- Email
string(8) CU-- Alias
string(40) CUND CommunityNickname
boolean CU-D IsActive
picklist(40) CU-D TimeZoneSidKey LocaleSidKey EmailEncodingKey LanguageLocaleKey
reference CU-- ProfileId>Profile
picklist(40) --ND UserType
string(20) CUN- EmployeeNumber
phone(40) CUN- Phone Fax MobilePhone
reference CUN- ManagerId>User
datetime --N- LastLoginDate
string(512) CUN- FederationIdentifier
boolean CU-D UserPermissionsMarketingUser
{_AUDIT}
{_VIEWED}
"""

_ORGANIZATION = f"""id ---DI Id
string(80) -U-- Name
string(80) --N- OrganizationType InstanceName NamespacePrefix
boolean ---D IsSandbox
int(8) --N- FiscalYearStartMonth
string(40) --N- TimeZoneSidKey DefaultLocaleSidKey LanguageLocaleKey
datetime --N- TrialExpirationDate
{_AUDIT}
"""
_PROFILE = f"id ---DI Id\nstring(255) CU-- Name\n{_AUDIT}"
_LEAD_STATUS = f"""id ---DI Id
string(255) --N- MasterLabel ApiName
int(8) --N- SortOrder
boolean ---D IsDefault IsConverted
{_AUDIT}
"""

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
}
_LABELS = {
    "Id": "Record ID",
    "IsDeleted": "Deleted",
    "SystemModstamp": "System Modstamp",
    "HasOptedOutOfEmail": "Email Opt Out",
    "HasOptedOutOfFax": "Fax Opt Out",
    "DoNotCall": "Do Not Call",
    "Sic": "SIC Code",
    "NumberOfEmployees": "Employees",
    "PostalCode": "Zip/Postal Code",
}
_CHILD_RELATIONSHIPS = {
    ("Contact", "AccountId"): "Contacts",
    ("Account", "ParentId"): "ChildAccounts",
    ("User", "ManagerId"): "ManagedUsers",
    **sales.CHILD_RELATIONSHIPS,
}
_CASCADES = sales.CASCADES | {("Contact", "AccountId")}
_PERSON_NAME_PARTS = frozenset({"FirstName", "LastName", "Salutation"})
_ADDRESS_PARTS = {
    "street": "Street",
    "city": "City",
    "state": "State",
    "postalCode": "PostalCode",
    "country": "Country",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "geocodeAccuracy": "GeocodeAccuracy",
}
_LINE = re.compile(r"(?P<type>\w+)(?:\((?P<size>\d+)(?:,(?P<scale>\d+))?\))? (?P<flags>[CUNDRI-]+) (?P<names>.+)")


def standard_sobjects() -> tuple[SObject, ...]:
    """Fresh copies of the standard objects: a custom field added to one org does not show in another."""
    return (
        _sobject("Account", "Accounts", "001", _ACCOUNT, mergeable=True),
        _sobject("Contact", "Contacts", "003", _CONTACT, mergeable=True),
        _sobject("Lead", "Leads", "00Q", _LEAD, mergeable=True),
        _sobject("User", "Users", "005", _USER, deletable=False),
        _sobject("Organization", "Organizations", "00D", _ORGANIZATION, createable=False, deletable=False),
        _sobject("Profile", "Profiles", "00e", _PROFILE, createable=False, deletable=False),
        _sobject("LeadStatus", "Lead Status Values", "01J", _LEAD_STATUS, createable=False, deletable=False),
        _sobject("Opportunity", "Opportunities", "006", sales.OPPORTUNITY),
        _sobject("OpportunityContactRole", "Contact Roles", "00K", sales.OPPORTUNITY_CONTACT_ROLE, undeletable=False),
        _sobject("OpportunityStage", "Stages", "01J", sales.OPPORTUNITY_STAGE, createable=False, deletable=False),
        _sobject("Task", "Tasks", "00T", sales.TASK),
        _sobject("Group", "Groups", "00G", sales.GROUP, undeletable=False),
        _sobject("GroupMember", "Group Members", "011", sales.GROUP_MEMBER, undeletable=False),
        _sobject("QueueSobject", "Queue Objects", "03g", sales.QUEUE_SOBJECT, undeletable=False),
    )


def label_of(name: str) -> str:
    """The label people see: words of the camel-case name, `Id` at the end dropped to the word `ID`."""
    if name in _LABELS:
        return _LABELS[name]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("__c").replace("_", " "))
    return re.sub(r" Id$", " ID", words)


def _sobject(
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
    fields = tuple(field for line in text.splitlines() if line for field in _fields(name, line))
    return SObject(
        name,
        label=label_of(name),
        label_plural=plural,
        key_prefix=prefix,
        fields=_with_compounds(fields),
        createable=createable,
        deletable=deletable,
        undeletable=deletable and undeletable,
        mergeable=mergeable,
        replicateable=createable,
    )


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
    computed = sales.COMPUTED.get(full_name)
    column = None if kind == "address" or computed is not None else name
    long_text = kind == "textarea" and size > LONG_TEXT_LENGTH
    default = _DEFAULTS.get(full_name, _DEFAULTS.get(name, False if kind == "boolean" else None))
    return Field(
        name=name,
        type=kind,
        label=label_of(name),
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
        relationship_name=name.removesuffix("Id") if parent else None,
        child_relationship_name=_CHILD_RELATIONSHIPS.get((sobject, name)),
        cascade_delete=(sobject, name) in _CASCADES,
        name_field=name == "Name",
        filterable=not long_text,
        sortable=not long_text and kind != "address",
        groupable=not long_text and not number and kind not in ("address", "datetime"),
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
    person = any(field.name == "FirstName" for field in fields)
    prefixes = [field.name.removesuffix("Address") for field in fields if field.type == "address"]
    owner = {f"{prefix}{part}": f"{prefix}Address" for prefix in prefixes for part in _ADDRESS_PARTS.values()}
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
