"""One record named twice in one call: the platform writes neither.

"Insert or Update (Upsert) a Record Using an External ID" of the REST API Developer Guide, "update()" and "upsert()" of
the SOAP API Developer Guide: a call writes up to 200 rows, and no two of them may be of the same record. A chunk of a
bulk load is such a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from .errors import OrgError
from .ids import full_id
from .schema import Field


class RepeatedKeys:
    """The keys that stand more than once among *values*: those of an upsert's *key* field, or ids where it is None."""

    def __init__(self, key: Field | None, values: Iterable[Any]) -> None:
        self._by_id = key is None or key.type == "id"
        self._exact = key is not None and key.matches_case
        counted = Counter(folded for value in values if (folded := self._folded(value)) is not None)
        self._repeated = {value for value, times in counted.items() if times > 1}

    def has(self, value: Any) -> bool:
        """True when this key stands there more than once."""
        return bool(self._repeated) and self._folded(value) in self._repeated

    def refuse(self, value: Any) -> None:
        """OrgError DUPLICATE_VALUE when this key stands there more than once."""
        if self.has(value):
            kind = "id" if self._by_id else "external id"
            raise OrgError("DUPLICATE_VALUE", f"Duplicate {kind} specified: {value}")

    def _folded(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            return None
        if self._by_id:
            return full_id(value) or value
        return value.lower() if isinstance(value, str) and not self._exact else value
