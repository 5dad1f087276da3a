"""Canonical values: one text form per field type, when two are equal, and their fingerprints.

A cell is text or None. None means *unread* (the observation did not contain it); "" means *empty* (read, and blank in
the vendor's form); anything else is a value in the canonical form of its type:

    text, email, phone, url, choice, reference, id   the text, outer white space removed, line ends "\\n", NFC
    number, integer                                  decimal without exponent, trailing zeros or "+": "-12.5", "0"
    boolean                                          "true" or "false"
    date                                             "2026-11-22"
    datetime                                         aware UTC with milliseconds: "2026-11-22T10:00:00.000Z"
    multichoice                                      distinct choices, sorted, joined by ";"

These forms and the print of a tuple of them are one canonicaliser; `CANONICALISERS` has every one there ever was, by
id, and everything here is of today's. A base says which one it was made by (`engine.recanonicalised` carries it over).

What two systems do to each other's spelling (case, punctuation) is not canonicalisation: it is learnt per pair
(`reconcile.settle`). Imports nothing of ours.
"""

from __future__ import annotations

import enum
import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

CANONICALISER = 1
"""Today's of `CANONICALISERS`; stored with every base so that a change of form is never taken for an edit."""

EMPTY = ""


class FieldType(enum.StrEnum):
    """The types both vendors' fields are translated to."""

    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    CHOICE = "choice"
    MULTICHOICE = "multichoice"
    REFERENCE = "reference"
    ID = "id"


def _text(raw: object) -> str:
    text = raw if isinstance(raw, str) else str(raw)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip()


def _number(raw: object) -> str:
    if isinstance(raw, bool):
        return "1" if raw else "0"
    text = str(raw).strip()
    if not text:
        return EMPTY
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"not a number: {text!r}") from None
    if not value.is_finite():
        raise ValueError(f"not a finite number: {text!r}")
    plain = format(value.normalize(), "f")
    return "0" if plain in {"-0", "0"} else plain


_TRUE = frozenset({"true", "1", "yes", "y", "on", "t"})
_FALSE = frozenset({"false", "0", "no", "n", "off", "f"})


def _boolean(raw: object) -> str:
    word = str(raw).strip().lower()
    if word in _TRUE:
        return "true"
    if word in _FALSE:
        return "false"
    if not word:
        return EMPTY
    raise ValueError(f"not a boolean: {raw!r}")


def _date(raw: object) -> str:
    if isinstance(raw, datetime):
        return raw.date().isoformat()
    if isinstance(raw, date):
        return raw.isoformat()
    text = str(raw).strip()
    return date.fromisoformat(text[:10]).isoformat() if text else EMPTY


def parse_instant(text: str) -> datetime:
    """An aware UTC datetime from any ISO form the vendors send ("Z", "+0000", "+00:00"); ValueError without a zone."""
    at = datetime.fromisoformat(text.strip().replace("Z+0000", "Z"))
    if at.tzinfo is None:
        raise ValueError(f"an instant needs a zone: {text!r}")
    return at.astimezone(UTC)


def _datetime(raw: object) -> str:
    if not isinstance(raw, datetime):
        text = str(raw).strip()
        if not text:
            return EMPTY
        raw = parse_instant(text)
    return raw.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _multichoice(raw: object) -> str:
    parts = raw if isinstance(raw, list | tuple) else str(raw).split(";")
    return ";".join(sorted({_text(part) for part in parts} - {EMPTY}))


_FORMS: dict[FieldType, Callable[[object], str]] = {
    FieldType.NUMBER: _number,
    FieldType.INTEGER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.MULTICHOICE: _multichoice,
}


def canonical(field_type: FieldType, raw: object) -> str:
    """The canonical text of *raw*; "" for None and blanks. ValueError if *raw* cannot be of that type."""
    return EMPTY if raw is None else form_of(field_type)(raw)


def form_of(field_type: FieldType) -> Callable[[object], str]:
    """Today's canonical form of a type for values that are not None; for loops over a column."""
    return CANONICALISERS[CANONICALISER].form_of(field_type)


def renewed(field_type: FieldType, cells: Iterable[str | None]) -> list[str | None]:
    """Cells that were stored in some earlier form in today's form; one that does not fit its type stays as it is."""
    texts, form = list(cells), form_of(field_type)
    known = {text: _renewed_one(form, text) for text in set(texts) if text}
    return [known[text] if text else text for text in texts]


def _renewed_one(form: Callable[[object], str], text: str) -> str:
    try:
        return form(text)
    except ValueError:
        return text


def micros(at: datetime) -> int:
    """Whole microseconds since 1970 of an aware instant: how instants are stored and compared."""
    delta = at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def instant(at_us: int) -> datetime:
    """The aware UTC datetime of whole microseconds since 1970."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fingerprint(key: bytes, inputs: Sequence[str]) -> int:
    """Today's keyed 64-bit fingerprint of a tuple of canonical values; never 0, which stands for "no base"."""
    return CANONICALISERS[CANONICALISER].fingerprint(key, inputs)


def _blake2b(key: bytes, inputs: Sequence[str]) -> int:
    """BLAKE2b with an 8-byte digest over the inputs' UTF-8, each preceded by its length in 4 little-endian bytes, the
    digest read little-endian. Fixed for ever: golden vectors in tests/unit/test_values.py. *key* is 16 to 64 bytes.
    """
    digest = hashlib.blake2b(digest_size=8, key=key)
    for text in inputs:
        encoded = text.encode()
        digest.update(len(encoded).to_bytes(4, "little"))
        digest.update(encoded)
    return int.from_bytes(digest.digest(), "little") or 1


def fingerprints(key: bytes, cells: Iterable[str | None]) -> list[int | None]:
    """Fingerprints of single-input cells in order; None stays None. Repeated values are hashed once."""
    texts, print_of = list(cells), CANONICALISERS[CANONICALISER].fingerprint
    known = {text: print_of(key, (text,)) for text in set(texts) if text is not None}
    return [None if text is None else known[text] for text in texts]


@dataclass(frozen=True)
class Canonicaliser:
    """The canonical forms by type, and the print of a tuple of canonical values; never changed once released.

    A later one must take the text of the earlier as it takes a vendor's value, with the same result, and leave its own
    text alone: a form may be coarser or spell differently, it cannot know again what an earlier one dropped.
    """

    form_of: Callable[[FieldType], Callable[[object], str]]
    fingerprint: Callable[[bytes, Sequence[str]], int]


FIRST_CANONICALISER = 1
CANONICALISERS: Mapping[int, Canonicaliser] = {
    FIRST_CANONICALISER: Canonicaliser(form_of=lambda field_type: _FORMS.get(field_type, _text), fingerprint=_blake2b),
}
"""By the id that stands with every base."""
