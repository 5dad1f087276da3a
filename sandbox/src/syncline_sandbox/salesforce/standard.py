"""The standard objects of the org, as condensed from recorded describes of API v59.

Lives here: which standard fields exist, their types, lengths and flags (Object Reference: Account, Contact, Lead,
User, Organization, Profile, LeadStatus; those of a sale are in `standard_sales.py`, of marketing in
`standard_campaigns.py`, of rights and sharing in `standard_access.py`). One line a group: `type flags
Name Name>Parent,Parent …`, flags C createable, U updateable, N nillable, D defaulted on create, R restricted picklist,
I idLookup.
"""

from __future__ import annotations

from . import standard_access as access
from . import standard_campaigns as campaigns
from . import standard_sales as sales
from .common_lines import AUDIT, HEAD
from .field_lines import sobject_of_lines
from .schema import SObject

_VIEWED = "datetime --N- LastViewedDate LastReferencedDate"

_ACCOUNT = f"""{HEAD}
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
{AUDIT}
date --N- LastActivityDate
{_VIEWED}
picklist(40) CUN- AccountSource
"""

_CONTACT = f"""{HEAD}
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
{AUDIT}
date --N- LastActivityDate
datetime --N- LastCURequestDate LastCUUpdateDate
{_VIEWED}
string(255) CUN- EmailBouncedReason
datetime CUN- EmailBouncedDate
boolean ---D IsEmailBounced
url(255) --N- PhotoUrl
"""

_LEAD = f"""{HEAD}
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
{AUDIT}
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
reference CUN- UserRoleId>UserRole
datetime --N- LastLoginDate
string(512) CUN- FederationIdentifier
boolean CU-D UserPermissionsMarketingUser
{AUDIT}
{_VIEWED}
"""

_ORGANIZATION = f"""id ---DI Id
string(80) -U-- Name
string(80) --N- OrganizationType InstanceName NamespacePrefix
boolean ---D IsSandbox
int(8) --N- FiscalYearStartMonth
string(40) --N- TimeZoneSidKey DefaultLocaleSidKey LanguageLocaleKey
datetime --N- TrialExpirationDate
{AUDIT}
"""
_PROFILE = f"id ---DI Id\nstring(255) CU-- Name\n{AUDIT}"
_LEAD_STATUS = f"""id ---DI Id
string(255) --N- MasterLabel ApiName
int(8) --N- SortOrder
boolean ---D IsDefault IsConverted
{AUDIT}
"""


def standard_sobjects() -> tuple[SObject, ...]:
    """Fresh copies of the standard objects: a custom field added to one org does not show in another."""
    return (
        sobject_of_lines("Account", "Accounts", "001", _ACCOUNT, mergeable=True),
        sobject_of_lines("Contact", "Contacts", "003", _CONTACT, mergeable=True),
        sobject_of_lines("Lead", "Leads", "00Q", _LEAD, mergeable=True),
        sobject_of_lines("User", "Users", "005", _USER, deletable=False),
        sobject_of_lines("Organization", "Organizations", "00D", _ORGANIZATION, createable=False, deletable=False),
        sobject_of_lines("Profile", "Profiles", "00e", _PROFILE, createable=False, deletable=False),
        sobject_of_lines("LeadStatus", "Lead Status Values", "01J", _LEAD_STATUS, createable=False, deletable=False),
        sobject_of_lines("Opportunity", "Opportunities", "006", sales.OPPORTUNITY),
        sobject_of_lines(
            "OpportunityContactRole",
            "Opportunity Contact Role",
            "00K",
            sales.OPPORTUNITY_CONTACT_ROLE,
            undeletable=False,
        ),
        sobject_of_lines(
            "OpportunityStage", "Stages", "01J", sales.OPPORTUNITY_STAGE, createable=False, deletable=False
        ),
        sobject_of_lines("Task", "Tasks", "00T", sales.TASK),
        sobject_of_lines("Event", "Events", "00U", campaigns.EVENT),
        sobject_of_lines("Campaign", "Campaigns", "701", campaigns.CAMPAIGN),
        sobject_of_lines("CampaignMember", "Campaign Members", "00v", campaigns.CAMPAIGN_MEMBER, undeletable=False),
        sobject_of_lines(
            "CampaignMemberStatus",
            "Campaign Member Statuses",
            "01Y",
            campaigns.CAMPAIGN_MEMBER_STATUS,
            undeletable=False,
        ),
        *_access_sobjects(),
        sobject_of_lines("Group", "Groups", "00G", sales.GROUP, undeletable=False),
        sobject_of_lines("GroupMember", "Group Members", "011", sales.GROUP_MEMBER, undeletable=False),
        sobject_of_lines("QueueSobject", "Queue Objects", "03g", sales.QUEUE_SOBJECT, undeletable=False),
    )


def _access_sobjects() -> tuple[SObject, ...]:
    lines = (
        ("UserRole", "Roles", "00E", access.USER_ROLE),
        ("PermissionSet", "Permission Sets", "0PS", access.PERMISSION_SET),
        ("PermissionSetAssignment", "Permission Set Assignments", "0Pa", access.PERMISSION_SET_ASSIGNMENT),
        ("FieldPermissions", "Field Permissions", "01k", access.FIELD_PERMISSIONS),
        ("ObjectPermissions", "Object Permissions", "110", access.OBJECT_PERMISSION_FIELDS),
        ("RecordType", "Record Types", "012", access.RECORD_TYPE),
        *(
            (f"{name}Share", f"{name} Shares", prefix, access.share_lines(name, record, level))
            for name, (prefix, record, level) in access.SHARED.items()
        ),
    )
    made = tuple(
        sobject_of_lines(name, plural, prefix, text, undeletable=False) for name, plural, prefix, text in lines
    )
    for sobject in made:
        # Record types are made by the control endpoint and by metadata calls.
        sobject.createable = sobject.deletable = sobject.name != "RecordType"
    return made
