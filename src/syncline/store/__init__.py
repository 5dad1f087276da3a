"""The trees and the journal, kept: `open_store` gives a `trees.Store`.

- `tables` – the tables as SQLAlchemy Core metadata, generated from `trees.TABLES`; `migrations` – how a file gets there
- `statements`, `writing`, `reading`, `frames` – bulk statements, and frames to rows and back
- `sqlite` – the store itself; `opening` – from a URL to a checked store; `claim` – one writer, and the seal;
  `trouble` – what SQLite can answer, as StateError

What the tables mean is said in `trees`; nothing here reads a cell.
"""

from syncline.store.opening import open_store as open_store
