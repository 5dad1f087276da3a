"""What people do in both systems: enter, edit, blank, merge, convert, delete, bring back, purge, change addresses.

Lives here: the deeds, each one transaction of a system, and how often they happen. The chronicle is told of each as
somebody's doing. Not here: when people do something (`history`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from syncline.records import SIDES, Side, other
from tests.simulation.chronicle import COLUMNS, HUMAN, Row
from tests.simulation.ground import ADMIN, Refused
from tests.simulation.stage import Stage
from tests.simulation.variant import FILTER_FIELD, OUT, WIDE

EDITED = ("title", "phone", "last_name", "title", "phone", "email_opt_out", "email")
EDITED_WIDE = (*EDITED, "city", "score", "street")
MARKETER = "marketer@acme.example"


@dataclass(kw_only=True)
class Hands:
    """Everybody's hands in both systems. `luck` is theirs alone."""

    stage: Stage
    luck: Random
    people: int
    left_alone: set[int | None] = field(default_factory=set)  # nobody touches their records any more

    # -- who there is ------------------------------------------------------------------------------------------------

    def living(self, side: Side, person: int | None = None, object_type: str | None = None) -> list[Row]:
        return [
            row
            for row in self.stage.chronicle.rows[side].values()
            if not row.has_ended
            and row.person not in self.left_alone
            and (person is None or row.person == person)
            and (object_type is None or row.object_type == object_type)
        ]

    def somebody(self, side: Side, object_type: str | None = None) -> Row | None:
        rows = self.living(side, object_type=object_type)
        return self.luck.choice(rows) if rows else None

    # -- single acts -------------------------------------------------------------------------------------------------

    def do(self, side: Side, text: str, act: Callable[[], Any], person: int | None = None) -> Any:
        """Carry out *act* on a side as somebody's doing; refused acts did nothing."""
        self.stage.catch_up(side)
        try:
            made = act()
        except Refused as refused:
            self.stage.tell(f"refused on {side}: {text} ({refused})")
            return None
        self.stage.tell(f"{side}: {text}")
        rows = self.stage.chronicle.look(side, HUMAN, self.stage.now_us())
        for row in rows:
            if row.person is None and len(row.versions) == 1:
                row.person = person
        return made

    def write(self, row: Row, cells: Mapping[str, str], *, is_person: bool = True) -> None:
        columns = COLUMNS[row.object_type]
        values: dict[str, Any] = {columns[key]: _given(key, value) for key, value in cells.items() if key in columns}
        text = f"{row.record_id} := {dict(cells)}"
        if row.side == "a":
            self.do("a", text, lambda: self._org(row.object_type, "update", {"Id": row.record_id, **values}))
        else:
            self.do("b", text, lambda: self._marketing("updateOnly", {"id": int(row.record_id), **values}, is_person))

    def create(self, name: str, values: Mapping[str, str], person: int | None = None) -> str:
        """A record that is entered on side a by hand; its id."""
        text = f"enters {name}: {dict(values)}"
        return str(self.do("a", text, lambda: self._org(name, "create", dict(values)), person))

    def _org(self, name: str, operation: str, record: dict[str, Any]) -> str:
        body = {"as": ADMIN, "object": name, "operation": operation, "records": [record]}
        return str(self.stage.ground.ask_org("POST", "write", body)["ids"][0])

    def _marketing(self, action: str, record: dict[str, Any], is_person: bool = True) -> str:
        by = (
            {"source": "Lead Database", "user": MARKETER}
            if is_person
            else {"source": "Marketo Flow Action", "user": ""}
        )
        lookup = "id" if "id" in record else "email"
        body = {**by, "action": action, "lookupField": lookup, "input": [record]}
        (result,) = self.stage.ground.ask_instance("POST", "people", body)
        if result["status"] == "skipped":
            raise Refused(str(result))
        return str(result["id"])

    def new(self, side: Side, person: int, object_type: str = "Lead") -> None:
        """A record is entered by hand."""
        cells = {"first_name": f"First{person}", "last_name": f"Last{person}", "email": f"p{person}@x.example"}
        cells["title"] = self.stage.fresh("title")
        if self.luck.random() < 0.3:
            cells["phone"] = self.stage.fresh("phone")
        if side == "b":
            values = {COLUMNS["lead"][key]: value for key, value in cells.items()}
            self.do("b", f"enters person {person}: {cells}", lambda: self._marketing("createOnly", values), person)
            return
        values = {COLUMNS[object_type][key]: value for key, value in cells.items()}
        if object_type == "Lead":
            values["Company"] = "Acme"
        text = f"enters {object_type} for person {person}: {cells}"
        self.do("a", text, lambda: self._org(object_type, "create", values), person)


