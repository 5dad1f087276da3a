"""The rows one writing call touches, as they become; nothing here reads or writes the database.

Lives here: what later records of a call must see of earlier ones. The rules are the writer's.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from syncline_sandbox.marketo.activity_log import Stamp
from syncline_sandbox.marketo.record import WriteOrder
from syncline_sandbox.marketo.store import Row


@dataclass
class Batch:
    """`before` holds rows as they were (None: not yet there), `unsubscribed` folded addresses when the call began."""

    order: WriteOrder
    stamp: Stamp
    now: str
    unsubscribed: frozenset[str]
    by_key: dict[Any, list[Row]] = field(default_factory=lambda: defaultdict(list))
    before: dict[int, Row | None] = field(default_factory=dict)
    created: dict[int, Row] = field(default_factory=dict)
    updated: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    rows: dict[int, Row] = field(default_factory=dict)
    consents: dict[str, int] = field(default_factory=dict)  # folded e-mail → unsubscribed, as this call leaves it
    companies: dict[str, Row] = field(default_factory=lambda: defaultdict(dict))  # externalCompanyId → fields to write

    def is_unsubscribed(self, email: str) -> bool:
        """Whether the folded address is unsubscribed after what the call did so far."""
        return bool(self.consents.get(email, email in self.unsubscribed))
