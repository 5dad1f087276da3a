"""Random statements over the small world, by seed: every shape that may be compared, and none whose answer is not told.

Left out because the vendor does not say: order within ties (Rank__c breaks them), order of text other than letters,
grouping of text that differs by case, `<` on picklists, where a checkbox of a missing parent sorts.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, timedelta, timezone
from typing import Any

from tests.oracle.soql.rows import (
    CHILDREN,
    COLOURS,
    KINDS,
    NAMES,
    PARENTS,
    PICKLIST,
    TEXTS,
    WORDS,
    some_day,
    some_moment,
)
from tests.oracle.soql.statements import (
    Call,
    Comparison,
    Condition,
    In,
    Includes,
    Logic,
    Named,
    Order,
    Path,
    Select,
    SemiJoin,
    Zoned,
)

FIXED_RANGES = "TODAY YESTERDAY TOMORROW LAST_90_DAYS NEXT_90_DAYS".split()
UNITS = "WEEK MONTH QUARTER YEAR FISCAL_QUARTER FISCAL_YEAR".split()
_SORTABLE = "Rank__c Word__c Whole__c Number__c Flag__c Day__c Moment__c Pick__c".split()
_GROUPABLE = "Whole__c Flag__c Day__c Pick__c".split()
_DATE_FUNCTIONS = "CALENDAR_YEAR CALENDAR_MONTH CALENDAR_QUARTER DAY_IN_MONTH DAY_IN_WEEK DAY_IN_YEAR".split()
_MOMENT_FUNCTIONS = [*_DATE_FUNCTIONS, "DAY_ONLY", "HOUR_IN_DAY"]
_SEMI_JOINS = {
    "Account": [("Id", "Contact", "AccountId"), ("Id", "Opportunity", "AccountId")],
    "Contact": [("AccountId", "Account", "Id"), ("AccountId", "Opportunity", "AccountId")],
    "Opportunity": [("AccountId", "Account", "Id"), ("AccountId", "Contact", "AccountId")],
}


class RandomStatements:
    """Makes one statement after the other from its *dice*."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def select(self) -> Select:
        """A statement of any kind."""
        source = self._dice.choice(list(NAMES))
        kind = self._dice.random()
        if kind < 0.12:
            return Select((), source, self._where(source), is_count=True)
        return self._grouped(source) if kind < 0.35 else self._records(source)

    # -- lists ---------------------------------------------------------------------------------------------------------

    def _records(self, source: str) -> Select:
        items: list[Any] = [("Id",), *self._some(self._paths(source), 1, 6)]
        children = CHILDREN[source]
        for name in self._dice.sample(sorted(children), self._dice.choice((0, 0, 1, 2)) if children else 0):
            items.append(self._child(name, children[name][0]))
        order, limit, offset = self._window(source)
        return Select(tuple(items), source, self._where(source), order=order, limit=limit, offset=offset)

    def _child(self, relationship: str, source: str) -> Select:
        order, limit, _ = self._window(source)
        items = tuple(self._some(self._paths(source), 1, 4))
        order = order or (Order(("Rank__c",)),)
        where = self._where(source, joins=False)
        return Select(items, source, where, order=order, limit=limit, relationship=relationship)

    def _grouped(self, source: str) -> Select:
        if self._dice.random() < 0.2:
            calls = tuple(dict.fromkeys(self._aggregate() for _ in range(self._dice.randint(1, 3))))
            return Select(self._named(calls), source, self._where(source))
        group = self._some([(name,) for name in _GROUPABLE], 1, 2)
        if self._dice.random() < 0.4:
            group.append(self._date_part())
        if self._dice.random() < 0.3 and source != "Account":
            group = [by for by in group if by != ("Pick__c",)] + [("Account", "Pick__c")]
        # A grouped field is not aggregated: the vendor refuses that.
        free = (call for call in (self._aggregate() for _ in range(4)) if call.path not in group)
        calls = tuple(dict.fromkeys(free))
        having = self._having(group) if self._coin() else None
        order = tuple(Order(by, self._coin(), self._nulls()) for by in group)
        items = self._named((*group, *calls))
        limit = self._dice.randint(1, 9) if self._coin() else None
        return Select(items, source, self._where(source), tuple(group), having, order, limit)

    def _named(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            Call(item.function, item.path, f"n{place}") if isinstance(item, Call) and self._coin() else item
            for place, item in enumerate(items)
        )

    def _aggregate(self) -> Call:
        function = self._dice.choice(("COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"))
        names = {"SUM": ["Whole__c", "Number__c"], "AVG": ["Whole__c", "Number__c"]}
        ranged = ["Whole__c", "Number__c", "Day__c", "Moment__c"]
        counted = [*ranged, "Id"] if function.startswith("COUNT") else ranged
        return Call(function, (self._dice.choice(names.get(function, counted)),))

    def _date_part(self) -> Call:
        if self._coin():
            return Call(self._dice.choice(_DATE_FUNCTIONS), ("Day__c",))
        return Call(self._dice.choice(_MOMENT_FUNCTIONS), ("Moment__c",))

    def _having(self, group: list[Any]) -> Condition:
        calls = [("COUNT", ("Id",)), ("SUM", ("Whole__c",)), ("MAX", ("Number__c",))]
        call = Call(*self._dice.choice([call for call in calls if call[1] not in group]))
        first = Comparison(call, self._dice.choice(("=", "<", ">", "<=", ">=", "!=")), self._dice.randint(0, 4))
        return Logic("NOT", (first,)) if self._dice.random() < 0.2 else first

    # -- order and window ----------------------------------------------------------------------------------------------

    def _window(self, source: str) -> tuple[tuple[Order, ...], int | None, int | None]:
        if self._dice.random() < 0.3:
            return (), None, None
        by = [
            path for path in self._paths(source) if path[-1] in _SORTABLE and (len(path) == 1 or path[-1] != "Flag__c")
        ]
        order = [Order(path, self._coin(), self._nulls()) for path in self._some(by, 0, 3)]
        order = [each for each in order if each.by != ("Rank__c",)] + [Order(("Rank__c",), self._coin())]
        limit = self._dice.choice((None, 0, 1, 5, 20, 200))
        return tuple(order), limit, self._dice.choice((None, None, 1, 7, 200))

    def _nulls(self) -> str:
        return self._dice.choice(("", "", "FIRST", "LAST"))

    # -- conditions ----------------------------------------------------------------------------------------------------

    def _where(self, source: str, *, joins: bool = True) -> Condition | None:
        if self._dice.random() < 0.15:
            return None
        condition = self._condition(source, self._dice.choice((0, 1, 1, 2, 3)))
        if joins and self._dice.random() < 0.15:
            join = self._semi_join(source)
            return join if self._coin() else Logic("AND", (condition, join))
        return condition

    def _condition(self, source: str, depth: int) -> Condition:
        if depth == 0:
            return self._leaf(source)
        operator = self._dice.choice(("AND", "OR", "NOT"))
        count = 1 if operator == "NOT" else self._dice.randint(2, 3)
        return Logic(operator, tuple(self._condition(source, depth - 1) for _ in range(count)))

    def _semi_join(self, source: str) -> SemiJoin:
        left, inner, item = self._dice.choice(_SEMI_JOINS[source])
        where = self._condition(inner, self._dice.choice((0, 1)))
        return SemiJoin((left,), Select(((item,),), inner, where), self._coin())

    def _leaf(self, source: str) -> Condition:
        path = self._dice.choice([path for path in self._paths(source) if path[-1] in KINDS])
        return _LEAVES[KINDS[path[-1]]](self, path)

    def _text(self, path: Path) -> Condition:
        pool = WORDS if path[-1] == "Word__c" else TEXTS
        roll = self._dice.random()
        if roll < 0.3:
            patterns = ("a%", "%B%", "_b_", "x\\%y", "x\\_y", "x_y", "%", "%'%", "ulm", "ULM %", "zz%z", "%lta%")
            return Comparison(path, "LIKE", self._dice.choice(patterns))
        if roll < 0.5:
            return In(path, self._several(lambda: self._in_any_case(pool)), self._coin())
        ordered = ("<", "<=", ">", ">=") if path[-1] == "Word__c" else ()
        operator = self._dice.choice(("=", "!=", *ordered))
        value = self._in_any_case(pool) if ordered and operator in ordered else self._or_null(self._in_any_case(pool))
        return Comparison(path, operator, value)

    def _in_any_case(self, pool: tuple[str, ...]) -> str:
        text = self._dice.choice(pool)
        return self._dice.choice((text, text.upper(), text.lower()))

    def _picked(self, path: Path) -> Condition:
        value = self._dice.choice((*PICKLIST, "Nowhere"))
        if self._coin():
            return In(path, self._several(lambda: self._dice.choice(PICKLIST)), self._coin())
        return Comparison(path, self._dice.choice(("=", "!=")), self._or_null(value))

    def _number(self, path: Path) -> Condition:
        whole = KINDS[path[-1]] == "int"
        values = (-3, 0, 1, 2, 70) if whole else (-2.5, 0, 0.25, 1, 3.14, 12345.67)
        if self._dice.random() < 0.2:
            return In(path, self._several(lambda: self._dice.choice(values)), self._coin())
        operator = self._dice.choice(("=", "!=", "<", "<=", ">", ">="))
        value = self._dice.choice(values)
        return Comparison(path, operator, self._or_null(value) if operator in ("=", "!=") else value)

    def _flag(self, path: Path) -> Condition:
        return Comparison(path, self._dice.choice(("=", "!=")), self._dice.choice((True, False, None)))

    def _day(self, path: Path) -> Condition:
        operator = self._dice.choice(("=", "!=", "<", "<=", ">", ">="))
        value: Any = self._range() if self._dice.random() < 0.6 else some_day(self._dice)
        return Comparison(path, operator, self._or_null(value) if operator in ("=", "!=") else value)

    def _moment(self, path: Path) -> Condition:
        operator = self._dice.choice(("=", "!=", "<", "<=", ">", ">="))
        value: Any = self._range() if self._coin() else self._zoned()
        return Comparison(path, operator, self._or_null(value) if operator in ("=", "!=") else value)

    def _zoned(self) -> Zoned:
        at = some_moment(self._dice)
        minutes = self._dice.choice((0, 0, 60, -300, 330))
        local = at.astimezone(timezone(timedelta(minutes=minutes)) if minutes else UTC)
        offset = self._dice.choice(("Z", "+00:00")) if not minutes else local.strftime("%z")
        if minutes:
            offset = f"{offset[:3]}:{offset[3:]}"
        fraction = self._dice.choice(("", ".000", ".000000"))
        return Zoned(at, local.strftime("%Y-%m-%dT%H:%M:%S") + fraction + offset)

    def _range(self) -> Named:
        kind = self._dice.random()
        if kind < 0.3:
            return Named(self._dice.choice(FIXED_RANGES))
        if kind < 0.6:
            return Named(f"{self._dice.choice(('LAST', 'THIS', 'NEXT'))}_{self._dice.choice(UNITS)}")
        n = self._dice.choice((1, 2, 3, 7, 30))
        unit = self._dice.choice(("DAY", "DAY", "DAY", "DAY", *UNITS))
        if unit not in ("WEEK", "DAY"):
            n = min(n, 3)
        shape = self._dice.choice(("LAST_N_{}S", "NEXT_N_{}S", "N_{}S_AGO"))
        return Named(f"{shape.format(unit)}:{n}")

    def _colours(self, path: Path) -> Condition:
        if self._dice.random() < 0.2:
            return Comparison(path, self._dice.choice(("=", "!=")), None)
        sets = self._several(lambda: tuple(self._some(list(COLOURS), 1, 2)))
        return Includes(path, sets, self._coin())

    # -- dice ----------------------------------------------------------------------------------------------------------

    def _paths(self, source: str) -> list[Path]:
        own: list[Path] = [(name,) for name in (*KINDS, NAMES[source])]
        for parent, (_, above) in PARENTS[source].items():
            own += [(parent, name) for name in self._dice.sample(sorted(KINDS), 4)]
            own += [(parent, further, "Word__c") for further in PARENTS[above]]
        return own

    def _some(self, things: list[Any], least: int, most: int) -> list[Any]:
        return self._dice.sample(things, min(len(things), self._dice.randint(least, most)))

    def _several(self, one: Callable[[], Any]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(one() for _ in range(self._dice.randint(1, 3))))

    def _or_null(self, value: Any) -> Any:
        return None if self._dice.random() < 0.2 else value

    def _coin(self) -> bool:
        return self._dice.random() < 0.5


_LEAVES: dict[str, Callable[[RandomStatements, Path], Condition]] = {
    "string": RandomStatements._text,
    "picklist": RandomStatements._picked,
    "multipicklist": RandomStatements._colours,
    "int": RandomStatements._number,
    "double": RandomStatements._number,
    "boolean": RandomStatements._flag,
    "date": RandomStatements._day,
    "datetime": RandomStatements._moment,
}
