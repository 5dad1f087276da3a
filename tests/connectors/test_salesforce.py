"""The Salesforce connector against the sandbox org, in process: reading, positions, rights, writing, lost answers."""

from __future__ import annotations

import json
from dataclasses import replace
from email.utils import format_datetime
from typing import Any

import polars as pl
import pytest

from syncline.connectors.salesforce.write import break_off
from syncline.errors import (
    AccessError,
    ConfigError,
    Later,
    NotUnderstood,
    OutcomeUnknown,
    PositionLost,
    QuotaExhausted,
    Unavailable,
)
from syncline.ports import Connector, HttpRequest, HttpResponse
from syncline.records import NewField, Operation, Outcome, Page, Status, Write, WriteAnswer
from syncline.schema import Field, ObjectSchema
from syncline.values import FieldType, micros
from tests.support.org_world import NAMES, World, last_cursor, rows, run
from tests.support.virtual import START


def names(found: list[Page]) -> list[str]:
    return rows(found)["LastName"].to_list()


def update(record_id: str, **cells: str) -> Write:
    return Write(operation=Operation.UPDATE, object_type="Lead", record_id=record_id, cells=cells)


def create(key: str | None = None, **cells: str) -> Write:
    cells = {"LastName": "New", "Company": "Acme", **cells}
    field = "Key__c" if key is not None else None
    return Write(operation=Operation.CREATE, object_type="Lead", cells=cells, key_field=field, key=key)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def keyed(world: World) -> World:
    key = {"name": "Key__c", "type": "string", "length": 40, "unique": True, "external_id": True}
    world.org.add_field("Lead", {**key, "case_sensitive": True})
    return world


def stored(world: World, record_id: str, field: str = "LastName") -> Any:
    query = f'SELECT "{field}" FROM "Lead" WHERE "Id" = ?'
    return world.org.storage.db.execute(query, (record_id,)).fetchone()[0]


def test_it_is_a_connector(world: World) -> None:
    assert isinstance(world.connector, Connector)


# describe


def test_describe_shows_types_rights_formulas_choices_and_parents(world: World) -> None:
    world.org.add_field("Contact", {"name": "Tier__c", "type": "picklist", "values": ["A", "B"], "restricted": True})
    world.org.add_field("Contact", {"name": "Twice__c", "type": "double", "formula": "2*2", "formula_sql": "4"})
    world.control("POST", "rights", {"hidden_fields": ["Contact.Phone"], "read_only_fields": ["Contact.Title"]})
    schema: ObjectSchema = run(world.connector.describe("Contact"))
    assert "Phone" not in schema.fields
    title, last_name, tier, twice = (schema.fields[name] for name in ("Title", "LastName", "Tier__c", "Twice__c"))
    assert (title.is_updateable, title.is_createable, title.length) == (False, False, 128)
    assert (last_name.is_required, last_name.type, last_name.is_calculated) == (True, FieldType.TEXT, False)
    assert (tier.type, tier.choices, tier.is_custom) == (FieldType.CHOICE, ("A", "B"), True)
    assert (twice.is_calculated, twice.is_writable) == (True, False)
    assert "MailingAddress" not in schema.fields
    parents = [schema.fields[name] for name in ("Account.Name", "Account.Site", "Owner.Email", "Owner.FirstName")]
    assert not any(field.is_writable for field in parents)
    assert schema.fields["Owner.Email"].type is FieldType.EMAIL


def test_an_unchanged_describe_comes_from_memory(world: World) -> None:
    world.clock.advance(3600)
    first = run(world.connector.describe("Lead"))
    world.clock.advance(60)
    before = len(world.transport.sent)
    assert run(world.connector.describe("Lead")) == first
    assert all("If-Modified-Since" in request.headers for request in world.transport.sent[before:])
    world.org.add_field("Lead", {"name": "Fresh__c"})
    assert "Fresh__c" in run(world.connector.describe("Lead")).fields


# reading everything


