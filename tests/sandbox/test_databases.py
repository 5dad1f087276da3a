"""A database on disk: continued by the version that founded it, refused with one sentence by any other."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncline_sandbox.core.database import DatabaseRefused
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.sandbox.salesforce_client import Client

both = pytest.mark.parametrize("make", [SalesforceOrg, MarketoInstance])


def change(file: Path, sql: str) -> None:
    with closing(sqlite3.connect(file)) as found, found:
        found.execute(sql)


@both
@pytest.mark.parametrize("sql", ["PRAGMA user_version = 0", "PRAGMA user_version = 7"])
def test_a_database_of_another_version_is_refused(make: Callable[[str], Any], sql: str, tmp_path: Path) -> None:
    file = tmp_path / "kept.sqlite"
    make(str(file))
    change(file, sql)
    with pytest.raises(DatabaseRefused, match=r"kept.sqlite: made by another version .* remove it"):
        make(str(file))


@both
def test_what_is_no_database_is_refused_and_left_alone(make: Callable[[str], Any], tmp_path: Path) -> None:
    file = tmp_path / "kept.sqlite"
    file.write_text("Dear diary, nothing happened today. " * 100)
    with pytest.raises(DatabaseRefused, match="cannot be read as a database"):
        make(str(file))
    assert file.read_text().startswith("Dear diary")


def test_one_sandboxs_database_is_not_the_others(tmp_path: Path) -> None:
    SalesforceOrg(str(tmp_path / "org.sqlite"))
    with pytest.raises(DatabaseRefused):
        MarketoInstance(str(tmp_path / "org.sqlite"))


def test_an_empty_file_is_founded(tmp_path: Path) -> None:
    (tmp_path / "org.sqlite").touch()
    assert SalesforceOrg(str(tmp_path / "org.sqlite")).people.user_id("admin@sandbox.example")


def test_what_is_added_later_does_not_make_another_version(tmp_path: Path) -> None:
    """Custom objects and fields, a reset between."""
    file = str(tmp_path / "org.sqlite")
    org = SalesforceOrg(file)
    org.add_field("Lead", {"name": "Key__c", "type": "string", "length": 20})
    org.add_object({"name": "Order__c", "label": "Order"})
    Client(org).control("POST", "reset")
    org.add_field("Lead", {"name": "Other__c", "type": "string", "length": 20})
    lead = SalesforceOrg(file).schema.sobject("Lead")
    assert lead is not None
    assert lead.field("Other__c")


def test_marketo_continues_with_what_it_made_meanwhile(tmp_path: Path) -> None:
    file = str(tmp_path / "instance.sqlite")
    instance = MarketoInstance(file)
    instance.seed([{"email": "a@example.com"}])
    instance.close()
    assert MarketoInstance(file).store.one("SELECT count(*) FROM leads") == (1,)
