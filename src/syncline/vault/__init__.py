"""Secrets at rest: sealed rows of the state, opened with a key that the state never holds.

- `keys` – keys: from the environment or a file, made and replaced there
- `box` – one secret sealed for its connection and setting, and opened again
- `stored` – the rows: set, list, remove, rotate, and all of a project opened at once

Not here: which setting is a secret (a connector's manifest) or who asks (`wiring`, `cli`).
"""
