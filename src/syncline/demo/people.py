"""The demo's people: originals as Salesforce leads and contacts of accounts, their misspelt twins as Marketo people.

Everything is made from the FEBRL 4 persons and a seed; names and addresses keep their misspellings. E-mail addresses
are made up from the *original's* name, so that twins share them, except where a twin has none, a wrong one or somebody
else's. Identifiers of the benchmark are in no record; they make the list of true pairs and nothing else.

Field names are the vendors' own: Salesforce's of Lead, Contact and Account (Object Reference; `Birth_Date__c` is the
demo's custom field of Lead), Marketo's REST names ("List of Standard Fields").
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from syncline.demo.febrl import Person, load

Record = dict[str, str | None]

ACCOUNTS = 1_000
SHARE_WITHOUT_EMAIL = 0.15
SHARE_WITH_WRONG_EMAIL = 0.05
SHARE_WITH_FOREIGN_EMAIL = 0.03
SHARE_WITH_PHONE = 0.5  # of the Salesforce records; the twins have no phone, so it helps no match

_COUNTRY = "Australia"
_PLACES = ("Acacia", "Banksia", "Coolabah", "Darling", "Eureka", "Flinders", "Gibson", "Hunter", "Illawarra", "Jervis")
_TRADES = ("Freight", "Timber", "Optics", "Foods", "Mining", "Media", "Textiles", "Health", "Energy", "Tools")
_FORMS = ("Pty Ltd", "Group", "Partners", "Holdings", "Services", "Co-op", "Works", "Brothers", "Trading", "Institute")


@dataclass(frozen=True)
class DemoPeople:
    """What to seed both sandboxes with, in order.

    `contact_accounts[i]` is the position in `accounts` of contact i's account. `true_pairs` are (object type, position
    in `leads` or `contacts`, position in `people`).
    """

    accounts: list[Record]
    leads: list[Record]
    contacts: list[Record]
    contact_accounts: list[int]
    people: list[Record]
    true_pairs: list[tuple[str, int, int]]


def make_people(seed: int, count: int | None = None) -> DemoPeople:
    """The demo's people of a seed: the same seed, the same people. ConfigError if FEBRL 4 is not installed.

    *count* takes so many of the 5,000 persons, with their twins and a fifth as many accounts; None: all of them.
    """
    dice = random.Random(seed)
    originals, twins = load()
    if count is not None and count < len(originals):
        chosen = set(dice.sample(sorted(person.number for person in originals), count))
        originals, twins = ([one for one in some if one.number in chosen] for some in (originals, twins))
    companies = ACCOUNTS if count is None else min(ACCOUNTS, max(1, count // 5))
    accounts: list[Record] = [
        {"Name": f"{place} {trade} {form}"} for place in _PLACES for trade in _TRADES for form in _FORMS
    ]
    employers = {person.number: dice.randrange(companies) for person in originals}
    emails = _emails(originals, [_domain(account["Name"]) for account in accounts], employers)
    made = DemoPeople(accounts[:companies], [], [], [], [], [])
    places = {person.number: _seat(made, person, employers, emails, dice) for person in originals}
    twin_emails = _twin_emails(twins, emails, dice)
    for position, twin in enumerate(twins):
        company = accounts[employers[twin.number]]["Name"]
        made.people.append(_marketo_person(twin, twin_emails[twin.number], company))
        made.true_pairs.append((*places[twin.number], position))
    return made


def _seat(
    made: DemoPeople, person: Person, employers: dict[int, int], emails: dict[int, str], dice: random.Random
) -> tuple[str, int]:
    """Make an original a lead or a contact; its object type and position."""
    employer, email, phone = employers[person.number], emails[person.number], _phone(dice)
    if dice.random() < 0.5:
        made.leads.append(_lead(person, email, phone, made.accounts[employer]["Name"]))
        return "Lead", len(made.leads) - 1
    made.contacts.append(_contact(person, email, phone))
    made.contact_accounts.append(employer)
    return "Contact", len(made.contacts) - 1


def _lead(person: Person, email: str, phone: str | None, company: str | None) -> Record:
    first, last = _salesforce_name(person)
    return {
        "FirstName": first,
        "LastName": last,
        "Company": company,
        "Email": email,
        "Phone": phone,
        "Street": _street(person),
        "City": _title(person.suburb),
        "State": _upper(person.state),
        "PostalCode": person.postcode or None,
        "Country": _COUNTRY,
        "Birth_Date__c": _birth_date(person),
    }


def _contact(person: Person, email: str, phone: str | None) -> Record:
    first, last = _salesforce_name(person)
    return {
        "FirstName": first,
        "LastName": last,
        "Email": email,
        "Phone": phone,
        "MailingStreet": _street(person),
        "MailingCity": _title(person.suburb),
        "MailingState": _upper(person.state),
        "MailingPostalCode": person.postcode or None,
        "MailingCountry": _COUNTRY,
        "Birthdate": _birth_date(person),
    }


def _marketo_person(twin: Person, email: str | None, company: str | None) -> Record:
    return {
        "firstName": _title(twin.given_name),
        "lastName": _title(twin.surname),
        "company": company,
        "email": email,
        "phone": None,
        "address": _street(twin),
        "city": _title(twin.suburb),
        "state": _upper(twin.state),
        "postalCode": twin.postcode or None,
        "country": _COUNTRY,
        "dateOfBirth": _birth_date(twin),
    }


def _salesforce_name(person: Person) -> tuple[str | None, str]:
    """First and last name. Salesforce demands a last name: who has one name only has it there."""
    first, last = _title(person.given_name), _title(person.surname)
    return (first, last) if last else (None, first or "Unknown")


def _title(text: str) -> str | None:
    return " ".join(word[:1].upper() + word[1:] for word in text.split()) or None


def _upper(text: str) -> str | None:
    return text.upper() or None


def _street(person: Person) -> str | None:
    """Number and street, the locality on a line of its own."""
    lines = (" ".join(filter(None, (person.street_number, _title(person.street)))), _title(person.locality))
    return "\n".join(line for line in lines if line) or None


def _birth_date(person: Person) -> str | None:
    """ISO date; None where unknown or misspelt into a day that no date field can hold."""
    try:
        return date.fromisoformat(person.birth_date).isoformat()
    except ValueError:
        return None


def _phone(dice: random.Random) -> str | None:
    number = f"(02) {dice.randrange(5000, 10000)} {dice.randrange(10000):04d}"
    return number if dice.random() < SHARE_WITH_PHONE else None


def _domain(company: str | None) -> str:
    return re.sub(r"[^a-z]", "", (company or "").lower().removesuffix("pty ltd")) + ".example"


def _emails(originals: Sequence[Person], domains: list[str], employers: dict[int, int]) -> dict[int, str]:
    """An address per original, each its own: name at employer, numbered where colleagues share a name."""
    emails: dict[int, str] = {}
    taken: set[str] = set()
    for person in originals:
        name = ".".join(filter(None, (_letters(person.given_name), _letters(person.surname)))) or "office"
        domain, count = domains[employers[person.number]], 1
        email = f"{name}@{domain}"
        while email in taken:
            count += 1
            email = f"{name}{count}@{domain}"
        taken.add(email)
        emails[person.number] = email
    return emails


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def _twin_emails(twins: Sequence[Person], emails: dict[int, str], dice: random.Random) -> dict[int, str | None]:
    """The address of each twin: the original's, none, a wrong one or another twin's."""
    numbers = [twin.number for twin in twins]
    dice.shuffle(numbers)
    none, wrong, foreign = (
        round(share * len(numbers)) for share in (SHARE_WITHOUT_EMAIL, SHARE_WITH_WRONG_EMAIL, SHARE_WITH_FOREIGN_EMAIL)
    )
    own = numbers[none + wrong + foreign :]
    taken = set(emails.values())
    found: dict[int, str | None] = {number: emails[number] for number in own}
    found |= dict.fromkeys(numbers[:none])
    for number in numbers[none : none + wrong]:
        found[number] = _wrong(emails[number], taken, dice)
    for number in numbers[none + wrong : none + wrong + foreign]:
        found[number] = emails[dice.choice(own)]
    return found


def _wrong(email: str, taken: set[str], dice: random.Random) -> str:
    """An address nobody else has: an old private one, or the right one with a letter left out or doubled."""
    name, _, domain = email.partition("@")
    place = dice.randrange(len(name))
    wrong = dice.choice(
        (
            f"{name.replace('.', '')}{dice.randrange(40, 100)}@oldmail.example",
            f"{name[:place]}{name[place + 1 :]}@{domain}",
            f"{name[:place]}{name[place]}{name[place:]}@{domain}",
        )
    )
    while wrong in taken or wrong.startswith("@"):
        wrong = f"x{wrong}"
    taken.add(wrong)
    return wrong
