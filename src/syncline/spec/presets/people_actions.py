"""What acting on people means in a Salesforce org and a Marketo instance: owners, tasks, accounts, conversions.

Sources: Salesforce Object Reference (Task, User, Group, Account), "Queues" (a queue may own leads, not contacts);
Marketo "Sync Person to SFDC", "Change Owner" (a queue makes a second lead of a contact: not here), "Implied Salesforce
Actions", "Create Task" (due in 5 days where nothing is said), "Convert Person" (always a new account and opportunity),
"Tokens Overview", "Delete Person". Not here: the actions themselves, or the field map (`people`).
"""

from __future__ import annotations

from syncline.spec.actions import AccountShape, OwnerKind, PersonActions, TaskShape

_USER = OwnerKind(
    word="user",
    object_type="User",
    found_by=("Email", "Username", "Name"),
    owns=frozenset({"Lead", "Contact", "Task"}),
    shown="Name",
    active="IsActive",
)
_QUEUE = OwnerKind(
    word="queue",
    object_type="Group",
    found_by=("Name", "DeveloperName"),
    owns=frozenset({"Lead"}),
    shown="Name",
    only={"Type": "Queue"},
)
_TASK = TaskShape(
    object_type="Task",
    person="WhoId",
    owner="OwnerId",
    subject="Subject",
    description="Description",
    due="ActivityDate",
    status="Status",
    priority="Priority",
    has_reminder="IsReminderSet",
    reminder_at="ReminderDateTime",
    due_in_days=5,
    defaults={"Status": "Not Started", "Priority": "Normal"},
)

ACTIONS = PersonActions(
    side="a",
    owner_field="OwnerId",
    owner_kinds=(_USER, _QUEUE),
    assigned_by_rules=frozenset({"Lead"}),
    task=_TASK,
    account=AccountShape(
        object_type="Account",
        name="Name",
        website="Website",
        contact_type="Contact",
        contact_account="AccountId",
    ),
    company="company",
    email="email",
    website="website",
    token_side="b",
    token_spaces=frozenset({"lead", "company"}),
    losses={
        "a": "It is in Salesforce's recycle bin for 15 days; after that it cannot be brought back.",
        "b": "Marketo has no recycle bin: the person and every activity logged of it are gone for good.",
    },
)
