"""A member that came out of a conversion is asked for its person before anybody is matched or created."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from syncline.connectors.memory import MemoryConnector, convert
from syncline.records import Page
from tests.support.life_world import HUMAN, Lives, lived


class Between(MemoryConnector):
    """Converts a person after the persons were read and before the members are."""

    person: str = ""
    member: str = ""

    async def read_changes(
        self, object_type: str, fields: Sequence[str], cursor: str, **options: Any
    ) -> AsyncIterator[Page]:
        if object_type == "member" and self.person and not self.member:
            self.member = convert(self.system, self.person, HUMAN)
        async for page in super().read_changes(object_type, fields, cursor, **options):
            yield page


@lived
async def test_converted_between_the_two_reads_it_is_the_same_pair() -> None:
    lives = await Lives.begin()
    connector = Between(lives.two.left)
    lives.two.world.connectors = {**lives.two.world.connectors, "left": connector}
    person, human = await lives.pair(title="Boss")
    connector.person = person
    report = await lives.run()
    assert connector.member, "the conversion took place in this run"
    assert report.sheets.outline()["kind"].to_list() in ([], ["update"]), "nobody is created"
    assert await lives.twin("a", connector.member) == human
    await lives.rest()
    assert lives.alive("b") == [human]
