"""A state on a server: what a file has not. Restarts under load are in test_postgres_restart.py."""

from __future__ import annotations

import asyncio
import contextvars
import json
import random
import string
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import polars as pl
import psycopg
import pytest
from sqlalchemy.engine import make_url

from syncline.errors import StateError
from syncline.store import is_untouched, open_store
from syncline.store.postgres.section import ALONE, LOCKS, SECTION, _stand_in_queue
from syncline.store.postgres.store import PostgresStore
from syncline.store.postgres.writing import Connection
from syncline.trees import AlreadyThere, Commit, Store, Table
from tests.conformance.stores import StillClock, entry, frame, lead, mark, story, touched


async def _two(url: str) -> tuple[PostgresStore, PostgresStore]:
    first, second = await open_store(url, StillClock()), await open_store(url, StillClock())
    assert isinstance(first, PostgresStore)
    assert isinstance(second, PostgresStore)
    return first, second


def _with_two(url: str, tell: Callable[..., Coroutine[Any, Any, Any]]) -> Any:
    async def whole() -> Any:
        stores = await _two(url)
        try:
            return await tell(*stores)
        finally:
            for store in stores:
                await store.close()

    return asyncio.run(whole())


def test_several_processes_may_open_a_state_and_see_each_other_s_commits(postgres_url: str):
    async def tell(first: Store, second: Store) -> None:
        await first.commit(Commit(put={Table.META: frame(Table.META, {"name": "n", "value": "1"})}))
        assert (await second.rows(Table.META))["value"].to_list() == ["1"]
        assert await first.installation_key() == await second.installation_key()
        assert [await first.next_link_ids(5), await second.next_link_ids(1)] == [1, 6]

    _with_two(postgres_url, tell)


def test_every_text_is_ordered_by_its_bytes(postgres_url: str):
    with psycopg.connect(postgres_url) as connection:
        others = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'syncline'"
            " AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
        ).fetchall()
    assert others == []


def test_a_section_keeps_other_processes_out_and_lets_its_own_task_in_again(postgres_url: str):
    async def tell(first: Store, second: Store) -> None:
        seen: list[str] = []

        async def lane(store: Store, name: str) -> None:
            async with store.alone(), store.alone():
                seen.append(name)
                await store.commit(Commit(put={Table.META: frame(Table.META, {"name": name})}))
                await asyncio.sleep(0.05)
                seen.append(name)

        await asyncio.gather(*(lane(store, f"{n}") for n, store in enumerate((first, second, first, second))))
        assert seen[::2] == seen[1::2]
        assert sorted(seen[::2]) == ["0", "1", "2", "3"]

    _with_two(postgres_url, tell)


def test_a_section_given_up_while_waiting_is_free_for_others(postgres_url: str):
    async def tell(first: Store, second: Store) -> None:
        async def enter(store: Store) -> None:
            async with store.alone():
                pass

        async with first.alone():
            waiting = asyncio.create_task(enter(second))
            await asyncio.sleep(0.15)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await asyncio.wait_for(enter(first), 5)
        await asyncio.wait_for(enter(second), 5)

    _with_two(postgres_url, tell)


def test_sections_of_shares_go_on_beside_each_other_and_keep_those_out_who_want_to_be_alone(postgres_url: str):
    async def tell(first: Store, second: Store) -> None:
        seen: list[str] = []

        async def lane(store: Store, name: str) -> None:
            async with store.alone():
                seen.append(name)

        async with first.in_share():
            async with asyncio.timeout(5), second.in_share():
                seen.append("both")
            waiting = asyncio.create_task(lane(second, "alone"))
            await asyncio.sleep(0.3)
            assert seen == ["both"]
        await asyncio.wait_for(waiting, 5)
        assert seen == ["both", "alone"]

    _with_two(postgres_url, tell)


