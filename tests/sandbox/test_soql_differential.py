"""The same SOQL by the org and by an evaluator that knows nothing of it: 10,000 random statements agree.

Each statement comes from the seed in its test's name and its place, so any one is made again from these two.
"""

from __future__ import annotations

import random
from itertools import zip_longest
from typing import Any

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.oracle.soql.evaluator import Evaluator
from tests.oracle.soql.random_statements import RandomStatements
from tests.oracle.soql.rows import CUSTOM, NOW, PARENTS, Rows, made_up, wire
from tests.oracle.soql.statements import Select, spelt
from tests.sandbox.salesforce_client import Client

WORLDS, STATEMENTS = 20, 500


class World:
    """One org and the same rows in Python; a tenth of contacts and opportunities deleted."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        org = SalesforceOrg(clock=SandboxClock(frozen_at=NOW))
        for source in PARENTS:
            for name, spec in CUSTOM.items():
                org.add_field(source, {"name": name, **spec})
        made = made_up(self.dice)
        for source, rows in made.items():
            ids: list[str] = []
            for row in rows:  # parents stand before their children
                for reference, parent in PARENTS[source].values():
                    if row[reference] is not None:
                        row[reference] = (ids if parent == source else [r["Id"] for r in made[parent]])[row[reference]]
                row["Id"] = org.seed(source, [{name: wire(value) for name, value in row.items()}])[0]
                ids.append(row["Id"])
        self.client = Client(org)
        self.rows = self._delete_some(made)

    def _delete_some(self, made: dict[str, list[dict[str, Any]]]) -> Rows:
        referred = {row["ReportsToId"] for row in made["Contact"]}
        gone = {
            row["Id"]
            for source in ("Contact", "Opportunity")
            for row in made[source]
            if row["Id"] not in referred and self.dice.random() < 0.1
        }
        for source in ("Contact", "Opportunity"):
            for row in made[source]:
                if row["Id"] in gone:
                    assert self.client.call("DELETE", f"sobjects/{source}/{row['Id']}")[0] == 204
        live, deleted = (
            {source: {row["Id"]: row for row in rows if (row["Id"] in gone) is out} for source, rows in made.items()}
            for out in (False, True)
        )
        return Rows(live=live, deleted=deleted)

    def check(self, select: Select, *, deleted_too: bool) -> None:
        text = spelt(select)
        status, answer = self.client.call("GET", "queryAll" if deleted_too else "query", q=text)
        assert status == 200, f"{text}\n{answer}"
        expected = Evaluator(self.rows, deleted_too).answer(select)
        if isinstance(expected, int):
            assert (answer["totalSize"], answer["records"]) == (expected, []), text
            return
        told, expected = _bare(answer["records"]), _bare(expected)
        if not select.order:
            told, expected = sorted(told, key=repr), sorted(expected, key=repr)
        apart = [pair for pair in zip_longest(told, expected) if pair[0] != pair[1]]
        assert not apart, f"{text}\n{len(apart)} apart, the first: told, expected = {apart[0]}"
        assert answer["totalSize"] == len(expected)


def _bare(value: Any) -> Any:
    """Without attributes, names in one order (theirs is another test's affair), numbers to nine digits."""
    match value:
        case dict():
            return {name: _bare(value[name]) for name in sorted(value) if name != "attributes"}
        case list():
            return [_bare(each) for each in value]
        case int() | float() if not isinstance(value, bool):
            return float(f"{value:.9g}")
        case _:
            return value


@pytest.mark.parametrize("seed", range(WORLDS))
def test_random_statements_agree(seed: int) -> None:
    world = World(seed)
    statements = RandomStatements(world.dice)
    for _ in range(STATEMENTS):
        select = statements.select()
        # Which deleted rows a sub-query of queryAll sees is not told.
        alone = "(SELECT" not in spelt(select)
        world.check(select, deleted_too=alone and world.dice.random() < 0.2)
