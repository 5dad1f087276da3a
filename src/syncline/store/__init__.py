"""The trees and the journal, kept: `open_store` gives a `trees.Store`.

- `tables` – the tables as SQLAlchemy Core metadata, generated from `trees.TABLES`; `migrations` – how a state gets
  there
- `acts`, `queries`, `keys`, `frames` – what every database is told and asked alike: a commit's acts in order,
  questions of a table, keys of a look-up, and frames to rows and back
- `opening` – from a URL to a checked store
- `sqlite` – the store in a file: `statements`, `writing`, `reading`, `leases`; `claim` – one writer, and the seal;
  `trouble` – what SQLite can answer, as StateError
- `postgres/` – the same on a server, for several processes
- `sections`, `wakes` – being alone, and waking who waits

What the tables mean is said in `trees`; nothing here reads a cell.
"""

from syncline.store.opening import is_untouched as is_untouched
from syncline.store.opening import open_store as open_store
