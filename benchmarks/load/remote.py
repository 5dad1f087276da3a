"""Systems in a process of their own, and the connector that reaches them: for workers in several processes.

A call is one pickled tuple over a local socket, so its cost is small beside the engine's. Lives here: both ends. Only
for benchmarks: pickles are not for strangers.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from collections.abc import AsyncIterator, Sequence
from typing import Any

from benchmarks.load.systems import CAPABILITIES, LoadConnector, Place
from syncline.ports import Capabilities, Lane, Manifest, Usage
from syncline.records import NewField, Page, Problem, Write, WriteAnswer
from syncline.schema import ObjectSchema

_LENGTH = struct.Struct("!Q")


async def serve(connectors: dict[str, LoadConnector], path: str) -> asyncio.Server:
    """Answer calls of `RemoteConnector` on a local socket; besides the connectors' methods `edit` of their systems."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                name, method, arguments = await _receive(reader)
                _send(writer, await _carry_out(connectors[name], method, arguments))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()  # the worker has gone

    return await asyncio.start_unix_server(answer, path, limit=2**30)


async def _carry_out(connector: LoadConnector, method: str, arguments: tuple[Any, ...]) -> Any:
    if method == "edit":
        return connector.system.edit(*arguments)
    return await getattr(connector, method)(*arguments)


async def _receive(reader: asyncio.StreamReader) -> Any:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return pickle.loads(await reader.readexactly(length))


def _send(writer: asyncio.StreamWriter, what: object) -> None:
    body = pickle.dumps(what)
    writer.write(_LENGTH.pack(len(body)) + body)


class RemoteConnector:
    """Implements `ports.Connector` over a system behind a socket."""

    def __init__(self, path: str, name: str, object_type: str) -> None:
        self._path, self._name, self._object_type = path, name, object_type
        self.manifest = Manifest(name="load", label="Load", settings=(), object_types=(object_type,))
        self._calls = 0

    async def call(self, method: str, *arguments: Any) -> Any:
        """One call on a connection of its own: calls of one worker may overlap."""
        self._calls += 1
        reader, writer = await asyncio.open_unix_connection(self._path, limit=2**30)
        try:
            _send(writer, (self._name, method, arguments))
            return await _receive(reader)
        finally:
            writer.close()

    def capabilities(self, object_type: str) -> Capabilities:
        return CAPABILITIES

    async def check(self) -> tuple[str, list[Problem]]:
        return "connected", []

    async def own_actor(self) -> str | None:
        return str(await self.call("own_actor"))

    async def describe(self, object_type: str) -> ObjectSchema:
        schema: ObjectSchema = await self.call("describe", object_type)
        return schema

    async def read_all(self, object_type: str, fields: Sequence[str], *, lane: Lane = Lane.BULK) -> AsyncIterator[Page]:
        raise NotImplementedError("the state is made, not copied")
        yield

    async def read_changes(
        self, object_type: str, fields: Sequence[str], cursor: str, *, lane: Lane = Lane.LIVE
    ) -> AsyncIterator[Page]:
        place: Place | None = Place(first=int(cursor))
        while place is not None:
            page, place = await self.call("page_of_changes", fields, place)
            yield page

    async def read_by_ids(
        self, object_type: str, fields: Sequence[str], ids: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        page: Page = await self.call("read_by_ids", object_type, fields, ids)
        return page

    async def find(
        self, object_type: str, fields: Sequence[str], key_field: str, values: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        raise NotImplementedError("nothing is created under load")

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        answer: WriteAnswer = await self.call("write", writes)
        return answer

    async def create_fields(self, wanted: Sequence[NewField]) -> list[Problem]:
        return []

    def usage(self) -> Usage:
        return Usage(calls_sent=self._calls)

    async def aclose(self) -> None:
        """Nothing to close."""
