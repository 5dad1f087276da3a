"""New records of a load take a quicker way into the database: the same rows, ids, errors and order as the long way."""

from __future__ import annotations

import random
from typing import Any

import pytest

from syncline_sandbox.salesforce.bulk.swift import SwiftInsert
from syncline_sandbox.salesforce.ids import IdSource
from tests.sandbox.bulk_client import BulkClient

FIELDS = "LastName,Company,Email,AnnualRevenue,NumberOfEmployees,IsUnreadByOwner,OwnerId,Status,Code__c,Level__c,Day__c"
CELLS: dict[str, list[str]] = {
    "LastName": ["Smith", "Ünal", "x" * 81, "", "#N/A", '"q"', "a\nb"],
    "Company": ["Acme", "Acme", "Acme", "", "#N/A"],
    "Email": ["a@x.example", "nope", "", "#N/A"],
    "AnnualRevenue": ["1.5", "12", "x", "1e99", "", "#N/A"],
    "NumberOfEmployees": ["1", "1.5", "99999999999", ""],
    "IsUnreadByOwner": ["1", "0", "TRUE", "false", "yes", "", "#N/A"],
    "OwnerId": ["", "#N/A", "005000000000001", "00Q000000000001", "x"],
    "Status": ["Open - Not Contacted", "Anything", "", "#N/A"],
    "Code__c": ["", "", "k{}", "K{}", "same", "SAME"],
    "Level__c": ["High", "Low", "Middling", ""],
    "Day__c": ["2026-01-02", "2026-01-02Z", "yesterday", ""],
}


def _client() -> BulkClient:
    client = BulkClient()
    client.org.add_field("Lead", {"name": "Code__c", "external_id": True, "unique": True})
    client.org.add_field(
        "Lead",
        {"name": "Level__c", "type": "picklist", "values": ["High", "Low"], "restricted": True, "default": "Low"},
    )
    client.org.add_field("Lead", {"name": "Day__c", "type": "date"})
    return client


def _content(seed: int, rows: int, *, keyed: bool) -> str:
    dice = random.Random(seed)
    lines = []
    for number in range(rows):
        # Most rows are in order, so that quick runs and single rows take turns.
        rare = dice.random() < 0.5
        cells = {name: dice.choice(values) if rare else values[0] for name, values in CELLS.items()}
        cells["Code__c"] = cells["Code__c"].format(number // 2) if rare or not keyed else f"u{number}"
        lines.append(",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' if cell else "" for cell in cells.values()))
    return "\n".join([FIELDS, *lines, ""])


def _outcome(client: BulkClient, operation: str, content: str, **spec: str) -> Any:
    info = client.ingest(operation, content, **spec)
    stored = client.org.storage.db.execute('SELECT * FROM "Lead" ORDER BY "Id"').fetchall()
    return (
        [info[name] for name in ("state", "numberRecordsProcessed", "numberRecordsFailed")],
        client.results(info, "successfulResults"),
        client.results(info, "failedResults"),
        stored,
        client.org.ids.serials,
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("operation", ["insert", "upsert"])
def test_both_ways_store_the_same(operation: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    quick, slow = _client(), _client()
    slow.org.flows.append(lambda event: None)  # a flow that does nothing closes the quick way
    stored: list[int] = []
    insert = SwiftInsert._insert

    def counted(self: SwiftInsert, columns: list[list[Any]], count: int) -> Any:
        stored.append(count)
        return insert(self, columns, count)

    monkeypatch.setattr(SwiftInsert, "_insert", counted)
    spec = {"externalIdFieldName": "Code__c"} if operation == "upsert" else {}
    content = _content(seed, 500, keyed=operation == "upsert")
    one, other = (_outcome(client, operation, content, **spec) for client in (quick, slow))
    for ours, theirs in zip(one, other, strict=True):
        assert ours == theirs
    assert sum(stored) > 50
    assert one[0][2] > 50


def test_a_rule_made_later_is_heeded() -> None:
    client = _client()
    client.ingest("insert", "LastName,Company\nA,Acme\n")
    client.org.refuse_when("Lead", lambda event: event.row["LastName"] == "B", "No B.", "LastName")
    info = client.ingest("insert", "LastName,Company\nB,Acme\nC,Acme\n")
    assert client.results(info, "failedResults")[0]["sf__Error"].startswith("FIELD_CUSTOM_VALIDATION_EXCEPTION:No B.")
    assert [name for (name,) in client.leads("LastName")] == ["A", "C"]


def test_ids_in_bulk_are_those_one_by_one() -> None:
    many, single = IdSource(3), IdSource(3)
    made = [record_id for count in (1, 61, 0, 62, 500, 3900) for record_id in many.new_many("00Q", count)]
    assert made == [single.new("00Q") for _ in made]
    assert many.serials == single.serials
