"""Lives told to their end: somebody's records are linked and agree, and only then are merged, converted, deleted,
brought back or entered anew. Ordinary people seldom wait for that.

Lives here: crossings that wait for what we did before they go on, and which of them a history draws, from a luck of
their own. Not here: the other ones (`crossings`), or what must hold (`laws`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

from syncline.records import SIDES, Side, other
from syncline.spec.model import OnDelete
from syncline.trees import Table
from tests.simulation.chronicle import Row
from tests.simulation.deeds import Hands, convert_row, delete_row, merge_rows, purge_row, undelete_row
from tests.simulation.stage import Return
from tests.simulation.variant import Variant

NEWCOMERS = 5_000
"""From here on the people are numbered of whom such a life is told."""

MORE_ROUNDS = 8
"""A life lasts for so many more turns than other histories."""

Pair = tuple[Row, Row]
Life = Callable[[Hands], Awaitable[None]]


class Over(Exception):
    """People have stopped before the life came so far."""


async def merge_two(hands: Hands) -> None:
    """Of two linked pairs of one person, of which one has another address and says no, one ends in the other."""
    winner, loser = await grown_pairs(hands, 2)
    side = hands.luck.choice(SIDES)
    await told(hands, loser, "email", hands.stage.fresh("email"), side)
    await told(hands, loser, "email_opt_out", "true", side)
    merge_rows(hands, loser[at(side)], winner[at(side)])


async def merge_three(hands: Hands) -> None:
    """Of three linked pairs of one person the first ends in the second, and that one in the third, at once."""
    first, second, third = await grown_pairs(hands, 3)
    side = hands.luck.choice(SIDES)
    merge_rows(hands, first[at(side)], second[at(side)])
    merge_rows(hands, second[at(side)], third[at(side)])


async def merge_and_delete(hands: Hands) -> None:
    """Who won a merge is deleted before the merge was made on the other side; who is left there is edited later."""
    winner, loser = await grown_pairs(hands, 2)
    side = hands.luck.choice(SIDES)
    merge_rows(hands, loser[at(side)], winner[at(side)])
    delete_row(hands, winner[at(side)])
    await cycles(hands)
    for left in (winner[at(other(side))], loser[at(other(side))]):
        if not left.has_ended:
            hands.write(left, {"title": hands.stage.fresh("title")})


async def come_back(hands: Hands) -> None:
    """Somebody is deleted, and after we have learnt of it he is entered anew: he takes the old place, if it is left."""
    (pair,) = await grown_pairs(hands, 1)
    policies = hands.stage.sync.on_delete
    sides = [side for side in SIDES if policies.get(side) in (OnDelete.FLAG, OnDelete.UNLINK)]
    if not sides:
        raise Over
    side = hands.luck.choice(sides)
    gone, left = pair[at(side)], pair[at(other(side))]
    delete_row(hands, gone)
    while not await _is_bereft(hands, left):
        await second(hands)
    known = set(hands.stage.chronicle.rows[side])
    hands.new(side, gone.person or NEWCOMERS, "Lead")
    for record_id in set(hands.stage.chronicle.rows[side]) - known:
        hands.stage.returns.append(Return(gone=gone, left=left, come=hands.stage.chronicle.rows[side][record_id]))


async def _is_bereft(hands: Hands, left: Row) -> bool:
    """Whether it is stored that a record is alone in its link."""
    store = hands.stage.ground.store()
    ends = await store.rows(Table.LINK_END, {"side": left.side, "record_id": left.record_id, "role": "current"})
    links = await store.rows(Table.LINK, {"link_id": ends["link_id"].to_list()})
    return links["state"].to_list() == ["tombstone"]


async def rise_again(hands: Hands) -> None:
    """Somebody is deleted; after we have learnt of it his twin is edited, and he is brought back."""
    (pair,) = await grown_pairs(hands, 1)
    delete_row(hands, pair[0])
    await cycles(hands)
    if not pair[1].has_ended:
        hands.write(pair[1], {"title": hands.stage.fresh("title")})
    await cycles(hands)
    undelete_row(hands, pair[0])


async def be_converted(hands: Hands) -> None:
    """Somebody who said no is converted once both sides know it, sometimes into somebody just entered."""
    (pair,) = await grown_pairs(hands, 1)
    await told(hands, pair, "email_opt_out", "true", hands.luck.choice(SIDES))
    if hands.luck.random() < 0.5:
        convert_row(hands, pair[0])
        return
    account = hands.create("Account", {"Name": "Acme"})
    contact = hands.create("Contact", {"LastName": "Newson", "AccountId": account}, pair[0].person)
    convert_row(hands, pair[0], account_id=account, contact_id=contact)


async def be_purged(hands: Hands) -> None:
    """Whoever we write to without an answer is deleted, and is in no bin."""
    while True:
        await second(hands)
        for side, record_id in sorted(hands.stage.sending.in_doubt):
            row = hands.stage.chronicle.rows[side].get(record_id)
            if row is not None and not row.has_ended:
                delete_row(hands, row)
                purge_row(hands, row)
                return


async def share_a_no(hands: Hands) -> None:
    """Of two linked pairs of one person with one address, one says no later."""
    _, other_one = await grown_pairs(hands, 2)
    side = hands.luck.choice(SIDES)
    hands.write(other_one[at(side)], {"email_opt_out": "true"})


# -- waiting ---------------------------------------------------------------------------------------------------------


def at(side: Side) -> int:
    """The place of a side's record in a pair."""
    return 0 if side == "a" else 1


