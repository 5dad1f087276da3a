"""The standard objects around a sale: opportunities, their stages and contact roles, tasks, and queues.

Lives here: their fields in the notation of `standard.py` (Object Reference: Opportunity, OpportunityStage,
OpportunityContactRole, Task, Group, GroupMember, QueueSobject), and the SQL of those that are never stored because
others tell them. Fields of products, territories and recurring tasks are left out.
"""

from __future__ import annotations

from .archived import TASK_IS_ARCHIVED
from .common_lines import AUDIT, HEAD

OPPORTUNITY = f"""{HEAD}
reference CUN- AccountId>Account
boolean CU-D IsPrivate
string(120) CU--I Name
textarea(32000) CUN- Description
picklist(255) CU-- StageName
currency(18,2) CUN- Amount
percent(3,0) CUND Probability
currency(18,2) --N- ExpectedRevenue
double(18,2) CUN- TotalOpportunityQuantity
date CU-- CloseDate
picklist(255) CUN- Type
string(255) CUN- NextStep
picklist(255) CUN- LeadSource
boolean ---D IsClosed IsWon
picklist(40) ----R ForecastCategory
picklist(255) CUNDR ForecastCategoryName
reference CUN- CampaignId>Campaign
boolean ---D HasOpportunityLineItem
reference CU-D OwnerId>User
{AUDIT}
date --N- LastActivityDate
datetime --N- LastStageChangeDate
int(8) --N- FiscalQuarter FiscalYear
string(6) --N- Fiscal
reference C-N- ContactId>Contact
datetime --N- LastViewedDate LastReferencedDate
boolean ---D HasOpenActivity HasOverdueTask
"""

OPPORTUNITY_STAGE = f"""id ---DI Id
string(255) --N- MasterLabel ApiName
boolean ---D IsActive
int(8) --N- SortOrder
boolean ---D IsClosed IsWon
picklist(40) --N-R ForecastCategory
picklist(255) --N-R ForecastCategoryName
percent(3,0) --N- DefaultProbability
{AUDIT}
"""

OPPORTUNITY_CONTACT_ROLE = f"""{HEAD}
reference C--- OpportunityId>Opportunity
reference CU-- ContactId>Contact
picklist(40) CUN- Role
boolean CU-D IsPrimary
{AUDIT}
"""

TASK = f"""{HEAD}
reference CUN- WhoId>Contact,Lead
reference CUN- WhatId>Account,Campaign,Opportunity
combobox(255) CUN- Subject
date CUN- ActivityDate
picklist(255) CU-D Status Priority
boolean ---D IsHighPriority IsClosed IsArchived
reference CU-D OwnerId>Group,User
textarea(32000) CUN- Description
reference --N- AccountId>Account
int(8) CUN- CallDurationInSeconds
picklist(40) CUN-R CallType
string(255) CUN- CallDisposition CallObject
datetime CUN- ReminderDateTime
boolean CU-D IsReminderSet
picklist(40) C-N-R TaskSubtype
datetime --N- CompletedDateTime
{AUDIT}
"""

GROUP = f"""id ---DI Id
string(40) CU-- Name
string(80) CUN- DeveloperName
picklist(40) C-N- Type
email(255) CUN- Email
boolean CU-D DoesSendEmailToMembers DoesIncludeBosses
{AUDIT}
"""

GROUP_MEMBER = f"""id ---DI Id
reference C--- GroupId>Group
reference C--- UserOrGroupId>Group,User
{AUDIT}
"""

QUEUE_SOBJECT = f"""id ---DI Id
reference C--- QueueId>Group
picklist(40) C--- SobjectType
{AUDIT}
"""

STAGES = (
    ("Prospecting", 10, "Pipeline"),
    ("Qualification", 10, "Pipeline"),
    ("Needs Analysis", 20, "Pipeline"),
    ("Proposal/Price Quote", 75, "BestCase"),
    ("Negotiation/Review", 90, "Forecast"),
    ("Closed Won", 100, "Closed"),
    ("Closed Lost", 0, "Omitted"),
)
"""The stages of a fresh org: name, probability in percent, forecast category."""

FORECAST_CATEGORY_NAMES = {
    "Pipeline": "Pipeline",
    "BestCase": "Best Case",
    "Forecast": "Commit",
    "Closed": "Closed",
    "Omitted": "Omitted",
}

