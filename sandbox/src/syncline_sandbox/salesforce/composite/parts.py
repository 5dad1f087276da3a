"""One part of a composite request: its address, its headers, its own savepoint, its place in the answer.

Lives here: what Composite, Batch and Graph share. Official examples write `/services/data/v61.0/…`, `v61.0/…` or
`/v61.0/…` ("Composite Batch" of the REST API Developer Guide); all three are one address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from syncline_sandbox.salesforce.errors import OrgError, malformed_json, not_found
from syncline_sandbox.salesforce.intake import check_version
from syncline_sandbox.salesforce.storage import Storage
from syncline_sandbox.salesforce.web import Answer, Call, Router, refusal, split_query

_ADDRESS = re.compile(r"/?(?:services/data/)?v(?P<version>\d+\.\d)/(?P<rest>.*)", re.IGNORECASE)
_NESTED = re.compile(r"composite(/batch|/graph)?", re.IGNORECASE)
HALTED = "The transaction was rolled back since another operation in the same transaction failed."


class RolledBack(Exception):
    """Ends the savepoint of parts that stand or fall together."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part as it was asked for, references filled in."""

    method: str
    url: str
    body: Any = None
    headers: Mapping[str, Any] | None = None


class Parts:
    """Runs parts through the router that serves requests of their own."""

    def __init__(self, storage: Storage, router: Callable[[], Router]) -> None:
        self.storage = storage
        self._router = router

    def answer(self, call: Call, part: Part) -> Answer:
        """The answer of one part, alone in its savepoint; a refused one is answered as an error array."""
        try:
            inner = self.call(call, part)
            with self.storage.savepoint():
                return self._router().answer(inner)
        except OrgError as refused:
            return refusal(refused)

    def call(self, call: Call, part: Part) -> Call:
        """The call a part makes within *call*. OrgError when it is addressed to nothing it may be addressed to."""
        path, _, query = part.url.partition("?")
        match = _ADDRESS.fullmatch(path)
        if match is None:
            raise not_found()
        check_version(float(match["version"]))
        rest = match["rest"].strip("/")
        if _NESTED.fullmatch(rest):
            raise OrgError("INVALID_INPUT", "A composite request cannot hold another one.")
        own = {str(name).lower(): str(value) for name, value in (part.headers or {}).items()}
        caller = replace(
            call.caller,
            version=match["version"],
            request_line=f"{part.method} {path}",
            headers={**call.caller.headers, **own},
        )
        body = {} if part.body is None else part.body
        return Call(caller=caller, method=part.method.upper(), path=rest, query=split_query(query), body=body)


def listed(body: dict[str, Any], name: str, required: tuple[str, ...]) -> list[dict[str, Any]]:
    """The list of parts under *name*. OrgError JSON_PARSER_ERROR unless each has the required properties."""
    parts = body.get(name)
    if not isinstance(parts, list) or not all(isinstance(p, dict) and p.keys() >= set(required) for p in parts):
        raise malformed_json(f"The property '{name}' is required to be a list of {', '.join(required)}.")
    if not all(isinstance(part.get("httpHeaders") or {}, dict) for part in parts):
        raise malformed_json("The property 'httpHeaders' is required to be an object.")
    return parts


def told(answer: Answer) -> Any:
    """The body of a part's answer as a value inside another body."""
    return answer.raw.decode(errors="replace") if answer.raw is not None else answer.body


def composite_result(reference_id: Any, answer: Answer) -> dict[str, Any]:
    """The element of `compositeResponse`."""
    return {
        "body": told(answer),
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": reference_id,
    }


def halted() -> Answer:
    """What a part is told that was undone, or never tried, because of another."""
    return refusal(OrgError("PROCESSING_HALTED", HALTED))
