"""Bodies that come packed: what a few bytes may swell to is bounded."""

from __future__ import annotations

import zlib

_GZIP_WINDOW = 31


class NotPacked(ValueError):
    """The bytes are not whole gzip."""


class SwellsTooMuch(ValueError):
    """There is more in it than is taken."""


def unpacked(body: bytes, most_bytes: int) -> bytes:
    """What gzip bytes hold. NotPacked or SwellsTooMuch when that cannot be had."""
    unpacking = zlib.decompressobj(wbits=_GZIP_WINDOW)
    try:
        found = unpacking.decompress(body, most_bytes + 1)
    except zlib.error as broken:
        raise NotPacked(str(broken)) from broken
    if len(found) > most_bytes:
        raise SwellsTooMuch(f"more than {most_bytes} bytes")
    if not unpacking.eof:
        raise NotPacked("the end is missing")
    return found
