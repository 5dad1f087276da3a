"""Merges, conversions, deletes, tasks and owners in Salesforce, as the connector writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from syncline.connectors.salesforce import SalesforceConnector
from syncline.errors import AccessError, OurBug, OutcomeUnknown, Unavailable
from syncline.ports import HttpRequest, HttpResponse
from syncline.records import ALLOW_DUPLICATES, ASSIGN_BY_RULES, ConvertOption, Operation, Outcome, Status, Write
from tests.support.org_world import World, run

SOAP = "/services/Soap/u/"
FAULT = (
    '<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode>'
    "<faultstring>{code}: {message}</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
)


@pytest.fixture
def world() -> World:
    return World()


def act(world: World, operation: Operation, kind: str, record_id: str, *others: str, **more: Any) -> Outcome:
    cells, options = more.pop("cells", {}), more
    write = Write(
        operation=operation, object_type=kind, record_id=record_id, others=others, cells=cells, options=options
    )
    return world.write(write).outcomes[0]


def column(world: World, kind: str, record_id: str, name: str) -> Any:
    found = world.org.storage.db.execute(f'SELECT "{name}" FROM "{kind}" WHERE "Id" = ?', (record_id,))
    return found.fetchone()[0]


def answers(world: World, change: Callable[[HttpResponse], HttpResponse | None]) -> None:
    """Have SOAP answers pass through *change*; None: the connection is lost after the call was carried out."""
    send = world.transport.send

    async def changed(request: HttpRequest) -> HttpResponse:
        response = await send(request)
        if SOAP not in request.url:
            return response
        told = change(response)
        if told is None:
            raise OutcomeUnknown("The connection was lost.")
        return told

    world.transport.send = changed  # type: ignore[method-assign]


# merge


@pytest.mark.parametrize("kind", ["Lead", "Contact"])
def test_a_merge_ends_the_losers_in_the_winner(world: World, kind: str) -> None:
    winner, one, two = world.seed(3, kind, Title="Old", Phone="1")
    outcome = act(
        world,
        Operation.MERGE,
        kind,
        winner,
        one,
        two,
        cells={"Title": "A & B <Ltd>", "Phone": "", "Email": "x@y.example"},
    )
    assert (outcome.status, outcome.record_id) == (Status.WRITTEN, winner)
    assert [column(world, kind, loser, "MasterRecordId") for loser in (one, two)] == [winner, winner]
    assert [column(world, kind, winner, name) for name in ("Title", "Phone")] == ["A & B <Ltd>", None]


def test_the_winners_own_values_win(world: World) -> None:
    winner, loser = world.seed(2)
    world.by_hand("update", {"Id": loser, "Title": "Dr"})
    assert act(world, Operation.MERGE, "Lead", winner, loser).status is Status.WRITTEN
    assert column(world, "Lead", winner, "Title") is None


def test_a_merge_of_what_is_gone_says_so(world: World) -> None:
    winner, loser = world.seed(2)
    world.by_hand("delete", {"Id": loser})
    outcome = act(world, Operation.MERGE, "Lead", winner, loser)
    assert (outcome.status, outcome.code, outcome.is_gone) == (Status.REJECTED, "ENTITY_IS_DELETED", True)


@pytest.mark.parametrize("losers", [[], ["a", "b", "c"], ["a", "a"]])
def test_a_merge_that_cannot_be_is_our_bug(world: World, losers: list[str]) -> None:
    (winner,) = world.seed(1)
    with pytest.raises(OurBug):
        act(world, Operation.MERGE, "Lead", winner, *losers)


def test_several_merges_travel_together_and_each_has_its_own_outcome(world: World) -> None:
    ids = world.seed(6)
    world.by_hand("delete", {"Id": ids[3]})
    writes = [
        Write(operation=Operation.MERGE, object_type="Lead", cells={}, record_id=ids[at], others=(ids[at + 1],))
        for at in (0, 2, 4)
    ]
    before = len(world.transport.sent)
    states = [outcome.status for outcome in world.write(*writes).outcomes]
    assert states == [Status.WRITTEN, Status.REJECTED, Status.WRITTEN]
    assert sum(SOAP in request.url for request in world.transport.sent[before:]) == 1


def test_what_xml_cannot_carry_is_refused_and_not_sent(world: World) -> None:
    winner, loser = world.seed(2)
    outcome = act(world, Operation.MERGE, "Lead", winner, loser, cells={"Title": "bell \x07"})
    assert (outcome.status, outcome.is_permanent) == (Status.REJECTED, True)
    assert not any(SOAP in request.url for request in world.transport.sent)


# lost answers, faults, sessions


LOST = {
    "connection": lambda _: None,
    "gateway": lambda response: replace(response, status=502, body=b"<html>Bad gateway</html>"),
    "cut short": lambda response: replace(response, body=response.body[:200]),
    "another count": lambda response: replace(response, body=response.body.replace(b"result>", b"rest>")),
}


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("operation", [Operation.MERGE, Operation.CONVERT])
def test_a_lost_answer_is_unknown_and_never_repeated(world: World, how: str, operation: Operation) -> None:
    winner, loser = world.seed(2)
    answers(world, LOST[how])
    outcome = act(world, operation, "Lead", winner, *([loser] if operation is Operation.MERGE else []))
    assert outcome.status is Status.UNKNOWN
    assert sum(SOAP in request.url for request in world.transport.sent) == 1
    flag = ("MasterRecordId", loser) if operation is Operation.MERGE else ("ConvertedContactId", winner)
    assert column(world, "Lead", flag[1], flag[0])  # it had been carried out


def test_an_expired_session_is_renewed(world: World) -> None:
    winner, loser = world.seed(2)
    run(world.connector.own_actor())
    world.org.auth.expire_all()
    assert act(world, Operation.MERGE, "Lead", winner, loser).status is Status.WRITTEN


FAULTS = {
    "MALFORMED_ID": ("rejected", None),
    "SERVER_UNAVAILABLE": ("unknown", None),
    "API_DISABLED_FOR_ORG": (None, AccessError),
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_means_what_the_code_means(world: World, code: str) -> None:
    winner, loser = world.seed(2)
    body = FAULT.format(code=code, message="no").encode()
    answers(world, lambda response: replace(response, status=500, body=body))
    status, raised = FAULTS[code]
    if raised is not None:
        with pytest.raises(raised):
            act(world, Operation.MERGE, "Lead", winner, loser)
    else:
        outcome = act(world, Operation.MERGE, "Lead", winner, loser)
        assert outcome.status == status
        if status == "rejected":
            assert (outcome.code, outcome.message) == (code, "no")


# convert


def test_a_lead_becomes_a_contact_with_an_account(world: World) -> None:
    (lead,) = world.seed(1, Title="Dr")
    outcome = act(world, Operation.CONVERT, "Lead", lead)
    assert outcome.status is Status.WRITTEN
    assert set(outcome.made) == {"Contact", "Account"}
    assert column(world, "Contact", outcome.made["Contact"], "Title") == "Dr"
    assert column(world, "Lead", lead, "ConvertedContactId") == outcome.made["Contact"]
    assert column(world, "Lead", lead, "Status") == "Closed - Converted"


def test_a_conversion_does_what_the_options_say(world: World) -> None:
    (lead,) = world.seed(1)
    (account,) = world.org.seed("Account", [{"Name": "Acme & Sons"}])
    (contact,) = world.org.seed("Contact", [{"LastName": "L0", "AccountId": account}])
    wanted = {
        ConvertOption.ACCOUNT: account,
        ConvertOption.CONTACT: contact,
        ConvertOption.OPPORTUNITY: "Big & new",
        ConvertOption.STATUS: "Closed - Converted",
        ConvertOption.NOTIFY_OWNER: "false",
    }
    outcome = act(world, Operation.CONVERT, "Lead", lead, **wanted)
    assert outcome.made["Contact"] == contact
    assert outcome.made["Account"] == account
    assert column(world, "Opportunity", outcome.made["Opportunity"], "Name") == "Big & new"
    assert column(world, "Contact", contact, "Email") == "l0@x.example"  # only blanks are filled


REFUSED = {
    "status": ({ConvertOption.STATUS: "Nowhere"}, "INVALID_STATUS", False),
    "contact without account": ({ConvertOption.CONTACT: "003000000000001AAA"}, None, False),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_conversion_that_cannot_be_is_refused(world: World, case: str) -> None:
    (lead,) = world.seed(1)
    options, code, is_gone = REFUSED[case]
    outcome = act(world, Operation.CONVERT, "Lead", lead, **options)
    assert (outcome.status, outcome.is_gone) == (Status.REJECTED, is_gone)
    assert code is None or outcome.code == code
    assert column(world, "Lead", lead, "IsConverted") == 0


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.CONVERT])
def test_a_converted_lead_refuses_and_is_gone(world: World, operation: Operation) -> None:
    (lead,) = world.seed(1)
    act(world, Operation.CONVERT, "Lead", lead)
    cells = {"Title": "x"} if operation is Operation.UPDATE else {}
    outcome = act(world, operation, "Lead", lead, cells=cells)
    assert (outcome.code, outcome.is_gone) == ("CANNOT_UPDATE_CONVERTED_LEAD", True)


def test_a_queues_lead_needs_an_owner_and_waiting_does_not_help(world: World) -> None:
    (lead,) = world.seed(1)
    queue = world.control("POST", "queues", {"name": "Inbound"})["id"]
    assert act(world, Operation.UPDATE, "Lead", lead, cells={"OwnerId": queue}).status is Status.WRITTEN
    outcome = act(world, Operation.CONVERT, "Lead", lead)
    assert (outcome.status, outcome.is_permanent, outcome.fields) == (Status.REJECTED, True, ("OwnerId",))
    me = run(world.connector.own_actor())
    assert act(world, Operation.CONVERT, "Lead", lead, **{ConvertOption.OWNER: me}).status is Status.WRITTEN


def test_a_duplicate_rule_stops_a_conversion_and_names_whom_it_found(world: World) -> None:
    (lead,) = world.seed(1)
    (contact,) = world.seed(1, "Contact")
    world.control("POST", "duplicate_rules", {"object": "Contact", "fields": ["Email"]})
    outcome = act(world, Operation.CONVERT, "Lead", lead)
    assert (outcome.code, outcome.candidates, outcome.is_permanent) == ("DUPLICATES_DETECTED", (contact,), True)
    passed = act(world, Operation.CONVERT, "Lead", lead, **{ALLOW_DUPLICATES: "true"})
    assert passed.status is Status.WRITTEN


# duplicate rules in REST


def create(world: World, options: dict[str, str], key: str | None = None) -> Outcome:
    cells = {"LastName": "New", "Company": "Acme", "Email": "l0@x.example"}
    write = Write(operation=Operation.CREATE, object_type="Lead", cells=cells, options=options)
    if key is not None:
        write = replace(write, key_field="Key__c", key=key)
    return world.write(write).outcomes[0]


@pytest.mark.parametrize(("action", "passes"), [("alert", True), ("block", False)])
def test_a_create_is_refused_by_a_duplicate_rule_unless_it_may_pass(world: World, action: str, passes: bool) -> None:
    field = {"name": "Key__c", "type": "string", "length": 40, "unique": True, "external_id": True}
    world.org.add_field("Lead", field)
    (there,) = world.seed(1)
    world.control("POST", "duplicate_rules", {"object": "Lead", "fields": ["Email"], "action": action})
    outcome = create(world, {}, "K1")
    assert (outcome.status, outcome.code, outcome.candidates) == (Status.REJECTED, "DUPLICATES_DETECTED", (there,))
    assert outcome.is_permanent
    again = create(world, {ALLOW_DUPLICATES: "true"}, "K1")
    assert (again.status is Status.WRITTEN) is passes


def test_an_update_passes_a_rule_that_only_alerts(world: World) -> None:
    _, other = world.seed(2)
    world.control("POST", "duplicate_rules", {"object": "Lead", "fields": ["Email"]})
    outcome = act(world, Operation.UPDATE, "Lead", other, cells={"Email": "l0@x.example"})
    assert outcome.status is Status.WRITTEN


def test_a_validation_rule_names_its_field(world: World) -> None:
    (lead,) = world.seed(1)
    rule = {"object": "Lead", "condition": "Title = 'bad'", "message": "No.", "field": "Title"}
    world.control("POST", "validation_rules", rule)
    outcome = act(world, Operation.UPDATE, "Lead", lead, cells={"Title": "bad"})
    assert (outcome.code, outcome.fields) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", ("Title",))


# delete, task, owner, assignment


def test_a_delete_is_read_back_and_a_second_one_finds_it_gone(world: World) -> None:
    (lead,) = world.seed(1)
    write = Write(operation=Operation.DELETE, object_type="Lead", cells={}, record_id=lead)
    answer = world.write(write)
    assert answer.outcomes[0].status is Status.WRITTEN
    assert answer.confirmed is not None
    assert answer.confirmed.rows["_deleted"].to_list() == [True]
    assert column(world, "Lead", lead, "IsDeleted") == 1
    assert world.write(write).outcomes[0].is_gone


def test_a_task_is_made_and_named(world: World) -> None:
    (lead,) = world.seed(1)
    cells = {"WhoId": lead, "Subject": "Call", "ActivityDate": "2026-12-01", "Status": "Not Started"}
    write = Write(operation=Operation.CREATE, object_type="Task", cells=cells)
    (outcome,) = world.write(write).outcomes
    assert outcome.status is Status.WRITTEN
    assert column(world, "Task", str(outcome.record_id), "WhoId") == lead


def test_an_owner_who_left_or_a_queue_on_a_contact_is_refused_for_good(world: World) -> None:
    (contact,) = world.seed(1, "Contact")
    queue = world.control("POST", "queues", {"name": "Inbound"})["id"]
    outcome = act(world, Operation.UPDATE, "Contact", contact, cells={"OwnerId": queue})
    assert (outcome.status, outcome.is_permanent, outcome.fields) == (Status.REJECTED, True, ("OwnerId",))
    (left,) = world.org.seed("User", [{"LastName": "Left", "Username": "left@x.example", "IsActive": False}])
    outcome = act(world, Operation.UPDATE, "Contact", contact, cells={"OwnerId": left})
    assert (outcome.code, outcome.is_permanent) == ("INACTIVE_OWNER_OR_USER", True)


@pytest.mark.parametrize("wanted", ["true", "false", None])
def test_assignment_rules_run_when_asked(world: World, wanted: str | None) -> None:
    owner = world.control("POST", "lead_assignment", {"owner": "admin@sandbox.example"})["owner_id"]
    outcome = create(world, {} if wanted is None else {ASSIGN_BY_RULES: wanted})
    assert (column(world, "Lead", str(outcome.record_id), "OwnerId") == owner) is (wanted != "false")


def test_the_capabilities_say_what_is_written_of_what(world: World) -> None:
    connector: SalesforceConnector = world.connector
    lead, contact = connector.capabilities("Lead"), connector.capabilities("Contact")
    assert (lead.converts_into, lead.losers_per_merge) == ("Contact", 2)
    assert lead.operations == frozenset(Operation)
    assert contact.operations == frozenset(Operation) - {Operation.CONVERT}
    assert contact.born_of == {"Lead": "ConvertedContactId"}
    assert connector.capabilities("User").operations == frozenset()


def test_a_busy_status_query_raises_before_anything_is_sent(world: World) -> None:
    (lead,) = world.seed(1)
    world.fault("server_error", match="/query", times=20)
    with pytest.raises(Unavailable):
        act(world, Operation.CONVERT, "Lead", lead)
    assert column(world, "Lead", lead, "IsConverted") == 0


# undelete


def test_an_undelete_brings_a_record_back_and_is_refused_of_what_is_not_in_the_bin(world: World) -> None:
    gone, there = world.seed(2)
    world.by_hand("delete", {"Id": gone})
    outcome = act(world, Operation.UNDELETE, "Lead", gone)
    assert (outcome.status, outcome.record_id) == (Status.WRITTEN, gone)
    assert column(world, "Lead", gone, "IsDeleted") in (0, False)
    refused = act(world, Operation.UNDELETE, "Lead", there)
    assert (refused.status, refused.code) == (Status.REJECTED, "UNDELETE_FAILED")


def test_an_undelete_whose_answer_is_lost_is_unknown(world: World) -> None:
    (gone,) = world.seed(1)
    world.by_hand("delete", {"Id": gone})
    answers(world, lambda _: None)
    assert act(world, Operation.UNDELETE, "Lead", gone).status is Status.UNKNOWN
