"""Quota: calls counted over the last 24 hours, `/limits`, and the small resources about the org itself.

Lives here: the counter and its resources ("Limits", "Record Count", "Versions", "Resources by Version" of the REST
API Developer Guide).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from syncline_sandbox.core.clock import SandboxClock

from .errors import OrgError
from .reading import Reading
from .storage import Storage
from .web import Answer, Call, Route

DAILY_CALLS = 100_000
FIRST_VERSION, LAST_VERSION = 31, 68
_WINDOW = timedelta(hours=24)
_SEASONS = ("Winter", "Spring", "Summer")
# Limits nothing in this sandbox consumes: (name, maximum).
_UNTOUCHED = {
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
    "Package2VersionCreates": 6,
    "PermissionSets": 1_500,
    "SingleEmail": 5_000,
    "StreamingApiConcurrentClients": 20,
}
_KIB_A_RECORD = 2


class ApiUsage:
    """API calls of the last rolling 24 hours, kept by the minute; `maximum` may be set to see exhaustion."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._minutes: deque[tuple[datetime, int]] = deque()
        self._used = 0
        self.maximum = DAILY_CALLS

    def count(self, calls: int = 1) -> None:
        minute = self._clock.now().replace(second=0, microsecond=0)
        earlier = 0
        if self._minutes and self._minutes[-1][0] == minute:
            earlier = self._minutes.pop()[1]
        self._minutes.append((minute, earlier + calls))
        self._used += calls

    @property
    def used(self) -> int:
        while self._minutes and self._clock.now() - self._minutes[0][0] >= _WINDOW:
            self._used -= self._minutes.popleft()[1]
        return self._used

    @property
    def exhausted(self) -> bool:
        return self.used >= self.maximum

    @property
    def header(self) -> tuple[str, str]:
        return "Sforce-Limit-Info", f"api-usage={self.used}/{self.maximum}"

    def clear(self) -> None:
        self._minutes.clear()
        self._used = 0


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
            Route("GET", "recent", lambda _call: Answer(body=[])),
        ]

    def _directory(self, call: Call) -> Answer:
        names = ("sobjects", "query", "queryAll", "limits", "composite", "recent")
        urls = {name: f"{call.data_url}/{name}" for name in names}
        identity = f"{call.caller.base_url}/id/{self._organization_id()}/{call.caller.user_id}"
        return Answer(body={**urls, "jobs": f"{call.data_url}/jobs", "identity": identity})

    def _organization_id(self) -> str:
        return str(self._storage.db.execute('SELECT "Id" FROM "Organization"').fetchone()[0])

    def _limits(self, call: Call) -> Answer:
        if "ViewSetup" not in call.caller.rights.permissions:
            raise OrgError("INSUFFICIENT_ACCESS", "You do not have access to the Limits resource.")
        consumed = self.consumed()
        shape: dict[str, Any] = {
            name: {"Max": maximum, "Remaining": maximum - consumed.get(name, 0)} for name, maximum in _UNTOUCHED.items()
        }
        shape["DailyApiRequests"] = {
            "Max": self._usage.maximum,
            "Remaining": max(0, self._usage.maximum - self._usage.used),
        }
        stored = sum(self._count(name) for name in ("Account", "Contact", "Lead")) * _KIB_A_RECORD // 1024
        shape["DataStorageMB"] = {"Max": 10_240, "Remaining": max(0, 10_240 - stored)}
        return Answer(body=dict(sorted(shape.items())))

    def _record_counts(self, call: Call) -> Answer:
        names = [name for name in call.query.get("sObjects", "Account,Contact,Lead").split(",") if name]
        counted = [(self._reading.object(call.caller, name).name) for name in names]
        rows = [{"count": self._count(name), "name": name} for name in counted]
        return Answer(body={"sObjects": [row for row in rows if row["count"]]})

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
