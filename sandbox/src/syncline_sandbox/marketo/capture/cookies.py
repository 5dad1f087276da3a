"""Munchkin cookies: whose they are.

Source: Marketo "Leads" (Associate Web Activity), "Error Codes" (1012). The sandbox has no web activity to move.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Store

TABLES = "CREATE TABLE IF NOT EXISTS cookies (token TEXT PRIMARY KEY, lead_id INTEGER NOT NULL) WITHOUT ROWID;"
_COOKIE = re.compile(r"id:[0-9A-Za-z-]+&token:(_mch-[\w.-]+)\Z")


class Cookies:
    """Answers associate; push and forms ask here too."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def associate(self, call: Call) -> dict[str, Any]:
        lead_id, text = to_number(call.captured["id"]), call.one("cookie")
        if text is None:
            raise Refused(1002, "Missing value for the required parameter 'cookie'")
        token = self.token(text)
        if self._store.one("SELECT 1 FROM leads WHERE id = ?", (lead_id,)) is None:
            raise Refused(1004, f"Lead [{lead_id}] not found")
        self.give(token, lead_id)
        return {}

    @staticmethod
    def token(text: str) -> str:
        """What identifies the browser. Refused 1012."""
        found = _COOKIE.match(unquote(text).strip())
        if found is None:
            raise Refused(1012, f"Invalid cookie value '{text}'")
        return found[1]

    def give(self, token: str, lead_id: int) -> None:
        """From now on the browser is this person's, whoever's it was."""
        before = self._store.one("SELECT lead_id FROM cookies WHERE token = ?", (token,))
        self._store.connection.execute("INSERT OR REPLACE INTO cookies VALUES (?, ?)", (token, lead_id))
        for changed in {lead_id, *(before or ())}:
            own = "SELECT group_concat(token) FROM cookies WHERE lead_id = leads.id"
            sql = f"UPDATE leads SET cookies = ({own}) WHERE id = ?"
            self._store.connection.execute(sql, (changed,))

    def depart(self, lead_ids: list[int], winner_id: int | None) -> None:
        """People vanish: their browsers are the winner's, or nobody's."""
        for lead_id in lead_ids:
            tokens = self._store.all("SELECT token FROM cookies WHERE lead_id = ?", (lead_id,))
            self._store.connection.execute("DELETE FROM cookies WHERE lead_id = ?", (lead_id,))
            for (token,) in tokens if winner_id is not None else ():
                self.give(token, winner_id or 0)
