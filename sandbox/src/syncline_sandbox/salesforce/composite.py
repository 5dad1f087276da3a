"""Composite and Composite Batch: several calls in one request.

Lives here: sub-requests, `@{reference}` interpolation, halting ("Composite", "Composite Batch" of the REST API
Developer Guide). A Composite is one API call; every sub-request of a Batch counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from .errors import OrgError, malformed_json
from .storage import Storage
from .web import Answer, Call, Route, Router, refusal, split_query

MAX_SUBREQUESTS = 25
MAX_QUERY_SUBREQUESTS = 5
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\[\d+\]|\.[A-Za-z0-9_]+)*)\}")
_STEP = re.compile(r"\[(\d+)\]|\.([A-Za-z0-9_]+)")
_DATA_PATH = re.compile(r"/?(?:services/data/)?v(?P<version>\d+\.\d)/(?P<rest>.*)", re.IGNORECASE)
_HEAVY = re.compile(r"/(query(All)?[/?]|composite/sobjects)", re.IGNORECASE)
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."


class _RolledBack(Exception):
    """Ends the transaction of a Composite of which one part failed under allOrNone."""


class CompositeResources:
    """`composite` and `composite/batch`; sub-requests go through the same router as requests of their own."""

    def __init__(self, storage: Storage, router: Callable[[], Router], count_calls: Callable[[int], None]) -> None:
        self._storage = storage
        self._router = router
        self._count_calls = count_calls

    def routes(self) -> list[Route]:
        return [Route("POST", "composite", self._composite), Route("POST", "composite/batch", self._batch)]

    def _composite(self, call: Call) -> Answer:
        body = call.json_object()
        parts = _parts(body, "compositeRequest")
        _check_kinds(parts)
        all_or_none = body.get("allOrNone") is True
        answers: list[Answer] = []
        try:
            with self._storage.savepoint():
                self._run_parts(call, parts, answers, all_or_none)
        except _RolledBack:
            answers = _halted(answers, len(parts))
        shaped = [_composite_part(part, answer) for part, answer in zip(parts, answers, strict=True)]
        return Answer(body={"compositeResponse": shaped})

    def _run_parts(self, call: Call, parts: list[dict[str, Any]], answers: list[Answer], all_or_none: bool) -> None:
        known: dict[str, Any] = {}
        failed: set[str] = set()
        for part in parts:
            try:
                if failed & set(_references(part)):
                    raise OrgError("PROCESSING_HALTED", "Invalid reference specified. The referenced part failed.")
                answer = self.subrequest(
                    call, str(part["method"]), str(_filled(part["url"], known)), _filled(part.get("body"), known), part
                )
            except OrgError as refused:
                answer = refusal(refused)
            answers.append(answer)
            reference = str(part["referenceId"])
            if answer.status < 300:
                known[reference] = answer.body
                continue
            failed.add(reference)
            if all_or_none:
                raise _RolledBack

    def _batch(self, call: Call) -> Answer:
        body = call.json_object()
        parts = _parts(body, "batchRequests")
        self._count_calls(len(parts) - 1)
        results: list[dict[str, Any]] = []
        halted = False
        for part in parts:
            if halted:
                answer = refusal(OrgError("BATCH_PROCESSING_HALTED", "Batch processing halted", status=412))
            else:
                answer = self._answered(call, str(part["method"]), str(part["url"]), part.get("richInput"), part)
            results.append({"statusCode": answer.status, "result": answer.body})
            halted = halted or (answer.status >= 400 and body.get("haltOnError") is True)
        return Answer(body={"hasErrors": any(result["statusCode"] >= 400 for result in results), "results": results})

    def _answered(self, call: Call, method: str, url: str, body: Any, part: Mapping[str, Any]) -> Answer:
        try:
            return self.subrequest(call, method, url, body, part)
        except OrgError as refused:
            return refusal(refused)

    def subrequest(self, call: Call, method: str, url: str, body: Any, part: Mapping[str, Any]) -> Answer:
        """Answer one part of *call*, alone in its savepoint. OrgError when it is refused."""
        path, _, query = url.partition("?")
        match = _DATA_PATH.fullmatch(path)
        if match is None:
            raise OrgError("NOT_FOUND", "The requested resource does not exist")
        headers = {str(name).lower(): str(value) for name, value in (part.get("httpHeaders") or {}).items()}
        caller = replace(
            call.caller,
            version=match["version"],
            request_line=f"{method} {path}",
            headers={**call.caller.headers, **headers},
        )
        inner = Call(
            caller=caller, method=method, path=match["rest"].strip("/"), query=split_query(query), body=body or {}
        )
        with self._storage.savepoint():
            return self._router().answer(inner)


def _parts(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    parts = body.get(name)
    required = ("method", "url", "referenceId") if name == "compositeRequest" else ("method", "url")
    if not isinstance(parts, list) or not all(isinstance(p, dict) and p.keys() >= set(required) for p in parts):
        raise malformed_json(f"The property '{name}' is required to be a list of {', '.join(required)}.")
    if len(parts) > MAX_SUBREQUESTS:
        raise OrgError("INVALID_INPUT", f"Limit exceeded: {MAX_SUBREQUESTS} subrequests")
    references = [part.get("referenceId") for part in parts]
    if name == "compositeRequest" and len(set(references)) < len(references):
        raise OrgError("INVALID_INPUT", "Duplicate ReferenceId provided in the request.")
    return parts


def _check_kinds(parts: list[dict[str, Any]]) -> None:
    heavy = [part for part in parts if _HEAVY.search(str(part["url"]))]
    if len(heavy) > MAX_QUERY_SUBREQUESTS:
        raise OrgError("INVALID_INPUT", f"Limit exceeded: {MAX_QUERY_SUBREQUESTS} query or collection subrequests")


def _composite_part(part: dict[str, Any], answer: Answer) -> dict[str, Any]:
    return {
        "body": answer.body,
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": part["referenceId"],
    }


def _halted(answers: list[Answer], count: int) -> list[Answer]:
    """What is answered when the last of *answers* failed and took all the others with it."""
    bystander = refusal(OrgError("PROCESSING_HALTED", _HALTED))
    return [*[bystander] * (len(answers) - 1), answers[-1], *[bystander] * (count - len(answers))]


def _references(part: dict[str, Any]) -> list[str]:
    text = str(part["url"]) + orjson.dumps(part.get("body")).decode()
    return [match[1] for match in _REFERENCE.finditer(text)]


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    """*value* with each `@{reference.path}` replaced by what the referenced answer holds there."""
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole is not None:
            return _looked_up(whole, known)
        return _REFERENCE.sub(lambda match: str(_looked_up(match, known)), value)
    if isinstance(value, dict):
        return {name: _filled(inner, known) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, known) for inner in value]
    return value


def _looked_up(match: re.Match[str], known: Mapping[str, Any]) -> Any:
    invalid = OrgError("PROCESSING_HALTED", f"Invalid reference specified. No value for {match[0]} found")
    if match[1] not in known:
        raise invalid
    found = known[match[1]]
    for step in _STEP.finditer(match[2]):
        try:
            found = found[int(step[1])] if step[1] else found[step[2]]
        except (KeyError, IndexError, TypeError):
            raise invalid from None
    return found
