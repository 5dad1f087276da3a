"""Is the connection as it should be: who we are, which permissions are missing, how much of the day is left.

Every problem is looked for at once. Nothing is changed: the probe for the right to write sends a write without rows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from syncline.connectors.marketo.client import Envelope, MarketoApi
from syncline.connectors.marketo.errors import Declined
from syncline.errors import AccessError, OurBug, SynclineError
from syncline.ports import Lane
from syncline.records import Problem

_SCARCE = 0.9  # of the day's calls


@dataclass(frozen=True)
class _Probe:
    permission: str
    opens: str
    call: Callable[[MarketoApi], Awaitable[Envelope]]
    blocks: bool = True


def _get(path: str) -> Callable[[MarketoApi], Awaitable[Envelope]]:
    return lambda api: api.get(path, lane=Lane.URGENT)


def _write_nothing(api: MarketoApi) -> Awaitable[Envelope]:
    return api.post("/rest/v1/leads.json", {"action": "updateOnly", "lookupField": "id", "input": []}, lane=Lane.URGENT)


PROBES = (
    _Probe("Read-Only Lead", "reading people", _get("/rest/v1/leads/describe.json")),
    _Probe("Read-Write Lead", "writing people", _write_nothing),
    _Probe("Read-Only Activity", "reading what changed and what was deleted", _get("/rest/v1/activities/types.json")),
    _Probe(
        "Read-Write Schema Custom Field",
        "creating the fields a sync needs",
        _get("/rest/v1/leads/schema/fields.json?batchSize=1"),
        blocks=False,
    ),
)


async def check_connection(api: MarketoApi, name: str | None) -> tuple[str, list[Problem]]:
    """As `ports.Connector.check`; *name* is how activities show us. AccessError if we cannot connect at all."""
    identity = await api.identity()
    problems = [problem for probe in PROBES if (problem := await _missing(api, probe)) is not None]
    try:
        await api.learn_usage(lane=Lane.URGENT, always=True)
        problems += _quota(api)
    except SynclineError as failed:
        problems.append(_problem("SYN-227", "usage", failed.message, "Try again later.", blocks=False))
    shown = f", in activities as {name}" if name and name != identity else ""
    return f"Connected to {api.options.url} as {identity or 'an API user that is not named'}{shown}.", problems


async def _missing(api: MarketoApi, probe: _Probe) -> Problem | None:
    try:
        await probe.call(api)
    except AccessError:
        remedy = f"Give the API user's role the permission {probe.permission} (Admin > Users & Roles > Access API)."
        said = f"The API user lacks {probe.permission}, needed for {probe.opens}."
        return _problem("SYN-224", probe.permission, said, remedy, blocks=probe.blocks)
    except (Declined, OurBug):
        return None  # refused for what it said, not for who asked
    return None


def _quota(api: MarketoApi) -> list[Problem]:
    usage = api.http.budget.usage()
    used, limit = usage.day_used or 0, usage.day_limit or 0
    if used < limit * _SCARCE:
        return []
    said = f"{used} of the day's {limit} calls are used, by all integrations together."
    remedy = "Wait for midnight US Central, or raise daily_quota if the subscription allows more."
    return [_problem("SYN-331", "daily_quota", said, remedy, blocks=used >= limit)]


def _problem(code: str, subject: str, message: str, remedy: str, *, blocks: bool) -> Problem:
    return Problem(code=code, subject=subject, message=message, remedy=remedy, blocks=blocks)
