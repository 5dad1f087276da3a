"""Webhooks: what they send, one call, and what of the answer reaches the person.

Source: Marketo "Webhooks" (GET or POST, payload template, token encoding, custom headers, 30 seconds), "Response
Mappings" (paths with dots and indexes, JSON or XML), "Webhooks" (Errors: 1000 in a batch campaign, 1001 for an empty
answer; only 2xx answers are mapped).
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import orjson

from syncline_sandbox.marketo.campaigns.tokens import Encoding, Tokens, in_form, in_json, plain

BATCH_CAMPAIGN, EMPTY_ANSWER = "1000", "1001"
_ENCODINGS: Mapping[str, tuple[Encoding, str]] = {
    "JSON": (in_json, "application/json"),
    "Form/Url": (in_form, "application/x-www-form-urlencoded"),
    "None": (plain, "text/plain"),
}
_PART = re.compile(r"([^.\[\]]+)|\[(\d{1,9})\]")


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One webhook as it is set up. `mappings`: response attribute → REST name of a lead field."""

    id: int
    name: str
    url: str
    method: str = "POST"
    template: str = ""
    encoding: str = "JSON"
    response: str = "JSON"
    headers: Mapping[str, str] = field(default_factory=dict)
    mappings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ValueError(f"a webhook's url is http or https, not {self.url!r}")
        if self.method not in ("GET", "POST") or self.encoding not in _ENCODINGS:
            raise ValueError(f"method is GET or POST, encoding one of {sorted(_ENCODINGS)}")
        if self.response not in ("JSON", "XML"):
            raise ValueError("response is JSON or XML")

    def request(self, tokens: Tokens) -> WebhookRequest:
        """What is sent for one person."""
        encode, content_type = _ENCODINGS[self.encoding]
        headers = {name: tokens.fill(value) for name, value in self.headers.items()}
        url = tokens.fill(self.url, in_form)
        if self.method == "GET":
            return WebhookRequest("GET", url, headers, None)
        body = tokens.fill(self.template, encode).encode()
        return WebhookRequest("POST", url, {"Content-Type": content_type, **headers}, body)

    def mapped(self, answer: WebhookAnswer) -> dict[str, Any]:
        """Lead field → value, of what the answer holds. Nothing unless it is 2xx."""
        if not answer.is_success or not answer.text:
            return {}
        read = _json_value if self.response == "JSON" else _xml_value
        document = _document(self.response, answer.text)
        found = {name: read(document, path) for path, name in self.mappings.items()}
        return {name: value for name, value in found.items() if isinstance(value, str | int | float)}


@dataclass(frozen=True)
class WebhookRequest:
    """One call on its way out."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True)
class WebhookAnswer:
    """What came back. `status` 0: nothing did, `reason` says why."""

    status: int
    reason: str
    text: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def error_type(self) -> str:
        """What the activity tells: blank when all went well."""
        if self.is_success:
            return "" if self.text else EMPTY_ANSWER
        return self.reason or str(self.status)


def call_and_wait(request: WebhookRequest, timeout_seconds: float) -> WebhookAnswer:
    """A real HTTP call. Whatever goes wrong is an answer."""
    # The scheme was checked when the webhook was set up, but tokens fill the url.
    if urlsplit(request.url).scheme not in ("http", "https"):
        return WebhookAnswer(0, "Invalid URL")
    try:
        call = urllib.request.Request(request.url, request.body, dict(request.headers), method=request.method)
        with urllib.request.urlopen(call, timeout=timeout_seconds) as reply:
            return WebhookAnswer(reply.status, reply.reason, reply.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as refused:
        with refused:
            return WebhookAnswer(refused.code, refused.reason, refused.read().decode("utf-8", "replace"))
    except TimeoutError:
        return WebhookAnswer(0, "Request timed out")
    except urllib.error.URLError as wrong:
        timed_out = isinstance(wrong.reason, TimeoutError)
        return WebhookAnswer(0, "Request timed out" if timed_out else str(wrong.reason))
    except (OSError, ValueError) as wrong:
        return WebhookAnswer(0, str(wrong))


# -- what an answer holds ----------------------------------------------------------------------------------------------


def _document(kind: str, text: str) -> Any:
    try:
        return orjson.loads(text) if kind == "JSON" else ElementTree.fromstring(text)
    except (orjson.JSONDecodeError, ElementTree.ParseError):
        return None


def _steps(path: str) -> list[str | int]:
    return [name or int(index) for name, index in _PART.findall(path)]


def _json_value(document: Any, path: str) -> Any:
    for step in _steps(path):
        if isinstance(step, int):
            document = document[step] if isinstance(document, list) and step < len(document) else None
        else:
            document = document.get(step) if isinstance(document, dict) else None
    return document


def _xml_value(document: Any, path: str) -> str | None:
    """Every element of the way is named, the outermost too."""
    first, *steps = _steps(path) or [""]
    if document is None or document.tag != first:
        return None
    siblings = [document]
    for step in steps:
        if isinstance(step, int):
            siblings = siblings[step : step + 1]
        else:
            siblings = [child for child in (siblings[0] if siblings else ()) if child.tag == step]
    return (siblings[0].text or "").strip() if siblings else None
