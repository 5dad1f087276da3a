"""The bulk APIs as the org sees them, 1.0 and 2.0, put together.

Lives here: construction, the routes, the switches of the control endpoint, and what the org asks of all jobs at once.
"""

from __future__ import annotations

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.salesforce.bulk2.ingest import BulkIngest
from syncline_sandbox.salesforce.bulk2.load import IngestRun
from syncline_sandbox.salesforce.bulk2.query import BulkQuery
from syncline_sandbox.salesforce.dml import Dml
from syncline_sandbox.salesforce.ids import IdSource
from syncline_sandbox.salesforce.reading import Reading
from syncline_sandbox.salesforce.schema import Schema
from syncline_sandbox.salesforce.web import Route

from .allowances import Allowances
from .chunks import Transaction


class Bulk:
    """Both bulk APIs of one org. Each chunk of a load has a *transaction* of its own."""

    def __init__(
        self,
        schema: Schema,
        reading: Reading,
        dml: Dml,
        clock: SandboxClock,
        ids: IdSource,
        faults: FaultPlan,
        transaction: Transaction,
    ) -> None:
        self.allowances = Allowances(clock)
        run = IngestRun(schema, dml, clock, faults, transaction, self.allowances)
        self.query = BulkQuery(schema, reading, clock, ids, faults, self.allowances.query_jobs, lambda: ())
        self.ingest = BulkIngest(schema, clock, ids, run, lambda: ())

    def routes(self) -> list[Route]:
        return [*self.query.routes(), *self.ingest.routes()]

    def run_due(self) -> None:
        """Let the platform work on the jobs that are due. Called before a request is answered, in no transaction."""
        self.ingest.shelf.run_due()
        self.query.shelf.run_due()

    def take_seconds(self, processing_seconds: float) -> None:
        """Let jobs closed from now on take this long by the sandbox's clock; 0 means done at the next request."""
        self.ingest.shelf.processing_seconds = processing_seconds
        self.query.shelf.processing_seconds = processing_seconds

    def consumed(self) -> dict[str, int]:
        """What `/limits` subtracts, by limit name."""
        return self.allowances.consumed()

    def clear(self) -> None:
        """Forget every job and what was consumed."""
        for shelf in (self.ingest.shelf, self.query.shelf):
            shelf.clear()
        self.allowances.clear()
