"""The known worlds the clients meet: enough for several pages, slices and batches, with values that are easy to spoil.

Lives here: what is seeded, the same rows as a check compares them, and what somebody else changes. See `truth.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from syncline_sandbox.core.wire import Request
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET
from tests.clients.places import INSTANCE, INSTANCE_HOST
from tests.clients.truth import Row, control, stored

LEADS = 2_600
CONTACTS = 2_100
ACCOUNTS = 300
OPPORTUNITIES = 40
PEOPLE = 1_500
# More than a page of each: 200, 300, 300.
PROGRAMS = 250
CAMPAIGNS = 350
LISTS = 350
_ASSET_SECONDS = 40 * 86_400
DAYS = 100
KEY = "Key__c"
LEAD_FIELDS = (
    KEY,
    *("LastName", "FirstName", "Company", "Email", "Description", "NumberOfEmployees", "HasOptedOutOfEmail"),
)
_AWKWARD = ("two\nlines", 'a "quoted" comma,', "Grüße, Ægir 漢字", " spaces ", "=1+1", "N/A")


def found_org(org: SalesforceOrg) -> None:
    """Leads, contacts at accounts and opportunities, written over the last hundred days, the newest two hours ago."""
    for sobject in ("Lead", "Contact"):
        org.add_field(sobject, {"name": KEY, "length": 40, "external_id": True, "unique": True})
    control(org, "POST logins", {"my_domain": INSTANCE})
    now = org.clock.now()
    accounts = org.seed("Account", [{"Name": f"Firm {n:03}", **_stamps(now, n, ACCOUNTS)} for n in range(ACCOUNTS)])
    at_account = [{"AccountId": accounts[n % ACCOUNTS]} for n in range(CONTACTS)]
    rows: dict[str, list[Mapping[str, Any]]] = {
        "Lead": [{**lead(n), **_stamps(now, n, LEADS)} for n in range(LEADS)],
        "Contact": [{**contact(n), **at_account[n], **_stamps(now, n, CONTACTS)} for n in range(CONTACTS)],
        "Opportunity": [
            {**_deal(n, now), **at_account[n], **_stamps(now, n, OPPORTUNITIES)} for n in range(OPPORTUNITIES)
        ],
    }
    for sobject, records in rows.items():
        org.seed(sobject, records)


def lead(number: int) -> Row:
    """The lead of this number, every value set or null."""
    return {
        KEY: f"L{number:05}",
        "LastName": f"Lind {number:05}",
        "FirstName": None if number % 5 == 0 else "Ada",
        "Company": f'Firm "{number % 7}", & Söhne',
        "Email": f"lead{number}@example.com",
        "Description": _AWKWARD[number % len(_AWKWARD)] if number % 3 else None,
        "NumberOfEmployees": number if number % 4 else None,
        "HasOptedOutOfEmail": number % 9 == 0,
    }


def contact(number: int) -> Row:
    """The contact of this number, without its account."""
    return {
        KEY: f"C{number:05}",
        "LastName": f"Berg {number:05}",
        "Email": f"contact{number}@example.com",
        "Title": _AWKWARD[number % len(_AWKWARD)] if number % 2 else None,
    }


def _deal(number: int, now: datetime) -> Row:
    close = (now + timedelta(days=number)).date().isoformat()
    return {"Name": f"Deal {number}", "StageName": "Prospecting", "CloseDate": close, "Amount": number * 1.5}


def _stamps(now: datetime, number: int, count: int) -> Row:
    """The rows of an object lie evenly between a hundred days and two hours ago."""
    seconds = (DAYS * 86_400 - 7_200) * (1 - (number + 1) / count) + 7_200
    at = (now - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), at)


def found_instance(instance: MarketoInstance) -> None:
    """People created over the last fifty days, the newest two hours ago, and assets made forty days ago."""
    now = instance.clock.now()
    instance.seed([{**person(n), **_creation(now, n)} for n in range(PEOPLE)], activities=True)
    control(instance, "POST clock", {"advance_seconds": -_ASSET_SECONDS})
    statuses = [{"name": "Sent", "step": 1}, {"name": "Opened", "step": 2}]
    control(instance, "POST channels", {"name": "Blast", "statuses": statuses})
    for number in range(PROGRAMS):
        control(instance, "POST programs", {"name": f"Program {number:03}", "channel": "Blast"})
    for number in range(CAMPAIGNS):
        control(instance, "POST campaigns", {"name": f"Campaign {number:03}"})
    for number in range(LISTS):
        control(instance, "POST lists", {"name": f"List {number:03}"})
    control(instance, "POST clock", {"advance_seconds": _ASSET_SECONDS})
    # As `syncline-sandbox up` has it.
    control(instance, "POST settings", {"enforce_limits": True})


def person(number: int) -> Row:
    """The person of this number."""
    return {
        "email": f"person{number}@example.com",
        "firstName": None if number % 5 == 0 else "Ada",
        "lastName": f"Lind {number:05}",
        "company": f'Firm "{number % 7}", & Söhne',
        "city": _AWKWARD[1 + number % 2] if number % 3 else None,
        "leadScore": number if number % 4 else None,
        "doNotCall": number % 9 == 0,
    }


def change_people(instance: MarketoInstance) -> list[Row]:
    """Somebody changes thirty people and makes three; answers these as they are now."""
    changed = [{**person(n), "lastName": "Changed"} for n in range(100, 130)]
    made = [person(90_000 + n) for n in range(3)]
    control(instance, "POST people", {"lookupField": "email", "input": [*changed, *made]})
    return [*changed, *made]


def _creation(now: datetime, number: int) -> Row:
    seconds = (50 * 86_400 - 7_200) * (1 - (number + 1) / PEOPLE) + 7_200
    return {"createdAt": (now - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")}


def refresh_token(org: SalesforceOrg) -> str:
    """What a user's approval of the connected app left behind."""
    return str(control(org, "POST refresh_tokens", {})["refresh_token"])


def change_leads(org: SalesforceOrg) -> tuple[list[Row], list[Row]]:
    """Somebody changes thirty leads, makes three, deletes five; the changed as they are now, and the deleted."""
    ids = {row[KEY]: row["Id"] for row in stored(org, "Lead", ["Id", KEY])}
    changed = [{**lead(n), "LastName": "Changed", "FirstName": None} for n in range(100, 130)]
    made = [lead(90_000 + n) for n in range(3)]
    gone = [lead(n) for n in range(200, 205)]
    updates = [{"Id": ids[row[KEY]], "LastName": "Changed", "FirstName": None} for row in changed]
    for operation, records in (
        ("update", updates),
        ("create", made),
        ("delete", [{"Id": ids[row[KEY]]} for row in gone]),
    ):
        control(org, "POST write", {"object": "Lead", "operation": operation, "records": records})
    return [*changed, *made], gone


def session(org: SalesforceOrg) -> str:
    """A session id of the connected app's user."""
    form = f"grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
    headers = {"host": INSTANCE_HOST, "content-type": "application/x-www-form-urlencoded"}
    asked = Request(method="POST", path="/services/oauth2/token", headers=headers, body=form.encode(), scheme="https")
    return str(json.loads(org.handle(asked).body)["access_token"])
