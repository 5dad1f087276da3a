"""Write the next migration step from the difference between the steps so far and `store.tables`.

Run as ``python -m syncline.store.migrations.draft "why"``; then read it, set `HEAD`, and run the conformance tests.
``--first`` writes step 0001 anew: only until the first release, when no state file of anybody's exists.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.operations.ops import CreateIndexOp, CreateTableOp

from syncline.store.migrations import HEAD, sqlalchemy_engine, upgrade
from syncline.store.tables import NULLABLE_KEYS, TREES

VERSIONS = Path(__file__).parent / "versions"


def _add_expression_indexes(_context: object, _revision: object, directives: list[Any]) -> None:
    """Alembic cannot compare an index over expressions: add it where its table is made."""
    operations = directives[0].upgrade_ops.ops
    made = {operation.table_name for operation in operations if isinstance(operation, CreateTableOp)}
    for table in NULLABLE_KEYS:
        if table.value in made:
            operations += (CreateIndexOp.from_index(index) for index in TREES[table].indexes)


def draft(why: str, *, first: bool) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    if first:
        (VERSIONS / "0001_first.py").unlink(missing_ok=True)
    else:
        upgrade(connection)
    settings = Config()
    settings.set_main_option("script_location", str(VERSIONS.parent).replace("%", "%%"))
    settings.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    number = "0001" if first else f"{int(HEAD) + 1:04}"
    with sqlalchemy_engine(connection).connect() as ours:
        settings.attributes["connection"] = ours
        command.revision(
            settings,
            message=why,
            autogenerate=True,
            rev_id=number,
            process_revision_directives=_add_expression_indexes,
        )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    draft("first" if sys.argv[1] == "--first" else sys.argv[1], first=sys.argv[1] == "--first")
