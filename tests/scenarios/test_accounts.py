"""A contact's account as Marketo shows it: whose it is, where there is none, and when the contact moves to another.

Sources: Marketo "SFDC Sync: Account Sync", "SFDC Sync: Lead/Account Owner Sync"; what a private contact is and what a
move does is not documented there and decided here.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import Stage

both_presets = pytest.mark.parametrize("preset", ["recommended", "native"])


def account(stage: Stage, name: str, first_name: str) -> str:
    """An account with an owner of its own."""
    username = f"{first_name.lower()}@sandbox.example"
    user = stage.org.control("users", {"username": username})["id"]
    stage.org.update("User", user, FirstName=first_name, LastName="Ott")
    return stage.org.create("Account", Name=name, OwnerId=user, Industry=f"{name} trade")


def shown(stage: Stage, email: str) -> tuple[Any, ...]:
    (person,) = stage.instance.people(
        email, "company", "industry", "synclineAccountOwnerFirstName", "synclineAccountOwnerLastName"
    )
    return tuple(value or "" for name, value in person.items() if name != "id")


@both_presets
def test_a_contact_shows_its_accounts_owner_and_follows_to_another_account(make_stage: MakeStage, preset: str) -> None:
    stage = make_stage(preset)
    first, second = account(stage, "Colliers", "Sal"), account(stage, "Diggers", "Tom")
    contact = stage.org.create("Contact", FirstName="Cal", LastName="Dunn", AccountId=first, Email="cal@example.com")
    stage.cycle()
    assert shown(stage, "cal@example.com") == ("Colliers", "Colliers trade", "Sal", "Ott")
    stage.org.update("Contact", contact, AccountId=second)
    stage.cycle()
    assert shown(stage, "cal@example.com") == ("Diggers", "Diggers trade", "Tom", "Ott")
    stage.cycle()
    assert len(stage.instance.people("cal@example.com")) == 1
    assert stage.org.read("Contact", contact, "AccountId") == second


@both_presets
def test_a_private_contact_is_a_person_without_account(make_stage: MakeStage, preset: str) -> None:
    stage = make_stage(preset)
    contact = stage.org.create("Contact", FirstName="Pia", LastName="Lone", Email="pia@example.com")
    stage.cycle()
    assert shown(stage, "pia@example.com") == ("", "", "", "")
    stage.org.update("Contact", contact, AccountId=account(stage, "Colliers", "Sal"))
    stage.cycle()
    assert shown(stage, "pia@example.com") == ("Colliers", "Colliers trade", "Sal", "Ott")
    assert stage.verified().is_converged
