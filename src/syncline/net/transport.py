"""The Transport port over real sockets: one request out, one answer back, TLS always verified.

No retries, no tokens, no meaning of statuses: those live in `client`.
"""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

import httpx2

from syncline.errors import ConfigError, OutcomeUnknown, Unavailable
from syncline.ports import HttpRequest, HttpResponse

CONNECT_TIMEOUT_SECONDS = 10.0

POOL_TIMEOUT_SECONDS = 10.0
"""Nothing was sent by who waits longer for a free connection of ours."""

KEEP_IDLE_SECONDS = 5.0
"""Shorter than systems keep one: a connection they close just as a write goes out leaves its outcome unknown."""

# Raised before the first byte of the request left: the server cannot have seen it.
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)

# A proxy named in the environment is for the outside world; sandboxes live on loopback.
_PAST_PROXY = ("all://localhost", "all://127.0.0.1", "all://[::1]")


class HttpxTransport:
    """`ports.Transport` over httpx2.

    *ca_file* names a PEM file trusted in addition to the system's authorities (a private CA); verification cannot be
    switched off. *max_connections* bounds the pool; the budget bounds concurrency. Connecting, waiting for a connection
    of the pool and the whole exchange have a time-out each.

    Raises:
        ConfigError: *ca_file* cannot be read.
    """

    def __init__(self, *, ca_file: str | None = None, max_connections: int = 50) -> None:
        self._client = httpx2.AsyncClient(
            verify=_trust(ca_file) if ca_file else True,
            limits=httpx2.Limits(
                max_connections=max_connections,
                max_keepalive_connections=max_connections,
                keepalive_expiry=KEEP_IDLE_SECONDS,
            ),
            mounts=dict.fromkeys(_PAST_PROXY),
        )

    async def send(self, request: HttpRequest) -> HttpResponse:
        """As `ports.Transport.send`; also ConfigError for a URL or certificate that a person must put right."""
        connect_seconds = min(CONNECT_TIMEOUT_SECONDS, request.timeout_seconds)
        pool_seconds = min(POOL_TIMEOUT_SECONDS, request.timeout_seconds)
        try:
            # The whole exchange has one deadline, which httpx2's per-operation time-outs do not give.
            async with asyncio.timeout(request.timeout_seconds):  # noqa: TID251  (this is the port's real end)
                answer = await self._client.request(
                    request.method,
                    request.url,
                    headers=dict(request.headers),
                    content=request.body or None,
                    timeout=httpx2.Timeout(request.timeout_seconds, connect=connect_seconds, pool=pool_seconds),
                )
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as wrong:
            raise ConfigError(f"{request.url!r} is not a URL that can be called: {wrong}.", code="SYN-145") from wrong
        except _NEVER_SENT as failed:
            raise _not_sent(failed, urlsplit(request.url).netloc) from failed
        except (TimeoutError, httpx2.TimeoutException) as late:
            raise OutcomeUnknown(f"No answer within {request.timeout_seconds:g} s to {_line(request)}.") from late
        except httpx2.RequestError as lost:
            raise OutcomeUnknown(f"The connection was lost during {_line(request)}: {_said(lost)}.") from lost
        return HttpResponse(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

    async def aclose(self) -> None:
        await self._client.aclose()


def _trust(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as unreadable:
        raise ConfigError(f"The CA file {ca_file!r} cannot be used: {unreadable}.", code="SYN-146") from unreadable
    return context


def _not_sent(failed: Exception, host: str) -> ConfigError | Unavailable:
    """An untrusted certificate stays untrusted however often we call; everything else may pass."""
    cause: BaseException | None = failed
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConfigError(f"The certificate of {host} is not trusted: {cause.verify_message}.", code="SYN-147")
        cause = cause.__cause__ or cause.__context__
    return Unavailable(f"No connection to {host}: {_said(failed)}.")


def _line(request: HttpRequest) -> str:
    return f"{request.method} {request.url.partition('?')[0]}"


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
