"""The match rules of the presets, as data. What a rule means: `model.MatchRule`; how it works: `reconcile.match`."""

from __future__ import annotations

from syncline.spec.model import Form, MatchRule

_FORMS = {
    "phone": Form.PHONE,
    "street": Form.COMPACT,
    "postal_code": Form.COMPACT,
    "birth_date": Form.EXACT,
}

BY_KEY = MatchRule(name="our key", by_key=True)
BY_ID = MatchRule(name="id", by_id="sfdc_id")

RECOMMENDED_MATCH_RULES: tuple[MatchRule, ...] = (
    BY_KEY,
    BY_ID,
    MatchRule(name="unique e-mail and name", equal=("email",), compatible_name=True, forms=_FORMS),
    MatchRule(name="name and birth date", equal=("birth_date",), compatible_name=True, name_parts=1, forms=_FORMS),
    MatchRule(
        name="name, postcode and phone or street",
        equal=("postal_code",),
        any_of=(("phone",), ("street",)),
        compatible_name=True,
        name_parts=1,
        forms=_FORMS,
    ),
)

NATIVE_MATCH_RULES: tuple[MatchRule, ...] = (BY_KEY, BY_ID)
