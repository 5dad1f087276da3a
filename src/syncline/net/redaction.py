"""Takes secrets out of whatever is kept or shown of a request and its answer."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from syncline.ports import HttpRequest, HttpResponse

MASK = "***"
_of_all: set[str] = set()
EVIDENCE_CHARACTERS = 4_000


class Redactor:
    """Knows the secrets of one connection, tokens included as they are issued."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Mask *secret* from now on, in plain, percent-encoded and form-encoded spelling. Blank is ignored."""
        if secret:
            spelt = {secret, quote(secret, safe=""), quote_plus(secret)}
            self._secrets |= spelt
            _of_all.update(spelt)

    def clean(self, text: str) -> str:
        """*text* without any secret of the connection."""
        return _without(self._secrets, text)

    def evidence(self, request: HttpRequest, response: HttpResponse | None = None) -> str:
        """What was sent and seen, for developers: request line, status and the beginning of the answer."""
        seen = f"{request.method} {request.url}"
        if response is not None:
            body = response.body[:EVIDENCE_CHARACTERS].decode("utf-8", "replace")
            seen += f"\nHTTP {response.status}\n{body}"
        return self.clean(seen)[:EVIDENCE_CHARACTERS]


def clean_of_all(text: str) -> str:
    """*text* without any secret that any connection of this process ever knew: for what leaves it."""
    return _without(_of_all, text)


def _without(secrets: Iterable[str], text: str) -> str:
    """Longest first, so that none is left over as a tail."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text
