"""The lists of jobs: filters and pages.

Bulk API 2.0 Developer Guide, "Get Information About All Query Jobs", "Get Information About All Ingest Jobs": up to
1,000 jobs a page; the jobs of Bulk API 1.0 stand in both lists with the type `Classic`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.ids import full_id
from syncline_sandbox.salesforce.web import Answer, Call

JOBS_PER_PAGE = 1000
_TYPES = frozenset({"Classic", "V2Query", "V2Ingest", "BigObjectIngest"})
_MODES = frozenset({"serial", "parallel"})


def job_list(call: Call, infos: Iterable[dict[str, Any]]) -> Answer:
    """The page of jobs a call asks for, the newest first. `isPkChunkingEnabled` is taken off what is shown."""
    wanted = [info for info in infos if all(_fits(info, name, call.query.get(name, "")) for name in _FILTERS)]
    wanted.sort(key=lambda info: str(info["id"]), reverse=True)
    below = _id_of(call.query.get("queryLocator", ""))
    left = [info for info in wanted if below is None or info["id"] < below]
    page = left[:JOBS_PER_PAGE]
    done = len(left) <= JOBS_PER_PAGE
    following = None if done else f"{call.data_url}/{call.path}?queryLocator={_locator(page[-1]['id'])}"
    shown = [{name: value for name, value in info.items() if name != "isPkChunkingEnabled"} for info in page]
    return Answer(body={"done": done, "nextRecordsUrl": following, "records": shown})


def _fits(info: dict[str, Any], name: str, value: str) -> bool:
    if not value:
        return True
    if value not in _FILTERS[name]:
        raise OrgError("INVALID_PARAMETER", f"{name} cannot be {value}"[:200])
    if name == "isPkChunkingEnabled":
        return value == "false" or bool(info.get(name))
    return str(info[name]).lower() == value.lower()


_FILTERS: dict[str, frozenset[str]] = {
    "jobType": _TYPES,
    "concurrencyMode": _MODES | {mode.capitalize() for mode in _MODES},
    "isPkChunkingEnabled": frozenset({"true", "false"}),
}


def _locator(job_id: str) -> str:
    return base64.urlsafe_b64encode(job_id.encode()).decode().rstrip("=")


def _id_of(locator: str) -> str | None:
    if not locator:
        return None
    try:
        job_id = full_id(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode("ascii"))
    except (binascii.Error, ValueError):
        job_id = None
    if job_id is None:
        raise OrgError("INVALID_QUERY_LOCATOR", "invalid query locator")
    return job_id
