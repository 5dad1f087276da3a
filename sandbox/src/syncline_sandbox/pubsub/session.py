"""Who calls: the metadata of an RPC, checked against the org's sessions.

"Pub/Sub API Features", "Authentication" of the Pub/Sub API guide: `accesstoken`, `instanceurl`, `tenantid`.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.ids import full_id
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.rights import UserRights

from .refusals import Refused

NEEDED = ("accesstoken", "instanceurl", "tenantid")


def rights_of(org: SalesforceOrg, metadata: Mapping[str, str]) -> UserRights:
    """The rights of the user whose session an RPC carries. Refused when there is none."""
    try:
        url = urlsplit(metadata.get("instanceurl", ""))
    except ValueError as broken:
        raise Refused("service.auth.headers.invalid") from broken
    complete = all(metadata.get(name) for name in NEEDED)
    tenant = full_id(metadata.get("tenantid"))
    if not complete or url.scheme not in ("http", "https") or not url.netloc or tenant != org.auth.organization_id:
        raise Refused("service.auth.headers.invalid")
    headers = {"authorization": f"Bearer {metadata['accesstoken']}"}
    try:
        user_id = org.auth.user_of(Request(method="GRPC", path="/", headers=headers))
    except OrgError as expired:
        raise Refused("service.auth.error") from expired
    return org.people.rights(user_id)
