"""What one activity says about fields: which changed, when, by whom, in which call, from what to what.

Source: the vendor's page "Activities" and rows of live instances. In activities a field goes by its id and display
name, so the id leads to the REST name; empty attributes are left out; date-times are text without a zone, read as UTC.

Who: `Modifying User`, else the `Source` ("Web form fill out", "Marketo Flow Action" …), which names a way rather than
a person. A row that says only "Web service API" leaves the actor null. Our own user may have one name for the identity
service and another in activities, so every name found on a row that carries the request id of a call of ours counts
as ours and is shown as `own_actor` says it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from syncline.connectors.marketo.cursor import Merge
from syncline.connectors.marketo.describe import LeadFields
from syncline.connectors.marketo.rows import cell
from syncline.values import FieldType, micros, parse_instant

Moment = tuple[str, str, int, str | None, str | None, str, str, bool | None]
"""One row of records.MOMENT_SCHEMA."""

_API_SOURCE = "web service api"
_KEPT_REQUESTS = 20_000
_NUMBER = re.compile(r"\d+")


class OwnTraces:
    """How activities show us: our names, and the request ids of our newest writes; and whom we merged away."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name  # what own_actor says
        self.aliases: set[str] = set()
        self.merges: OrderedDict[str, Merge] = OrderedDict()  # our own: loser -> how it ended
        self._requests: OrderedDict[str, None] = OrderedDict()

    def sent(self, request_id: str) -> None:
        """Remember a write of ours."""
        self._requests[request_id] = None
        if len(self._requests) > _KEPT_REQUESTS:
            self._requests.popitem(last=False)

    def merged(self, losers: Iterable[str], merge: Merge) -> None:
        """Remember a merge of ours."""
        for loser in losers:
            self.merges[loser] = merge
        while len(self.merges) > _KEPT_REQUESTS:
            self.merges.popitem(last=False)

    def actor(self, user: str, origin: str | None) -> str:
        """*user* as activities name it, or our own name if it is us."""
        if origin in self._requests:
            self.aliases.add(user)
        return self.name if self.name is not None and user in self.aliases else user


def attributes_of(activity: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes by display name in lower case."""
    return {str(item.get("name", "")).lower(): item.get("value") for item in activity.get("attributes") or ()}


def lead_of(activity: Mapping[str, Any]) -> str:
    return str(activity["leadId"])


def happened_at(activity: Mapping[str, Any]) -> int:
    """Whole seconds since 1970."""
    return micros(parse_instant(activity["activityDate"])) // 1_000_000


def moment_of(
    activity: Mapping[str, Any], fields: Iterable[str], known: LeadFields, traces: OwnTraces
) -> Moment | None:
    """The moment in a Change Data Value row; None if it is about a field outside *fields*."""
    name = known.by_id.get(activity.get("primaryAttributeValueId") or 0)
    if name is None:
        name = known.by_label.get(str(activity.get("primaryAttributeValue")))
    if name is None or name not in fields:
        return None
    said = attributes_of(activity)
    origin = str(said["request id"]) if said.get("request id") else None
    kind = known.type_of(name)
    at_us = happened_at(activity) * 1_000_000
    old, new = (_cell(kind, said.get(which)) for which in ("old value", "new value"))
    actor = _actor(said, origin, traces)
    return lead_of(activity), name, at_us, actor, origin, old, new, _is_person(said, actor, traces)


def _actor(said: Mapping[str, Any], origin: str | None, traces: OwnTraces) -> str | None:
    user = said.get("modifying user")
    if user:
        return traces.actor(str(user), origin)
    source = str(said.get("source") or "")
    return source if source and source.lower() != _API_SOURCE else None


_PEOPLE_S_OWN = frozenset({"web form fill out", "web form fillout", "web form fill"})


def _is_person(said: Mapping[str, Any], actor: str | None, traces: OwnTraces) -> bool | None:
    """A form was filled out by the person; a named user other than us acted in the application. A flow, an import and
    the API are programs; where nothing is said it cannot be told."""
    source = str(said.get("source") or "").lower()
    if source in _PEOPLE_S_OWN:
        return True
    if source == _API_SOURCE or actor == traces.name:
        return False
    if said.get("modifying user"):
        return "flow" not in source and "import" not in source
    return False if source else None


def _cell(kind: FieldType, raw: Any) -> str:
    if kind is FieldType.DATETIME and raw and "T" not in str(raw):
        raw = f"{raw}+00:00"
    try:
        return cell(kind, raw)
    except ValueError:
        return str(raw)  # evidence is kept as it was given


def merged_ids(activity: Mapping[str, Any]) -> list[str]:
    """The losing ids of a Merge Leads row, which come as a list, as text of a list, or joined by commas."""
    return _NUMBER.findall(str(attributes_of(activity).get("merge ids") or ""))
