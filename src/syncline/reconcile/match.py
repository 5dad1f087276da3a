"""Which unlinked records of side a and side b are the same: ranked rules over the whole set, in no order of rows.

A rule decides for the records no stronger rule has linked or held; *every* record, linked ones included, is a
candidate. A pair is linked when neither has another candidate. Everything else that fits is doubt: all its unlinked
members are held together, no weaker rule settles any of them, and nothing is created for them. A record that has been
linked a moment ago by a stronger rule counts as linked, so the outcome is the same whether its twin came in this run
or an earlier one.

Candidate pairs are found in match_pairs.py; groups are formed in match_groups.py. Whether an unmatched record is
created on the other side is the caller's decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from syncline.reconcile.match_evidence import evidence
from syncline.reconcile.match_forms import with_forms
from syncline.reconcile.match_groups import grouped
from syncline.reconcile.match_pairs import FREE, MEMBERS, PROFILE, ROW, Profiles, compared, fitting, profiles
from syncline.reconcile.match_score import WEIGHED, Score
from syncline.records import Side
from syncline.spec.model import MatchRule

LINKS = {
    "a_type": pl.String(),
    "a_id": pl.String(),
    "b_type": pl.String(),
    "b_id": pl.String(),
    "rule": pl.String(),
    "evidence": pl.String(),  # JSON: rule, and per compared key the cells of a and b
}
CREATES = {"object_type": pl.String(), "record_id": pl.String()}
_EDGES = {"a": pl.Int64(), "b": pl.Int64(), "rule": pl.String(), "evidence": pl.String()}

_IDENTITY = ("object_type", "record_id")


@dataclass(frozen=True, kw_only=True)
class MatchResult:
    """What became of every unlinked record: in exactly one of `links`, `held`, `creates_a`, `creates_b`.

    `links` (LINKS); `holds` (match_groups.HOLDS): a row per group of records in doubt, its subject and evidence as
    JSON; `held` (match_groups.HELD): a row per record in a group; `creates_a`, `creates_b` (CREATES): the records for
    which no rule found anybody. All sorted by their ids.
    """

    links: pl.DataFrame
    holds: pl.DataFrame
    held: pl.DataFrame
    creates_a: pl.DataFrame
    creates_b: pl.DataFrame


@dataclass
class _Found:
    """Both sides while the rules run, FREE telling who is still to be settled, and what the rules have found.

    `links` has the rows of a and b; `fits` and `alike` have nodes: the rows of a, then the rows of b counted on.
    """

    a: pl.DataFrame
    b: pl.DataFrame
    links: list[pl.DataFrame] = field(default_factory=list)
    fits: list[pl.DataFrame] = field(default_factory=list)
    alike: list[pl.DataFrame] = field(default_factory=list)


def match(
    a: pl.DataFrame,
    b: pl.DataFrame,
    rules: tuple[MatchRule, ...],
    name_keys: tuple[str, str],
    score: Score | None = None,
) -> MatchResult:
    """Match the unlinked records of two sides by ranked *rules*; *score* weighs pairs for rules with probabilities.

    Each frame has a row per record: object_type, record_id, is_linked, the canonical cells of the mapping keys that
    the rules use (null unread, "" empty; a missing column counts as unread) and, for rules by key, `key_of_self` (the
    key by which the other side names this record) and `key_named` (the key of the other side's record that this one
    names). Raises ValueError when a record is given twice,
    or a rule has probabilities and there is no *score*.
    """
    found = _Found(prepared(a, "a", rules, name_keys), prepared(b, "b", rules, name_keys))
    for rule in rules:
        _apply(rule, name_keys, found, score)
    return _result(found)


def prepared(
    records: pl.DataFrame, side: Side, rules: tuple[MatchRule, ...], name_keys: tuple[str, str]
) -> pl.DataFrame:
    """The records of a side as the rules look at them: ROW, FREE and every compared cell in its form."""
    if records.select(_IDENTITY).is_duplicated().any():
        raise ValueError("a record is given twice to match")
    rows = records.sort(_IDENTITY).with_columns(pl.int_range(pl.len()).alias(ROW), (~pl.col("is_linked")).alias(FREE))
    return with_forms(rows, {look for rule in rules for look in compared(rule, side, name_keys).values()})


def _apply(rule: MatchRule, name_keys: tuple[str, str], found: _Found, score: Score | None) -> None:
    """Let one rule link and hold; what it settles is no longer free."""
    a, b = profiles(found.a, rule, "a", name_keys), profiles(found.b, rule, "b", name_keys)
    pairs = fitting(rule, a, b, score)
    if pairs.is_empty():
        return
    judged = _judged(pairs, a, b)
    linked, doubtful = judged.filter("is_link"), judged.filter(~pl.col("is_link"))
    if rule.only_holds:
        linked, doubtful = linked.clear(), linked
    twins, doubts = _first_members(linked, a, b), _first_members(doubtful, a, b)
    shift = found.a.height
    for rows, of, into, offset in ((twins, linked, found.links, 0), (doubts, doubtful, found.fits, shift)):
        weighed = of[WEIGHED] if WEIGHED in of.columns else None
        reasons = evidence(rule, name_keys, found.a[rows["a"]], found.b[rows["b"]], weighed)
        into.append(rows.select("a", pl.col("b") + offset, rule=pl.lit(rule.name), evidence=reasons))
    alike_a, alike_b = _alike(doubtful["a"], a), _alike(doubtful["b"], b)
    found.alike += [alike_a, alike_b.select(pl.all() + shift)]
    found.a = _settled(found.a, twins["a"], alike_a["b"])
    found.b = _settled(found.b, twins["b"], alike_b["b"])


def _judged(pairs: pl.DataFrame, a: Profiles, b: Profiles) -> pl.DataFrame:
    """*pairs* of profiles with `is_link`: unique both ways over every record, both free, nothing against it."""
    judged = pairs
    for side, own in (("a", a), ("b", b)):
        counts = own.rows.select(PROFILE, pl.col(MEMBERS).alias(f"n_{side}"), pl.col(FREE).alias(f"free_{side}"))
        judged = judged.join(counts, left_on=side, right_on=PROFILE, how="left", maintain_order="left")
    unique = (pl.col("n_b").sum().over("a") == 1) & (pl.col("n_a").sum().over("b") == 1)
    free = (pl.col("free_a") == 1) & (pl.col("free_b") == 1)
    return judged.with_columns(is_link=unique & free & ~pl.col("contradicts"))


def _first_members(pairs: pl.DataFrame, a: Profiles, b: Profiles) -> pl.DataFrame:
    """Rows (columns a, b) of the first member of both profiles of each pair."""
    return pl.DataFrame({"a": a.first.gather(pairs["a"]), "b": b.first.gather(pairs["b"])})


def _alike(chosen: pl.Series, own: Profiles) -> pl.DataFrame:
    """Every member (column b) of the *chosen* profiles, each beside the first member of its profile (column a)."""
    wanted = pl.DataFrame({PROFILE: chosen.unique()})
    members = own.members.join(wanted, on=PROFILE, how="semi")
    return members.select(a=own.first.gather(members[PROFILE]), b=ROW)


def _settled(side: pl.DataFrame, *rows: pl.Series) -> pl.DataFrame:
    return side.with_columns(pl.col(FREE) & ~pl.col(ROW).is_in(pl.concat(rows).implode()))


def _result(found: _Found) -> MatchResult:
    nothing = pl.DataFrame(schema=_EDGES)
    links, fits = pl.concat([nothing, *found.links]), pl.concat([nothing, *found.fits])
    alike = pl.concat([nothing.select("a", "b"), *found.alike])
    members = pl.concat(
        side.select(
            node=pl.col(ROW) + shift,
            side=pl.lit(name),
            object_type="object_type",
            record_id="record_id",
            is_held=~pl.col("is_linked") & ~pl.col(ROW).is_in(links[name].implode()),
        )
        for name, side, shift in (("a", found.a, 0), ("b", found.b, found.a.height))
    )
    holds, held = grouped(fits, alike, members)
    return MatchResult(
        links=_named(links, found),
        holds=holds,
        held=held,
        creates_a=found.a.filter(FREE).select(_IDENTITY),
        creates_b=found.b.filter(FREE).select(_IDENTITY),
    )


def _named(links: pl.DataFrame, found: _Found) -> pl.DataFrame:
    a, b = found.a[links["a"]], found.b[links["b"]]
    return pl.DataFrame(
        {
            "a_type": a["object_type"],
            "a_id": a["record_id"],
            "b_type": b["object_type"],
            "b_id": b["record_id"],
            "rule": links["rule"],
            "evidence": links["evidence"],
        },
        schema=LINKS,
    ).sort("a_type", "a_id")
