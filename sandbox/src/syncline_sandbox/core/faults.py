"""Faults by name: which requests they hit, how often, and with which parameters.

Lives here: the list a test installs and the question a core asks. What a fault *does* lives in the core that knows
the vendor's shape of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Fault:
    """One installed fault.

    `name` is one of the names the sandbox README documents. It hits requests whose "METHOD path" matches the regular
    expression `match`, after skipping `after` of them, `times` times (None: until removed).
    """

    name: str
    match: str = ""
    after: int = 0
    times: int | None = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)
    hits: int = 0
    seen: int = 0


class FaultPlan:
    """The installed faults, in order."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def install(self, fault: Fault) -> None:
        self.faults.append(fault)

    def clear(self) -> None:
        self.faults.clear()

    def standing(self, name: str) -> Fault | None:
        """The first unexhausted fault of this *name*, without counting a hit: for modes such as a lagging replica."""
        for fault in self.faults:
            if fault.name == name and (fault.times is None or fault.hits < fault.times):
                return fault
        return None

    def strike(self, name: str, request_line: str) -> Fault | None:
        """The fault of this *name* that hits "METHOD path", counted as a hit; None if none does."""
        return next((fault for fault in self.faults if fault.name == name and self.strikes(fault, request_line)), None)

    def strikes(self, fault: Fault, request_line: str) -> bool:
        """True when this installed *fault* hits "METHOD path" now; counted as a hit."""
        if not re.search(fault.match, request_line):
            return False
        fault.seen += 1
        if fault.seen <= fault.after or (fault.times is not None and fault.hits >= fault.times):
            return False
        fault.hits += 1
        return True
