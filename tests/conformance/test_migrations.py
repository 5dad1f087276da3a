"""The migration steps lead to the tables of today, from nothing and from every state that was ever landed."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.pool import NullPool

from syncline.store import migrations, open_store
from syncline.store.migrations.draft import VERSIONS
from syncline.store.postgres.address import conninfo
from syncline.store.tables import METADATA, SERVER_METADATA
from syncline.trees import TABLES, Store, Table
from tests.conformance.stores import StillClock, story

# Dumps of states as each landed form of step 0001 made them, three rows in every table. No form may be taken away.
LANDED = sorted((Path(__file__).parent / "landed").glob("*.sql"))


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


def _shape(connection: sqlite3.Connection) -> dict[str, object]:
    """Tables with their columns in any order, and indexes: added columns stand last, which nothing depends on."""
    shape: dict[str, object] = {}
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"):
        if kind == "table" and name != "alembic_version":
            columns = connection.execute(f"SELECT name, type, [notnull], pk FROM pragma_table_info('{name}')")
            shape[name] = (sorted(columns.fetchall()), sql.rstrip().endswith("STRICT"))
        elif kind == "index":
            shape[name] = " ".join(sql.split())
    return shape


def _rows(connection: sqlite3.Connection, columns: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    def of(table: str) -> list[tuple[Any, ...]]:
        named = ", ".join(f'"{name}"' for name in columns[table])
        return connection.execute(f"SELECT {named} FROM {table}").fetchall()

    return {table: of(table) for table in columns}


@pytest.mark.parametrize("dump", LANDED, ids=lambda path: path.stem)
def test_every_landed_state_becomes_today_s_with_its_rows(dump: Path, tmp_path: Path):
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(dump.read_text(encoding="utf-8"))
        listed = old.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'alembic_version'")
        columns = {
            table: [row[1] for row in old.execute(f"PRAGMA table_info({table})")] for (table,) in listed.fetchall()
        }
        before = _rows(old, columns)
    assert all(len(rows) == 3 for rows in before.values())

    async def chapter(store: Store) -> None:
        for table in Table:
            known = columns.get(table.value)
            assert await store.count(table) == (3 if known else 0)
            assert set((await store.rows(table)).columns) == set(TABLES[table][0])

    story(f"sqlite:///{path}", chapter)
    with closing(sqlite3.connect(path)) as now, _empty() as made:
        migrations.create(made)
        assert migrations.version_of(now) == migrations.HEAD
        assert _shape(now) == _shape(made)
        assert _rows(now, columns) == before


def test_there_are_five_landed_states():
    assert [path.stem for path in LANDED] == ["1-trees", "2-persons", "3-match-keys", "4-endings", "5-owners"]


_COLUMNS = """
    SELECT table_name, column_name, data_type, collation_name, is_nullable, is_identity
    FROM information_schema.columns WHERE table_schema = %s AND table_name <> 'alembic_version' ORDER BY 1, 2
"""
_INDEXES = "SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = %s ORDER BY 1"


def _server_schema(url: str, schema: str) -> tuple[list[tuple[Any, ...]], list[str]]:
    with psycopg.connect(url) as connection:
        columns = connection.execute(_COLUMNS, (schema,)).fetchall()
        indexes = [row[0] for row in connection.execute(_INDEXES, (schema,)) if "alembic" not in row[0]]
    return columns, indexes


def test_on_a_server_the_steps_lead_to_the_tables_of_today_too(postgres_url: str):
    """Made by the steps when the template was opened; made here from the tables, in a schema beside it."""
    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(conninfo(postgres_url), options="-csearch_path=made"),
        poolclass=NullPool,
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA made")
        METADATA.create_all(connection)
        SERVER_METADATA.create_all(connection)
        connection.exec_driver_sql("ALTER TABLE history ADD COLUMN rowid bigint GENERATED ALWAYS AS IDENTITY")
    assert _server_schema(postgres_url, "syncline") == _server_schema(postgres_url, "made")


def test_two_that_open_an_empty_database_at_once_make_it_once(empty_postgres_url: str):
    async def whole() -> list[bytes]:
        stores = await asyncio.gather(*(open_store(empty_postgres_url, StillClock()) for _ in range(3)))
        found = [await store.installation_key() for store in stores]
        for store in stores:
            await store.close()
        return found

    assert len(set(asyncio.run(whole()))) == 1
