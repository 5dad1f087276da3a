"""The match rules of the presets, as data. What a rule means: `model.MatchRule`; how it works: `reconcile.match`.

The similarities are the declared ones: measured on misspelt twins by benchmarks/bench_match.py. An e-mail address tells
people apart better than a birth date does, so a name beside it may be spelt more freely.
"""

from __future__ import annotations

from syncline.spec.model import Form, MatchRule

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

NATIVE_MATCH_RULES: tuple[MatchRule, ...] = (BY_KEY, BY_ID)
