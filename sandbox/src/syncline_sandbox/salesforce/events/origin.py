"""By which way a change came: the `changeOrigin` and `commitUser` of a change event.

"Change Event Header Fields": `com/salesforce/api/<API>/<version>;client=<id>`, the id from the Call Options header;
empty for what people and automations do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from syncline_sandbox.salesforce.caller import Caller

# The first that fits the path; what fits none is no API.
_APIS = (
    (re.compile(r"/services/Soap/", re.IGNORECASE), "soap"),
    (re.compile(r"/services/async/|/services/data/v[\d.]+/jobs/", re.IGNORECASE), "bulkapi"),
    (re.compile(r"/services/data/v[\d.]+/tooling/", re.IGNORECASE), "toolingrest"),
    (re.compile(r"/services/data/", re.IGNORECASE), "rest"),
)
_CLIENT = re.compile(r"\bclient\s*=\s*([^,;]+)")


@dataclass(frozen=True)
class Origin:
    """Who changes, and by which API; without a user it is whoever the record says modified it."""

    user_id: str | None = None
    api: str = ""


def origin_of(caller: Caller | None) -> Origin:
    """The origin of what this caller writes."""
    if caller is None:
        return Origin()
    path = caller.request_line.partition(" ")[2]
    name = next((name for pattern, name in _APIS if pattern.search(path)), None)
    if name is None:
        return Origin(caller.user_id)
    client = _CLIENT.search(caller.headers.get("sforce-call-options", ""))
    return Origin(caller.user_id, f"com/salesforce/api/{name}/{caller.version};client={client[1] if client else ''}")
