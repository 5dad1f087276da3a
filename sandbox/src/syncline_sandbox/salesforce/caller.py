"""On whose behalf a request acts: the user, the rights, and the headers that change what a write does.

Lives here: the value that is passed along, no decision.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .rights import UserRights

_ALLOW_SAVE = re.compile(r"\ballowSave\s*=\s*true\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The user behind a request. `version` is the API version as it stands in paths, e.g. "59.0".

    `request_line` is "METHOD path", what a fault's `match` looks at. `headers` are those of the request (or of the
    Composite sub-request), names in lower case. `base_url` is scheme and host as the client addressed the org.
    """

    user_id: str
    rights: UserRights
    version: str = "59.0"
    request_line: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    base_url: str = ""

    @property
    def auto_assign(self) -> bool:
        """Whether an active assignment rule runs: yes unless `Sforce-Auto-Assign` says FALSE."""
        return self.headers.get("sforce-auto-assign", "TRUE").upper() != "FALSE"

    @property
    def allow_duplicates(self) -> bool:
        """Whether a save goes through although a duplicate rule raises an alert: `Sforce-Duplicate-Rule-Header`."""
        return _ALLOW_SAVE.search(self.headers.get("sforce-duplicate-rule-header", "")) is not None