def test_who_wants_a_section_of_a_share_stands_behind_who_waits_to_be_alone(postgres_url: str):
    # Else those at shares, always some of them, would keep out for ever who takes readings in.
    async def tell(first: Store, second: Store) -> None:
        with psycopg.connect(postgres_url, autocommit=True) as waiting:
            async with first.in_share():
                standing = asyncio.create_task(asyncio.to_thread(waiting.execute, ALONE.waited_for, (LOCKS, SECTION)))
                while not _is_waited_for(postgres_url):
                    await asyncio.sleep(0.01)
                later = asyncio.create_task(_in_share(second))
                await asyncio.sleep(0.3)
                assert not later.done()
            await asyncio.wait_for(standing, 5)
            await asyncio.sleep(0.3)
            assert not later.done()
        await asyncio.wait_for(later, 5)

    _with_two(postgres_url, tell)


async def _in_share(store: Store) -> None:
    async with store.in_share():
        pass


def _is_waited_for(url: str) -> bool:
    with psycopg.connect(url) as asking:
        asked = asking.execute(
            "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = %s", (SECTION,)
        )
        return asked.fetchone() is not None


def test_who_is_ahead_in_one_process_goes_before_the_sections_of_another(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("syncline.store.sections.PATIENCE_SECONDS", 60.0)

    async def tell(first: PostgresStore, second: PostgresStore) -> None:
        order: list[str] = []

        async def lane(store: Store, name: str) -> None:
            async with store.alone():
                order.append(name)

        async def ahead() -> None:
            async with first.ahead():
                await lane(first, "ahead")

        async with second.alone():
            behind = [asyncio.create_task(lane(store, "behind")) for store in (first, second, first)]
            await asyncio.sleep(0.15)  # they stand in every queue there is
            urgent = asyncio.create_task(ahead())
            while not await second._section._is_somebody_ahead():
                await asyncio.sleep(0.01)
        await asyncio.gather(urgent, *behind)
        assert order == ["ahead", "behind", "behind", "behind"]

    _with_two(postgres_url, tell)


def test_a_section_granted_in_the_queue_is_left_where_the_look_at_who_is_ahead_is_broken_off(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    async def tell(first: PostgresStore, second: PostgresStore) -> None:
        looks = iter((False, False, None))

        async def look() -> bool:
            if (seen := next(looks, None)) is None:
                raise asyncio.CancelledError
            return seen

        monkeypatch.setattr(first._section, "_is_somebody_ahead", look)
        async with second.alone():
            waiting = asyncio.create_task(_section(first))
            await asyncio.sleep(0.05)
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(10):
            await _section(second)

    _with_two(postgres_url, tell)


def test_who_stands_still_while_he_is_ahead_stops_nobody(postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("syncline.store.sections.PATIENCE_SECONDS", 0.2)

    async def tell(first: Store, second: Store) -> None:
        async with first.ahead():
            for store in (first, second):
                async with asyncio.timeout(10):
                    await asyncio.create_task(_section(store), context=contextvars.Context())

    _with_two(postgres_url, tell)


def test_the_first_of_two_that_are_ahead_leaves_the_other_one_its_idle_limit(postgres_url: str):
    async def tell(first: PostgresStore, second: PostgresStore) -> None:
        async def idle_limit() -> object:
            row = await first._section._reader.run(lambda c: c.execute("SHOW idle_session_timeout").fetchone())
            return None if row is None else row[0]

        async with first.ahead():
            async with first.ahead():
                assert await idle_limit() == "8s"
            assert await idle_limit() == "8s"
            assert await second._section._is_somebody_ahead()
        assert await idle_limit() == "0"
        assert not await second._section._is_somebody_ahead()

    _with_two(postgres_url, tell)


async def _section(store: Store) -> None:
    async with store.alone():
        pass


def test_a_section_whose_connection_is_lost_commits_nothing(postgres_url: str):
    async def tell(first: Store, second: Store) -> None:
        del second
        async with first.alone():
            _end_sessions(postgres_url)
            with pytest.raises(StateError) as refused:
                await first.commit(Commit(put={Table.META: frame(Table.META, {"name": "alone"})}))
        assert refused.value.code == "SYN-709"
        assert await first.count(Table.META) == 0
        await first.commit(Commit(put={Table.META: frame(Table.META, {"name": "after"})}))

    _with_two(postgres_url, tell)


def _end_sessions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'syncline'"
        )


def test_a_lost_connection_is_made_again_where_nothing_hung_on_it(postgres_url: str):
    async def tell(first: Store, second: Store) -> None:
        del second
        for n in range(3):
            await first.commit(Commit(add={Table.META: frame(Table.META, {"name": str(n)})}))
            _end_sessions(postgres_url)
            assert await first.count(Table.META) == n + 1

    _with_two(postgres_url, tell)


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_commit_whose_answer_is_lost_is_stored_once(postgres_url: str, is_stored: bool):
    """The connection goes between the server's commit and its answer, or just before the commit."""

    async def tell(first: PostgresStore, second: Store) -> None:
        del second
        session = first._writer
        counted, calls = session._counted, []

        def cut(connection, work):
            calls.append(work)
            if len(calls) > 1:
                return counted(connection, work)
            real = connection.transaction

            class Cut:
                def __enter__(self):
                    self.inner = real()
                    return self.inner.__enter__()

                def __exit__(self, *_):
                    if is_stored:
                        self.inner.__exit__(None, None, None)
                    connection.close()
                    raise psycopg.OperationalError("the connection is lost")

            connection.transaction = Cut
            return counted(connection, work)

        session._counted = cut  # type: ignore[method-assign]
        await first.commit(Commit(add={Table.HISTORY: frame(Table.HISTORY, {"record_id": "00Q1"})}))
        assert len(calls) == (1 if is_stored else 2)
        assert await first.count(Table.HISTORY) == 1
        await first.commit(Commit(add={Table.HISTORY: frame(Table.HISTORY, {"record_id": "00Q2"})}))
        assert await first.count(Table.HISTORY) == 2

    _with_two(postgres_url, tell)


def test_one_of_two_processes_gets_the_in_flight_slot(postgres_url: str):
    async def tell(first: Store, second: Store) -> None:
        def prepared(batch: str) -> Commit:
            rows = (entry(batch, n, record_id=f"00Q{n:03}", state="prepared") for n in range(200))
            return Commit(add={Table.ENTRY: frame(Table.ENTRY, *rows)})

        for n in range(3):
            stores = ((first, f"a{n}"), (second, f"b{n}"))
            ended = await asyncio.gather(
                *(store.commit(prepared(batch)) for store, batch in stores), return_exceptions=True
            )
            assert [type(each) for each in ended if each] == [AlreadyThere]
            rows = await first.rows(Table.ENTRY, {"state": "prepared"})
            assert rows["batch_id"].n_unique() == 1
            assert len(rows) == 200
            settled = rows.select("batch_id", "position").with_columns(state=pl.lit("settled"))
            await first.commit(Commit(amend={Table.ENTRY: [settled]}))

    _with_two(postgres_url, tell)


def test_two_that_commit_the_same_rows_in_opposite_orders_both_come_through(postgres_url: str):
    async def tell(first: Store, second: Store) -> None:
        rows = [lead(f"00Q{n:04}", actor=str(n)) for n in range(500)]
        marks = [mark(n) for n in range(1, 300)]

        async def lane(store: Store, turn: int) -> None:
            for _ in range(4):
                puts = {Table.MIRROR: frame(Table.MIRROR, *rows[::turn])}
                more = {Table.META: frame(Table.META, {"name": "m", "value": str(turn)})}
                put = {**puts, **more} if turn > 0 else {**more, **puts}
                await store.commit(Commit(put=put, touch=[touched(*marks[::turn])]))

        await asyncio.gather(lane(first, 1), lane(second, -1))
        assert await first.count(Table.MIRROR) == 500
        assert (await first.rows(Table.DIRTY))["seq"].n_unique() == 299

    _with_two(postgres_url, tell)


def test_a_mark_is_numbered_after_its_row_is_locked(postgres_url: str):
    """A number given before would be older than one that was read meanwhile, and be cleaned with it: a change lost."""

    async def chapter(store: Store) -> None:
        await store.commit(Commit(touch=[touched(mark(1))]))
        with psycopg.connect(postgres_url, options="-csearch_path=syncline") as other:
            other.execute("SELECT 1 FROM dirty FOR UPDATE")
            touching = asyncio.create_task(store.commit(Commit(touch=[touched(mark(1))])))
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            with psycopg.connect(postgres_url, autocommit=True) as watching:
                while watching.execute(waiting).fetchone() == (0,):
                    await asyncio.sleep(0.01)
            seen = other.execute("UPDATE dirty SET seq = nextval('mark_sequence') RETURNING seq").fetchone()
        await touching
        assert seen is not None
        assert (await store.rows(Table.DIRTY))["seq"][0] > seen[0]

    story(postgres_url, chapter)


def test_texts_longer_than_an_index_row_are_stored_and_found(postgres_url: str):
    chance = random.Random(7)
    text = "".join(chance.choices(string.printable, k=20_000))

    async def chapter(store: Store) -> None:
        key = {"sync": "people", "side": "a", "object_type": "Lead", "record_id": "00Q1", "way": 1, "value": text}
        moment = {"connection": "m", "object_type": "lead", "record_id": "1", "field": "f", "at_us": 1, "new": text}
        rows = {Table.MATCH_KEY: frame(Table.MATCH_KEY, key), Table.MOMENT: frame(Table.MOMENT, moment)}
        await store.commit(Commit(put=rows))
        await store.commit(Commit(put=rows))
        wanted = pl.DataFrame({"sync": ["people"], "way": [1], "value": [text]})
        assert (await store.by_keys(Table.MATCH_KEY, wanted))["record_id"].to_list() == ["00Q1"]
        assert await store.count(Table.MOMENT) == 1

    story(postgres_url, chapter)


def _wrong(url: str, **parts: object) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]


def test_what_cannot_be_reached_is_told_without_the_password(empty_postgres_url: str):
    password = str(make_url(empty_postgres_url).password)
    urls = [
        _wrong(empty_postgres_url, password="not-the-one"),
        _wrong(empty_postgres_url, database="nowhere"),
        _wrong(empty_postgres_url, port=1),
        empty_postgres_url + "?no_such_option=1",
        empty_postgres_url.replace(f":{password}@", ":%zz-not-the-one@"),
    ]
    for url in urls:
        for read_only in (False, True):
            with pytest.raises(StateError) as refused:
                story(url, lambda store: store.count(Table.META), read_only=read_only)
            assert refused.value.code == "SYN-705"
            told = f"{refused.value} {refused.value.evidence} {refused.value.__cause__!r}"
            assert "not-the-one" not in told
            assert password not in told


def test_a_state_of_a_newer_release_or_of_somebody_else_is_left_alone(postgres_url: str, empty_postgres_url: str):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("UPDATE syncline.alembic_version SET version_num = '9999'")
    with psycopg.connect(empty_postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA syncline CREATE TABLE notes (words text)")
    for url, code in ((postgres_url, "SYN-704"), (empty_postgres_url, "SYN-707")):
        for read_only in (False, True):
            with pytest.raises(StateError) as refused:
                story(url, lambda store: store.count(Table.META), read_only=read_only)
            assert refused.value.code == code


def test_a_reader_makes_no_state_and_writes_none(postgres_url: str, empty_postgres_url: str):
    assert asyncio.run(is_untouched(empty_postgres_url))
    assert not asyncio.run(is_untouched(postgres_url))
    with pytest.raises(StateError, match="no state in it yet"):
        story(empty_postgres_url, lambda store: store.count(Table.META), read_only=True)

    async def chapter(store: Store) -> None:
        with pytest.raises(StateError) as refused:
            await store.commit(Commit(put={Table.META: frame(Table.META, {"name": "n"})}))
        assert refused.value.code == "SYN-706"
        names = [f"{n:04}" for n in range(2_000)]
        assert (await store.by_keys(Table.META, pl.DataFrame({"name": names}))).is_empty()

    story(postgres_url, chapter, read_only=True)


def test_scrubbing_tells_of_a_reader_that_still_sees_what_was_deleted(postgres_url: str):
    async def chapter(store: Store) -> None:
        await store.commit(Commit(put={Table.MIRROR: frame(Table.MIRROR, lead("00Q1"))}))
        with psycopg.connect(postgres_url) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT 1 FROM pg_class").fetchone()
            await store.commit(Commit(wipe={Table.MIRROR: [pl.DataFrame({"record_id": ["00Q1"]})]}))
            assert not await store.scrub()
        assert await store.scrub()

    story(postgres_url, chapter)


def test_a_wake_reaches_another_process(postgres_url: str):
    async def tell(first: Store, second: Store) -> None:
        waits = [asyncio.create_task(second.wait(topic, 30)) for topic in ("live", "live", "bulk")]
        await asyncio.sleep(0.3)
        await asyncio.sleep(0)
        await first.notify("live")
        assert await asyncio.wait_for(asyncio.gather(*waits[:2]), 5) == [True, True]
        waits[2].cancel()
        await asyncio.gather(waits[2], return_exceptions=True)

    class Clock(StillClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds)

    async def whole() -> None:
        first, second = await open_store(postgres_url, Clock()), await open_store(postgres_url, Clock())
        await second.wait("begun", 0.01)
        for topic in ("live", "bulk"):
            await second.wait(topic, 0.01)
        await tell(first, second)
        await first.close()
        await second.close()

    asyncio.run(whole())


def test_the_order_of_appending_outlives_a_copy(postgres_url: str):
    async def chapter(store: Store) -> None:
        lines = [{"record_id": json.dumps(n), "at_us": 1} for n in range(5)]
        for line in lines:
            await store.commit(Commit(add={Table.HISTORY: frame(Table.HISTORY, line)}))
        copied = await store.copy()
        await copied.commit(Commit(add={Table.HISTORY: frame(Table.HISTORY, {"record_id": "last"})}))
        assert (await copied.rows(Table.HISTORY))["record_id"].to_list() == ["0", "1", "2", "3", "4", "last"]
        assert await store.count(Table.HISTORY) == 5
        await copied.close()

    story(postgres_url, chapter)


@pytest.mark.parametrize(
    ("state", "code"),
    [("53100", "SYN-703"), ("53400", "SYN-703"), ("55P03", "SYN-701"), ("XX001", "SYN-702"), ("40P01", "SYN-701")],
)
def test_what_the_server_refuses_is_told_and_nothing_of_the_commit_is_stored(postgres_url: str, state: str, code: str):
    """The server itself answers so: a trigger raises the condition where a full disk or a deadlock would."""
    with psycopg.connect(postgres_url, autocommit=True, options="-csearch_path=syncline") as connection:
        body = f"$$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$"
        connection.execute(f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS {body}".encode())
        connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON meta EXECUTE FUNCTION refuse()")

    async def chapter(store: Store) -> None:
        rows = {Table.CURSOR: frame(Table.CURSOR, {"connection": "org", "object_type": "Lead"})}
        with pytest.raises(StateError) as refused:
            await store.commit(Commit(put={**rows, Table.META: frame(Table.META, {"name": "n"})}))
        assert refused.value.code == code
        assert await store.count(Table.CURSOR) == 0
        await store.commit(Commit(put=rows))  # the store goes on

    story(postgres_url, chapter)


def test_who_computes_for_long_in_its_section_is_heard_of(postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    """Also while its loop does not turn, and no longer than it holds the section. Who is not heard of for eight seconds
    has lost it: a frozen process is replaced within ten."""
    monkeypatch.setattr("syncline.store.postgres.awake.EVERY_SECONDS", 0.02)
    heard = "SELECT query_start FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT 1'"
    settings = "SELECT current_setting('idle_session_timeout'), current_setting('idle_in_transaction_session_timeout')"

    def is_silent(onlooker: Connection) -> bool:
        before = onlooker.execute(heard).fetchall()
        time.sleep(0.2)
        return onlooker.execute(heard).fetchall() == before

    async def tell(first: Store, _: Store) -> None:
        assert isinstance(first, PostgresStore)
        with psycopg.connect(postgres_url, autocommit=True) as onlooker:
            async with first.alone():
                told = await first._writer.run(lambda connection: connection.execute(settings).fetchone())
                assert told == ("8s", "8s")
                seen: set[object] = set()
                until = time.monotonic() + 60
                while len(seen) < 3 and time.monotonic() < until:  # without letting the loop turn
                    seen |= set(onlooker.execute(heard).fetchall())
                assert len(seen) >= 3
            assert any(is_silent(onlooker) for _ in range(300)), "it is still heard of after its section"
        assert (await first._writer.run(lambda connection: connection.execute(settings).fetchone())) == ("0", "8s")

    _with_two(postgres_url, tell)
    assert not [thread for thread in threading.enumerate() if _speaks_for_long(thread)]


def _speaks_for_long(thread: threading.Thread) -> bool:
    """Whether the thread of a store that was closed still goes on, although it was given time to end."""
    if thread.name == "syncline-section":
        thread.join(30)
    return thread.name == "syncline-section" and thread.is_alive()


def test_a_process_frozen_in_its_section_does_not_keep_others_out(postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("syncline.store.postgres.section._SECTION_IDLE", "300ms")
    monkeypatch.setattr("syncline.store.postgres.awake.EVERY_SECONDS", 60.0)  # a frozen process has no thread that runs

    async def tell(first: Store, second: Store) -> None:
        async with first.alone():  # and then nothing is heard of it
            async with asyncio.timeout(10), second.alone():
                await second.commit(Commit(put={Table.META: frame(Table.META, {"name": "second"})}))
            with pytest.raises(StateError) as refused:
                await first.commit(Commit(put={Table.META: frame(Table.META, {"name": "first"})}))
            assert refused.value.code == "SYN-709"
        assert (await second.rows(Table.META))["name"].to_list() == ["second"]

    _with_two(postgres_url, tell)


def test_a_section_granted_in_the_moment_its_time_ran_out_is_ours(postgres_url: str):
    # A server may grant a session's lock and raise the time-out of the same statement: unnoticed, nobody ever gets in.
    class Late:
        def __init__(self, connection: Connection) -> None:
            self._connection = connection
            self.closed = False

        def execute(self, text: str, given: tuple[int, ...] = ()) -> Any:
            done = self._connection.execute(text.encode(), given)
            if "pg_advisory_lock(" in text:
                raise psycopg.errors.LockNotAvailable
            return done

    with (
        psycopg.connect(postgres_url, autocommit=True) as ours,
        psycopg.connect(postgres_url, autocommit=True) as other,
    ):
        late: Any = Late(ours)
        assert _stand_in_queue(late, ALONE)
        assert not _stand_in_queue(other, ALONE)
        assert _leave_section(ours)
        assert _stand_in_queue(other, ALONE)


def _leave_section(connection: Connection) -> bool:
    freed = connection.execute("SELECT pg_advisory_unlock(%s, %s)", (LOCKS, SECTION)).fetchone()
    return freed is not None and bool(freed[0])
