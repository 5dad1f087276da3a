"""The contracts between the engine and the outside: clock, sleep, randomness, transport and a connector's abilities.

The store's contract is `trees.Store`. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar, runtime_checkable

from syncline.records import EventBatch, NewField, Operation, Page, Problem, Write, WriteAnswer
from syncline.schema import ObjectSchema


class Clock(Protocol):
    """The only source of time. `now` is aware UTC; `sleep` returns after *seconds* of that same time."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


class Random(Protocol):
    """The only source of chance: `uniform(0, 1)` for jitter, `token(n)` for ids of n bytes as hex text."""

    def uniform(self, low: float, high: float) -> float: ...

    def token(self, size_bytes: int) -> str: ...


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """One request as it leaves. `url` is absolute; `timeout_seconds` covers the whole exchange."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout_seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """One answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Transport(Protocol):
    """Sends one request and returns its answer, whatever its status. It never retries.

    Raises:
        Unavailable: the request certainly did not reach the server (no connection).
        OutcomeUnknown: it may have reached it (time-out, connection lost afterwards).
    """

    async def send(self, request: HttpRequest) -> HttpResponse: ...

    async def aclose(self) -> None: ...


class Lane(StrEnum):
    """Who a request is for; the budget keeps a reserve for urgent and gives way in this order."""

    URGENT = "urgent"
    LIVE = "live"
    BULK = "bulk"
    AUDIT = "audit"


DAY_SHARE: Mapping[Lane, float] = {Lane.URGENT: 1.0, Lane.LIVE: 0.95, Lane.BULK: 0.8, Lane.AUDIT: 0.7}
"""Share of the vendor's day at which a lane stops. Other people's integrations live on the same quota: the background
lanes stop early ("stop non-urgent work above 70-80 %"), urgent may use it to the end."""


@dataclass(kw_only=True)
class Allowance:
    """What one holder may use of a connection's limits, until when. Instants are of the ledger's clock."""

    kind: str  # window (calls to be started) | place (calls at once) | want (asked in vain: waits for either)
    holder: str
    granted: int
    spent: int | None = None  # of a window: None until the holder has told
    from_us: int
    expires_us: int


@dataclass(kw_only=True)
class Account:
    """What is known of one connection's limits, and what of them is granted to whom."""

    day_used: int | None = None  # by everybody, as the vendor last said; None until it did
    day_limit: int | None = None
    day_ours: int = 0  # calls of ours that the vendor's number may not hold yet
    learnt_us: int | None = None
    resets_us: int | None = None  # None where the vendor does not say
    held_until_us: int | None = None  # no call before this instant
    held_why: str | None = None
    breaker: str = "closed"  # closed | open | half (one call probes)
    failures: int = 0  # in a row
    openings: int = 0  # of the breaker, since a call last succeeded
    seen: dict[str, Any] = field(default_factory=dict)  # the day's numbers and our calls by lane, of the last hours
    allowances: dict[str, Allowance] = field(default_factory=dict)


_Told = TypeVar("_Told")


class Ledger(Protocol):
    """Keeps the `Account` of one connection for all workers."""

    async def revise(self, change: Callable[[Account, int], _Told]) -> _Told:
        """Let *change* read and change the account, given now in microseconds; what it returns.

        No two changes overlap, whoever asks for them, and one that raises changes nothing. *change* may run on another
        thread and more than once: it does nothing but compute.
        """
        ...


@runtime_checkable
class Sharing(Protocol):
    """A connector whose budget can be kept in a ledger."""

    def share_budget(self, ledger: Ledger, holder: str, *, alone: bool) -> None:
        """Spend by *ledger* from now on, as *holder*. *alone*: nobody else spends meanwhile; the ledger is read once,
        then only told what others may look at or a successor must know."""
        ...