Deed = Callable[[Hands], None]


def _given(key: str, value: str) -> Any:
    if key == "email_opt_out":
        return value == "true"
    if key == "score":
        return int(value) if value else None
    return value or None


def enter(hands: Hands) -> None:
    side: Side = "a" if hands.luck.random() < 0.6 else "b"
    if hands.luck.random() < 0.5 and len(hands.living(side)) < 8:
        hands.people += 1
        hands.new(side, hands.people, _type(hands, side))
        return
    there = {row.person for row in hands.stage.chronicle.rows[side].values()}
    missing = [person for person in range(1, hands.people + 1) if person not in there]
    if missing:
        hands.new(side, hands.luck.choice(missing), _type(hands, side))


def _type(hands: Hands, side: Side) -> str:
    if side == "a" and hands.stage.variant.shape.has_contacts and hands.luck.random() < 0.3:
        return "Contact"
    return "Lead"


def edit(hands: Hands) -> None:
    """One field of one record changes, sometimes to blank."""
    if row := hands.somebody("a" if hands.luck.random() < 0.5 else "b"):
        key = hands.luck.choice(EDITED_WIDE if hands.stage.variant.shape.is_wide else EDITED)
        hands.write(row, {key: _value(hands, key)}, is_person=hands.luck.random() < 0.8)


def _value(hands: Hands, key: str) -> str:
    if key == "email_opt_out":
        return hands.luck.choice(("true", "false"))
    if key == "score":
        hands.stage.values_made += 1
        return str(1000 + hands.stage.values_made)
    if key not in ("last_name", "email") and hands.luck.random() < 0.2:
        return ""
    return hands.stage.fresh(key)


def edit_several(hands: Hands) -> None:
    """Several fields of one record in one transaction."""
    if row := hands.somebody("a" if hands.luck.random() < 0.5 else "b"):
        keys = ("title", "phone", "city", "street") if hands.stage.variant.shape.is_wide else ("title", "phone")
        hands.write(row, {key: _value(hands, key) for key in keys[: hands.luck.randint(2, 4)]})


def edit_both(hands: Hands) -> None:
    """The same field of one person changes on both sides."""
    key = hands.luck.choice(("title", "phone", "last_name", *sorted(WIDE if hands.stage.variant.shape.is_wide else ())))
    if (row := hands.somebody("a")) is None:
        return
    for side in sorted(SIDES, key=lambda _: hands.luck.random()):
        for one in hands.living(side, row.person)[:1]:
            hands.write(one, {key: _value(hands, key)})


def edit_in_bulk(hands: Hands) -> None:
    """Everybody on a side gets a new value, one after the other."""
    side: Side = "a" if hands.luck.random() < 0.5 else "b"
    for row in hands.living(side):
        hands.write(row, {"title": hands.stage.fresh("title")}, is_person=False)


def share_an_address(hands: Hands) -> None:
    """Two people with one address are entered on a; the other side knows the address alone, and it is the
    second's; that stays so."""
    address = f"both{hands.people}@x.example"
    for name in ("Early", "Late"):
        hands.people += 1
        hands.left_alone.add(hands.people)
        values = {"FirstName": name, "LastName": f"{name}son", "Email": address, "Company": "Acme"}
        text = f"enters person {hands.people} with {address}"
        hands.do("a", text, lambda values=values: hands._org("Lead", "create", values), hands.people)  # type: ignore[misc]
    text = f"knows {address} of person {hands.people}"
    hands.do("b", text, lambda: hands._marketing("createOnly", {"email": address}), hands.people)


