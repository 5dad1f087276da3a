"""FIELDS(ALL), FIELDS(STANDARD), FIELDS(CUSTOM): which fields they stand for, and where they may not stand.

SOQL and SOSL Reference, "FIELDS()": from API version 51.0; field-level security is respected; ALL and CUSTOM are
unbounded and need a LIMIT of at most 200 or a WHERE that names at most 200 ids, and are not for Bulk.
"""

from __future__ import annotations

from .catalog import SoqlField
from .errors import MALFORMED_QUERY, SoqlError, pointed
from .scope import Scope
from .syntax import Call, Comparison, Condition, Logic, Path, Query

MAX_FIELDS_LIMIT = 200
FIRST_VERSION = 51.0
_SELECTORS = frozenset({"ALL", "STANDARD", "CUSTOM"})


def fields_of(call: Call, scope: Scope, query: Query, api_version: float, *, bulk: bool) -> list[SoqlField]:
    """The readable fields the call stands for, in describe order. SoqlError where it may not stand."""
    if api_version < FIRST_VERSION:
        message = "The SOQL FIELDS function is not supported in this version of the API"
        raise pointed("UNSUPPORTED_API_VERSION", message, scope.text, call.at)
    argument = call.argument
    selector = argument.names[0].upper() if isinstance(argument, Path) else ""
    if selector not in _SELECTORS:
        raise _malformed("The SOQL FIELDS function takes ALL, STANDARD or CUSTOM", scope, call)
    if selector != "STANDARD" and bulk:
        message = "The SOQL FIELDS function is not supported with an unbounded set of fields in this API."
        raise _malformed(message, scope, call)
    if selector != "STANDARD" and not _bounded(query):
        raise _malformed(f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_LIMIT}", scope, call)
    return [
        candidate
        for candidate in scope.sobject.fields()
        if scope.readable(scope.sobject, candidate.name) is not None
        and (selector == "ALL" or candidate.custom == (selector == "CUSTOM"))
    ]


def _bounded(query: Query) -> bool:
    return (query.limit is not None and query.limit <= MAX_FIELDS_LIMIT) or _names_few_ids(query.where)


def _names_few_ids(condition: Condition | None) -> bool:
    """True for a WHERE that lets at most 200 ids through, as it is written."""
    if isinstance(condition, Logic):
        return condition.operator == "AND" and any(_names_few_ids(part) for part in condition.parts)
    if not isinstance(condition, Comparison) or not isinstance(condition.left, Path):
        return False
    few = condition.operator in ("=", "IN") and len(condition.right) <= MAX_FIELDS_LIMIT
    return few and condition.left.names[-1].lower() == "id" and len(condition.left.names) == 1


def _malformed(message: str, scope: Scope, call: Call) -> SoqlError:
    return pointed(MALFORMED_QUERY, message, scope.text, call.at)
