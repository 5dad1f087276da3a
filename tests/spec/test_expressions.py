"""Users' SQL: nothing but listed parts passes, judged by DuckDB's own parser, and nothing outside is reached."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.errors import ConfigError
from syncline.spec.evaluate import DuckEvaluator
from syncline.spec.expressions import FUNCTION_NAMES, parse
from syncline.values import FieldType

# What a parsed expression may consist of in DuckDB's own words.
CLASSES = set("CAST CONJUNCTION OPERATOR COLUMN_REF CONSTANT FUNCTION COMPARISON BETWEEN CASE TYPE".split())
FUNCTIONS = {each.strip().lower() for name in FUNCTION_NAMES for each in name.split("/")} - {"initcap"} | set(
    "+ - * / % || ~~ !~~ ~~* !~~* like_escape not_like_escape ilike_escape not_ilike_escape regexp_full_match".split()
)
CASTS = set("VARCHAR TEXT BIGINT INTEGER INT BOOLEAN DATE DECIMAL DOUBLE TIMESTAMP".split()) | {
    "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMPTZ",
}

REFUSED = """
read_text('/etc/passwd') | read_csv('x') | copy x to 'y' | PRAGMA version | ATTACH 'x' | LOAD httpfs | SET x=1
CALL f() | INSTALL httpfs | EXPORT DATABASE 'x' | VALUES (1) | FROM x | (select 1) | exists(select 1)
x IN (SELECT 1) | x IN y | x = ANY(SELECT 1) | x = ANY([1]) | x = ALL(FROM y) | x = (VALUES (1)) | x IN UNNEST(y)
UNNEST(x) | [1,2] | [z for z in y] | list_transform(x, y -> y) | list_filter(x, lambda y: y) | x[1] | x[1:2]
x.y['z'] | x->'a' | x->>'a' | {'a':1} | MAP {} | ROW(1,2) | struct_pack(a := 1) | (1,2) | (x,y) = (1,2) | x::JSON
CAST(x AS STRUCT(a INT)) | x::INT[] | x::UNION(a INT) | x::ENUM('a') | x::BLOB | x::foo | x::"my type" | x::main.foo
x::DECIMAL(x) | CAST(x AS VARCHAR COLLATE nocase) | getvariable('a') | current_setting('a') | getenv('HOME')
x GLOB 'a*' | x SIMILAR TO 'a' | x COLLATE NOCASE | $1 | ? | :name | $name | now() | current_date
current_timestamp | today() | random() | uuid() | gen_random_uuid() | nextval('s') | sum(x) | max(x) | count(*)
sum(x) over () | row_number() over () | abs(x) FILTER (WHERE y) | concat(x ORDER BY y) | lower(DISTINCT x) | * | x.*
COLUMNS(*) | columns('x') | COLUMNS(c -> c LIKE 'a') | x AS y | current_user | session_user | interval 1 day
x AT TIME ZONE 'UTC' | extract(year from x) | try(x) | error('x') | repeat(x, 10) | x // 2 | x ** 2 | x ^ 2 | x & 1
~x | x << 1 | 0x1F | e'\\n' | hash(x) | md5(x) | getbit(x,1) | query('select 1') | query_table('x') | x; y
1; SELECT 2 | main.read_text('x') | system.main.read_text('x') | duckdb_settings() | sniff_csv('x') | pg_sleep(1)
x QUALIFY y | x LIMIT 1 | CASE WHEN (SELECT 1) THEN 1 END | coalesce((SELECT 1), 2) | NOT EXISTS (FROM x)
x BETWEEN (SELECT 1) AND 2 | lateral x
"""
CORPUS = [each.strip() for line in REFUSED.strip().splitlines() for each in line.split(" | ")]

PASSES = """
Email | Account.Name | "Odd Name" | x IS NOT NULL AND y <> '' | x IN ('a', 'b') | x NOT IN (1, 2)
x LIKE '%a' ESCAPE '!' | x ILIKE 'A%' | x BETWEEN 1 AND 2 | x IS DISTINCT FROM y | CASE WHEN x THEN 1 ELSE 2 END
CAST(x AS DECIMAL(38, 9)) | x::date | TRY_CAST(x AS INTEGER) | upper(trim(x)) | coalesce(x, y, 'z')
concat_ws(' ', x, y) | x || '-' || y | -x + 1 * 2 / 3 % 4 | substring(x from 1 for 2) | position('a' in x)
regexp_replace(x, '[^0-9]', '', 'g') | regexp_matches(x, '^a') | TRUE | NULL | date_trunc('month', x::timestamp)
round(x, 2) | lpad(x, 5, '0') | split_part(x, '@', 2) | starts_with(x, 'a') | NULLIF(x, '') | greatest(x, y)
left(x, 3) | /* SELECT */ x | x = 'SELECT 1; DROP TABLE y' | "@id" | initcap(x)
"""
GOOD = [each.strip() for line in PASSES.strip().splitlines() for each in line.split(" | ")] + ["-- a remark\nx"]


@pytest.mark.parametrize("text", CORPUS)
def test_refused(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert refused.value.code in ("SYN-131", "SYN-132")
    assert refused.value.remedy


@pytest.mark.parametrize("text", [t for t in GOOD if not t.startswith("initcap")])
def test_passes_and_is_harmless_by_duckdbs_own_reading(text: str) -> None:
    _require_harmless(parse(text).sql)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 3000 + "x" + ")" * 3000,
        "not " * 2000 + "x",
        "case " * 1500,
        "x" + " or x" * 5000,
        "x\0y",
        "x\x1by",
        "",
        " ;",
        '""',
        'x."" = 1',
    ],
)
def test_absurd_text_is_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert refused.value.code == "SYN-131"
    assert len(refused.value.message) < 400


@cache
def _duck() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"enable_external_access": "false"})


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for each in tree:
            yield from _nodes(each)


def _require_harmless(sql: str) -> None:
    """One SELECT of one expression of listed kinds, functions and types, without a FROM: says DuckDB's parser."""
    text = f"SELECT CAST(({sql}) AS VARCHAR)"
    (found,) = _duck().execute("SELECT json_serialize_sql(?)", [text]).fetchone() or ("",)
    tree = json.loads(found)
    assert not tree["error"], (sql, tree)
    (statement,) = tree["statements"]
    node = statement["node"]
    assert (node["type"], node["from_table"]["type"]) == ("SELECT_NODE", "EMPTY")
    assert len(node["select_list"]) == 1
    for each in _nodes(node["select_list"]):
        if "class" in each:
            assert each["class"] in CLASSES, (sql, each["class"])
        if "function_name" in each:
            assert each["function_name"].lower() in FUNCTIONS, (sql, each["function_name"])
        if "type_name" in each:
            assert each["type_name"].upper() in CASTS, (sql, each["type_name"])


