"""`@{reference.path}`: what one part of a request takes from the answer of an earlier one.

Lives here: finding references and filling them in ("Composite", "Reference ID" of the REST API Developer Guide).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from syncline_sandbox.salesforce.errors import OrgError, malformed_json

_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\[\d+\]|\.[A-Za-z0-9_]+)*)\}")
_STEP = re.compile(r"\[(\d+)\]|\.([A-Za-z0-9_]+)")
_DEEPEST = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*")


def check_reference_ids(ids: list[Any]) -> None:
    """OrgError INVALID_INPUT unless each is well formed and none stands twice."""
    for given in ids:
        if not isinstance(given, str) or not _NAME.fullmatch(given):
            text = (
                f"Provided referenceId ('{given}') must start with a letter or a number, and it can contain only "
                "letters, numbers and underscores ('_')."
            )
            raise OrgError("INVALID_INPUT", text)
    if len(set(ids)) < len(ids):
        raise OrgError("INVALID_INPUT", "Duplicate ReferenceId provided in the request.")


def references(value: Any) -> set[str]:
    """The reference ids mentioned anywhere in *value*. OrgError JSON_PARSER_ERROR for what is nested too deep."""
    found: set[str] = set()
    level = [value]
    for _ in range(_DEEPEST):
        texts = [inner for inner in level if isinstance(inner, str)]
        found.update(match[1] for text in texts for match in _REFERENCE.finditer(text))
        level = [below for inner in level for below in _inside(inner)]
        if not level:
            return found
    raise malformed_json(f"The HTTP entity body is nested deeper than {_DEEPEST} levels.")


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def filled(value: Any, known: Mapping[str, Any]) -> Any:
    """*value* with each reference replaced by what its answer holds there. OrgError PROCESSING_HALTED without one."""
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole is not None:
            return _looked_up(whole, known)
        return _REFERENCE.sub(lambda match: str(_looked_up(match, known)), value)
    if isinstance(value, dict):
        return {name: filled(inner, known) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, known) for inner in value]
    return value


def _looked_up(match: re.Match[str], known: Mapping[str, Any]) -> Any:
    invalid = OrgError("PROCESSING_HALTED", f"Invalid reference specified. No value for {match[0][2:-1]} found")
    if match[1] not in known:
        raise invalid
    found = known[match[1]]
    for step in _STEP.finditer(match[2]):
        try:
            found = found[int(step[1])] if step[1] else found[step[2]]
        except (KeyError, IndexError, TypeError):
            raise invalid from None
    return found
