"""Shares: which section the work on links of one share needs.

Whoever has the lease of a share is alone with its links among all who work by shares, so two shares are worked
on side by side; everybody else – who takes readings in, settles endings, matches, pushes – is kept out meanwhile.
What crosses shares needs the section that keeps everybody out: a record that several syncs read, and cells that links
of several shares have in common (`planning`). Lives here: that choice. Not here: leases (`tenure`) or units (`units`).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager

from syncline.engine.world import World
from syncline.records import SIDES
from syncline.spec.model import Sync


def is_own(world: World, sync: Sync, link_ids: Iterable[int]) -> bool:
    """Whether all these links are of the share whose lease we have, and their records nobody's but this sync's."""
    if world.share is None:
        return False
    k, n = world.share
    return all(link_id and link_id % n == k for link_id in link_ids) and _is_only_user(world, sync)


def _is_only_user(world: World, sync: Sync) -> bool:
    objects = [(sync.side(side).connection, name) for side in SIDES for name in sync.side(side).object_types]
    return all(len(world.sides_of(connection, name)) == 1 for connection, name in objects)


def section(world: World, sync: Sync, link_ids: Iterable[int]) -> AbstractAsyncContextManager[None]:
    """The section for work on these links, and on nothing that their records do not hold alone."""
    return world.store.in_share() if is_own(world, sync, link_ids) else world.store.alone()