def test_read_all_gives_canonical_cells_and_leaves_the_deleted_out(world: World) -> None:
    kept, gone = world.seed(2, AnnualRevenue=1234567.0, HasOptedOutOfEmail=True, Title=None)
    world.by_hand("delete", {"Id": gone})
    asked = ["LastName", "Title", "AnnualRevenue", "HasOptedOutOfEmail", "CreatedDate", "Owner.Email"]
    (page,) = world.read_all(asked)
    (row,) = page.rows.iter_rows(named=True)
    me = run(world.connector.own_actor())
    start_us = micros(START)
    assert row == {
        "_id": kept,
        "_stamp_us": start_us,
        "_actor": me,
        "_created_us": start_us,
        "_deleted": False,
        "_as_of_us": start_us,
        "LastName": "L0",
        "Title": "",
        "AnnualRevenue": "1234567",
        "HasOptedOutOfEmail": "true",
        "CreatedDate": "2026-11-22T10:00:00.000Z",
        "Owner.Email": "integration@sandbox.example",
    }


def test_a_large_object_is_extracted_and_reads_the_same(world: World) -> None:
    asked = ["LastName", "Email", "Title", "AnnualRevenue", "HasOptedOutOfEmail", "CreatedDate", "Owner.Email"]
    world.seed(1900, Title=' quoted "title", with\nlines ', AnnualRevenue=10.0)
    small = rows(world.read_all(asked))
    more = world.org.seed("Lead", [{"LastName": f"M{i}", "Company": "Acme"} for i in range(200)])
    before = len(world.transport.sent)
    large = rows(world.read_all(asked))
    assert any("/jobs/query" in request.url for request in world.transport.sent[before:])
    assert large.height == 2100
    assert large.filter(~pl.col("_id").is_in(more)).sort("_id").equals(small.sort("_id"))


def test_a_truncated_extract_raises(world: World) -> None:
    world.seed(2001)
    answer = world.transport.send

    async def losing_a_line(request: HttpRequest) -> HttpResponse:
        response = await answer(request)
        if "/results" not in request.url:
            return response
        body = response.body.rsplit(b"\n", 2)[0] + b"\n"
        return HttpResponse(status=response.status, headers=response.headers, body=body)

    world.transport.send = losing_a_line  # type: ignore[method-assign]
    with pytest.raises(NotUnderstood, match="2001"):
        world.read_all()


def test_nothing_that_happens_during_the_first_read_is_lost(world: World) -> None:
    first, _ = world.seed(2)
    cursor = world.position()
    world.by_hand("update", {"Id": first, "LastName": "Moved in the same second"})
    assert "Moved in the same second" in names(world.changes(cursor))


# changes


def test_a_row_of_the_overlap_is_reported_once(world: World) -> None:
    world.seed(3)
    cursor = last_cursor(world.changes(world.position()))
    again = world.changes(cursor)
    assert rows(again).height == 0
    assert again[0].next_cursor is not None


def test_a_second_change_within_the_same_second_is_reported(world: World) -> None:
    first, second = world.seed(2)
    cursor = last_cursor(world.changes(world.position()))
    world.by_hand("update", {"Id": second, "LastName": "One"})
    cursor = last_cursor(found := world.changes(cursor))
    assert names(found) == ["One"]
    world.by_hand("update", {"Id": second, "LastName": "Two"})
    found = world.changes(cursor)
    assert names(found) == ["Two"]
    assert rows(found)["_stamp_us"].to_list() == [micros(START)]
    assert first not in rows(found)["_id"].to_list()


def test_a_change_committed_late_is_found_behind_the_position(world: World) -> None:
    first, second = world.seed(2)
    cursor = last_cursor(world.changes(world.position()))
    world.clock.advance(1)
    world.fault("late_commit", "composite", parameters={"delay_seconds": 590})
    late_stamp = micros(world.clock.now()) // 1_000_000
    world.write(update(first, LastName="Late"))
    for _ in range(3):
        world.clock.advance(180)
        world.by_hand("update", {"Id": second, "Title": f"at {world.clock.now()}"})
        cursor = last_cursor(found := world.changes(cursor))
        assert "Late" not in names(found)
    world.clock.advance(100)
    found = world.changes(cursor)
    (row,) = rows(found).filter(pl.col("_id") == first).iter_rows(named=True)
    assert row["LastName"] == "Late"
    assert row["_stamp_us"] // 1_000_000 == late_stamp


