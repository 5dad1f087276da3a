"""The chapter "lifecycle", watched by somebody who reads both sandboxes himself: what stands, what it leaves."""

from __future__ import annotations

import asyncio
import io
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import syncline.cli.demo
from syncline.cli.demo import Chapter, demo
from syncline.cli.main import app
from syncline.cli.screens.lifecycle import LifeStory
from syncline.demo.life.narrator import LifeNarrator
from syncline.demo.life.outcome import LifeOutcome
from syncline.demo.life.play import SCENES, play_life
from syncline.demo.life.standing import ADA, BEN, CLEO, DAN, EVA, FIVE, Standing, Told
from syncline.demo.stage import Stage
from syncline.engine.cycle import RunReport
from syncline.engine.explain import Explanation
from syncline.engine.verify import VerifyReport
from tests.demo.test_demo import listens
from tests.demo.witness import people_in, records_in, writes_to

pytestmark = pytest.mark.xdist_group("lifecycle")

PROMISED_KEYS = {"converged", "differences", "second_run_writes", "conservation_ok", "people", "seconds"}
WIDTH = 80


class LifeWitness(LifeStory):
    """Also prints the story, to *out*, and reads both systems past Syncline while they still run."""

    def __init__(self, out: Console) -> None:
        super().__init__(out)
        self.commands: list[tuple[str, str]] = []
        self.deeds: list[str] = []
        self.told: dict[str, tuple[int, int | None]] = {}

    def began(self, stage: Stage) -> None:
        super().began(stage)
        self.stage = stage
        self.urls = [control.url for control in stage.sandboxes.both()]

    def commanded(self, at: datetime, line: str, answer: str) -> None:
        super().commanded(at, line, answer)
        self.commands.append((line, answer))

    def pushed(self, at: datetime, who: str, report: RunReport) -> None:
        super().pushed(at, who, report)
        self.commands.append((f"push {who}", ""))

    def cycle(self, at: datetime, report: RunReport, deeds: Any) -> None:
        super().cycle(at, report, deeds)
        self.deeds += deeds

    def explained(self, name: str, found: Any, erased_us: int | None) -> None:
        super().explained(name, found, erased_us)
        self.told[name] = (len(found), erased_us)
        self.explanations: list[Explanation] = [*getattr(self, "explanations", []), *found]

    def verified(self, report: VerifyReport) -> None:
        super().verified(report)
        self.writes_before = writes_to(self.stage.sandboxes)

    def second_run(self, report: RunReport) -> None:
        super().second_run(report)
        sandboxes = self.stage.sandboxes
        self.second = report
        self.writes_after = writes_to(sandboxes)
        fields = "firstName lastName email title phone leadScore unsubscribed synclineSfdcId synclineOwnerLastName"
        self.people = people_in(sandboxes, fields.split())
        shared = "FirstName LastName Email Title Phone mkto71_Lead_Score__c HasOptedOutOfEmail Owner.Name".split()
        self.leads = records_in(sandboxes, "Lead", [*shared, "IsConverted", "ConvertedContactId"])
        self.contacts = records_in(sandboxes, "Contact", shared)
        self.tasks = records_in(sandboxes, "Task", ["Subject", "WhoId", "IsClosed"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the chapter's temporary files go."""
    folder = tmp_path_factory.mktemp("lifecycle")
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    yield folder
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def played(folder: Path) -> tuple[LifeWitness, LifeOutcome]:
    story = LifeWitness(Console(file=io.StringIO(), width=WIDTH, highlight=False))
    with story:
        outcome = asyncio.run(play_life(1, story))
    return story, outcome


@pytest.fixture(scope="module")
def witness(played: tuple[LifeWitness, LifeOutcome]) -> LifeWitness:
    return played[0]


@pytest.fixture(scope="module")
def outcome(played: tuple[LifeWitness, LifeOutcome]) -> LifeOutcome:
    return played[1]


@pytest.fixture(scope="module")
def text(witness: LifeWitness) -> str:
    file = witness._out.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_everything_is_as_told(outcome: LifeOutcome) -> None:
    assert outcome.broken_promises == []
    printed = outcome.as_dict()
    assert printed.keys() >= PROMISED_KEYS
    assert json.loads(json.dumps(printed))["people"].keys() == set(FIVE)
    assert (outcome.chapter, outcome.seed, outcome.converged, outcome.differences) == ("lifecycle", 1, True, 0)
    assert {step.scene for life in outcome.people.values() for step in life.steps} >= {"They arrive", "Undone"}
    assert len({step.scene for life in outcome.people.values() for step in life.steps}) == len(SCENES) + 1


@pytest.mark.parametrize(
    ("name", "kind", "email", "title", "phone", "score", "owner"),
    [
        (ADA, "Contact", "ada@quist.example", "Head of Optics", None, None, "Behr"),
        (BEN, "Lead", "ben@osei.example", None, "555 0123", 30, None),
        (CLEO, "Contact", "cleo@marsh.example", "Head of Buying", "555 0177", 45, "Keller"),
        (EVA, "Lead", "cleo@marsh.example", "Grid Planner", None, None, "Keller"),
    ],
)
def test_one_record_a_side_stands_and_both_say_the_same(
    name: str,
    kind: str,
    email: str,
    title: str | None,
    phone: str | None,
    score: int | None,
    owner: str | None,
    witness: LifeWitness,
) -> None:
    last = name.split()[1]
    alive = {"Lead": [lead for lead in witness.leads if not lead["IsConverted"]], "Contact": witness.contacts}
    found = [(object_type, row) for object_type, rows in alive.items() for row in rows if row["LastName"] == last]
    ((object_type, record),) = found
    (person,) = [row for row in witness.people.values() if row["lastName"] == last]
    assert object_type == kind
    assert person["synclineSfdcId"] == record["Id"]
    assert [record["Email"], record["Title"], record["Phone"]] == [email, title, phone]
    assert [person["email"], person["title"] or None, person["phone"] or None] == [email, title, phone]
    assert [record["mkto71_Lead_Score__c"], person["leadScore"]] == [score, score]
    assert [record["HasOptedOutOfEmail"], bool(person["unsubscribed"])] == [False, False]
    assert (person["synclineOwnerLastName"] or None) == owner


def test_the_converted_the_owned_and_the_task_are_where_the_story_says(witness: LifeWitness) -> None:
    converted = {lead["LastName"]: lead["ConvertedContactId"] for lead in witness.leads if lead["IsConverted"]}
    contacts = {contact["LastName"]: contact for contact in witness.contacts}
    assert converted == {last: contacts[last]["Id"] for last in ("Quist", "Marsh")}
    assert contacts["Quist"]["Owner"]["Name"] == "Tom Behr"
    (ben,) = [lead for lead in witness.leads if lead["LastName"] == "Osei"]
    assert ben["Owner"]["Name"] == "Inbound"
    (task,) = witness.tasks
    assert (task["Subject"], task["WhoId"], task["IsClosed"]) == (
        "Call Ada of Quist Optics",
        contacts["Quist"]["Id"],
        False,
    )


def test_who_was_erased_is_carried_over_to_nobody(witness: LifeWitness, outcome: LifeOutcome, text: str) -> None:
    assert [lead["Email"] for lead in witness.leads if lead["LastName"] == "Rossi"] == ["dan@rossi.example"]
    assert not any(person["lastName"] == "Rossi" for person in witness.people.values())
    assert [one.side for one in outcome.people[DAN].final] == ["a"]
    found, erased_us = witness.told[DAN]
    assert found == 0
    assert erased_us
    assert "who was erased on request" in text


def test_the_other_four_are_explained(witness: LifeWitness) -> None:
    assert {name: told for name, told in witness.told.items() if name != DAN} == {
        name: (1, None) for name in FIVE if name != DAN
    }
    assert all(one.link is not None and one.events for one in witness.explanations)


def test_every_line_of_a_history_tells_something_and_nothing_twice(text: str) -> None:
    lines = re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (.*)$", text, re.MULTILINE)
    assert len(lines) > 40
    assert [line for line in lines if line.rstrip().endswith(":")] == []
    merges = [line for line in lines if line.startswith("marketo: merge:")]
    assert len(merges) == 2, "the merges of Ben and of Cleo"


def test_every_command_and_deed_of_the_story_was_done(witness: LifeWitness) -> None:
    lines = [line.split()[0] for line, _ in witness.commands]
    assert set(lines) == {"holds", "resolve", "push", "owner", "task", "undo", "delete", "erase"}
    refused = [answer for line, answer in witness.commands if line.startswith("owner") and "refused" in answer]
    assert len(refused) == 1
    assert "SYN-174" in refused[0]
    merges = ["merged two in marketo", "merged two in marketo", "merged two in salesforce"]
    assert sorted(deed for deed in witness.deeds if deed.startswith("merged")) == merges


def test_the_second_run_sends_no_write(witness: LifeWitness, outcome: LifeOutcome) -> None:
    assert outcome.second_run_writes == 0
    assert witness.second.actions.is_empty()
    assert witness.writes_after == witness.writes_before > 0


def test_the_story_fits_and_ends_well(text: str) -> None:
    phases = re.findall(r"^(\d)  (.+?) ·", text, re.MULTILINE)
    titles = ["Five people", "Their lives", "Explain", "Verify", "A second run", "What it shows"]
    assert phases == [(str(at), title) for at, title in enumerate(titles, 1)]
    lives = text[: text.index("3  Explain")]  # explain keeps long lines whole
    assert max(map(len, lives.splitlines())) <= WIDTH
    assert text.rstrip().endswith("As told.")


def test_nothing_is_left_running_or_on_disk(witness: LifeWitness, folder: Path) -> None:
    assert not any(listens(url) for url in witness.urls)
    assert list(folder.iterdir()) == []


# -- what is told is compared with what stands -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, 0),
        ({"records": ("Contact",)}, 1),
        ({"people": 0}, 1),
        ({"values": {"title": "Buyer"}}, 1),
        ({"values": {"title": ("Clerk", "Buyer")}}, 0),
        ({"values": {"title": ("Buyer", "Clerk")}}, 2),
    ],
)
def test_what_stands_otherwise_is_said(change: dict[str, Any], words: int) -> None:
    told = replace(Told(values={"title": ("Clerk", "Buyer")}), **change)
    standing = [
        Standing(side="a", object_type="Lead", record_id="00Q", values={"title": "Clerk"}),
        Standing(side="b", object_type="person", record_id="1", values={"title": "Buyer"}),
    ]
    assert len(told.untrue(ADA, standing)) == words