def change_filter(hands: Hands) -> None:
    if row := hands.somebody("a", "Lead"):
        value = OUT if hands.luck.random() < 0.5 else "Warm"
        values = {"Id": row.record_id, FILTER_FIELD: value}
        hands.do("a", f"{row.record_id}.{FILTER_FIELD} := {value}", lambda: hands._org("Lead", "update", values))


def merge_rows(hands: Hands, loser: Row, winner: Row) -> None:
    text = f"{loser.record_id} is merged into {winner.record_id}"
    if loser.side == "a":
        body = {"object": loser.object_type, "master": winner.record_id, "losers": [loser.record_id]}
        hands.do("a", text, lambda: hands.stage.ground.ask_org("POST", "merge", body))
        return
    hands.stage.chronicle.heirs[loser.record_id] = winner.record_id
    people = {"id": int(winner.record_id), "leadIds": [int(loser.record_id)], "user": MARKETER}
    hands.do("b", text, lambda: hands.stage.ground.ask_instance("POST", "people/merge", people))


def merge_two(hands: Hands) -> None:
    """Two records of one person become one; where there is one only, a second is entered."""
    side: Side = "a" if hands.luck.random() < 0.6 else "b"
    if (row := hands.somebody(side, None if side == "b" else "Lead")) is None or row.person is None:
        return
    own = hands.living(side, row.person, row.object_type)
    if len(own) < 2:
        if side == "a":
            hands.new("a", row.person, row.object_type)
        return
    winner, loser = hands.luck.sample(own, 2)
    merge_rows(hands, loser, winner)


def convert(hands: Hands) -> None:
    if hands.stage.variant.shape.has_contacts and (row := hands.somebody("a", "Lead")) is not None:
        convert_row(hands, row)


def convert_row(hands: Hands, row: Row, **into: str) -> None:
    body: dict[str, Any] = {"lead_id": row.record_id, "do_not_create_opportunity": True, **into}
    text = f"{row.record_id} is converted"
    hands.do("a", text, lambda: hands.stage.ground.ask_org("POST", "convert", body), row.person)


def delete_one(hands: Hands) -> None:
    if row := hands.somebody("a" if hands.luck.random() < 0.6 else "b"):
        delete_row(hands, row)


def delete_row(hands: Hands, row: Row) -> None:
    if row.side == "a":
        hands.do("a", f"deletes {row.record_id}", lambda: hands._org(row.object_type, "delete", {"Id": row.record_id}))
        return
    body = {"input": [{"id": int(row.record_id)}], "source": "Lead Database", "user": MARKETER}
    hands.do("b", f"deletes {row.record_id}", lambda: hands.stage.ground.ask_instance("DELETE", "people", body))


def _in_bin(hands: Hands) -> Row | None:
    rows = [r for r in hands.stage.chronicle.rows["a"].values() if r.now.is_deleted and not r.now.is_purged]
    return hands.luck.choice(rows) if rows else None


def undelete_one(hands: Hands) -> None:
    if row := _in_bin(hands):
        undelete_row(hands, row)


def undelete_row(hands: Hands, row: Row) -> None:
    text = f"undeletes {row.record_id}"
    hands.do("a", text, lambda: hands._org(row.object_type, "undelete", {"Id": row.record_id}))


def purge_one(hands: Hands) -> None:
    if row := _in_bin(hands):
        purge_row(hands, row)


def purge_row(hands: Hands, row: Row) -> None:
    """Who was deleted on side a is in the bin no more; on side b nobody ever is."""
    if row.side == "a":
        body = {"ids": [row.record_id]}
        hands.do("a", f"purges {row.record_id}", lambda: hands.stage.ground.ask_org("POST", "purge", body))


