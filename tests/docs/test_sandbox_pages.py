"""The sandbox's pages name what there is, all of it: options, control routes, faults with parameters, switches."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pytest

from syncline_sandbox.core.wire import Request
from syncline_sandbox.core.wire_faults import WIRE_FAULT_NAMES, WIRE_FAULT_PARAMETERS
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.marketo.campaigns.flow import STEPS
from syncline_sandbox.marketo.fault_names import FAULT_NAMES as MARKETO_FAULTS
from syncline_sandbox.marketo.fault_names import FAULTS as MARKETO_PARAMETERS
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.salesforce.events.settings import EventSettings
from syncline_sandbox.salesforce.fault_names import FAULT_NAMES as SALESFORCE_FAULTS
from syncline_sandbox.salesforce.fault_names import FAULTS as SALESFORCE_PARAMETERS
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.docs.pages import ROOT

SOURCE = ROOT / "sandbox" / "src" / "syncline_sandbox"
README = ROOT / "sandbox" / "README.md"
DOCS = README.parent / "docs"
SHARED = "Both sandboxes"
ORG, INSTANCE = "The Salesforce org", "The Marketo instance"
CORES: dict[str, Any] = {ORG: SalesforceOrg, INSTANCE: MarketoInstance}
_STRUCK = re.compile(r'(?:strike|standing|_field_faults)\("(\w+)"')
_PARAMETER = re.compile(r'\.parameters(?:\.get\(|\[)"(\w+)"|"(\w+)" in \w+\.parameters')

both = pytest.mark.parametrize("which", [ORG, INSTANCE])


def section(page: Path, title: str) -> str:
    """The text under a heading, up to the next of its level."""
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page.read_text("utf-8"), re.M | re.S)
    return str(found)


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables in *text*; a bar in a cell is escaped."""
    for line in re.findall(r"^\| (.*) \|$", text, re.MULTILINE):
        yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]


