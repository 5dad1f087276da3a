"""How a sound request is broken: in its JSON, its text, its query, its path, its headers.

Lives here: what needs no knowledge of a vendor. The sound requests are in `salesforce.py` and `marketo.py`.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from syncline_sandbox.core.wire import Request

JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, 1e308, 0.1, "", " ", "x", "x" * 300, "\x00", "ä€😀", "'", '"', "%", "null", "[]",
    "2026-02-30", "2026-13-01T25:61:61Z", "0000-00-00", "9999-12-31T23:59:59.999+1400", "NaN", "Infinity", "1e400",
    "../..", "<b>&amp;", [], {}, [[]], [None], {"": None}, {"attributes": None}, {"a": {"b": {"c": [1, {"d": []}]}}},
    ["x"] * 400, -(2**63), 2**63, "001000000000000AAA", "00Q", "' OR '1'='1",
)  # fmt: skip
HUGE_BYTES = 20 * 1024 * 1024
# 400 kB that hold 400 MB.
_BOMB = gzip.compress(bytes(40_000_000), 1) * 10
_TOKENS = (
    "SELECT FROM WHERE AND OR NOT ( ) , . ' = != < > LIKE IN INCLUDES null TRUE LIMIT OFFSET ORDER BY GROUP HAVING "
    "ROLLUP CUBE COUNT() COUNT(Id) FIELDS(ALL) TYPEOF WHEN THEN ELSE END 1 -1 1e99 2026-01-01 2026-01-01T00:00:00Z "
    "TODAY LAST_N_DAYS:0 LAST_N_DAYS:99999999999 Id Name Lead Account.Owner.Name NULLS FIRST FOR VIEW "
    "ALL ROWS \\ \\u12 ;"
).split()


@dataclass(frozen=True)
class Draft:
    """A request before it is put together. `document` is sent as JSON where there is no `body`."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    document: Any = None
    body: bytes | None = None

    def request(self) -> Request:
        body = self.body
        if body is None:
            body = b"" if self.document is None else json.dumps(self.document).encode("utf-8", "surrogatepass")
        return Request(
            method=self.method, path=self.path, query_string=urlencode(self.query), headers=self.headers, body=body
        )


Mutation = Callable[[random.Random, Draft], Draft]


def broken(dice: random.Random, draft: Draft) -> Draft:
    """The draft after none to three mutations, most often one."""
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
        draft = dice.choices(list(MUTATIONS), list(MUTATIONS.values()))[0](dice, draft)
    return draft


def scrambled(dice: random.Random, text: str) -> str:
    """Text with some of its words lost, doubled, exchanged or joined by others of the language."""
    words = text.split(" ")
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(words) + 1)
        match dice.randrange(5):
            case 0 if place < len(words):
                del words[place]
            case 1:
                words.insert(place, dice.choice(_TOKENS))
            case 2 if place < len(words):
                words.insert(place, words[place])
            case 3 if place < len(words):
                words[place] = dice.choice(_TOKENS)
            case _:
                dice.shuffle(words)
        words = words or [""]
    return " ".join(words)


def _junk_in_document(dice: random.Random, draft: Draft) -> Draft:
    if draft.document is None:
        return replace(draft, document=dice.choice(JUNK))
    return replace(draft, document=_with_junk(dice, draft.document))


def _with_junk(dice: random.Random, value: Any) -> Any:
    if isinstance(value, dict) and value and dice.random() < 0.85:
        name = dice.choice(list(value))
        changed = {key: _with_junk(dice, each) if key == name else each for key, each in value.items()}
        match dice.randrange(6):
            case 0:
                del changed[name]
            case 1:
                changed[f"{name}x"] = changed.pop(name)
        return changed
    if isinstance(value, list) and value and dice.random() < 0.85:
        place = dice.randrange(len(value))
        return [_with_junk(dice, each) if index == place else each for index, each in enumerate(value)]
    if isinstance(value, str) and " " in value and dice.random() < 0.7:
        return scrambled(dice, value)
    return dice.choice(JUNK)


def _torn_body(dice: random.Random, draft: Draft) -> Draft:
    body = draft.request().body or b"{}"
    place = dice.randrange(len(body))
    match dice.randrange(6):
        case 0:
            torn = body[:place]
        case 1:
            torn = body[:place] + dice.randbytes(3) + body[place:]
        case 2:
            torn = body[:place] + body[place + 1 :]
        case 3:
            torn = b"\xef\xbb\xbf" + body
        case 4:
            torn = body.replace(b"\n", b"\r").replace(b",", b";")
        case _:
            torn = b"[" * 2000 if dice.random() < 0.5 else b'{"a":' * 600
    return replace(draft, body=torn)


