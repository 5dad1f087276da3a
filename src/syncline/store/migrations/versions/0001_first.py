"""first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TRUTH = sa.Boolean().with_variant(sa.Integer(), "sqlite")


def digest(text: str) -> sa.ColumnElement[str]:
    """What an index holds of a long text: on PostgreSQL, whose index rows may not be long, its digest."""
    return sa.literal_column(f"md5({text})" if op.get_context().dialect.name == "postgresql" else text)


def upgrade() -> None:
    op.create_table(
        "base",
        sa.Column("link_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, nullable=True),
        sa.Column("revision", NUMBER, nullable=True),
        sa.Column("canonicaliser", NUMBER, nullable=True),
        sa.Column("prints_a", sa.LargeBinary(), nullable=True),
        sa.Column("prints_b", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("link_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "binding",
        sa.Column("sync", TEXT, nullable=False),
        sa.Column("side", TEXT, nullable=False),
        sa.Column("connection", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sync", "side"),
        sqlite_strict=True,
    )
    op.create_table(
        "captured",
        sa.Column("run_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("connection", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("page", NUMBER, autoincrement=False, nullable=False),
        sa.Column("verdict", TEXT, autoincrement=False, nullable=False),
        sa.Column("ids", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "connection", "object_type", "page", "verdict"),
        sqlite_strict=True,
    )
    op.create_table(
        "conflict",
        sa.Column("conflict_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, nullable=True),
        sa.Column("link_id", NUMBER, nullable=True),
        sa.Column("mapping", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("policy", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("winner_side", TEXT, nullable=True),
        sa.Column("value_a", TEXT, nullable=True),
        sa.Column("value_b", TEXT, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.Column("run_id", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("conflict_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_conflict_sync_link_id", "conflict", ["sync", "link_id"], unique=False)
    op.create_table(
        "considered",
        sa.Column("run_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, autoincrement=False, nullable=False),
        sa.Column("side", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("record_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("link_id", NUMBER, nullable=True),
        sa.Column("seq", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("run_id", "sync", "side", "object_type", "record_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "counter",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )
    op.create_table(
        "cursor",
        sa.Column("connection", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("position", TEXT, nullable=True),
        sa.Column("fields", TEXT, nullable=True),
        sa.Column("rows_seen", NUMBER, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("connection", "object_type"),
        sqlite_strict=True,
    )
    op.create_table(
        "dead_letter",
        sa.Column("letter_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, nullable=True),
        sa.Column("link_id", NUMBER, nullable=True),
        sa.Column("side", TEXT, nullable=True),
        sa.Column("object_type", TEXT, nullable=True),
        sa.Column("record_id", TEXT, nullable=True),
        sa.Column("mapping", TEXT, nullable=True),
        sa.Column("operation", TEXT, nullable=True),
        sa.Column("code", TEXT, nullable=True),
        sa.Column("message", TEXT, nullable=True),
        sa.Column("sent", TEXT, nullable=True),
        sa.Column("attempts", NUMBER, nullable=True),
        sa.Column("wakes_on", TEXT, nullable=True),
        sa.Column("wake_print", NUMBER, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("letter_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_dead_letter_sync_link_id", "dead_letter", ["sync", "link_id"], unique=False)
    op.create_table(
        "described",
        sa.Column("connection", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("fields", TEXT, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("connection", "object_type"),
        sqlite_strict=True,
    )
    op.create_table(
        "dirty",
        sa.Column("sync", TEXT, autoincrement=False, nullable=False),
        sa.Column("link_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("side", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("record_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("seq", NUMBER, nullable=True),
        sa.Column("due_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("sync", "link_id", "side", "object_type", "record_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_dirty_linked",
        "dirty",
        ["sync", "seq", "due_us"],
        unique=False,
        sqlite_where=sa.text("link_id <> 0"),
        postgresql_where=sa.text("link_id <> 0"),
    )
    op.create_index(
        "ix_dirty_unlinked",
        "dirty",
        ["sync", "seq", "due_us"],
        unique=False,
        sqlite_where=sa.text("link_id = 0"),
        postgresql_where=sa.text("link_id = 0"),
    )
    op.create_table(
        "entry",
        sa.Column("batch_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("position", NUMBER, autoincrement=False, nullable=False),
        sa.Column("connection", TEXT, nullable=True),
        sa.Column("object_type", TEXT, nullable=True),
        sa.Column("record_id", TEXT, nullable=True),
        sa.Column("match_key", TEXT, nullable=True),
        sa.Column("link_id", NUMBER, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("batch_id", "position"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_entry_connection_object_type_record_id", "entry", ["connection", "object_type", "record_id"], unique=False
    )
    op.create_index("ix_entry_state_connection", "entry", ["state", "connection"], unique=False)
    op.create_index(
        "uq_entry_match_key_in_flight",
        "entry",
        ["connection", "object_type", "match_key"],
        unique=True,
        sqlite_where=sa.text("state IN ('prepared', 'sent', 'unknown') AND match_key IS NOT NULL"),
        postgresql_where=sa.text("state IN ('prepared', 'sent', 'unknown') AND match_key IS NOT NULL"),
    )
    op.create_index(
        "uq_entry_record_id_in_flight",
        "entry",
        ["connection", "object_type", "record_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('prepared', 'sent', 'unknown') AND record_id IS NOT NULL"),
        postgresql_where=sa.text("state IN ('prepared', 'sent', 'unknown') AND record_id IS NOT NULL"),
    )
    op.create_table(
        "erased",
        sa.Column("sync", TEXT, autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, autoincrement=False, nullable=False),
        sa.Column("print", TEXT, autoincrement=False, nullable=False),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("sync", "kind", "print"),
        sqlite_strict=True,
    )
    op.create_table(
        "history",
        sa.Column("day", TEXT, nullable=True),
        sa.Column("connection", TEXT, nullable=True),
        sa.Column("object_type", TEXT, nullable=True),
        sa.Column("record_id", TEXT, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.Column("cause", TEXT, nullable=True),
        sa.Column("actor", TEXT, nullable=True),
        sa.Column("run_id", TEXT, nullable=True),
        sa.Column("cells", TEXT, nullable=True),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_history_connection_object_type_record_id",
        "history",
        ["connection", "object_type", "record_id"],
        unique=False,
    )
    op.create_table(
        "hold",
        sa.Column("hold_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("subject", TEXT, nullable=True),
        sa.Column("evidence", TEXT, nullable=True),
        sa.Column("digest", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.Column("run_id", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("hold_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_hold_sync_state", "hold", ["sync", "state"], unique=False)
    op.create_table(
        "journal",
        sa.Column("batch_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, nullable=True),
        sa.Column("run_id", TEXT, nullable=True),
        sa.Column("side", TEXT, nullable=True),
        sa.Column("connection", TEXT, nullable=True),
        sa.Column("object_type", TEXT, nullable=True),
        sa.Column("operation", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("prepared_us", NUMBER, nullable=True),
        sa.Column("sent_us", NUMBER, nullable=True),
        sa.Column("answered_us", NUMBER, nullable=True),
        sa.Column("origin", TEXT, nullable=True),
        sa.Column("fence", NUMBER, nullable=True),
        sa.Column("segment", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("batch_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_journal_sync_state", "journal", ["sync", "state"], unique=False)
    op.create_table(
        "keyring",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )
    op.create_table(
        "link",
        sa.Column("link_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("rule", TEXT, nullable=True),
        sa.Column("decided_us", NUMBER, nullable=True),
        sa.Column("evidence", TEXT, nullable=True),
        sa.Column("member_a", TRUTH, nullable=True),
        sa.Column("member_b", TRUTH, nullable=True),
        sa.Column("visible_a", TRUTH, nullable=True),
        sa.Column("visible_b", TRUTH, nullable=True),
        sa.PrimaryKeyConstraint("link_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_link_sync", "link", ["sync"], unique=False)
    op.create_table(
        "link_end",
        sa.Column("sync", TEXT, autoincrement=False, nullable=False),
        sa.Column("side", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("record_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("link_id", NUMBER, nullable=True),
        sa.Column("role", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("sync", "side", "object_type", "record_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_link_end_link_id", "link_end", ["link_id"], unique=False)
    op.create_table(
        "mark",
        sa.Column("link_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("mapping", TEXT, autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, autoincrement=False, nullable=False),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("at_us", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("link_id", "mapping", "kind"),
        sqlite_strict=True,
    )
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
    op.create_index("ix_match_key_sync_way_value", "match_key", ["sync", "way", digest("value")], unique=False)
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
    op.create_table(
        "meta",
        sa.Column("name", TEXT, autoincrement=False, nullable=False),
        sa.Column("value", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )
    op.create_table(
        "mirror",
        sa.Column("connection", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("record_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("cells", TEXT, nullable=True),
        sa.Column("flags", TEXT, nullable=True),
        sa.Column("stamp_us", NUMBER, nullable=True),
        sa.Column("previous_stamp_us", NUMBER, nullable=True),
        sa.Column("actor", TEXT, nullable=True),
        sa.Column("created_us", NUMBER, nullable=True),
        sa.Column("is_deleted", TRUTH, nullable=True),
        sa.Column("fate", TEXT, nullable=True),
        sa.Column("heir_type", TEXT, nullable=True),
        sa.Column("heir_id", TEXT, nullable=True),
        sa.Column("fate_us", NUMBER, nullable=True),
        sa.Column("as_of_us", NUMBER, nullable=True),
        sa.Column("previous_as_of_us", NUMBER, nullable=True),
        sa.Column("how", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("connection", "object_type", "record_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "moment",
        sa.Column("connection", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("record_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("field", TEXT, autoincrement=False, nullable=False),
        sa.Column("at_us", NUMBER, autoincrement=False, nullable=False),
        sa.Column("actor", TEXT, nullable=True),
        sa.Column("origin", TEXT, nullable=True),
        sa.Column("old", TEXT, nullable=True),
        sa.Column("new", TEXT, autoincrement=False, nullable=True),
        sa.Column("is_person", TRUTH, nullable=True),
        sqlite_strict=True,
    )
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
    op.create_table(
        "receipt",
        sa.Column("run_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("connection", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("page", NUMBER, autoincrement=False, nullable=False),
        sa.Column("ids", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "connection", "object_type", "page"),
        sqlite_strict=True,
    )
    op.create_table(
        "run",
        sa.Column("run_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("started_us", NUMBER, nullable=True),
        sa.Column("ended_us", NUMBER, nullable=True),
        sa.Column("summary", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_run_sync_started_us", "run", ["sync", "started_us"], unique=False)
    op.create_table(
        "verdict",
        sa.Column("run_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("sync", TEXT, autoincrement=False, nullable=False),
        sa.Column("side", TEXT, autoincrement=False, nullable=False),
        sa.Column("object_type", TEXT, autoincrement=False, nullable=False),
        sa.Column("record_id", TEXT, autoincrement=False, nullable=False),
        sa.Column("class", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("run_id", "sync", "side", "object_type", "record_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_moment",
        "moment",
        [
            "connection",
            "object_type",
            "record_id",
            "field",
            "at_us",
            digest("coalesce(new, '')"),
            sa.literal_column("(new IS NULL)"),
        ],
        unique=True,
    )
