"""An administrator of either system changes what fields are like while workers run, and changes it back in the end.

Lives here: the changes (a field is new, gone, shorter, or must not be empty), and undoing them. What may not follow
from them is said in `laws`: nothing is emptied, cut or lost, and once a field is as it was, both sides agree again. Not
here: rights to fields (`troubles.govern`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from syncline_sandbox.salesforce.schema import Field, SObject
from tests.simulation.ground import KEY_FIELD
from tests.simulation.stage import Stage

SHORT = 6
"""Characters: fewer than in anything that people enter."""

COLUMNS = {"Title": "title", "Phone": "phone"}
"""The fields that change, on a and on b."""


async def alter(stage: Stage) -> None:
    """Now and then a field changes on one side, for a while."""
    luck = Random(f"{stage.seed}/altering")
    before = {name: _field(stage, name) for name in COLUMNS}
    lengths = {column: stage.ground.instance.store.fields[column].length for column in COLUMNS.values()}
    while True:
        await asyncio.sleep(luck.uniform(0.0, 120.0))
        if stage.ended:
            return
        name, how = luck.choice(tuple(COLUMNS)), luck.choice(tuple(_CHANGES))
        while any(late.stamp is not None for late in stage.ground.org._request_faults._late):
            await asyncio.sleep(5.0)  # what was answered as written is there, though it does not show yet
        stage.tell(f"schema: {name} {how}")
        _CHANGES[how](stage, name)
        await asyncio.sleep(luck.uniform(20.0, 400.0))
        stage.tell("schema: as before")
        for field in before.values():
            _put(stage, field)
        for column, length in lengths.items():
            stage.ground.instance.store.fields.change(column, length=length)


def _lead(stage: Stage) -> SObject:
    lead = stage.ground.org.schema.sobject("Lead")
    assert lead is not None
    return lead


def _field(stage: Stage, name: str) -> Field:
    field = _lead(stage).field(name)
    assert field is not None
    return field


def _put(stage: Stage, field: Field) -> None:
    _lead(stage).put_field(field)
    stage.ground.org.schema_changed_at = stage.ground.time.now()


def _shorten(stage: Stage, name: str) -> None:
    _put(stage, _field(stage, name).changed(length=SHORT))


def _shorten_of_people(stage: Stage, name: str) -> None:
    stage.ground.instance.store.fields.change(COLUMNS[name], length=SHORT)


def _require(stage: Stage, name: str) -> None:
    _put(stage, _field(stage, name).changed(nillable=False))


def _take_away(stage: Stage, name: str) -> None:
    if stage.variant.has_admin or stage.variant.has_unseen or stage.variant.has_flows:
        return  # somebody gives rights to the field, or a flow sets it, and it must be there for that
    _lead(stage).remove_field(name)
    stage.ground.org.schema_changed_at = stage.ground.time.now()


def _add(stage: Stage, _name: str) -> None:
    """A field more on either side."""
    number = len(list(_lead(stage).fields()))
    stage.ground.org.add_field("Lead", {**KEY_FIELD, "name": f"Extra_{number}__c"})
    stage.ground.ask_instance("POST", "fields", {"name": f"extra{number}", "type": "string"})


_CHANGES: dict[str, Callable[[Stage, str], None]] = {
    "is shorter": _shorten,
    "is shorter for people": _shorten_of_people,
    "must not be empty": _require,
    "is gone": _take_away,
    "gets a neighbour": _add,
}
