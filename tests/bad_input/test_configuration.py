"""A configuration that cannot work: refused before anything is sent, with the place and what would fit."""

from __future__ import annotations

import pytest

from tests.support.ground import CONTACTS, LEADS, SECRET, Ground


def test_a_field_nobody_has(synced: Ground) -> None:
    synced.sync["fields"] = {"shoe": {"a": {"Lead": "Ratng"}, "b": "shoeSize", "direction": "a_to_b"}}
    synced.forget_requests()
    refused = synced.syncline("run", "--json")
    assert (refused.code, refused.error["code"]) == (3, "SYN-133")
    assert synced.writes_sent() == []
    assert "Ratng" in refused.error["message"]
    assert "'Rating'" in refused.error["remedy"]
    assert synced.syncline("plan", "--json").error["code"] == "SYN-133"
    found = synced.syncline("check", "--json")
    assert found.code == 1
    assert {p["subject"] for p in found.json["problems"] if p["blocks"]} == {
        "crm.Lead.Ratng",
        "marketing.lead.shoeSize",
    }
    del synced.sync["fields"]
    synced.assert_recovers()


def test_a_filter_on_a_field_nobody_has(synced: Ground) -> None:
    synced.sync["a"] = {"connection": "crm", "filter": {"Lead": "Emial LIKE '%@x.com'"}}
    refused = synced.syncline("run", "--json")
    assert (refused.code, refused.error["code"], refused.error["remedy"]) == (3, "SYN-133", "Did you mean 'Email'?")
    problems = synced.syncline("check", "--json").json["problems"]
    assert ("SYN-133", "Did you mean 'Email'?") in {(p["code"], p["remedy"]) for p in problems}
    synced.sync["a"] = "crm"
    synced.assert_recovers()


def test_a_filter_that_does_not_fit_its_fields(synced: Ground) -> None:
    synced.sync["a"] = {"connection": "crm", "filter": {"Lead": "lower(NumberOfEmployees) = 'x'"}}
    problems = synced.syncline("check", "--json").json["problems"]
    assert "SYN-134" in {p["code"] for p in problems if p["blocks"]}
    synced.forget_requests()
    refused = synced.syncline("run", "--json")
    assert (refused.code, refused.error["code"]) == (3, "SYN-134")
    assert synced.writes_sent() == []
    synced.sync["a"] = "crm"
    synced.assert_recovers()


def test_a_value_a_filter_cannot_convert_stops_and_is_not_shown(synced: Ground) -> None:
    synced.sync["a"] = {"connection": "crm", "filter": {"Lead": "CAST(LastName AS INTEGER) > 0"}}
    refused = synced.syncline("run", "--json")
    assert (refused.code, refused.error["code"]) == (3, "SYN-134")
    assert "Lee" not in refused.out
    synced.sync["a"] = "crm"
    synced.assert_recovers()


def test_a_filter_with_a_sub_query(ground: Ground) -> None:
    ground.sync["a"] = {"connection": "crm", "filter": "Email IN (SELECT Email FROM Lead)"}
    ground.forget_requests()
    for command in ("run", "plan", "check"):
        refused = ground.syncline(command, "--json")
        assert (refused.code, refused.error["code"]) == (3, "SYN-132")
    assert ground.requests() == 0


@pytest.mark.parametrize(
    ("name", "settings", "code"),
    [
        ("crm", {"client_secret": SECRET}, "SYN-142"),
        ("crm", {"client_secret": "env:NOT_SET_ANYWHERE"}, "SYN-143"),
        ("crm", {"client_secret": "env:BLANK"}, "SYN-143"),
        ("crm", {"client_secret": "file:no-such-file"}, "SYN-143"),
        ("crm", {"client_secret": "file:binary"}, "SYN-143"),
        ("crm", {"client_secert": "env:CRM_SECRET"}, "SYN-140"),
        ("crm", {"type": "salesfroce"}, "SYN-144"),
        ("marketing", {"client_id": None}, "SYN-112"),
        ("marketing", {"client_id": [SECRET]}, "SYN-112"),
    ],
)
def test_a_connection_that_cannot_be_made(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, name: str, settings: dict[str, object], code: str
) -> None:
    """The shell of `ground` refuses every answer that holds the secret, also where it stands in the wrong place."""
    monkeypatch.setenv("BLANK", "  \n")
    (ground.folder / "binary").write_bytes(b"\xff\xfe\x00\x80")
    ground.connections[name] |= settings
    for as_json in ([], ["--json"]):
        refused = ground.syncline("run", *as_json)
        assert refused.code == 3
        assert code in refused.out + refused.err
    assert not ground.state.exists()


def test_a_secret_from_a_file_beside_the_configuration(ground: Ground) -> None:
    (ground.folder / "secret.txt").write_text(SECRET + "\n", encoding="utf-8")
    ground.connections["crm"]["client_secret"] = "file:secret.txt"
    ground.synced()
    ground.assert_recovers()


def test_two_syncs_between_the_same_systems(ground: Ground) -> None:
    """Leads by one, contacts by the other, on one state: each runs and verifies alone, and nobody is made twice."""
    ground.syncline("init", "--create-fields")
    ground.syncs = {
        name: {"a": {"connection": "crm", "objects": [object_type]}, "b": "marketing"}
        for name, object_type in (("leads", "Lead"), ("contacts", "Contact"))
    }
    unnamed = ground.syncline("run", "--json")
    assert (unnamed.code, unnamed.error["code"]) == (2, "SYN-151")
    for _ in range(2):
        runs = [ground.syncline("run", "--json", "--sync", name) for name in ground.syncs]
        assert [run.code for run in runs] == [0, 0], runs
    assert [run.json["written"]["fields"] for run in runs] == [0, 0]
    verified = [ground.syncline("verify", "--json", "--sync", name).json for name in ground.syncs]
    assert [(v["converged"], v["pairs"]) for v in verified] == [(True, LEADS), (True, CONTACTS)]
    assert ground.emails_of_people() == sorted(ground.everybody())
