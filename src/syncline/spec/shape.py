"""Checks plain data against msgspec types and says every fault in a person's words, with its path spelled out.

Lives here: the walk. msgspec itself says `$.syncs[...].fields[...]`; a person needs the names, the nearest known key of
that very level, and the values that may stand there. Not here: which types (`file.py`).
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from syncline.spec.yaml_text import Path

_WORDS: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
    type(None): "nothing",
}


@dataclass(frozen=True)
class Fault:
    """One thing that may not stand where it stands. `hint` says what may."""

    path: Path
    message: str
    hint: str = ""


def faults_of(value: Any, kind: Any, path: Path = ()) -> Iterator[Fault]:
    """Every fault of *value* as a *kind* (a msgspec Struct, dict, list, union, enum or scalar type)."""
    options = _options(kind)
    if isinstance(value, dict):
        yield from _of_mapping(value, options, path)
    elif isinstance(value, list) and (lists := [one for one in options if typing.get_origin(one) is list]):
        for at, item in enumerate(value):
            yield from faults_of(item, typing.get_args(lists[0])[0], (*path, at))
    elif not any(_fits(value, option) for option in options):
        yield _wrong_value(value, options, path)


def _options(kind: Any) -> list[Any]:
    """The alternatives of a union without None; one for everything else."""
    kind = _bare(kind)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [each for each in typing.get_args(kind) if each is not type(None)]
    return [kind]


def _bare(kind: Any) -> Any:
    """Without an annotation that only describes; one with bounds is part of what fits."""
    if typing.get_origin(kind) is not typing.Annotated:
        return kind
    base, meta = typing.get_args(kind)[0], typing.get_args(kind)[1]
    return kind if meta.ge is not None else base


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _of_mapping(value: dict[str, Any], options: list[Any], path: Path) -> Iterator[Fault]:
    struct = next((one for one in options if _is_struct(one)), None)
    plain = next((one for one in options if typing.get_origin(one) is dict), None)
    if struct is not None:
        yield from _of_struct(value, struct, path)
    elif plain is not None:
        for key, item in value.items():
            yield from faults_of(item, typing.get_args(plain)[1], (*path, key))
    else:
        yield _wrong_value(value, options, path)


def _of_struct(value: dict[str, Any], struct: Any, path: Path) -> Iterator[Fault]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for key, item in value.items():
        if key in fields:
            yield from faults_of(item, fields[key].type, (*path, key))
            continue
        near = difflib.get_close_matches(key, fields, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(sorted(fields))}."
        yield Fault((*path, key), "there is no such key", hint)
    for name, field in fields.items():
        if field.required and name not in value:
            yield Fault(path, f"the key {name!r} is missing")


def _fits(value: Any, kind: Any) -> bool:
    if typing.get_origin(kind) is dict or _is_struct(kind):
        return False  # mappings were walked
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _wrong_value(value: Any, options: list[Any], path: Path) -> Fault:
    """Names the value only where it is a short word for an enumeration: anything else might be a secret."""
    allowed = [str(each) for option in options for each in _choices(option)]
    if allowed and isinstance(value, str):
        near = difflib.get_close_matches(value, allowed, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        return Fault(path, f"{value[:40]!r} may not stand here", f"{hint}Allowed: {', '.join(allowed)}.")
    expected = " or ".join(dict.fromkeys(_words(option) for option in options))
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    found = f"{value:g}" if is_number else _WORDS.get(type(value), type(value).__name__)
    return Fault(path, f"expected {expected}, found {found}")


def _choices(kind: Any) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(each.value) for each in kind]
    return list(typing.get_args(kind)) if typing.get_origin(kind) is typing.Literal else []


def _words(kind: Any) -> str:
    base = kind
    bounds = ""
    if typing.get_origin(kind) is typing.Annotated:
        base, meta = typing.get_args(kind)[0], typing.get_args(kind)[1]
        bounds = f" from {meta.ge} to {meta.le}"
    if _is_struct(base) or typing.get_origin(base) is dict:
        return "a mapping"
    if choices := _choices(base):
        return f"one of {', '.join(choices)}"
    return _WORDS.get(typing.get_origin(base) or base, str(base)) + bounds