def test_an_answer_that_was_long_under_way_does_not_move_the_position_past_what_happened_meanwhile(
    world: World,
) -> None:
    first, _ = world.seed(2)
    cursor = last_cursor(world.changes(world.position()))
    answer = world.transport.send

    async def slow(request: HttpRequest) -> HttpResponse:
        response = await answer(request)
        world.clock.advance(10)
        world.by_hand("update", {"Id": first, "LastName": "Meanwhile"})
        world.clock.advance(1190)
        return HttpResponse(
            status=response.status,
            headers={**response.headers, "date": format_datetime(world.clock.now(), usegmt=True)},
            body=response.body,
        )

    world.transport.send = slow  # type: ignore[method-assign]
    cursor = last_cursor(world.changes(cursor))
    world.transport.send = answer  # type: ignore[method-assign]
    assert names(world.changes(cursor)) == ["Meanwhile"]


def test_a_delete_comes_as_a_row(world: World) -> None:
    gone, _ = world.seed(2)
    asked = [*NAMES, "MasterRecordId"]
    cursor = last_cursor(world.changes(world.position(asked), asked))
    world.by_hand("delete", {"Id": gone})
    (row,) = rows(world.changes(cursor, asked)).iter_rows(named=True)
    assert (row["_id"], row["_deleted"], row["MasterRecordId"]) == (gone, True, "")


def test_a_parent_that_moves_brings_its_children(world: World) -> None:
    (account,) = world.org.seed("Account", [{"Name": "Acme"}])
    (contact,) = world.seed(1, "Contact", AccountId=account)
    asked = ["LastName", "Account.Name"]
    cursor = world.position(asked, "Contact")
    world.clock.advance(3600)
    cursor = last_cursor(world.changes(cursor, asked, "Contact"))
    world.by_hand("update", {"Id": account, "Name": "Acme Ltd"}, sobject="Account")
    found = world.changes(cursor, asked, "Contact")
    assert rows(found).select("_id", "Account.Name").rows() == [(contact, "Acme Ltd")]
    assert rows(world.changes(last_cursor(found), asked, "Contact")).height == 0


def test_many_changes_come_in_pages_each_with_a_position(world: World) -> None:
    cursor = world.position()
    world.clock.advance(3600)
    world.org.seed("Lead", [{"LastName": f"N{i}", "Company": "Acme"} for i in range(2001)])
    first, second = world.changes(cursor)
    assert (first.rows.height, second.rows.height) == (2000, 1)
    assert first.has_more
    assert first.next_cursor is not None
    assert rows([first, *world.changes(first.next_cursor)])["_id"].n_unique() == 2001


@pytest.mark.parametrize("cursor", ["", "{}", '[99,1,"",{}]'])
def test_a_position_that_is_not_ours_is_lost(world: World, cursor: str) -> None:
    with pytest.raises(PositionLost):
        world.changes(cursor)


def test_a_position_older_than_the_recycle_bin_is_lost(world: World) -> None:
    cursor = world.position()
    world.clock.advance(15 * 86_400)
    with pytest.raises(PositionLost):
        world.changes(cursor)


# rights


def test_a_field_hidden_between_two_reads_is_dropped_and_nothing_else(world: World) -> None:
    world.seed(2)
    cursor = world.position()
    world.control("POST", "rights", {"hidden_fields": ["Lead.Email"]})
    world.by_hand("create", {"LastName": "New", "Company": "Acme"})
    found = world.changes(cursor)
    assert "New" in names(found)
    assert found[0].hidden == {"Email"}
    assert found[0].fields == ("LastName",)
    world.control("POST", "rights", {"hidden_fields": []})
    run(world.connector.describe("Lead"))
    assert world.read_all()[0].hidden == frozenset()


@pytest.mark.parametrize("count", [10, 2001])
def test_a_field_hidden_before_everything_is_read_is_dropped_too(world: World, count: int) -> None:
    world.seed(count)
    run(world.connector.describe("Lead"))
    world.control("POST", "rights", {"hidden_fields": ["Lead.Email"]})
    found = world.read_all()
    assert rows(found).height == count
    assert found[0].hidden == {"Email"}


