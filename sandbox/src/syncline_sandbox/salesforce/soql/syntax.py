"""The syntax tree of a SOQL query: what the parser yields and the compiler reads. No names are resolved here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Path:
    """`Name`, `Account.Name`, `a.Owner.Name`: the names as typed and where the path stands in the text."""

    names: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """`COUNT(Id)`, `CALENDAR_YEAR(CreatedDate)`, `toLabel(Status)`; `function` is upper case.

    `argument` is None for `COUNT()`; FIELDS holds its selector (ALL, STANDARD, CUSTOM) as a path.
    """

    function: str
    argument: Path | Call | None
    at: int


Expression = Path | Call


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the SELECT list."""

    expression: Expression | Subquery | TypeOf
    alias: str | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written.

    `kind` is string, number, boolean, null, date, datetime or range (a named date such as LAST_N_DAYS); `value` is
    the decoded text for strings and the text as typed otherwise; `like` the LIKE pattern of a string; `count` the n
    after the colon of a named date.
    """

    kind: str
    value: str
    at: int
    like: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`; operators = != < <= > >= LIKE take one literal, IN, NOT IN, INCLUDES, EXCLUDES several."""

    left: Expression
    operator: str
    right: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """`left [NOT] IN (SELECT …)`: a semi-join or an anti-join."""

    left: Path
    negated: bool
    select: Query


@dataclass(frozen=True, slots=True)
class Logic:
    """AND or OR over two or more parts, NOT over one."""

    operator: str
    parts: tuple[Condition, ...]


Condition = Comparison | Membership | Logic


@dataclass(frozen=True, slots=True)
class Order:
    """One ORDER BY entry. Nulls come first unless said otherwise, in either direction."""

    expression: Expression
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT, outer or inner. `from_names` is the object, or for a child sub-query the relationship.

    `path_aliases` are the relationships named in FROM: `FROM Contact c, c.Account a`. `scope` is the filter scope of
    USING SCOPE. `subtotals` is ROLLUP or CUBE where GROUP BY asks for it.
    """

    items: tuple[Item, ...]
    from_names: tuple[str, ...]
    from_at: int
    alias: str | None = None
    where: Condition | None = None
    path_aliases: tuple[tuple[str, Path], ...] = ()
    scope: Path | None = None
    group_by: tuple[Expression, ...] = ()
    subtotals: str = ""
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Subquery:
    """`(SELECT … FROM Contacts)` in the SELECT list."""

    query: Query
    at: int


@dataclass(frozen=True, slots=True)
class Branch:
    """`WHEN Account THEN Phone, Owner.Name`."""

    sobject: str
    fields: tuple[Path, ...]
    at: int


@dataclass(frozen=True, slots=True)
class TypeOf:
    """`TYPEOF What WHEN … THEN … ELSE Name END`; `otherwise` is empty without ELSE."""

    relation: Path
    branches: tuple[Branch, ...]
    otherwise: tuple[Path, ...]
    at: int


def functions_of(query: Query) -> set[str]:
    """The functions in the SELECT list, those inside others too."""
    found: set[str] = set()
    for item in query.items:
        expression: object = item.expression
        while isinstance(expression, Call):
            found.add(expression.function)
            expression = expression.argument
    return found
