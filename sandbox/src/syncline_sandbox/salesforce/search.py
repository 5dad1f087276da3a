"""The search resources: SOSL, and the parameterized search that needs none.

"Search", "Parameterized Search" of the REST API Developer Guide. Every word of the fields of a record is searched at
once, without an index: new records are found immediately. Up to API version 36.0 the answer is a bare array.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from .errors import OrgError
from .query_runs import QueryRuns, not_too_complicated
from .reading import Reading
from .schema import Schema, SObject
from .soql import RowShaper, SoqlError
from .soql.compiler import compile_parsed
from .soql.syntax import Item, Path, Query
from .sosl import Search, escaped, install_search, parse_search
from .web import Answer, Call, Route

_OBJECT_SINCE = 37.0
_SEARCHED_TYPES = {
    "ALL": frozenset({"string", "textarea", "email", "phone", "url", "combobox"}),
    "EMAIL": frozenset({"email"}),
    "PHONE": frozenset({"phone"}),
}
_NAME_FIELDS = frozenset({"Name", "Subject"})
_SEARCHED_OBJECTS = ("Account", "Contact", "Lead", "Opportunity", "Campaign", "Task", "Event", "User")


class SearchResources:
    """`search` and `parameterizedSearch`."""

    def __init__(self, schema: Schema, reading: Reading, runs: QueryRuns) -> None:
        self._schema = schema
        self._reading = reading
        self._runs = runs

    def routes(self) -> list[Route]:
        return [
            Route("GET", "search", self._sosl),
            Route("GET", "parameterizedSearch", self._parameters),
            Route("POST", "parameterizedSearch", self._parameters),
        ]

    def _sosl(self, call: Call) -> Answer:
        return self._answer(call, call.query.get("q", ""))

    def _parameters(self, call: Call) -> Answer:
        asked = call.json_object() if call.method == "POST" else _of_query(call.query)
        return self._answer(call, _statement(asked))

    def _answer(self, call: Call, text: str) -> Answer:
        search = parse_search(text)
        with not_too_complicated():
            found = list(islice(self._found(call, search), search.limit))
        return Answer(body={"searchRecords": found} if float(call.caller.version) >= _OBJECT_SINCE else found)

    def _found(self, call: Call, search: Search) -> Iterator[dict[str, Any]]:
        db = self._reading.connection(call.caller)
        install_search(db, search.terms)
        for select in search.selects or self._everywhere(call):
            yield from self._of_object(call, search, select)

    def _everywhere(self, call: Call) -> Iterator[Query]:
        for sobject in self._schema.sobjects():
            searched = sobject.name in _SEARCHED_OBJECTS or sobject.name.endswith("__c")
            if searched and call.caller.rights.can_read_object(sobject.name):
                yield Query((Item(Path(("Id",), 0), None),), (sobject.name,), 0)

    def _of_object(self, call: Call, search: Search, select: Query) -> Iterator[dict[str, Any]]:
        sobject = self._schema.sobject(select.from_names[0])
        also = ("0", ()) if sobject is None else (self._searched(call, sobject, search.group), ())
        try:
            compiled = compile_parsed(select, self._runs.statement(call.caller, search.text, also=also))
        except SoqlError as refused:
            raise OrgError(refused.code, refused.message, status=400) from refused
        shaper = RowShaper(compiled, call.data_url)
        for row in self._reading.connection(call.caller).execute(compiled.sql, compiled.parameters):
            yield shaper.record(row)

    def _searched(self, call: Call, sobject: SObject, group: str) -> str:
        """The SQL of whether a row holds the terms in its fields of this group."""
        types = _SEARCHED_TYPES.get(group)
        texts = [
            f"coalesce({field.sql}, '')"
            for field in self._reading.fields(call.caller, sobject)
            if (field.name in _NAME_FIELDS if types is None else field.type in types)
        ]
        return f"sf_search({' || char(1) || '.join(texts)})" if texts else "0"


def _of_query(query: dict[str, str]) -> dict[str, Any]:
    """The parameters of a GET as the body of a POST says them: `sobject`, `Account.fields`, `Account.limit` …."""
    named = list(dict.fromkeys(name.partition(".")[0] for name in query if "." in name))
    if query.get("sobject") and query["sobject"] not in named:
        named.insert(0, query["sobject"])
    objects = [
        {"name": name, **{key.partition(".")[2]: value for key, value in query.items() if key.startswith(f"{name}.")}}
        for name in named
    ]
    return {**query, "sobjects": objects}


def _statement(asked: dict[str, Any]) -> str:
    """The SOSL that asks for the same."""
    term = asked.get("q")
    if not isinstance(term, str) or not term.strip():
        raise OrgError("MALFORMED_SEARCH", "No search term found. The search term must be enclosed in braces.")
    objects = asked.get("sobjects") or []
    if not isinstance(objects, list) or not all(isinstance(one, dict) and "name" in one for one in objects):
        raise OrgError("JSON_PARSER_ERROR", "sobjects must be a list of objects with a name")
    parts = [f"FIND {{{escaped(term)}}} IN {asked.get('in') or 'ALL'} FIELDS"]
    if objects:
        parts.append("RETURNING " + ", ".join(_returned(one, asked) for one in objects))
    if asked.get("overallLimit"):
        parts.append(f"LIMIT {asked['overallLimit']}")
    return " ".join(parts)


def _returned(one: dict[str, Any], asked: dict[str, Any]) -> str:
    fields = one.get("fields") or asked.get("fields") or "Id"
    listed = ", ".join(map(str, fields)) if isinstance(fields, list) else str(fields)
    clauses = [
        f" {word} {value}"
        for word, value in (
            ("WHERE", one.get("where")),
            ("ORDER BY", one.get("orderBy")),
            ("LIMIT", one.get("limit") or asked.get("defaultLimit")),
        )
        if value
    ]
    return f"{one['name']}({listed}{''.join(clauses)})"
