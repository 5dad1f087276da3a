"""The demo command: two sandboxes, ten thousand misspelt people, a day of life."""

from __future__ import annotations

from syncline.cli.session import DEFAULTS, Options


def demo(*, seed: int = 1, options: Options = DEFAULTS) -> int:
    """Start both sandboxes, seed them with the FEBRL benchmark, sync a day of life and prove that both sides agree."""
    raise NotImplementedError
