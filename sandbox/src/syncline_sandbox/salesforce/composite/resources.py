"""Composite and Batch, and the routes of everything composite but the collections.

Lives here: up to 25 sub-requests, halting, and what each costs: a Composite is one API call, every sub-request of a
Batch counts ("Composite", "Composite Batch" of the REST API Developer Guide).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from syncline_sandbox.salesforce.dml import Dml
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.reading import Reading
from syncline_sandbox.salesforce.schema import Schema
from syncline_sandbox.salesforce.storage import Storage
from syncline_sandbox.salesforce.web import Answer, Call, Route, Router, refusal

from .graph import GraphResource
from .parts import Part, Parts, RolledBack, composite_result, halted, listed, told
from .references import check_reference_ids, filled, references
from .tree import TreeResource

MAX_SUBREQUESTS = 25
MAX_QUERY_SUBREQUESTS = 5
_HEAVY = re.compile(r"/(query(All)?[/?]|composite/sobjects)", re.IGNORECASE)


class CompositeResources:
    """Everything below `composite` but the collections."""

    def __init__(
        self,
        schema: Schema,
        reading: Reading,
        dml: Dml,
        storage: Storage,
        router: Callable[[], Router],
        count_calls: Callable[[int], None],
    ) -> None:
        self._parts = Parts(storage, router)
        self._count_calls = count_calls
        self._tree = TreeResource(schema, reading, dml, storage)
        self._graph = GraphResource(self._parts)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "composite", _directory),
            Route("POST", "composite", self._composite),
            Route("POST", "composite/batch", self._batch),
            Route("POST", "composite/graph", self._graph.answer),
            Route("POST", "composite/tree/{}", self._tree.answer),
        ]

    def _composite(self, call: Call) -> Answer:
        body = call.json_object()
        parts = listed(body, "compositeRequest", ("method", "url", "referenceId"))
        _check_size(parts)
        _check_kinds(parts)
        check_reference_ids([part["referenceId"] for part in parts])
        answers: list[Answer] = []
        try:
            with self._parts.storage.savepoint():
                self._run(call, parts, answers, all_or_none=body.get("allOrNone") is True)
        except RolledBack:
            # The last answer is the one that took all the others with it.
            answers = [
                *[halted()] * (len(answers) - 1),
                answers[-1],
                *[halted()] * (len(parts) - len(answers)),
            ]
        results = [composite_result(part["referenceId"], answer) for part, answer in zip(parts, answers, strict=True)]
        return Answer(body={"compositeResponse": results})

    def _run(self, call: Call, parts: list[dict[str, Any]], answers: list[Answer], *, all_or_none: bool) -> None:
        known: dict[str, Any] = {}
        failed: set[str] = set()
        for part in parts:
            answer = self._answered(call, part, known, failed)
            answers.append(answer)
            if answer.status < 300:
                known[part["referenceId"]] = told(answer)
                continue
            failed.add(part["referenceId"])
            if all_or_none:
                raise RolledBack

    def _answered(self, call: Call, part: dict[str, Any], known: dict[str, Any], failed: set[str]) -> Answer:
        depends = references([part["url"], part.get("body"), part.get("httpHeaders")])
        if failed & depends:
            text = "Invalid reference specified. The referenced part failed."
            return refusal(OrgError("PROCESSING_HALTED", text))
        try:
            url, body, headers = filled([part["url"], part.get("body"), part.get("httpHeaders")], known)
        except OrgError as refused:
            return refusal(refused)
        return self._parts.answer(call, Part(method=str(part["method"]), url=str(url), body=body, headers=headers))

    def _batch(self, call: Call) -> Answer:
        body = call.json_object()
        parts = listed(body, "batchRequests", ("method", "url"))
        _check_size(parts)
        self._count_calls(len(parts) - 1)
        results: list[dict[str, Any]] = []
        halt = False
        for part in parts:
            if halt:
                answer = refusal(OrgError("BATCH_PROCESSING_HALTED", "Batch processing halted", status=412))
            else:
                wanted = Part(method=str(part["method"]), url=str(part["url"]), body=part.get("richInput"))
                answer = self._parts.answer(call, wanted)
            results.append({"statusCode": answer.status, "result": told(answer)})
            halt = halt or (answer.status >= 400 and body.get("haltOnError") is True)
        return Answer(body={"hasErrors": any(result["statusCode"] >= 400 for result in results), "results": results})


def _directory(call: Call) -> Answer:
    names = ("tree", "graph", "batch", "sobjects")
    return Answer(body={name: f"{call.data_url}/composite/{name}" for name in names})


def _check_size(parts: list[dict[str, Any]]) -> None:
    if len(parts) > MAX_SUBREQUESTS:
        raise OrgError("INVALID_INPUT", f"Limit exceeded: {MAX_SUBREQUESTS} subrequests")


def _check_kinds(parts: list[dict[str, Any]]) -> None:
    heavy = [part for part in parts if _HEAVY.search(str(part["url"]))]
    if len(heavy) > MAX_QUERY_SUBREQUESTS:
        raise OrgError("INVALID_INPUT", f"Limit exceeded: {MAX_QUERY_SUBREQUESTS} query or collection subrequests")
