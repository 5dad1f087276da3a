"""Inside the engine only observe.py and write.py call a connector; everything else goes through them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncline.ports import Connector, Streams

ENGINE = Path(__file__).resolve().parents[2] / "src/syncline/engine"
CALLERS = {"observe.py", "write.py"}

# What reaches the vendor: every coroutine and every stream of the contract, subscriptions included.
EFFECTS = {
    name
    for contract in (Connector, Streams)
    for name, member in vars(contract).items()
    if callable(member) and not name.startswith("_") and name not in {"capabilities", "usage", "aclose", "channels"}
}


def connector_calls(source: str) -> Iterator[str]:
    """Calls of an effect on an expression that says it is a connector, as they are written."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in EFFECTS:
            receiver = ast.unparse(node.func.value)
            if "connector" in receiver.lower():
                yield f"line {node.lineno}: {receiver}.{node.func.attr}"


@pytest.mark.parametrize(
    "source",
    [
        "await connector.write(rows)",
        "await self.connectors[side].find(x)",
        "async for p in a.connector.read_all(x): ...",
        "async for b in connector.subscribe(x): ...",
    ],
)
def test_a_call_is_recognised(source: str) -> None:
    assert list(connector_calls(f"async def f():\n    {source}"))


def test_no_other_file_of_the_engine_calls_a_connector() -> None:
    found = {
        path.relative_to(ENGINE).as_posix(): calls
        for path in sorted(ENGINE.rglob("*.py"))
        if path.name not in CALLERS and (calls := list(connector_calls(path.read_text(encoding="utf-8"))))
    }
    assert found == {}
