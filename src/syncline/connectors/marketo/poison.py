"""Finding the row that spoils a call: whether a refusal is one row's doing, and which rows to send apart.

Codes of four digits beginning with 10 or 11 are about records ("Error Codes", Record-Level and Response-Level errors);
when one of them refuses a whole call, the call changed nothing, and some row of it is the cause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from syncline.connectors.marketo.errors import Declined

MOST_CALLS = 40
"""So many calls more are spent on it in one write: enough to isolate four rows among 300."""

MOST_CULPRITS = 3
"""So many rows refused alone, and not one call that succeeded: it is not the rows."""

_ABOUT_A_RECORD = re.compile(r"1[01]\d\d")


class Poison:
    """The search in one write."""

    def __init__(self) -> None:
        self._calls = 0
        self._culprits = 0
        self._has_succeeded = False

    def a_call_succeeded(self) -> None:
        self._has_succeeded = True

    def halves(self, rows: Sequence[int], refused: Declined) -> list[Sequence[int]] | None:
        """The rows of a refused call in two parts, to be sent apart; none for a row that was alone: it is a culprit.
        None: the refusal is of the call itself, or the search is given up."""
        if not _ABOUT_A_RECORD.fullmatch(refused.vendor_code):
            return None
        if len(rows) == 1:
            self._culprits += 1
            is_of_rows = self._has_succeeded or self._culprits < MOST_CULPRITS
            return [] if is_of_rows else None
        self._calls += 2
        middle = len(rows) // 2
        return [rows[:middle], rows[middle:]] if self._calls <= MOST_CALLS else None
