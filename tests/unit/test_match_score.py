"""The rule by probability: what it links, holds and leaves, what it gives as evidence, and what it is never told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.errors import ConfigError
from syncline.reconcile.match import MatchResult, match
from syncline.reconcile.match_score import PROBABILITY
from syncline.scoring import weigh
from syncline.scoring.weigh import scorer
from syncline.spec.model import Likeness, MatchRule, Probabilities
from syncline.spec.presets_match import LIKENESS, PRIOR, RECOMMENDED_MATCH_RULES, by_probability
from tests.unit.test_match import NAMES, Record, frame, outcome, person

RULE = by_probability(link_above=0.99, hold_above=0.5, prior=PRIOR, keys=frozenset({*LIKENESS, "street"}))


def matched(a: list[Record], b: list[Record], *rules: MatchRule) -> MatchResult:
    return match(frame("Contact", a), frame("person", b), rules or (RULE,), NAMES, scorer())


def said(result: MatchResult) -> dict[str, Any]:
    """The only evidence there is."""
    texts = [
        *result.links["evidence"],
        *(json.dumps(e) for h in result.holds["evidence"] for e in json.loads(h)["fits"]),
    ]
    assert len(texts) == 1
    evidence: dict[str, Any] = json.loads(texts[0])
    return evidence


ANNA = person("a1", "Anna|Jensen", birth_date="1980-02-03", postal_code="4560")

# What stands on the other side, and what becomes of it: names and birth date are weighed against the postcode.
BESIDE_ANNA: dict[str, tuple[Record, str]] = {
    "everything the same": (person("b1", "Anna|Jensen", birth_date="1980-02-03", postal_code="4560"), "=b1"),
    "both names misspelt": (person("b1", "Ana|Jenssen", birth_date="1980-02-03", postal_code="4560"), "=b1"),
    "no birth date": (person("b1", "Anna|Jensen", postal_code="4560"), "=b1"),
    "no family name, a digit of the date": (person("b1", "Anna|", postal_code="4560", birth_date="1980-02-04"), "held"),
    "names alone": (person("b1", "Anna|Jensen"), "held"),
    "another birth date": (person("b1", "Anna|Jensen", birth_date="1971-12-30", postal_code="4560"), "held"),
    "another first name, all else": (person("b1", "Olaf|Jensen", birth_date="1980-02-03", postal_code="4560"), "held"),
    "somebody in the house": (person("b1", "Olaf|Jensen", birth_date="1977-05-06", postal_code="4560"), "new"),
    "the birth date alone": (person("b1", "Olaf|Olsen", birth_date="1980-02-03", postal_code="1000"), "new"),
}


@pytest.mark.parametrize("case", BESIDE_ANNA)
def test_a_pair_is_linked_held_or_left(case: str) -> None:
    other, becomes = BESIDE_ANNA[case]
    assert outcome(matched([ANNA], [other]))["a1"] == becomes


def test_unique_both_ways_or_held() -> None:
    twins = [ANNA | {"record_id": name} for name in ("b1", "b2")]
    assert outcome(matched([ANNA], twins)) == {"a1": "held", "b1": "held", "b2": "held"}


def test_a_probable_rival_holds_even_the_certain_one() -> None:
    rival = person("b2", "Anna|Jensen")
    assert outcome(matched([ANNA], [ANNA | {"record_id": "b1"}, rival])) == {"a1": "held", "b1": "held", "b2": "held"}


def test_what_is_linked_already_stands_in_the_way() -> None:
    result = matched([ANNA], [ANNA | {"record_id": "b1", "is_linked": True}])
    assert outcome(result) == {"a1": "held"}
    assert result.holds["kind"].to_list() == ["linked"]


@pytest.mark.parametrize("case", ["everything the same", "names alone"])
def test_the_evidence_is_the_weight_of_each_column_and_sums_to_the_probability(case: str) -> None:
    evidence = said(matched([ANNA], [BESIDE_ANNA[case][0]]))
    weights = evidence["match_weights"]
    assert weights["first_name"] == pytest.approx(7.43, abs=0.01)  # log2(0.69 / 0.004)
    assert weights["email"] == weights["phone"] == 0  # unknown on both sides
    odds = 2 ** sum(weights.values()) * PRIOR / (1 - PRIOR)
    assert evidence[PROBABILITY] == pytest.approx(odds / (1 + odds), abs=0.001)
    assert evidence["first_name"] == ["Anna", "Anna"]


def test_the_same_pair_weighs_the_same_in_any_company() -> None:
    other = BESIDE_ANNA["names alone"][0]
    crowd = [person(f"b{n}", f"Anna{n}|Jensen", birth_date="1980-02-03", postal_code=f"45{n}") for n in range(2, 40)]
    by = RULE.probabilities
    assert by is not None
    cells = pl.DataFrame(
        {f"a.{key}": [ANNA[key].lower() or None] * 39 for key in by.columns}
        | {f"b.{key}": [each[key].lower() or None for each in (other, *crowd)] for key in by.columns},
        schema=dict.fromkeys([f"{side}.{key}" for side in "ab" for key in by.columns], pl.String()),
    )
    together, alone = scorer()(cells, by), scorer()(cells.head(1), by)
    assert together.height == 39
    assert together.row(0) == alone.row(0)


def test_the_weakest_rule_leaves_alone_what_others_settled() -> None:
    rules = (*RECOMMENDED_MATCH_RULES, RULE)
    linked = matched([ANNA], [BESIDE_ANNA["everything the same"][0]], *rules)
    assert linked.links["rule"].to_list() == ["name and birth date"]
    held = matched([ANNA], [BESIDE_ANNA["another first name, all else"][0]], *rules)
    assert said(held)["rule"] == "same birth date and postcode, another name"


def test_thresholds_move_a_pair() -> None:
    assert RULE.probabilities is not None
    other = BESIDE_ANNA["names alone"][0]
    for link, hold, becomes in ((0.5, 0.2, "=b1"), (0.99, 0.5, "held"), (0.999, 0.99, "new")):
        moved = replace(RULE, probabilities=replace(RULE.probabilities, link_above=link, hold_above=hold))
        assert outcome(matched([ANNA], [other], moved))["a1"] == becomes


def test_a_key_never_becomes_sql() -> None:
    odd = 'x" = 1; DROP TABLE y; --'
    by = Probabilities(link_above=0.9, hold_above=0.1, prior=0.1, columns={odd: (Likeness(same=0.9, strangers=0.1),)})
    found = scorer()(pl.DataFrame({f"a.{odd}": ["one", "one"], f"b.{odd}": ["one", "two"]}), by)
    assert found.columns == [PROBABILITY, odd]
    assert found[odd].round(2).to_list() == [3.17, -3.17]


def test_without_a_score_the_rule_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="needs a score"):
        match(frame("Contact", [ANNA]), frame("person", [ANNA]), (RULE,), NAMES)


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weigh, "find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        scorer()
    assert caught.value.code == "SYN-125"
    assert "syncline[probabilistic]" in str(caught.value.remedy)


@pytest.mark.parametrize("key", LIKENESS)
def test_the_numbers_are_probabilities_and_closer_speaks_louder(key: str) -> None:
    levels = LIKENESS[key]
    for share in ([level.same for level in levels], [level.strangers for level in levels]):
        assert min(share) > 0
        assert sum(share) < 1
    ratios = [level.same / level.strangers for level in levels]
    assert ratios == sorted(ratios, reverse=True)
