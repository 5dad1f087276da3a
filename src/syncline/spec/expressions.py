"""Users' SQL: one scalar expression or predicate, parsed once against an allow-list. No I/O, no evaluation.

Lives here: what is allowed and which fields an expression reads. Evaluation is in `evaluate.py`. Everything that is
not listed is refused: sub-queries, tables, files, windows, aggregates, parameters, chance and the current time.
"""

from __future__ import annotations

import difflib
import logging
import re
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from syncline.errors import ConfigError

MOST_CHARACTERS = 10_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

# What sqlglot cannot parse it logs and wraps as a Command, which we refuse in words of our own.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_STRUCTURE: tuple[type[exp.Expr], ...] = (
    exp.Column,
    exp.Identifier,
    exp.Literal,
    exp.Boolean,
    exp.Null,
    exp.Paren,
    exp.Neg,
    exp.Case,
    exp.If,
    exp.DataType,
    exp.DataTypeParam,
    exp.Cast,
    exp.TryCast,
    exp.And,
    exp.Or,
    exp.Not,
    exp.EQ,
    exp.NEQ,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.LT,
    exp.LTE,
    exp.GT,
    exp.GTE,
    exp.Between,
    exp.In,
    exp.Is,
    exp.Like,
    exp.ILike,
    exp.Escape,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.DPipe,
    exp.Var,
)

_FUNCTIONS: dict[str, type[exp.Expr]] = {
    "ABS": exp.Abs,
    "CEIL": exp.Ceil,
    "COALESCE": exp.Coalesce,
    "CONCAT": exp.Concat,
    "CONCAT_WS": exp.ConcatWs,
    "DATE_TRUNC": exp.TimestampTrunc,
    "FLOOR": exp.Floor,
    "GREATEST": exp.Greatest,
    "INITCAP": exp.Initcap,
    "LEAST": exp.Least,
    "LEFT": exp.Left,
    "LENGTH": exp.Length,
    "LOWER": exp.Lower,
    "LPAD / RPAD": exp.Pad,
    "LTRIM / RTRIM / TRIM": exp.Trim,
    "NULLIF": exp.Nullif,
    "REGEXP_MATCHES": exp.RegexpLike,
    "REGEXP_REPLACE": exp.RegexpReplace,
    "REPLACE": exp.Replace,
    "RIGHT": exp.Right,
    "ROUND": exp.Round,
    "SPLIT_PART": exp.SplitPart,
    "STARTS_WITH": exp.StartsWith,
    "STRPOS": exp.StrPosition,
    "SUBSTRING": exp.Substring,
    "UPPER": exp.Upper,
}

FUNCTION_NAMES = tuple(sorted(_FUNCTIONS))

_CAST_TYPES: dict[str, tuple[exp.DType, ...]] = {
    "BIGINT": (exp.DType.BIGINT,),
    "BOOLEAN": (exp.DType.BOOLEAN,),
    "DATE": (exp.DType.DATE,),
    "DECIMAL": (exp.DType.DECIMAL,),
    "DOUBLE": (exp.DType.DOUBLE,),
    "INTEGER": (exp.DType.INT,),
    "TIMESTAMP": (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ),
    "TIMESTAMPTZ": (exp.DType.TIMESTAMPTZ,),
    "VARCHAR": (exp.DType.TEXT, exp.DType.VARCHAR),
}

CAST_TYPE_NAMES = tuple(_CAST_TYPES)

_ALLOWED = frozenset(_STRUCTURE) | frozenset(_FUNCTIONS.values())


@dataclass(frozen=True)
class Expression:
    """A checked expression: the SQL to run, with every field as one quoted name, and the fields it reads, in order."""

    sql: str
    fields: tuple[str, ...]


