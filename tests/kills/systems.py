"""Both sandboxes in a process that can be copied: what they hold is in memory, so a fork of it holds the same.

The module of a nursery (`nursery`): it serves while people and Syncline make the starting condition, falls still, and
is then forked once for each trial. Everything goes over HTTP.
"""

from __future__ import annotations

import signal
from contextlib import ExitStack
from datetime import datetime

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.kills.nursery import Say

_serving = ExitStack()
_cores: list[SalesforceOrg | MarketoInstance] = []


def begin(say: Say, at: str) -> None:
    """Two empty systems on ports; says their URLs."""
    _cores[:] = [
        make(clock=SandboxClock(frozen_at=datetime.fromisoformat(at))) for make in (SalesforceOrg, MarketoInstance)
    ]
    say(_serve(_serving))


def fall_still(_: Say) -> None:
    """No port and no thread is left; what they hold stays."""
    _serving.close()


def copy(say: Say) -> None:
    """In a fork: the same two systems on ports of their own, until killed."""
    with ExitStack() as stack:
        say(_serve(stack))
        signal.pause()


def _serve(stack: ExitStack) -> list[str]:
    return [stack.enter_context(serve(core)) for core in _cores]
