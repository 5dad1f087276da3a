"""Users' SQL: one scalar expression or predicate, parsed once against an allow-list. No I/O, no evaluation.

Lives here: what is allowed and which fields an expression reads. Evaluation is in `evaluate.py`. Everything that is
not listed is refused: sub-queries, tables, files, windows, aggregates, parameters, chance and the current time.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from syncline.errors import ConfigError

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
    exp.Tuple,
    exp.DataType,
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
    try:
        trees = sqlglot.parse(text, read="duckdb")
    except SqlglotError as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"{text!r} is not a SQL expression: {first}", code="SYN-131") from error
    if len(trees) != 1 or trees[0] is None:
        raise ConfigError(f"{text!r} must be exactly one SQL expression.", code="SYN-131")
    tree = trees[0]
    for node in tree.walk():
        if type(node) not in _ALLOWED or node.args.get("query") is not None:
            raise _refused(text, node)
    fields: dict[str, None] = {}
    for column in list(tree.find_all(exp.Column)):
        name = ".".join(part.name for part in column.parts)
        fields[name] = None
        column.replace(exp.column(exp.to_identifier(name, quoted=True))) if column is not tree else None
    if isinstance(tree, exp.Column):
        tree = exp.column(exp.to_identifier(next(iter(fields)), quoted=True))
    return Expression(sql=tree.sql(dialect="duckdb", comments=False), fields=tuple(fields))


def _refused(text: str, node: exp.Expr) -> ConfigError:
    if node.find(exp.Select) is not None or node.args.get("query") is not None:
        what = "a sub-query"
    elif isinstance(node, exp.Anonymous):
        near = difflib.get_close_matches(node.name.upper(), FUNCTION_NAMES, n=1)
        what = f"the function {node.name.upper()}" + (f" (did you mean {near[0]}?)" if near else "")
    else:
        what = f"{type(node).__name__.upper()} in {node.sql(dialect='duckdb')!r}"
    return ConfigError(
        f"{what} is not allowed in {text!r}.",
        code="SYN-132",
        remedy="Allowed are comparisons, AND, OR, NOT, IN, LIKE, BETWEEN, IS NULL, arithmetic, CASE, CAST and "
        + ", ".join(FUNCTION_NAMES)
        + ".",
    )