def test_check_names_what_is_missing_and_how_to_grant_it(world: World) -> None:
    said, found = run(world.connector.check())
    assert said == "Connected to Salesforce as Syncing Integration (integration@sandbox.example); nothing blocks."
    denied = {"Lead": ["edit"], "Contact": ["read"]}
    world.control("POST", "rights", {"denied_objects": denied, "permissions": ["ApiEnabled"]})
    world.control("POST", "quota", {"used": 90_000, "maximum": 100_000})
    said, found = run(world.connect().check())
    assert "1 blocking" in said
    assert {(problem.subject, problem.code) for problem in found} >= {
        ("Lead", "SYN-224"),
        ("Contact", "SYN-220"),
        ("API requests", "SYN-331"),
    }
    assert all(problem.remedy for problem in found)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_secret": "wrong"}, AccessError),
        ({"username": "integration@sandbox.example", "password": "wrong"}, AccessError),
        ({"client_id": ""}, ConfigError),
    ],
)
def test_a_login_that_is_refused_needs_a_person(changed: dict[str, str], error: type[Exception]) -> None:
    world = World(**changed)
    with pytest.raises(error) as caught:
        run(world.connector.describe("Lead"))
    assert "wrong" not in f"{caught.value} {getattr(caught.value, 'evidence', '')}"


def test_the_password_flow_logs_in_as_the_user() -> None:
    world = World(username="admin@sandbox.example", password="sandbox-passwordsandboxtoken")
    said, _ = run(world.connector.check())
    assert "admin@sandbox.example" in said


def test_a_token_that_expires_is_renewed_and_the_write_applied_once(world: World) -> None:
    (record_id,) = world.seed(1)
    world.read_all()
    world.fault("expired_token", "composite")
    answer = world.write(update(record_id, LastName="Once"))
    assert answer.outcomes[0].status is Status.WRITTEN
    assert sum("/oauth2/token" in request.url for request in world.transport.sent) == 2


# by ids and by key


def test_read_by_ids_shows_deleted_records_and_says_what_is_missing(world: World) -> None:
    here, gone = world.seed(2)
    world.by_hand("delete", {"Id": gone})
    page = run(world.connector.read_by_ids("Lead", NAMES, [here[:15], gone, "00Q000000000000AAA"]))
    assert dict(page.rows.select("_id", "_deleted").rows()) == {here: False, gone: True}
    assert page.missing == ("00Q000000000000AAA",)


def test_a_thousand_records_are_read_in_one_call(world: World) -> None:
    ids = world.seed(1000)
    run(world.connector.describe("Lead"))
    found: list[Page] = []
    assert world.calls(lambda: found.append(run(world.connector.read_by_ids("Lead", NAMES, ids)))) == 1
    assert set(found[0].rows["_id"]) == set(ids)


def test_a_query_too_long_for_a_url_is_read_all_the_same(world: World) -> None:
    wide = [f"Wide_field_with_a_long_name_number_{number:03}__c" for number in range(300)]
    for name in wide:
        world.org.add_field("Lead", {"name": name})
    ids = world.seed(3, **{wide[-1]: "here"})
    page = run(world.connector.read_by_ids("Lead", wide, ids))
    assert page.rows[wide[-1]].to_list() == ["here"] * 3
    assert max(len(request.url) for request in world.transport.sent) < 12_300


def test_find_quotes_what_it_looks_for(world: World) -> None:
    odd = 'O\'Neil \\ "x"@x.example'
    world.org.seed("Lead", [{"LastName": odd, "Company": "Acme"}, {"LastName": "x' OR Name != 'y", "Company": "Acme"}])
    page = run(world.connector.find("Lead", NAMES, "LastName", [odd, "", "nobody"]))
    assert page.rows["LastName"].to_list() == [odd]


def test_find_by_a_field_we_do_not_see_asks_for_the_right(world: World) -> None:
    with pytest.raises(AccessError, match="Key__c"):
        run(world.connector.find("Lead", NAMES, "Key__c", ["1"]))


