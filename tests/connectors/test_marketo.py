"""The Marketo connector against the sandbox in process: reading, positions, deletions, writing, lost answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from syncline.connectors.marketo import MarketoConnector
from syncline.connectors.marketo.cursor import decode
from syncline.connectors.marketo.describe import LeadFields
from syncline.connectors.marketo.errors import judge, next_central_midnight
from syncline.connectors.marketo.moments import OwnTraces, merged_ids
from syncline.connectors.marketo.rows import people_frame
from syncline.errors import (
    AccessError,
    ConfigError,
    NotUnderstood,
    OurBug,
    OutcomeUnknown,
    PositionLost,
    QuotaExhausted,
    RateLimited,
    SynclineError,
    Unavailable,
)
from syncline.net.auth import TokenRefused
from syncline.net.breaker import Outage
from syncline.ports import Connector, HttpRequest, HttpResponse, Stamp
from syncline.records import How, Operation, Page, Status, Write
from syncline.schema import Field, ObjectSchema
from syncline.values import FieldType, micros
from tests.support.inprocess import SharedClock
from tests.support.marketo_world import (
    LEADS,
    NAMES,
    OURS,
    SETTINGS,
    World,
    all_of,
    deleted_of,
    ids_of,
    missing_of,
    new_field,
    pages_of,
    position,
    run,
)
from tests.support.virtual import START, SeededRandom, VirtualClock


def moments_of(pages: list[Page]) -> pl.DataFrame:
    return pl.concat([page.moments for page in pages if page.moments is not None])


def update(record_id: int | str, **cells: str) -> Write:
    return Write(operation=Operation.UPDATE, object_type="lead", cells=cells, record_id=str(record_id))


def create(key: str, **cells: str) -> Write:
    return Write(operation=Operation.CREATE, object_type="lead", cells=cells, key_field="synclineKey", key=key)


def statuses(world: World, *writes: Write) -> list[Status]:
    return [outcome.status for outcome in run(world.connector.write(writes)).outcomes]


# -- what it is ------------------------------------------------------------------------------------------------------


def test_it_is_a_connector_and_declares_what_marketo_lacks():
    world = World()
    assert isinstance(world.connector, Connector)
    facts = world.connector.capabilities("lead")
    assert (facts.stamp, facts.unique_keys, facts.has_actor) == (Stamp.NONE, frozenset(), False)
    assert facts.has_field_history
    assert facts.shared_fields["company"] == "externalCompanyId"
    with pytest.raises(ConfigError):
        world.connector.capabilities("Lead")


def test_every_wrong_setting_is_named_at_once():
    with pytest.raises(ConfigError) as refused:
        World(client_id="", daily_quota="many", created_since="yesterday", colour="red")
    assert all(
        name in refused.value.message for name in ("client_id is missing", "daily_quota", "created_since", "colour")
    )


def test_describe_gives_types_lengths_rights_and_owners_of_shared_values():
    world = World()
    world.key_field()
    schema = run(world.connector.describe("lead"))
    email, company, key = (schema.fields[name] for name in ("email", "company", "synclineKey"))
    assert (email.type, email.length, email.is_updateable) == (FieldType.EMAIL, 255, True)
    assert (company.shared_by, schema.fields["unsubscribed"].shared_by) == ("externalCompanyId", "email")
    assert (key.is_custom, key.is_external_id, email.is_custom) == (True, True, False)
    read_only = ("id", "createdAt", "isAnonymous", "inferredCity", "mktoName")
    assert not any(schema.fields[name].is_writable for name in read_only)
    assert schema.fields["leadScore"].type is FieldType.INTEGER
    assert schema.can_delete


def test_fields_that_cannot_be_made_come_back_with_the_vendors_words():
    world = World()
    problems = run(world.connector.create_fields([new_field("fine", "boolean"), new_field("email"), new_field("1st")]))
    assert [problem.subject for problem in problems] == ["email", "1st"]
    assert "1017" in problems[0].message
    assert run(world.connector.describe("lead")).fields["fine"].type is FieldType.BOOLEAN


def test_check_names_every_missing_permission_and_changes_nothing():
    world = World()
    sentence, problems = run(world.connector.check())
    assert (OURS in sentence, problems) == (True, [])
    service = {"client_id": "poor", "client_secret": "s", "user": "poor@x.example", "permissions": ["Read-Only Lead"]}
    world.control("POST", "users", service)
    poor = MarketoConnector(
        {**SETTINGS, "client_id": "poor", "client_secret": "s"},
        world.transport,
        SharedClock(world.clock),
        SeededRandom(),
    )
    _, problems = run(poor.check())
    assert {problem.subject: problem.blocks for problem in problems} == {
        "Read-Write Lead": True,
        "Read-Only Activity": True,
        "Read-Write Schema Custom Field": False,
    }


def test_check_warns_when_the_day_is_nearly_used():
    world = World(daily_quota="10")
    run(world.connector.check())
    _, problems = run(world.connector.check())
    assert [problem.code for problem in problems] == ["SYN-331"]
    usage = world.connector.usage()
    assert usage.day_limit == 10
    assert usage.calls_sent > 10


def test_a_wrong_secret_is_an_access_error_that_does_not_show_it():
    world = World(client_secret="hunter-two")
    with pytest.raises(AccessError) as refused:
        run(world.connector.check())
    assert "hunter-two" not in f"{refused.value} {refused.value.evidence}"


# -- reading ---------------------------------------------------------------------------------------------------------


def test_all_people_are_read_once_over_windows_of_31_days():
    world = World()
    days = ("2026-06-01T00:00:00Z", "2026-08-01T12:30:00Z", "2026-11-22T09:59:59Z")
    world.instance.seed(
        [{"email": f"p{i}@x.example", "createdAt": day} for i, day in enumerate(days)], activities=False
    )
    pages = all_of(world)
    assert ids_of(pages) == ["1", "2", "3"]
    assert pages[0].how is How.BACKFILL
    assert [page.next_cursor is None for page in pages] == [True] * (len(pages) - 1) + [False]
    assert pages[-1].has_more is False
    created = [at for page in pages for at in page.rows["_created_us"].to_list()]
    assert created[0] == micros(datetime(2026, 6, 1, tzinfo=UTC))


def test_an_instance_without_people_is_one_month_and_not_one_for_every_month_since_the_product_began():
    world = World()
    assert ids_of(all_of(world)) == []
    jobs = [request for request in world.transport.sent if request.url.endswith("export/create.json")]
    assert len(jobs) == 2  # 31 days back, and the second of the read itself


def test_windows_neither_overlap_nor_leave_a_second_out():
    world = World(created_since="2026-07-01")
    boundary = datetime(2026, 8, 1, tzinfo=UTC)  # 31 days after: the first second of the second window
    seconds = [f"2026-07-31T23:59:{second:02}Z" for second in (58, 59)] + ["2026-08-01T00:00:00Z"]
    assert boundary.isoformat()[:10] == "2026-08-01"
    world.instance.seed([{"email": "p@x.example", "createdAt": at} for at in seconds], activities=False)
    assert ids_of(all_of(world)) == ["1", "2", "3"]


def test_the_extract_waits_for_its_job_and_dates_its_rows_by_the_jobs_making():
    world = World()
    world.seed(3)
    world.instance.settings.export_seconds = 90
    (first, *_) = [page for page in all_of(world) if len(page.rows)]
    assert first.rows["_as_of_us"].to_list() == [micros(START)] * 3
    assert world.clock.now() > START


def test_extract_and_read_by_id_give_the_same_cells():
    world = World()
    person = {
        "lastName": 'O"Neil, \n"Jr."',
        "annualRevenue": "1604.50",
        "doNotCall": True,
        "dateOfBirth": "1980-02-29",
        "numberOfEmployees": 7,
        "emailSuspendedAt": "2026-01-02T03:04:05Z",
    }
    world.instance.seed([person, {"email": "blank@x.example"}], activities=False)
    fields = [*person, "email", "unsubscribed"]
    extracted = pl.concat([page.rows for page in all_of(world, fields)])
    by_id = run(world.connector.read_by_ids("lead", fields, ["1", "2"])).rows
    assert extracted.drop("_as_of_us").equals(by_id.drop("_as_of_us"))
    first, second = by_id.to_dicts()
    assert (first["annualRevenue"], first["doNotCall"], first["email"]) == ("1604.5", "true", "")
    assert first["emailSuspendedAt"] == "2026-01-02T03:04:05.000Z"
    assert (second["doNotCall"], second["dateOfBirth"], second["_stamp_us"], second["_actor"]) == (
        "false",
        "",
        None,
        None,
    )


def test_many_ids_go_in_calls_of_300_and_the_absent_are_missing():
    world = World()
    world.seed(650)
    page = run(world.connector.read_by_ids("lead", NAMES, [str(i) for i in range(1, 703)]))
    assert (len(page.rows), page.missing) == (650, tuple(str(i) for i in range(651, 703)))
    assert page.how is How.READ_BACK
    assert len(world.sent("/rest/v1/leads.json")) == 3


def test_a_long_query_is_sent_as_a_form():
    world = World()
    world.seed(300)
    long = [f"p{i}@a-rather-long-domain-name-for-a-query.x.example" for i in range(1, 301)]
    world.edit(*({"id": i, "email": long[i - 1]} for i in range(1, 301)))
    page = run(world.connector.find("lead", NAMES, "email", long))
    assert len(page.rows) == 300
    (request,) = world.sent("/rest/v1/leads.json")
    assert (request.method, request.url.endswith("?_method=GET")) == ("POST", True)


def test_find_brings_everybody_with_a_value_and_halves_a_question_with_too_many_answers():
    world = World()
    world.instance.seed([{"email": "a@x.example"}] * 600 + [{"email": "b@x.example"}] * 500, activities=False)
    page = run(world.connector.find("lead", ["email"], "email", ["a@x.example", "B@x.example", "c@x.example"]))
    assert len(page.rows) == 1100
    assert page.missing == ()


def test_find_refuses_what_marketo_cannot_search():
    world = World()
    with pytest.raises(ConfigError):
        run(world.connector.find("lead", NAMES, "lastName", ["L1"]))
    with pytest.raises(ConfigError):
        run(world.connector.find("lead", NAMES, "email", ["a,b@x.example"]))


def test_a_hidden_field_is_dropped_from_the_read_and_named():
    world = World()
    world.seed(2, title="Dr")
    run(world.connector.describe("lead"))
    world.control("POST", "fields", {"name": "title", "hidden": True})  # after the describe: the read itself is refused
    page = run(world.connector.read_by_ids("lead", ["email", "title", "lastName"], ["1", "2"]))
    assert (page.hidden, page.fields) == (frozenset({"title"}), ("email", "lastName"))
    assert (page.rows["email"].to_list(), "title" in page.rows.columns) == (["p1@x.example", "p2@x.example"], False)
    world.control("POST", "fields", {"name": "title", "hidden": False})
    run(world.connector.describe("lead"))
    page = run(world.connector.read_by_ids("lead", ["title"], ["1"]))
    assert (page.hidden, page.rows["title"].to_list()) == (frozenset(), ["Dr"])


def test_a_field_hidden_while_everything_is_read_does_not_spoil_the_extract():
    world = World()
    world.seed(2, title="Dr")

    def hide(request: HttpRequest) -> None:
        if "export/create" in request.url:
            world.control("POST", "fields", {"name": "title", "hidden": True})

    spy(world, hide)
    pages = all_of(world, ["email", "title"])
    assert ids_of(pages) == ["1", "2"]
    assert pages[-1].hidden == frozenset({"title"})


def spy(world: World, before: Callable[[HttpRequest], None]) -> None:
    send = world.transport.send

    async def watched(request: HttpRequest) -> HttpResponse:
        before(request)
        return await send(request)

    world.transport.send = watched  # type: ignore[method-assign]


def test_a_field_left_out_or_null_is_empty_and_a_boolean_false():
    kinds = {"t": FieldType.TEXT, "b": FieldType.BOOLEAN, "d": FieldType.DATE}
    fields = {name: Field(name=name, label="", type=kind) for name, kind in kinds.items()}
    known = LeadFields(ObjectSchema(name="lead", label="", fields=fields), {}, {}, frozenset())
    rows, _ = people_frame([{"id": 1}, {"id": 2, "t": None, "b": None, "d": None}], list(kinds), known, 0)
    assert rows.select("t", "b", "d").rows() == [("", "false", "")] * 2


def test_an_id_that_is_no_number_and_a_blank_value_find_nobody():
    world = World()
    world.seed(1)
    page = run(world.connector.read_by_ids("lead", NAMES, ["1", "00Q5e00000AbCdE"]))
    assert (page.rows["_id"].to_list(), page.missing) == (["1"], ("00Q5e00000AbCdE",))
    assert len(run(world.connector.find("lead", NAMES, "email", [""])).rows) == 0


def test_a_row_that_makes_no_sense_is_kept_aside_and_the_others_are_read():
    schema = ObjectSchema(name="lead", label="", fields={"n": Field(name="n", label="", type=FieldType.INTEGER)})
    known = LeadFields(schema, {}, {}, frozenset())
    people: list[dict[str, Any]] = [{"id": 1, "n": 5, "createdAt": None}, {"id": 2, "n": "five"}, {"n": 3}]
    rows, unreadable = people_frame(people, ["n"], known, 0)
    assert rows.select("_id", "n").rows() == [("1", "5")]
    assert [row.record_id for row in unreadable] == ["2", None]
    assert "five" in unreadable[0].raw


# -- changes ---------------------------------------------------------------------------------------------------------


def test_nothing_new_is_three_calls_and_no_rows():
    world = World()
    world.seed(3)
    cursor = position(world)
    before = len(world.transport.sent)
    pages = pages_of(world, cursor)
    assert (ids_of(pages), pages[-1].has_more) == ([], False)
    assert [request.url.rpartition("/")[2].partition(".")[0] for request in world.transport.sent[before:]] == [
        "pagingtoken",
        "activities",
        "deletedleads",
    ]


def test_a_change_brings_the_person_and_says_who_changed_what_when():
    world = World()
    world.seed(3, doNotCall=True)
    cursor = position(world)
    at_us = micros(world.clock.now())
    world.edit({"id": 2, "lastName": "New", "doNotCall": False, "city": "Rome"})
    world.clock.advance(5)
    pages = pages_of(world, cursor, [*NAMES, "doNotCall"])
    assert ids_of(pages) == ["2"]
    assert pages[0].rows["lastName"].to_list() == ["New"]
    moments = moments_of(pages).sort("field")
    assert moments.rows() == [
        ("2", "doNotCall", at_us, "ann@x.example", None, "true", "false", True),
        ("2", "lastName", at_us, "ann@x.example", None, "L2", "New", True),
    ]


def test_a_source_without_a_user_is_the_actor_and_a_foreign_api_call_is_nobody():
    world = World()
    world.seed(2)
    cursor = position(world)
    world.edit({"id": 1, "lastName": "X"}, user="", source="Marketo Flow Action")
    world.edit({"id": 2, "lastName": "Y"}, user="", source="Web service API")
    moments = moments_of(pages_of(world, cursor)).sort("_id")
    assert moments["actor"].to_list() == ["Marketo Flow Action", None]


def test_our_own_write_is_recognised_by_its_request_id_under_whatever_name():
    world = World(api_user="sync-user")
    world.seed(2)
    cursor = position(world)
    answer = run(world.connector.write([update(1, lastName="Ours")]))
    world.edit({"id": 2, "lastName": "Theirs"})
    moments = moments_of(pages_of(world, cursor)).sort("_id")
    assert moments["origin"].to_list() == [answer.origin, None]
    assert moments["actor"].to_list() == ["sync-user", "ann@x.example"]
    assert run(world.connector.own_actor()) == "sync-user"
    assert run(World().connector.own_actor()) == OURS


def test_the_name_activities_give_us_is_learnt_from_our_own_calls():
    traces = OwnTraces("api@x.example")
    traces.sent("a#1")
    assert traces.actor("Sync Robot", None) == "Sync Robot"
    assert traces.actor("Sync Robot", "a#1") == "api@x.example"
    assert traces.actor("Sync Robot", "other integration") == "api@x.example"
    assert traces.actor("Ann", "b#2") == "Ann"


def test_dates_and_blanks_in_moments_are_canonical():
    world = World()
    world.seed(1)
    cursor = position(world)
    world.edit({"id": 1, "emailSuspendedAt": "2026-01-02T03:04:05Z", "lastName": None})
    moments = moments_of(pages_of(world, cursor, ["emailSuspendedAt", "lastName"])).sort("field")
    assert moments.select("old", "new").rows() == [("", "2026-01-02T03:04:05.000Z"), ("L1", "")]


def test_new_people_are_found_and_cursors_survive_a_restart():
    world = World()
    cursor = position(world)
    world.key_field()
    assert statuses(world, create("k1", lastName="One")) == [Status.WRITTEN]
    world.clock.advance(30)
    world.connector = world.connect()
    pages = pages_of(world, cursor)
    assert (ids_of(pages), pages[0].rows["lastName"].to_list()) == (["1"], ["One"])


def test_many_changes_of_one_second_come_whole_over_several_pages():
    world = World()
    world.seed(700)
    cursor = position(world)
    world.edit(*({"id": i, "lastName": f"N{i}", "city": "Rome"} for i in range(1, 701)))
    pages = pages_of(world, cursor)
    assert sorted(ids_of(pages), key=int) == [str(i) for i in range(1, 701)]
    assert len(moments_of(pages)) == 700


def test_an_interrupted_pass_goes_on_after_the_last_page_taken():
    world = World()
    world.seed(700)
    cursor = position(world)
    world.edit(*({"id": i, "lastName": f"N{i}"} for i in range(1, 701)))
    world.clock.advance(60)

    async def first_page() -> Page:
        pages = world.connector.read_changes("lead", NAMES, cursor)
        page = await anext(pages)
        await pages.aclose()  # type: ignore[attr-defined]
        return page

    first = run(first_page())
    assert first.has_more
    assert first.next_cursor is not None
    world.connector = world.connect()
    rest = pages_of(world, first.next_cursor)
    assert not set(ids_of([first])) & set(ids_of(rest))
    assert len({*ids_of([first]), *ids_of(rest)}) == 700


def test_a_change_committed_late_is_not_stepped_over():
    world = World()
    world.seed(2)
    cursor = position(world)
    world.fault("late_commit", LEADS, delay_seconds=200)
    assert statuses(world, update(1, lastName="Late")) == [Status.WRITTEN]
    world.clock.advance(60)
    world.edit({"id": 2, "lastName": "Soon"})
    world.clock.advance(60)
    pages = pages_of(world, cursor)
    assert ids_of(pages) == ["2"]
    assert pages[-1].next_cursor is not None
    world.clock.advance(120)
    assert "1" in ids_of(pages_of(world, pages[-1].next_cursor))


def test_the_overlap_does_not_bring_settled_changes_again():
    world = World()
    world.seed(2)
    cursor = position(world)
    world.edit({"id": 1, "lastName": "Once"})
    world.clock.advance(60)
    pages = pages_of(world, cursor)
    assert ids_of(pages) == ["1"]
    world.clock.advance(60)
    again = pages_of(world, str(pages[-1].next_cursor))
    assert ids_of(again) == []
    assert decode(str(again[-1].next_cursor)).seen


def test_a_read_that_showed_the_state_before_is_repeated():
    world = World()
    world.seed(1)
    cursor = position(world)
    world.fault("replica_lag", "GET /rest/v1/leads.json", delay_seconds=5)
    world.edit({"id": 1, "lastName": "Fresh"})
    world.clock.advance(1)
    pages = pages_of(world, cursor)
    assert pages[0].rows["lastName"].to_list() == ["L1"]
    world.clock.advance(30)
    assert pages_of(world, str(pages[-1].next_cursor))[0].rows["lastName"].to_list() == ["Fresh"]


def test_an_empty_page_does_not_end_the_reading():
    world = World()
    world.seed(1)
    cursor = position(world)
    world.edit({"id": 1, "lastName": "Behind"})
    world.fault("empty_page", "activities.json", times=2)
    assert ids_of(pages_of(world, cursor)) == ["1"]


def test_a_token_the_vendor_forgot_is_made_anew_from_the_date():
    world = World()
    world.seed(1)
    cursor = decode(position(world))
    world.edit({"id": 1, "lastName": "Kept"})
    broken = {"since": cursor.since, "started": cursor.since + 1, "first": "X", "token": "forgotten"}
    pages = pages_of(world, json.dumps(broken))
    assert ids_of(pages) == ["1"]


@pytest.mark.parametrize("cursor", ["", "{}", '{"token": 1}'])
def test_a_cursor_that_cannot_be_read_is_a_position_lost(cursor: str):
    with pytest.raises(PositionLost):
        pages_of(World(), cursor)


def test_after_two_weeks_the_position_is_lost_because_deletions_are_pruned():
    world = World()
    cursor = position(world)
    halfway = json.dumps({"since": decode(cursor).since, "started": decode(cursor).since + 60, "token": "X"})
    world.clock.advance(14 * 86_400)
    for stale in (cursor, halfway):
        with pytest.raises(PositionLost):
            pages_of(world, stale)


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("describe.json", [{"id": 1}]),
        ("describe2.json", [{"fields": [{}]}]),
        ("types.json", [{"id": 1}]),
        ("deletedleads.json", [{"leadId": 1}]),
    ],
)
def test_an_answer_that_lacks_a_documented_member_is_not_understood(path: str, result: object):
    world = World()
    cursor = position(world)
    world.connector = world.connect()
    send = world.transport.send

    async def spoilt(request: HttpRequest) -> HttpResponse:
        answer = await send(request)
        if path not in request.url:
            return answer
        body = {**json.loads(answer.body), "result": result}
        return HttpResponse(status=200, headers=answer.headers, body=json.dumps(body).encode())

    world.transport.send = spoilt  # type: ignore[method-assign]
    reading = pages_of if "describe" not in path else lambda world, _: run(world.connector.describe("lead"))
    with pytest.raises(NotUnderstood):
        reading(world, cursor)


# -- deletions -------------------------------------------------------------------------------------------------------


def test_a_deletion_is_missing_at_first_and_deleted_once_merges_were_read_past_it():
    world = World()
    world.seed(2)
    cursor = position(world)
    world.remove(1)
    world.clock.advance(10)
    pages = pages_of(world, cursor)
    assert (missing_of(pages), deleted_of(pages)) == (["1"], [])
    assert all(page.how is How.READ_BACK for page in pages if page.missing)
    world.clock.advance(301)
    pages = pages_of(world, str(pages[-1].next_cursor))
    assert (missing_of(pages), deleted_of(pages)) == ([], ["1"])
    (row,) = pages[-1].rows.to_dicts()
    assert (row["lastName"], row["email"]) == (None, None)
    world.clock.advance(1)
    assert ids_of(pages_of(world, str(pages[-1].next_cursor))) == []


@pytest.mark.parametrize("told", [[3, 4], "[3, 4]", "3,4", '["3","4"]'])
def test_the_losers_of_a_merge_are_read_from_every_form(told: object):
    assert merged_ids({"attributes": [{"name": "Merge IDs", "value": told}]}) == ["3", "4"]


def test_a_person_deleted_after_its_last_change_is_doubted_and_then_deleted():
    world = World()
    world.seed(1)
    cursor = position(world)
    world.edit({"id": 1, "lastName": "Last words"})
    world.remove(1)
    world.clock.advance(400)
    pages = pages_of(world, cursor)
    assert deleted_of(pages) == ["1"]


# -- writing ---------------------------------------------------------------------------------------------------------


def test_updates_go_by_id_and_blank_clears():
    world = World()
    world.seed(2, title="Dr", doNotCall=True, numberOfEmployees=4)
    writes = [
        update(2, title="", lastName="B", doNotCall="false", numberOfEmployees="12", annualRevenue="10.5"),
        update(1, email="new@x.example"),
    ]
    assert statuses(world, *writes) == [Status.WRITTEN] * 2
    fields = ["title", "lastName", "doNotCall", "numberOfEmployees", "annualRevenue", "email"]
    first, second = world.stored(1, 2, fields=fields)
    assert first["email"] == "new@x.example"
    assert second == {
        "id": 2,
        "title": None,
        "lastName": "B",
        "doNotCall": 0,
        "numberOfEmployees": 12,
        "annualRevenue": 10.5,
        "email": "p2@x.example",
    }


def test_creates_go_by_our_key_and_never_touch_a_person_who_has_it():
    world = World()
    world.key_field()
    (first,) = run(world.connector.write([create("k1", lastName="One")])).outcomes
    assert (first.status, first.was_created, first.record_id) == (Status.WRITTEN, True, "1")
    again, other = run(world.connector.write([create("k1", lastName="Two"), create("k2", lastName="Two")])).outcomes
    assert (again.status, again.code, again.was_created) == (Status.REJECTED, "1005", False)
    assert other.record_id == "2"
    assert world.stored(1, fields=["lastName"]) == [{"id": 1, "lastName": "One"}]
    found = run(world.connector.find("lead", ["lastName"], "synclineKey", ["k1"]))
    assert found.rows["_id"].to_list() == ["1"]


def test_a_key_that_several_people_have_is_an_ambiguous_match():
    world = World()
    world.key_field()
    world.seed(2, synclineKey="twice")
    (outcome,) = run(world.connector.write([create("twice")])).outcomes
    assert (outcome.status, outcome.code, outcome.is_permanent) == (Status.REJECTED, "1007", True)


def test_one_bad_row_spoils_no_other_and_names_its_field():
    world = World()
    world.seed(3)
    writes = [update(1, numberOfEmployees="many"), update(2, lastName="Fine"), update(9, lastName="Nobody")]
    bad, good, gone = run(world.connector.write(writes)).outcomes
    assert (bad.code, bad.fields, bad.is_permanent) == ("1003", ("numberOfEmployees",), True)
    assert good.status is Status.WRITTEN
    assert (gone.code, gone.is_gone) == ("1004", True)


def test_a_company_field_of_a_linked_person_is_refused_by_name():
    world = World()
    world.seed(1)
    world.instance.store.connection.execute("INSERT INTO companies (externalCompanyId) VALUES ('c1')")
    world.edit({"id": 1, "externalCompanyId": "c1"})
    (outcome,) = run(world.connector.write([update(1, company="Acme", lastName="B")])).outcomes
    assert (outcome.code, outcome.fields) == ("1021", ("company",))


def test_what_cannot_be_sent_is_refused_without_a_call():
    world = World()
    delete = Write(operation=Operation.DELETE, object_type="lead", cells={})
    keyless = Write(operation=Operation.CREATE, object_type="lead", cells={"lastName": "X"})
    codes = [outcome.code for outcome in run(world.connector.write([delete, keyless])).outcomes]
    assert codes == ["no_id", "no_key"]
    assert not [request for request in world.sent(LEADS[:-1]) if request.method == "POST"]


def test_a_lost_answer_leaves_its_rows_unknown_and_nothing_is_sent_twice():
    world = World()
    world.seed(700)
    world.fault("lost_reply", f"POST /rest/v1/{LEADS}", after=1)
    outcomes = run(world.connector.write([update(i, lastName="W") for i in range(1, 701)])).outcomes
    kinds = [outcome.status for outcome in outcomes]
    assert kinds == [Status.WRITTEN] * 300 + [Status.UNKNOWN] * 300 + [Status.WRITTEN] * 100
    assert len(world.sent("/rest/v1/leads.json")) == 3
    assert world.stored(400, fields=["lastName"])[0]["lastName"] == "W"  # it had been made all the same


def spoiling(world: World, code: str, name: str) -> list[int]:
    """The instance refuses every call as a whole in which the name stands; sizes of what it was sent."""
    answer = world.transport.send
    sizes: list[int] = []

    async def send(request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or not request.url.endswith("/rest/v1/leads.json"):
            return await answer(request)
        sizes.append(len(json.loads(request.body)["input"]))
        if name.encode() not in request.body:
            return await answer(request)
        told = {"requestId": "a#1", "success": False, "errors": [{"code": code, "message": "no"}]}
        return HttpResponse(status=200, body=json.dumps(told).encode())

    world.transport.send = send  # type: ignore[method-assign]
    return sizes


@pytest.mark.parametrize("count", [300, 1])
def test_one_row_that_spoils_its_whole_call_is_found_and_the_others_are_written(count: int):
    world = World()
    world.seed(300)
    sizes = spoiling(world, "1001", "Poison")
    spoilt = count // 2
    writes = [update(i + 1, lastName="Poison" if i == spoilt else "W") for i in range(count)]
    outcomes = run(world.connector.write(writes)).outcomes
    assert [at for at, outcome in enumerate(outcomes) if outcome.status is not Status.WRITTEN] == [spoilt]
    assert (outcomes[spoilt].code, outcomes[spoilt].is_permanent) == ("1001", True)
    assert len(sizes) <= 20


@pytest.mark.parametrize("code", ["1018", "9999"])
def test_a_refusal_that_meets_every_row_is_not_theirs(code: str):
    world = World()
    world.seed(300)
    sizes = spoiling(world, code, "Poison")
    with pytest.raises(NotUnderstood):
        run(world.connector.write([update(i, lastName="Poison") for i in range(1, 301)]))
    assert len(sizes) <= 14


def test_when_the_line_is_down_the_rest_is_not_sent():
    world = World()
    world.seed(900)
    world.fault("lost_reply", f"POST /rest/v1/{LEADS}", times=None)
    outcomes = run(world.connector.write([update(i, lastName="W") for i in range(1, 901)])).outcomes
    assert [outcome.status for outcome in outcomes] == [Status.UNKNOWN] * 600 + [Status.REJECTED] * 300
    assert {(o.code, o.is_permanent) for o in outcomes[600:]} == {("not_sent", False)}


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        ("error_code", {"code": 604, "message": "Request timed out"}),
        ("error_code", {"code": 713, "message": "Transient error", "processed": True}),
        ("server_error", {"status": 502}),
        ("timeout", {"processed": True}),
    ],
)
def test_a_write_the_vendor_may_have_made_is_unknown(fault: str, parameters: dict[str, Any]):
    world = World()
    world.seed(1)
    world.fault(fault, f"POST /rest/v1/{LEADS}", **parameters)
    assert statuses(world, update(1, lastName="W")) == [Status.UNKNOWN]


@pytest.mark.parametrize(("fault", "kind"), [("rate_limit", RateLimited), ("quota", QuotaExhausted)])
def test_a_refusal_before_anything_was_sent_is_raised_and_later_ones_leave_rows_unsent(
    fault: str, kind: type[SynclineError]
):
    world = World()
    world.seed(400)
    world.fault(fault, f"POST /rest/v1/{LEADS}")
    writes = [update(i, lastName="W") for i in range(1, 401)]
    with pytest.raises(kind):
        run(world.connector.write(writes))
    world.clock.advance(301)  # a day that is over is asked about again after five minutes
    world.fault(fault, f"POST /rest/v1/{LEADS}", after=1)
    outcomes = run(world.connector.write(writes)).outcomes
    assert [outcome.status for outcome in outcomes] == [Status.WRITTEN] * 300 + [Status.REJECTED] * 100
    assert outcomes[-1].code == "not_sent"


def test_long_texts_are_cut_into_calls_below_the_body_limit():
    world = World()
    world.seed(60)
    assert set(statuses(world, *(update(i, mktoPersonNotes="x" * 29_000) for i in range(1, 61)))) == {Status.WRITTEN}
    assert len(world.sent("/rest/v1/leads.json")) == 2


# -- tokens, limits, codes -------------------------------------------------------------------------------------------


def test_an_expired_token_is_renewed_once_for_reads_and_writes():
    world = World()
    world.seed(1)
    run(world.connector.describe("lead"))
    world.clock.advance(10)
    world.fault("expired_token", "POST /rest/v1/leads.json")
    assert statuses(world, update(1, lastName="W")) == [Status.WRITTEN]
    world.fault("expired_token", "GET /rest/v1/leads.json")
    assert len(run(world.connector.read_by_ids("lead", NAMES, ["1"])).rows) == 1
    assert len(world.sent("/identity/")) == 3


@pytest.mark.parametrize(("fault", "seconds"), [("rate_limit", 20.0), ("concurrency", 2.0)])
def test_a_read_waits_out_a_limit(fault: str, seconds: float):
    world = World()
    world.seed(1)
    run(world.connector.describe("lead"))
    world.fault(fault, "GET /rest/v1/leads.json")
    before = world.clock.now()
    assert len(run(world.connector.read_by_ids("lead", NAMES, ["1"])).rows) == 1
    assert (world.clock.now() - before).total_seconds() >= seconds


def test_the_used_up_day_ends_at_midnight_in_us_central_time():
    world = World()
    run(world.connector.describe("lead"))
    world.fault("quota", "GET /rest/v1/leads.json")
    with pytest.raises(QuotaExhausted) as spent:
        run(world.connector.read_by_ids("lead", NAMES, ["1"]))
    assert spent.value.resets_at == datetime(2026, 11, 23, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2026, 7, 1, 4, 59, tzinfo=UTC), datetime(2026, 7, 1, 5, tzinfo=UTC)),
        (datetime(2026, 7, 1, 5, 0, tzinfo=UTC), datetime(2026, 7, 2, 5, tzinfo=UTC)),
        (datetime(2026, 3, 8, 7, 0, tzinfo=UTC), datetime(2026, 3, 9, 5, tzinfo=UTC)),  # clocks go forward
        (datetime(2026, 11, 1, 6, 0, tzinfo=UTC), datetime(2026, 11, 2, 6, tzinfo=UTC)),  # and back
    ],
)
def test_central_midnight_follows_summer_time(now: datetime, midnight: datetime):
    assert next_central_midnight(now) == midnight


CODES = [
    ("601", TokenRefused, TokenRefused),
    ("602", TokenRefused, TokenRefused),
    ("603", AccessError, AccessError),
    ("604", Unavailable, OutcomeUnknown),
    ("606", RateLimited, RateLimited),
    ("607", QuotaExhausted, QuotaExhausted),
    ("608", Outage, Outage),
    ("609", OurBug, OurBug),
    ("611", Unavailable, OutcomeUnknown),
    ("615", RateLimited, RateLimited),
    ("713", Unavailable, OutcomeUnknown),
    ("1016", Unavailable, Unavailable),
    ("1003", NotUnderstood, NotUnderstood),
    ("9999", NotUnderstood, NotUnderstood),
]


@pytest.mark.parametrize(("code", "reading", "writing"), CODES)
def test_every_code_has_its_class_and_an_unlisted_one_is_not_understood(
    code: str, reading: type[SynclineError], writing: type[SynclineError]
):
    body = json.dumps({"requestId": "a#1", "success": False, "errors": [{"code": code, "message": "text"}]}).encode()
    judged = judge(VirtualClock())
    for method, url, kind in (
        ("GET", "http://x/rest/v1/leads.json", reading),
        ("POST", "http://x/rest/v1/leads.json?_method=GET", reading),
        ("POST", "http://x/rest/v1/leads.json", writing),
    ):
        error = judged(HttpRequest(method=method, url=url), HttpResponse(status=200, body=body))
        assert type(error) is kind or (kind is NotUnderstood and isinstance(error, NotUnderstood))
        assert code in str(error)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Export daily quota 500MB exceeded.", QuotaExhausted),
        ("Too many jobs in queue", Unavailable),
        ("Export job already queued", NotUnderstood),
    ],
)
def test_1029_is_told_apart_by_its_words(message: str, kind: type[SynclineError]):
    body = json.dumps({"success": False, "errors": [{"code": "1029", "message": message}]}).encode()
    error = judge(VirtualClock())(HttpRequest(method="POST", url="http://x/"), HttpResponse(status=200, body=body))
    assert isinstance(error, kind)


# -- bulk ------------------------------------------------------------------------------------------------------------


def test_a_lost_answer_in_the_life_of_an_export_is_no_loss():
    world = World()
    world.seed(2)
    for part in ("create", "enqueue", "status", "file"):
        world.fault("lost_reply", f"export/.*{part}")
    assert ids_of(all_of(world)) == ["1", "2"]


def test_an_export_over_the_days_megabytes_says_so():
    world = World()
    world.seed(2)
    world.instance.settings.export_bytes_per_day = -1
    with pytest.raises(QuotaExhausted):
        all_of(world)


def test_a_flood_of_updates_goes_as_a_file_and_its_failures_find_their_rows():
    world = World(bulk_import_from="50")
    world.seed(60, title="Dr")
    writes = [update(i, lastName=f'N"{i}", é\nx', numberOfEmployees="3") for i in range(1, 58)]
    writes += [update(58, lastName="", numberOfEmployees="1"), update(59, lastName="alone")]
    writes[6] = update(777, lastName="Nobody", numberOfEmployees="3")
    writes[9] = update(10, lastName="Bad", numberOfEmployees="many")
    outcomes = run(world.connector.write(writes)).outcomes
    (imported,) = world.sent("/bulk/v1/leads.json?")
    assert imported.method == "POST"
    (rest,) = [request for request in world.sent("/rest/v1/leads.json") if request.method == "POST"]
    assert [record["id"] for record in json.loads(rest.body)["input"]] == [58, 59]  # a blank, and other fields
    refused = {row: outcome for row, outcome in enumerate(outcomes) if outcome.status is not Status.WRITTEN}
    assert sorted(refused) == [6, 9]
    assert (refused[6].is_gone, refused[9].code, refused[9].fields) == (True, "import_failed", ("numberOfEmployees",))
    assert outcomes[0].record_id == "1"
    assert world.stored(5, 58, fields=["lastName"]) == [
        {"id": 5, "lastName": 'N"5", é\nx'},
        {"id": 58, "lastName": None},
    ]


def test_consent_never_goes_as_a_file_which_could_not_take_an_unsubscription_back():
    world = World(bulk_import_from="2")
    world.seed(2, unsubscribed=True)
    assert statuses(world, *(update(i, unsubscribed="false") for i in (1, 2))) == [Status.WRITTEN] * 2
    assert not world.sent("/bulk/")
    assert [row["unsubscribed"] for row in world.stored(1, 2, fields=["unsubscribed"])] == [0, 0]


def test_an_import_is_waited_for_and_a_lost_answer_to_its_upload_is_unknown():
    world = World(bulk_import_from="5")
    world.seed(5)
    world.instance.settings.import_seconds = 25
    writes = [update(i, lastName="W") for i in range(1, 6)]
    assert statuses(world, *writes) == [Status.WRITTEN] * 5
    assert (world.clock.now() - START).total_seconds() >= 25
    world.fault("lost_reply", "POST /bulk/v1/leads.json")
    assert statuses(world, *writes) == [Status.UNKNOWN] * 5


def test_an_import_that_is_not_taken_goes_as_calls():
    world = World(bulk_import_from="5")
    world.seed(5)
    world.fault("error_code", "POST /bulk/v1/leads.json", code=1016, message="Too many imports")
    assert statuses(world, *(update(i, lastName="W") for i in range(1, 6))) == [Status.WRITTEN] * 5
    assert len(world.sent("/rest/v1/leads.json")) == 1


# -- values the vendor changes --------------------------------------------------------------------------------------


def test_a_value_the_vendor_rewrites_is_read_as_it_is_stored():
    world = World()
    world.seed(1)
    world.control("POST", "fields", {"name": "phone", "normaliser": "digits"})
    assert statuses(world, update(1, phone="(415) 555-1212")) == [Status.WRITTEN]
    page = run(world.connector.read_by_ids("lead", ["phone"], ["1"]))
    assert page.rows["phone"].to_list() == ["4155551212"]
