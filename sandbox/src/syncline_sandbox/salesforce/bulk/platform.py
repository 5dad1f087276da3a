"""What bulk jobs work with: the parts of the org a load or a query needs, in one hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.salesforce.dml import Dml
from syncline_sandbox.salesforce.ids import IdSource
from syncline_sandbox.salesforce.query_runs import QueryRuns
from syncline_sandbox.salesforce.reading import Reading
from syncline_sandbox.salesforce.schema import Schema
from syncline_sandbox.salesforce.storage import Storage

from .allowances import Allowances

Transaction = Callable[[str | None], AbstractContextManager[None]]
"""Opens a transaction of the platform; the text replaces the stamp its writes bear."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Each chunk of a load has a *transaction* of its own; `allowances` are those of the day."""

    schema: Schema
    storage: Storage
    reading: Reading
    queries: QueryRuns
    dml: Dml
    clock: SandboxClock
    ids: IdSource
    faults: FaultPlan
    allowances: Allowances
    transaction: Transaction
