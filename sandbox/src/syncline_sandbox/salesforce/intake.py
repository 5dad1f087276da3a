"""From an HTTP request to a Call: version, method, query, body, and what is too long or unreadable to be one.

Lives here: the reading of a data request ("Headers", "Status Codes and Error Responses" of the REST API Developer
Guide: URI and headers together may hold 16,384 bytes). Which handler answers is the router's affair.
"""

from __future__ import annotations

import re
from dataclasses import replace

from syncline_sandbox.core.packed import NotPacked, SwellsTooMuch, unpacked
from syncline_sandbox.core.wire import Request

from .caller import Caller
from .errors import OrgError, malformed_json, not_found
from .formats import split_format
from .limits import FIRST_VERSION, LAST_VERSION
from .rights import UserRights
from .web import Call, split_query

MAX_HEAD_BYTES = 16_384
_DATA = re.compile(r"/services/data/v(?P<version>\d+\.\d)(?:/(?P<rest>.*))?", re.IGNORECASE)
MAX_BODY_BYTES = 50_000_000
# Bulk jobs bound their uploads themselves; this is how far one may be unpacked.
MAX_UPLOAD_BYTES = 200_000_000


def read_call(request: Request, rights: UserRights) -> Call:
    """The call a data request makes on behalf of the user with these rights.

    Raises:
        OrgError: no such resource or version, a head too long, a body too long, or not the gzip it says.
    """
    _check_head(request)
    match = _DATA.fullmatch(split_format(request.path)[0])
    if match is None:
        raise not_found()
    check_version(float(match["version"]))
    query = split_query(request.query_string)
    method = query.get("_HttpMethod", request.method) if request.method == "POST" else request.method
    if method == "HEAD":  # what a GET would say, but for the body: see `formats.py`
        method = "GET"
    caller = Caller(
        user_id=rights.user_id,
        rights=rights,
        version=match["version"],
        request_line=f"{request.method} {request.path}",
        headers=request.headers,
        base_url=request.base_url,
    )
    path = (match["rest"] or "").strip("/")
    return Call(caller=caller, method=method.upper(), path=path, query=query, body=_body(request))


def _check_head(request: Request) -> None:
    uri = len(request.path) + len(request.query_string)
    if uri > MAX_HEAD_BYTES:
        raise OrgError("URI_TOO_LONG", "The URI is longer than 16,384 bytes.", status=414)
    if uri + sum(len(name) + len(value) for name, value in request.headers.items()) > MAX_HEAD_BYTES:
        raise OrgError("REQUEST_HEADER_TOO_LARGE", "The URI and headers are longer than 16,384 bytes.", status=431)


def check_version(number: float) -> None:
    """OrgError for a version that is retired, or not there yet."""
    if number < FIRST_VERSION:
        raise OrgError("UNSUPPORTED_API_VERSION", "The API version is not supported.")
    if number > LAST_VERSION:
        raise not_found()


def one_slash(request: Request) -> Request:
    """The request with one slash before its path.

    The vendor's own CLI stores an instance URL with a slash at its end (`org login access-token`) and joins its paths
    to it by another.
    """
    return replace(request, path=f"/{request.path.lstrip('/')}") if request.path.startswith("//") else request


def _body(request: Request) -> bytes:
    most_bytes = MAX_UPLOAD_BYTES if request.method == "PUT" else MAX_BODY_BYTES
    try:
        body = request.body
        if request.headers.get("content-encoding", "").lower() == "gzip":
            body = unpacked(body, most_bytes)
        if len(body) <= most_bytes:
            return body
        raise SwellsTooMuch(f"{len(body)} bytes")
    except NotPacked as broken:
        raise malformed_json(f"The body is not gzip as its Content-Encoding says: {broken}") from broken
    except SwellsTooMuch as huge:
        raise OrgError("REQUEST_ENTITY_TOO_LARGE", f"The body is larger than is taken: {huge}", status=413) from huge
