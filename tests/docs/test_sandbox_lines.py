"""Every line a reader of the sandbox's pages can type is typed: commands, programs, worlds, tests."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from syncline_sandbox.testing import marketo_instance, salesforce_org
from tests.docs.pages import ROOT, SANDBOX_PAGES, Block, blocks_of, name_of
from tests.docs.sandbox_up import Up, run_commands, run_node, run_python, up

README = ROOT / "sandbox" / "README.md"


def shown(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output shown."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    return [(command, output.strip()) for command, _, output in (part.partition("\n") for part in parts)]


def agrees(output: str, expected: str) -> bool:
    """An ellipsis stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), output, re.DOTALL) is not None


def check_console(block: Block, started: Up, scratch: Path) -> None:
    lines = shown(block)
    if lines[-1][0].startswith("syncline-sandbox up"):
        assert agrees(started.as_shown().strip(), lines[-1][1])
        return
    said = run_commands([command for command, _ in lines], started, scratch)
    for (command, expected), output in zip(lines, said, strict=True):
        assert agrees(output, expected), f"{block.page}: {command}\n{output}"


@pytest.mark.parametrize("page", SANDBOX_PAGES, ids=name_of)
def test_every_command_and_program_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    found = [block for block in blocks_of(page) if block.language in ("console", "js", "python")]
    if not found:
        assert page.stem in ("salesforce", "marketo")
        return
    with up("--seed", "demo") as started:
        for block in found:
            if block.language == "console":
                check_console(block, started, tmp_path)
            elif block.language == "js":
                assert run_node(block.text, started)
            elif "https:" not in block.text:
                assert run_python(block.text, started, tmp_path)


def test_the_client_that_speaks_https_alone(tmp_path: Path) -> None:
    (program,) = [block.text for block in blocks_of(README) if block.language == "python" and "https:" in block.text]
    with up("--seed", "demo", "--https", "--data-dir", str(tmp_path)) as started:
        assert run_python(program, started, tmp_path, REQUESTS_CA_BUNDLE=str(tmp_path / "ca.pem")) == "1\n"


def test_the_world_shown_is_one() -> None:
    (text,) = [block.text for block in blocks_of(README) if block.language == "json"]
    world = json.loads(text)
    with salesforce_org(world) as org, marketo_instance(world) as instance:
        assert org.control("GET", "counters")["rows"]["Lead"] == 1
        assert instance.control("GET", "counters")["people"] == 1


@pytest.mark.parametrize("place", ["in the clone", "in a folder of its own"])
def test_the_example_beside_the_project_is_green(place: str, tmp_path: Path) -> None:
    """By the bare command, which does not look for modules where it stands."""
    folder = ROOT / "examples" / "sandbox"
    if place != "in the clone":
        folder = shutil.copytree(folder, tmp_path / "own")
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout
    assert re.search(r"\b8 passed", ended.stdout)
