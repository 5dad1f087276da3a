"""The documents say what is true of the code: files load, commands exist, links lead somewhere, codes are ours."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
import yaml

from syncline.cli.main import app
from syncline.errors import CODES
from syncline.spec import file
from syncline.spec.evaluate import DuckEvaluator
from syncline.spec.expressions import FUNCTION_NAMES
from syncline.spec.resolve import resolve
from syncline.values import FieldType
from tests.docs.pages import EXAMPLES, PAGES, ROOT, Block, Shown, anchors, blocks, commands, links, name_of

SQL_PAGE = ROOT / "docs" / "how-to" / "write-filters-and-transforms.md"
ERRORS_PAGE = ROOT / "docs" / "reference" / "errors.md"
_SQL_ROW = re.compile(r"^\| ((?:`[^`]+=[^`]*` ?)+)\| `(.+)` \| (?:`(.*)`)? *\|$", re.MULTILINE)
_CONNECTIONS = {"crm": {"type": "salesforce"}, "marketing": {"type": "marketo"}}
_COMMANDS = {name for name in app if not name.startswith("-")}


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_every_example_is_a_configuration(path: Path) -> None:
    assert resolve(file.load(path))


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.page)
def test_every_yaml_block_is_a_configuration_or_a_part_of_one(block: Block) -> None:
    """A block that shows connections only is completed with the other connection and a sync."""
    raw = yaml.safe_load(block.text)
    raw["connections"] = _CONNECTIONS | raw.get("connections", {})
    raw.setdefault("syncs", {"people": {"a": "crm", "b": "marketing"}})
    assert resolve(file.parse(yaml.safe_dump(raw), block.page))


@pytest.mark.parametrize("shown", commands(), ids=lambda shown: f"{shown.page}: {' '.join(shown.words)}")
def test_every_command_shown_exists_with_its_options(shown: Shown) -> None:
    name, *rest = shown.words
    if name == "--install-completion":
        return
    assert name in _COMMANDS, f"{shown.page} shows `syncline {name}`"
    command = app[name]
    while rest and rest[0] in set(command):  # a command of a group
        command = command[rest.pop(0)]
    known = {option for argument in command.assemble_argument_collection() for option in argument.names}
    asked = {word.split("=")[0] for word in rest if word.startswith("-")}
    assert asked <= known | {"--help"}, f"{shown.page}: `syncline {' '.join(shown.words)}`"


def test_every_command_is_in_a_document_of_ours() -> None:
    """The generated reference does not count: somebody has to say what a command is good for."""
    assert _COMMANDS - {shown.words[0] for shown in commands()} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Inside a generated page the anchors are its generator's."""
    is_generated = page.read_text(encoding="utf-8").startswith("<!-- Generated")
    broken = []
    for to in links(page):
        path, _, anchor = to.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and not is_generated and anchor not in anchors(target)):
            broken.append(to)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_code_is_one_of_ours(page: Path) -> None:
    assert set(re.findall(r"SYN-\d{3}", page.read_text(encoding="utf-8"))) <= set(CODES)


def test_the_page_of_errors_lists_every_code_once() -> None:
    listed = re.findall(r"^\| (SYN-\d{3}) \|", ERRORS_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(CODES)


def _sql_rows() -> list[tuple[str, str, str]]:
    text = SQL_PAGE.read_text(encoding="utf-8").replace(r"\|", "\0")
    return [(a, b.replace("\0", "|"), c or "") for a, b, c in _SQL_ROW.findall(text)]


@pytest.mark.parametrize(("fields", "expression", "value"), _sql_rows(), ids=lambda part: str(part)[:60])
def test_every_expression_shown_gives_the_value_shown(fields: str, expression: str, value: str) -> None:
    cells = dict(part.split("=", 1) for part in re.findall(r"`([^`]*)`", fields))
    got = DuckEvaluator().scalar(expression, pl.DataFrame([cells]), {}, FieldType.TEXT)
    assert got.to_list() == [value]


def test_the_table_of_expressions_was_found_whole() -> None:
    table = SQL_PAGE.read_text(encoding="utf-8").split("| Fields | Expression | Value |")[1].split("\n\n")[0]
    assert len(_sql_rows()) == len(table.strip().splitlines()) - 1 >= 10


def test_every_function_that_is_allowed_is_named() -> None:
    text = SQL_PAGE.read_text(encoding="utf-8").split("## What is allowed")[1].split("##")[0]
    named = set(re.findall(r"[A-Z_]{3,}", text))
    assert {name for names in FUNCTION_NAMES for name in names.split(" / ")} <= named
