"""The standard objects of marketing and calendars: campaigns, their members and member statuses, events.

Lives here: their fields in the notation of `standard.py` (Object Reference: Campaign, CampaignMember,
CampaignMemberStatus, Event), and the SQL of those that are never stored because others tell them. Recurring and
group events are left out. What a save does is in `campaign_rules.py` and `event_rules.py`.
"""

from __future__ import annotations

from .archived import EVENT_IS_ARCHIVED
from .common_lines import AUDIT, HEAD

_COUNTS = (
    "NumberOfLeads",
    "NumberOfConvertedLeads",
    "NumberOfContacts",
    "NumberOfResponses",
    "NumberOfOpportunities",
    "NumberOfWonOpportunities",
)
_AMOUNTS = ("AmountAllOpportunities", "AmountWonOpportunities")
# What a hierarchy sums that is no roll-up itself.
_SUMMED = ("NumberSent", "ExpectedRevenue", "BudgetedCost", "ActualCost")

CAMPAIGN = f"""{HEAD}
string(80) CU-- Name
reference CUN- ParentId>Campaign
picklist(40) CUN- Type
picklist(40) CUND Status
date CUN- StartDate EndDate
currency(18,0) CUN- ExpectedRevenue BudgetedCost ActualCost
percent(10,2) CUN- ExpectedResponse
double(18,0) CUN- NumberSent
boolean CU-D IsActive
textarea(32000) CUN- Description
int(8) ---D {" ".join(_COUNTS)}
currency(18,0) ---D {" ".join(_AMOUNTS)}
int(8) ---D {" ".join(f"Hierarchy{name}" for name in _COUNTS)}
currency(18,0) --N- {" ".join(f"Hierarchy{name}" for name in (*_AMOUNTS, *_SUMMED[1:]))}
double(18,0) --N- HierarchyNumberSent
reference CU-D OwnerId>User
{AUDIT}
date --N- LastActivityDate
datetime --N- LastViewedDate LastReferencedDate
reference CUN- CampaignMemberRecordTypeId>RecordType
"""

CAMPAIGN_MEMBER = f"""{HEAD}
reference C--- CampaignId>Campaign
reference C-N- LeadId>Lead
reference C-N- ContactId>Contact
picklist(40) CUN- Status
boolean ---D HasResponded
date --N- FirstRespondedDate
picklist(40) --N- Salutation
string(241) --N- Name
string(40) --N- FirstName
string(80) --N- LastName
string(128) --N- Title
textarea(255) --N- Street
string(40) --N- City
string(80) --N- State
string(20) --N- PostalCode
string(80) --N- Country
email(80) --N- Email
phone(40) --N- Phone Fax MobilePhone
textarea(32000) --N- Description
boolean ---D DoNotCall HasOptedOutOfEmail HasOptedOutOfFax
picklist(255) --N- LeadSource
string(255) --N- CompanyOrAccount
picklist(40) --N- Type
reference --N- LeadOrContactId>Contact,Lead
reference --N- LeadOrContactOwnerId>Group,User
{AUDIT}
"""

CAMPAIGN_MEMBER_STATUS = f"""{HEAD}
reference C--- CampaignId>Campaign
string(765) C--- Label
int(8) CUN- SortOrder
boolean CU-D IsDefault HasResponded
{AUDIT}
"""

EVENT = f"""{HEAD}
reference CUN- WhoId>Contact,Lead
reference CUN- WhatId>Account,Campaign,Opportunity
combobox(255) CUN- Subject
string(255) CUN- Location
boolean CU-D IsAllDayEvent
datetime CUN- ActivityDateTime
date CUN- ActivityDate
int(8) CUN- DurationInMinutes
datetime CUN- StartDateTime EndDateTime
date --N- EndDate
textarea(32000) CUN- Description
reference --N- AccountId>Account
reference CU-D OwnerId>User
boolean CU-D IsPrivate
picklist(40) CUNDR ShowAs
boolean ---D IsChild IsGroupEvent IsArchived
picklist(40) --NDR GroupEventType
boolean CU-D IsReminderSet
datetime CUN- ReminderDateTime
picklist(40) C-N-R EventSubtype
{AUDIT}
"""

PICKLISTS = {
    "Campaign.Type": (
        "Conference|Webinar|Trade Show|Public Relations|Partners|Referral Program|Advertisement|Banner Ads|"
        "Direct Mail|Email|Telemarketing|Other"
    ).split("|"),
    "Campaign.Status": ["Planned", "In Progress", "Completed", "Aborted"],
    "CampaignMember.Status": ["Sent", "Responded"],
    "CampaignMember.Type": ["Contact", "Lead"],
    "ShowAs": ["Busy", "OutOfOffice", "Free"],
    "GroupEventType": ["0", "1", "2", "3"],
    "EventSubtype": ["Event"],
}
DEFAULTS: dict[str, object] = {
    "Campaign.Status": "Planned",
    "Campaign.IsActive": False,
    "ShowAs": "Busy",
    "GroupEventType": "0",
    "EventSubtype": "Event",
    **{f"Campaign.{name}": 0 for name in (*_COUNTS, *_AMOUNTS)},
}


