"""Reading the activity log: paging tokens, activities, lead changes, deleted leads, types.

Source: Marketo "Activities" (Query Activities, Get Lead Changes, Get Deleted Leads), "Paging Tokens", "Activity Types".
A page's token stands after everything the scan passed, of whatever type: a row that becomes visible late, with an
earlier stamp, is behind a token already handed out, as with the vendor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_types import (
    ACTIVITY_TYPES,
    CHANGE_DATA_VALUE,
    CHANGE_SCORE,
    DELETE_LEAD,
    NEW_LEAD,
    type_record,
)
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.custom_activities.shelf import FIRST_ID
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.retention import Retention
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store, marks
from syncline_sandbox.marketo.tokens import LogPosition, date_token, read_date_token
from syncline_sandbox.marketo.values import iso, parse_instant

MAX_TYPES = 10
MAX_LEADS = 30
_DAY_SECONDS = 86_400

COLUMNS = (
    "a.id, a.lead_id, a.type_id, a.at, a.field_id, a.name, a.old, a.new, "
    "c.source, c.reason, c.api_method, c.user, c.request_id, a.attributes, c.campaign_id"
)
Members = dict[str, Any]


class Activities:
    """Answers the activity endpoints. `lag` tells how many seconds ago the state is that a call reads (0: now)."""

    def __init__(
        self,
        store: Store,
        clock: SandboxClock,
        settings: Settings,
        lag: Callable[[Call], float],
        empty_page: Callable[[Call], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._lag = lag
        self._empty_page = empty_page
        self._retention = Retention(store, clock, settings)

    def types(self, _call: Call) -> Members:
        return {"result": [type_record(number) for number in ACTIVITY_TYPES]}

    def paging_token(self, call: Call) -> Members:
        text = call.one("sinceDatetime")
        if text is None:
            raise Refused(1002, "Missing value for the required parameter 'sinceDatetime'")
        try:
            since = parse_instant(text)
        except ValueError as wrong:
            raise Refused(1003, f"Invalid value for 'sinceDatetime': '{text}'") from wrong
        return {"nextPageToken": date_token(LogPosition(int(since.timestamp()), 0))}

    def activities(self, call: Call) -> Members:
        types = [to_number(text) for text in call.many("activityTypeIds")]
        if not types:
            raise Refused(1003, "activityTypeIds not specified")
        if len(types) > MAX_TYPES:
            raise Refused(1003, f"Too many activityTypeIds: {len(types)}, maximum {MAX_TYPES}")
        types = [number for number in types if number != DELETE_LEAD]  # only deletedleads serves those
        condition, chosen = self._of_leads(call)
        if assets := [to_number(text) for text in call.many("assetIds")]:
            condition, chosen = f"{condition} AND a.field_id IN {marks(assets)}", [*chosen, *assets]
        unseen, hidden = hidden_changes(self._store)
        condition += unseen
        return self._page(call, f"a.type_id IN {marks(types)}{condition}", [*types, *chosen, *hidden], activity_record)

    def lead_changes(self, call: Call) -> Members:
        names = call.many("fields")
        if not names:
            raise Refused(1003, "fields not specified")
        fields = [self._store.fields.find(name) for name in names]
        if unknown := [name for name, field in zip(names, fields, strict=True) if field is None]:
            raise Refused(1006, f"Field '{unknown[0]}' not found")
        ids = [field.id for field in fields if field is not None]
        condition, leads = self._of_leads(call)
        wanted = f"(a.type_id = {NEW_LEAD} OR (a.type_id = {CHANGE_DATA_VALUE} AND a.field_id IN {marks(ids)}))"
        return self._page(call, wanted + condition, [*ids, *leads], self._change_record)

    def deleted_leads(self, call: Call) -> Members:
        """Deletions of the last days only: what is older has been pruned (Marketo "Activities": 14 days)."""
        oldest = int(self._clock.now().timestamp()) - self._settings.deletions_kept_days * _DAY_SECONDS
        return self._page(call, f"a.type_id = {DELETE_LEAD} AND a.at >= ?", [oldest], activity_record)

    def _of_leads(self, call: Call) -> tuple[str, list[int]]:
        leads = [to_number(text) for text in call.many("leadIds")]
        if len(leads) > MAX_LEADS:
            raise Refused(1003, f"Too many leadIds: {len(leads)}, maximum {MAX_LEADS}")
        condition, parameters = (f" AND a.lead_id IN {marks(leads)}", leads) if leads else ("", [])
        if (text := call.one("listId")) is not None:
            condition += " AND a.lead_id IN (SELECT lead_id FROM list_members WHERE list_id = ?)"
            parameters = [*parameters, self._list(to_number(text))]
        return condition, parameters

    def _list(self, list_id: int) -> int:
        """Refused 1013 when there is no such list, 1003 when it is too large (Marketo "Activities": from late 2026)."""
        sql = "SELECT (SELECT count(*) FROM list_members WHERE list_id = id) FROM lists WHERE id = ?"
        found = self._store.one(sql, (list_id,))
        if found is None:
            raise Refused(1013, "Object not found")
        if (limit := self._settings.activity_list_limit) and found[0] >= limit:
            raise Refused(1003, f"List {list_id} contains {limit} or more leads")
        return list_id

    def _page(
        self, call: Call, condition: str, parameters: Sequence[Any], record: Callable[[Sequence[Any]], Members]
    ) -> Members:
        token = call.one("nextPageToken")
        if token is None:
            raise Refused(1002, "Missing value for the required parameter 'nextPageToken'")
        position, size = read_date_token(token), call.batch_size()
        if self._empty_page(call):
            return {"nextPageToken": token, "moreResult": True}
        self._retention.prune()
        horizon = self._clock.now().timestamp() - self._lag(call)
        if (block := self._block(position, horizon)) is not None:
            condition = f"{condition} AND (a.at < ? OR (a.at = ? AND a.id <= ?))"
            parameters = [*parameters, block.at, *block]
        rows = self._scan(position, horizon, condition, parameters, size + 1)
        more = len(rows) > size
        rows = rows[:size]
        position = LogPosition(rows[-1][3], rows[-1][0]) if more else block or self._end(position, horizon)
        result = {"result": [record(row) for row in rows]} if rows else {}
        return {**result, "nextPageToken": date_token(position), "moreResult": more or block is not None}

    def _block(self, after: LogPosition, horizon: float) -> LogPosition | None:
        """Where the block of rows ends that a page looks at; None: the log ends before, or pages have no blocks."""
        if (rows := self._settings.activity_block_rows) <= 0:
            return None
        sql = (
            "SELECT at, id FROM activities WHERE (at, id) > (?, ?) AND visible_at <= ? ORDER BY at, id LIMIT 2 OFFSET ?"
        )
        ends = self._store.all(sql, (*after, horizon, rows - 1))
        return LogPosition(*ends[0]) if len(ends) == 2 else None

    def _scan(
        self, after: LogPosition, horizon: float, condition: str, parameters: Sequence[Any], limit: int
    ) -> list[Any]:
        """Rows after a position in order: the rest of its second, then later seconds.

        Two statements, because SQLite seeks by the first column only when the pair is compared as one: a second that
        holds a million seeded rows would be read again for every page.
        """
        select = (
            f"SELECT {COLUMNS} FROM activities a LEFT JOIN causes c ON c.id = a.cause_id "
            f"WHERE {{after}} AND a.visible_at <= ? AND {condition} ORDER BY a.at, a.id LIMIT ?"
        )
        same = select.format(after="a.at = ? AND a.id > ?")
        rows = self._store.all(same, (*after, horizon, *parameters, limit))
        if len(rows) < limit:
            later = select.format(after="a.at > ?")
            rows += self._store.all(later, (after.at, horizon, *parameters, limit - len(rows)))
        return rows

    def _end(self, position: LogPosition, horizon: float) -> LogPosition:
        """Where the scan ends when nothing is left: after the last row a reader sees now."""
        sql = "SELECT at, id FROM activities WHERE visible_at <= ? ORDER BY at DESC, id DESC LIMIT 1"
        last = self._store.one(sql, (horizon,))
        return position if last is None else max(position, LogPosition(*last))

    def _change_record(self, row: Sequence[Any]) -> Members:
        number, lead_id, type_id, at, field_id, _name, old, new, source, reason, *_ = row
        changed = []
        if type_id == CHANGE_DATA_VALUE:
            field = self._store.fields.by_id[field_id]
            changed = [{"id": field_id, "name": field.name, "oldValue": old, "newValue": new}]
        kind = "Source Type" if type_id == NEW_LEAD else "Source"
        return {
            "id": number,
            "marketoGUID": str(number),
            "leadId": lead_id,
            "activityDate": _instant(at),
            "activityTypeId": type_id,
            "fields": changed,
            "attributes": _present([("Reason", reason), (kind, source), ("Lead ID", lead_id)]),
        }


def hidden_changes(store: Store) -> tuple[str, list[int]]:
    """A condition with its parameters: what the user may not see must not show in its changes either."""
    hidden = [field.id for field in store.fields.all() if field.hidden]
    changes = f"({CHANGE_DATA_VALUE}, {CHANGE_SCORE})"
    return (f" AND NOT (a.type_id IN {changes} AND a.field_id IN {marks(hidden)})" if hidden else ""), hidden


def activity_record(row: Sequence[Any]) -> Members:
    """One row of the activities endpoint: display names, empty attributes left out."""
    number, lead_id, type_id, at, primary_id, name = row[:6]
    primary = {} if primary_id is None else {"primaryAttributeValueId": primary_id}
    primary |= {} if name is None else {"primaryAttributeValue": name}
    return {
        "id": number,
        "marketoGUID": str(number),
        "leadId": lead_id,
        "activityDate": _instant(at),
        "activityTypeId": type_id,
        **({} if row[14] is None else {"campaignId": row[14]}),
        **primary,
        "attributes": _custom(row)
        if type_id >= FIRST_ID
        else _present(_ATTRIBUTES.get(type_id, _told_attributes)(row)),
    }


def _change_attributes(row: Sequence[Any]) -> list[tuple[str, Any]]:
    old, new, source, reason, api_method, user, request_id = row[6:13]
    return [
        ("New Value", new),
        ("Old Value", old),
        ("Reason", reason),
        ("Source", source),
        ("API Method Name", api_method),
        ("Modifying User", user),
        ("Request Id", request_id),
    ]


def _new_lead_attributes(row: Sequence[Any]) -> list[tuple[str, Any]]:
    at, (source, _reason, api_method, user, request_id) = row[3], row[8:13]
    return [
        ("Created Date", _instant(at)[:10]),
        ("Source Type", source),
        ("API Method Name", api_method),
        ("Modifying User", user),
        ("Request Id", request_id),
    ]


def _score_attributes(row: Sequence[Any]) -> list[tuple[str, Any]]:
    old, new, _source, reason = row[6:10]
    step = int(new or 0) - int(old or 0)
    return [("Change Value", f"{step:+d}"), ("New Value", new), ("Old Value", old), ("Reason", reason)]


def _custom(row: Sequence[Any]) -> list[Members]:
    """The attributes of a custom activity, stored as they are shown."""
    return list(orjson.loads(row[13] or "[]"))


def _told_attributes(row: Sequence[Any]) -> list[tuple[str, Any]]:
    return [] if row[13] is None else list(orjson.loads(row[13]).items())


_ATTRIBUTES: dict[int, Callable[[Sequence[Any]], list[tuple[str, Any]]]] = {
    NEW_LEAD: _new_lead_attributes,
    CHANGE_DATA_VALUE: _change_attributes,
    CHANGE_SCORE: _score_attributes,
}


def _present(pairs: list[tuple[str, Any]]) -> list[Members]:
    return [{"name": name, "value": value} for name, value in pairs if value not in (None, "")]


def _instant(at: int) -> str:
    return iso(datetime.fromtimestamp(at, UTC))
