"""The routing table's shape: which path and verb needs which permission and is answered by whom.

Source: Marketo "Error Codes": an unknown path is 610, a known path with another verb 605, both with HTTP 200.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from syncline_sandbox.core.wire import Response
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused

# Returns the envelope's members, or a whole answer (files).
Handler = Callable[[Call], "dict[str, Any] | Response"]

RO_LEAD, RW_LEAD = "Read-Only Lead", "Read-Write Lead"
RO_ACTIVITY, RW_ACTIVITY = "Read-Only Activity", "Read-Write Activity"
RO_ACTIVITY_METADATA, RW_ACTIVITY_METADATA = "Read-Only Activity Metadata", "Read-Write Activity Metadata"
RO_COMPANY, RW_COMPANY = "Read-Only Company", "Read-Write Company"
RO_ASSET = "Read-Only Assets"
RO_CUSTOM_OBJECT, RW_CUSTOM_OBJECT = "Read-Only Custom Object", "Read-Write Custom Object"
RO_CUSTOM_OBJECT_TYPE, RW_CUSTOM_OBJECT_TYPE = "Read-Only Custom Object Type", "Read-Write Custom Object Type"
RO_NAMED_ACCOUNT, RW_NAMED_ACCOUNT = "Read-Only Named Account", "Read-Write Named Account"
RO_NAMED_ACCOUNT_LIST, RW_NAMED_ACCOUNT_LIST = "Read-Only Named Account List", "Read-Write Named Account List"
RO_OPPORTUNITY, RW_OPPORTUNITY = "Read-Only Opportunity", "Read-Write Opportunity"
RO_SALES_PERSON, RW_SALES_PERSON = "Read-Only Sales Person", "Read-Write Sales Person"
RW_STANDARD_FIELD, RW_CUSTOM_FIELD = "Read-Write Schema Standard Field", "Read-Write Schema Custom Field"
RW_ANY_FIELD = f"{RW_STANDARD_FIELD}|{RW_CUSTOM_FIELD}"


@dataclass(frozen=True)
class Route:
    """`path` may hold {name} parts. `permission` "" needs none, "A|B" either of two. `writes`: leads change before
    the answer, so that a late commit can befall it."""

    method: str
    path: str
    permission: str
    handler: Handler
    writes: bool = False


class RoutingTable:
    """Finds the route of a call."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(_pattern(route.path), route) for route in routes]

    def find(self, call: Call) -> Route:
        """The route, with the call's `captured` filled. Refused 610 or 605."""
        known = False
        for pattern, route in self._routes:
            if (match := pattern.fullmatch(call.path)) is None:
                continue
            known = True
            if route.method == call.method:
                call.captured = match.groupdict()
                return route
        if known:
            raise Refused(605, f"Request method '{call.method}' not supported")
        raise Refused(610, "Requested resource not found")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))
