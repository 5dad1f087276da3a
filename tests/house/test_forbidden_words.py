"""The word rules find what they forbid, and the project obeys them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.forbidden_words import ROOT, breaches


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("src/syncline/engine/observe.py", '"""Reads Salesforce."""'),
        ("src/syncline/reconcile/merge.py", "sfdc_id = 1"),
        ("src/syncline/spec/model.py", "# see /" + "work/main"),
        ("docs/README.md", "unpack to /" + "home/somebody/syncline"),
        (".ci/run", "pip install --index" + "-url x"),
        ("requirements/run.lock", "# from files.python" + "hosted.org"),
        ("src/syncline/values.py", "# refer" + "ence/stack.md"),
    ],
)
def test_a_forbidden_word_is_found_where_it_stands(tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(f"first line\n{line}\n")
    assert [(breach.path, breach.line_number) for breach in breaches(tmp_path)] == [(name, 2)]


def test_a_vendor_may_be_named_outside_the_pure_rooms(tmp_path: Path) -> None:
    (tmp_path / "src/syncline/connectors").mkdir(parents=True)
    (tmp_path / "src/syncline/connectors/salesforce.py").write_text("# Salesforce\nurl = '/services/data/work/'\n")
    assert list(breaches(tmp_path)) == []


def test_what_tools_made_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/a.txt").write_text("/" + "work/main\n")
    assert list(breaches(tmp_path)) == []


def test_the_project_obeys() -> None:
    assert list(breaches(ROOT)) == []
