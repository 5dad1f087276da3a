"""What survives a restart, and what many rows in one second cost."""

from __future__ import annotations

from pathlib import Path

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo import MarketoInstance
from tests.sandbox.marketo_client import START, Client


def test_data_and_custom_fields_survive_a_restart(tmp_path: Path) -> None:
    def start() -> Client:
        return Client(MarketoInstance(tmp_path / "marketo.sqlite", SandboxClock(frozen_at=START)))

    first = start()
    field = {"displayName": "Key", "name": "key", "dataType": "string"}
    first.post("/rest/v1/leads/schema/fields.json", {"input": [field]})
    first.sync({"key": "k1", "email": "a@example.com"}, {"key": "k2"}, lookupField="key")
    first.post("/rest/v1/leads/delete.json", {"input": [{"id": 2}]})
    first.instance.close()

    second = start()
    assert second.leads("key", "K1", fields="email") == [{"id": 1, "email": "a@example.com"}]
    assert second.sync({"key": "k2"}, lookupField="key") == [{"id": 3, "status": "created"}]
    assert [row["leadId"] for row in second.activities(12)] == [1, 2, 3]
    second.instance.close()


def test_a_crowded_second_is_paged_without_gap_or_repeat() -> None:
    client = Client()
    client.instance.seed({"email": f"p{n}@example.com"} for n in range(1000))
    client.wait(1)
    client.sync({"email": "last@example.com"})
    rows = client.activities(12)
    assert [row["leadId"] for row in rows] == list(range(1, 1002))


def test_same_seed_same_tokens_and_request_ids() -> None:
    def transcript(seed: int) -> list[str]:
        client = Client(MarketoInstance(clock=SandboxClock(frozen_at=START), seed=seed))
        return [client.token, client.get("/rest/v1/leads/describe.json")["requestId"]]

    assert transcript(7) == transcript(7)
    assert transcript(7)[0] != transcript(8)[0]
