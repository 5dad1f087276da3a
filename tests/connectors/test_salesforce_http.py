"""The Salesforce connector over real sockets and TLS: what only a wire can show."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from syncline.connectors.salesforce import SalesforceConnector
from syncline.errors import ConfigError, Unavailable
from syncline.net.transport import HttpxTransport
from syncline.records import Operation, Page, Status, Write
from syncline_sandbox.core.certificates import make_certificate
from syncline_sandbox.core.faults import Fault
from syncline_sandbox.core.server import serve
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.support.virtual import SeededRandom

T = TypeVar("T")


class WallClock:
    """Real time; a back-off is not waited for."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


Work = Callable[[SalesforceConnector], Awaitable[T]]


class Served:
    """An org behind https on a loopback port, and the private authority that vouches for it."""

    def __init__(self, org: SalesforceOrg, url: str, ca_file: str) -> None:
        self.org = org
        self.url = url
        self.ca_file: str | None = ca_file

    def run(self, work: Work[T]) -> T:
        async def connected() -> T:
            settings = {"url": self.url, "client_id": "sandbox-client", "client_secret": "sandbox-secret"}
            transport = HttpxTransport(ca_file=self.ca_file)
            connector = SalesforceConnector(settings, transport, WallClock(), SeededRandom())
            try:
                return await work(connector)
            finally:
                await connector.aclose()

        return asyncio.run(connected())


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    org = SalesforceOrg()
    certificate = make_certificate(tmp_path)
    with serve(org, certificate=certificate) as url:
        yield Served(org, url, str(certificate.authority))


def update(record_id: str, last_name: str) -> Write:
    return Write(operation=Operation.UPDATE, object_type="Lead", record_id=record_id, cells={"LastName": last_name})


def test_read_write_and_read_what_changed(served: Served) -> None:
    ids = served.org.seed("Lead", [{"LastName": f"Żółć {n}", "Company": "Acme"} for n in range(300)])

    async def story(connector: SalesforceConnector) -> dict[str, str]:
        first = [page async for page in connector.read_all("Lead", ["LastName"])]
        answer = await connector.write([update(one, "Grüße") for one in ids[:250]])
        assert {outcome.status for outcome in answer.outcomes} == {Status.WRITTEN}
        found = [page async for page in connector.read_changes("Lead", ["LastName"], str(first[-1].next_cursor))]
        return dict(found[-1].rows.select("_id", "LastName").rows())

    after = served.run(story)
    assert {after[one] for one in ids[:250]} == {"Grüße"}
    assert after.get(ids[-1], "Żółć 299") == "Żółć 299"


def test_a_connection_cut_after_the_commit_is_an_unknown_outcome(served: Served) -> None:
    (record_id,) = served.org.seed("Lead", [{"LastName": "Old", "Company": "Acme"}])
    served.org.faults.install(Fault(name="lost_reply", match="composite"))

    async def story(connector: SalesforceConnector) -> tuple[Status, list[str]]:
        answer = await connector.write([update(record_id, "New")])
        page = await connector.read_by_ids("Lead", ["LastName"], [record_id])
        return answer.outcomes[0].status, page.rows["LastName"].to_list()

    assert served.run(story) == (Status.UNKNOWN, ["New"])


def test_a_lost_answer_to_a_read_is_asked_again(served: Served) -> None:
    served.org.seed("Lead", [{"LastName": "L", "Company": "Acme"}])
    served.org.faults.install(Fault(name="lost_reply", match="query", times=2))

    async def story(connector: SalesforceConnector) -> int:
        return sum([page.rows.height async for page in connector.read_all("Lead", ["LastName"])])

    assert served.run(story) == 1


async def describe(connector: SalesforceConnector) -> object:
    return await connector.describe("Lead")


def test_an_untrusted_certificate_is_refused(served: Served) -> None:
    served.ca_file = None
    with pytest.raises(ConfigError, match="not trusted"):
        served.run(describe)


def test_an_unreachable_host_is_a_later(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(serve(SalesforceOrg()))
    closed = Served(SalesforceOrg(), url, "")
    closed.ca_file = None
    with pytest.raises(Unavailable):
        closed.run(describe)


def test_merges_and_conversions_travel_by_soap(served: Served) -> None:
    names = ("Winner", "Loser", "Prospect")
    winner, loser, prospect = served.org.seed("Lead", [{"LastName": name, "Company": "Acme"} for name in names])

    async def work(connector: SalesforceConnector) -> tuple[Page, Page]:
        merge = Write(
            operation=Operation.MERGE, object_type="Lead", cells={"Title": "Größe"}, record_id=winner, others=(loser,)
        )
        convert = Write(operation=Operation.CONVERT, object_type="Lead", cells={}, record_id=prospect)
        assert (await connector.write([merge])).outcomes[0].status is Status.WRITTEN
        made = (await connector.write([convert])).outcomes[0].made
        leads = await connector.read_by_ids("Lead", ["Title"], [winner, loser, prospect])
        return leads, await connector.read_by_ids("Contact", ["LastName"], [made["Contact"]])

    leads, contacts = served.run(work)
    assert leads.fates is not None
    assert dict(leads.fates.select("_id", "fate").iter_rows()) == {loser: "merged", prospect: "converted"}
    assert leads.rows.filter(leads.rows["_id"] == winner)["Title"].to_list() == ["Größe"]
    assert contacts.rows["LastName"].to_list() == ["Prospect"]
