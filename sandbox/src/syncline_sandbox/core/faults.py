"""Faults by name: which requests they hit, how often, and with which parameters.

Lives here: the list a test installs, how a JSON object becomes one of them, and the question a core asks. What a fault
does to any answer on the wire is in `wire_faults.py`; what it does inside a vendor's system lives in the core that
knows the vendor's shape of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from syncline_sandbox.core.body import COUNT, OBJECT, SEED, SHARE, TEXT, Kinds, listed, nullable, whole, wrong_of

# Parameters by fault, each with the kind of value it takes.
FaultTable = Mapping[str, Kinds]

_NEEDED: Mapping[str, tuple[str, ...]] = {"ignore_field": ("field",), "override_field": ("field",)}
_SETTINGS: Kinds = {
    "name": TEXT,
    "match": TEXT,
    "after": COUNT,
    "times": nullable(COUNT),
    "calls": listed(whole(1)),
    "probability": SHARE,
    "seed": SEED,
    "parameters": OBJECT,
}


def fault_of(item: Mapping[str, Any], known: FaultTable | None) -> Fault:
    """The fault a JSON object describes. ValueError for one that makes no sense; *known* None: any name goes."""
    name = str(item.get("name"))
    if known is not None and name not in known:
        raise ValueError(f"unknown fault {name!r}; known: {sorted(known)}")
    if wrong := wrong_of(item, _SETTINGS, ("name",)):
        raise ValueError(f"fault {name}: {wrong}")
    if known is not None and (wrong := wrong_of(item.get("parameters", {}), known[name], _NEEDED.get(name, ()))):
        raise ValueError(f"parameters of {name}: {wrong}")
    return Fault(**item)


@dataclass(kw_only=True)
class Fault:
    """One installed fault.

    `name` is one of the names the sandbox README documents. It hits requests whose "METHOD path" matches the regular
    expression `match`: of these, after skipping `after`, only the `calls` listed (the n-th matching request, from 1)
    if any are, each with `probability` by the dice of `seed`, and `times` times in all (None: until removed; not
    given: once, or as often as `calls` and `probability` say).
    `seen` counts the requests that matched, `hits` those struck.

    Raises:
        ValueError: a probability outside 0 … 1, a call below 1, or a broken expression.
    """

    name: str
    match: str = ""
    after: int = 0
    times: int | None = -1
    calls: tuple[int, ...] = ()
    probability: float = 1.0
    seed: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    hits: int = 0
    seen: int = 0

    def __post_init__(self) -> None:
        self.calls = tuple(self.calls)
        if not 0 <= self.probability <= 1:
            raise ValueError(f"a probability is 0 … 1, not {self.probability}")
        if any(call < 1 for call in self.calls):
            raise ValueError(f"calls are counted from 1: {list(self.calls)}")
        if self.times == -1:
            self.times = None if self.calls or self.probability < 1 else 1
        try:
            self._pattern = re.compile(self.match)
        except re.error as broken:
            raise ValueError(f"not a regular expression: {self.match!r}: {broken}") from broken
        self._dice = random.Random(self.seed)

    @property
    def exhausted(self) -> bool:
        """True when it has struck as often as it was to."""
        return self.times is not None and self.hits >= self.times

    def matches(self, request_line: str) -> bool:
        """True for a "METHOD path" it is meant for, exhausted or not."""
        return self._pattern.search(request_line) is not None

    def falls_due(self) -> bool:
        """Count one more matching request; True when this is one to strike. The dice fall for each, struck or not."""
        self.seen += 1
        unlucky = self.probability >= 1 or self._dice.random() < self.probability
        listed = not self.calls or self.seen in self.calls
        return unlucky and listed and self.seen > self.after and not self.exhausted

    def shown(self) -> dict[str, Any]:
        """What the control endpoint tells of it."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


class FaultPlan:
    """The installed faults, in order. `struck` collects the names of those that hit, until it is taken."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._struck: list[str] = []

    def install(self, fault: Fault) -> None:
        self.faults.append(fault)

    def clear(self) -> None:
        self.faults.clear()

    def take_struck(self) -> tuple[str, ...]:
        """The names of the faults that have hit since this was last asked, each once, in order."""
        names = tuple(dict.fromkeys(self._struck))
        self._struck.clear()
        return names

    def standing(self, name: str) -> Fault | None:
        """The first unexhausted fault of this *name*, without counting a hit: for modes such as a lagging replica."""
        return next((fault for fault in self.faults if fault.name == name and not fault.exhausted), None)

    def strike(self, name: str, request_line: str) -> Fault | None:
        """The fault of this *name* that hits "METHOD path", counted as a hit; None if none does."""
        return next((fault for fault in self.faults if fault.name == name and self.strikes(fault, request_line)), None)

    def strikes(self, fault: Fault, request_line: str) -> bool:
        """True when this installed *fault* hits "METHOD path" now; counted as a hit."""
        if not fault.matches(request_line) or not fault.falls_due():
            return False
        fault.hits += 1
        self._struck.append(fault.name)
        return True