def words(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def control(core: Any, method: str, route: str, body: str = "") -> Any:
    return core.handle(Request(method=method, path=f"/_sandbox/{route}", body=body.encode()))


def test_the_options_are_those_of_the_command() -> None:
    command = [sys.executable, "-m", "syncline_sandbox.cli", "up", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    listed = {name for cells in rows(section(README, "Options of `up`")) for name in re.findall(r"--[\w-]+", cells[0])}
    assert listed == set(re.findall(r"--[\w-]+", told)) - {"--help"}


# --- control routes -------------------------------------------------------------------------------------------------


def calls(title: str) -> list[tuple[str, str, str]]:
    """Method, name and example body of each route listed."""
    found = [
        (*cells[0].strip("`").split(" "), cells[1].strip("`")) for cells in rows(section(DOCS / "control.md", title))
    ]
    return [(row[0], row[1], row[2]) for row in found if row[0] in ("GET", "POST", "DELETE") and len(row) == 3]


@both
def test_the_control_routes_are_all_listed_and_all_there(which: str) -> None:
    there = orjson.loads(control(CORES[which](), "GET", "none").body)["routes"]
    assert sorted({f"{method} {name}" for method, name, _ in calls(SHARED) + calls(which)}) == there


@both
def test_every_example_of_a_control_call_is_taken(which: str) -> None:
    core = CORES[which]()
    for method, name, body in calls(SHARED) + calls(which):
        answer = control(core, method, name, body.replace(r"\|", "|"))
        assert answer.status == 200, f"{method} {name} {body}: {answer.body.decode()}"
        assert (method == "POST") == bool(body) or (method, name) in _BODILESS, f"{method} {name}"


_BODILESS = {("POST", "reset"), ("POST", "tokens/expire"), ("DELETE", "people")}


def test_the_steps_of_a_flow_are_those_listed() -> None:
    listed = {
        step: tuple(re.findall(r"`(\w+)`", cells[1]))
        for cells in rows(section(DOCS / "control.md", INSTANCE).split("| Step of a flow |")[1])
        if "`" in cells[1]
        for step in cells[0].split(", ")
    }
    assert listed == STEPS


# --- faults ---------------------------------------------------------------------------------------------------------

FAULT_PAGES = {ORG: ("Of the Salesforce org", SALESFORCE_FAULTS), INSTANCE: ("Of the Marketo instance", MARKETO_FAULTS)}


_NEEDED = dict.fromkeys(("ignore_field", "override_field"), '"field": "City"')
PARAMETERS = {
    "Of any connection, on both sandboxes": WIRE_FAULT_PARAMETERS,
    "Of the Salesforce org": SALESFORCE_PARAMETERS,
    "Of the Marketo instance": MARKETO_PARAMETERS,
}


def faults_listed(title: str) -> set[str]:
    return {name for cells in rows(section(DOCS / "faults.md", title)) for name in words(cells[0])}


@both
def test_the_faults_are_those_the_sandbox_takes(which: str) -> None:
    title, known = FAULT_PAGES[which]
    assert faults_listed(title) | faults_listed("Of any connection, on both sandboxes") == known
    for name in known:
        body = f'{{"name": "{name}", "parameters": {{{_NEEDED.get(name, "")}}}}}'
        assert control(CORES[which](), "POST", "faults", body).status == 200


@both
def test_a_misspelt_fault_is_refused(which: str) -> None:
    refused = control(CORES[which](), "POST", "faults", '{"name": "lost_replies"}')
    assert (refused.status, b"unknown fault 'lost_replies'" in refused.body) == (400, True)


def test_the_overview_has_every_fault_in_its_column() -> None:
    columns: list[set[str]] = [set(), set(), set()]
    for cells in rows(section(README, "Failures")):
        for column, cell in zip(columns, cells[1:], strict=True):
            column |= words(cell)
    shared, org, instance = columns
    assert shared | org == SALESFORCE_FAULTS
    assert shared | instance == MARKETO_FAULTS


def sources(*rooms: str) -> str:
    return "\n".join(path.read_text("utf-8") for room in rooms for path in sorted((SOURCE / room).rglob("*.py")))


def test_every_fault_a_sandbox_takes_strikes_somewhere() -> None:
    door = set(re.findall(r'"(\w+)": self\._', (SOURCE / "salesforce" / "request_faults.py").read_text("utf-8")))
    assert {*_STRUCK.findall(sources("salesforce", "pubsub")), *door} | WIRE_FAULT_NAMES == SALESFORCE_FAULTS
    assert {*_STRUCK.findall(sources("marketo"))} | WIRE_FAULT_NAMES == MARKETO_FAULTS


@pytest.mark.parametrize("title", PARAMETERS)
def test_each_fault_is_listed_with_the_parameters_it_takes(title: str) -> None:
    listed: dict[str, set[str]] = {}
    for cells in rows(section(DOCS / "faults.md", title)):
        for name in words(cells[0]):
            listed.setdefault(name, set()).update(words(cells[1]))
    assert listed == {name: set(PARAMETERS[title][name]) for name in listed}


def test_the_parameters_of_faults_are_those_that_are_asked_for() -> None:
    """Some are read from a mapping of another name: of those only that the source knows the word."""
    page = DOCS / "faults.md"
    listed = {
        name
        for title in ("Of any connection, on both sandboxes", *(title for title, _ in FAULT_PAGES.values()))
        for cells in rows(section(page, title))
        for name in words(cells[1])
    }
    source = sources("core", "salesforce", "pubsub", "marketo")
    assert {a or b for a, b in _PARAMETER.findall(source)} <= listed
    assert [name for name in sorted(listed) if f'"{name}"' not in source] == []


# --- switches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "title", "kind"),
    [("marketo.md", "Switches", Settings), ("salesforce.md", "Switches of events", EventSettings)],
)
def test_every_switch_is_listed_with_its_default(page: str, title: str, kind: Any) -> None:
    listed = {name: cells[0] for cells in rows(section(DOCS / page, title)) for name in words(cells[0])}
    defaults = {field.name: field.default for field in fields(kind)}
    words_of_values = set(map(str, defaults.values()))
    assert set(listed) - words_of_values == set(defaults)
    for name, value in defaults.items():
        said = listed[name].split(f"`{name}`")[1].split("(")[1].split(")")[0].split(";")[0].strip("`").strip('"')
        written = (
            f"{value:,}".removesuffix(".0")
            if isinstance(value, int | float) and not isinstance(value, bool)
            else str(value)
        )
        assert said in (written, written.lower()), name
