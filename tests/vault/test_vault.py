"""Stored secrets: sealed for one place, opened with the key alone, rotated without a moment in which one is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from syncline.errors import ConfigError
from syncline.store import open_store
from syncline.trees import Commit, Store, Table
from syncline.vault.keys import Keys, keys_from, make_key_file, new_key, replace_keys
from syncline.vault.stored import open_secrets, put_secret, remove_secret, rotate, tell_secrets
from tests.support.virtual import VirtualClock

A, B = ("crm", "client_secret"), ("marketing", "client_secret")
WORDS = {A: "the first secret", B: "the öther one\nwith lines"}


def file_keys(path: Path) -> Keys:
    return keys_from({"SYNCLINE_KEY_FILE": str(path)})


@asynccontextmanager
async def filled(keys: Keys, url: str = ":memory:") -> AsyncIterator[Store]:
    store = await open_store(url, VirtualClock())
    try:
        for (connection, setting), secret in WORDS.items():
            await put_secret(store, keys, connection, setting, secret)
        yield store
    finally:
        await store.close()


def lived(history: Any) -> None:
    asyncio.run(history)


def test_what_is_stored_opens_with_its_key_and_stands_nowhere_in_clear(tmp_path: Path) -> None:
    async def history() -> None:
        make_key_file(tmp_path / "key")
        keys = file_keys(tmp_path / "key")
        async with filled(keys, f"sqlite:///{tmp_path}/state.db") as store:
            assert await open_secrets(store, keys, [A, B]) == WORDS
            told = await tell_secrets(store)
            assert [(one.connection, one.setting, one.key_id) for one in told] == [
                (*A, keys.newest.id),
                (*B, keys.newest.id),
            ]
        for path in tmp_path.glob("state*"):
            content = path.read_bytes()
            assert not [word for word in WORDS.values() if word.encode() in content]
            assert keys.newest.material not in content
            assert keys.newest.text.encode() not in content

    lived(history())


def test_the_same_secret_is_never_sealed_alike() -> None:
    async def history() -> None:
        keys = Keys(all=(new_key(),))
        seen = set()
        for _ in range(3):
            async with filled(keys) as store:
                seen |= set((await store.rows(Table.SECRET))["sealed"])
        assert len(seen) == 6

    lived(history())


@pytest.mark.parametrize("change", ["swapped", "renamed", "one bit"])
def test_a_row_that_was_moved_or_changed_does_not_open(change: str) -> None:
    async def history() -> None:
        keys = Keys(all=(new_key(),))
        async with filled(keys) as store:
            rows = await store.rows(Table.SECRET)
            if change == "swapped":
                rows = rows.with_columns(pl.col("sealed").reverse())
            elif change == "renamed":
                await store.commit(Commit(drop={Table.SECRET: rows.select("connection", "setting")}))
                rows = rows.with_columns(pl.lit("password").alias("setting"))
            else:
                turned = [bytes([*text[:-1], text[-1] ^ 1]) for text in rows["sealed"]]
                rows = rows.with_columns(pl.Series("sealed", turned))
            await store.commit(Commit(put={Table.SECRET: rows}))
            for name in rows.select("connection", "setting").iter_rows():
                with pytest.raises(ConfigError) as refused:
                    await open_secrets(store, keys, [name])
                assert refused.value.code == "SYN-187"
                assert not [word for word in WORDS.values() if word in str(refused.value)]

    lived(history())


def test_a_wrong_key_and_a_missing_secret_are_told_in_words() -> None:
    async def history() -> None:
        keys, others = Keys(all=(new_key(),)), Keys(all=(new_key(),))
        async with filled(keys) as store:
            with pytest.raises(ConfigError) as wrong:
                await open_secrets(store, others, [A])
            assert (wrong.value.code, keys.newest.id in wrong.value.message) == ("SYN-187", True)
            with pytest.raises(ConfigError, match="SYN-143"):
                await open_secrets(store, keys, [("crm", "password")])
            await remove_secret(store, *A)
            with pytest.raises(ConfigError, match="SYN-143"):
                await open_secrets(store, keys, [A])
            with pytest.raises(ConfigError, match="SYN-188"):
                await remove_secret(store, *A)
            assert await open_secrets(store, keys, [B]) == {B: WORDS[B]}

    lived(history())


def test_a_key_is_its_owners_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    made = make_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert file_keys(path).newest == made
    assert made.text not in repr(made)
    with pytest.raises(ConfigError, match="SYN-186"):
        make_key_file(path)
    assert file_keys(path).newest == made
    for rights in (0o640, 0o604, 0o660):
        path.chmod(rights)
        with pytest.raises(ConfigError, match="chmod 600"):
            file_keys(path)
    path.chmod(0o400)
    assert file_keys(path).newest == made


@pytest.mark.parametrize("text", ["", "short", "!" * 44, "a" * 43 + "=" + " " + "b"])
def test_what_is_no_key_is_refused_and_not_quoted(text: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError) as refused:
        file_keys(path)
    assert refused.value.code == "SYN-186"
    assert not text or text not in str(refused.value).replace(str(path), "")
    with pytest.raises(ConfigError) as none:
        keys_from({"SYNCLINE_KEY": text})
    assert none.value.code == ("SYN-186" if text else "SYN-185")


def test_a_rotation_leaves_one_new_key_and_every_secret(tmp_path: Path) -> None:
    async def history() -> None:
        old = make_key_file(tmp_path / "key")
        async with filled(file_keys(tmp_path / "key")) as store:
            done = await rotate(store, file_keys(tmp_path / "key"))
            now = file_keys(tmp_path / "key")
            assert (done.count, done.key_id, done.is_key_gone) == (2, now.newest.id, True)
            assert (len(now.all), now.newest == old) == (1, False)
            assert await open_secrets(store, now, [A, B]) == WORDS
            with pytest.raises(ConfigError, match="SYN-187"):
                await open_secrets(store, Keys(all=(old,)), [A])
            assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
            assert list(tmp_path.iterdir()) == [tmp_path / "key"]

    lived(history())


class Died(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", range(6))
def test_a_rotation_broken_off_anywhere_loses_nothing_and_is_finished_by_the_same_command(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every effect of a rotation, before it and after it: two writes of the key file and one commit."""
    path = tmp_path / "key"
    met = 0

    def dies() -> None:
        """Before and after each effect."""
        nonlocal met
        met += 1
        if met - 1 == at:
            raise Died

    def replaced(*given: Any) -> None:
        dies()
        replace_keys(*given)
        dies()

    async def history() -> None:
        make_key_file(path)
        async with filled(file_keys(path)) as store:
            commit = store.commit

            async def committed(change: Commit) -> None:
                dies()
                await commit(change)
                dies()

            with monkeypatch.context() as patch:
                patch.setattr("syncline.vault.stored.replace_keys", replaced)
                patch.setattr(store, "commit", committed)
                with pytest.raises(Died):
                    await rotate(store, file_keys(path))
            assert await open_secrets(store, file_keys(path), [A, B]) == WORDS
            await rotate(store, file_keys(path))
            assert len(file_keys(path).all) == 1
            assert await open_secrets(store, file_keys(path), [A, B]) == WORDS

    lived(history())


def test_keys_from_the_environment_are_rotated_by_a_person() -> None:
    async def history() -> None:
        old, new = new_key(), new_key()
        async with filled(Keys(all=(old,))) as store:
            with pytest.raises(ConfigError, match="SYN-186"):
                await rotate(store, Keys(all=(old,)))
            both = keys_from({"SYNCLINE_KEY": f"{new.text},{old.text}"})
            done = await rotate(store, both)
            assert (done.key_id, done.is_key_gone) == (new.id, False)
            assert await open_secrets(store, keys_from({"SYNCLINE_KEY": new.text}), [A, B]) == WORDS

    lived(history())


def test_a_rotation_that_cannot_open_one_changes_nothing(tmp_path: Path) -> None:
    async def history() -> None:
        make_key_file(tmp_path / "key")
        keys = file_keys(tmp_path / "key")
        async with filled(keys) as store:
            await put_secret(store, Keys(all=(new_key(),)), "crm", "password", "x")
            before = await store.rows(Table.SECRET)
            with pytest.raises(ConfigError, match="SYN-187"):
                await rotate(store, keys)
            assert (await store.rows(Table.SECRET)).equals(before)
            assert file_keys(tmp_path / "key").all == keys.all

    lived(history())
