"""Recently used records, of each user: what `Sforce-Mru: updateMru=true` puts on the list.

Lives here: the lists and `recent` ("Recently Viewed Items", "MRU Header" of the REST API Developer Guide). They are of
the session's kind: a restart empties them. Without the header nothing is noted, since there is no page to view.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from .caller import Caller
from .reading import Reading
from .schema import Schema, SObject
from .web import Answer, Call, Route

MOST_KEPT = 200
_OF_ONE_OBJECT = 5
_UPDATE = re.compile(r"\bupdateMru\s*=\s*true\b", re.IGNORECASE)
HEADER = "sforce-mru"


class Recents:
    """The lists of one org. `touched` holds what the running transaction changed."""

    def __init__(self, schema: Schema, reading: Reading, touched: Iterable[tuple[SObject, str]]) -> None:
        self._schema = schema
        self._reading = reading
        self._touched = touched
        self._of_user: dict[str, dict[str, None]] = {}

    def routes(self) -> list[Route]:
        return [Route("GET", "recent", self._recent)]

    def clear(self) -> None:
        self._of_user.clear()

    def watch(self, caller: Caller, act: Callable[[], Answer]) -> Answer:
        """Run a writing call inside its transaction; what it wrote is noted if its header asks for that."""
        answer = act()
        if _UPDATE.search(caller.headers.get(HEADER, "")):
            self.note(caller.user_id, [record_id for _, record_id in self._touched])
        return answer

    def note(self, user_id: str, ids: Iterable[str]) -> None:
        """Put records on top of a user's list, the last one first."""
        listed = self._of_user.setdefault(user_id, {})
        for record_id in ids:
            listed.pop(record_id, None)
            listed[record_id] = None
        for surplus in list(listed)[:-MOST_KEPT]:
            del listed[surplus]

    def items(self, caller: Caller, sobject: SObject | None = None, most: int = _OF_ONE_OBJECT) -> list[dict[str, Any]]:
        """The newest records on the caller's list that he can still see, of one object or of all."""
        found: list[dict[str, Any]] = []
        for record_id in reversed(self._of_user.get(caller.user_id, {})):
            owner = self._schema.by_key_prefix(record_id)
            if owner is None or (sobject is not None and owner is not sobject) or len(found) >= most:
                continue
            fields = [field for field in self._reading.fields(caller, owner) if field.name == "Id" or field.name_field]
            found += self._reading.records(caller, owner, [record_id], fields).values()
        return found

    def _recent(self, call: Call) -> Answer:
        limit = call.query.get("limit", "")
        most = min(MOST_KEPT, int(limit)) if limit.isdecimal() and len(limit) < 9 else MOST_KEPT
        return Answer(body=self.items(call.caller, most=most))
