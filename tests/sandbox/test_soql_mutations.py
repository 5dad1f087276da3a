"""Statements with words exchanged at random: always the vendor's answer, never an exception of ours.

Two users ask each: one whose rights hide what is not there, so that every table of the statement carries predicates
with bound values, and one without. Their answers must agree to the letter.
"""

from __future__ import annotations

import random
import re

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client

STATEMENTS = (
    "SELECT Id, Name FROM Account WHERE Name LIKE 'a%' ORDER BY Name LIMIT 5",
    "SELECT Account.Name, COUNT(Id) c FROM Contact GROUP BY ROLLUP(Account.Name) HAVING COUNT(Id) > 0 "
    "ORDER BY COUNT(Id)",
    "SELECT Name, (SELECT LastName, Owner.Name FROM Contacts WHERE LastName != null AND Account.Name = 'Acme' "
    "ORDER BY LastName LIMIT 3) FROM Account WHERE Owner.Name != 'x' ORDER BY Owner.Name, Id",
    "SELECT TYPEOF What WHEN Account THEN Name, Owner.Name ELSE Name END, Subject FROM Task "
    "WHERE What.Type = 'Account'",
    "SELECT Id FROM Lead WHERE Colors__c INCLUDES ('red;blue') AND CreatedDate = LAST_N_DAYS:5 "
    "AND ConvertedAccountId IN (SELECT Id FROM Account WHERE Owner.Name = 'x')",
    "SELECT FORMAT(MAX(CreatedDate)), CALENDAR_YEAR(CreatedDate) FROM Lead GROUP BY CALENDAR_YEAR(CreatedDate)",
    "SELECT MIN(Rating), GROUPING(Company) FROM Lead WHERE Owner.Name != 'x' GROUP BY CUBE(Company, City) "
    "HAVING COUNT(Id) > 0 ORDER BY MIN(Rating), GROUPING(Company)",
    "SELECT Owner.Name, LastName, (SELECT Subject, What.Name FROM Tasks WHERE What.Name = 'Acme' "
    "AND Owner.Name != 'q') FROM Contact WHERE Account.Name = 'Acme' "
    "AND AccountId IN (SELECT Id FROM Account WHERE Name = 'Acme') ORDER BY LastName",
)
EXCHANGED = [
    words.split()
    for words in (
        "Id Name LastName FirstName AccountId Account.Name Owner.Name What.Type What.Name Colors__c Amount CreatedDate "
        "CloseDate IsDeleted AnnualRevenue Rating BillingAddress Description Subject Company City WhoId WhatId "
        "ConvertedAccountId Owner.Profile.Name Account.Owner.Name",
        "= != < > >= <= <> LIKE IN INCLUDES EXCLUDES",
        "'x' 'a%' '%' '' 'red;blue' 'é_' '001000000000001AAA' 5 -3 1.5 1e400 2026-01-01 2026-01-01T00:00:00Z TODAY "
        "LAST_N_DAYS:5 N_YEARS_AGO:3 null true false 0 2001",
        "COUNT SUM AVG MIN MAX COUNT_DISTINCT CALENDAR_YEAR DAY_ONLY HOUR_IN_DAY convertTimezone toLabel "
        "FORMAT GROUPING",
        "Account Contact Lead Task Opportunity Event Campaign User Group Contacts Tasks Owner What Who",
        "( ) , SELECT FROM WHERE AND OR NOT GROUP BY ORDER LIMIT",
    )
]
_WORD = re.compile(r"'[^']*'|[\w.:]+|[<>!]=|\S")


def _mutated(dice: random.Random) -> str:
    words = _WORD.findall(dice.choice(STATEMENTS))
    for _ in range(dice.randint(0, 3)):
        place = dice.randrange(len(words))
        words[place] = next((dice.choice(group) for group in EXCHANGED if words[place] in group), words[place])
    return " ".join(words)


@pytest.fixture(scope="module")
def users() -> tuple[Client, Client]:
    """One with rights that hide nothing there is, one with every right."""
    client = fresh_client()
    client.org.add_field("Lead", {"name": "Colors__c", "type": "multipicklist", "values": ["red", "blue"]})
    account = client.create("Account", Name="Acme")
    for number in range(5):
        contact = client.create("Contact", LastName=f"a{number}", AccountId=account)
    client.create("Lead", LastName="Lind", Company="Acme", Colors__c="red;blue")
    client.create("Task", Subject="call", WhatId=account, WhoId=contact)
    who = {"username": "integration@sandbox.example"}
    client.control("POST", "hide", {"ids": ["00Q000000000000AAA"], **who})
    nobody = "{row}.\"Name\" = 'nobody'"
    client.control("POST", "rights", {"hidden_rows": {"Account": nobody, "User": nobody}, **who})
    return client, Client(client.org, "admin@sandbox.example")


@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_statement_is_answered_alike(users: tuple[Client, Client], seed: int) -> None:
    dice = random.Random(seed)
    answered = 0
    for _ in range(300):
        text, resource = _mutated(dice), dice.choice(("query", "queryAll"))
        one, other = (user.call("GET", resource, q=text) for user in users)
        assert one == other, text
        assert one[0] in (200, 400), text
        answered += one[0] == 200
    assert answered > 60
