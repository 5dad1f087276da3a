"""How well and how fast the recommended match rules work.

    python benchmarks/bench_match.py [--large 100000]

Prints, for the demo's people of seeds 1 to 5, precision and recall of the links (held pairs count as not found), then
the time of matching 5,000 by 5,000 of them and a large synthetic set.
"""

from __future__ import annotations

import argparse
import random
import resource
import time

import polars as pl

from syncline.demo.people import DemoPeople, Record, make_people
from syncline.demo.score import PairScore, pair_score
from syncline.reconcile.match import MatchResult, match
from syncline.spec.presets_match import RECOMMENDED_MATCH_RULES
from syncline.values import FieldType, canonical

NAMES = ("first_name", "last_name")
_LEAD = {
    "email": "Email",
    "first_name": "FirstName",
    "last_name": "LastName",
    "birth_date": "Birth_Date__c",
    "phone": "Phone",
    "street": "Street",
    "postal_code": "PostalCode",
    "city": "City",
    "state": "State",
}
_CONTACT = _LEAD | {
    "birth_date": "Birthdate",
    "street": "MailingStreet",
    "postal_code": "MailingPostalCode",
    "city": "MailingCity",
    "state": "MailingState",
}
_PERSON = {
    "email": "email",
    "first_name": "firstName",
    "last_name": "lastName",
    "birth_date": "dateOfBirth",
    "phone": "phone",
    "street": "address",
    "postal_code": "postalCode",
    "city": "city",
    "state": "state",
}


def frame(object_type: str, records: list[Record], mapping: dict[str, str]) -> pl.DataFrame:
    """Records as `match` takes them; a record's id is its position."""
    columns = {key: [canonical(FieldType.TEXT, record[name]) for record in records] for key, name in mapping.items()}
    ids = [f"{position:08d}" for position in range(len(records))]
    return pl.DataFrame(columns).with_columns(
        pl.lit(object_type).alias("object_type"), pl.Series("record_id", ids), is_linked=pl.lit(value=False)
    )


def sides(demo: DemoPeople) -> tuple[pl.DataFrame, pl.DataFrame]:
    a = pl.concat([frame("Lead", demo.leads, _LEAD), frame("Contact", demo.contacts, _CONTACT)])
    return a, frame("person", demo.people, _PERSON)


def score(demo: DemoPeople, result: MatchResult) -> PairScore:
    true = {((kind, f"{a:08d}"), f"{b:08d}") for kind, a, b in demo.true_pairs}
    linked = {((kind, a), b) for kind, a, b in result.links.select("a_type", "a_id", "b_id").iter_rows()}
    on_a, on_b = (result.held.filter(pl.col("side") == side) for side in ("a", "b"))
    held_a = set(on_a.select("object_type", "record_id").iter_rows())
    return pair_score(true, linked, held_a, set(on_b["record_id"]))


def row(seed: int, found: PairScore, held: int, seconds: float) -> str:
    wrong = found.linked - found.right
    return (
        f"{seed:4d} {found.precision:9.4f} {found.recall:7.4f} {found.linked:7d} {wrong:6d} {held:13d} "
        f"{found.apart:6d} {found.apart_share:12.4f} {seconds:8.2f}"
    )


def synthetic(count: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """*count* persons on each side, drawn from a few thousand names; a fifth of b has lost its e-mail."""
    dice = random.Random(seed)
    names = ["".join(dice.choices("abcdefghiklmnoprstuvwy", k=dice.randint(4, 9))) for _ in range(4_000)]
    rows = [
        {
            "record_id": f"{i:08d}",
            "first_name": dice.choice(names[:800]),
            "last_name": dice.choice(names),
            "email": f"p{i}@x.example",
            "birth_date": f"{dice.randint(1930, 2005)}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}",
            "postal_code": f"{dice.randint(1000, 9999)}",
            "street": f"{dice.randint(1, 300)} {dice.choice(names)} street",
        }
        for i in range(count)
    ]
    a = pl.DataFrame(rows).with_columns(object_type=pl.lit("Contact"), is_linked=pl.lit(value=False))
    lost = pl.int_range(pl.len()) % 5 == 0
    b = a.with_columns(object_type=pl.lit("person"), email=pl.when(lost).then(pl.lit("")).otherwise("email"))
    return a, b


def timed(a: pl.DataFrame, b: pl.DataFrame) -> tuple[MatchResult, float]:
    start = time.perf_counter()
    result = match(a, b, RECOMMENDED_MATCH_RULES, NAMES)
    return result, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=100_000, help="records on each side of the synthetic set")
    large: int = parser.parse_args().large
    print("seed precision  recall  linked  wrong  held records  apart  apart share  seconds")
    for seed in range(1, 6):
        demo = make_people(seed)
        result, seconds = timed(*sides(demo))
        print(row(seed, score(demo, result), result.held.height, seconds))
    result, seconds = timed(*synthetic(large, 1))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{large} x {large}: {seconds:.1f} s, {result.links.height} links, {result.held.height} held, {peak_mb:.0f} MB"
    )


if __name__ == "__main__":
    main()
