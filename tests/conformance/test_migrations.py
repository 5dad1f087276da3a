"""The migration steps lead to the tables of today."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from alembic.config import Config
from alembic.script import ScriptDirectory

from syncline.store import migrations
from syncline.store.migrations.draft import VERSIONS


def _empty() -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(":memory:", isolation_level=None))


def _schema(connection: sqlite3.Connection) -> dict[str, str]:
    """Name -> statement with white space folded, without what Alembic adds for itself."""
    found = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {name: " ".join(sql.split()) for name, sql in found if name != "alembic_version"}


def test_migrating_from_nothing_makes_exactly_the_tables_of_today():
    with _empty() as migrated, _empty() as made:
        migrations.upgrade(migrated)
        migrations.create(made)
        assert _schema(migrated) == _schema(made), 'run: python -m syncline.store.migrations.draft "why" (or --first)'
        assert migrations.version_of(migrated) == migrations.HEAD
        assert migrations.version_of(made) == ""


def test_every_table_is_strict():
    with _empty() as made:
        migrations.create(made)
        listed = made.execute("SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'")
        assert {name for name, strict in listed if not strict} == {"sqlite_schema"}


def test_the_head_is_the_last_step():
    settings = Config()
    settings.set_main_option("script_location", str(VERSIONS.parent).replace("%", "%%"))
    assert ScriptDirectory.from_config(settings).get_heads() == [migrations.HEAD]
