"""The standard objects of rights and sharing: roles, permission sets, what they grant, record types, shares.

Lives here: their fields in the notation of `standard.py` (Object Reference: UserRole, PermissionSet,
PermissionSetAssignment, FieldPermissions, ObjectPermissions, RecordType, AccountShare and its like). What the rows
mean is decided in `grants.py`, `sharing.py` and `record_types.py`.
"""

from __future__ import annotations

from .common_lines import AUDIT

SYSTEM_PERMISSIONS = {
    "PermissionsApiEnabled": "ApiEnabled",
    "PermissionsViewSetup": "ViewSetup",
    "PermissionsBulkApiHardDelete": "BulkApiHardDelete",
    "PermissionsViewAllData": "ViewAllData",
    "PermissionsModifyAllData": "ModifyAllData",
    "PermissionsConvertLeads": "ConvertLeads",
    "PermissionsTransferAnyEntity": "TransferRecords",
    "PermissionsMarketingUser": "MarketingUser",
}
"""Column of PermissionSet to the permission it gives."""
OBJECT_PERMISSIONS = {
    "PermissionsCreate": "create",
    "PermissionsRead": "read",
    "PermissionsEdit": "edit",
    "PermissionsDelete": "delete",
    "PermissionsViewAllRecords": "view_all",
    "PermissionsModifyAllRecords": "modify_all",
}
"""Column of ObjectPermissions to the right on the object."""

USER_ROLE = f"""id ---DI Id
string(80) CU-- Name
reference CUN- ParentRoleId>UserRole
string(80) CUN- DeveloperName
{AUDIT}
"""

PERMISSION_SET = f"""id ---DI Id
string(80) CU-- Name Label
textarea(255) CUN- Description
reference --N- ProfileId>Profile
boolean ---D IsOwnedByProfile
picklist(40) --ND Type
boolean CU-D {" ".join(SYSTEM_PERMISSIONS)}
{AUDIT}
"""

PERMISSION_SET_ASSIGNMENT = f"""id ---DI Id
reference C--- PermissionSetId>PermissionSet
reference C--- AssigneeId>User
{AUDIT}
"""

FIELD_PERMISSIONS = f"""id ---DI Id
reference C--- ParentId>PermissionSet
picklist(40) C--- SobjectType
picklist(120) C--- Field
boolean CU-D PermissionsRead PermissionsEdit
{AUDIT}
"""

OBJECT_PERMISSION_FIELDS = f"""id ---DI Id
reference C--- ParentId>PermissionSet
picklist(40) C--- SobjectType
boolean CU-D {" ".join(OBJECT_PERMISSIONS)}
{AUDIT}
"""

RECORD_TYPE = f"""id ---DI Id
string(80) CU-- Name DeveloperName
string(15) --N- NamespacePrefix
textarea(255) CUN- Description
picklist(40) C--- SobjectType
boolean CU-D IsActive
{AUDIT}
"""

SHARED = {
    "Account": ("00r", "AccountId", "AccountAccessLevel"),
    "Contact": ("03s", "ContactId", "ContactAccessLevel"),
    "Lead": ("01o", "LeadId", "LeadAccessLevel"),
    "Opportunity": ("00t", "OpportunityId", "OpportunityAccessLevel"),
    "Campaign": ("08s", "CampaignId", "CampaignAccessLevel"),
}
"""Object to the key prefix of its share, the column of the record shared, and that of the access it gives."""


def share_lines(sobject: str, record_column: str, level_column: str) -> str:
    """The fields of the share object of *sobject*."""
    return f"""id ---DI Id
reference C--- {record_column}>{sobject}
reference C--- UserOrGroupId>Group,User
picklist(40) CU-- {level_column}
picklist(40) C-NDR RowCause
{AUDIT}
"""


PICKLISTS = {
    "RowCause": ["Owner", "Manual", "Rule"],
    "PermissionSet.Type": ["Regular", "Profile"],
    **{f"{name}Share.{level}": ["Read", "Edit", "All"] for name, (_, _, level) in SHARED.items()},
}
DEFAULTS: dict[str, object] = {"RowCause": "Manual", "PermissionSet.Type": "Regular", "RecordType.IsActive": True}
CHILD_RELATIONSHIPS = {
    ("PermissionSetAssignment", "PermissionSetId"): "Assignments",
    ("PermissionSetAssignment", "AssigneeId"): "PermissionSetAssignments",
    ("FieldPermissions", "ParentId"): "FieldPerms",
    ("ObjectPermissions", "ParentId"): "ObjectPerms",
    **{(f"{name}Share", column): "Shares" for name, (_, column, _) in SHARED.items()},
}
CASCADES = frozenset(
    {
        ("PermissionSetAssignment", "PermissionSetId"),
        ("FieldPermissions", "ParentId"),
        ("ObjectPermissions", "ParentId"),
    }
)
"""References whose record goes with the parent it points to."""