# writing


def test_updates_are_written_and_read_back_in_one_call(world: World) -> None:
    ids = world.seed(400)
    run(world.connector.describe("Lead"))
    answers: list[WriteAnswer] = []
    writes = [update(record_id, LastName=f"U{n}", Email="") for n, record_id in enumerate(ids)]
    assert world.calls(lambda: answers.append(world.write(*writes))) == 1
    (answer,) = answers
    assert {outcome.status for outcome in answer.outcomes} == {Status.WRITTEN}
    assert answer.confirmed is not None
    confirmed = {row["_id"]: row for row in answer.confirmed.rows.iter_rows(named=True)}
    assert [confirmed[record_id]["LastName"] for record_id in ids] == [f"U{n}" for n in range(400)]
    assert {row["Email"] for row in confirmed.values()} == {""}


def test_every_row_has_its_own_outcome_in_order(world: World) -> None:
    good, gone, other = world.seed(3)
    world.by_hand("delete", {"Id": gone})
    answer = world.write(
        update(good, LastName="Fine"),
        update(gone, LastName="Gone"),
        update(other, LastName="x" * 81),
        update("00Qzzzzzzzzzzzz", LastName="?"),
    )
    fine, deleted, too_long, unheard = answer.outcomes
    assert fine.status is Status.WRITTEN
    assert (deleted.status, deleted.is_gone) == (Status.REJECTED, True)
    assert (too_long.code, too_long.fields, too_long.is_permanent) == ("STRING_TOO_LONG", ("LastName",), True)
    assert unheard.status is Status.REJECTED
    assert stored(world, other) == "L2"


def test_numbers_and_booleans_keep_their_digits(world: World) -> None:
    world.org.add_field("Lead", {"name": "Exact__c", "type": "double", "precision": 18, "scale": 4})
    (record_id,) = world.seed(1)
    answer = world.write(update(record_id, Exact__c="12345678901.1", DoNotCall="true"))
    assert answer.confirmed is not None
    assert answer.confirmed.rows.select("Exact__c", "DoNotCall").row(0) == ("12345678901.1", "true")


def test_a_create_with_our_key_never_makes_a_second_record(keyed: World) -> None:
    first, again = (keyed.write(create("k1", Title=title)).outcomes[0] for title in ("a", "b"))
    assert (first.status, first.was_created) == (Status.WRITTEN, True)
    assert (again.status, again.was_created, again.record_id) == (Status.WRITTEN, False, first.record_id)
    several = keyed.write(create("k1"), create("k2"), create("k3"))
    assert [outcome.was_created for outcome in several.outcomes] == [False, True, True]
    assert several.confirmed is not None
    assert sorted(several.confirmed.rows["Key__c"].to_list()) == ["k1", "k2", "k3"]


def test_a_key_that_fits_several_records_names_them(world: World) -> None:
    world.org.add_field("Lead", {"name": "Key__c", "type": "string", "length": 40, "external_id": True})
    ids = world.seed(2, Key__c="same")
    (outcome,) = world.write(create("same")).outcomes
    assert (outcome.status, outcome.code) == (Status.REJECTED, "DUPLICATE_EXTERNAL_ID")
    assert set(outcome.candidates) == set(ids)


def test_the_assignment_rule_runs_for_new_leads_without_an_owner_only(world: World) -> None:
    admin = next(user["id"] for user in world.control("GET", "users") if user["username"].startswith("admin"))
    mine = run(world.connector.own_actor())
    world.control("POST", "lead_assignment", {"owner": "admin@sandbox.example"})
    plain, owned = world.write(create(), create(OwnerId=str(mine))).outcomes
    world.write(update(str(owned.record_id), Title="x"))
    assert stored(world, str(plain.record_id), "OwnerId") == admin
    assert stored(world, str(owned.record_id), "OwnerId") == mine