async def second(hands: Hands) -> None:
    """Raises Over when people have stopped."""
    if hands.stage.ended:
        raise Over
    await asyncio.sleep(2.0)
    if hands.stage.ended:
        raise Over


async def grown_pairs(hands: Hands, count: int) -> list[Pair]:
    """That many linked pairs of a new person, each with a score of its own where there are scores."""
    person = NEWCOMERS + hands.luck.randint(1, 900)
    hands.left_alone.add(person)
    for number in range(count):
        if number and hands.stage.variant.shape.preset == "recommended":
            await _moved_away(hands, person, number)  # of two with one address a person would be asked
        hands.new("a", person, "Lead")
    while len(pairs := _pairs(hands, person)) < count:
        await second(hands)
    if hands.stage.variant.shape.is_wide:
        for number, pair in enumerate(pairs):
            await told(hands, pair, "score", str(100 + number), "b")
    hands.luck.shuffle(pairs)
    return pairs


async def _moved_away(hands: Hands, person: int, count: int) -> None:
    """Every pair of the person has an address of its own."""
    while len(pairs := _pairs(hands, person)) < count:
        await second(hands)
    await told(hands, pairs[-1], "email", hands.stage.fresh("email"), "a")


def _pairs(hands: Hands, person: int) -> list[Pair]:
    """Living records of a person that name each other."""
    rows = hands.stage.chronicle.rows
    far = {row.now.cells["sfdc_id"]: row for row in rows["b"].values() if not row.has_ended}
    near = sorted(
        (row for row in rows["a"].values() if row.person == person and not row.has_ended), key=lambda r: r.record_id
    )
    return [(row, far[row.record_id]) for row in near if row.record_id in far]


async def told(hands: Hands, pair: Pair, key: str, value: str, side: Side) -> None:
    """The value is entered on a side, and is on both afterwards."""
    hands.write(pair[at(side)], {key: value})
    while any(row.now.cells[key] != value for row in pair):
        await second(hands)
    await cycles(hands)


async def cycles(hands: Hands) -> None:
    """Wait until whoever works has ended what he was at, and all of it once more."""
    enough = len(hands.stage.reports) + (2 if hands.stage.variant.workers == 1 else 12)
    while len(hands.stage.reports) < enough:
        await second(hands)


# -- which there are -------------------------------------------------------------------------------------------------


def _lasts(variant: Variant) -> bool:
    return not variant.has_low_ceilings


def _faults(variant: Variant) -> bool:
    return variant.has_faults


def _contacts(variant: Variant) -> bool:
    return variant.shape.has_contacts and _lasts(variant)


LIVES: dict[str, tuple[Life, float, Callable[[Variant], bool]]] = {
    "merge two": (merge_two, 0.1, _lasts),
    "merge three": (merge_three, 0.1, _lasts),
    "merge and delete": (merge_and_delete, 0.1, _lasts),
    "come back": (come_back, 0.1, _lasts),
    "rise again": (rise_again, 0.1, _lasts),
    "be converted": (be_converted, 0.2, _contacts),
    "be purged": (be_purged, 0.1, _faults),
    "share a no": (share_a_no, 0.1, _lasts),
}
"""By name: the life, in what share of the histories it is, and in which it can be."""


async def lived_to_the_end(life: Life, hands: Hands) -> None:
    """The life, or as much of it as there was time for."""
    try:
        await life(hands)
    except Over:
        hands.stage.tell("a life is cut short")


def with_lives(seed: int, variant: Variant) -> Variant:
    """*variant* with at most one life, and the time for it: it shifts nothing of what others draw."""
    luck = Random(f"{seed}/variant lives")
    drawn = [name for name, (_, share, fits) in LIVES.items() if luck.random() < share and fits(variant)]
    if not drawn:
        return variant
    return replace(variant, crossings=(*variant.crossings, drawn[0]), rounds=variant.rounds + MORE_ROUNDS)
