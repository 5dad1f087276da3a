"""Roll-up summaries over details: what they reckon, when, and which stamp they move."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client
from tests.sandbox.test_salesforce_custom_objects import LINE, ORDER

OF_LINES = {"child": "Line__c", "reference": "Order__c"}


def _rollup(name: str, operation: str, field: str | None = None, **more: Any) -> dict[str, Any]:
    kind = "date" if field == "Day__c" else "double"
    wanted = {**OF_LINES, "operation": operation, "field": field, **more}
    return {"object": "Order__c", "name": name, "type": kind, "scale": 2, "rollup": wanted}


@pytest.fixture
def client() -> Client:
    client = fresh_client()
    client.control("POST", "objects", [ORDER, LINE])
    over = [{"field": "Line__c.Amount__c", "operation": "greaterThan", "value": "5"}]
    client.control(
        "POST",
        "fields",
        [
            _rollup("Count__c", "count"),
            _rollup("Total__c", "sum", "Amount__c"),
            _rollup("Large__c", "count", filters=over),
            _rollup("Last__c", "max", "Day__c"),
            {"object": "Account", "name": "Orders__c", "type": "double"}
            | {"rollup": {"child": "Order__c", "reference": "Account__c", "operation": "sum", "field": "Total__c"}},
        ],
    )
    return client


@pytest.fixture
def order(client: Client) -> str:
    return client.create("Order__c", Account__c=client.create("Account", Name="Acme"))


def _rolled(client: Client, order: str) -> list[Any]:
    row = client.read("Order__c", order, "Count__c", "Total__c", "Large__c", "Last__c")
    return [row[name] for name in ("Count__c", "Total__c", "Large__c", "Last__c")]


def test_creates_updates_deletes_and_restores(client, order):
    assert _rolled(client, order) == [None, None, None, None]
    first = client.create("Line__c", Order__c=order, Amount__c=4, Day__c="2026-03-01")
    client.create("Line__c", Order__c=order, Amount__c=6, Day__c="2026-04-01")
    assert _rolled(client, order) == [2.0, 10.0, 1.0, "2026-04-01"]
    client.call("PATCH", f"sobjects/Line__c/{first}", {"Amount__c": 9})
    assert _rolled(client, order) == [2.0, 15.0, 2.0, "2026-04-01"]
    client.call("DELETE", f"sobjects/Line__c/{first}")
    assert _rolled(client, order) == [1.0, 6.0, 1.0, "2026-04-01"]
    client.control("POST", "write", {"object": "Line__c", "operation": "undelete", "records": [{"Id": first}]})
    assert _rolled(client, order)[0] == 2.0


def test_only_the_system_modstamp_of_the_parents_moves(client, order):
    account = client.query("SELECT Id FROM Account")[0]["Id"]
    before = client.read("Order__c", order, "LastModifiedDate", "SystemModstamp")
    client.advance(5)
    client.create("Line__c", Order__c=order, Amount__c=4)
    after = client.read("Order__c", order, "LastModifiedDate", "SystemModstamp")
    assert after["LastModifiedDate"] == before["LastModifiedDate"]
    assert after["SystemModstamp"] == "2026-03-01T09:00:05.000+0000"
    grandparent = client.read("Account", account, "Orders__c", "SystemModstamp", "LastModifiedDate")
    assert (grandparent["Orders__c"], grandparent["SystemModstamp"]) == (4.0, after["SystemModstamp"])
    client.advance(5)
    client.create("Line__c", Order__c=client.create("Order__c", Account__c=account))
    assert client.read("Order__c", order, "SystemModstamp") == after["SystemModstamp"]


def test_a_new_roll_up_knows_what_is_there_and_takes_no_writes(client, order):
    client.create("Line__c", Order__c=order, Amount__c=4)
    client.control("POST", "fields", _rollup("Least__c", "min", "Amount__c"))
    assert client.read("Order__c", order, "Least__c") == 4.0
    fields = {f["name"]: f for f in client.call("GET", "sobjects/Order__c/describe")[1]["fields"]}
    assert (fields["Least__c"]["calculated"], fields["Least__c"]["createable"]) == (True, False)
    refused = client.call("PATCH", f"sobjects/Order__c/{order}", {"Least__c": 1})[1][0]
    assert refused["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_many_children_are_reckoned_once(client, order):
    records = [{"attributes": {"type": "Line__c"}, "Order__c": order, "Amount__c": 1} for _ in range(200)]
    assert client.call("POST", "composite/sobjects", {"records": records})[0] == 200
    assert _rolled(client, order)[:2] == [200.0, 200.0]


@pytest.mark.parametrize(
    "rollup",
    [
        {**OF_LINES, "operation": "average", "field": "Amount__c"},
        {**OF_LINES, "operation": "sum", "field": "Nope__c"},
        {"child": "Order__c", "reference": "Lead__c", "operation": "count"},
        {"child": "Nope__c", "reference": "Order__c"},
    ],
)
def test_roll_ups_the_org_does_not_take(client, rollup):
    spec = {"object": "Order__c", "name": "Bad__c", "type": "double", "rollup": rollup}
    assert client.call("POST", "/_sandbox/fields", spec)[0] == 400