def test_compare_and_set_refuses_a_record_that_moved(world: World) -> None:
    moved, still = world.seed(2)
    world.clock.advance(10)
    world.by_hand("update", {"Id": moved, "LastName": "Theirs"})
    since = micros(START)
    guarded = [
        Write(
            operation=Operation.UPDATE,
            object_type="Lead",
            record_id=one,
            cells={"LastName": "Ours"},
            unmodified_since_us=since,
        )
        for one in (moved, still)
    ]
    stale, written = world.write(*guarded).outcomes
    assert (stale.status, stale.is_stale) == (Status.REJECTED, True)
    assert written.status is Status.WRITTEN
    assert (stored(world, moved), stored(world, still)) == ("Theirs", "Ours")


def test_a_delete_is_confirmed_by_its_row_in_the_bin(world: World) -> None:
    (record_id,) = world.seed(1)
    answer = world.write(Write(operation=Operation.DELETE, object_type="Lead", record_id=record_id, cells={}))
    assert answer.outcomes[0].status is Status.WRITTEN
    assert answer.confirmed is not None
    assert answer.confirmed.rows["_deleted"].to_list() == [True]


@pytest.mark.parametrize(
    ("fault", "parameters"), [("lost_reply", {}), ("timeout", {}), ("server_error", {"processed": True})]
)
def test_a_lost_answer_leaves_the_outcome_unknown_and_is_not_sent_again(
    world: World, fault: str, parameters: dict[str, Any]
) -> None:
    ids = world.seed(500)
    run(world.connector.describe("Lead"))
    world.fault(fault, "composite", parameters=parameters)
    answers: list[WriteAnswer] = []
    writes = [update(record_id, LastName="U") for record_id in ids]
    assert world.calls(lambda: answers.append(world.write(*writes))) == 2
    found = [outcome.status for outcome in answers[0].outcomes]
    assert found == [Status.UNKNOWN] * 400 + [Status.WRITTEN] * 100


