"""The org's REST surface: token flows, JSON in and out, queries with their pages, Composite.

No object or field is known here, and nothing is interpreted but the envelopes.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from syncline.connectors.salesforce import soap
from syncline.connectors.salesforce.errors import error_of, judge, vendor_errors
from syncline.connectors.salesforce.manifest import DEFAULT_API_VERSION
from syncline.errors import AccessError, ConfigError, NotUnderstood, OutcomeUnknown, RateLimited, Unavailable
from syncline.net.auth import Token, TokenRefused
from syncline.net.budget import Budget, Limits
from syncline.net.client import HttpClient
from syncline.ports import Clock, HttpRequest, HttpResponse, Lane, Random, Transport
from syncline.values import micros

CLIENT_NAME = "syncline"

# "URI + headers: 16,384 bytes" (Salesforce Developer Limits Quick Reference); the rest is left to the headers.
URL_BYTES = 12_000

# Of the subrequests "up to 5 … query or collections" (REST API Developer Guide, "Composite").
COMPOSITE_QUERIES = 5

# A REST call may run ten minutes ("API Request Limits and Allocations"); a query two, of which we wait a little more.
QUERY_TIMEOUT_SECONDS = 150.0
WRITE_TIMEOUT_SECONDS = 120.0

_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")

# Numbers keep the digits the vendor wrote: a float would round them.
_json = msgspec.json.Decoder(float_hook=str)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One decoded answer. `sent_us` by our clock; `server_at` is the server's clock when it began to work on it."""

    body: Any
    status: int
    headers: Mapping[str, str]
    sent_us: int
    server_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Part:
    """One sub-request of a Composite. `path` is below `/services/data/vXX.0`, query string included."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PartAnswer:
    """What one sub-request was answered."""

    status: int
    body: Any


class SalesforceClient:
    """REST calls of one connection. Paths given to it are below `/services/data/vXX.0`."""

    def __init__(self, settings: Mapping[str, str], transport: Transport, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._settings = settings
        version = settings.get("api_version") or DEFAULT_API_VERSION
        self.root = f"/services/data/v{version}"
        self.version = version
        self.budget = Budget(Limits(concurrent=10), clock)
        self._http = HttpClient(
            transport=transport,
            clock=clock,
            random=random,
            budget=self.budget,
            base_url=_required(settings, "url").rstrip("/"),
            judge=judge,
            flow=self._token_flow,
            learn=self._learn,
            secrets=[settings.get("client_secret") or "", settings.get("password") or ""],
        )

    async def token(self) -> Token:
        return await self._http.token()

    async def renew(self, refused: Token) -> Token:
        """A token other than *refused*, which a call outside of REST was refused for."""
        return await self._http.renew(refused)

    async def get(self, path: str, lane: Lane, *, headers: Mapping[str, str] | None = None) -> Answer:
        """GET a resource; *path* may also be absolute on the instance, as `nextRecordsUrl` is."""
        return await self.call("GET", path, lane, headers=headers)

    async def call(
        self,
        method: str,
        path: str,
        lane: Lane,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        is_safe: bool | None = None,
        timeout_seconds: float = QUERY_TIMEOUT_SECONDS,
    ) -> Answer:
        """One call. *body* is sent as JSON, bytes as CSV; a JSON answer is decoded, any other comes as bytes."""
        url = path if path.startswith("/services/") else self.root + path
        content, kind = _encoded(body)
        request = HttpRequest(
            method=method,
            url=url,
            headers={"Sforce-Call-Options": f"client={CLIENT_NAME}", **kind, **(headers or {})},
            body=content,
            timeout_seconds=timeout_seconds,
        )
        sent_at = self._clock.now()
        response = await self._http.send(request, lane=lane, is_safe=is_safe)
        return Answer(
            body=_decoded(response) if method == "GET" or is_safe else _decoded_of_write(response),
            status=response.status,
            headers=response.headers,
            sent_us=micros(sent_at),
            server_at=_server_time(response, self._clock.now() - sent_at),
        )

    async def query(self, soql: str, lane: Lane, *, with_deleted: bool = False) -> AsyncIterator[Answer]:
        """The pages of a query, each an Answer whose body has `records`, `totalSize` and `done`.

        Ends only when the server says `done`: a short page is no end ("Sforce-Query-Options").
        """
        answer = await self._first_page(query_path(soql, with_deleted=with_deleted), lane)
        while True:
            page = answer.body
            if not isinstance(page, dict) or "records" not in page:
                raise NotUnderstood("Salesforce answered a query without records.", evidence=repr(page)[:500])
            yield answer
            if page.get("done"):
                return
            if not page.get("nextRecordsUrl"):
                raise NotUnderstood("Salesforce says a query is not done and names no next page.")
            answer = await self.get(page["nextRecordsUrl"], lane)

    async def queries(self, soqls: Sequence[str], lane: Lane, *, with_deleted: bool) -> list[Answer]:
        """The pages of several queries, as few calls as they fit into."""
        if len(soqls) == 1:
            return [answer async for answer in self.query(soqls[0], lane, with_deleted=with_deleted)]
        pages: list[Answer] = []
        for start in range(0, len(soqls), COMPOSITE_QUERIES):
            few = soqls[start : start + COMPOSITE_QUERIES]
            parts = [Part(method="GET", path=query_path(soql, with_deleted=with_deleted)) for soql in few]
            found, answer = await self.composite(parts, lane, is_safe=True)
            for part in found:
                if part.status >= 400:
                    raise error_of(part.status, part.body)
                pages.append(replace(answer, body=part.body))
                pages += await self._further_pages(part.body, lane)
        return pages

    async def _further_pages(self, body: Mapping[str, Any], lane: Lane) -> list[Answer]:
        pages: list[Answer] = []
        while not body["done"]:
            pages.append(await self.get(body["nextRecordsUrl"], lane))
            body = pages[-1].body
        return pages

    async def composite(
        self, parts: Sequence[Part], lane: Lane, *, is_safe: bool, headers: Mapping[str, str] | None = None
    ) -> tuple[list[PartAnswer], Answer]:
        """Run *parts* in order as one API call; a failing part does not undo the others."""
        body = {
            "allOrNone": False,
            "compositeRequest": [self._part(number, part, headers or {}) for number, part in enumerate(parts)],
        }
        answer = await self.call(
            "POST",
            "/composite",
            lane,
            body=body,
            headers=headers,
            is_safe=is_safe,
            timeout_seconds=QUERY_TIMEOUT_SECONDS if is_safe else WRITE_TIMEOUT_SECONDS,
        )
        found = answer.body.get("compositeResponse") if isinstance(answer.body, dict) else None
        if not isinstance(found, list) or len(found) != len(parts):
            said = "Salesforce answered a Composite with another number of parts than were sent."
            raise NotUnderstood(said) if is_safe else OutcomeUnknown(said)
        return [PartAnswer(status=item["httpStatusCode"], body=item["body"]) for item in found], answer

    async def soap(self, call: str, arguments: str, lane: Lane, *, headers: str = "") -> bytes:
        """One SOAP call that writes; the body of its answer. The session travels inside the envelope.

        Raises as a write does: OutcomeUnknown if it may have been carried out; CallRefused names a row's own trouble.
        """
        token = await self._http.token()
        try:
            return await self._enveloped(token, call, arguments, lane, headers)
        except TokenRefused:  # the client renewed the token, and the envelope still held the old one
            return await self._enveloped(await self._http.token(), call, arguments, lane, headers)

    async def _enveloped(self, token: Token, call: str, arguments: str, lane: Lane, headers: str) -> bytes:
        said = f"<CallOptions>{soap.element('client', CLIENT_NAME)}</CallOptions>{headers}"
        request = HttpRequest(
            method="POST",
            url=soap.SOAP_PATH + self.version,
            headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'},
            body=soap.envelope(token.value, call, arguments, said),
            timeout_seconds=WRITE_TIMEOUT_SECONDS,
        )
        return (await self._http.send(request, lane=lane, is_safe=False)).body

    async def aclose(self) -> None:
        await self._http.aclose()

    def _part(self, number: int, part: Part, headers: Mapping[str, str]) -> dict[str, Any]:
        shape: dict[str, Any] = {"method": part.method, "url": self.root + part.path, "referenceId": f"part{number}"}
        if part.body is not None:
            shape["body"] = part.body
        if part.headers or headers:
            shape["httpHeaders"] = {**headers, **part.headers}
        return shape

    async def _first_page(self, path: str, lane: Lane) -> Answer:
        """A long query travels inside a Composite: `/query` takes no POST and the URI is limited."""
        if len(path) <= URL_BYTES:
            return await self.get(path, lane)
        (part,), answer = await self.composite([Part(method="GET", path=path)], lane, is_safe=True)
        if part.status >= 400:
            raise error_of(part.status, part.body)
        return replace(answer, body=part.body)

    def _learn(self, response: HttpResponse) -> None:
        """`Sforce-Limit-Info: api-usage=18/5000; per-app-api-usage=…` comes with every REST answer."""
        if match := _USAGE.search(response.headers.get("sforce-limit-info", "")):
            self.budget.learn_day(int(match[1]), int(match[2]))

    def _token_flow(self) -> Generator[HttpRequest, HttpResponse, Token]:
        """ "OAuth 2.0 Client Credentials Flow", or "Username-Password Flow" if the settings name a user."""
        settings = self._settings
        form = {
            "grant_type": "client_credentials",
            "client_id": _required(settings, "client_id"),
            "client_secret": _required(settings, "client_secret"),
        }
        if settings.get("username"):
            form |= {
                "grant_type": "password",
                "username": settings["username"],
                "password": _required(settings, "password"),
            }
        response = yield HttpRequest(
            method="POST",
            url=_required(settings, "url").rstrip("/") + "/services/oauth2/token",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
        )
        body = _decoded(response)
        if response.status != 200 or not isinstance(body, dict) or "access_token" not in body:
            raise _login_error(response.status, body)
        return Token(value=body["access_token"], base_url=body.get("instance_url"), identity=body.get("id"))


def query_path(soql: str, *, with_deleted: bool) -> str:
    """The path of a query below the version's root; *with_deleted* includes what is in the recycle bin."""
    return f"/{'queryAll' if with_deleted else 'query'}?q={quote(soql, safe='')}"


