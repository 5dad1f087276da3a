"""The bounds of an approved plan: exactly its rows and links, and only where no record has moved since.

What a run would do now is planned as ever; of that, what the plan says goes, and all the rest is left for the next one.
So nothing is written that the rules would not write now, and nothing that was not approved. Not here: carrying it out
(`apply`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from syncline.engine.bounds import Allowed, Bounds
from syncline.engine.prints import Name
from syncline.engine.sealed.content import LINK_ENDS, Action, actions_in, records_of, row_print
from syncline.engine.sealed.paper import Plan
from syncline.engine.sheets import Sheets

NOT_IN_PLAN = "it is not in the approved plan"
OTHERWISE = "what would be written is no longer what was approved"
NOTHING_LEFT = "there is nothing left to write, or something stops it: `syncline explain` tells"


class Limits(Bounds):
    """Bounds a run to *plan*. *moved*: the records that are not as they were, with what is said of each.

    `names` tells our names of the actions that it met (by run), `refused` why those of the plan that were met may not
    go.
    """

    is_sealed = True

    def __init__(self, plan: Plan, moved: Mapping[Name, str]) -> None:
        self._plan, self._moved = plan, moved
        self.names: dict[str, Action] = {}
        self.refused: dict[Action, str] = {}

    def links(self, found: pl.DataFrame) -> pl.DataFrame:
        known = found.join(self._plan.links, on=list(LINK_ENDS), how="semi", maintain_order="left")
        is_still = [
            ("a", a_type, a_id) not in self._moved and ("b", b_type, b_id) not in self._moved
            for a_type, a_id, b_type, b_id in known.select(list(LINK_ENDS)).iter_rows()
        ]
        return known.filter(pl.Series(is_still, dtype=pl.Boolean))

    def actions(self, planned: Sheets) -> Allowed:
        going, refused, left = Sheets(), dict[str, tuple[str, str]](), set[str]()
        for _, sheets in planned.by_kind():
            for sheet in sheets:
                kept = []
                for name, action, rows in actions_in(sheet):
                    is_known = [row_print(action, row) in self._plan.rows for row in rows]
                    why = self._against(action, sum(is_known))
                    if why:
                        refused[name] = ("deferred", why)
                    if why or not all(is_known):
                        left.add(name)
                    kept += [one and not why for one in is_known]
                    self.names[name] = action
                going.add(_together(sheet).filter(pl.Series(kept, dtype=pl.Boolean)))
        return Allowed(going=going, refused=refused, left=frozenset(left))

    def why_unmet(self, action: Action) -> str:
        """Why an action of the plan was not even planned now."""
        return self._why_moved(records_of(action)) or NOTHING_LEFT

    def why_no_link(self, ends: tuple[str, str, str, str]) -> str:
        """Why a link (LINK_ENDS) of the plan was not made."""
        a_type, a_id, b_type, b_id = ends
        return (
            self._why_moved((("a", a_type, a_id), ("b", b_type, b_id))) or "matching does not find this pair any more"
        )

    def _why_moved(self, names: Sequence[Name]) -> str:
        return next((self._moved[name] for name in names if name in self._moved), "")

    def _against(self, action: Action, known: int) -> str:
        """Why *action*, of whose rows *known* are in the plan, may not go; "" if it may."""
        if action not in self._plan.actions:
            return NOT_IN_PLAN
        why = self._why_moved(records_of(action))
        if not why and known < self._plan.actions[action]:
            why = OTHERWISE
        if why:
            self.refused[action] = why
        return why


def _together(sheet: pl.DataFrame) -> pl.DataFrame:
    """The rows in the order in which `actions_in` tells them."""
    first = pl.int_range(pl.len()).min().over("action").alias("_first")
    return sheet.with_columns(first).sort("_first", maintain_order=True).drop("_first")
