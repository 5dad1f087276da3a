"""What the sandboxes hold when they start, and the fixtures and context managers for other people's tests."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.testing import ControlFailed, Running, marketo_instance, salesforce_org
from syncline_sandbox.worlds import WorldRefused, fill, read_world
from syncline_sandbox.worlds import demo as numbers

UP = [sys.executable, "-m", "syncline_sandbox.cli", "up", "--json", "--marketo-port", "0", "--only", "marketo"]


def test_the_demo_world_is_the_same_each_time_and_as_large_as_it_says() -> None:
    world = read_world("demo")
    assert world == read_world("demo")
    org, instance = SalesforceOrg(), MarketoInstance()
    fill(org, "salesforce", world)
    fill(instance, "marketo", world)
    count = {
        name: org.storage.db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for name in ("Account", "Contact", "Lead", "Opportunity")
    }
    assert count == {
        "Account": numbers.ACCOUNTS,
        "Contact": numbers.CONTACTS,
        "Lead": numbers.LEADS,
        "Opportunity": numbers.OPPORTUNITIES,
    }
    emails = {row[0] for name in ("Contact", "Lead") for row in org.storage.db.execute(f"SELECT Email FROM {name}")}
    theirs = {row["email"] for row in instance.store.leads_where(["email"], "1 = 1", ())}
    assert len(theirs) == numbers.IN_BOTH + numbers.ONLY_MARKETO
    assert len(theirs & emails) == numbers.IN_BOTH


def test_a_world_from_a_file_runs_its_calls_in_order(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    world = {
        "clock": {"now": "2026-03-01T09:00:00Z"},
        "salesforce": [
            {"fields": {"object": "Lead", "name": "Key__c", "type": "string", "length": 9}},
            {"seed": {"Lead": [{"LastName": "Smith", "Company": "Acme", "Key__c": "k1"}]}},
        ],
    }
    file.write_text(json.dumps(world))
    with salesforce_org(file) as org:
        assert org.control("GET", "clock") == {"now": "2026-03-01T09:00:00+00:00"}
        counters = org.control("GET", "counters")
    assert counters["rows"]["Lead"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[]", "JSON object is expected"),
        ('{"hubspot": []}', "hubspot"),
        ('{"salesforce": {"seed": {}}}', "list of steps"),
    ],
)
def test_what_is_no_world_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "world.json"
    file.write_text(text)
    with pytest.raises(WorldRefused, match=said) as refused:
        read_world(file)
    assert "world.json" in str(refused.value)


def test_a_step_that_is_refused_names_itself() -> None:
    world = {"marketo": [{"lists": {"name": "VIPs"}}, {"seed": {"people": [{"nope": 1}]}}]}
    with pytest.raises(WorldRefused, match="marketo: step 2 of the world, 'seed'"), marketo_instance(world):
        pass


def test_steps_are_counted_in_their_list_and_the_clock_is_none_of_them() -> None:
    world = {"clock": {"now": "2026-03-01T09:00:00Z"}, "marketo": [{"seed": {"people": [{"nope": 1}]}}]}
    with pytest.raises(WorldRefused, match="step 1 of the world, 'seed'"), marketo_instance(world):
        pass
    with (
        pytest.raises(WorldRefused, match=r"^the clock of the world: "),
        salesforce_org({"clock": {"now": 1}}),
    ):
        pass


def test_a_record_that_is_left_out_refuses_the_world() -> None:
    people = [{"email": "a@example.com"}, {"email": "nonsense"}]
    said = "step 1 of the world, 'people': record 2: .*Invalid value for field 'email'"
    with pytest.raises(WorldRefused, match=said), marketo_instance({"marketo": [{"people": {"input": people}}]}):
        pass


def test_up_refuses_a_world_that_is_not_there(tmp_path: Path) -> None:
    ended = subprocess.run([*UP, "--seed", str(tmp_path / "no.json")], capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert "No such file" in ended.stderr
    assert "demo, empty or a JSON file" in ended.stderr


def test_up_tells_a_refused_step_and_leaves_no_half_filled_database(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    file.write_text('{"marketo": [{"seed": {"people": [{"nope": 1}]}}]}')
    command = [*UP, "--seed", str(file), "--data-dir", str(tmp_path / "kept")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert "nope" in ended.stderr
    assert not list((tmp_path / "kept").glob("marketo.sqlite*"))


def test_what_a_running_sandbox_can_be_told() -> None:
    with marketo_instance() as instance:
        at = datetime(2026, 3, 1, tzinfo=UTC)
        instance.freeze(at)
        assert instance.advance(90) == at + timedelta(seconds=90)
        instance.freeze("2026-03-02T00:00:00Z")
        assert instance.advance(0) == at + timedelta(days=1)
        instance.fault("http_status", parameters={"status": 429})
        with pytest.raises(ControlFailed, match="lost_replies"):
            instance.fault("lost_replies")
        assert instance.requests() == []
        instance.reset()
        assert instance.control("GET", "faults") == []


@pytest.mark.sandbox_seed({"marketo": [{"seed": {"people": [{"email": "a@example.com"}]}}]})
def test_the_fixtures_take_their_world_from_a_mark(marketo_sandbox: Running, salesforce_sandbox: Running) -> None:
    assert marketo_sandbox.control("GET", "counters")["people"] == 1
    assert salesforce_sandbox.credentials["client_id"] == "sandbox-client"


def test_a_mark_finds_its_file_beside_the_test_and_says_what_it_takes(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "world.json").write_text('{"marketo": [{"seed": {"people": [{"email": "a@example.com"}]}}]}')
    (tmp_path / "tests" / "test_marked.py").write_text(_MARKED)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run([*command, "tests"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "1 passed, 1 error" in ended.stdout
    assert "sandbox_seed takes one world: demo, empty, a JSON file or a mapping" in ended.stdout


_MARKED = """
import pytest

@pytest.mark.sandbox_seed("world.json")
def test_file(marketo_sandbox):
    assert marketo_sandbox.control("GET", "counters")["people"] == 1

@pytest.mark.sandbox_seed()
def test_nothing(marketo_sandbox):
    pass
"""


def test_a_fixture_without_a_mark_is_empty(marketo_sandbox: Running) -> None:
    assert marketo_sandbox.control("GET", "counters")["people"] == 0
