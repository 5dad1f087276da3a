"""Bulk API 1.0 at the org's door: session, quota, version, resources, and errors in the caller's notation.

Bulk API Developer Guide, "Jobs", "Batches", "Request Basics": the session comes in `X-SFDC-Session`, what is created
is 201, every refusal is 400 with an exceptionCode.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.packed import NotPacked, SwellsTooMuch, unpacked
from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.bulk.allowances import Allowances
from syncline_sandbox.salesforce.bulk.target import JobRefused, object_of, target_of
from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.limits import FIRST_VERSION, LAST_VERSION
from syncline_sandbox.salesforce.web import Answer, Call, Route, Router

from .jobs import ABORTED, CLOSED, COMPLETED, OPEN, QUERIES, TAKES_BATCHES_FOR, AsyncJob, AsyncShelf, Batch
from .notation import CSV, JSON, XML, AsyncError, document, error, read_object, speaks_json, written, written_list
from .notation import NAMESPACE as _NAMESPACE
from .pk_chunks import chunking_of

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg

MAX_BATCH_BYTES = 10_000_000
_PATH = re.compile(r"/services/async/(?P<version>\d+\.\d)(?:/(?P<rest>.*))?", re.IGNORECASE)
_CONTENT_TYPES = {"CSV": CSV, "JSON": JSON, "XML": XML}
# How this API words what the others have a code for.
_CODES = {
    "INVALID_SESSION_ID": ("InvalidSessionId", 400),
    "REQUEST_LIMIT_EXCEEDED": ("ExceededQuota", 400),
    "NOT_FOUND": ("InvalidUrl", 400),
    "METHOD_NOT_ALLOWED": ("MethodNotAllowed", 405),
}
_MODES = {"0": False, "parallel": False, "1": True, "serial": True}


def is_async(path: str) -> bool:
    """True for what is addressed to Bulk API 1.0."""
    return path.lower().startswith("/services/async/")


class AsyncDoor:
    """Answers Bulk API 1.0 for one org. `enabled` is the switch an org without the API has off."""

    def __init__(self, org: SalesforceOrg, shelf: AsyncShelf, allowances: Allowances) -> None:
        self._org = org
        self._shelf = shelf
        self._allowances = allowances
        self._router = Router(self._routes())
        self.enabled = True

    def answer(self, request: Request) -> Answer:
        """Answer a request as one call of the quota, or say why not."""
        org = self._org
        try:
            user_id = org.auth.user_of(request)
            if org.usage.exhausted:
                raise OrgError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
            org.usage.count()
            return self.run(request, user_id)
        except OrgError as refused:
            return self.refusal(request, refused)

    def run(self, request: Request, user_id: str) -> Answer:
        """Answer a request of this user. OrgError when it is refused."""
        match = _PATH.fullmatch(request.path)
        if match is None:
            raise AsyncError("InvalidVersion", "Invalid API version specified on URL")
        if not FIRST_VERSION <= float(match["version"]) <= LAST_VERSION:
            raise AsyncError("InvalidVersion", f"API version {match['version']} is not supported")
        if not self.enabled:
            raise AsyncError("FeatureNotEnabled", "Async API not enabled")
        caller = Caller(
            user_id=user_id,
            rights=self._org.people.rights(user_id),
            version=match["version"],
            request_line=f"{request.method} {request.path}",
            headers=request.headers,
            base_url=request.base_url,
        )
        path = (match["rest"] or "").strip("/")
        return self._router.answer(Call(caller=caller, method=request.method, path=path, body=_body(request)))

    def refusal(self, request: Request, refused: OrgError) -> Answer:
        """A refused request: batch resources in the notation of their job, others in that of the request."""
        json = speaks_json(request.headers)
        parts = request.path.strip("/").split("/")
        if len(parts) > 5 and (job := self._shelf.jobs.get(parts[4])) is not None:
            json = job.json
        if not isinstance(refused, AsyncError):
            code, status = _CODES.get(refused.code, (_camel(refused.code), refused.status))
            message = "Invalid session id" if code == "InvalidSessionId" else refused.message
            refused = AsyncError(code, message, status=status)
        return error(refused, json=json)

    def _routes(self) -> list[Route]:
        return [
            Route("POST", "job", self._create),
            Route("GET", "job/{}", self._info),
            Route("POST", "job/{}", self._settle),
            Route("POST", "job/{}/batch", self._add),
            Route("GET", "job/{}/batch", self._list),
            Route("GET", "job/{}/batch/{}", self._batch),
            Route("GET", "job/{}/batch/{}/request", self._request),
            Route("GET", "job/{}/batch/{}/result", self._result),
            Route("GET", "job/{}/batch/{}/result/{}", self._rows),
        ]

    def _create(self, call: Call) -> Answer:
        json = speaks_json(call.caller.headers)
        spec = read_object(call.body, json=json)
        try:
            job = self._job(call.caller, spec)
        except JobRefused as refused:
            raise AsyncError(refused.code, refused.message) from refused
        self._shelf.jobs[job.id] = job
        return written("jobInfo", job.info(), json=json, status=201)

    def _job(self, caller: Caller, spec: dict[str, Any]) -> AsyncJob:
        content_type = str(spec.get("contentType") or "XML")
        if content_type not in _CONTENT_TYPES:
            raise AsyncError("InvalidJob", f"Content type {content_type} is not supported")
        serial = _MODES.get(str(spec.get("concurrencyMode") or "0").lower())
        if serial is None:
            raise AsyncError("InvalidJob", f"Unknown concurrencyMode: {spec['concurrencyMode']}")
        schema, operation = self._org.schema, str(spec.get("operation"))
        query = operation in QUERIES
        sobject = object_of(spec.get("object"), schema, caller)
        target = None if query else target_of(spec, schema, caller)
        header = caller.headers.get("sforce-enable-pkchunking")
        now = self._org.clock.now()
        return AsyncJob(
            id=self._shelf.new_id(),
            operation=operation,
            sobject=sobject.name,
            content_type=content_type,
            serial=serial,
            caller=caller if target is None else target.caller,
            created_at=now,
            changed_at=now,
            target=target,
            chunking=chunking_of(header, sobject) if query else None,
        )

    def _info(self, call: Call) -> Answer:
        return written("jobInfo", self._shelf.find(call.parts[0]).info(), json=speaks_json(call.caller.headers))

    def _settle(self, call: Call) -> Answer:
        json = speaks_json(call.caller.headers)
        job = self._shelf.find(call.parts[0])
        state = read_object(call.body, json=json).get("state")
        if state not in (CLOSED, ABORTED):
            raise AsyncError("InvalidJobState", f"A job cannot be set to {state}")
        self._shelf.settle(job, state)
        return written("jobInfo", job.info(), json=json)

    def _add(self, call: Call) -> Answer:
        job = self._shelf.find(call.parts[0])
        if job.state != OPEN:
            raise AsyncError("InvalidJobState", f"Job is {job.state} and takes no more batches")
        if job.created_at + TAKES_BATCHES_FOR < self._org.clock.now():
            raise AsyncError("InvalidJobState", "A job takes batches for 24 hours only")
        if len(call.body) > MAX_BATCH_BYTES:
            raise _too_large()
        # Of a chunked query only the chunks count.
        if job.chunking is None and not self._allowances.batches.spend():
            raise AsyncError("ExceededQuota", "ApiBatchItems Limit exceeded.")
        batch = self._shelf.add_batch(job, call.body)
        return written("batchInfo", batch.info(), json=job.json, status=201)

    def _list(self, call: Call) -> Answer:
        job = self._shelf.find(call.parts[0])
        infos = [batch.info() for batch in job.batches.values()]
        return written_list("batchInfoList", "batchInfo", infos, json=job.json)

    def _batch(self, call: Call) -> Answer:
        job, batch = self._found(call)
        return written("batchInfo", batch.info(), json=job.json)

    def _request(self, call: Call) -> Answer:
        job, batch = self._found(call)
        return Answer(raw=batch.body.whole(), content_type=_CONTENT_TYPES[job.content_type])

    def _result(self, call: Call) -> Answer:
        job, batch = self._with_result(call)
        if not job.is_query:
            assert batch.result is not None
            return Answer(raw=batch.result.whole(), content_type=_CONTENT_TYPES[job.content_type])
        if job.json:
            return Answer(body=[batch.result_id], content_type=JSON)
        listed = f"<result>{batch.result_id}</result>"
        return document(f'<result-list xmlns="{_NAMESPACE}">{listed}</result-list>')

    def _rows(self, call: Call) -> Answer:
        job, batch = self._with_result(call)
        if (
            batch.result is None
            or batch.result_id is None
            or call.parts[2] not in (batch.result_id, batch.result_id[:15])
        ):
            raise AsyncError("InvalidBatch", f"Unable to find result with id: {call.parts[2]}")
        return Answer(raw=batch.result.whole(), content_type=_CONTENT_TYPES[job.content_type])

    def _found(self, call: Call) -> tuple[AsyncJob, Batch]:
        job = self._shelf.find(call.parts[0])
        return job, self._shelf.find_batch(job, call.parts[1])

    def _with_result(self, call: Call) -> tuple[AsyncJob, Batch]:
        job, batch = self._found(call)
        if batch.result is None:
            told = "Batch not completed" if batch.state != COMPLETED else "Batch has no result"
            raise AsyncError("InvalidBatch", told)
        return job, batch


def with_session(request: Request) -> Request:
    """The request with the session of `X-SFDC-Session` where other APIs have it; others as they are."""
    session = request.headers.get("x-sfdc-session") if is_async(request.path) else None
    if session is None:
        return request
    return replace(request, headers={**request.headers, "authorization": f"Bearer {session}"})


def _too_large() -> AsyncError:
    return AsyncError("ClientInputError", f"Failed to read request. Exceeded max size limit of {MAX_BATCH_BYTES}")


def _camel(code: str) -> str:
    return "".join(part.capitalize() for part in code.split("_"))


def _body(request: Request) -> bytes:
    if request.headers.get("content-encoding", "").lower() != "gzip":
        return request.body
    try:
        return unpacked(request.body, MAX_BATCH_BYTES)
    except SwellsTooMuch as huge:
        raise _too_large() from huge
    except NotPacked as broken:
        raise AsyncError("ClientInputError", f"The body is not gzip as its Content-Encoding says: {broken}") from broken
