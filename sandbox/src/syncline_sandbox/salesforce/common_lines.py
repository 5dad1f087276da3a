"""Lines that most objects share, in the notation `field_lines.py` reads: their ids and their audit fields.

Lives here: the shared lines alone; those of each object are in the `standard` files.
"""

from __future__ import annotations

HEAD = "id ---DI Id\nboolean ---D IsDeleted\n"
"""Of an object whose records go through the recycle bin."""
AUDIT = """
datetime ---D CreatedDate
reference ---D CreatedById>User
datetime ---D LastModifiedDate
reference ---D LastModifiedById>User
datetime ---D SystemModstamp
"""