def merge_chain(hands: Hands) -> None:
    """Of three records of one person the first ends in the second, and that one in the third."""
    if (row := hands.somebody("a", "Lead")) is None or row.person is None:
        return
    while len(own := hands.living("a", row.person, "Lead")) < 3:
        if not _entered(hands, row.person):
            return
    first, second, third = hands.luck.sample(own, 3)
    for loser, winner in ((first, second), (second, third)):
        merge_rows(hands, loser, winner)


def _entered(hands: Hands, person: int) -> bool:
    before = len(hands.living("a", person, "Lead"))
    hands.new("a", person, "Lead")
    return len(hands.living("a", person, "Lead")) > before


def convert_and_edit(hands: Hands) -> None:
    """A lead, best one that said no, is converted, and its contact is edited at once."""
    leads = hands.living("a", object_type="Lead")
    if not hands.stage.variant.shape.has_contacts or not leads:
        return
    told_no = [row for row in leads if row.now.cells["email_opt_out"] == "true"]
    row = hands.luck.choice(told_no or leads)
    convert_row(hands, row)
    heir = hands.stage.chronicle.rows["a"].get(row.now.heir or "")
    if heir is not None:
        hands.write(heir, {"title": _value(hands, "title")})


def edit_and_delete(hands: Hands) -> None:
    """Somebody edits a person on one side while another deletes him on the other."""
    side: Side = "a" if hands.luck.random() < 0.5 else "b"
    row = hands.somebody(side)
    far = hands.living(other(side), row.person) if row is not None and row.person is not None else []
    if row is not None and far:
        hands.write(far[0], {"phone": hands.stage.fresh("phone")})
        delete_row(hands, row)


def no_and_merge(hands: Hands) -> None:
    """Of two leads of a person, one of whom says no, one ends in the other."""
    for row in hands.living("a", object_type="Lead"):
        own = hands.living("a", row.person, "Lead") if row.person is not None else []
        if len(own) > 1:
            loser, winner = own[:2]
            if hands.luck.random() < 0.5:
                hands.write(loser, {"email_opt_out": "true"})
                return
            merge_rows(hands, loser, winner)
            return
    if (one := hands.somebody("a", "Lead")) is not None and one.person is not None:
        hands.new("a", one.person, "Lead")


def blank_all(hands: Hands) -> None:
    """Everybody on a side loses the title at once."""
    side: Side = "a" if hands.luck.random() < 0.5 else "b"
    for row in hands.living(side):
        hands.write(row, {"title": ""})


def delete_several(hands: Hands) -> None:
    side: Side = "a" if hands.luck.random() < 0.5 else "b"
    for row in hands.living(side)[:3]:
        delete_row(hands, row)


def enter_several(hands: Hands) -> None:
    for _ in range(2):
        hands.people += 1
        hands.new("a", hands.people, "Lead")


LIVING: list[tuple[Deed, int]] = [(enter, 4), (edit, 16), (edit_several, 5), (edit_both, 8), (edit_in_bulk, 1)]
FILTERING: list[tuple[Deed, int]] = [(change_filter, 4)]
ENDING: list[tuple[Deed, int]] = [
    (merge_two, 6),
    (convert, 3),
    (delete_one, 3),
    (undelete_one, 3),
    (purge_one, 1),
]
CHAINS: list[tuple[Deed, int]] = [(merge_chain, 4), (convert_and_edit, 4), (edit_and_delete, 4), (no_and_merge, 6)]
BULK: list[tuple[Deed, int]] = [(blank_all, 2), (enter_several, 3)]
BULK_ENDS: list[tuple[Deed, int]] = [(delete_several, 3)]


def deed(hands: Hands) -> None:
    """Somebody does something, as often as the variant's people do it."""
    variant = hands.stage.variant
    drawn = (
        (True, LIVING),
        (variant.shape.is_filtered, FILTERING),
        (variant.has_endings, ENDING),
        (variant.has_endings and variant.has_chains, CHAINS),
        (variant.has_low_ceilings, BULK),
        (variant.has_low_ceilings and variant.has_endings, BULK_ENDS),
    )
    table = [one for is_on, own in drawn if is_on for one in own]
    deeds, weights = zip(*table, strict=True)
    hands.luck.choices(deeds, weights)[0](hands)
