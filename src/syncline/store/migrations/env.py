"""Alembic's entry: runs the steps on the connection it is given, in the transaction that is open on it."""

from alembic import context

from syncline.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
