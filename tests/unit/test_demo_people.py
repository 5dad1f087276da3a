"""The demo's people: made from FEBRL 4 and a seed, without its identifiers, and matched as well as promised."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from syncline.demo import febrl
from syncline.demo.people import DemoPeople, make_people
from syncline.demo.score import pair_score
from syncline.errors import ConfigError


@pytest.fixture(scope="module")
def demo() -> DemoPeople:
    return make_people(1)


def original(demo: DemoPeople, kind: str, position: int):
    return (demo.leads if kind == "Lead" else demo.contacts)[position]


def test_the_same_seed_makes_the_same_people(demo):
    assert make_people(1) == demo
    assert make_people(2) != demo


def test_how_many_of_each(demo):
    assert len(demo.accounts) == len({account["Name"] for account in demo.accounts}) == 1_000
    assert len(demo.leads) + len(demo.contacts) == len(demo.people) == len(demo.true_pairs) == 5_000
    assert 2_300 < len(demo.leads) < 2_700
    assert len(demo.contact_accounts) == len(demo.contacts)


def test_fewer_people_with_their_own_twins():
    small = make_people(1, 300)
    assert len(small.leads) + len(small.contacts) == len(small.people) == len(small.true_pairs) == 300
    assert len(small.accounts) == 60 > max(small.contact_accounts)
    assert {b for _, _, b in small.true_pairs} == set(range(300))
    names = [(original(small, kind, a)["LastName"], small.people[b]["lastName"]) for kind, a, b in small.true_pairs]
    assert sum(mine == theirs for mine, theirs in names) > 150


def test_every_original_has_an_address_of_its_own(demo):
    emails = [record["Email"] for record in (*demo.leads, *demo.contacts)]
    assert len(set(emails)) == len(emails)
    assert None not in emails


def test_shares_of_missing_wrong_and_foreign_addresses(demo):
    everybody = {record["Email"] for record in (*demo.leads, *demo.contacts)}
    kinds: Counter[str] = Counter()
    for kind, a, b in demo.true_pairs:
        email = demo.people[b]["email"]
        own = original(demo, kind, a)["Email"]
        kinds["none" if email is None else "own" if email == own else "foreign" if email in everybody else "wrong"] += 1
    assert kinds == {"none": 750, "wrong": 250, "foreign": 150, "own": 3_850}


def test_salesforce_gets_the_last_names_and_companies_it_demands(demo):
    assert all(record["LastName"] for record in (*demo.leads, *demo.contacts))
    assert all(record["Company"] for record in demo.leads)


def test_no_identifier_of_the_benchmark_is_in_a_record(demo):
    identifiers = set()
    for name in ("dataset4a.csv", "dataset4b.csv"):
        with (febrl.folder() / name).open(newline="") as file:
            for row in csv.DictReader(file, skipinitialspace=True):
                identifiers |= {row["soc_sec_id"].strip(), row["rec_id"].strip()}
    cells = {cell for record in (*demo.leads, *demo.contacts, *demo.people) for cell in record.values() if cell}
    assert len(identifiers) > 10_000
    assert not identifiers & cells


def test_names_keep_their_misspellings(demo):
    differing = sum(
        (original(demo, kind, a)["FirstName"], original(demo, kind, a)["LastName"])
        != (demo.people[b]["firstName"], demo.people[b]["lastName"])
        for kind, a, b in demo.true_pairs
    )
    assert differing > 2_000


def test_a_missing_package_is_said_with_its_remedy(monkeypatch):
    monkeypatch.setattr(febrl, "_PACKAGE", "no-such-package-of-ours")
    with pytest.raises(ConfigError, match="make demo"):
        febrl.load()


def test_a_score_counts_held_pairs_as_not_found_and_not_as_apart():
    true = {(1, "a"), (2, "b"), (3, "c"), (4, "d")}
    score = pair_score(true, {(1, "a"), (2, "c")}, held_a={3}, held_b=set())
    assert (score.precision, score.recall, score.apart) == (0.5, 0.25, 1)
