"""Lets a job drive a Python library: runs in the client's own environment and knows nothing of ours.

Started with the name of a library and its arguments as JSON. One JSON object per line in ({call, args, kwargs}), one
line out. "bulk.Lead.insert" is followed attribute by attribute; generators are read to their end.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any


def _simple_salesforce(arguments: dict[str, Any]) -> Any:
    from simple_salesforce.api import Salesforce

    return Salesforce(**arguments)


def _marketorestpython(arguments: dict[str, Any]) -> Any:
    from marketorestpython.client import MarketoClient

    return MarketoClient(**arguments)


OPENED = {"simple_salesforce": _simple_salesforce, "marketorestpython": _marketorestpython}


def _followed(owner: Any, path: str) -> Any:
    for name in path.split("."):
        owner = getattr(owner, name)
    return owner


def _plain(value: Any) -> Any:
    """*value* as JSON can tell it."""
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, Iterator)):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode()
    return str(value)


def _answer(client: Any, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        wanted = _followed(client, asked["call"])
        return {"ok": _plain(wanted(*asked.get("args", ()), **asked.get("kwargs", {})) if callable(wanted) else wanted)}
    except Exception as error:  # noqa: BLE001 - whatever a client throws is wanted here
        about = {name: _plain(value) for name, value in vars(error).items()}
        return {"error": {"name": type(error).__name__, "message": str(error), **about}}


def main() -> None:
    library, arguments = sys.argv[1:]
    client: Any = None
    for line in sys.stdin:
        if client is None:
            client = OPENED[library](json.loads(arguments))
        print("=> " + json.dumps(_answer(client, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
