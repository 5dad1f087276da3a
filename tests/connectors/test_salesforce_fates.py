"""What became of records in Salesforce, as the connector tells it: merged, converted, deleted, gone for good."""

from __future__ import annotations

import pytest

from syncline.errors import PositionLost
from syncline.records import DELETED, ID, Page
from syncline_sandbox.core.wire import Request
from tests.support.org_world import World, rows, run

SOAP = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u="urn:partner.soap.sforce.com"><e:Header>'
    "<u:SessionHeader><u:sessionId>{token}</u:sessionId></u:SessionHeader></e:Header><e:Body>{body}</e:Body></e:Envelope>"
)


def by_soap(world: World, body: str) -> str:
    """What somebody else does through the org's SOAP door."""
    login = {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    form = "&".join(f"{name}={value}" for name, value in login.items()).encode()
    kind = {"content-type": "application/x-www-form-urlencoded", "host": "org.test"}
    answer = world.org.handle(Request(method="POST", path="/services/oauth2/token", headers=kind, body=form))
    token = answer.body.decode().split('"access_token":"')[1].split('"')[0]
    sent = SOAP.format(token=token, body=body).encode()
    headers = {"content-type": "text/xml", "soapaction": '""', "host": "org.test"}
    told = world.org.handle(Request(method="POST", path="/services/Soap/u/59.0", headers=headers, body=sent))
    assert b"<success>true</success>" in told.body, told.body
    return told.body.decode()


def merge(world: World, kind: str, winner: str, *losers: str) -> None:
    ids = "".join(f"<u:recordToMergeIds>{loser}</u:recordToMergeIds>" for loser in losers)
    master = f"<u:masterRecord><u:type>{kind}</u:type><u:Id>{winner}</u:Id></u:masterRecord>"
    by_soap(world, f"<u:merge><u:mergeRequests>{master}{ids}</u:mergeRequests></u:merge>")


def convert(world: World, lead: str) -> str:
    """Convert as the screen does; the contact's id."""
    wanted = (
        "<u:convertedStatus>Closed - Converted</u:convertedStatus>"
        f"<u:doNotCreateOpportunity>true</u:doNotCreateOpportunity><u:leadId>{lead}</u:leadId>"
    )
    told = by_soap(world, f"<u:convertLead><u:leadConverts>{wanted}</u:leadConverts></u:convertLead>")
    return told.split("<contactId>")[1].split("<")[0]


def fates(found: list[Page]) -> list[tuple[str, ...]]:
    told = []
    for page in found:
        assert page.fates is not None
        assert set(page.fates[ID]) <= set(page.rows[ID])  # every fate has a row in its page
        told += page.fates.select(ID, "fate", "heir_type", "heir_id").rows()
    return told


def deleted(found: list[Page]) -> list[str]:
    return rows(found).filter(rows(found)[DELETED])[ID].to_list()


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("kind", ["Lead", "Contact"])
def test_a_merge_is_told_by_every_way_of_reading(world: World, kind: str) -> None:
    winner, loser, other = world.seed(3, kind)
    position = world.position(sobject=kind)
    world.clock.advance(30)
    merge(world, kind, winner, loser)
    world.by_hand("delete", {"Id": other}, sobject=kind)
    told = [(loser, "merged", kind, winner)]
    changed = world.changes(position, ["LastName"], sobject=kind)
    assert fates(changed) == told
    assert set(deleted(changed)) == {loser, other}
    assert fates([run(world.connector.read_by_ids(kind, ["LastName"], [winner, loser, other]))]) == told
    assert fates([run(world.connector.find(kind, ["LastName"], "Email", ["l1@x.example"]))]) == told
    assert fates(world.read_all(sobject=kind)) == []


def test_the_moment_and_the_hand_of_a_merge_are_those_of_the_row(world: World) -> None:
    winner, loser = world.seed(2)
    position = world.position()
    world.clock.advance(30)
    merge(world, "Lead", winner, loser)
    (page,) = world.changes(position)
    assert page.fates is not None
    (fate,) = page.fates.iter_rows(named=True)
    (row,) = page.rows.filter(page.rows[ID] == loser).iter_rows(named=True)
    assert (fate["at_us"], fate["actor"]) == (row["_stamp_us"], row["_actor"])


@pytest.mark.parametrize("filler", [0, 2_100], ids=["queried", "extracted"])
def test_a_converted_lead_is_a_living_row_with_an_heir(world: World, filler: int) -> None:
    (lead,) = world.seed(1)
    if filler:
        world.seed(filler)
    position = world.position()
    world.clock.advance(30)
    contact = convert(world, lead)
    told = [(lead, "converted", "Contact", contact)]
    changed = world.changes(position, ["LastName"])
    assert fates(changed) == told
    assert deleted(changed) == []
    assert fates(world.read_all(["LastName"])) == told  # a first copy too
    assert fates([run(world.connector.read_by_ids("Lead", ["LastName"], [lead]))]) == told
    assert fates([run(world.connector.find("Lead", ["LastName"], "ConvertedContactId", [contact]))]) == told


def test_the_day_of_a_conversion_becomes_a_moment(world: World) -> None:
    (lead,) = world.seed(1)
    world.clock.advance(30)
    convert(world, lead)
    page = run(world.connector.read_by_ids("Lead", ["LastName"], [lead]))
    assert page.fates is not None
    assert page.fates["at_us"].to_list() == page.rows["_stamp_us"].to_list()
    world.clock.advance(3 * 86_400)
    world.org.storage.db.execute(
        'UPDATE "Lead" SET "SystemModstamp" = ? WHERE "Id" = ?', ("2026-11-25T10:00:00.000+0000", lead)
    )
    later = run(world.connector.read_by_ids("Lead", ["LastName"], [lead]))
    assert later.fates is not None
    assert later.fates.select("at_us").item() < page.fates.select("at_us").item()  # the day it was, not the last stamp


def test_what_was_told_is_not_told_again(world: World) -> None:
    winner, loser = world.seed(2)
    position = world.position()
    world.clock.advance(30)
    merge(world, "Lead", winner, loser)
    first = world.changes(position)
    again = world.changes(str(first[-1].next_cursor))
    assert (fates(again), rows(again).height) == ([], 0)


def test_an_undeleted_loser_has_no_fate_any_more(world: World) -> None:
    winner, loser = world.seed(2)
    merge(world, "Lead", winner, loser)
    position = world.position()
    world.clock.advance(30)
    by_soap(world, f"<u:undelete><u:ids>{loser}</u:ids></u:undelete>")
    changed = world.changes(position)
    assert fates(changed) == []
    assert deleted(changed) == []
    assert loser in rows(changed)[ID].to_list()


def purge(world: World, record_id: str) -> None:
    world.by_hand("delete", {"Id": record_id})
    by_soap(world, f"<u:emptyRecycleBin><u:ids>{record_id}</u:ids></u:emptyRecycleBin>")


def test_a_purge_nobody_saw_is_found_in_the_log_of_deletions(world: World) -> None:
    kept, gone = world.seed(2)
    world.clock.advance(120)
    position = world.position()
    world.clock.advance(600)
    purge(world, gone)
    early = world.changes(position)
    assert [page.missing for page in early] == [()]  # the log is not asked yet
    world.clock.advance(600)
    found = world.changes(str(early[-1].next_cursor))
    assert found[-1].missing == (gone,)
    assert kept not in [one for page in found for one in page.missing]
    assert deleted(found) == []  # an id that cannot be read is no proof of a delete
    assert not found[-1].has_more
    after = world.changes(str(found[-1].next_cursor))
    assert [page.missing for page in after] == [()]


def test_the_log_of_deletions_costs_one_call_a_quarter_of_an_hour(world: World) -> None:
    world.seed(1)
    world.clock.advance(120)
    cursor = world.position()
    asked = 0
    for _ in range(12):
        world.clock.advance(300)
        before = len(world.transport.sent)
        cursor = str(world.changes(cursor)[-1].next_cursor)
        asked += sum("/deleted/" in request.url for request in world.transport.sent[before:])
    assert asked == 4


def test_a_plain_delete_in_the_bin_is_not_missing(world: World) -> None:
    (gone,) = world.seed(1)
    world.clock.advance(120)
    cursor = world.position()
    world.clock.advance(60)
    world.by_hand("delete", {"Id": gone})
    found: list[Page] = []
    for _ in range(4):
        found += world.changes(cursor)
        cursor = str(found[-1].next_cursor)
        world.clock.advance(400)
    assert any("/deleted/" in request.url for request in world.transport.sent)
    assert all(page.missing == () for page in found)
    assert set(deleted(found)) == {gone}


def test_a_position_of_another_release_is_lost(world: World) -> None:
    with pytest.raises(PositionLost):
        world.changes('[1,1,"",{}]')


def test_a_hidden_heir_is_a_blocking_problem_and_no_fate(world: World) -> None:
    (lead,) = world.seed(1)
    convert(world, lead)
    position = world.position()  # described while the field was still visible
    world.control("POST", "rights", {"hidden_fields": ["Lead.ConvertedContactId"]})
    assert fates(world.changes(position)) == []
    assert fates(world.read_all(["LastName"])) == []
    _, problems = run(world.connector.check())
    assert [p.subject for p in problems if p.code == "SYN-225"] == ["Lead.ConvertedContactId"]


def test_objects_outside_the_sync_are_found(world: World) -> None:
    found = run(world.connector.find("LeadStatus", ["ApiName", "IsConverted"], "IsConverted", ["true"]))
    assert found.rows["ApiName"].to_list() == ["Closed - Converted"]
    user = run(world.connector.find("User", ["Name", "IsActive"], "Email", ["integration@sandbox.example"]))
    assert user.rows.select("IsActive").item() == "true"
    (account,) = world.org.seed("Account", [{"Name": "Acme", "Website": "acme.example"}])
    found = run(world.connector.find("Account", ["Name"], "Website", ["ACME.example"]))
    assert found.rows[ID].to_list() == [account]
    described = run(world.connector.describe("Group"))
    assert {"Name", "Type"} <= described.fields.keys()
