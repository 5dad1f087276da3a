"""How an answer is written: JSON or XML, with or without white space, compressed or not.

Lives here: what a request asks for by Accept, `X-PrettyPrint` and Accept-Encoding ("Using cURL in the REST Examples",
"Compression Headers", "REST Resources and Requests: format" of the REST API Developer Guide). XML is only written, for
what has a JSON body: bodies sent as XML are not read.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson

from syncline_sandbox.core.wire import Request, Response

from .web import Answer

# Below this, packing takes more than it saves.
MIN_GZIP_BYTES = 2_048
_FASTEST = 1
_GZIP_WINDOW = 31
_XML = "application/xml;charset=UTF-8"
_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_SUFFIXED = re.compile(r"(/services/data/v[\d.]+(?:/[^/]+){1,3})\.(json|xml)", re.IGNORECASE)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def split_format(path: str) -> tuple[str, str | None]:
    """The path of a data resource without `.json` or `.xml`, and which of them it had.

    Below three segments such an ending belongs to the value of a key.
    """
    match = _SUFFIXED.fullmatch(path)
    return (match[1], match[2].lower()) if match else (path, None)


def as_asked(request: Request, answer: Answer) -> Response:
    """The answer in the form this request asks for."""
    if answer.raw is None and answer.body is not None:
        if _wants_xml(request):
            answer = replace(answer, raw=_document(answer.body).encode(), content_type=_XML)
        elif request.headers.get("x-prettyprint") in ("1", "true"):
            answer = replace(answer, raw=orjson.dumps(answer.body, option=orjson.OPT_INDENT_2))
    if request.method == "HEAD":
        return Response(status=answer.status, headers=answer.headers)
    return _packed(request, answer.as_response())


def _wants_xml(request: Request) -> bool:
    _, suffix = split_format(request.path)
    if suffix is not None:
        return suffix == "xml"
    accepted = request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower()
    # Jobs answer JSON whatever is asked for ("Bulk API 2.0: Headers").
    return accepted in ("application/xml", "text/xml") and "/jobs/" not in request.path


def _packed(request: Request, response: Response) -> Response:
    names = {name.lower() for name, _ in response.headers}
    if (
        len(response.body) < MIN_GZIP_BYTES
        or "gzip" not in request.headers.get("accept-encoding", "")
        or "content-encoding" in names
    ):
        return response
    if any(name == "Content-Type" and value.startswith("text/csv") for name, value in response.headers):
        return response  # the bulk APIs pack their results themselves
    packer = zlib.compressobj(_FASTEST, zlib.DEFLATED, _GZIP_WINDOW)
    body = packer.compress(response.body) + packer.flush()
    return replace(response, body=body, headers=(*response.headers, ("Content-Encoding", "gzip")))


def _document(body: Any) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>{_rooted(body)}'


def _rooted(body: Any) -> str:
    if isinstance(body, list):
        if body and isinstance(body[0], dict) and "errorCode" in body[0]:
            return f"<Errors>{''.join(_element('Error', error) for error in body)}</Errors>"
        if body and isinstance(body[0], dict) and "version" in body[0]:
            return f"<Versions>{''.join(_element('Version', version) for version in body)}</Versions>"
        return f"<Results {_XSI}>{''.join(_element('Result', one) for one in body)}</Results>"
    if not isinstance(body, dict):
        return _element("Result", body)
    return _element(_root_name(body), body, _XSI)


def _root_name(body: Mapping[str, Any]) -> str:
    """The name of the outermost element: the record's type, or that of the result."""
    if "attributes" in body:
        return str(body["attributes"]["type"])
    for key, name in (("totalSize", "QueryResult"), ("maxBatchSize", "DescribeGlobal"), ("fields", "DescribeSObject")):
        if key in body:
            return name
    return "Result"


def _element(name: str, value: Any, attributes: str = "") -> str:
    if not _NAME.fullmatch(name):
        name = "entry"
    space = f" {attributes}" if attributes else ""
    if value is None:
        return f'<{name}{space} xsi:nil="true"/>'
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, Mapping):
        told = value.get("attributes")
        if isinstance(told, Mapping):  # a record: what it is stands in attributes
            space += "".join(f" {key}={quoteattr(str(said))}" for key, said in told.items())
        inner = "".join(_element(key, one) for key, one in value.items() if not (key == "attributes" and told))
        return f"<{name}{space}>{inner}</{name}>"
    written = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}{space}>{escape(_NOT_XML.sub('', written))}</{name}>"
