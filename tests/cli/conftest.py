"""The ground of these tests: two sandboxes over HTTP and the command line between them."""

from tests.support.ground import ground, new_ground, served, synced
from tests.support.terminal import typing

__all__ = ["ground", "new_ground", "served", "synced", "typing"]
