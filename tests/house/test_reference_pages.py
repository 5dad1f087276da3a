"""The generated pages are what the code says now, and every code that is used anywhere has one meaning."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.command_pages import EXAMPLE
from docs.generate import EXPLAINED, EXPLANATION, PAGES, REFERENCE
from syncline import errors
from syncline.cli.session import EXIT_CODES, exit_code
from syncline.errors import CODES, SynclineError
from syncline.spec.file import parse
from syncline.spec.resolve import resolve

SOURCES = Path(errors.__file__).parent
CODE = re.compile(r"SYN-\d{3}")
PAGE = re.compile(r"docs/[a-z0-9/-]+\.md")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_the_code_says(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "run: make docs"


@pytest.mark.parametrize("name", EXPLAINED)
def test_a_page_made_from_the_tests_says_what_they_say(name: str) -> None:
    assert (EXPLANATION / name).read_text(encoding="utf-8") == EXPLAINED[name](), "run: make docs"


def test_the_complete_example_is_a_configuration() -> None:
    assert list(resolve(parse(EXAMPLE))) == ["people"]


def _strings(tree: ast.Module) -> Iterator[str]:
    """Every string of a module but docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def _uses() -> Iterator[tuple[str, str]]:
    """(code, room) of every code in the sources but the catalogue's own entries."""
    for path in sorted(SOURCES.rglob("*.py")):
        room = path.relative_to(SOURCES).parts[0].removesuffix(".py")
        text = path.read_text(encoding="utf-8")
        if room == "errors":
            text = text[: text.index("CODES: Mapping")]
        for string in _strings(ast.parse(text)):
            yield from ((code, room) for code in CODE.findall(string))


def test_every_code_is_in_the_catalogue_and_used_in_its_rooms_only() -> None:
    strays = {(code, room) for code, room in _uses() if code not in CODES or room not in CODES[code].rooms.split()}
    assert strays == set()


def test_every_code_of_the_catalogue_is_used() -> None:
    assert set(CODES) - {code for code, _ in _uses()} == set()


@pytest.mark.parametrize("room", ["src", "sandbox/src", "tests", "benchmarks"])
def test_every_page_that_a_source_names_is_there(room: str) -> None:
    house = Path(__file__).resolve().parents[2]
    own = house / room.split("/")[0]  # the sandbox has pages of its own
    named = {
        (name, path.name)
        for path in (house / room).rglob("*.py")
        for name in PAGE.findall(path.read_text(encoding="utf-8"))
    }
    assert {(name, path) for name, path in named if not ((house / name).exists() or (own / name).exists())} == set()


def test_no_two_codes_say_the_same() -> None:
    causes = [about.cause for about in CODES.values()]
    assert len(causes) == len(set(causes))
    assert all(about.cause and about.remedy for about in CODES.values())


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_an_exit_code_of_its_own_kind(code: str) -> None:
    assert exit_code(SynclineError("so", code=code)) in EXIT_CODES


def test_an_error_without_a_remedy_gets_its_codes() -> None:
    for kind in (errors.ConfigError, errors.Unavailable, errors.StateError, errors.OurBug):
        assert kind("so").remedy == CODES[kind.code].remedy
    assert errors.ConfigError("so", code="SYN-142", remedy="this").remedy == "this"