def parse(text: str) -> Expression:
    """Check one SQL scalar expression or predicate.

    Raises ConfigError (SYN-131 not SQL, SYN-132 not allowed) naming the part and what may stand there.
    """
    tree = _one_tree(text)
    for node in tree.walk():
        if not _is_allowed(node):
            raise _refused(text, node)
    fields: dict[str, None] = {}
    for column in list(tree.find_all(exp.Column, bfs=False)):
        if not all(part.name for part in column.parts):
            raise ConfigError(f"{_short(text)!r} names a field without a name.", code="SYN-131")
        name = ".".join(part.name for part in column.parts)
        fields[name] = None
        column.replace(exp.column(exp.to_identifier(name, quoted=True))) if column is not tree else None
    if isinstance(tree, exp.Column):
        tree = exp.column(exp.to_identifier(next(iter(fields)), quoted=True))
    return Expression(sql=tree.sql(dialect="duckdb", comments=False), fields=tuple(fields))


def _one_tree(text: str) -> exp.Expr:
    if len(text) > MOST_CHARACTERS or _CONTROL.search(text):
        why = (
            f"is longer than {MOST_CHARACTERS} characters" if len(text) > MOST_CHARACTERS else "has control characters"
        )
        raise ConfigError(f"The expression {_short(text)!r} {why}.", code="SYN-131")
    try:
        trees = sqlglot.parse(text, read="duckdb", error_level=sqlglot.ErrorLevel.IMMEDIATE)
        nodes = sum(1 for tree in trees if tree is not None for _ in tree.walk())
    except (SqlglotError, RecursionError) as error:
        first = _PLACE.search(str(error))
        where = f" (line {first[1]}, column {first[2]})" if first else ""
        raise ConfigError(f"{_short(text)!r} is not a SQL expression{where}.", code="SYN-131") from error
    if len(trees) != 1 or trees[0] is None or not nodes:
        raise ConfigError(f"{_short(text)!r} must be exactly one SQL expression.", code="SYN-131")
    return trees[0]


_PLACE = re.compile(r"Line (\d+), Col: (\d+)")


def _is_allowed(node: exp.Expr) -> bool:
    if isinstance(node, exp.DataType):
        return _is_scalar_type(node)
    if isinstance(node, exp.In):  # a list in parentheses; never a query, a table or a list-valued column
        return not any(node.args.get(name) for name in ("query", "field", "unnest")) and bool(node.expressions)
    return type(node) in _ALLOWED


def _is_scalar_type(node: exp.DataType) -> bool:
    """One of the listed types; DECIMAL alone may have its two numbers."""
    if (
        not any(node.this in kinds for kinds in _CAST_TYPES.values())
        or node.args.get("nested")
        or node.args.get("collate")
    ):
        return False
    return all(
        node.this is exp.DType.DECIMAL and isinstance(each, exp.DataTypeParam) and isinstance(each.this, exp.Literal)
        for each in node.expressions
    )


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"


def _refused(text: str, node: exp.Expr) -> ConfigError:
    part = _short(node.sql(dialect="duckdb", comments=False, unsupported_level=sqlglot.ErrorLevel.IGNORE))
    remedy = (
        "Allowed are comparisons, AND, OR, NOT, IN, LIKE, BETWEEN, IS NULL, arithmetic, CASE, CAST and "
        + ", ".join(FUNCTION_NAMES)
        + "."
    )
    if node.find(exp.Query) is not None:
        what = f"the sub-query {part!r}"
    elif isinstance(node, exp.Anonymous):
        near = difflib.get_close_matches(node.name.upper(), FUNCTION_NAMES, n=1, cutoff=0.75)
        what = f"the function {node.name.upper()}" + (f" (did you mean {near[0]}?)" if near else "")
    elif isinstance(node, exp.DataType):
        what, remedy = f"the type {part}", f"Cast to one of {', '.join(CAST_TYPE_NAMES)}."
    elif isinstance(node, exp.In):
        what, remedy = f"{part!r}", "IN takes a list of values in parentheses: State IN ('CA', 'NY')."
    else:
        what = repr(part)
    return ConfigError(f"In {_short(text)!r}, {what} is not allowed.", code="SYN-132", remedy=remedy)
