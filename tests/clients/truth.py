"""What is true in a sandbox, and whether it is what a client saw.

Lives here: asking the sandbox past its vendor's API, and the comparison: by key, as text, null told from everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from syncline_sandbox.core.wire import Request
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg

Row = dict[str, Any]


def as_text(value: Any) -> str | None:
    """A value as a client may have it, made comparable: nothing is null, a number is a number, a boolean its word."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:g}"
    return str(value).lower() if str(value) in ("True", "False") else str(value)


def assert_same(seen: Iterable[Mapping[str, Any]], wanted: Iterable[Mapping[str, Any]], key: str) -> None:
    """The client saw each wanted row exactly once and nothing else, in every field of the wanted rows."""
    expected = {str(row[key]): row for row in wanted}
    found: dict[str, Mapping[str, Any]] = {}
    for row in seen:
        assert str(row[key]) not in found, f"{row[key]} came twice"
        found[str(row[key])] = row
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    wrong = f"missing {len(missing)}: {missing[:5]}, unexpected {len(extra)}: {extra[:5]}"
    assert expected.keys() == found.keys(), wrong
    for name, row in expected.items():
        for field, value in row.items():
            same = as_text(found[name].get(field)) == as_text(value)
            assert same, f"{name}.{field} is {found[name].get(field)!r}, not {value!r}"


def control(core: SalesforceOrg | MarketoInstance, line: str, body: Any = None) -> Any:
    """Ask the sandbox's control endpoint, e.g. "POST clock". AssertionError when it refuses."""
    method, name = line.split()
    sent = b"" if body is None else json.dumps(body).encode()
    answer = core.handle(Request(method=method, path=f"/_sandbox/{name}", body=sent))
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def stored(org: SalesforceOrg, sobject_name: str, fields: Iterable[str], where: str = "IsDeleted = 0") -> list[Row]:
    """The rows of an object as the org's database has them: no API of the sandbox has a part in it."""
    sobject = org.schema.sobject(sobject_name)
    assert sobject
    names = list(fields)
    columns = ", ".join(f'"{name}"' for name in names)
    rows = org.storage.db.execute(f'SELECT {columns} FROM "{sobject.table}" WHERE {where}').fetchall()
    booleans = {field.name for field in sobject.fields() if field.type == "boolean"}
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [{name: bool(value) if name in booleans else value for name, value in row.items()} for row in found]