# -- the command -------------------------------------------------------------------------------------------------------


def with_untrue_step(outcome: LifeOutcome) -> LifeOutcome:
    ada = outcome.people[ADA]
    step = replace(ada.steps[0], untrue=("Ada Quist: nobody in marketo",))
    return replace(outcome, people={**outcome.people, ADA: replace(ada, steps=(step, *ada.steps[1:]))})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"converged": False}, 1),
        ({"differences": 1}, 1),
        ({"second_run_writes": 1}, 1),
        ({"conservation_ok": False}, 1),
        ("untrue", 1),
    ],
)
def test_one_object_and_an_exit_code(
    change: dict[str, Any] | str,
    code: int,
    outcome: LifeOutcome,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = with_untrue_step(outcome) if isinstance(change, str) else replace(outcome, **change)

    async def played(seed: int, narrator: LifeNarrator) -> LifeOutcome:
        return told

    monkeypatch.setattr(syncline.cli.demo, "play_life", played)
    assert demo(chapter=Chapter.LIFECYCLE, json=True) == code
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(told.as_dict()))


def test_an_unknown_chapter_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["demo", "--chapter", "lifecicle"])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert 'Did you mean "lifecycle"?' in said.out + said.err


def test_people_belong_to_the_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo(chapter=Chapter.LIFECYCLE, people=300, json=True) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "SYN-156"
