"""A compiled query: the SQL statements that answer it and the shape of its rows. Pure values, nothing is run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a row: its key in the record, its place among the SQL columns, its field type."""

    key: str
    index: int
    type: str


@dataclass(frozen=True, slots=True)
class Children:
    """The records of a child sub-query: a column of JSON, an array of rows, each row an array of runs of columns.

    `more` reads them by id: what lies beyond the first page of the children is fetched by a locator of its own.
    """

    key: str
    index: int
    more: RowsById


@dataclass(frozen=True, slots=True)
class Choice:
    """A TYPEOF: one of the nested records, by the object the column at `type_index` names; null where none is meant."""

    key: str
    type_index: int
    nodes: Mapping[str, Node]
    otherwise: Node | None


@dataclass(frozen=True, slots=True)
class Node:
    """One (nested) record: where its id stands, what it is, and its entries in the order of the SELECT list.

    `type_name` is the record's type, or None when the column at `type_index` tells it (polymorphic parents, whose
    attributes say `Name`). `id_index` is None for the rows of an aggregate query, which have no url.
    """

    key: str
    type_name: str | None
    id_index: int | None
    type_index: int | None = None
    entries: list[Cell | Node | Children | Choice] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RowsById:
    """Reads rows again: `sql` takes `parameters` and then a JSON array of ids, and yields those rows in any order.

    The first column is the record's Id.
    """

    sql: str
    parameters: tuple[object, ...]
    root: Node


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """What `compile_query` yields.

    - `kind`: `records`; `count` for SELECT COUNT(), answered by `count_sql` alone; `aggregate` for grouped rows
    - `sql` yields every row of the answer; for `records` of style rest its first column is the record's Id
    - `count_sql` yields the total size, LIMIT and OFFSET applied; `ids_sql` only the ids, in the answer's order
    - all three take `parameters`; `ids_sql` and `by_id` are of use for `records` alone
    - `column_names` are the CSV headings (`Account.Name`)
    - `wide` is True where two or more long custom texts are selected
    """

    kind: Literal["records", "count", "aggregate"]
    sobject: str
    sql: str
    count_sql: str
    ids_sql: str
    parameters: tuple[object, ...]
    by_id: RowsById
    column_names: tuple[str, ...]
    wide: bool = False

    @property
    def root(self) -> Node:
        """The shape of a row."""
        return self.by_id.root
