"""A compiled query: the SQL statements that answer it and the shape of its rows. Pure values, nothing is run here."""

from __future__ import annotations

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
    """The records of a child sub-query: a column of JSON, an array of rows, each of the shape `node`."""

    key: str
    index: int
    node: Node


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
    entries: list[Cell | Node | Children] = field(default_factory=list)

    def child(self, key: str) -> Node | None:
        return next((entry for entry in self.entries if isinstance(entry, Node) and entry.key == key), None)


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """What `compile_query` yields.

    - `kind`: `records`; `count` for SELECT COUNT(), answered by `count_sql` alone; `aggregate` for grouped rows
    - `sql` yields every row of the answer; for `records` its first column is the record's Id
    - `count_sql` yields the total size, LIMIT and OFFSET applied; `ids_sql` only the ids, in the answer's order
    - all three take `parameters`
    - `page_sql` takes `page_parameters` and then a JSON array of ids, and yields those rows in any order
    - `column_names` are the CSV headings (`Account.Name`); `cells` counts the SQL columns they stand for
    """

    kind: Literal["records", "count", "aggregate"]
    sobject: str
    sql: str
    count_sql: str
    ids_sql: str
    page_sql: str
    parameters: tuple[object, ...]
    page_parameters: tuple[object, ...]
    root: Node
    column_names: tuple[str, ...]
