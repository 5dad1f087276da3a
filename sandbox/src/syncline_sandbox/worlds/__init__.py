"""What a sandbox holds when it starts: nothing, the demo world, or what a file says.

Lives here: reading a world and putting it into a core. A world is a list of control calls for each sandbox, so it
says nothing the control endpoint could not be told, and everything it could:

    {"clock": {"now": "2026-03-01T09:00:00Z", "frozen": false},
     "salesforce": [{"fields": {"object": "Lead", "name": "Key__c"}}, {"seed": {"Lead": [{"LastName": "Smith"}]}}],
     "marketo": [{"seed": {"people": [{"email": "smith@example.com"}]}}]}

Each step names control routes (`POST /_sandbox/<name>`) and their bodies; steps run in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from syncline_sandbox.core.wire import Core, Request

from .demo import demo_world

__all__ = ["NAMED_WORLDS", "SANDBOXES", "World", "WorldRefused", "fill", "read_world"]

World = Mapping[str, Any]
SANDBOXES = ("salesforce", "marketo")
NAMED_WORLDS = {"empty": dict, "demo": demo_world}


class WorldRefused(ValueError):
    """A world that cannot be read or put in; the text says which file, which step, and why."""


def read_world(source: str | Path | World) -> World:
    """The world called `demo` or `empty`, of the JSON file at this path, or the mapping itself, checked for its shape.

    Raises:
        WorldRefused: no such file, no JSON, or not the shape of a world.
    """
    if isinstance(source, Mapping):
        return _checked(source, "the world")
    if str(source) in NAMED_WORLDS:
        return NAMED_WORLDS[str(source)]()
    try:
        world = orjson.loads(Path(source).read_bytes())
    except OSError as missing:
        raise WorldRefused(f"{source}: {missing.strerror}; a world is demo, empty or a JSON file") from missing
    except orjson.JSONDecodeError as broken:
        raise WorldRefused(f"{source}: no JSON: {broken}") from broken
    return _checked(world, str(source))


def fill(core: Core, name: str, world: World) -> None:
    """Put what *world* says of the sandbox *name* into its *core*.

    Raises:
        WorldRefused: a step was refused, or left a record out; those before it are in.
    """
    for place, route, body in _calls(name, world):
        answer = core.handle(Request(method="POST", path=f"/_sandbox/{route}", body=orjson.dumps(body)))
        said = orjson.loads(answer.body)
        if answer.status != 200:
            raise WorldRefused(f"{place}: {said['error']}")
        if left_out := _left_out(said):
            raise WorldRefused(f"{place}: {left_out}")


def _calls(name: str, world: World) -> Iterator[tuple[str, str, Any]]:
    """Where each call stands in the world, its route and its body."""
    if "clock" in world:
        yield "the clock of the world", "clock", world["clock"]
    for number, step in enumerate(world.get(name, []), start=1):
        for route, body in step.items():
            yield f"{name}: step {number} of the world, {route!r}", route, body


def _left_out(results: Any) -> str | None:
    """The first record a call took, and yet did not do, with the reason; a world is there whole or not at all."""
    for number, result in enumerate(results if isinstance(results, list) else [], start=1):
        if isinstance(result, Mapping) and (result.get("status") == "skipped" or result.get("success") is False):
            return f"record {number}: {orjson.dumps(result.get('reasons') or result.get('errors')).decode()}"
    return None


def _checked(world: Any, source: str) -> World:
    if not isinstance(world, Mapping):
        raise WorldRefused(f"{source}: a JSON object is expected, with {', '.join(SANDBOXES)} and clock")
    if unknown := sorted(set(world) - {*SANDBOXES, "clock"}):
        raise WorldRefused(f"{source}: {unknown} mean nothing here; known are {', '.join(SANDBOXES)} and clock")
    for name in SANDBOXES:
        steps = world.get(name, [])
        if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
            raise WorldRefused(f'{source}: {name} is a list of steps such as {{"seed": …}}')
    return world
