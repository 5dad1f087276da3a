"""The match rules of the presets, as data. What a rule means: `model.MatchRule`; how it works: `reconcile.match`.

The similarities are the declared ones: measured on misspelt twins by benchmarks/bench_match.py. An e-mail address tells
people apart better than a birth date does, so a name beside it may be spelt more freely.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncline.spec.model import Form, Likeness, MatchRule, Probabilities

_FORMS = {
    "birth_date": Form.EXACT,
    "phone": Form.PHONE,
    "postal_code": Form.COMPACT,
    "street": Form.COMPACT,
}

BY_KEY = MatchRule(name="our key", by_key=True)
BY_ID = MatchRule(name="id", by_id="sfdc_id")

RECOMMENDED_MATCH_RULES: tuple[MatchRule, ...] = (
    BY_KEY,
    BY_ID,
    MatchRule(name="unique e-mail and name", equal=("email",), compatible_name=True, min_similarity=0.7, forms=_FORMS),
    MatchRule(
        name="name and birth date",
        equal=("birth_date",),
        compatible_name=True,
        min_similarity=0.85,
        name_parts=1,
        forms=_FORMS,
    ),
    MatchRule(
        name="name, postcode and phone or street",
        equal=("postal_code",),
        any_of=(("phone",), ("street",)),
        compatible_name=True,
        min_similarity=0.75,
        name_parts=1,
        forms=_FORMS,
    ),
    # After the exact one, for it looks at nobody in a postcode of more than `max_shared` people.
    MatchRule(
        name="name, postcode and similar street",
        equal=("postal_code", "street"),
        similar={"street": 0.85},
        compatible_name=True,
        min_similarity=0.75,
        name_parts=1,
        forms=_FORMS,
    ),
    # Too much in common to create a second person, too little to link: a changed name, or another member of the family.
    MatchRule(name="same e-mail, another name", equal=("email",), only_holds=True, forms=_FORMS),
    MatchRule(
        name="same birth date and postcode, another name",
        equal=("birth_date", "postal_code"),
        only_holds=True,
        forms=_FORMS,
    ),
)

# How often cells are alike among the same person and among strangers: measured by benchmarks/measure_likeness.py and
# rounded, strangers upwards. `phone` is set by judgement: no open set of misspelt persons has any. One column for the
# place only: street and town say the same again (Splink documentation, "Linking the febrl4 datasets").
LIKENESS: Mapping[str, tuple[Likeness, ...]] = {
    "first_name": (
        Likeness(same=0.69, strangers=0.004),
        Likeness(same=0.13, strangers=0.002, similarity=0.9),
        Likeness(same=0.02, strangers=0.005, similarity=0.8),
    ),
    "last_name": (
        Likeness(same=0.68, strangers=0.004),
        Likeness(same=0.18, strangers=0.002, similarity=0.9),
        Likeness(same=0.01, strangers=0.003, similarity=0.8),
    ),
    "birth_date": (
        Likeness(same=0.94, strangers=0.0003),
        Likeness(same=0.01, strangers=0.0011, edits=1),
    ),
    "email": (
        Likeness(same=0.9, strangers=0.0002),
        Likeness(same=0.03, strangers=0.0001, similarity=0.9),
    ),
    "phone": (
        Likeness(same=0.7, strangers=0.001),
        Likeness(same=0.05, strangers=0.001, edits=1),
    ),
    "postal_code": (
        Likeness(same=0.84, strangers=0.002),
        Likeness(same=0.14, strangers=0.02, edits=1),
    ),
}
PRIOR = 0.0001
"""That any two records are the same person, unless the file says better: one in ten thousand, as Splink assumes."""


def by_probability(*, link_above: float, hold_above: float, prior: float, keys: frozenset[str]) -> MatchRule:
    """The rule for what the ranked ones leave over, of the mapping *keys* that a sync has."""
    ways = (
        ("email",),
        ("phone",),
        ("birth_date",),
        ("street",),
        ("postal_code", "last_name"),
        ("postal_code", "first_name"),
        ("first_name", "last_name"),
    )
    return MatchRule(
        name="probability",
        any_of=tuple(way for way in ways if keys.issuperset(way)),
        forms=_FORMS,
        max_shared=100,
        probabilities=Probabilities(
            link_above=link_above,
            hold_above=hold_above,
            prior=prior,
            columns={key: levels for key, levels in LIKENESS.items() if key in keys},
            vetoes=("first_name",),  # a household has the rest in common
        ),
    )


NATIVE_MATCH_RULES: tuple[MatchRule, ...] = (BY_KEY, BY_ID)
