"""What a control body may hold: keys with the kind of value each takes, and the words said of a body that has others.

Lives here: kinds, the shape of a body, the check. Which keys a route or a fault takes is said in tables where it lives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_MANY = 2**53
_LONG_SECONDS = 1e9


@dataclass(frozen=True)
class Kind:
    """A kind of value: what is said of it, and whether a decoded JSON value is one."""

    said: str
    fits: Callable[[Any], bool]


def whole(least: int, most: int = _MANY) -> Kind:
    """A whole number of *least* … *most*."""
    said = f"a whole number of {least} … {most}" if most < _MANY else f"a whole number, {least} or more"
    return Kind(said, lambda value: type(value) is int and least <= value <= most)


def number(least: float, most: float) -> Kind:
    """Any number of *least* … *most*."""
    said = f"a number of {least:g} … {most:g}"
    return Kind(said, lambda value: type(value) in (int, float) and least <= value <= most)


def nullable(kind: Kind) -> Kind:
    return Kind(f"{kind.said}, or null", lambda value: value is None or kind.fits(value))


def listed(kind: Kind) -> Kind:
    return Kind(f"a list, each {kind.said}", lambda value: isinstance(value, list) and all(map(kind.fits, value)))


ANYTHING = Kind("anything", lambda _value: True)
TEXT = Kind("a text", lambda value: isinstance(value, str))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
COUNT = whole(0)
SECONDS = number(0, _LONG_SECONDS)
SKEW_SECONDS = number(-_LONG_SECONDS, _LONG_SECONDS)
SHARE = number(0, 1)
STATUS = whole(100, 599)
SEED = whole(-_MANY + 1, _MANY - 1)
SCALAR = Kind("a text, a number, true, false or null", lambda value: not isinstance(value, list | dict))
TEXTS = listed(TEXT)
OBJECT = Kind("an object", lambda value: isinstance(value, dict))
LIST = Kind("a list", lambda value: isinstance(value, list))

Kinds = Mapping[str, Kind]


def wrong_of(given: Mapping[str, Any], kinds: Kinds, needed: tuple[str, ...] = ()) -> str | None:
    """What is wrong with *given* in the light of *kinds*; None for nothing."""
    if unknown := given.keys() - kinds.keys():
        return f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(kinds)) or 'nothing'}"
    if missing := [name for name in needed if name not in given]:
        return f"missing: {', '.join(missing)}; known: {', '.join(sorted(kinds))}"
    for name, value in given.items():
        if not kinds[name].fits(value):
            return f"{name} is {kinds[name].said}, not {value!r}"
    return None


@dataclass(frozen=True)
class Body:
    """The body of a control route: the keys it takes, those it needs, and whether a list of such bodies will do.

    `some`: at least one key has to be there.
    """

    kinds: Kinds
    needed: tuple[str, ...] = ()
    many: bool = False
    some: bool = False

    def wrong(self, body: Any) -> str | None:
        """What is wrong with a decoded body; None for nothing."""
        each = body if self.many and isinstance(body, list) else [body]
        for one in each:
            if not isinstance(one, dict):
                return "a JSON object is expected"
            if self.some and not one:
                return f"needs one of: {', '.join(sorted(self.kinds))}"
            if said := wrong_of(one, self.kinds, self.needed):
                return said
        return None