def _required(settings: Mapping[str, str], name: str) -> str:
    value = settings.get(name)
    if not value:
        raise ConfigError(f"The Salesforce connection has no {name}.", remedy=f"Set {name}.")
    return value


def _encoded(body: Any) -> tuple[bytes, dict[str, str]]:
    if body is None:
        return b"", {}
    if isinstance(body, bytes):
        return body, {"Content-Type": "text/csv; charset=UTF-8"}
    return msgspec.json.encode(body), {"Content-Type": "application/json"}


def _decoded(response: HttpResponse) -> Any:
    if not response.body:
        return None
    if "json" not in response.headers.get("content-type", "application/json"):
        return response.body
    try:
        return _json.decode(response.body)
    except msgspec.DecodeError as broken:
        if response.status >= 500:
            return response.body
        raise NotUnderstood(
            f"Salesforce answered with broken JSON: {broken}.", evidence=response.body[:500].decode("utf-8", "replace")
        ) from broken


def _decoded_of_write(response: HttpResponse) -> Any:
    """As `_decoded`; the write was carried out, so an answer that cannot be read leaves its outcome unknown."""
    try:
        return _decoded(response)
    except NotUnderstood as broken:
        raise OutcomeUnknown(broken.message, evidence=broken.evidence) from broken


def _server_time(response: HttpResponse, took: timedelta) -> datetime | None:
    """The server's clock when the request arrived at the latest: its Date, stamped on leaving, less the time taken."""
    date = response.headers.get("date")
    return parsedate_to_datetime(date) - took if date else None


def _login_error(status: int, body: Any) -> AccessError | RateLimited | Unavailable | NotUnderstood:
    """ "OAuth 2.0 Authorization Errors": an object with `error`, never the REST array."""
    errors = vendor_errors(body)
    if not errors:
        return NotUnderstood(f"The token endpoint answered HTTP {status} and neither a token nor an error.")
    error = errors[0]
    if error.code == "rate_limit_exceeded":
        return RateLimited(f"Salesforce refuses more logins for now: {error.message}.", retry_after_seconds=60)
    return AccessError(
        f"Salesforce refused the login: {error.code}: {error.message}.",
        code="SYN-201",
        remedy=_LOGIN_REMEDIES.get(error.message, "Check client_id, client_secret and the app's policies."),
    )


_LOGIN_REMEDIES = {
    "no client credentials user enabled": "Name a Run As user in the app's client-credentials policy.",
    "request not supported on this domain": "Use the org's My Domain URL instead of login.salesforce.com.",
    "user hasn't approved this consumer": "Pre-authorise the app for the user.",
    "user is not admin approved to access this app": "Admit the user to the app by profile or permission set.",
}
