"""The state on PostgreSQL, and carried to and from there, as somebody types it."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.support.ground import Ground


@pytest.fixture
def on_server(ground: Ground, empty_postgres_url: str) -> Ground:
    """Both sides in agreement, the state on a server."""
    ground.state_url = empty_postgres_url
    assert ground.syncline("status").code == 0, "looking makes no state"
    ground.synced()
    return ground


def _quiet(ground: Ground) -> None:
    """Whatever was carried: what agrees still agrees, and nothing is written."""
    ground.forget_requests()
    again = ground.syncline("run", "--json")
    assert again.code == 0, again
    assert ground.writes_sent() == []


def test_every_command_works_on_a_server_and_no_word_of_it_is_a_password(on_server: Ground) -> None:
    password = str(make_url(on_server.state_url).password)
    email = on_server.emails_of_people()[0]
    for words in (("check",), ("plan",), ("status",), ("explain", email), ("verify",), ("holds",), ("conflicts",)):
        said = on_server.syncline(*words)
        assert said.code in (0, 1), (words, said)
        assert password not in f"{said}"
    _quiet(on_server)
    said = on_server.syncline("erase", email, "--yes", "--json")
    assert said.code == 0
    assert said.json["bytes_are_gone"]
    with psycopg.connect(on_server.state_url) as connection:
        assert connection.execute("SELECT count(*) FROM syncline.journal WHERE fence = 0").fetchone() == (0,)
        assert connection.execute("SELECT name, holder FROM syncline.lease").fetchall() == [("command:0", "")]
        assert connection.execute("SELECT DISTINCT state FROM syncline.run").fetchall() == [("succeeded",)]


def test_a_state_goes_from_a_server_into_a_file_and_out_of_a_backup(on_server: Ground) -> None:
    backup, first = on_server.folder / "state.backup", on_server.state_url
    said = on_server.syncline("backup", str(backup), "--json")
    assert said.code == 0
    assert said.json["compared"]
    assert said.json["tables"]["link"]["rows"] > 0
    assert on_server.syncline("backup", str(backup), "--json").error["code"] == "SYN-720"
    carried = on_server.syncline("migrate", "--to", f"sqlite:///{on_server.folder}/moved.db", "--json")
    assert carried.json["tables"] == said.json["tables"]
    on_server.state_url = "sqlite:///moved.db"
    _quiet(on_server)
    on_server.state_url = "sqlite:///restored.db"
    restored = on_server.syncline("restore", str(backup))
    assert restored.code == 0
    assert "found the same" in restored.out
    _quiet(on_server)
    assert (refused := on_server.syncline("migrate", "--to", first, "--json")).error["code"] == "SYN-720"
    assert str(make_url(first).password) not in f"{refused}"
