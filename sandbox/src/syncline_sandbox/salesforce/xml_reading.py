"""XML documents as clients send them: read into elements, refused while they are still being read.

Lives here: the bounds of what is read at all, for whoever walks a tree recurses. What the elements mean is read by
`soap/envelope.py` and the two bulk APIs.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

DEEPEST = 50
MOST_ELEMENTS = 1_000_000
# What the parser is given at a time: it goes on to the end of that after a refusal.
_PIECE_BYTES = 1 << 16
# What the parser would gather and look through again and again, never knowing whether it ends.
_ENDLESS = re.compile(rb"<(?!!\[CDATA\[)[^<>]{100000}|&[^<>;\s]{100000}")
_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,1000}<|\xff\xfe<\x00|\xfe\xff\x00<")


class UnreadableXml(ValueError):
    """No XML document, or none that anybody sends; the text says what is wrong with it."""


def read_document(body: bytes, most_elements: int = MOST_ELEMENTS) -> Element:
    """The root element. UnreadableXml for what is not well-formed, has a document type, is too deep or too wide."""
    if not _BEGINNING.match(body):
        raise UnreadableXml("Content is not allowed in prolog.")
    if _ENDLESS.search(body):
        raise UnreadableXml("a tag or entity is longer than anybody writes one")
    parser = XMLParser(target=_Builder(most_elements))
    try:
        for start in range(0, len(body), _PIECE_BYTES):
            parser.feed(body[start : start + _PIECE_BYTES])
        root: Element = parser.close()
    except UnreadableXml:
        raise
    except (ParseError, ValueError, LookupError) as broken:  # an unknown encoding is one of the latter two
        raise UnreadableXml(str(broken)) from broken
    return root


class _Builder(TreeBuilder):
    """A TreeBuilder that counts. Without limits a body of nothing but start tags takes half a minute to build."""

    def __init__(self, most_elements: int) -> None:
        super().__init__()
        self._most_elements = most_elements
        self._depth = 0
        self._elements = 0

    def start(self, tag: Any, attrs: Any, /) -> Any:
        self._depth += 1
        self._count(1 + len(attrs))
        if self._depth > DEEPEST:
            raise UnreadableXml(f"elements nest no deeper than {DEEPEST}")
        return super().start(tag, attrs)

    def comment(self, _text: Any, /) -> Any:
        self._count(1)

    def pi(self, _target: Any, _text: Any = None, /) -> Any:
        self._count(1)

    def end(self, tag: Any, /) -> Any:
        self._depth -= 1
        return super().end(tag)

    def doctype(self, *_: Any) -> NoReturn:
        """Entities are declared in it, and entities can swell without end."""
        raise UnreadableXml("a document type is not allowed")

    def _count(self, more: int) -> None:
        self._elements += more
        if self._elements > self._most_elements:
            raise UnreadableXml(f"a document has no more than {self._most_elements} elements and attributes")
