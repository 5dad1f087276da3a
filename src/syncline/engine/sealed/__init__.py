"""Sealed plans: what a run would do, in a file that somebody approves, and then exactly that.

- `content`, `paper` – the actions and links as lines, and the whole plan as bytes with its digest
- `seal` – making one · `approval` – who said yes, and what stands against applying
- `limits`, `apply` – doing what was approved and nothing else
"""
