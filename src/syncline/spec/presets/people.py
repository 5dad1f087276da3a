"""People of a Salesforce org and a Marketo instance: the default field map and the two presets over it.

Source: Marketo "Default Salesforce Field Mapping" and "List of Standard Fields" (REST names); Salesforce Object
Reference (Lead, Contact, Account). What the native sync shows in its SFDC fields is kept in custom fields of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncline.records import Side
from syncline.spec.model import (
    AT_DELETED,
    AT_ID,
    AT_TYPE,
    Blanks,
    Ceiling,
    Combine,
    Creates,
    Direction,
    Drift,
    End,
    FieldMap,
    LeavesFilter,
    OnDelete,
    Policy,
    SideSpec,
    Sync,
)
from syncline.spec.presets.people_actions import ACTIONS
from syncline.spec.presets_match import NATIVE_MATCH_RULES, RECOMMENDED_MATCH_RULES
from syncline.values import FieldType as T

LEAD, CONTACT, PERSON = "Lead", "Contact", "lead"

KEY_FIELDS: Mapping[Side, Mapping[str, str]] = {
    "a": {LEAD: "Syncline_Key__c", CONTACT: "Syncline_Key__c"},
    "b": {PERSON: "synclineKey"},
}
"""The custom fields that hold our key: unique external ids on a, a string on b."""


def _end(path: str, kind: T) -> End:
    """A field; a parent path ("Account.Name") and a pseudo field are read, never written."""
    return End(inputs=(path,), field=None if "." in path or path.startswith("@") else path, type=kind)


def _map(key: str, lead: str | None, contact: str | None, person: str, kind: T = T.TEXT, **options: Any) -> FieldMap:
    a = {name: _end(path, kind) for name, path in ((LEAD, lead), (CONTACT, contact)) if path}
    return FieldMap(key=key, a=a, b={PERSON: _end(person, kind)}, **options)


MAY_MAKE: Mapping[Side, Mapping[str, str]] = {
    "a": {"Birth_Date__c": "Birth Date", "mkto71_Lead_Score__c": "Lead Score"},
    "b": {
        "synclineSfdcId": "Syncline SFDC Id",
        "synclineSfdcType": "Syncline SFDC Type",
        "synclineSfdcIsDeleted": "Syncline SFDC Is Deleted",
        "synclineOwnerFirstName": "Syncline Sales Owner First Name",
        "synclineOwnerLastName": "Syncline Sales Owner Last Name",
        "synclineOwnerTitle": "Syncline Sales Owner Title",
        "synclineOwnerPhone": "Syncline Sales Owner Phone",
        "synclineOwnerEmail": "Syncline Sales Owner Email",
        "synclineAccountOwnerFirstName": "Syncline Account Owner First Name",
        "synclineAccountOwnerLastName": "Syncline Account Owner Last Name",
        "synclineAccountOwnerEmail": "Syncline Account Owner Email",
    },
}
"""Custom fields that `init --create-fields` makes, with their labels."""

_ADDRESS: dict[str, Any] = {"group": "address", "is_atomic": True}
_FROM_A: dict[str, Any] = {"direction": Direction.A_TO_B, "policies": {"*": Policy.A}}
_FACT = _FROM_A | {"drift": Drift.RESTORE}  # what we say of side a in fields of our own: an edit there is put right
_COMPANY = _FROM_A | {"set_on_create": True}
_REQUIRED: dict[str, Any] = {"blanks": Blanks.KEEP}

FIELDS: tuple[FieldMap, ...] = (
    _map("email", "Email", "Email", "email", T.EMAIL),
    _map("salutation", "Salutation", "Salutation", "salutation"),
    _map("first_name", "FirstName", "FirstName", "firstName"),
    _map("last_name", "LastName", "LastName", "lastName", **_REQUIRED),
    _map("title", "Title", "Title", "title"),
    _map("phone", "Phone", "Phone", "phone", T.PHONE),
    _map("mobile_phone", "MobilePhone", "MobilePhone", "mobilePhone", T.PHONE),
    _map("fax", "Fax", "Fax", "fax", T.PHONE),
    _map("street", "Street", "MailingStreet", "address", **_ADDRESS),
    _map("city", "City", "MailingCity", "city", **_ADDRESS),
    _map("state", "State", "MailingState", "state", **_ADDRESS),
    _map("postal_code", "PostalCode", "MailingPostalCode", "postalCode", **_ADDRESS),
    _map("country", "Country", "MailingCountry", "country", **_ADDRESS),
    _map("birth_date", "Birth_Date__c", "Birthdate", "dateOfBirth", T.DATE),
    _map("description", "Description", "Description", "mktoPersonNotes"),
    _map("lead_source", "LeadSource", "LeadSource", "leadSource"),
    _map("lead_status", "Status", None, "leadStatus"),
    _map("rating", "Rating", None, "rating"),
    _map(
        "email_opt_out",
        "HasOptedOutOfEmail",
        "HasOptedOutOfEmail",
        "unsubscribed",
        T.BOOLEAN,
        policies={"*": Policy.MOST_RESTRICTIVE},
        group="consent",
    ),
    _map(
        "score",
        "mkto71_Lead_Score__c",
        "mkto71_Lead_Score__c",
        "leadScore",
        T.INTEGER,
        policies={"*": Policy.B},
        on_merge=Combine.SUM,
    ),
    _map("company", "Company", "Account.Name", "company", **(_COMPANY | _REQUIRED)),
    _map("website", "Website", "Account.Website", "website", T.URL, **_COMPANY),
    _map("industry", "Industry", "Account.Industry", "industry", **_COMPANY),
    _map("annual_revenue", "AnnualRevenue", "Account.AnnualRevenue", "annualRevenue", T.NUMBER, **_COMPANY),
    _map("employees", "NumberOfEmployees", "Account.NumberOfEmployees", "numberOfEmployees", T.INTEGER, **_COMPANY),
    _map("company_phone", None, "Account.Phone", "mainPhone", T.PHONE, **_FROM_A),
    _map("company_notes", None, "Account.Description", "mktoCompanyNotes", **_FROM_A),
    _map("company_site", None, "Account.Site", "site", **_FROM_A),
    _map("company_sic", None, "Account.Sic", "sicCode", **_FROM_A),
    _map("billing_street", None, "Account.BillingStreet", "billingStreet", **_FROM_A),
    _map("billing_city", None, "Account.BillingCity", "billingCity", **_FROM_A),
    _map("billing_state", None, "Account.BillingState", "billingState", **_FROM_A),
    _map("billing_postal_code", None, "Account.BillingPostalCode", "billingPostalCode", **_FROM_A),
    _map("billing_country", None, "Account.BillingCountry", "billingCountry", **_FROM_A),
    _map("owner_first_name", "Owner.FirstName", "Owner.FirstName", "synclineOwnerFirstName", **_FROM_A),
    _map("owner_last_name", "Owner.LastName", "Owner.LastName", "synclineOwnerLastName", **_FROM_A),
    _map("owner_title", "Owner.Title", "Owner.Title", "synclineOwnerTitle", **_FROM_A),
    _map("owner_phone", "Owner.Phone", "Owner.Phone", "synclineOwnerPhone", T.PHONE, **_FROM_A),
    _map("owner_email", "Owner.Email", "Owner.Email", "synclineOwnerEmail", T.EMAIL, **_FROM_A),
    _map("account_owner_first_name", None, "Account.Owner.FirstName", "synclineAccountOwnerFirstName", **_FROM_A),
    _map("account_owner_last_name", None, "Account.Owner.LastName", "synclineAccountOwnerLastName", **_FROM_A),
    _map("account_owner_email", None, "Account.Owner.Email", "synclineAccountOwnerEmail", T.EMAIL, **_FROM_A),
    _map("sfdc_id", AT_ID, AT_ID, "synclineSfdcId", T.ID, **_FACT),
    _map("sfdc_type", AT_TYPE, AT_TYPE, "synclineSfdcType", **_FACT),
    _map("sfdc_deleted", AT_DELETED, AT_DELETED, "synclineSfdcIsDeleted", T.BOOLEAN, **_FACT),
)

NEEDED = frozenset(
    {"email", "first_name", "last_name", "company", "email_opt_out", "sfdc_id", "sfdc_type", "sfdc_deleted"}
)
"""Mappings without which a people sync is not honest; the others rest while one of their fields does not exist."""

_NO_WINNER_CHANGE = frozenset({"email_opt_out"}) | {m.key for m in FIELDS if m.direction is not Direction.BOTH}

_NATIVE_POLICY = {LEAD: Policy.B, CONTACT: Policy.A, "*": Policy.A}
"""Source: Marketo "SFDC Sync: Lead Sync" (Marketo wins) and "SFDC Sync: Contact Sync" (Salesforce wins)."""


def recommended(name: str, a: str, b: str) -> Sync:
    """Matching before creating, newest value wins, consent by the most protective value, ceilings."""
    return Sync(
        name=name,
        preset="recommended",
        a=SideSpec(
            connection=a,
            object_types=(LEAD, CONTACT),
            key_fields=KEY_FIELDS["a"],
            may_make=MAY_MAKE["a"],
            creates_as=LEAD,
            creates=Creates.MATCHED_FIRST,
        ),
        b=SideSpec(
            connection=b,
            object_types=(PERSON,),
            key_fields=KEY_FIELDS["b"],
            may_make=MAY_MAKE["b"],
            creates_as=PERSON,
        ),
        fields=tuple(_with_defaults(m, pulls_back=False) for m in FIELDS),
        match_rules=RECOMMENDED_MATCH_RULES,
        leaves_filter=LeavesFilter.STOP,
        on_delete={"a": OnDelete.FLAG, "b": OnDelete.UNLINK},
        ceilings={
            "create": Ceiling(share=0.2, plus=500),
            "blank": Ceiling(share=0.01, plus=50),
            "delete": Ceiling(share=0.005, plus=20),
        },
        optional=frozenset(m.key for m in FIELDS) - NEEDED,
        actions=ACTIONS,
    )


def native(name: str, a: str, b: str) -> Sync:
    """As the vendor's own sync behaves: no matching by e-mail, Marketo wins on leads, Salesforce on contacts."""
    base = recommended(name, a, b)
    fields = tuple(
        m if m.key in _NO_WINNER_CHANGE else replace(m, policies=_NATIVE_POLICY)
        for m in (_without_defaults(m) for m in base.fields)
    )
    return replace(
        base,
        preset="native",
        a=replace(base.a, creates=Creates.UNMATCHED),
        fields=tuple(replace(m, blanks=Blanks.CLEAR, pulls_default_back=True) for m in fields),
        match_rules=NATIVE_MATCH_RULES,
        first_link=None,
        on_delete={"a": OnDelete.FLAG, "b": OnDelete.RECREATE},
        ceilings={},
        actions=replace(ACTIONS, converts_with_opportunity=True, converts_to_new_account=True),
    )


SYNTHETIC: Mapping[str, str] = {"last_name": "[unknown]", "company": "[unknown]"}
"""What a new lead gets where Salesforce requires a value and the person has none (`recommended`)."""


def _with_defaults(mapping: FieldMap, *, pulls_back: bool) -> FieldMap:
    if mapping.key not in SYNTHETIC:
        return mapping
    return replace(mapping, defaults={"a": SYNTHETIC[mapping.key]}, pulls_default_back=pulls_back)


def _without_defaults(mapping: FieldMap) -> FieldMap:
    """The native sync has no default unless an administrator sets one (`defaults` in the file)."""
    return replace(mapping, defaults={})


PRESETS = {"recommended": recommended, "native": native}
