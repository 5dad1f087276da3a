"""The forms in which cells are compared when records are matched, as Polars expressions.

A form drops what two systems or two typists write differently without meaning anything by it. It is never written
anywhere: what is stored and copied is the canonical value (`values`). Similarity is not judged here (match_names.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from syncline.spec.model import Form

# Letters that no decomposition takes apart into a letter and an accent.
_LETTERS = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ð": "d",
    "đ": "d",
    "ł": "l",
    "þ": "th",
    "ħ": "h",
    "ı": "i",
}
_PHONE_DIGITS = 9
"""A national number without trunk prefix is at most this long in most plans; what precedes it is spelt in many ways."""


def _folded(cell: pl.Expr) -> pl.Expr:
    bare = cell.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    spelt = bare.str.replace_many(list(_LETTERS), list(_LETTERS.values()))
    return spelt.str.replace_all(r"\s+", " ").str.strip_chars()


def _compact(cell: pl.Expr) -> pl.Expr:
    return _folded(cell).str.replace_all(r"[^\p{L}\p{N}]", "")


def _digits(cell: pl.Expr) -> pl.Expr:
    return cell.str.normalize("NFKD").str.replace_all(r"[^0-9]", "")


def _phone(cell: pl.Expr) -> pl.Expr:
    return _digits(cell).str.strip_chars_start("0").str.tail(_PHONE_DIGITS)


_FORMS: dict[Form, Callable[[pl.Expr], pl.Expr]] = {
    Form.EXACT: lambda cell: cell,
    Form.FOLDED: _folded,
    Form.COMPACT: _compact,
    Form.DIGITS: _digits,
    Form.PHONE: _phone,
}


def in_form(cell: pl.Expr, form: Form) -> pl.Expr:
    """*cell* in *form*; null where nothing is left to compare (unread and empty cells too)."""
    text = _FORMS[form](cell.cast(pl.String))
    return pl.when(text != "").then(text)


def formed(column: str, form: Form) -> str:
    """The name of the column that holds *column* in *form*."""
    return f"{column}@{form}"


def with_forms(records: pl.DataFrame, wanted: Iterable[tuple[str, Form]]) -> pl.DataFrame:
    """*records* with a `formed` column for each of *wanted*; all null where the column is missing, hence unread."""
    missing = pl.lit(None, pl.String)
    return records.with_columns(
        (in_form(pl.col(column), form) if column in records.columns else missing).alias(formed(column, form))
        for column, form in sorted(wanted)
    )
