"""A job and its data in one request.

Bulk API 2.0 Developer Guide, "Bulk Insert with a Multipart Request": the parts `job` (JSON) and `content` (CSV) of a
multipart/form-data body, up to 100,000 characters of data; the job is closed at once.
"""

from __future__ import annotations

import re

import orjson

from syncline_sandbox.salesforce.errors import OrgError, malformed_json

MAX_INLINE_CHARACTERS = 100_000
_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_NAME = re.compile(rb'name="?([^";\r\n]+)"?', re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


def is_multipart(content_type: str) -> bool:
    return content_type.lower().startswith("multipart/")


def job_and_content(content_type: str, body: bytes) -> tuple[dict[str, object], bytes]:
    """The job's specification and its CSV. OrgError when a part is missing, unreadable or too large."""
    found = _BOUNDARY.search(content_type)
    parts = _parts(body, found[1].strip().encode()) if found else {}
    if "job" not in parts or "content" not in parts:
        raise OrgError("INVALIDJOB", "A multipart request needs a part named job and a part named content")
    if len(parts["content"].decode(errors="replace")) > MAX_INLINE_CHARACTERS:
        raise OrgError("LIMIT_EXCEEDED", f"The content has more than {MAX_INLINE_CHARACTERS} characters", status=413)
    try:
        spec = orjson.loads(parts["job"])
    except orjson.JSONDecodeError as broken:
        raise malformed_json(f"Unexpected character or end-of-input: {broken}") from broken
    if not isinstance(spec, dict):
        raise malformed_json("The part named job is required to be a JSON object.")
    return spec, parts["content"]


def _parts(body: bytes, boundary: bytes) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    for piece in (b"\n" + body).split(b"\n--" + boundary)[1:]:
        head, *rest = _BLANK_LINE.split(piece, maxsplit=1)
        name = _NAME.search(head)
        if name and rest:
            parts[name[1].decode(errors="replace")] = rest[0].removesuffix(b"\r")
    return parts
