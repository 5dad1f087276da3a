"""Dead letters are shown without the values they hold, whatever the system quotes, until somebody asks for them."""

from __future__ import annotations

import json

import polars as pl
import pytest

from syncline.cli.screens.covering import covered
from syncline.trees import TABLES, Table


def letter(message: str | None, sent: dict[str, str] | None) -> pl.DataFrame:
    row = {"letter_id": "l1", "message": message, "sent": None if sent is None else json.dumps(sent)}
    return pl.DataFrame([row], schema=dict(TABLES[Table.DEAD_LETTER][0]))


@pytest.mark.parametrize(
    ("message", "sent", "expected"),
    [
        ("bad value for restricted picklist field: Baroness", {"Title": "baroness"}, "picklist field: ***"),
        ("invalid email: ADA@x.org", {"Email": "ada@x.org"}, "invalid email: ***"),
        ("a duplicate of bea@x.org (+44 20 7946 0000)", {"Title": "x"}, "a duplicate of *** (***)"),
        ("Lovelace-Byron, Byron", {"LastName": "Byron", "Name": "Lovelace-Byron"}, "***, ***"),
        ("Titles are at most 3 long", {"Title": "T"}, "Titles are at most 3 long"),
        ("It is (a+b)", {"Note": "(a+b)"}, "It is ***"),
    ],
)
def test_the_systems_words_quote_no_value(message: str, sent: dict[str, str], expected: str) -> None:
    rows = covered(letter(message, sent))
    assert expected in rows["message"][0]
    shown = rows["sent"][0]
    assert list(json.loads(shown)) == list(sent)
    assert not [value for value in sent.values() if len(value) > 1 and value in shown]


def test_what_is_blank_or_missing_stays_so() -> None:
    assert json.loads(covered(letter("x", {"Title": ""}))["sent"][0]) == {"Title": ""}
    assert covered(letter(None, None)).select("message", "sent").rows() == [(None, None)]
    assert covered(letter("x", {}).clear()).is_empty()