_ATOMS = st.sampled_from(
    [*CORPUS, *GOOD, "x", "'a'", "1", "SELECT", "FROM", "(", ")", "[", "]", "{", ":", "->", ";", "::"]
)
_GLUE = st.sampled_from(
    [" ", " AND ", " OR ", ", ", " || ", " IN (", ")", " :: ", "(", " = ", "--\n", "/*", "*/", "'", '"']
)
_SOUP = st.lists(st.tuples(_ATOMS, _GLUE), min_size=1, max_size=6).map(lambda parts: "".join(a + g for a, g in parts))
_LETTERS = st.text(st.sampled_from("xy1'\"()[]{},.;:$?*=<>-+/|~@ \n\t“”‘’`ﬀａ\u2028"), max_size=30)


@given(_SOUP | _LETTERS | st.text(max_size=30))
def test_whatever_is_written_it_is_harmless_or_refused(text: str) -> None:
    try:
        sql = parse(text).sql
    except ConfigError:
        return
    if "LIST_TRANSFORM" not in sql:  # how sqlglot writes INITCAP, from constants of its own
        _require_harmless(sql)


def test_a_reference_is_one_quoted_name() -> None:
    expression = parse('Account.Name = \'a\' AND upper("Odd ""Name") = Email')
    assert expression.fields == ("Account.Name", 'Odd "Name', "Email")
    assert '"Account.Name"' in expression.sql


EVALUATOR = DuckEvaluator()
CELLS = pl.DataFrame({"x": ["ann o'neil", "", None], "n": ["1", "0", ""]})
TYPES = {"n": FieldType.INTEGER}


def test_blank_is_null_and_null_is_blank() -> None:
    assert EVALUATOR.predicate("x IS NULL", CELLS, TYPES).to_list() == [False, True, True]
    assert EVALUATOR.scalar("initcap(x)", CELLS, TYPES, FieldType.TEXT).to_list() == ["Ann O'Neil", "", ""]
    assert EVALUATOR.scalar("n + 1", CELLS, TYPES, FieldType.INTEGER).to_list() == ["2", "1", ""]


@pytest.mark.parametrize(
    "text", ["CAST(x AS INTEGER)", "x + 1", "upper(gone)", "lpad(x, 100000000, 'y')", "regexp_matches(x, '(')"]
)
def test_what_cannot_be_evaluated_is_said_without_the_value(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        DuckEvaluator(memory_limit_mb=64).scalar(text, CELLS, TYPES, FieldType.TEXT)
    assert refused.value.code == "SYN-134"
    assert "neil" not in str(refused.value)


def test_what_can_never_fit_is_said_without_any_row() -> None:
    with pytest.raises(ConfigError):
        EVALUATOR.predicate("x + 1 > 2", CELLS.clear(), TYPES)


def test_the_evaluator_itself_reaches_nothing_outside(tmp_path: Path) -> None:
    """Were a refused expression to slip through, the engine below still says no."""
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2", encoding="utf-8")
    inner = EVALUATOR._connection
    for sql in (
        f"SELECT * FROM read_text('{secret}')",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        f"ATTACH '{tmp_path / 'other.db'}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
    ):
        with pytest.raises(duckdb.Error):
            inner.execute(sql)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]
