"""The bulk APIs as the org sees them, 1.0 and 2.0, put together.

Lives here: construction, the routes, the switches of the control endpoint, and what the org asks of all jobs at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.clock import seconds_of
from syncline_sandbox.salesforce.bulk1.door import AsyncDoor
from syncline_sandbox.salesforce.bulk1.extract import BatchQuery
from syncline_sandbox.salesforce.bulk1.jobs import AsyncJob, AsyncShelf, Batch
from syncline_sandbox.salesforce.bulk1.load import BatchLoad
from syncline_sandbox.salesforce.bulk2.ingest import MAX_UPLOAD_BYTES, BulkIngest
from syncline_sandbox.salesforce.bulk2.query import BulkQuery
from syncline_sandbox.salesforce.web import Route

from .allowances import Allowances
from .platform import Platform, Transaction

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg


class Bulk:
    """Both bulk APIs of one org. Each chunk of a load has a *transaction* of its own; `door` answers Bulk API 1.0."""

    def __init__(self, org: SalesforceOrg, transaction: Transaction) -> None:
        self.allowances = Allowances(org.clock)
        platform = Platform(
            schema=org.schema,
            storage=org.storage,
            reading=org.reading,
            queries=org.query.runs,
            dml=org.dml,
            clock=org.clock,
            ids=org.ids,
            faults=org.faults,
            allowances=self.allowances,
            transaction=transaction,
        )
        self.shelf = AsyncShelf(org.clock, org.ids, self._work)
        self._load = BatchLoad(platform)
        self._extract = BatchQuery(platform, self.shelf.add_batch)
        self.door = AsyncDoor(org, self.shelf, self.allowances)
        self.query = BulkQuery(platform, self._classic(queries=True))
        self.ingest = BulkIngest(platform, self._classic(queries=False))

    def routes(self) -> list[Route]:
        """The resources of Bulk API 2.0."""
        return [*self.query.routes(), *self.ingest.routes()]

    def run_due(self) -> None:
        """Let the platform work on the jobs that are due. Called before a request is answered, in no transaction."""
        self.ingest.shelf.run_due()
        self.query.shelf.run_due()
        self.shelf.run_due()

    def take_seconds(self, processing_seconds: float) -> None:
        """Let jobs and batches take this long by the sandbox's clock from now on; 0: done at the next request."""
        for shelf in (self.ingest.shelf, self.query.shelf, self.shelf):
            shelf.processing_seconds = processing_seconds

    def switch(self, wanted: Mapping[str, Any]) -> None:
        """What the control endpoint can set. ValueError for what is none of it."""
        if unknown := wanted.keys() - {"processing_seconds", "async_api_enabled", "max_upload_bytes"}:
            raise ValueError(f"nothing in bulk is called {', '.join(sorted(unknown))}")
        if "processing_seconds" in wanted:
            self.take_seconds(seconds_of(wanted["processing_seconds"]))
        self.door.enabled = bool(wanted.get("async_api_enabled", self.door.enabled))
        self.ingest.max_upload_bytes = int(wanted.get("max_upload_bytes", self.ingest.max_upload_bytes))

    def consumed(self) -> dict[str, int]:
        """What `/limits` subtracts, by limit name."""
        return self.allowances.consumed()

    def clear(self) -> None:
        """Forget every job, what was consumed, and the switches."""
        for shelf in (self.ingest.shelf, self.query.shelf, self.shelf):
            shelf.clear()
        self.take_seconds(0.0)
        self.allowances.clear()
        self.door.enabled = True
        self.ingest.max_upload_bytes = MAX_UPLOAD_BYTES

    def _work(self, job: AsyncJob, batch: Batch) -> None:
        (self._extract if job.is_query else self._load).work(job, batch)

    def _classic(self, *, queries: bool) -> Callable[[], Iterator[dict[str, Any]]]:
        """The jobs of Bulk API 1.0 as the lists of 2.0 have them."""
        return lambda: (job.list_info() for job in self.shelf.jobs.values() if job.is_query == queries)