PICKLISTS = {
    "Opportunity.StageName": [name for name, _, _ in STAGES],
    "Opportunity.Type": ["Existing Customer - Upgrade", "Existing Customer - Replacement", "New Customer"],
    "ForecastCategory": list(FORECAST_CATEGORY_NAMES),
    "ForecastCategoryName": list(FORECAST_CATEGORY_NAMES.values()),
    "Role": ["Business User", "Decision Maker", "Economic Buyer", "Evaluator", "Influencer", "Other"],
    "Task.Status": ["Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred"],
    "Task.Priority": ["High", "Normal", "Low"],
    "CallType": ["Internal", "Inbound", "Outbound"],
    "TaskSubtype": ["Task", "Email", "Call", "ListEmail"],
    "Group.Type": ["Regular", "Queue"],
    "QueueSobject.SobjectType": ["Lead", "Task"],
}
DEFAULTS: dict[str, object] = {
    "Task.Status": "Not Started",
    "Task.Priority": "Normal",
    "TaskSubtype": "Task",
}


def _of_stage(column: str) -> str:
    return f'(SELECT s."{column}" FROM "OpportunityStage" AS s WHERE s."MasterLabel" = {{row}}."StageName")'


# The fiscal year of a fresh org is the calendar's.
_YEAR = 'CAST(substr({row}."CloseDate", 1, 4) AS INTEGER)'
_QUARTER = '((CAST(substr({row}."CloseDate", 6, 2) AS INTEGER) + 2) / 3)'
_OPEN_TASK = (
    'EXISTS (SELECT 1 FROM "Task" AS t WHERE t."WhatId" = {row}."Id" AND t."IsDeleted" = 0 '
    "AND coalesce(t.\"Status\", '') <> 'Completed'"
)
_COMING_EVENT = (
    'EXISTS (SELECT 1 FROM "Event" AS e WHERE e."WhatId" = {row}."Id" AND e."IsDeleted" = 0 '
    'AND e."ActivityDate" >= (SELECT sf_day(0)))'
)
COMPUTED = {
    "Opportunity.FiscalYear": _YEAR,
    "Opportunity.FiscalQuarter": _QUARTER,
    "Opportunity.Fiscal": f"({_YEAR} || ' ' || {_QUARTER})",
    "Opportunity.HasOpportunityLineItem": "0",
    "Opportunity.HasOpenActivity": f"({_OPEN_TASK}) OR {_COMING_EVENT})",
    "Opportunity.HasOverdueTask": f'{_OPEN_TASK} AND t."ActivityDate" < (SELECT sf_day(0)))',
    "Opportunity.IsClosed": f"coalesce({_of_stage('IsClosed')}, 0)",
    "Opportunity.IsWon": f"coalesce({_of_stage('IsWon')}, 0)",
    "Opportunity.ForecastCategory": _of_stage("ForecastCategory"),
    "Opportunity.ExpectedRevenue": '({row}."Amount" * {row}."Probability" / 100.0)',
    "Task.IsClosed": "coalesce({row}.\"Status\" = 'Completed', 0)",
    "Task.IsHighPriority": "coalesce({row}.\"Priority\" = 'High', 0)",
    "Task.IsArchived": TASK_IS_ARCHIVED,
}
"""`Object.Field` to the SQL that yields it: no column stores it."""

CHILD_RELATIONSHIPS = {
    ("Opportunity", "AccountId"): "Opportunities",
    ("OpportunityContactRole", "OpportunityId"): "OpportunityContactRoles",
    ("OpportunityContactRole", "ContactId"): "OpportunityContactRoles",
    ("Opportunity", "ContactId"): "Opportunities",
    ("Task", "WhoId"): "Tasks",
    ("Task", "WhatId"): "Tasks",
    ("QueueSobject", "QueueId"): "QueueSobjects",
    ("GroupMember", "GroupId"): "GroupMembers",
}
CASCADES = frozenset(
    {
        ("Opportunity", "AccountId"),
        ("OpportunityContactRole", "OpportunityId"),
        ("OpportunityContactRole", "ContactId"),
        ("Task", "WhoId"),
        ("Task", "WhatId"),
        ("QueueSobject", "QueueId"),
        ("GroupMember", "GroupId"),
    }
)
"""References whose record goes with the parent it points to."""
