"""The parts of an upload. A missing closing boundary is tolerated, as live instances do."""

from __future__ import annotations

import re

from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused


def multipart(call: Call) -> dict[str, bytes]:
    """The parts of a multipart body by name. Refused 612 for another content type, 613 when it cannot be read."""
    if call.content_type != "multipart/form-data":
        raise Refused(612, "Invalid Content Type")
    found = re.search(r'boundary="?([^";]+)"?', call.request.headers["content-type"])
    if found is None:
        raise Refused(613, "Invalid Multipart Request")
    parts: dict[str, bytes] = {}
    for piece in (b"\r\n" + call.request.body).split(b"\r\n--" + found[1].encode())[1:]:
        head, blank, content = piece.partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="?([^";\r\n]+)"?', head)
        if blank and name is not None:
            parts[name[1].decode("utf-8", "replace")] = content
    if not parts:
        raise Refused(613, "Invalid Multipart Request")
    return parts
