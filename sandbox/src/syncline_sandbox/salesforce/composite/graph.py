"""Composite Graph: up to 75 graphs in a request, each of which is saved whole or not at all.

Lives here: the limits of a graph, the order of its nodes, and rolling back ("Composite Graph", "Composite Graph
Limits" of the REST API Developer Guide). The whole request is one API call. Nodes run in the order of the request,
but never before what they refer to.
"""

from __future__ import annotations

import re
from typing import Any

from syncline_sandbox.salesforce.errors import OrgError, malformed_json
from syncline_sandbox.salesforce.web import Answer, Call, refusal

from .parts import Part, Parts, RolledBack, composite_result, halted, listed, told
from .references import check_reference_ids, filled, references

MAX_GRAPHS = 75
MAX_NODES = 500
MAX_DEPTH = 15
MAX_KINDS = 15
MAX_FAILURES = 14
_GRAPH_ID = re.compile(r"[A-Za-z0-9][^\s]{0,38}")
_NODE = re.compile(
    r"/?(?:services/data/)?v\d+\.\d/sobjects/(?P<object>\w+)(?P<rest>(?:/[^/?]+){0,2})/?(\?.*)?", re.IGNORECASE
)
# Methods by how many segments follow the object.
_METHODS = {0: {"POST"}, 1: {"GET", "PATCH", "DELETE"}, 2: {"GET", "PATCH", "DELETE", "POST"}}
Node = dict[str, Any]


class GraphResource:
    """`composite/graph`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def answer(self, call: Call) -> Answer:
        graphs = listed(call.json_object(), "graphs", ("graphId", "compositeRequest"))
        _check(graphs)
        told_graphs: list[dict[str, Any]] = []
        failures = 0
        for graph in graphs:
            nodes = graph["compositeRequest"]
            if failures >= MAX_FAILURES:
                answers, successful = dict.fromkeys(range(len(nodes)), halted()), False
            else:
                answers, successful = self._run(call, nodes)
            failures += not successful
            results = [composite_result(node["referenceId"], answers[place]) for place, node in enumerate(nodes)]
            told_graphs.append(
                {
                    "graphId": graph["graphId"],
                    "graphResponse": {"compositeResponse": results},
                    "isSuccessful": successful,
                }
            )
        return Answer(body={"graphs": told_graphs})

    def _run(self, call: Call, nodes: list[Node]) -> tuple[dict[int, Answer], bool]:
        """The answers by place, and whether the graph stands."""
        answers: dict[int, Answer] = {}
        known: dict[str, Any] = {}
        try:
            with self._parts.storage.savepoint():
                for place in _order(nodes):
                    answer = answers[place] = self._node(call, nodes[place], known)
                    if answer.status >= 300:
                        raise RolledBack
                    known[nodes[place]["referenceId"]] = told(answer)
        except RolledBack:
            return {other: halted() if other != place else answers[place] for other in range(len(nodes))}, False
        return answers, True

    def _node(self, call: Call, node: Node, known: dict[str, Any]) -> Answer:
        try:
            url, body, headers = filled([node["url"], node.get("body"), node.get("httpHeaders")], known)
            _check_address(str(node["method"]).upper(), str(url))
        except OrgError as refused:
            return refusal(refused)
        return self._parts.answer(call, Part(method=str(node["method"]), url=str(url), body=body, headers=headers))


def _check(graphs: list[dict[str, Any]]) -> None:
    if len(graphs) > MAX_GRAPHS:
        raise _limit(f"{MAX_GRAPHS} graphs")
    ids = [graph["graphId"] for graph in graphs]
    if not all(isinstance(given, str) and _GRAPH_ID.fullmatch(given) for given in ids):
        raise OrgError("INVALID_INPUT", "A graphId starts with a letter or number and has less than 40 characters.")
    if len(set(ids)) < len(ids):
        raise OrgError("INVALID_INPUT", "Duplicate graphId provided in the request.")
    nodes: list[Node] = []
    for graph in graphs:
        own = listed(graph, "compositeRequest", ("method", "url", "referenceId"))
        check_reference_ids([node["referenceId"] for node in own])
        if _depth(own) > MAX_DEPTH:
            raise _limit(f"a depth of {MAX_DEPTH}")
        nodes += own
    if len(nodes) > MAX_NODES:
        raise _limit(f"{MAX_NODES} nodes")
    if len({_kind(node) for node in nodes}) > MAX_KINDS:
        raise _limit(f"{MAX_KINDS} different nodes")


def _kind(node: Node) -> tuple[str, str]:
    """What counts as one kind of node: the same version, method and object."""
    path = str(node["url"]).partition("?")[0].lower().strip("/").removeprefix("services/data/")
    return str(node["method"]).upper(), "/".join(path.split("/")[:3])


def _before(nodes: list[Node]) -> list[set[int]]:
    """For each node the places of those it refers to."""
    places = {node["referenceId"]: place for place, node in enumerate(nodes)}
    parts = ([node["url"], node.get("body"), node.get("httpHeaders")] for node in nodes)
    return [{places[name] for name in references(part) if name in places} for part in parts]


def _order(nodes: list[Node]) -> list[int]:
    """Places in an order in which nothing comes before what it refers to. OrgError when they refer in a circle."""
    before = _before(nodes)
    ordered: list[int] = []
    done: set[int] = set()
    while len(ordered) < len(nodes):
        ready = next((place for place in range(len(nodes)) if place not in done and before[place] <= done), None)
        if ready is None:
            raise OrgError("INVALID_INPUT", "The nodes of a graph refer to one another in a circle.")
        ordered.append(ready)
        done.add(ready)
    return ordered


def _depth(nodes: list[Node]) -> int:
    before = _before(nodes)
    depths: dict[int, int] = {}
    for place in _order(nodes):
        depths[place] = 1 + max((depths[other] for other in before[place]), default=0)
    return max(depths.values(), default=0)


def _check_address(method: str, url: str) -> None:
    match = _NODE.fullmatch(url)
    if match is None:
        raise malformed_json(f"A composite graph does not support the URL {url}")
    if method not in _METHODS[match["rest"].count("/")]:
        raise OrgError("METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed.")


def _limit(what: str) -> OrgError:
    return OrgError("INVALID_INPUT", f"Limit exceeded: {what}")
