"""Change Data Capture through the Pub/Sub API: the connector's `ports.Streams`, a channel per object.

Lives here: which channels there are, and where; nothing of gRPC or Avro is imported before a stream is opened
(`subscription`: the calls; `decoding`: payloads; `translation`: events; `bitmaps`; `refusals`; `allotment`). Facts:
Salesforce, Change Data Capture Developer Guide, "Subscription Channels" and "Required Permissions for Receiving Change
Events"; Pub/Sub API Developer Guide, "Pub/Sub API Endpoints".

Single-entity channels are taken, not the one of all entities: of that one every entity that anybody selected would
count against the allotment of delivered events.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from syncline.connectors.salesforce.client import SalesforceClient
from syncline.connectors.salesforce.describe import Describer
from syncline.connectors.salesforce.stream.allotment import Allotment
from syncline.errors import ConfigError
from syncline.ports import Clock, Lane
from syncline.records import EventBatch

if TYPE_CHECKING:
    from syncline.connectors.salesforce.stream.subscription import Bus

VENDORS_ENDPOINT = "api.pubsub.salesforce.com:7443"
_VENDORS_DOMAIN = ".salesforce.com"
_ON = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the Pub/Sub API of an org listens. Without TLS only on this machine."""

    address: str
    is_secure: bool = True
    ca_file: str | None = None


def endpoint_of(settings: Mapping[str, str]) -> Endpoint | None:
    """Where to subscribe by the connection's settings; None where streams are switched off, or where the org is not the
    vendor's and no endpoint is given: an org's token is shown to nobody else.

    Raises:
        ConfigError: a setting says neither yes nor no, or names an http address of another machine.
    """
    wish = (settings.get("stream") or "true").strip().lower()
    if wish not in _ON:
        raise ConfigError(f"The setting stream is {wish!r}.", code="SYN-149", remedy="Write true or false.")
    given = (settings.get("stream_endpoint") or "").strip()
    host = urlsplit(settings.get("url") or "").hostname or ""
    if not _ON[wish] or not (given or host.endswith(_VENDORS_DOMAIN)):
        return None
    url = urlsplit(given if "://" in given else f"https://{given or VENDORS_ENDPOINT}")
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        raise ConfigError("stream_endpoint is an http address of another machine.", code="SYN-148")
    return Endpoint(address=url.netloc, is_secure=url.scheme != "http", ca_file=settings.get("ca_file") or None)


def channel_of(object_type: str) -> str:
    """The topic of an object's change events: `/data/LeadChangeEvent`, `/data/X__ChangeEvent`."""
    name = object_type.removesuffix("c") if object_type.endswith("__c") else object_type
    return f"/data/{name}ChangeEvent"


class Streams:
    """The streams of one connection. *own_actor* tells who we are there."""

    def __init__(
        self,
        settings: Mapping[str, str],
        client: SalesforceClient,
        describer: Describer,
        clock: Clock,
        own_actor: Callable[[], Awaitable[str | None]],
    ) -> None:
        self.endpoint = endpoint_of(settings)
        self.allotment = Allotment(client, clock)
        self._url = settings.get("url") or ""
        self._client = client
        self._describer = describer
        self._clock = clock
        self._own_actor = own_actor
        self._bus: Bus | None = None

    def channels(self, object_types: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """As `ports.Streams.channels`. Whether the org sends them is found out by subscribing."""
        return {channel_of(name): (name,) for name in object_types} if self.endpoint else {}

    async def subscribe(
        self, channel: str, fields: Mapping[str, Sequence[str]], position: str | None
    ) -> AsyncGenerator[EventBatch, None]:
        """As `ports.Streams.subscribe`."""
        from syncline.connectors.salesforce.stream.subscription import subscription
        from syncline.connectors.salesforce.stream.translation import Translator

        ((object_type, names),) = fields.items()
        schema = await self._describer.schema(object_type, Lane.LIVE)
        translator = Translator(schema, names, await self._own_actor())
        batches = subscription(self._open_bus(), self.allotment, self._clock, channel, translator, position)
        try:
            async for batch in batches:
                yield batch
        finally:
            await batches.aclose()

    async def problem_of(self, object_type: str) -> str | None:
        """Why no changes of an object would be pushed, in the vendor's words; None if they would be."""
        from syncline.connectors.salesforce.stream.subscription import topic_problem

        return await topic_problem(self._open_bus(), channel_of(object_type))

    async def aclose(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            await bus.aclose()

    def _open_bus(self) -> Bus:
        from syncline.connectors.salesforce.stream.subscription import Bus

        if self.endpoint is None:
            raise ConfigError("This connection pushes no changes.", code="SYN-149")
        if self._bus is None:
            self._bus = Bus(self.endpoint, self._client, self._url)
        return self._bus
