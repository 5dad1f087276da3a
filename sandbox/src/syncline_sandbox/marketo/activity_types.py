"""The activity types of an instance as a table: number, name, primary attribute, attributes. Data only.

Source: Marketo "Activities" and "Activity Types"; names and attributes as live rows showed them. An attribute is a
string unless a data type follows its colon; ids are integers, as in the sample of Fill Out Form. `TOLD_TYPES` are what
a native CRM sync, a visitor or a mail logs: none is here, so a test adds such rows through the control endpoint.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from syncline_sandbox.marketo import engagement_types

NEW_LEAD = 12
CHANGE_DATA_VALUE = 13
CHANGE_SCORE = 22
ADD_TO_LIST = 24
REMOVE_FROM_LIST = 25
MERGE_LEADS = 32
DELETE_LEAD = 37
FILL_OUT_FORM = 2
SEND_EMAIL = 6
EMAIL_DELIVERED = 7
INTERESTING_MOMENT = 46
REQUEST_CAMPAIGN = 47
CHANGE_LEAD_PARTITION = 100
CHANGE_STATUS_IN_PROGRESSION = 104
CALL_WEBHOOK = 110
CHANGE_PROGRAM_MEMBER_DATA = 123
PUSH_LEAD = 145

_BY = "API Method Name|Modifying User|Request Id"
_TASK = "Activity Owner|Description|Due Date:date|Is Task:boolean|Priority|Status"


class ActivityType(NamedTuple):
    """`primary` is None for types that live instances list without one, else written like an attribute."""

    name: str
    description: str
    primary: str | None
    attributes: str = ""

    def attribute_types(self) -> dict[str, str]:
        """Attribute name → data type, in order."""
        return _types(self.attributes)


def _types(text: str) -> dict[str, str]:
    parts = (part.partition(":") for part in text.split("|") if part)
    return {name: kind or "string" for name, _, kind in parts}


_VISITOR = "Client IP Address|Form Fields:text|Query Parameters|Referrer URL|User Agent|Webpage ID:integer"
_DEVICE = "Device|Is Mobile Device:boolean|Platform|User Agent"
_RUN = "Campaign Run ID:integer|Choice Number:integer|Step ID:integer"

_OWN_AND_CRM: dict[int, ActivityType] = {
    FILL_OUT_FORM: ActivityType(
        "Fill Out Form", "Person/record fills out and submits a form", "Webform ID:integer", _VISITOR
    ),
    SEND_EMAIL: ActivityType("Send Email", "Send Marketo Email to a person/record", "Mailing ID:integer", _RUN),
    EMAIL_DELIVERED: ActivityType(
        "Email Delivered", "Marketo Email is delivered to a person/record/contact", "Mailing ID:integer", _RUN
    ),
    NEW_LEAD: ActivityType(
        "New Lead",
        "New person/record is added to the lead database",
        None,
        f"Created Date:date|Source Type|Lead Source|Form Name|List Name|SFDC Type|{_BY}",
    ),
    CHANGE_DATA_VALUE: ActivityType(
        "Change Data Value",
        "Changed attribute value for a person/record",
        "Attribute Name",
        f"New Value|Old Value|Reason|Source|{_BY}",
    ),
    19: ActivityType("Sync Lead to SFDC", "Sync person/record to Salesforce", "Lead ID:integer"),
    21: ActivityType(
        "Convert Lead",
        "Convert a lead to a contact in Salesforce",
        "Lead ID:integer",
        "Assign To|Converted Status|Is Sent Notification Email:boolean",
    ),
    CHANGE_SCORE: ActivityType(
        "Change Score",
        "Modify the value of a score field",
        "Score Name",
        "Change Value|New Value|Old Value|Reason|Priority|Relative Score|Urgency|Relative Urgency",
    ),
    23: ActivityType("Change Owner", "Change the owner of a person/record in Salesforce", "New Owner", "Old Owner"),
    ADD_TO_LIST: ActivityType("Add to List", "Add a person/record to a list", "List ID:integer", "Source"),
    REMOVE_FROM_LIST: ActivityType(
        "Remove from List", "Remove this person/record from a list", "List ID:integer", "Source"
    ),
    26: ActivityType("SFDC Activity", "Activity logged in Salesforce", "Subject", _TASK),
    29: ActivityType("Delete Lead from SFDC", "Delete person/record from Salesforce", "Lead ID:integer"),
    30: ActivityType("SFDC Activity Updated", "Activity updated in Salesforce", "Subject", _TASK),
    MERGE_LEADS: ActivityType(
        "Merge Leads",
        "Merge two or more leads into a single record",
        "Lead ID:integer",
        "Merge IDs|Merge Source|Master Updated:boolean|Merged in Sales:boolean",
    ),
    34: ActivityType(
        "Add to Opportunity", "Add to an Opportunity in Salesforce", "Opportunity", "Is Primary:boolean|Role"
    ),
    35: ActivityType(
        "Remove from Opportunity", "Remove from an Opportunity in Salesforce", "Opportunity", "Is Primary:boolean|Role"
    ),
    36: ActivityType("Update Opportunity", "An Opportunity is updated", "Opportunity", "Data Value Changes"),
    DELETE_LEAD: ActivityType("Delete Lead", "Delete lead from Marketo database", "Lead ID:integer", "Campaign"),
    42: ActivityType("Add to SFDC Campaign", "Add to a campaign in Salesforce", "Campaign", "Status"),
    43: ActivityType("Remove from SFDC Campaign", "Remove from a campaign in Salesforce", "Campaign", "Status"),
    44: ActivityType(
        "Change Status in SFDC Campaign",
        "Change the status in a campaign in Salesforce",
        "Campaign",
        "New Status|Old Status",
    ),
    INTERESTING_MOMENT: ActivityType(
        "Interesting Moment", "Record an interesting moment", "Milestone Type", "Date:datetime|Description|Source"
    ),
    REQUEST_CAMPAIGN: ActivityType(
        "Request Campaign", "Campaign membership is requested", "Campaign ID:integer", "Source"
    ),
    CHANGE_LEAD_PARTITION: ActivityType(
        "Change Lead Partition",
        "Lead partition is changed",
        "New Partition ID:integer",
        "Old Partition ID:integer|Reason",
    ),
    CHANGE_STATUS_IN_PROGRESSION: ActivityType(
        "Change Status in Progression",
        "Change the status in a program progression",
        "Program ID:integer",
        "Acquired By:boolean|New Status|New Status ID:integer|Old Status|Old Status ID:integer|"
        "Program Member ID:integer|Reached Success Date:datetime|Reason|Registration Code|Status Reason|"
        "Success:boolean|Webinar URL",
    ),
    CALL_WEBHOOK: ActivityType("Call Webhook", "Call a webhook", "Webhook", "Error Type|Response"),
    CHANGE_PROGRAM_MEMBER_DATA: ActivityType(
        "Change Program Member Data",
        "Changed attribute value for a program member",
        "Program ID:integer",
        "Attribute Name|New Value|Old Value|Program Member ID:integer|Source",
    ),
    PUSH_LEAD: ActivityType("Push Lead to Marketo", "Push lead to Marketo", "Program ID:integer", "Reason|Source"),
}


def _engagement() -> dict[int, ActivityType]:
    rows = (map(str.strip, line.split(";")) for line in engagement_types.TABLE.strip().splitlines())
    return {
        int(number): ActivityType(name, name, primary, attributes.format(run=_RUN, visitor=_VISITOR, device=_DEVICE))
        for number, name, primary, attributes in rows
    }


_ENGAGEMENT = _engagement()
ACTIVITY_TYPES = dict(sorted((_OWN_AND_CRM | _ENGAGEMENT).items()))
# What nothing inside the sandbox does by itself.
TOLD_TYPES = frozenset((19, 21, 23, 26, 29, 30, 34, 35, 36, 42, 43, 44, *_ENGAGEMENT))


def type_record(number: int) -> dict[str, Any]:
    """One element of activities/types.json."""
    kind = ACTIVITY_TYPES[number]
    attributes = _told(kind.attributes)
    primary = {} if kind.primary is None else {"primaryAttribute": _told(kind.primary)[0]}
    head = {"id": number, "name": kind.name, "description": kind.description}
    return {**head, **primary, "attributes": attributes}


def _told(text: str) -> list[dict[str, str]]:
    return [{"name": name, "dataType": kind} for name, kind in _types(text).items()]
