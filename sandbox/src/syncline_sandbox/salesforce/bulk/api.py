"""Bulk API 2.0 as the org sees it: both kinds of jobs put together.

Lives here: construction, the routes, and what the org asks of all jobs at once. The jobs are in `bulk2/query.py` and
`bulk2/ingest.py`.
"""

from __future__ import annotations

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.salesforce.bulk2.ingest import BulkIngest
from syncline_sandbox.salesforce.bulk2.load import IngestRun, Transaction
from syncline_sandbox.salesforce.bulk2.query import BulkQuery
from syncline_sandbox.salesforce.dml import Dml
from syncline_sandbox.salesforce.ids import IdSource
from syncline_sandbox.salesforce.reading import Reading
from syncline_sandbox.salesforce.schema import Schema
from syncline_sandbox.salesforce.web import Route


class Bulk:
    """The Bulk API 2.0 of one org. Each chunk of an ingest job has a *transaction* of its own."""

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
        self.query = BulkQuery(schema, reading, clock, ids)
        self.ingest = BulkIngest(schema, clock, ids, IngestRun(schema, dml, clock, faults, transaction))

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
        return {**self.ingest.consumed(), **self.query.consumed()}

    def clear(self) -> None:
        """Forget every job and what was consumed."""
        for shelf in (self.ingest.shelf, self.query.shelf):
            shelf.clear()
        run = self.ingest.run
        for allowance in (run.daily_batches, run.daily_records, self.query.daily_jobs):
            allowance.clear()
