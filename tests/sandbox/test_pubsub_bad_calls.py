"""Whatever is asked of the Pub/Sub API: a documented status and `error-code`, or an error per event; never UNKNOWN."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from grpc import StatusCode

from syncline_sandbox.pubsub.proto import pubsub_api_pb2 as pb
from tests.sandbox.fuzz.pubsub import Context, PubSubCalls
from tests.sandbox.pubsub_client import PREFIX

CALLS = 1000
_STATUSES = {
    StatusCode.INVALID_ARGUMENT, StatusCode.NOT_FOUND, StatusCode.PERMISSION_DENIED, StatusCode.UNAUTHENTICATED,
    StatusCode.RESOURCE_EXHAUSTED, StatusCode.DEADLINE_EXCEEDED,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_bad_calls_are_told_what_is_wrong(seed: int) -> None:
    codes = asyncio.run(_run(random.Random(seed)))
    assert sum(count for code, count in codes.items() if "auth" not in code) > CALLS / 2, codes
    assert len(codes) > 12, codes


async def _run(dice: random.Random) -> Counter[str]:
    calls = PubSubCalls(dice)
    codes: Counter[str] = Counter()
    try:
        for _ in range(CALLS):
            async with asyncio.timeout(10):
                codes[_told(*await calls.one())] += 1
    finally:
        calls.service.close()
    return codes


def _told(rpc: str, context: Context, answer: Any) -> str:
    """How a call ended, in a word."""
    for response in [answer, *context.written]:
        if isinstance(response, pb.PublishResponse):
            _check_results(response)
    if context.ended is None:
        return f"{rpc} done"
    status, details, trailers = context.ended
    assert status in _STATUSES, context.ended
    assert trailers["error-code"].startswith(PREFIX)
    assert str(UUID(trailers["rpc-id"])) in details
    return trailers["error-code"].removeprefix(PREFIX)


def _check_results(response: pb.PublishResponse) -> None:
    assert response.results
    for result in response.results:
        assert bool(result.replay_id) != (result.error.code in (pb.PUBLISH, pb.COMMIT)), result
        assert bool(result.error.msg) != bool(result.replay_id), result
