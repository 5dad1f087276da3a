"""The session's pair of sandboxes over HTTP, and a stage of its own for every scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.scenarios.stage import Served, Stage

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

OWNER_TITLE = {
    "name": "Owner_Title__c",
    "formula": "Owner:User.Title",
    "formula_sql": '(SELECT u."Title" FROM "User" u WHERE u."Id" = {row}."OwnerId")',
}
"""A formula field of the org, mapped by the scenarios that are about formulas."""

MakeStage = Callable[..., Stage]


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    clock = SandboxClock(frozen_at=START)
    org = SalesforceOrg(clock=clock)
    org.add_field("Lead", OWNER_TITLE)
    with serve(org) as org_url, serve(MarketoInstance(clock=clock)) as instance_url:
        yield Served(clock=clock, org_url=org_url, instance_url=instance_url)


@pytest.fixture
def make_stage(served: Served, tmp_path: Path) -> Iterator[MakeStage]:
    """Makes the scenario's stage: `make_stage("native")`, with the sync's other settings by name."""
    with ExitStack() as stack:

        def make(preset: str, **sync: object) -> Stage:
            served.clock.set(START)
            stage = Stage(served, tmp_path, preset, **sync)
            stack.callback(stage.close)
            return stage.set_up()

        yield make