class Stamp(StrEnum):
    """What kind of version stamp a connector's records carry."""

    NONE = "none"
    RECORD = "record"
    FIELD = "field"


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """Facts a connector declares about one object type; the engine asks these, never a brand.

    A rule that needs evidence the connector lacks takes the cautious branch.
    """

    stamp: Stamp  # version stamp of the record that can be trusted for order
    has_actor: bool  # rows say who changed them last (needs a dedicated user, which `check` verifies)
    has_transaction_id: bool  # evidence of changes carries the id of our call
    has_field_history: bool  # moments tell when each field changed
    has_compare_and_set: bool  # `Write.unmodified_since_us` is honoured
    unique_keys: frozenset[str]  # key fields whose uniqueness the vendor enforces on create
    visibility_lag_seconds: float  # after a write's answer a read may still show the old state for this long
    late_commit_seconds: float  # a change may become readable this long after the time it carries
    stamp_step_us: int = 1_000_000  # resolution of the stamp
    shared_fields: Mapping[str, str] = field(default_factory=dict)  # field -> field naming the owner of its value
    operations: frozenset[Operation] = frozenset({Operation.CREATE, Operation.UPDATE})  # what `write` can do here
    converts_into: str | None = None  # the object type a conversion leads to
    born_of: Mapping[str, str] = field(default_factory=dict)  # type -> its field that names the record it became here
    losers_per_merge: int = 1  # most records that one merge can end
    read_ids_per_call: int = 200
    write_rows_per_call: int = 200
    write_rows_per_batch: int = 2_000  # most writes handed to `write` at once: what one crash can leave unknown
    is_streamed: bool = False  # changes of it are pushed as well (`Streams`), and moments come with them


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of a connection: from it come the configuration's schema, prompts and masking."""

    name: str
    label: str
    help: str
    is_secret: bool = False
    is_required: bool = True
    default: str | None = None
    example: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a connector is: its name, its settings and the object types it speaks of."""

    name: str
    label: str
    settings: tuple[Setting, ...]
    object_types: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """API calls of a connection: what we sent since start, and what the vendor says of its own day."""

    calls_sent: int
    day_used: int | None = None
    day_limit: int | None = None
    events_taken: int = 0  # pushed to us since start
    events_used: int | None = None  # of the day's allotment of pushed events, by everybody; None until the vendor said
    events_limit: int | None = None
    calls_per_minute: float | None = None  # what background work may send in the long run; None: nothing limits it


@runtime_checkable
class Connector(Protocol):
    """One connected account. Translates names, values, errors and pages; never retries a write, compares or decides.

    Every method may raise AccessError, Later or NotUnderstood; reads are repeated by `net`, so a Later that arrives
    here has outlived its retries.
    """

    manifest: Manifest

    def capabilities(self, object_type: str) -> Capabilities: ...

    async def check(self) -> tuple[str, list[Problem]]:
        """Say in one sentence as whom we are connected, and every problem of rights and settings found."""
        ...

    async def own_actor(self) -> str | None:
        """Who we are in the vendor's words, as `_actor` and moments name us; None if it cannot be told."""
        ...

    async def describe(self, object_type: str) -> ObjectSchema:
        """The object's fields as the sync user sees them; parent paths the connector can read are listed too."""
        ...

    def read_all(self, object_type: str, fields: Sequence[str], *, lane: Lane = Lane.BULK) -> AsyncIterator[Page]:
        """Yield every visible record once. Deleted ones are left out.

        The last page's `next_cursor` is the cursor from which `read_changes` misses nothing that happened since the
        read began. An incomplete read raises; it never ends early as if complete.
        """
        ...

    def read_changes(
        self, object_type: str, fields: Sequence[str], cursor: str, *, lane: Lane = Lane.LIVE
    ) -> AsyncIterator[Page]:
        """Yield pages of records changed after *cursor*, with overlap: a change may come twice, none is left out.

        Deletes come as rows with `_deleted` true once they are proven, merges and conversions with their fate. Raises
        PositionLost: backfill.
        """
        ...

    async def read_by_ids(
        self, object_type: str, fields: Sequence[str], ids: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        """Read exactly these records, deleted ones included (`_deleted`); those not found are in `Page.missing`."""
        ...

    async def find(
        self,
        object_type: str,
        fields: Sequence[str],
        key_field: str,
        values: Sequence[str],
        *,
        lane: Lane = Lane.LIVE,
    ) -> Page:
        """Records whose *key_field* holds one of *values*, deleted ones included where the vendor can show them."""
        ...

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        """Send writes of one object type and one operation; one outcome each, in order.

        The connector cuts them into calls and chooses the cheapest API for their number. A call that fails as a whole
        without effect gives its rows UNKNOWN only if they may have been applied, else raises Later before anything
        was sent. Rows of calls already answered keep their outcomes: it raises nothing once a row has been sent.
        """
        ...

    async def create_fields(self, wanted: Sequence[NewField]) -> list[Problem]:
        """Create missing custom fields where the vendor allows it; what could not be made comes back as problems."""
        ...

    def usage(self) -> Usage: ...

    async def aclose(self) -> None: ...


@runtime_checkable
class Streams(Protocol):
    """The further ability of a connector whose system pushes changes; others simply lack it.

    What is pushed is a hint: it may come twice, late, in another order or not at all. `read_changes` stays the proof.
    """

    def channels(self, object_types: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The channels to subscribe to for these object types, each with those of the types it tells of. A type that
        is not pushed is in none; nothing at all where the connection's settings switch streams off."""
        ...

    def subscribe(
        self, channel: str, fields: Mapping[str, Sequence[str]], position: str | None
    ) -> AsyncGenerator[EventBatch, None]:
        """Yield batches of *channel* after *position* (None: from now on), with the given fields of each object type.

        The first batch is empty and says that the subscription stands; further ones come as they are sent, empty ones
        as signs of life. Asking for the next batch says that the last was stored: only then more is requested. It ends
        when the vendor ends it, and is resumed by position. Only the first, empty batch may have the position None.

        Raises:
            PositionLost: read by polling, then begin anew without position.
            QuotaExhausted: the allotment of pushed events is used up, or our share of it.
            AccessError: the channel is not there for the connected user.
            Later: the stream was lost; resume by position after a wait.
            NotUnderstood: the vendor refused the request itself.
        """
        ...
