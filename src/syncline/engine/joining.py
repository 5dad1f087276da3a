"""Joining: consecutive pages of one read into larger ones, because each page taken in has its own cost, and a very
large one into several, because nobody can stop while one is taken in.

Lives here: which pages can be one, and what the one says. Not here: reading (`observe`) and taking in (`intake`).

A joined page says what its parts said one after the other: of a record that comes twice the later row is the newer
one and whole, and a record that ended, or was asked for and not found, does not come twice. Where that does not hold, a
new page begins.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from syncline import records
from syncline.records import Page

ROWS = 2_000
"""Rows a joined page holds at most, and so many a cut one; a larger page that says more than rows stays as it is."""


async def joined(pages: AsyncIterator[Page], *, rows: int = ROWS) -> AsyncIterator[Page]:
    """*pages*, as few of them as *rows* allows. When the read fails, what came before is handed out first. The position
    after a page that was cut comes with its last part."""
    group = _Group()
    try:
        async for whole in pages:
            for page in _cut(whole, rows):
                if group.pages and not group.takes(page, rows):
                    yield group.page()
                    group = _Group()
                group.add(page)
    except Exception:
        if group.pages:
            yield group.page()
        raise
    if group.pages:
        yield group.page()


def _cut(page: Page, rows: int) -> Iterator[Page]:
    """The parts of a page of rows alone that has more than *rows* of them; any other page as it is."""
    says_more = page.missing or page.unreadable or any(f is not None and len(f) for f in (page.moments, page.fates))
    if len(page.rows) <= rows or says_more:
        yield page
        return
    last = (len(page.rows) - 1) // rows * rows
    for at in range(0, last, rows):
        yield replace(page, rows=page.rows.slice(at, rows), next_cursor=None, has_more=True)
    yield replace(page, rows=page.rows.slice(last))


@dataclass
class _Group:
    """Pages that will be one. `newest` is the order of every id's last row, `settled` are ids that may not come
    again."""

    pages: list[Page] = field(default_factory=list)
    count: int = 0
    newest: dict[str, _Order] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)

    def takes(self, page: Page, rows: int) -> bool:
        first = self.pages[0]
        if _shape(page) != _shape(first) or self.count + len(page.rows) > rows:
            return False
        repeats = {record_id: order for record_id, order in _orders(page) if record_id in self.newest}
        return (
            self.settled.isdisjoint(page.rows[records.ID])
            and self.newest.keys().isdisjoint(_settled(page))
            and all(_follows(self.newest[record_id], order) for record_id, order in repeats.items())
            and _says_all(page, repeats)
        )

    def add(self, page: Page) -> None:
        self.pages.append(page)
        self.count += len(page.rows)
        for record_id, order in _orders(page):
            before = self.newest.get(record_id)
            if before is None or _follows(before, order):
                self.newest[record_id] = order
        self.settled |= _settled(page)

    def page(self) -> Page:
        if len(self.pages) == 1:
            return self.pages[0]
        cursors = [page.next_cursor for page in self.pages if page.next_cursor is not None]
        return replace(
            self.pages[-1],
            rows=pl.concat(page.rows for page in self.pages),
            next_cursor=cursors[-1] if cursors else None,
            moments=_united([page.moments for page in self.pages]),
            fates=_united([page.fates for page in self.pages]),
            missing=tuple(record_id for page in self.pages for record_id in page.missing),
            unreadable=tuple(row for page in self.pages for row in page.unreadable),
        )


_Order = tuple[int | None, int]  # stamp and moment of asking


def _shape(page: Page) -> object:
    return page.object_type, page.fields, page.how, page.hidden


def _orders(page: Page) -> Sequence[tuple[str, _Order]]:
    columns = (page.rows[name].to_list() for name in (records.ID, records.STAMP, records.AS_OF))
    return [(record_id, (stamp, as_of)) for record_id, stamp, as_of in zip(*columns, strict=True)]


def _follows(before: _Order | None, after: _Order) -> bool:
    """The later row is certainly the one that ranks first among the repeats of an id."""
    if before is None:
        return True
    (stamp, as_of), (later_stamp, later_as_of) = before, after
    if stamp is None or later_stamp is None:
        return stamp is later_stamp and later_as_of >= as_of
    return (later_stamp, later_as_of) >= (stamp, as_of)


def _says_all(page: Page, ids: Collection[str]) -> bool:
    """The rows of *ids* hold every cell, so that nothing an earlier row said is lost with it."""
    if not ids or not page.fields:
        return True
    again = page.rows.filter(pl.col(records.ID).is_in(list(ids)))
    return not again.select(pl.any_horizontal(pl.col(page.fields).is_null())).to_series().any()


def _settled(page: Page) -> set[str]:
    """Ids of a page that ended in it or were not found."""
    deleted = page.rows.filter(pl.col(records.DELETED).fill_null(False))[records.ID].to_list()
    fated = [] if page.fates is None else page.fates[records.ID].to_list()
    return {*deleted, *fated, *page.missing}


def _united(frames: Sequence[pl.DataFrame | None]) -> pl.DataFrame | None:
    there = [frame for frame in frames if frame is not None]
    return pl.concat(there) if there else None
