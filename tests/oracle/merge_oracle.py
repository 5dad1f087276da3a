"""The rules of agreement read row by row: one pair, one field or atomic group at a time, in plain Python.

The columnar merge must say exactly what this says. It is written from the rules' text, not from the columnar code, and
is not meant to be fast. Sentences (reason, evidence) are not its business.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from syncline.records import SIDES, Side, other
from syncline.spec.model import Blanks, Direction, Drift, FieldMap, Policy
from syncline.values import FieldType
from tests.oracle.merge_members import ALWAYS, Member, Row, Times, cell_of, number


def decide(
    pairs: Iterable[Row],
    maps: Sequence[FieldMap],
    type_a: str,
    *,
    first_link: Policy = Policy.NON_BLANK,
    marks: Iterable[Row] = (),
    moments: Iterable[Row] = (),
    times: Times,
) -> list[dict[str, Any]]:
    """The decisions of every pair, as rows with the columns of DECISIONS but for sentences and instants."""
    noted: dict[tuple[int, str], dict[str, Any]] = {}
    for row in marks:
        noted.setdefault((row["link_id"], row["mapping"]), {})[row["kind"]] = json.loads(row["detail"] or "{}")
    newest = {(row["link_id"], row["mapping"], row["side"]): row for row in sorted(moments, key=lambda r: r["at_us"])}
    decided = []
    for pair in pairs:
        link = pair["link_id"]
        members = [
            Member(
                map=m,
                cells={s: cell_of(pair, m, s, type_a, newest.get((link, m.key, s))) for s in SIDES},
                marks=noted.get((link, m.key), {}),
            )
            for m in maps
        ]
        for group in _groups(members):
            Group(group, pair, type_a, first_link, times).decide()
        decided += [_row(link, member) for member in members if member.decision]
    return decided


def _groups(members: list[Member]) -> list[list[Member]]:
    groups: dict[tuple[bool, str], list[Member]] = {}
    for m in members:
        groups.setdefault((m.map.is_atomic, m.map.group_key if m.map.is_atomic else m.map.key), []).append(m)
    return list(groups.values())


CLASSES = {
    "agree": "agreed", "write": "written", "conflict_write": "written", "fill": "written", "held": "held",
    "waiting": "waiting", "blocked": "blocked", "apart": "unchanged", "drift": "unchanged", "frozen": "frozen",
    "dead": "dead",
}  # fmt: skip


def _row(link: int, member: Member) -> dict[str, Any]:
    silent = dict.fromkeys(("target", "value", "loser_side", "loser_value", "kind", "policy"))
    sets = {f"set_base_{s}": member.decision["verdict"] == "agree" for s in SIDES}
    facts = {**silent, **sets, **member.decision}
    return {"link_id": link, "mapping": member.map.key, "class": CLASSES[facts["verdict"]], **facts}


class Group:
    """A single field, or the members of an atomic group of one link: decided as one."""

    def __init__(self, members: list[Member], pair: Row, type_a: str, first_link: Policy, times: Times) -> None:
        self.members, self.pair, self.times = members, pair, times
        self.map = members[0].map
        policies = [m.map.policy(type_a) for m in members]
        self.consent = Policy.MOST_RESTRICTIVE in policies
        self.type = {m.map.key: m.map.a[type_a].type for m in members}
        self.policy = Policy.MOST_RESTRICTIVE if self.consent else policies[0]
        first = self.map.first_link or first_link
        self.first_policy = self.policy if self.consent and first is not Policy.HOLD else first
        self.open: list[Member] = []

    def decide(self) -> None:
        if all(m.quiet for m in self.members):
            return
        if not all(m.usable for m in self.members):
            for m in self.members:
                if not m.quiet:
                    m.say("waiting")
            return
        for m in self.members:
            if m.equal and not m.quiet:
                m.say("agree")
        self.open = [m for m in self.members if not m.equal]
        if all(m.quiet for m in self.open):
            return
        if self.map.direction is Direction.BOTH:
            self._both_ways()
        else:
            self._one_way("a" if self.map.direction is Direction.A_TO_B else "b")

    # One way

    def _one_way(self, source: Side) -> None:
        target = other(source)
        if any(m.asks(source) for m in self.open):
            self._judge(source, policy=self.map.direction.value)
            return
        strays = [m for m in self.open if m.asks(target) and m.cells[source].known]
        for m in self.open:
            if m.asks(target) and m not in strays:
                m.say("apart")
        undecided = [m for m in self.open if not m.decision]
        if not strays:
            return
        if self.map.drift is Drift.HOLD:
            self._hold(undecided, "drift", policy="hold")
        elif self.map.drift is Drift.LEAVE:
            for m in strays:
                m.say("drift", policy="leave")
        else:
            self._judge(source, policy="restore", kind="drift", among=undecided)

    # Both ways

    def _both_ways(self) -> None:
        asking: list[Side] = [s for s in SIDES if any(m.asks(s) for m in self.open)]
        if len(asking) == 1:
            self._judge(asking[0], policy=None)
            return
        policy, winner = self._by_policy()
        if winner is None:
            self._hold(self.open, None, policy=policy.value)
            return
        self._judge(winner, policy=policy.value, contested=True)

    def _by_policy(self) -> tuple[Policy, Side | None]:
        """The policy that decides, and its winner; None: held for a person."""
        policy = self.policy
        if all(m.never_agreed for m in self.open):
            policy = self.first_policy
            if policy is Policy.NON_BLANK and self._score(policy) == 0:
                policy = self.policy
        if policy is Policy.HOLD:
            return policy, None
        score = self._score(policy)
        return policy, self.map.tie if score == 0 else "a" if score > 0 else "b"

    def _score(self, policy: Policy) -> int:
        """Above 0: a wins; below 0: b; 0: the policy cannot tell."""
        scores: dict[Policy, Callable[[], int]] = {
            Policy.A: lambda: 1,
            Policy.B: lambda: -1,
            Policy.HOLD: lambda: 0,
            Policy.NEWEST: self._newer,
            Policy.MOST_RESTRICTIVE: self._newer,
            Policy.NEWEST_RECORD: self._newer_record,
            Policy.NON_BLANK: self._fuller,
            Policy.MAX: lambda: self._greater(1),
            Policy.MIN: lambda: self._greater(-1),
        }
        return scores[policy]()

    def _interval(self, m: Member, side: Side) -> tuple[float, float]:
        cell = m.cells[side]
        if cell.moment is not None:
            return cell.moment["at_us"], cell.moment["at_us"]
        stamp, asof = self.pair.get(f"stamp_{side}"), self.pair.get(f"asof_{side}")
        until = next(at for at in (stamp, asof, self.times.now_us) if at is not None)
        before = self.pair.get(f"prev_{side}" if stamp is not None else f"prevasof_{side}")
        return ALWAYS if before is None or not cell.known else before, until

    def _newer(self) -> int:
        span = {}
        for side in SIDES:
            changes = [self._interval(m, side) for m in self.open if m.asks(side)]
            span[side] = (max(start for start, _ in changes), max(end for _, end in changes))
        gap = 2 * self.times.widening
        return int(span["a"][0] > span["b"][1] + gap) - int(span["b"][0] > span["a"][1] + gap)

    def _newer_record(self) -> int:
        a, b = self.pair.get("stamp_a"), self.pair.get("stamp_b")
        return 0 if a is None or b is None else (a > b) - (b > a)

    def _fuller(self) -> int:
        a = any(not m.cells["a"].blank and m.cells["b"].blank for m in self.open)
        b = any(not m.cells["b"].blank and m.cells["a"].blank for m in self.open)
        return int(a) - int(b)

    def _greater(self, sign: int) -> int:
        for m in self.open:
            a, b = m.cells["a"], m.cells["b"]
            if a.blank or b.blank:
                score = int(b.blank) - int(a.blank)
            elif not a.text or not b.out:  # a blank that stands for a value: nothing to compare
                score = 0
            elif self.type[m.map.key] in (FieldType.NUMBER, FieldType.INTEGER):
                mine, theirs = Decimal(a.text), Decimal(b.out)
                score = sign * (int(mine > theirs) - int(theirs > mine))
            else:
                score = sign * (int(a.text > b.out) - int(b.out > a.text))
            if score:
                return score
        return 0

    # Consent

    def _protects(self, m: Member, side: Side) -> bool:
        """The protective value is in side a's words, or in b's for a mapping that flows from a to b only."""
        at_home = (side == "b") == (m.map.direction is Direction.A_TO_B)
        return (m.cells[side].text if at_home else m.cells[side].out) == m.map.restrictive

    def _loosened(self, winner: Side) -> list[Member]:
        if not self.consent:
            return []
        return [m for m in self.open if self._protects(m, other(winner)) and not self._protects(m, winner)]

    def _is_proven(self, m: Member, winner: Side) -> bool:
        mine, theirs = m.cells[winner], m.cells[other(winner)]
        if mine.moment is not None:
            is_person, act_us = mine.moment["is_human"], mine.moment["at_us"]
        else:  # without moments: the record's last hand, and a move since the look before
            is_person, act_us = self.pair.get(f"human_{winner}"), self.pair.get(f"prev_{winner}")
            if not mine.changed or self.pair.get(f"stamp_{winner}") is None:
                return False
        if not is_person or act_us is None:
            return False
        if theirs.moment is None and theirs.known and not theirs.changed:
            return True
        return bool(act_us > self._interval(m, other(winner))[1] + 2 * self.times.widening)

    def _may_win(self, winner: Side) -> bool:
        return all(self._is_proven(m, winner) for m in self._loosened(winner))

    def _judge(
        self,
        winner: Side,
        *,
        policy: str | None,
        kind: str | None = None,
        contested: bool = False,
        among: list[Member] | None = None,
    ) -> None:
        """Loosening needs certain evidence of an act by a person; else what protects wins, where it may flow."""
        members = self.open if among is None else among
        if not self._may_win(winner):
            policy = Policy.MOST_RESTRICTIVE.value
            protector = other(winner)
            bare = any(m.cells[protector].blank for m in self._loosened(winner))
            if self.map.direction is not Direction.BOTH or bare or not self._may_win(protector):
                self._hold(members, kind, policy=policy)
                return
            winner = protector
        if contested and len(self.members) == 1 and self._kept_back(self.open[0], winner):
            if self.consent:
                self._hold(members, kind, policy=policy)
                return
            winner = other(winner)
        self._carry(members, winner, policy, kind, contested)

    # Writing

    @staticmethod
    def _kept_back(m: Member, winner: Side) -> bool:
        """A blank that does not travel: by `keep`, or because it is a synthetic value."""
        cell = m.cells[winner]
        return cell.blank and (m.map.blanks is Blanks.KEEP or cell.synthetic)

    def _carry(
        self, members: list[Member], winner: Side, policy: str | None, kind: str | None, contested: bool
    ) -> None:
        target = other(winner)
        writes = []
        for m in members:
            mine, theirs = m.cells[winner], m.cells[target]
            if mine.out is not None and mine.out == theirs.text:
                if not m.quiet:
                    m.say("agree")
            elif self._kept_back(m, winner):
                if m.quiet:
                    continue
                if kind == "drift" and m.asks(target):
                    m.say("drift", policy=policy)
                else:
                    m.say("apart", **self._advance(winner, contested))
            else:
                writes.append(m)
        obstacle = self._obstacle(writes, winner)
        for m in writes:
            mine, theirs = m.cells[winner], m.cells[target]
            facts: dict[str, Any] = {"target": target, "value": mine.out}
            if obstacle:
                m.say(obstacle, **facts)
            elif not theirs.known and theirs.fillable:
                m.say("fill", **facts)
            elif m.asks(target) or not theirs.known:
                lost = {"loser_side": target, "loser_value": theirs.text, "kind": kind or self._kind(m)}
                m.say("conflict_write", **facts | lost | {"policy": policy})
            else:
                m.say("write", **facts)

    @staticmethod
    def _advance(winner: Side, contested: bool) -> dict[str, bool]:
        return {f"set_base_{s}": contested or s == winner for s in SIDES}

    @staticmethod
    def _kind(m: Member) -> str:
        return "first_link" if m.never_agreed else "conflict"

    def _hold(self, members: list[Member], kind: str | None, *, policy: str | None) -> None:
        for m in members:
            if not m.quiet:
                m.say("held", kind=kind or self._kind(m), policy=policy)

    def _obstacle(self, writes: list[Member], winner: Side) -> str | None:
        """What stops one stops all: the gravest."""
        target = other(winner)
        for name, stops in (
            ("dead", lambda m: self._refused(m, "dead", winner)),
            (
                "blocked",
                lambda m: (
                    m.cells[winner].out is None or not m.cells[target].may or self._refused(m, "not_taken", winner)
                ),
            ),
            ("frozen", lambda m: "frozen" in m.marks),
            ("held", self._is_held),
        ):
            if any(stops(m) for m in writes):
                return name
        return None

    @staticmethod
    def _refused(m: Member, kind: str, winner: Side) -> bool:
        """This value was refused there; another value wakes it."""
        detail = m.marks.get(kind)
        if detail is None or detail.get("side", other(winner)) != other(winner):
            return False
        return "print" not in detail or number(detail["print"]) == m.cells[winner].print

    @staticmethod
    def _is_held(m: Member) -> bool:
        detail = m.marks.get("held")
        if detail is None:
            return False
        return not {"a", "b"} & set(detail) or all(number(detail.get(s)) == m.cells[s].print for s in SIDES)
