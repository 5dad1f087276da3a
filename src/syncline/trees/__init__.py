"""The trees and the journal as tables: their columns, and the Store's contract over them.

- `observed`, `agreed`, `written`, `running` – the columns of the tables; `tables` – their names and keys
- `store` – the `Commit` in which changes travel, leases, and the protocol `Store`

How they are kept is `store/`'s business; what they mean is explained in docs/explanation/architecture.md.

Every `*_us` is an instant in microseconds since 1970 UTC. JSON columns are text.
"""

from syncline.trees.agreed import CONSIDERED as CONSIDERED
from syncline.trees.agreed import LINK_END as LINK_END
from syncline.trees.agreed import VERDICT as VERDICT
from syncline.trees.columns import Columns as Columns
from syncline.trees.observed import MIRROR as MIRROR
from syncline.trees.observed import MOMENT as MOMENT
from syncline.trees.store import AlreadyThere as AlreadyThere
from syncline.trees.store import Commit as Commit
from syncline.trees.store import Fenced as Fenced
from syncline.trees.store import Lease as Lease
from syncline.trees.store import Store as Store
from syncline.trees.tables import TABLES as TABLES
from syncline.trees.tables import Table as Table
from syncline.trees.tables import empty as empty
from syncline.trees.written import ENTRY as ENTRY
from syncline.trees.written import HISTORY as HISTORY
