"""Every connector over the system it speaks to, with the same hands: for tests of the contract they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from syncline.connectors.memory import Fault as MemoryFault
from syncline.connectors.memory import FaultyConnector, convert, merge
from syncline.ports import Connector
from tests.support import marketo_world, org_world
from tests.support.memory_world import left_system
from tests.support.virtual import VirtualClock


class Ground(ABC):
    """A system with people in it, a connector to it, and what people do there."""

    object_type: ClassVar[str]
    text: ClassVar[str]  # a text field that may be blank
    heir_type: ClassVar[str | None] = None
    connector: Connector

    @abstractmethod
    def seed(self, count: int) -> list[str]:
        """New people; their ids."""

    @abstractmethod
    def wait(self, seconds: float) -> None: ...

    @abstractmethod
    def merge(self, winner: str, *losers: str) -> None: ...

    @abstractmethod
    def delete(self, record_id: str) -> None: ...

    def convert(self, record_id: str) -> str:
        raise NotImplementedError

    @abstractmethod
    def lose_next_reply(self) -> None:
        """The next write is carried out and its answer never arrives."""


class InMemory(Ground):
    object_type, text, heir_type = "person", "title", "member"
    shows_deleted = True

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.system = left_system(self.clock)
        self._faulty = FaultyConnector(self.system)
        self._faulty.shows_deleted = self.shows_deleted
        self.connector = self._faulty

    def seed(self, count: int) -> list[str]:
        return [self.system.create("person", {"last": f"L{at}", "title": "Old"}, "human") for at in range(count)]

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def merge(self, winner: str, *losers: str) -> None:
        merge(self.system, winner, losers, "human")

    def delete(self, record_id: str) -> None:
        self.system.delete(record_id, "human")

    def convert(self, record_id: str) -> str:
        return convert(self.system, record_id, "human")

    def lose_next_reply(self) -> None:
        self._faulty.next_writes = [MemoryFault.LOST_REPLY]


class InMemoryWithoutBin(InMemory):
    shows_deleted = False


class Org(Ground):
    object_type, text, heir_type = "Lead", "Title", "Contact"

    def __init__(self) -> None:
        self.world = org_world.World()
        self.connector = self.world.connector

    def seed(self, count: int) -> list[str]:
        return self.world.seed(count, Title="Old")

    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    def merge(self, winner: str, *losers: str) -> None:
        self.world.control("POST", "merge", {"object": "Lead", "master": winner, "losers": losers})

    def delete(self, record_id: str) -> None:
        self.world.by_hand("delete", {"Id": record_id})

    def convert(self, record_id: str) -> str:
        made: dict[str, Any] = self.world.control("POST", "convert", {"lead_id": record_id})
        return str(made["contact_id"])

    def lose_next_reply(self) -> None:
        self.world.fault("lost_reply", "POST /services/Soap|POST .*/composite")


class Instance(Ground):
    object_type, text = "lead", "title"

    def __init__(self) -> None:
        self.world = marketo_world.World()
        self.connector = self.world.connector
        self._seeded = 0

    def seed(self, count: int) -> list[str]:
        self.world.seed(count, title="Old")
        self._seeded += count
        return [str(number) for number in range(self._seeded - count + 1, self._seeded + 1)]

    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    def merge(self, winner: str, *losers: str) -> None:
        self.world.merge(int(winner), *(int(loser) for loser in losers))

    def delete(self, record_id: str) -> None:
        self.world.remove(int(record_id))

    def lose_next_reply(self) -> None:
        self.world.fault("lost_reply", "merge.json|delete.json|POST /rest/v1/leads.json")


GROUNDS: tuple[type[Ground], ...] = (InMemory, InMemoryWithoutBin, Org, Instance)
