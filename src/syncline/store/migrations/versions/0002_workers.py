"""workers leases budgets schedules plans streams.

Before the first release the step 0001 was written anew several times, so that a file which says "0001" may lack what
came last; this step begins by adding it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TRUTH = sa.Boolean().with_variant(sa.Integer(), "sqlite")


def match_key() -> None:
    op.create_table(
        "match_key",
        sa.Column("sync", TEXT, autoincrement=False, nullable=False),
        sa.Column("side", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("record_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("way", NUMBER, autoincrement=False, nullable=False),
        sa.Column("value", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("sync", "side", "object_type", "record_id", "way"),
        sqlite_strict=True,
    )
    op.create_index("ix_match_key_sync_way_value", "match_key", ["sync", "way", "value"], unique=False)


def erased() -> None:
    op.create_table(
        "erased",
        sa.Column("sync", TEXT, autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, autoincrement=False, nullable=False),
        sa.Column("print", TEXT, autoincrement=False, nullable=False),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("sync", "kind", "print"),
        sqlite_strict=True,
    )


def merger() -> None:
    op.create_table(
        "merger",
        sa.Column("merger_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, nullable=True),
        sa.Column("side", TEXT, nullable=True),
        sa.Column("object_type", TEXT, nullable=True),
        sa.Column("winner_link", NUMBER, nullable=True),
        sa.Column("loser_link", NUMBER, nullable=True),
        sa.Column("winner_id", TEXT, nullable=True),
        sa.Column("loser_id", TEXT, nullable=True),
        sa.Column("cells", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.Column("run_id", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("merger_id"),
        sqlite_strict=True,
    )


def owner_key() -> None:
    op.create_table(
        "owner_key",
        sa.Column("connection", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("record_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("field", TEXT, autoincrement=False, nullable=False),
        sa.Column("print", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("connection", "object_type", "record_id", "field"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_owner_key_connection_object_type_field_print",
        "owner_key",
        ["connection", "object_type", "field", "print"],
        unique=False,
    )


LATE_TABLES: Mapping[str, Callable[[], None]] = {
    "match_key": match_key,
    "erased": erased,
    "merger": merger,
    "owner_key": owner_key,
}
LATE_COLUMNS: tuple[tuple[str, str, sa.types.TypeEngine[Any]], ...] = (
    ("moment", "is_person", TRUTH),
    ("mirror", "fate", TEXT),
    ("mirror", "heir_type", TEXT),
    ("mirror", "heir_id", TEXT),
    ("mirror", "fate_us", NUMBER),
)


def complete_the_first_step() -> None:
    found = sa.inspect(op.get_bind())
    for name, make in LATE_TABLES.items():
        if not found.has_table(name):
            make()
    for table, column, kind in LATE_COLUMNS:
        if column not in {each["name"] for each in found.get_columns(table)}:
            op.add_column(table, sa.Column(column, kind, nullable=True))


def add_what_a_server_has() -> None:
    """PostgreSQL: a sequence for dirty marks, who writes, the order of appending, and tidying in time of the tables
    whose rows come and go (PostgreSQL, "Automatic Vacuuming": otherwise after a fifth of a table has changed)."""
    op.execute(sa.schema.CreateSequence(sa.Sequence("mark_sequence", data_type=sa.BigInteger())))
    op.create_table(
        "writer",
        sa.Column("token", TEXT, nullable=False),
        sa.Column("commits", NUMBER, nullable=False),
        sa.Column("opened_us", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("token"),
    )
    op.execute("ALTER TABLE history ADD COLUMN rowid bigint GENERATED ALWAYS AS IDENTITY")
    for name in ("dirty", "entry", "lease", "counter", "writer", "budget", "allowance", "worker"):
        op.execute(
            f"ALTER TABLE {name} SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,"
            " autovacuum_analyze_scale_factor = 0.05)"
        )


def upgrade() -> None:
    complete_the_first_step()
    op.create_table(
        "agreement",
        sa.Column("sync", TEXT, autoincrement=False, nullable=False),
        sa.Column("bucket", NUMBER, autoincrement=False, nullable=False),
        sa.Column("pairs", NUMBER, nullable=True),
        sa.Column("agreeing", NUMBER, nullable=True),
        sa.Column("explained", NUMBER, nullable=True),
        sa.Column("differing", NUMBER, nullable=True),
        sa.Column("digest_a", TEXT, nullable=True),
        sa.Column("digest_b", TEXT, nullable=True),
        sa.Column("checked_us", NUMBER, nullable=True),
        sa.Column("run_id", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("sync", "bucket"),
        sqlite_strict=True,
    )
    op.create_table(
        "allowance",
        sa.Column("allowance_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("connection", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("holder", TEXT, nullable=True),
        sa.Column("granted", NUMBER, nullable=True),
        sa.Column("spent", NUMBER, nullable=True),
        sa.Column("from_us", NUMBER, nullable=True),
        sa.Column("expires_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("allowance_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_allowance_connection_kind", "allowance", ["connection", "kind"], unique=False)
    op.create_table(
        "budget",
        sa.Column("connection", TEXT, autoincrement=False, nullable=False),
        sa.Column("day_used", NUMBER, nullable=True),
        sa.Column("day_limit", NUMBER, nullable=True),
        sa.Column("day_ours", NUMBER, nullable=True),
        sa.Column("learnt_us", NUMBER, nullable=True),
        sa.Column("resets_us", NUMBER, nullable=True),
        sa.Column("held_until_us", NUMBER, nullable=True),
        sa.Column("held_why", TEXT, nullable=True),
        sa.Column("breaker", TEXT, nullable=True),
        sa.Column("failures", NUMBER, nullable=True),
        sa.Column("openings", NUMBER, nullable=True),
        sa.Column("seen", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("connection"),
        sqlite_strict=True,
    )
    op.create_table(
        "lease",
        sa.Column("name", TEXT, autoincrement=False, nullable=False),
        sa.Column("holder", TEXT, nullable=True),
        sa.Column("fence", NUMBER, nullable=True),
        sa.Column("taken_us", NUMBER, nullable=True),
        sa.Column("expires_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )
    op.create_table(
        "request",
        sa.Column("request_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("subject", TEXT, nullable=True),
        sa.Column("options", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("asked_us", NUMBER, nullable=True),
        sa.Column("answered_us", NUMBER, nullable=True),
        sa.Column("worker", TEXT, nullable=True),
        sa.Column("answer", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("request_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "schedule",
        sa.Column("sync", TEXT, autoincrement=False, nullable=False),
        sa.Column("print", TEXT, nullable=True),
        sa.Column("next_us", NUMBER, nullable=True),
        sa.Column("last_us", NUMBER, nullable=True),
        sa.Column("is_waiting", TRUTH, nullable=True),
        sa.Column("paused_us", NUMBER, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("sync"),
        sqlite_strict=True,
    )
    op.create_table(
        "seal",
        sa.Column("digest", TEXT, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("counts", TEXT, nullable=True),
        sa.Column("sealed_us", NUMBER, nullable=True),
        sa.Column("decided_us", NUMBER, nullable=True),
        sa.Column("decided_by", TEXT, nullable=True),
        sa.Column("applied_us", NUMBER, nullable=True),
        sa.Column("run_id", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_strict=True,
    )
    op.create_table(
        "secret",
        sa.Column("connection", TEXT, autoincrement=False, nullable=False),
        sa.Column("setting", TEXT, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", TEXT, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("connection", "setting"),
        sqlite_strict=True,
    )
    op.create_table(
        "stream",
        sa.Column("connection", TEXT, autoincrement=False, nullable=False),
        sa.Column("channel", TEXT, autoincrement=False, nullable=False),
        sa.Column("position", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("events", NUMBER, nullable=True),
        sa.Column("gaps", NUMBER, nullable=True),
        sa.Column("event_us", NUMBER, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("connection", "channel"),
        sqlite_strict=True,
    )
    op.create_table(
        "worker",
        sa.Column("worker_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("host", TEXT, nullable=True),
        sa.Column("pid", NUMBER, nullable=True),
        sa.Column("version", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("started_us", NUMBER, nullable=True),
        sa.Column("seen_us", NUMBER, nullable=True),
        sa.Column("doing", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("worker_id"),
        sqlite_strict=True,
    )
    op.add_column("run", sa.Column("cycle", TEXT, nullable=True))
    op.add_column("run", sa.Column("worker", TEXT, nullable=True))
    op.add_column("run", sa.Column("lane", TEXT, nullable=True))
    op.add_column("run", sa.Column("due_us", NUMBER, nullable=True))
    op.create_index("ix_run_sync_kind_state", "run", ["sync", "kind", "state"], unique=False)
    if op.get_context().dialect.name == "postgresql":
        add_what_a_server_has()
