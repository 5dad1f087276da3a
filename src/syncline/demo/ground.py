"""The ground the demo stands on: both sandboxes filled with people, custom fields made, the configuration written.

Lives here: what is true before the first copy, and the list of true pairs by the systems' own ids.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from syncline.demo.people import DemoPeople
from syncline.demo.sandboxes import Sandboxes

PAST = timedelta(days=75)
"""How long ago the oldest record was made."""

SALES, MARKETING = "anna.keller@acme.example", "marketer@acme.example"

CONFIGURATION = """\
state: sqlite:///demo.db
connections:
  salesforce:
    type: salesforce
    url: {salesforce}
    client_id: {salesforce_id}
    client_secret: env:SALESFORCE_SECRET
  marketo:
    type: marketo
    url: {marketo}
    client_id: {marketo_id}
    client_secret: env:MARKETO_SECRET
syncs:
  people:
    a:
      connection: salesforce
      filter:
        Lead: "Status IS NULL OR Status <> 'Closed - Not Converted'"
    b: marketo
"""


@dataclass(frozen=True)
class Ground:
    """The ids of everybody seeded. `true_pairs` are (Salesforce id, Marketo id); `types` names the object of each
    Salesforce id."""

    types: dict[str, str]
    marketo_ids: frozenset[str]
    true_pairs: frozenset[tuple[str, str]]


NOBODY = Ground(types={}, marketo_ids=frozenset(), true_pairs=frozenset())
"""Two empty systems."""


def write_configuration(folder: Path, sandboxes: Sandboxes) -> tuple[Path, dict[str, str]]:
    """The demo's configuration file, and the environment its secrets are read from."""
    salesforce, marketo = (sandboxes.credentials[name] for name in ("salesforce", "marketo"))
    path = folder / "syncline.yaml"
    path.write_text(
        CONFIGURATION.format(
            salesforce=sandboxes.salesforce.url,
            salesforce_id=salesforce["client_id"],
            marketo=sandboxes.marketo.url,
            marketo_id=marketo["client_id"],
        ),
        encoding="utf-8",
    )
    return path, {"SALESFORCE_SECRET": salesforce["client_secret"], "MARKETO_SECRET": marketo["client_secret"]}


def fill(sandboxes: Sandboxes, people: DemoPeople, now: datetime, dice: random.Random) -> Ground:
    """Put *people* into both sandboxes, made and last changed at some time before *now*. Custom fields must exist."""
    sandboxes.salesforce.post("users", {"username": SALES, "FirstName": "Anna", "LastName": "Keller"})
    accounts = _seed(sandboxes, "Account", people.accounts)
    employed = [
        {**contact, "AccountId": accounts[at]}
        for contact, at in zip(people.contacts, people.contact_accounts, strict=True)
    ]
    ids = {
        "Lead": _seed(sandboxes, "Lead", list(_aged(people.leads, now, dice))),
        "Contact": _seed(sandboxes, "Contact", list(_aged(employed, now, dice))),
    }
    share = 0.9 / max(1, len(people.people))  # ids rise as people are made
    persons = [
        {**person, "createdAt": _iso(now - PAST * (1.0 - at * share))} for at, person in enumerate(people.people)
    ]
    sandboxes.marketo.post("seed", {"people": persons})
    marketo_ids = everybody_in_marketo(sandboxes)
    return Ground(
        types={record_id: name for name, made in ids.items() for record_id in made},
        marketo_ids=frozenset(marketo_ids),
        true_pairs=frozenset((ids[name][a], marketo_ids[b]) for name, a, b in people.true_pairs),
    )


def everybody_in_marketo(sandboxes: Sandboxes) -> list[str]:
    """The ids of all people in Marketo, oldest first."""
    rows = sandboxes.marketo.post("people/read", {"field": "leadPartitionId", "values": [1], "fields": ["id"]})
    return [str(row["id"]) for row in rows]


def _seed(sandboxes: Sandboxes, name: str, records: Sequence[Any]) -> list[str]:
    ids: list[str] = sandboxes.salesforce.post("seed", {name: list(records), "as": "admin@sandbox.example"})[name]
    return ids


def _aged(records: Sequence[Any], now: datetime, dice: random.Random) -> Iterator[dict[str, Any]]:
    for record in records:
        made = now - PAST * dice.uniform(0.1, 1.0)
        changed = made + (now - made) * dice.uniform(0.0, 0.9)
        stamps = {"LastModifiedDate": _iso(changed), "SystemModstamp": _iso(changed)}
        yield {**record, "CreatedDate": _iso(made), **stamps}


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