def _of_person(contact_column: str, lead_column: str | None = None) -> str:
    """The value of the contact a member is, else of the lead."""
    of_contact = f'(SELECT p."{contact_column}" FROM "Contact" AS p WHERE p."Id" = {{row}}."ContactId")'
    of_lead = f'(SELECT p."{lead_column or contact_column}" FROM "Lead" AS p WHERE p."Id" = {{row}}."LeadId")'
    return f'CASE WHEN {{row}}."ContactId" IS NOT NULL THEN {of_contact} ELSE {of_lead} END'


def _below(expression: str) -> str:
    """A sum over a campaign and all that stand below it."""
    return (
        '(WITH RECURSIVE below(id) AS (SELECT {row}."Id" UNION SELECT c."Id" FROM "Campaign" AS c '
        'JOIN below ON c."ParentId" = below.id WHERE c."IsDeleted" = 0) '
        f'SELECT sum(c."{expression}") FROM "Campaign" AS c WHERE c."Id" IN (SELECT id FROM below))'
    )


_MIRRORED = (
    "Salutation Name FirstName LastName Title Email Phone Fax MobilePhone Description LeadSource".split(),
    "Street City State PostalCode Country".split(),
    "DoNotCall HasOptedOutOfEmail HasOptedOutOfFax".split(),
)
COMPUTED = {
    **{f"CampaignMember.{name}": _of_person(name) for name in _MIRRORED[0]},
    **{f"CampaignMember.{name}": _of_person(f"Mailing{name}", name) for name in _MIRRORED[1]},
    **{f"CampaignMember.{name}": f"coalesce({_of_person(name)}, 0)" for name in _MIRRORED[2]},
    "CampaignMember.CompanyOrAccount": (
        'CASE WHEN {row}."ContactId" IS NOT NULL THEN (SELECT a."Name" FROM "Contact" AS p JOIN "Account" AS a '
        'ON a."Id" = p."AccountId" WHERE p."Id" = {row}."ContactId") '
        'ELSE (SELECT p."Company" FROM "Lead" AS p WHERE p."Id" = {row}."LeadId") END'
    ),
    "CampaignMember.Type": "CASE WHEN {row}.\"ContactId\" IS NOT NULL THEN 'Contact' ELSE 'Lead' END",
    "CampaignMember.LeadOrContactId": 'coalesce({row}."ContactId", {row}."LeadId")',
    "CampaignMember.LeadOrContactOwnerId": _of_person("OwnerId"),
    **{f"Campaign.Hierarchy{name}": _below(name) for name in (*_COUNTS, *_AMOUNTS, *_SUMMED)},
    "Event.IsArchived": EVENT_IS_ARCHIVED,
    "Event.EndDate": 'substr({row}."EndDateTime", 1, 10)',
}
"""`Object.Field` to the SQL that yields it: no column stores it."""

CHILD_RELATIONSHIPS = {
    ("Campaign", "ParentId"): "ChildCampaigns",
    ("CampaignMember", "CampaignId"): "CampaignMembers",
    ("CampaignMember", "LeadId"): "CampaignMembers",
    ("CampaignMember", "ContactId"): "CampaignMembers",
    ("CampaignMemberStatus", "CampaignId"): "CampaignMemberStatuses",
    ("Opportunity", "CampaignId"): "Opportunities",
    ("Event", "WhoId"): "Events",
    ("Event", "WhatId"): "Events",
}
CASCADES = frozenset(
    {
        ("CampaignMember", "CampaignId"),
        ("CampaignMember", "LeadId"),
        ("CampaignMember", "ContactId"),
        ("CampaignMemberStatus", "CampaignId"),
        ("Event", "WhoId"),
        ("Event", "WhatId"),
    }
)
"""References whose record goes with the parent it points to."""

_RESPONDED = """{child}."HasResponded" = 1"""
_SOLD = 'EXISTS (SELECT 1 FROM "OpportunityStage" AS s WHERE s."MasterLabel" = {child}."StageName" AND s."IsWon" = 1)'
ROLLUPS = (
    ("NumberOfLeads", "CampaignMember", "count(*)", '{child}."LeadId" IS NOT NULL'),
    (
        "NumberOfConvertedLeads",
        "CampaignMember",
        "count(*)",
        '{child}."LeadId" IS NOT NULL AND {child}."ContactId" IS NOT NULL',
    ),
    ("NumberOfContacts", "CampaignMember", "count(*)", '{child}."LeadId" IS NULL'),
    ("NumberOfResponses", "CampaignMember", "count(*)", _RESPONDED),
    ("NumberOfOpportunities", "Opportunity", "count(*)", "1"),
    ("NumberOfWonOpportunities", "Opportunity", "count(*)", _SOLD),
    ("AmountAllOpportunities", "Opportunity", 'coalesce(sum({child}."Amount"), 0)', "1"),
    ("AmountWonOpportunities", "Opportunity", 'coalesce(sum({child}."Amount"), 0)', _SOLD),
)
"""A campaign's own roll-ups: field, the object summed over its `CampaignId`, what is summed, of which rows."""