def _deep_or_wide(dice: random.Random, draft: Draft) -> Draft:
    value: Any = "x"
    for _ in range(dice.choice((3, 30, 300))):
        value = [value] if dice.random() < 0.5 else {"a": value}
    wide = [draft.document] * 450 if draft.document is not None else {str(n): n for n in range(500)}
    return replace(draft, document=dice.choice((value, wide)))


def _junk_in_query(dice: random.Random, draft: Draft) -> Draft:
    pairs = list(draft.query)
    if not pairs or dice.random() < 0.2:
        name = dice.choice("q fields batchSize nextPageToken maxRecords locator ids start filterType".split())
        return replace(draft, query=(*pairs, (name, _text(dice))))
    place = dice.randrange(len(pairs))
    name, value = pairs[place]
    match dice.randrange(4):
        case 0:
            del pairs[place]
        case 1:
            pairs.append((name, _text(dice)))
        case 2 if " " in value:
            pairs[place] = (name, scrambled(dice, value))
        case _:
            pairs[place] = (name, _text(dice))
    return replace(draft, query=tuple(pairs))


def _junk_in_path(dice: random.Random, draft: Draft) -> Draft:
    parts = draft.path.split("/")
    place = dice.randrange(3, len(parts)) if len(parts) > 3 else len(parts) - 1
    junk = dice.choice(("", "..", "%00", "%ZZ", "a%2Fb", "v1.0", "v99.0", "x" * 200, "Lead", "-1", "%C3%A4", "0", "1"))
    match dice.randrange(4):
        case 0:
            parts[place] = parts[place].swapcase()
        case 1:
            parts.append(junk)
        case _:
            parts[place] = junk
    return replace(draft, path="/".join(parts))


def _odd_headers(dice: random.Random, draft: Draft) -> Draft:
    odd: dict[str, str | None] = {
        "authorization": dice.choice((None, "", "Bearer", "Bearer x", "Basic eDp5", "Bearer " + "z" * 2000)),
        "content-type": dice.choice(
            (None, "", "text/plain", "multipart/form-data", "application/xml", "x/y; boundary=")
        ),
        "accept": dice.choice(("application/xml", "text/csv", "*/*;q=x", "")),
        "sforce-query-options": dice.choice(("batchSize=x", "batchSize=-1", "=", "batchSize=99999999999999999999")),
        "sforce-call-options": dice.choice(("client=", "x" * 500)),
        "if-modified-since": dice.choice(("yesterday", "0", "Sun, 99 Nov 2026 00:00:00 GMT")),
        "range": dice.choice(("bytes=5-1", "bytes=a-b", "bytes=-1", "lines=1", "bytes=0-,1-")),
        "content-encoding": dice.choice(("gzip", "deflate", "br")),
        "sforce-enable-pkchunking": dice.choice(
            ("true; chunkSize=x", "chunkSize=0", "true; chunkSize=-5; parent=Nope")
        ),
        "x-sfdc-session": dice.choice(("", "x")),
        "soapaction": "x",
    }
    name = dice.choice(list(odd))
    headers = {key: value for key, value in draft.headers.items() if key != name}
    value = odd[name]
    return replace(draft, headers=headers if value is None else {**headers, name: value})


def _packed(dice: random.Random, draft: Draft) -> Draft:
    packed = gzip.compress(draft.request().body, 1)
    body = packed if dice.random() < 0.5 else packed[: len(packed) // 2]
    return replace(draft, body=body, headers={**draft.headers, "content-encoding": "gzip"})


def _other_method(dice: random.Random, draft: Draft) -> Draft:
    return replace(draft, method=dice.choice(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW")))


def _huge(dice: random.Random, draft: Draft) -> Draft:
    unit = dice.choice((b"x", b'"', b"[", b"\n", b"a,b\n", b"<a>"))
    return replace(draft, body=(unit * (HUGE_BYTES // len(unit) + 1))[:HUGE_BYTES])


def _bomb(_dice: random.Random, draft: Draft) -> Draft:
    return replace(draft, body=_BOMB, headers={**draft.headers, "content-encoding": "gzip"})


def _text(dice: random.Random) -> str:
    junk = dice.choice(JUNK)
    return junk if isinstance(junk, str) else json.dumps(junk)


MUTATIONS: dict[Mutation, float] = {
    _junk_in_document: 40,
    _torn_body: 12,
    _deep_or_wide: 3,
    _junk_in_query: 25,
    _junk_in_path: 6,
    _odd_headers: 8,
    _packed: 2,
    _other_method: 3,
    _huge: 0.1,
    _bomb: 0.05,
}
