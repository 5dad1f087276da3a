"""docs/promises.md: every complaint has its three answers, and every test it names is there and is not a slow one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/promises.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
CITED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize("name", list(SECTIONS))
def test_a_complaint_has_its_promise_its_limit_and_its_proof(name: str) -> None:
    text = SECTIONS[name]
    for word in ("> ", "**Promised.**", "**Not promised.**", "**Shown by**"):
        assert word in text, f"{name} lacks {word}"
    assert re.search(r"`tests/[\w/]+\.py::\w+`", text), f"{name} names no test"


@pytest.mark.parametrize(("file", "test"), CITED)
def test_a_test_that_is_named_exists(file: str, test: str) -> None:
    path = ROOT / file
    assert path.is_file(), f"{file} is not there"
    source = path.read_text(encoding="utf-8")
    found = re.search(rf"((?:^@.*\n(?:^[ )\]].*\n)*)*)^(?:async )?def {test}\(", source, re.MULTILINE)
    assert found, f"{file} has no test {test}"
    assert "@pytest.mark.slow" not in found.group(1)
