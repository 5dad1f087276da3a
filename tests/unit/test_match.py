"""Matching unlinked records: the table of cases, and what holds in whatever order the rows come."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.reconcile.match import MatchResult, match
from syncline.spec.model import MatchRule
from syncline.spec.presets_match import BY_ID, BY_KEY, NATIVE_MATCH_RULES, RECOMMENDED_MATCH_RULES

KEYS = ("email", "first_name", "last_name", "birth_date", "phone", "street", "postal_code", "sfdc_id")
SCHEMA = dict.fromkeys(("object_type", "record_id", *KEYS, "key_of_self", "key_named"), pl.String()) | {
    "is_linked": pl.Boolean()
}
NAMES = ("first_name", "last_name")

Record = dict[str, Any]


def person(record_id: str, name: str = "", **cells: Any) -> Record:
    """A record from "First|Last"; cells that are not given are empty."""
    first, _, last = name.partition("|")
    blank = dict.fromkeys(KEYS, "")
    return {**blank, "first_name": first, "last_name": last, **cells, "record_id": record_id}


def frame(object_type: str, records: list[Record]) -> pl.DataFrame:
    whole = [{"object_type": object_type, "is_linked": False, **record} for record in records]
    return pl.DataFrame(whole, schema=SCHEMA)


def matched(a: list[Record], b: list[Record], rules: tuple[MatchRule, ...] = RECOMMENDED_MATCH_RULES) -> MatchResult:
    return match(frame("Contact", a), frame("person", b), rules, NAMES)


def outcome(result: MatchResult) -> dict[str, str]:
    """What became of each record: "=its twin", "held" or "new"."""
    said: dict[str, str] = {}
    for row in result.links.iter_rows(named=True):
        said |= {row["a_id"]: "=" + row["b_id"], row["b_id"]: "=" + row["a_id"]}
    said |= dict.fromkeys(result.held["record_id"], "held")
    return said | dict.fromkeys([*result.creates_a["record_id"], *result.creates_b["record_id"]], "new")


ANNA = person("a1", "Anna|Jensen", email="anna@x.com", birth_date="1980-02-03", postal_code="4560", street="3 High St")

ONE_EMAIL = {
    "equal": ("Anna|Jensen", True),
    "case and accents": ("ÁNNA|JENSÉN", True),
    "spaces and hyphens": ("Ann-a|Jen sen", True),
    "swapped": ("Jensen|Anna", True),
    "initial": ("A.|Jensen", True),
    "another initial": ("B.|Jensen", False),
    "initial, swapped": ("Jensen|a", True),
    "given name blank": ("|Jensen", True),
    "both blank": ("|", True),
    "misspelt": ("Anna|Jensne", True),
    "another family name": ("Anna|Petrov", False),
    "another given name": ("Boris|Jensen", False),
    "both swapped and another": ("Jensen|Boris", False),
}


@pytest.mark.parametrize(("name", "fits"), ONE_EMAIL.values(), ids=ONE_EMAIL.keys())
def test_names_are_compatible_in_either_order_when_equal_blank_initial_or_similar(name, fits):
    result = matched([ANNA], [person("b1", name, email="Anna@X.com")])
    assert outcome(result) == ({"a1": "=b1", "b1": "=a1"} if fits else {"a1": "held", "b1": "held"})


TABLE: dict[str, tuple[list[Record], list[Record], dict[str, str]]] = {
    "one candidate": ([ANNA], [person("b1", "Anna|Jensen", email="anna@x.com")], {"a1": "=b1", "b1": "=a1"}),
    "nobody": ([ANNA], [person("b1", "Boris|Petrov")], {"a1": "new", "b1": "new"}),
    "blanks never agree": ([person("a1")], [person("b1")], {"a1": "new", "b1": "new"}),
    "many on b": (
        [ANNA],
        [person("b1", "Anna|Jensen", email="anna@x.com"), person("b2", "A|Jensen", email="anna@x.com")],
        {"a1": "held", "b1": "held", "b2": "held"},
    ),
    "many on a": (
        [ANNA, {**ANNA, "record_id": "a2"}],
        [person("b1", "Anna|Jensen", email="anna@x.com")],
        {"a1": "held", "a2": "held", "b1": "held"},
    ),
    "shared e-mail, one compatible name": (
        [ANNA],
        [person("b1", "Anna|Jensen", email="anna@x.com"), person("b2", "Boris|Petrov", email="anna@x.com")],
        {"a1": "=b1", "b1": "=a1", "b2": "new"},
    ),
    "two couples share an e-mail": (
        [ANNA, person("a2", "Boris|Jensen", email="anna@x.com")],
        [person("b1", "Boris|Jensen", email="anna@x.com"), person("b2", "Anna|Jensen", email="anna@x.com")],
        {"a1": "=b2", "b2": "=a1", "a2": "=b1", "b1": "=a2"},
    ),
    "candidate already linked": (
        [ANNA],
        [person("b1", "Anna|Jensen", email="anna@x.com", is_linked=True)],
        {"a1": "held"},
    ),
    "a linked and a free candidate": (
        [ANNA],
        [person("b1", "Anna|Jensen", email="anna@x.com", is_linked=True), {**ANNA, "record_id": "b2"}],
        {"a1": "held", "b2": "held"},
    ),
    "candidate linked by a stronger rule": (
        [{**ANNA, "key_named": "k1"}, {**ANNA, "record_id": "a2"}],
        [person("b1", "Anna|Jensen", email="anna@x.com", key_of_self="k1")],
        {"a1": "=b1", "b1": "=a1", "a2": "held"},
    ),
    "no weaker rule settles a member of a doubt": (
        [ANNA],
        [
            person("b1", "Anna|Jensen", email="anna@x.com", birth_date="1980-02-03"),
            person("b2", "A|Jensen", email="anna@x.com"),
        ],
        {"a1": "held", "b1": "held", "b2": "held"},
    ),
    "a weaker rule's candidate in a doubt joins it": (
        [ANNA, person("a2", "Anna|Jensen", birth_date="1980-02-03")],
        [
            person("b1", "Anna|Jensen", email="anna@x.com", birth_date="1980-02-03"),
            person("b2", "A|Jensen", email="anna@x.com"),
        ],
        {"a1": "held", "a2": "held", "b1": "held", "b2": "held"},
    ),
    "our key on a names b": (
        [person("a1", "Anna|Jensen", key_named="k1")],
        [person("b1", "Boris|Petrov", key_of_self="k1")],
        {"a1": "=b1", "b1": "=a1"},
    ),
    "our key on b names a": (
        [person("a1", "Anna|Jensen", key_of_self="k1")],
        [person("b1", "Boris|Petrov", key_named="k1")],
        {"a1": "=b1", "b1": "=a1"},
    ),
    "our key twice": (
        [person("a1", key_of_self="k1")],
        [person("b1", key_named="k1"), person("b2", key_named="k1")],
        {"a1": "held", "b1": "held", "b2": "held"},
    ),
    "id": ([person("a1", "Anna|Jensen")], [person("b1", "X|Y", sfdc_id="a1")], {"a1": "=b1", "b1": "=a1"}),
    "birth date": (
        [ANNA],
        [person("b1", "Anna|Jensen", email="other@x.com", birth_date="1980-02-03")],
        {"a1": "=b1", "b1": "=a1"},
    ),
    "birth date and no name": ([ANNA], [person("b1", "|", birth_date="1980-02-03")], {"a1": "new", "b1": "new"}),
    "postcode and street": (
        [ANNA],
        [person("b1", "Anna|Jensen", postal_code="4560", street="3, HIGH ST.")],
        {"a1": "=b1", "b1": "=a1"},
    ),
    "postcode and phone": (
        [person("a1", "Anna|Jensen", postal_code="4560", phone="+61 (0)2 1234 5678")],
        [person("b1", "Anna|Jensen", postal_code="4560", phone="02 1234 5678")],
        {"a1": "=b1", "b1": "=a1"},
    ),
    "postcode alone": ([ANNA], [person("b1", "Anna|Jensen", postal_code="4560")], {"a1": "new", "b1": "new"}),
    "the e-mail of a linked record, another name": (
        [ANNA],
        [person("b1", "Boris|Petrov", email="anna@x.com", is_linked=True)],
        {"a1": "new"},
    ),
    "an e-mail many share, other names": (
        [ANNA],
        [person("b1", "Boris|Petrov", email="anna@x.com"), person("b2", "Cy|Quist", email="anna@x.com")],
        {"a1": "new", "b1": "new", "b2": "new"},
    ),
    "birth date and postcode, another name": (
        [ANNA],
        [person("b1", "Anna|Petrov", birth_date="1980-02-03", postal_code="4560")],
        {"a1": "held", "b1": "held"},
    ),
    "similar street": (
        [ANNA],
        [person("b1", "Anna|Jensen", postal_code="4560", street="3 Hihg Street")],
        {"a1": "=b1", "b1": "=a1"},
    ),
    "unread counts as blank": (
        [ANNA],
        [person("b1", "Anna|Jensen", email=None, birth_date=None, street=None)],
        {"a1": "new", "b1": "new"},
    ),
}


@pytest.mark.parametrize(("a", "b", "expected"), TABLE.values(), ids=TABLE.keys())
def test_table(a, b, expected):
    assert outcome(matched(a, b)) == expected
    assert outcome(matched(a[::-1], b[::-1])) == expected


def test_native_rules_do_not_look_at_email():
    assert outcome(matched([ANNA], [{**ANNA, "record_id": "b1"}], NATIVE_MATCH_RULES)) == {"a1": "new", "b1": "new"}


def test_a_column_that_a_side_does_not_have_is_unread():
    a, b = frame("Contact", [ANNA]), frame("person", [{**ANNA, "record_id": "b1"}])
    lacking = ["birth_date", "street", "phone", "key_of_self", "key_named", "sfdc_id"]
    assert outcome(match(a, b.drop(lacking), RECOMMENDED_MATCH_RULES, NAMES)) == {"a1": "=b1", "b1": "=a1"}
    assert outcome(match(a, b.drop(*lacking, "email"), RECOMMENDED_MATCH_RULES, NAMES)) == {"a1": "new", "b1": "new"}


def test_a_record_given_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        matched([ANNA, ANNA], [])


def test_nothing_to_match():
    assert outcome(matched([], [])) == {}
    assert outcome(matched([ANNA], [])) == {"a1": "new"}


def test_a_contradiction_is_held_not_linked():
    email, *_ = [rule for rule in RECOMMENDED_MATCH_RULES if rule.equal == ("email",)]
    strict = (replace(email, contradictions=("birth_date", "postal_code")),)
    twin = {**ANNA, "record_id": "b1"}
    assert outcome(matched([ANNA], [{**twin, "birth_date": "1951-01-01"}], strict)) == {"a1": "=b1", "b1": "=a1"}
    both = {**twin, "birth_date": "1951-01-01", "postal_code": "9999"}
    assert outcome(matched([ANNA], [both], strict)) == {"a1": "held", "b1": "held"}


def test_a_similar_key_agrees_within_its_similarity():
    rule = MatchRule(name="r", equal=("postal_code", "street"), similar={"street": 0.9})
    near, far = {**ANNA, "record_id": "b1", "street": "3 Hihg St"}, {**ANNA, "record_id": "b1", "street": "12 Elm Rd"}
    assert outcome(matched([ANNA], [near], (rule,))) == {"a1": "=b1", "b1": "=a1"}
    assert outcome(matched([ANNA], [far], (rule,))) == {"a1": "new", "b1": "new"}


def test_a_value_shared_by_very_many_tells_nobody_apart():
    rule = MatchRule(name="r", equal=("birth_date",), compatible_name=True, max_shared=2)
    many = [person(f"b{i}", f"{name}|Jensen", birth_date="1900-01-01") for i, name in enumerate(("Anna", "Bo", "Cy"))]
    a = [person("a1", "Anna|Jensen", birth_date="1900-01-01")]
    assert outcome(matched(a, many[:2], (rule,)))["a1"] == "=b0"
    assert outcome(matched(a, many, (rule,)))["a1"] == "new"


def test_evidence_says_what_was_compared():
    links = matched([ANNA], [person("b1", "A.|Jensen", email="ANNA@x.com")]).links
    assert links["rule"].to_list() == ["unique e-mail and name"]
    assert json.loads(links["evidence"][0]) == {
        "rule": "unique e-mail and name",
        "a": "Contact/a1",
        "b": "person/b1",
        "email": ["anna@x.com", "ANNA@x.com"],
        "first_name": ["Anna", "A."],
        "last_name": ["Jensen", "Jensen"],
    }


def test_a_held_group_names_all_members_and_keeps_its_id():
    a, b = [ANNA], [{**ANNA, "record_id": "b1"}, {**ANNA, "record_id": "b2", "is_linked": True}]
    result = matched(a, b)
    assert result.holds["kind"].to_list() == ["linked"]
    assert json.loads(result.holds["subject"][0]) == [
        {"side": "a", "object_type": "Contact", "record_id": "a1", "is_held": True},
        {"side": "b", "object_type": "person", "record_id": "b1", "is_held": True},
        {"side": "b", "object_type": "person", "record_id": "b2", "is_held": False},
    ]
    assert json.loads(result.holds["evidence"][0])["fits"][0]["rule"] == "unique e-mail and name"
    assert set(result.held["hold_id"]) == set(result.holds["hold_id"])
    elsewhere = [person("a9", "Zoe|Quist"), *a]
    assert matched(elsewhere, b[::-1]).holds["hold_id"].to_list() == result.holds["hold_id"].to_list()


def test_two_doubts_without_a_common_member_are_two_groups():
    other = person("a2", "Boris|Petrov", email="boris@x.com")
    a = [ANNA, {**ANNA, "record_id": "a3"}, other, {**other, "record_id": "a4"}]
    result = matched(a, [{**ANNA, "record_id": "b1"}, {**other, "record_id": "b2"}])
    assert result.holds.height == 2
    assert result.held.height == 6


few = {
    "name": st.sampled_from(["Anna|Jensen", "Jensen|Anna", "A|Jensen", "|Jensen", "Boris|Jensen", "|", "Cy|Quist"]),
    "email": st.sampled_from(["", "x@x.com", "y@x.com"]),
    "birth_date": st.sampled_from(["", "1980-02-03", "1990-01-01"]),
    "street": st.sampled_from(["", "3 High St"]),
    "key_of_self": st.sampled_from(["", "k1", "k2"]),
    "key_named": st.sampled_from(["", "k1", "k2"]),
    "is_linked": st.booleans(),
}
people = st.lists(st.fixed_dictionaries(few), max_size=6)


def numbered(prefix: str, drawn: list[Record]) -> list[Record]:
    return [
        person(f"{prefix}{i}", row["name"], postal_code="4560", **{k: v for k, v in row.items() if k != "name"})
        for i, row in enumerate(drawn)
    ]


@settings(max_examples=40)
@given(drawn_a=people, drawn_b=people, data=st.data())
def test_every_free_record_has_one_outcome_in_any_order_of_rows(drawn_a, drawn_b, data):
    a, b = numbered("a", drawn_a), numbered("b", drawn_b)
    result = matched(a, b)
    shuffled = matched(data.draw(st.permutations(a)), data.draw(st.permutations(b)))
    for name in ("links", "holds", "held", "creates_a", "creates_b"):
        assert getattr(result, name).equals(getattr(shuffled, name)), name

    linked = [*result.links["a_id"], *result.links["b_id"]]
    created = [*result.creates_a["record_id"], *result.creates_b["record_id"]]
    settled = linked + result.held["record_id"].to_list() + created
    assert len(settled) == len(set(settled))
    assert set(settled) == {row["record_id"] for row in (*a, *b) if not row["is_linked"]}
    assert set(result.held["hold_id"]) == set(result.holds["hold_id"])


RULES = tuple(rule for rule in RECOMMENDED_MATCH_RULES if rule not in (BY_KEY, BY_ID))


@settings(max_examples=40)
@given(drawn_a=people, drawn_b=people)
def test_the_sides_may_be_exchanged(drawn_a, drawn_b):
    a, b = numbered("a", drawn_a), numbered("b", drawn_b)
    assert outcome(matched(a, b, RULES)) == outcome(matched(b, a, RULES))


@settings(max_examples=40)
@given(drawn_a=people, drawn_b=people)
def test_linking_what_was_found_changes_nothing_else(drawn_a, drawn_b):
    """A twin found in this run and one found in an earlier run are the same to everybody else."""
    a, b = numbered("a", drawn_a), numbered("b", drawn_b)
    first = outcome(matched(a, b))
    linked = {record for record, said in first.items() if said.startswith("=")}
    later_a, later_b = ([{**r, "is_linked": r["is_linked"] or r["record_id"] in linked} for r in s] for s in (a, b))
    assert outcome(matched(later_a, later_b)) == {r: said for r, said in first.items() if r not in linked}
