"""What may stand in the configuration file, and how a person is told what may not."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.errors import ConfigError
from syncline.spec.file import json_schema, load, parse
from syncline.spec.resolve import resolve

HEAD = """\
connections:
  crm: {type: salesforce, client_secret: "env:A"}
  marketing: {type: marketo, client_secret: "env:B"}
syncs:
"""
PEOPLE = HEAD + "  people: {a: crm, b: marketing"

# Name: (text, code, what the message and remedy must say)
REFUSED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "unknown key deep down": (
        HEAD + "  people:\n    a: crm\n    b: marketing\n    fields:\n      fax:\n        polcy: a\n",
        "SYN-112",
        ("line 10: syncs.people.fields.fax.polcy:", "Did you mean 'policy'?"),
    ),
    "nearest key of that very level": (
        PEOPLE + ", polcy: a}",
        "SYN-112",
        ("syncs.people.polcy", "Known here: a, audit_share, b,"),
    ),
    "every fault at once": (
        PEOPLE + ", prset: x, fields: {fax: {direction: sideways, tie: c}}}",
        "SYN-112",
        ("'preset'", "Allowed: both, a_to_b, b_to_a.", "fields.fax.tie", "Allowed: a, b."),
    ),
    "nearest value": (PEOPLE + ", first_link: newst}", "SYN-112", ("'newst'", "Did you mean 'newest'? Allowed: a, b,")),
    "wrong type": (
        HEAD + "  people: {a: 5, b: [x]}",
        "SYN-112",
        ("expected text or a mapping, found 5", "found a list"),
    ),
    "missing key": (HEAD + "  people: {a: crm}", "SYN-112", ("line 5: syncs.people: the key 'b' is missing",)),
    "nothing where something belongs": (HEAD + "  people:\n", "SYN-112", ("expected a mapping, found nothing",)),
    "share above one": (PEOPLE + ", ceilings: {create: {share: 2, plus: 0}}}", "SYN-112", ("from 0 to 1, found 2",)),
    "share that is no number": (PEOPLE + ", ceilings: {create: {share: .nan, plus: 0}}}", "SYN-112", ("found nan",)),
    "unknown ceiling": (PEOPLE + ", ceilings: {crete: false}}", "SYN-112", ("'crete'", "Did you mean 'create'?")),
    "empty": ("", "SYN-112", ("is empty", "syncline init")),
    "a list": ("- a", "SYN-112", ("expected a mapping, found a list",)),
    "no sync": (HEAD.replace("syncs:\n", "syncs: {}\n"), "SYN-112", ("no sync",)),
    "doubled key": (
        PEOPLE + "}\n  people: {a: crm, b: marketing}",
        "SYN-111",
        ("line 6", "'people'", "first on line 5"),
    ),
    "open bracket": (PEOPLE + "\n", "SYN-111", ("line 6, column 1",)),
    "tab": (HEAD + "\tpeople: 1", "SYN-111", ("line 5, column 1",)),
    "alias": ("a: &a [x]\nb: [*a, *a]", "SYN-111", ("line 2, column 5", "aliases")),
    "tag": ("a: !!python/object:os.system x", "SYN-111", ("line 1", "tags")),
    "deep": ("a: " + "[" * 5000, "SYN-111", ("more than 20 levels",)),
    "long": ("a: " + "x" * 1_000_001, "SYN-111", ("longer than 1,000,000",)),
    "NUL": ("a: \0", "SYN-111", ("line 1", "#x0000")),
    "number of many digits": ("a: " + "9" * 9999, "SYN-111", ("cannot be read",)),
    "two documents": (PEOPLE + "}\n---\na: 1", "SYN-111", ("another document",)),
    "key that is a list": ("? [a]\n: 1", "SYN-111", ("plain word",)),
    "name with a dot": (HEAD + "  a.b: {a: crm, b: marketing}", "SYN-112", ("'a.b' cannot be a name",)),
    "names that differ in case": (PEOPLE + "}\n  People: {a: crm, b: marketing}", "SYN-112", ("differ in case",)),
    "unknown connection": (HEAD + "  people: {a: crn, b: marketing}", "SYN-120", ("'crn'", "Did you mean 'crm'?")),
    "one connection twice": (HEAD + "  people: {a: crm, b: crm}", "SYN-120", ("both sides",)),
    "unknown preset": (PEOPLE + ", preset: nativ}", "SYN-121", ("Did you mean 'native'?",)),
    "unknown object": (
        HEAD + "  people: {a: {connection: crm, objects: [Leed]}, b: marketing}",
        "SYN-122",
        ("'Leed'", "Did you mean 'Lead'?"),
    ),
    "filter of an unknown object": (
        HEAD + "  people: {a: {connection: crm, filter: {Leed: Email}}, b: marketing}",
        "SYN-122",
        ("filter", "Did you mean 'Lead'?"),
    ),
    "policy of an unknown object": (PEOPLE + ", fields: {fax: {policy: {Leed: a}}}}", "SYN-122", ("policy", "'Lead'")),
    "field with one end": (PEOPLE + ", fields: {titel: {a: Title}}}", "SYN-123", ("Did you mean 'title'?",)),
    "a member of an atomic group that goes its own way": (
        PEOPLE + ", fields: {city: {direction: a_to_b}}}",
        "SYN-123",
        ("'address' is decided as one", "{group: city}"),
    ),
    "transform without its reverse": (PEOPLE + ", fields: {fax: {to_b: upper(Fax)}}}", "SYN-123", ("to_a",)),
    "filter with a sub-query": (
        HEAD + "  people: {a: {connection: crm, filter: Id IN (SELECT Id FROM Lead)}, b: marketing}",
        "SYN-132",
        ("sub-query",),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_words(name: str) -> None:
    text, code, words = REFUSED[name]
    with pytest.raises(ConfigError) as refused:
        resolve(parse(text, "syncline.yaml"))
    assert refused.value.code == code
    for word in words:
        assert word in str(refused.value)
    assert "$" not in refused.value.message  # msgspec's paths are not ours


def test_a_secret_in_a_broken_file_is_not_repeated() -> None:
    for text in ('a: "hunter2', "a: [hunter2", "connections: {crm: {client_secret: [hunter2]}}\nsyncs: {}", "hunter2"):
        with pytest.raises(ConfigError) as refused:
            parse(text)
        assert "hunter2" not in str(refused.value)


def test_a_version_and_a_day_need_no_quotes() -> None:
    file = parse("connections: {m: {api_version: 62.0, created_since: 2019-03-01}}\nsyncs: {}")
    assert file.connections == {"m": {"api_version": 62.0, "created_since": "2019-03-01"}}


def test_a_file_that_is_no_text(tmp_path) -> None:
    path = tmp_path / "syncline.yaml"
    path.write_bytes(b"a: \xff\xfe")
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert refused.value.code == "SYN-111"


def test_what_a_changed_map_does_is_said_per_sync_and_per_field() -> None:
    fields = "{fax: {on_mapping_change: keep}, title: {tie: b}, tier: {a: Tier__c, b: tier}}"
    file = parse(PEOPLE + f", on_mapping_change: reapply, fields: {fields}}}")
    said = {m.key: m.on_mapping_change.value for m in resolve(file)["people"].fields}
    assert said.pop("fax") == "keep"
    assert {"title", "tier", "email"} <= set(said)
    assert set(said.values()) == {"reapply"}
    quiet = resolve(parse(PEOPLE + "}"))["people"].fields
    assert {m.on_mapping_change.value for m in quiet} == {"keep"}


def test_the_schema_knows_every_key_and_refuses_others() -> None:
    schema = json_schema()
    kinds = schema["$defs"]
    assert {"File", "SyncFile", "SideFile", "FieldFile", "CeilingFile"} <= set(kinds)
    for kind in ("File", "SyncFile", "SideFile", "FieldFile", "CeilingFile"):
        assert kinds[kind]["additionalProperties"] is False
        assert all("description" in about for about in kinds[kind]["properties"].values())
    json.dumps(schema)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_KEYS = st.sampled_from("connections syncs people a b fields fax policy ceilings create share plus state".split())
_DATA = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS | st.text(max_size=5), inner, max_size=4),
)


@given(st.text(max_size=60) | _DATA.map(lambda data: json.dumps(data)))
def test_whatever_stands_there_it_is_a_configuration_or_refused(text: str) -> None:
    with suppress(ConfigError):
        resolve(parse(text))
