"""How a state file gets to the current version of its tables: numbered steps in `versions`, run by Alembic.

A step, once released, never changes; the tables of today are in `store.tables`, and a test proves that the steps lead
there. `python -m syncline.store.migrations.draft "why"` writes the next step.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from syncline.store.statements import DIALECT
from syncline.store.tables import METADATA

HEAD = "0002"
"""The version this release writes; a file with a greater one was written by a newer release."""

_NO_VERSION = ""


def version_of(connection: sqlite3.Connection) -> str:
    """The file's version; "" if it has no tables yet."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
        return _NO_VERSION
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return _NO_VERSION if row is None else str(row[0])


@lru_cache(maxsize=1)
def current_ddl() -> tuple[str, ...]:
    """The statements that make today's tables from nothing."""
    made: list[str] = []
    engine = sa.create_mock_engine(
        "sqlite://", lambda statement, *_: made.append(str(statement.compile(dialect=DIALECT)))
    )
    METADATA.create_all(engine, checkfirst=False)
    return tuple(made)


def create(connection: sqlite3.Connection) -> None:
    """Make today's tables at once: for stores in memory, which are never migrated."""
    for statement in current_ddl():
        connection.execute(statement)


def sqlalchemy_engine(connection: sqlite3.Connection) -> sa.Engine:
    """An engine over a connection that stays ours."""
    return sa.create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)


def upgrade(connection: sqlite3.Connection) -> None:
    """Run the missing steps, all in one transaction."""
    with sqlalchemy_engine(connection).connect() as ours:
        ours.exec_driver_sql("BEGIN IMMEDIATE")
        _run_steps(ours)
        ours.commit()


def upgrade_server(connection: Any) -> None:
    """Run the missing steps on a psycopg connection, all in one transaction; it is closed afterwards."""
    connection.autocommit = False
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    try:
        with engine.begin() as ours:
            _run_steps(ours)
    finally:
        engine.dispose()
        connection.close()


def _run_steps(ours: sa.Connection) -> None:
    # Alembic takes a tenth of a second to import, and most openings have nothing to migrate.
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.attributes["connection"] = ours
    command.upgrade(settings, "head")
