"""What the names of standard fields do not tell by themselves: their labels, and which are no matter of permissions.

Lives here: two tables, as in recorded describes of API v59. A label not listed is made of the words of the name.
"""

from __future__ import annotations

_ADDRESSED = ("Billing", "Shipping", "Mailing", "Other")

LABELS = {
    "IsDeleted": "Deleted",
    "SystemModstamp": "System Modstamp",
    "HasOptedOutOfEmail": "Email Opt Out",
    "HasOptedOutOfFax": "Fax Opt Out",
    "DoNotCall": "Do Not Call",
    "Sic": "SIC Code",
    "NumberOfEmployees": "Employees",
    "PhotoUrl": "Photo URL",
    "LastActivityDate": "Last Activity",
    "State": "State/Province",
    "PostalCode": "Zip/Postal Code",
    **{f"{kind}State": f"{kind} State/Province" for kind in _ADDRESSED},
    **{f"{kind}PostalCode": f"{kind} Zip/Postal Code" for kind in _ADDRESSED},
    "IsPrivate": "Private",
    "IsClosed": "Closed",
    "IsWon": "Won",
    "IsArchived": "Archived",
    "IsPrimary": "Primary",
    "IsConverted": "Converted",
    "IsUnreadByOwner": "Unread By Owner",
    "IsReminderSet": "Reminder Set",
    "IsHighPriority": "High Priority",
    "ReminderDateTime": "Reminder Date/Time",
    **{f"Account.{name}": f"Account {name}" for name in "Name Type Phone Fax Description Rating Site".split()},
    "Account.ParentId": "Parent Account ID",
    "Contact.Name": "Full Name",
    "Contact.Phone": "Business Phone",
    "Contact.Fax": "Business Fax",
    "Contact.AssistantPhone": "Asst. Phone",
    "Contact.AssistantName": "Assistant's Name",
    "Contact.Description": "Contact Description",
    "Contact.LastCURequestDate": "Last Stay-in-Touch Request Date",
    "Contact.LastCUUpdateDate": "Last Stay-in-Touch Save Date",
    "Lead.Name": "Full Name",
    "Opportunity.StageName": "Stage",
    "Opportunity.Probability": "Probability (%)",
    "Opportunity.ExpectedRevenue": "Expected Amount",
    "Opportunity.TotalOpportunityQuantity": "Quantity",
    "Opportunity.Type": "Opportunity Type",
    "Opportunity.ForecastCategoryName": "Forecast Category",
    "Opportunity.HasOpportunityLineItem": "Has Line Item",
    "Opportunity.Fiscal": "Fiscal Period",
    "OpportunityContactRole.Id": "Contact Role ID",
    **{f"{name}.Id": "Activity ID" for name in ("Event", "Task")},
    **{f"{name}.WhoId": "Name ID" for name in ("Event", "Task")},
    **{f"{name}.WhatId": "Related To ID" for name in ("Event", "Task")},
    **{f"{name}.OwnerId": "Assigned To ID" for name in ("Event", "Task")},
    **{f"{name}.ActivityDate": "Due Date Only" for name in ("Event", "Task")},
    "Event.IsAllDayEvent": "All-Day Event",
    "Event.ActivityDateTime": "Due Date Time",
    "Event.DurationInMinutes": "Duration",
    "Event.ShowAs": "Show Time As",
    **{f"{name}.Id": f"{name} ID" for name in "Account Contact Lead User Opportunity Campaign".split()},
    "Id": "Record ID",
}

NOT_PERMISSIONABLE = frozenset(
    {
        "Contact.EmailBouncedReason",
        "Contact.EmailBouncedDate",
        "Lead.EmailBouncedReason",
        "Lead.EmailBouncedDate",
        "Lead.IsUnreadByOwner",
        "Opportunity.ForecastCategoryName",
        "Opportunity.ContactId",
        "OpportunityContactRole.Role",
        "OpportunityContactRole.IsPrimary",
        *(
            f"Event.{name}"
            for name in "Subject ActivityDateTime ActivityDate DurationInMinutes StartDateTime EndDateTime IsPrivate "
            "ShowAs ReminderDateTime IsReminderSet EventSubtype".split()
        ),
    }
)
"""Writable fields that everybody who may write the object may write."""
