"""Whatever is sent, the vendor's own error comes back: seeded requests, sound ones broken in every way.

100,000 of the vendors' routes, at least half of every thousand past routing; control routes a few more.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from time import process_time
from typing import Any, Protocol

import pytest

from syncline_sandbox.core.wire import Core, Request, Response
from tests.sandbox.fuzz import control, marketo, salesforce
from tests.sandbox.fuzz.mutations import HUGE_BYTES, Draft, broken
from tests.sandbox.fuzz.reached import Reached

REQUESTS = 1000
SEEDS = range(50)
LONGEST_SECONDS = 20.0
"""What no request takes of a processor: none takes two, and one that grows without bound takes far more."""

Told = Callable[[Request, Response], str]


class _Drafts(Protocol):
    client: Any
    reached: Reached

    @property
    def core(self) -> Core: ...

    def draft(self) -> Draft: ...


@pytest.mark.parametrize("seed", SEEDS)
def test_the_org_tells_its_own_errors(seed: int) -> None:
    dice = random.Random(seed)
    _run(dice, salesforce.SalesforceDrafts(dice), salesforce.told)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_instance_tells_its_own_errors(seed: int) -> None:
    dice = random.Random(1000 + seed)
    _run(dice, marketo.MarketoDrafts(dice), marketo.told)


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 10))])
@pytest.mark.parametrize("make", [control.OrgControlDrafts, control.InstanceControlDrafts])
def test_what_control_routes_take_breaks_nothing(make: Callable[[random.Random], _Drafts], seed: int) -> None:
    dice = random.Random(2000 + seed)
    _run(dice, make(dice), control.told, least_told=4)


def _run(dice: random.Random, drafts: _Drafts, told: Told, least_told: int = 8) -> None:
    codes: Counter[str] = Counter()
    routed = 0
    for place in range(REQUESTS):
        request = broken(dice, drafts.draft()).request()
        drafts.reached.begin()
        started = process_time()
        try:
            codes[told(request, drafts.core.handle(request))] += 1
        except Exception as unexpected:
            raise AssertionError(f"request {place}: {replace(request, body=request.body[:500])}") from unexpected
        assert process_time() - started < LONGEST_SECONDS, replace(request, body=request.body[:500])
        routed += bool(drafts.reached.last)
    assert routed >= REQUESTS / 2, codes
    assert len(codes) >= least_told, codes  # the errors differ: it is not one door that refuses all


@pytest.mark.parametrize("make", [salesforce.SalesforceDrafts, marketo.MarketoDrafts])
def test_the_drafts_of_every_route_reach_it(make: Callable[[random.Random], Any]) -> None:
    drafts = make(random.Random(1))
    for route in drafts.routes:
        for _ in range(3):  # now and then one overrides its method
            drafts.core.handle(drafts.of(route).request())
    assert len(drafts.routes) > 50
    missed = [route for route in drafts.routes if not drafts.reached.counts[drafts.reached.name_of(route)]]
    assert not missed


_PATHS = {
    "rest": "/services/data/v59.0/sobjects/Lead",
    "soap": "/services/Soap/u/59.0",
    "bulk1": "/services/async/59.0/job",
    "marketo": "/rest/v1/leads.json",
    "control": "/_sandbox/seed",
}
_UNITS = {
    "nested elements": b"<a>",
    "wide elements": b"<a/>",
    "attributes": b" a=''",
    "tags of attributes": b"<a" + b"".join(b" a%d=''" % number for number in range(9000)) + b"/>",
    "comments": b"<!---->",
    "words": b"x",
    "nested lists": b"[",
    "nested objects": b'{"a":',
    "quotes": b'"',
    "lines": b"\n",
}


@pytest.mark.parametrize("unit", _UNITS)
@pytest.mark.parametrize("door", _PATHS)
def test_twenty_megabytes_are_refused_at_once(door: str, unit: str) -> None:
    dice = random.Random(1)
    drafts: _Drafts = marketo.MarketoDrafts(dice) if door == "marketo" else salesforce.SalesforceDrafts(dice)
    token = drafts.client.token
    body = (b"<r>" if b"<" in _UNITS[unit] else b"<r" if "attributes" in unit else b"") + _UNITS[unit] * (
        HUGE_BYTES // len(_UNITS[unit])
    )
    headers = {"authorization": f"Bearer {token}", "x-sfdc-session": token, "content-type": "application/json"}
    if door in ("soap", "bulk1"):
        headers["content-type"] = "application/xml"
    request = Request(method="POST", path=_PATHS[door], headers=headers, body=body)
    started = process_time()
    answer = drafts.core.handle(request)
    assert process_time() - started < LONGEST_SECONDS
    told: Told = {"marketo": marketo.told, "control": control.told}.get(door, salesforce.told)
    assert told(request, answer)
    assert answer.status == 500 if door == "soap" else answer.status < 500
