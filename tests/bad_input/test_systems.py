"""A system that refuses, hides, is gone or is at its limit: said with a code, nothing lost, the next run goes on."""

from __future__ import annotations

import pytest

from syncline_sandbox.core.certificates import make_certificate
from syncline_sandbox.core.server import serve
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.support.ground import CONTACTS, LEADS, Ground


@pytest.mark.parametrize("side", ["CRM", "MARKETING"])
def test_a_wrong_secret(ground: Ground, monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    ground.synced()
    monkeypatch.setenv(f"{side}_SECRET", "not-the-secret-at-all")
    ground.forget_requests()
    refused = ground.syncline("run", "--json")
    assert (refused.code, refused.error["code"]) == (4, "SYN-201")
    assert "not-the-secret-at-all" not in refused.out
    assert ground.writes_sent() == []
    checked = ground.syncline("check", "--json")
    assert checked.code == refused.code
    assert [p["code"] for p in checked.json["problems"] if p["blocks"]] == ["SYN-201"]
    monkeypatch.setenv(f"{side}_SECRET", "sandbox-secret")
    ground.assert_recovers()


@pytest.mark.parametrize("name", ["crm", "marketing"])
def test_a_host_that_cannot_be_reached(synced: Ground, name: str) -> None:
    url = synced.connections[name]["url"]
    synced.connections[name]["url"] = "http://127.0.0.1:9"
    refused = synced.syncline("run", "--json")
    assert (refused.code, refused.error["code"]) == (5, "SYN-310")
    checked = synced.syncline("check", "--json")
    assert checked.code == refused.code
    assert [p["code"] for p in checked.json["problems"] if p["subject"] == name] == ["SYN-310"]
    synced.connections[name]["url"] = url
    synced.assert_recovers()


def test_a_certificate_nobody_vouches_for(ground: Ground) -> None:
    certificate = make_certificate(ground.folder)
    with serve(SalesforceOrg(clock=ground.served.clock), https=True, certificate=certificate) as url:
        ground.connections["crm"]["url"] = url
        refused = ground.syncline("run", "--json")
        assert (refused.code, refused.error["code"]) == (3, "SYN-147")
        ground.connections["crm"]["ca_file"] = "ca.pem"  # counts from the folder of the file that names it
        checked = ground.syncline("check", "--json")
        assert "crm" in checked.json["connected"]
        ground.connections["crm"]["ca_file"] = "nowhere.pem"
        assert ground.syncline("run", "--json").error["code"] == "SYN-146"


def test_an_address_that_is_none(ground: Ground) -> None:
    ground.connections["crm"]["url"] = "htp:/acme"
    refused = ground.syncline("run", "--json")
    assert (refused.code, refused.error["code"]) == (3, "SYN-145")


def test_an_object_the_user_may_not_see(synced: Ground) -> None:
    synced.org("rights", {"denied_objects": {"Contact": ["read"]}})
    synced.forget_requests()
    refused = synced.syncline("run", "--json")
    assert (refused.code, refused.error["code"]) == (4, "SYN-220")
    assert synced.writes_sent() == []
    codes = {p["code"] for p in synced.syncline("check", "--json").json["problems"] if p["blocks"]}
    assert "SYN-220" in codes
    synced.org("rights", {})
    synced.assert_recovers()


def test_rows_refused_for_a_missing_right_wait_until_it_is_granted(synced: Ground) -> None:
    synced.org("rights", {"denied_objects": {"Lead": ["edit"]}})
    synced.instance("people", {"input": [{"email": "p1@x.com", "title": "Chair"}]})
    run = synced.syncline("run", "--json")
    assert run.code != 0
    assert sorted({row["Title"] for row in synced.leads() if row["Email"] == "p1@x.com"}) == ["VP"]
    synced.org("rights", {})
    synced.syncline("retry")
    synced.assert_recovers()
    assert [row["Title"] for row in synced.leads() if row["Email"] == "p1@x.com"] == ["Chair"]


def test_a_token_that_ends_in_the_middle_of_a_run_is_renewed(ground: Ground) -> None:
    ground.syncline("init", "--create-fields")
    ground.org("faults", {"name": "expired_token", "match": "composite", "times": 1})
    ground.instance("faults", {"name": "expired_token", "match": "^POST .*leads.json", "times": 1})
    run = ground.syncline("run", "--json")
    assert run.code == 0, run.out
    assert [f["hits"] for f in (*ground.org("faults"), *ground.instance("faults"))] == [1, 1]
    ground.assert_recovers()


def test_tokens_that_end_again_and_again(synced: Ground) -> None:
    synced.org("faults", {"name": "expired_token", "match": "/services/data/", "times": None})
    refused = synced.syncline("run", "--json")
    assert (refused.code, refused.error["code"]) == (4, "SYN-210")
    synced.faults_over()
    synced.assert_recovers()


def test_the_day_of_marketo_ends_in_the_middle_of_a_run(ground: Ground) -> None:
    ground.syncline("init", "--create-fields")
    ground.instance("faults", {"name": "quota", "match": "^POST .*/v1/leads.json", "times": None})
    stopped = ground.syncline("run", "--json")
    assert stopped.code == 5
    assert stopped.json["stopped"]["code"] == "SYN-330"
    assert stopped.json["stopped"]["remedy"]
    assert len(ground.emails_of_people()) < LEADS + CONTACTS
    ground.faults_over()
    ground.assert_recovers()


def test_the_day_of_salesforce_ends_in_the_middle_of_a_run(ground: Ground) -> None:
    ground.syncline("init", "--create-fields")
    said = "TotalRequests Limit exceeded."
    fault = {"name": "rate_limit", "match": "^(POST|PATCH) .*composite", "times": None, "parameters": {"message": said}}
    ground.org("faults", fault)
    stopped = ground.syncline("run", "--json")
    assert stopped.code == 5, stopped.out
    assert stopped.json["stopped"]["code"] == "SYN-330"
    ground.faults_over()
    ground.assert_recovers()


def test_the_day_of_salesforce_is_over_before_a_run(synced: Ground) -> None:
    synced.org("quota", {"maximum": 5000, "used": 5000})
    refused = synced.syncline("run", "--json")
    assert (refused.code, refused.error["code"]) == (5, "SYN-330")
    synced.org("quota", {"maximum": 100_000, "used": 0})
    synced.assert_recovers()


def test_a_side_that_was_full_and_shows_nothing_any_more(synced: Ground) -> None:
    """Every lead is hidden from us, and a newly mapped field makes us read them whole."""
    synced.org("rights", {"hidden_rows": {"Lead": "1 = 1"}})
    synced.sync["fields"] = {"jigsaw": {"a": {"Lead": "Department__c"}, "b": "department", "direction": "a_to_b"}}
    synced.org("fields", {"object": "Lead", "name": "Department__c", "type": "string", "length": 40})
    planned = synced.syncline("plan", "--json")
    assert (planned.code, planned.json["empty_sides"]) == (1, ["crm.Lead"])
    synced.forget_requests()
    held = synced.syncline("run", "--json")
    assert (held.code, held.json["empty_sides"]) == (1, ["crm.Lead"])
    assert synced.writes_sent() == []
    assert "SYN-610" in synced.syncline("run").out
    assert [h["kind"] for h in synced.syncline("holds", "--json").json] == ["empty_side"]
    synced.org("rights", {})
    synced.assert_recovers()
    assert synced.syncline("holds", "--json").json == []


def test_an_instance_that_was_full_and_has_nobody_any_more(synced: Ground) -> None:
    """Somebody emptied Marketo; the leads are neither deleted nor blanked, and nobody is made anew unasked."""
    before = sorted((row["Id"], row["Email"], row["Title"], row["Phone"]) for row in synced.leads())
    synced.instance("reset", {})
    synced.sync["fields"] = {"department": {"a": {"Lead": "Rating"}, "b": "department", "direction": "b_to_a"}}
    synced.forget_requests()
    held = synced.syncline("run", "--json")
    assert (held.code, held.json["empty_sides"]) == (1, ["marketing.lead"]), held.out
    assert synced.writes_sent() == []
    assert synced.emails_of_people() == []
    assert sorted((row["Id"], row["Email"], row["Title"], row["Phone"]) for row in synced.leads()) == before
