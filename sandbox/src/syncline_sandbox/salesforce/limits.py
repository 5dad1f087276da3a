"""The org's limits and what is left of them, and the small resources about the org itself.

Lives here: "Limits", "Record Count", "Versions" and "Resources by Version" of the REST API Developer Guide. API calls
are counted in `usage.py`, jobs and events where they are run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import OrgError
from .reading import Reading
from .storage import Storage
from .usage import ApiUsage
from .web import Answer, Call, Route

FIRST_VERSION, LAST_VERSION = 31, 68
_SEASONS = ("Winter", "Spring", "Summer")
# What an org has of everything; API calls and storage are counted below.
_MAXIMA = {
    "ActiveScratchOrgs": 40,
    "AnalyticsExternalDataSizeMB": 40960,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentEinsteinDataInsightsStoryCreation": 5,
    "ConcurrentEinsteinDiscoveryStoryCreation": 2,
    "ConcurrentSyncReportRuns": 20,
    "DailyAsyncApexExecutions": 250_000,
    "DailyAsyncApexTests": 500,
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyDeliveredPlatformEvents": 50_000,
    "DailyDurableGenericStreamingApiEvents": 10_000,
    "DailyDurableStreamingApiEvents": 10_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyScratchOrgs": 80,
    "DailyStandardVolumePlatformEvents": 25_000,
    "DailyStreamingApiEvents": 10_000,
    "DailyWorkflowEmails": 1_000,
    "DurableStreamingApiConcurrentClients": 20,
    "FileStorageMB": 10_240,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5_000,
    "HourlyDashboardStatuses": 999_999_999,
    "HourlyLongTermIdMapping": 100_000,
    "HourlyManagedContentPublicRequests": 50_000,
    "HourlyODataCallout": 20_000,
    "HourlyPublishedPlatformEvents": 50_000,
    "HourlyPublishedStandardVolumePlatformEvents": 1_000,
    "HourlyShortTermIdMapping": 100_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 1_000,
    "MassEmail": 5_000,
    "MonthlyPlatformEvents": 750_000,
    "MonthlyPlatformEventsUsageEntitlement": 0,
    "Package2VersionCreates": 6,
    "PermissionSets": 1_500,
    "SingleEmail": 5_000,
    "StreamingApiConcurrentClients": 20,
}
_STORAGE_MB = 10_240
_KIB_A_RECORD = {"Campaign": 8}
_KIB_OF_OTHERS = 2
_DIRECTORY = (
    "tooling",
    "tabs",
    "quickActions",
    "queryAll",
    "search",
    "composite",
    "parameterizedSearch",
    "theme",
    "recent",
    "limits",
    "query",
    "sobjects",
)


class LimitResources:
    """`limits`, `limits/recordCount`, the resource directory. `consumed` yields what Bulk jobs used, by limit name."""

    def __init__(
        self, usage: ApiUsage, reading: Reading, storage: Storage, consumed: Callable[[], dict[str, int]] = dict
    ) -> None:
        self._usage = usage
        self._reading = reading
        self._storage = storage
        self.consumed = consumed

    def routes(self) -> list[Route]:
        return [
            Route("GET", "", self._directory),
            Route("GET", "limits", self._limits),
            Route("GET", "limits/recordCount", self._record_counts),
        ]

    def _directory(self, call: Call) -> Answer:
        urls = {name: f"{call.data_url}/{name}" for name in _DIRECTORY}
        identity = f"{call.caller.base_url}/id/{self._organization_id()}/{call.caller.user_id}"
        return Answer(body={**urls, "jobs": f"{call.data_url}/jobs", "identity": identity})

    def _organization_id(self) -> str:
        return str(self._storage.db.execute('SELECT "Id" FROM "Organization"').fetchone()[0])

    def _limits(self, call: Call) -> Answer:
        if "ViewSetup" not in call.caller.rights.permissions:
            raise OrgError("INSUFFICIENT_ACCESS", "You do not have access to the Limits resource.")
        consumed = self.consumed()
        shape: dict[str, Any] = {
            name: {"Max": maximum, "Remaining": maximum - consumed.get(name, 0)} for name, maximum in _MAXIMA.items()
        }
        shape["DailyApiRequests"] = {
            "Max": self._usage.maximum,
            "Remaining": max(0, self._usage.maximum - self._usage.used),
        }
        shape["DataStorageMB"] = {"Max": _STORAGE_MB, "Remaining": max(0, _STORAGE_MB - self._stored_mb())}
        shape["PermissionSets"]["CreateCustom"] = {"Max": 1_000, "Remaining": 1_000}
        return Answer(body=dict(sorted(shape.items())))

    def _stored_mb(self) -> int:
        """What records take: nearly every one counts the same, whatever is in it."""
        tables = [sobject.table for sobject in self._storage.schema.sobjects() if sobject.createable]
        return sum(self._count(table) * _KIB_A_RECORD.get(table, _KIB_OF_OTHERS) for table in tables) // 1024

    def _record_counts(self, call: Call) -> Answer:
        named = [name for name in call.query.get("sObjects", "").split(",") if name]
        names = named or [sobject.name for sobject in self._storage.schema.sobjects()]
        seen = [self._reading.object(call.caller, name) for name in names if named or self._visible(call, name)]
        rows = [{"count": self._count(sobject.table), "name": sobject.name} for sobject in seen]
        # Of an object that was not counted yet, or has nothing to count, nothing is said.
        return Answer(body={"sObjects": [row for row in rows if row["count"]]})

    def _visible(self, call: Call, name: str) -> bool:
        return call.caller.rights.can_read_object(name)

    def _count(self, table: str) -> int:
        return int(self._storage.db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])


def version_list() -> list[dict[str, str]]:
    """What `/services/data` answers: every version served, oldest first."""
    versions = []
    for number in range(FIRST_VERSION, LAST_VERSION + 1):
        # Version 65 is Winter '26; three releases a year.
        years, season = divmod(number - 65, 3)
        label = f"{_SEASONS[season]} '{26 + years:02d}"
        versions.append({"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"})
    return versions
