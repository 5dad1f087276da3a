"""Whether a request came past all doors, to somebody who answers it: counted where handlers are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import Any


class Reached:
    """Wraps handlers of one sandbox. `last` names the handlers called since `begin`."""

    def __init__(self) -> None:
        self.last: list[str] = []
        self.counts: Counter[str] = Counter()

    def begin(self) -> None:
        self.last.clear()

    def noted(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            self.last.append(name)
            self.counts[name] += 1
            return act(*arguments, **named)

        return called

    @staticmethod
    def name_of(route: Any) -> str:
        """What calls of a route's handler are counted under."""
        return f"{route.method} {getattr(route, 'pattern', None) or getattr(route, 'path', '')}"

    def watch(self, room: Any, method: str) -> None:
        """A method of an object."""
        setattr(room, method, self.noted(f"{type(room).__name__}.{method}", getattr(room, method)))

    def watch_router(self, router: Any) -> None:
        """All routes of the org's router."""
        router._routes = [
            (replace(route, handler=self.noted(self.name_of(route), route.handler)), pattern)
            for route, pattern in router._routes
        ]

    def watch_table(self, table: Any) -> None:
        """All routes of the instance's routing table."""
        table._routes = [
            (pattern, replace(route, handler=self.noted(self.name_of(route), route.handler)))
            for pattern, route in table._routes
        ]

    def watch_mapping(self, routes: MutableMapping[str, Callable[..., Any]]) -> None:
        """Handlers by name."""
        routes.update({name: self.noted(name, act) for name, act in routes.items()})
