"""Which connectors there are: name → import path, loaded on first use. Third parties use the entry point group."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from syncline.errors import ConfigError
from syncline.ports import Clock, Connector, Manifest, Random, Transport

GROUP = "syncline.connectors"
_OURS = {
    "salesforce": "syncline.connectors.salesforce:SalesforceConnector",
    "marketo": "syncline.connectors.marketo:MarketoConnector",
}

Factory = Callable[[Mapping[str, str], Transport, Clock, Random], Connector]


def _load(kind: str) -> Any:
    paths = {**{point.name: point.value for point in entry_points(group=GROUP)}, **_OURS}
    if kind not in paths:
        near = difflib.get_close_matches(kind, paths, n=1)
        raise ConfigError(
            f"There is no connector {kind!r}.",
            code="SYN-144",
            remedy=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(paths))}.",
        )
    module, _, name = paths[kind].partition(":")
    return getattr(import_module(module), name)


def connector_class(kind: str) -> Factory:
    """The class that makes a connector of this kind; ConfigError SYN-144 if there is none."""
    factory: Factory = _load(kind)
    return factory


def manifest_of(kind: str) -> Manifest:
    """The kind's manifest, without building a connector."""
    manifest: Manifest = _load(kind).manifest
    return manifest
