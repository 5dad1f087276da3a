"""The routes of bulk extract and import, which have no /rest before them."""

from __future__ import annotations

from collections.abc import Iterator

from syncline_sandbox.marketo.bulk.room import Bulk
from syncline_sandbox.marketo.routes import (
    RO_ACTIVITY,
    RO_CUSTOM_OBJECT,
    RO_LEAD,
    RW_CUSTOM_OBJECT,
    RW_LEAD,
    Route,
)

V1 = "/bulk/v1"
# path → what exporting it needs
EXPORTS = {
    f"{V1}/leads/export": RO_LEAD,
    f"{V1}/activities/export": RO_ACTIVITY,
    f"{V1}/program/members/export": RO_LEAD,
    f"{V1}/customobjects/{{name}}/export": RO_CUSTOM_OBJECT,
}
# path that starts an import, path of its status, path of its files, permission
IMPORTS = (
    (f"{V1}/leads", f"{V1}/leads/batch/{{id}}", f"{V1}/leads/batch/{{id}}", RW_LEAD),
    (
        f"{V1}/program/{{id}}/members/import",
        f"{V1}/program/members/import/{{id}}/status",
        f"{V1}/program/members/import/{{id}}",
        RW_LEAD,
    ),
    (
        f"{V1}/customobjects/{{name}}/import",
        f"{V1}/customobjects/{{name}}/import/{{id}}/status",
        f"{V1}/customobjects/{{name}}/import/{{id}}",
        RW_CUSTOM_OBJECT,
    ),
)


def bulk_routes(bulk: Bulk) -> Iterator[Route]:
    for base, permission in EXPORTS.items():
        yield Route("GET", f"{base}.json", permission, bulk.exports.jobs)
        yield Route("POST", f"{base}/create.json", permission, bulk.exports.create)
        yield Route("POST", f"{base}/{{id}}/enqueue.json", permission, bulk.exports.enqueue)
        yield Route("POST", f"{base}/{{id}}/cancel.json", permission, bulk.exports.cancel)
        yield Route("GET", f"{base}/{{id}}/status.json", permission, bulk.exports.status)
        yield Route("GET", f"{base}/{{id}}/file.json", permission, bulk.exports.file)
    for start, status, files, permission in IMPORTS:
        yield Route("POST", f"{start}.json", permission, bulk.imports.start)
        yield Route("GET", f"{status}.json", permission, bulk.imports.status)
        yield Route("GET", f"{files}/failures.json", permission, bulk.imports.failures)
        yield Route("GET", f"{files}/warnings.json", permission, bulk.imports.warnings)