def test_a_part_of_a_call_that_broke_on_the_server_leaves_its_rows_unknown(world: World) -> None:
    ids = world.seed(201)
    run(world.connector.describe("Lead"))
    answer = world.transport.send

    async def broken(request: HttpRequest) -> HttpResponse:
        response = await answer(request)
        body = json.loads(response.body)
        error = [{"errorCode": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred. (-7)"}]
        body["compositeResponse"][1] |= {"httpStatusCode": 500, "body": error}
        return HttpResponse(status=200, headers=response.headers, body=json.dumps(body).encode())

    world.transport.send = broken  # type: ignore[method-assign]
    outcomes = world.write(*[update(record_id, LastName="U") for record_id in ids]).outcomes
    assert [outcome.status for outcome in outcomes] == [Status.WRITTEN] * 200 + [Status.UNKNOWN]


def spoiling(world: World, code: str, *names: str) -> list[int]:
    """The org refuses every collection as a whole in which one of these names stands; sizes of what it was sent."""
    answer = world.transport.send
    sizes: list[int] = []

    async def send(request: HttpRequest) -> HttpResponse:
        if not request.url.endswith("/composite"):
            return await answer(request)
        body = json.loads(request.body)
        refused = [
            at
            for at, part in enumerate(body["compositeRequest"])
            if any(f'"{name}"' in json.dumps(part) for name in names)
        ]
        sizes.extend(len(part["body"]["records"]) for part in body["compositeRequest"] if "body" in part)
        kept = [part for at, part in enumerate(body["compositeRequest"]) if at not in refused]
        response = await answer(replace(request, body=json.dumps({**body, "compositeRequest": kept}).encode()))
        told = json.loads(response.body)
        for at in refused:
            error = [{"errorCode": code, "message": f"bad value in part {at}"}]
            told["compositeResponse"].insert(at, {"httpStatusCode": 400, "body": error, "referenceId": f"part{at}"})
        return HttpResponse(status=200, headers=response.headers, body=json.dumps(told).encode())

    world.transport.send = send  # type: ignore[method-assign]
    return sizes


def test_one_row_that_spoils_its_whole_collection_is_found_and_the_others_are_written(world: World) -> None:
    ids = world.seed(200)
    run(world.connector.describe("Lead"))
    sizes = spoiling(world, "JSON_PARSER_ERROR", "Poison")
    writes = [update(record_id, LastName="Poison" if at == 77 else "U") for at, record_id in enumerate(ids)]
    outcomes = world.write(*writes).outcomes
    assert [at for at, outcome in enumerate(outcomes) if outcome.status is not Status.WRITTEN] == [77]
    assert (outcomes[77].code, outcomes[77].is_permanent) == ("JSON_PARSER_ERROR", True)
    assert sizes[0] == 200
    assert len(sizes) <= 17, "two collections a halving"


def test_a_refusal_for_a_right_is_not_searched_for_among_the_rows(world: World) -> None:
    ids = world.seed(50)
    run(world.connector.describe("Lead"))
    sizes = spoiling(world, "INSUFFICIENT_ACCESS", "Poison")
    outcomes = world.write(*[update(record_id, LastName="Poison") for record_id in ids]).outcomes
    assert sizes == [50]
    assert {outcome.code for outcome in outcomes} == {"INSUFFICIENT_ACCESS"}


def test_a_refused_first_call_raises_and_a_later_one_says_not_sent(world: World) -> None:
    ids = world.seed(800)
    run(world.connector.describe("Lead"))
    writes = [update(record_id, LastName="U") for record_id in ids]
    world.fault("rate_limit", "composite")
    with pytest.raises(QuotaExhausted):
        world.write(*writes)
    assert stored(world, ids[0]) == "L0"
    world.clock.advance(301)  # a day that is over is asked about again after five minutes
    world.fault("rate_limit", "composite", after=1)
    outcomes = world.write(*writes).outcomes
    assert [outcome.status for outcome in outcomes] == [Status.WRITTEN] * 400 + [Status.REJECTED] * 400
    assert {(outcome.code, outcome.is_permanent) for outcome in outcomes[400:]} == {("not_sent", False)}
    assert stored(world, ids[400]) == "L400"


def test_a_code_nobody_listed_is_kept_and_never_repeated(world: World) -> None:
    (record_id,) = world.seed(1)
    world.fault("partial_failure", parameters={"code": "NEVER_HEARD_OF", "message": "what?"})
    (outcome,) = world.write(update(record_id, LastName="U")).outcomes
    assert (outcome.code, outcome.is_permanent) == ("NEVER_HEARD_OF", True)
    assert "not understood" in str(outcome.message)


def test_a_locked_row_may_pass_later(world: World) -> None:
    (record_id,) = world.seed(1)
    world.fault("partial_failure")
    (outcome,) = world.write(update(record_id, LastName="U")).outcomes
    assert (outcome.code, outcome.is_permanent) == ("UNABLE_TO_LOCK_ROW", False)


def test_a_replica_that_lags_is_overtaken_by_the_overlap(world: World) -> None:
    (record_id,) = world.seed(1)
    cursor = last_cursor(world.changes(world.position()))
    world.fault("replica_lag", "query", times=None, parameters={"delay_seconds": 30})
    world.write(update(record_id, LastName="Ours"))
    assert run(world.connector.read_by_ids("Lead", NAMES, [record_id])).rows["LastName"].to_list() == ["L0"]
    cursor = last_cursor(found := world.changes(cursor))
    assert rows(found).height == 0
    world.clock.advance(31)
    assert names(world.changes(cursor)) == ["Ours"]


# bulk


def bulk_updates(world: World, count: int = 2000) -> tuple[list[str], list[Write]]:
    ids = world.seed(count)
    return ids, [update(record_id, LastName=f'U,{n}"\nx') for n, record_id in enumerate(ids)]


def test_two_thousand_rows_travel_in_bulk_and_each_keeps_its_outcome(world: World) -> None:
    ids, writes = bulk_updates(world)
    writes[7] = update(ids[7], LastName="x" * 81)
    writes[8] = update(ids[8], Email="")
    answer = world.write(*writes)
    assert answer.origin is not None
    assert answer.confirmed is None
    refused = answer.outcomes[7]
    assert (refused.code, refused.fields) == ("STRING_TOO_LONG", ("LastName",))
    assert [outcome.record_id for outcome in answer.outcomes[:3]] == ids[:3]
    assert sum(outcome.status is Status.WRITTEN for outcome in answer.outcomes) == 1999
    assert (stored(world, ids[8]), stored(world, ids[8], "Email")) == ("L8", None)
    assert stored(world, ids[9]) == 'U,9"\nx'


def test_bulk_creates_by_key_know_which_record_is_whose(keyed: World) -> None:
    keyed.write(create("k5"))
    answer = keyed.write(*[create(f"k{n}", LastName=f"L{n}") for n in range(2000)])
    assert [outcome.was_created for outcome in answer.outcomes[4:7]] == [True, False, True]
    assert all(stored(keyed, str(o.record_id), "Key__c") == f"k{n}" for n, o in enumerate(answer.outcomes[:50]))


def test_a_bulk_job_whose_closing_is_lost_is_asked_for_its_outcome(world: World) -> None:
    _, writes = bulk_updates(world)
    world.fault("lost_reply", "PATCH .*/jobs/ingest/")
    answer = world.write(*writes)
    assert {outcome.status for outcome in answer.outcomes} == {Status.WRITTEN}


def test_a_bulk_upload_that_is_lost_applied_nothing(world: World) -> None:
    ids, writes = bulk_updates(world)
    world.fault("timeout", "PUT .*/batches")
    with pytest.raises(Later):
        world.write(*writes)
    assert stored(world, ids[0]) == "L0"


def test_a_closed_job_whose_results_cannot_be_had_leaves_the_outcome_unknown(world: World) -> None:
    _, writes = bulk_updates(world)
    world.fault("server_error", "GET .*/jobs/ingest/.*/successfulResults", times=None)
    assert {outcome.status for outcome in world.write(*writes).outcomes} == {Status.UNKNOWN}


# custom fields, budget


def test_fields_are_made_where_they_can_be_and_named_where_not(world: World) -> None:
    key = NewField(object_type="Lead", name="Syncline_Key__c", label="Syncline key", length=64, is_unique=True)
    odd = NewField(object_type="Lead", name="Shape__c", label="Shape", type="geometry")
    found = run(world.connector.create_fields([key, odd, key]))
    assert [(problem.subject, problem.code) for problem in found] == [("Lead.Shape__c", "SYN-222")]
    made: Field = run(world.connector.describe("Lead")).fields["Syncline_Key__c"]
    assert (made.is_unique, made.is_external_id, made.length) == (True, True, 64)
    assert world.connector.capabilities("Lead").unique_keys == {"Syncline_Key__c"}


def test_the_vendors_day_is_read_from_its_headers(world: World) -> None:
    world.read_all()
    usage = world.connector.usage()
    assert usage.day_limit == 100_000
    assert usage.day_used == sum("/services/data/" in request.url for request in world.transport.sent)


def test_rows_left_behind_keep_the_outcomes_of_those_answered() -> None:
    outcomes = {0: Outcome(status=Status.WRITTEN)}
    break_off(outcomes, 2, Unavailable("gone"))
    assert outcomes[0].status is Status.WRITTEN
    assert outcomes[1].code == "not_sent"


def test_no_connection_before_anything_was_sent_is_a_later(world: World) -> None:
    (record_id,) = world.seed(1)
    run(world.connector.describe("Lead"))

    async def dead(request: HttpRequest) -> HttpResponse:
        raise Unavailable("no connection")

    world.transport.send = dead  # type: ignore[method-assign]
    with pytest.raises(Later):
        world.write(update(record_id, LastName="U"))
    with pytest.raises(Later):
        world.read_all()


def test_a_broken_answer_to_a_write_is_an_unknown_outcome(world: World) -> None:
    (record_id,) = world.seed(1)
    run(world.connector.describe("Lead"))
    answer = world.transport.send

    async def cut(request: HttpRequest) -> HttpResponse:
        response = await answer(request)
        return HttpResponse(status=response.status, headers=response.headers, body=response.body[:-5])

    world.transport.send = cut  # type: ignore[method-assign]
    assert world.write(update(record_id, LastName="U")).outcomes[0].status is Status.UNKNOWN
    with pytest.raises((NotUnderstood, OutcomeUnknown)):
        world.read_all()
