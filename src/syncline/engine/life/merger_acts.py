"""The act that makes one of two records: a merge, or a conversion of one into the other.

Lives here: which of them a system can do. Not here: when it is due and what follows (`mergers`).
"""

from __future__ import annotations

from dataclasses import replace

from syncline.engine.observe import consult
from syncline.engine.world import World
from syncline.reconcile.succession import Name
from syncline.records import ConvertOption, Operation, Side, Write
from syncline.spec.model import Sync


def act_of(world: World, sync: Sync, side: Side, winner: Name, loser: Name) -> Write | None:
    """The act that makes one of two records, without cells; None if the system cannot. What can be converted into the
    other's type ends in it, whichever won."""
    connection = sync.side(side).connection
    if winner[0] == loser[0]:
        if Operation.MERGE not in world.capabilities(connection, winner[0]).operations:
            return None
        return Write(
            operation=Operation.MERGE, object_type=winner[0], cells={}, record_id=winner[1], others=(loser[1],)
        )
    for source, target in ((winner, loser), (loser, winner)):
        able = world.capabilities(connection, source[0])
        if able.converts_into == target[0] and Operation.CONVERT in able.operations:
            return Write(
                operation=Operation.CONVERT,
                object_type=source[0],
                cells={},
                record_id=source[1],
                options={ConvertOption.CONTACT: target[1]},
            )
    return None


async def with_account(world: World, sync: Sync, side: Side, write: Write) -> Write:
    """A conversion into a contact has to name that contact's account too, where the system has accounts."""
    contact = write.options.get(ConvertOption.CONTACT)
    if contact is None or sync.actions is None or sync.actions.side != side:
        return write
    shape = sync.actions.account
    rows = await consult(world, sync.side(side).connection, shape.contact_type, [shape.contact_account], [contact])
    account = rows[shape.contact_account][0] if len(rows) else None
    return replace(write, options={**write.options, ConvertOption.ACCOUNT: account}) if account else write
