"""What every kind of import offers: what a start may ask for, and what becomes of the rows of its file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.fields import Field

Members = dict[str, Any]
_BAD_VALUE = re.compile(r"Invalid value for field '([^']+)'")


@dataclass
class Outcome:
    """Rows with what is said of them, by their position in the chunk."""

    failures: dict[int, str] = field(default_factory=dict)
    warnings: dict[int, str] = field(default_factory=dict)


class ImportTarget(Protocol):
    """One kind of import. *call* is the upload, or when the job runs one made like it, with the same user."""

    def checked(self, call: Call) -> Members:
        """What the job needs besides its file, ready to be stored. Refused when it makes no sense."""
        ...

    def run(self, call: Call, request: Members, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Outcome:
        """Write a chunk of the file's rows. Refused before anything is written: the job fails as a whole."""
        ...


def reason_text(fields: Mapping[str, Field], reason: Mapping[str, Any]) -> str:
    """A record's refusal in the words of the failure file."""
    found = _BAD_VALUE.match(reason["message"])
    if found is not None and (known := fields.get(found[1].lower())) is not None:
        return "Invalid email address" if known.type == "email" else f"Invalid data type in field {known.label}"
    return str(reason["message"])
