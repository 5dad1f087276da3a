"""`probabilistic` in the configuration file: what it makes, and when it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncline.errors import ConfigError
from syncline.scoring import weigh
from syncline.spec.file import parse
from syncline.spec.model import MatchRule
from syncline.spec.resolve import resolve
from syncline.wiring import load_project

HEAD = """\
connections:
  crm: {type: salesforce, url: "https://acme.my.salesforce.com"}
  marketing: {type: marketo, url: "https://123-ABC-456.mktorest.com"}
syncs:
  people: {a: crm, b: marketing"""


def rules(more: str) -> tuple[MatchRule, ...]:
    return resolve(parse(f"{HEAD}{more}}}\n"))["people"].match_rules


@pytest.mark.parametrize("preset", ["recommended", "native"])
def test_no_preset_weighs_by_itself(preset: str) -> None:
    assert not any(rule.probabilities for rule in rules(f", preset: {preset}"))


def test_it_stands_behind_the_last_rule_that_links() -> None:
    made = rules(", probabilistic: {link_above: 0.95, hold_above: 0.3, prior: 0.00002}")
    without = rules("")
    place = next(number for number, rule in enumerate(made) if rule.probabilities)
    assert (*made[:place], *made[place + 1 :]) == without
    assert not any(rule.only_holds for rule in made[:place])
    assert all(rule.only_holds for rule in made[place + 1 :])
    by = made[place].probabilities
    assert by is not None
    assert (by.link_above, by.hold_above, by.prior) == (0.95, 0.3, 0.00002)
    assert {"first_name", "last_name", "birth_date", "email", "phone", "postal_code"} == set(by.columns)


def test_it_weighs_what_is_mapped() -> None:
    made = rules(", fields: {phone: false, birth_date: false}, probabilistic: {}")
    rule = next(rule for rule in made if rule.probabilities)
    assert rule.probabilities is not None
    assert {"first_name", "last_name", "email", "postal_code"} == set(rule.probabilities.columns)
    assert not {"phone", "birth_date"} & {key for way in rule.any_of for key in way}


NAMES_ALONE = "{phone: false, birth_date: false, email: false, postal_code: false}"
REFUSED = {
    "holds above links": (", probabilistic: {hold_above: 0.9, link_above: 0.5}", "SYN-126", "hold_above (0.9)"),
    "native": (", preset: native, probabilistic: {}", "SYN-126", "key and id alone"),
    "no first name": (", fields: {first_name: false}, probabilistic: {}", "SYN-126", "'first_name'"),
    "names alone": (f", fields: {NAMES_ALONE}, probabilistic: {{}}", "SYN-126", "two names alone"),
    "no probability": (", probabilistic: {link_above: 1.5}", "SYN-112", "from 0 to 1"),
    "a prior of nothing": (", probabilistic: {prior: 0}", "SYN-112", "prior"),
    "another word": (", probabilistic: {link_over: 0.5}", "SYN-112", "link_above"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused(case: str) -> None:
    more, code, words = REFUSED[case]
    with pytest.raises(ConfigError) as caught:
        rules(more)
    assert caught.value.code == code
    assert words in f"{caught.value} {caught.value.remedy}"


def test_a_project_without_the_package_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "syncline.yaml"
    path.write_text(HEAD + ", probabilistic: {}}\n", encoding="utf-8")
    assert load_project(path).syncs
    monkeypatch.setattr(weigh, "find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        load_project(path)
    assert caught.value.code == "SYN-125"
    path.write_text(HEAD + "}\n", encoding="utf-8")
    assert load_project(path).syncs  # nobody who does not ask for it needs it
