"""The claim as a person reads it, over both sandboxes."""

from __future__ import annotations

from syncline.cli.screens.agreement import agreement_words
from tests.support.ground import CONTACTS, LEADS, Ground

PAIRS = LEADS + CONTACTS


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_claim_is_made_by_looking_and_told_by_status(synced: Ground) -> None:
    assert "No pair has been looked at anew yet" in synced.syncline("status").out
    assert synced.syncline("run").code == 0  # reads back what the first one wrote
    synced.forget_requests()
    looked = synced.syncline("agreement", "--look")
    assert looked.code == 0, looked.out + looked.err
    assert f"Looked at {PAIRS} pairs" in words(looked.out)
    assert not synced.writes_sent()
    assert f"100.0 % of {PAIRS} pairs agreed when last looked at, the oldest look" in words(looked.out)
    synced.forget_requests()
    status = synced.syncline("status")
    assert f"100.0 % of {PAIRS} pairs agreed when last looked at, the oldest look 5 min ago." in words(status.out)
    told = synced.syncline("agreement", "--json").json
    assert (told["agreeing"], told["pairs"], told["buckets_seen"]) == (PAIRS, PAIRS, told["buckets"])
    assert synced.syncline("status", "--json").json["agreement"]["percent"] == 100
    assert synced.requests() == 0, "both tell what is stored"

    synced.instance("people", {"input": [{"email": "p1@x.com", "title": "Chair"}], "lookupField": "email"})
    synced.served.clock.advance(3_600)
    one = synced.syncline("agreement", "--look", "--json").json["looked"]
    assert (one["pairs"], one["agreeing"], one["explained"] + one["differing"]) == (PAIRS, PAIRS - 1, 1)
    assert synced.syncline("run").code == 0
    assert synced.syncline("run").code == 0
    assert synced.syncline("agreement", "--look").code == 0
    assert "9 calls" not in synced.syncline("agreement", "--look", "--calls", "1").out


def test_the_words_claim_no_more_than_was_seen() -> None:
    told = {
        "pairs": 41_203,
        "agreeing": 41_202,
        "explained": 0,
        "differing": 1,
        "percent": 99.99,
        "oldest_look_seconds_ago": 21_600.0,
        "links": 41_300,
    }
    first, second = agreement_words(told)
    assert "99.99 %" in first
    assert "of 41,203 pairs agreed when last looked at, the oldest look 6 h ago." in first
    assert "1 pair differed" in second
    (first, _) = agreement_words(told | {"oldest_look_seconds_ago": None})
    assert "41,300 there are, and the first round is not over" in first
