"""A plan that looks like an accident is held, stays planned, and goes on exactly as a person approves it."""

from __future__ import annotations

from tests.support.ground import EVERYBODY, Ground

NONE = {"share": 0, "plus": 0}


def _hold(ground: Ground) -> dict[str, str]:
    (hold,) = ground.syncline("holds", "--json").json
    return dict(hold)


def test_creates_above_the_ceiling_wait_for_approval_of_exactly_these(synced: Ground) -> None:
    synced.sync["ceilings"] = {"create": NONE}
    new = [{"FirstName": "New", "LastName": f"Guy{i}", "Company": "Co", "Email": f"n{i}@x.com"} for i in range(3)]
    synced.org("seed", {"Lead": new[:2]})
    for _ in range(2):  # what is held stays planned
        held = synced.syncline("run", "--json")
        assert (held.code, [len(h["actions"]) for h in held.json["held"]]) == (1, [2])
        assert held.json["written"]["creates_on_b"] == 0
    assert "SYN-611" in synced.syncline("run").out
    first = _hold(synced)["digest"]
    assert synced.syncline("approve", "nothing").code == 1
    assert synced.syncline("approve", first, "--json").json == {"approved": 1}
    synced.org("seed", {"Lead": new[2:]})  # another one joins, which nobody has looked at
    some = synced.syncline("run", "--json")
    assert (some.code, some.json["green"], some.json["written"]["creates_on_b"]) == (1, False, 2)
    second = _hold(synced)["digest"]
    assert second != first
    assert synced.syncline("approve", second).code == 0
    done = synced.syncline("run", "--json")
    assert (done.code, done.json["written"]["creates_on_b"]) == (0, 1)
    assert synced.syncline("holds", "--json").json == []
    assert synced.syncline("verify", "--json").json["pairs"] == EVERYBODY - 1 + 3


def test_blank_outs_above_the_ceiling_wait_and_the_rest_goes_on(synced: Ground) -> None:
    synced.sync["ceilings"] = {"blank": NONE}
    synced.instance("people", {"input": [{"email": "p1@x.com", "city": "", "title": "Chair"}], "lookupField": "email"})
    held = synced.syncline("run", "--json")
    assert (held.code, [h["kind"] for h in held.json["held"]]) == (1, ["blank"])
    assert [row["Title"] for row in synced.leads() if row["Email"] == "p1@x.com"] == ["Chair"]
    del synced.sync["ceilings"]  # a higher ceiling lets it through as well
    done = synced.syncline("run", "--json")
    assert (done.code, done.json["written"]["blank_outs"]) == (0, 1)
    assert synced.syncline("holds", "--json").json == []
    synced.assert_recovers()
