"""The stored secrets: set, told by name, removed, sealed anew, and opened for whoever connects.

Lives here: rows of Table.SECRET, through the Store's contract alone. Not here: keys (`keys`), ciphers (`box`).

A rotation is three steps, each whole or not at all: the new key is put in front in the key file, every row is sealed
with it in one commit, the old keys leave the file. Broken off anywhere, every secret can still be read, and the same
command finishes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from syncline.errors import ConfigError
from syncline.trees import TABLES, Commit, Store, Table
from syncline.vault.box import NotOpened, seal, unseal
from syncline.vault.keys import Key, Keys, new_key, replace_keys


@dataclass(frozen=True, kw_only=True)
class Told:
    """What may be told of a secret. `at_us`: when it was set."""

    connection: str
    setting: str
    key_id: str
    at_us: int


async def put_secret(store: Store, keys: Keys, connection: str, setting: str, secret: str) -> None:
    """Seal *secret* with the newest key in place of what was there."""
    now_us = await store.clock_us()
    await store.commit(Commit(put={Table.SECRET: _rows([(connection, setting, secret, now_us)], keys.newest)}))


async def tell_secrets(store: Store) -> list[Told]:
    """Names, key and instant of every stored secret, in the order of their names; no key is needed."""
    rows = await store.rows(Table.SECRET)
    return [Told(**row) for row in rows.select("connection", "setting", "key_id", "at_us").iter_rows(named=True)]


async def remove_secret(store: Store, connection: str, setting: str) -> None:
    """Forget one secret, its sealed bytes too. SYN-188: there is none of that name."""
    name = {"connection": connection, "setting": setting}
    if not await store.count(Table.SECRET, name):
        raise ConfigError(f"No secret is stored for {setting!r} of connection {connection!r}.", code="SYN-188")
    await store.commit(Commit(drop={Table.SECRET: pl.DataFrame([name])}))
    await store.scrub()


async def open_secrets(store: Store, keys: Keys, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The secrets of these (connection, setting).

    Raises ConfigError: SYN-143 one is not stored, SYN-187 one does not open with these keys.
    """
    rows = {(row["connection"], row["setting"]): row for row in (await store.rows(Table.SECRET)).iter_rows(named=True)}
    out = {}
    for name in wanted:
        if name not in rows:
            raise ConfigError(
                f"Connection {name[0]!r}: {name[1]!r} is said to be stored, and it is not.",
                code="SYN-143",
                remedy=f"Run `syncline secrets set {name[0]} {name[1]}`.",
            )
        out[name] = _opened(keys, **rows[name])
    return out


@dataclass(frozen=True, kw_only=True)
class Rotated:
    """How many secrets the new key holds now. `is_key_gone`: the old keys left the key file; false where the keys come
    from the environment, which a person edits. `is_scrubbed`: no bytes sealed with an old key are left in the state."""

    count: int
    key_id: str
    is_key_gone: bool
    is_scrubbed: bool


async def rotate(store: Store, keys: Keys) -> Rotated:
    """Seal every secret with a new key; old ones open them until that is done.

    A key file with several keys is a rotation that was broken off: it is finished with the first of them. From the
    environment the first of several keys is the new one; SYN-186 if there is one key only. SYN-187: some secret opens
    with none of the keys, and nothing was changed.
    """
    rows = await store.rows(Table.SECRET)
    opened = [
        (row["connection"], row["setting"], _opened(keys, **row), row["at_us"]) for row in rows.iter_rows(named=True)
    ]
    keys = _with_new_key(keys)
    if opened:
        await store.commit(Commit(put={Table.SECRET: _rows(opened, keys.newest)}))
    if any(one.key_id != keys.newest.id for one in await tell_secrets(store)):
        raise ConfigError("A secret was set meanwhile with an old key.", code="SYN-186", remedy="Repeat the command.")
    is_scrubbed = await store.scrub()
    if keys.path is not None:
        replace_keys(keys.path, keys.all[:1])
    return Rotated(count=len(opened), key_id=keys.newest.id, is_key_gone=keys.path is not None, is_scrubbed=is_scrubbed)


def _with_new_key(keys: Keys) -> Keys:
    """*keys* with the one to seal with in front, in their file too."""
    if len(keys.all) > 1:
        return keys
    if keys.path is None:
        raise ConfigError(
            "The key comes from the environment, and there is no second one to rotate to.",
            code="SYN-186",
            remedy="Put a new key in front of the present one in SYNCLINE_KEY, with a comma between, and repeat this.",
        )
    together = Keys(all=(new_key(), *keys.all), path=keys.path)
    replace_keys(keys.path, together.all)
    return together


def _rows(secrets: Iterable[tuple[str, str, str, int]], key: Key) -> pl.DataFrame:
    """SECRET rows of (connection, setting, secret, at_us)."""
    rows = [(c, s, seal(key, c, s, secret), key.id, at_us) for c, s, secret, at_us in secrets]
    return pl.DataFrame(rows, schema=dict(TABLES[Table.SECRET][0]), orient="row")


def _opened(keys: Keys, *, connection: str, setting: str, sealed: bytes, key_id: str, at_us: int) -> str:
    who = f"The stored secret {setting!r} of connection {connection!r}"
    key = keys.of(key_id)
    if key is None:
        given = ", ".join(one.id for one in keys.all)
        raise ConfigError(f"{who} was sealed with the key {key_id}; given was {given}.", code="SYN-187")
    try:
        return unseal(key, connection, setting, sealed)
    except NotOpened:
        raise ConfigError(
            f"{who} does not open: its row was changed, or moved from another connection or setting.",
            code="SYN-187",
            remedy=f"Run `syncline secrets set {connection} {setting}`.",
        ) from None
