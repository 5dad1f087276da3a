"""How a path may be written."""

from __future__ import annotations

from tests.sandbox.salesforce_client import BASE, fresh_client


def test_a_path_that_begins_with_two_slashes_is_the_same_path() -> None:
    client = fresh_client()
    assert client.call("GET", f"/{BASE}sobjects/Lead/describe") == client.call("GET", f"{BASE}sobjects/Lead/describe")
    assert client.send("GET", "//services/data").status == 200
    assert client.send("GET", "//nowhere").status == 404
