"""Record ids: 15 characters, the 18-character form with its check characters, and the source of new ones.

Lives here: the arithmetic only. Which prefix an object has is the schema's affair.
"""

from __future__ import annotations

import random
import re

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}([0-9A-Za-z]{3})?")
_SERIAL_LENGTH = 9


def check_characters(id15: str) -> str:
    """The three characters that make a 15-character id safe to compare without case."""
    groups = (id15[0:5], id15[5:10], id15[10:15])
    return "".join(_CHECK[sum("A" <= char <= "Z" and 1 << bit for bit, char in enumerate(group))] for group in groups)


def full_id(text: object) -> str | None:
    """The 18-character form of a 15- or 18-character id; None when *text* does not have the form of an id."""
    if not isinstance(text, str) or _SHAPE.fullmatch(text) is None:
        return None
    return text[:15] + check_characters(text[:15])


class IdSource:
    """New ids per key prefix, in ascending order, the same for the same seed.

    `serials` holds the last number given out per prefix: store it to continue where one left off.
    """

    def __init__(self, seed: int) -> None:
        pod = random.Random(seed)
        self._pod = pod.choice(_DIGITS[10:]) + pod.choice(_DIGITS[10:]) + "0"
        self.serials: dict[str, int] = {}
        self._check_cache: dict[str, str] = {}

    def new(self, key_prefix: str) -> str:
        """The next 18-character id of this prefix."""
        serial = self.serials.get(key_prefix, 0) + 1
        self.serials[key_prefix] = serial
        return self._compose(key_prefix, serial)

    def at(self, key_prefix: str, number: int) -> str:
        """The id of this prefix and number, given out or not."""
        return self._compose(key_prefix, number)

    def number(self, name: str) -> int:
        """The next number of the series *name*, from 1."""
        self.serials[name] = self.serials.get(name, 0) + 1
        return self.serials[name]

    def numbered(self, name: str, pattern: str) -> str:
        """The next number of a series in its format: `A-{0000}` gives A-0001."""
        number = self.number(name)
        return re.sub(r"\{(0+)\}", lambda match: f"{number:0{len(match[1])}d}", pattern)

    def new_many(self, key_prefix: str, count: int) -> list[str]:
        """The next *count* ids: what `new` would give one by one."""
        made: list[str] = []
        while len(made) < count:
            first = self.new(key_prefix)
            made.append(first)
            # Up to the next carry only the last of the 15 characters changes, and the last check character with it.
            serial = self.serials[key_prefix]
            place = serial % len(_DIGITS)
            digits = _DIGITS[place + 1 : place + 1 + count - len(made)]
            bits = sum(1 << bit for bit in range(4) if "A" <= first[10 + bit] <= "Z")
            head, checked = first[:14], first[15:17]
            made += [f"{head}{digit}{checked}{_CHECK[bits + 16 * ('A' <= digit <= 'Z')]}" for digit in digits]
            self.serials[key_prefix] = serial + len(digits)
        return made

    def _compose(self, key_prefix: str, serial: int) -> str:
        digits = [""] * _SERIAL_LENGTH
        for place in range(_SERIAL_LENGTH - 1, -1, -1):
            serial, rest = divmod(serial, 62)
            digits[place] = _DIGITS[rest]
        text = "".join(digits)
        id15 = key_prefix + self._pod + text
        # The last group of five changes with every id; the first two hardly ever do.
        head = id15[:10]
        checked = self._check_cache.get(head)
        if checked is None:
            self._check_cache.clear()
            checked = self._check_cache[head] = check_characters(id15)[:2]
        tail = sum(1 << bit for bit in range(5) if "A" <= id15[10 + bit] <= "Z")
        return id15 + checked + _CHECK[tail]
