"""Canaries: secrets are in nothing that a long session leaves, and personal data in no line of a log.

Secrets are all that the connections ever learned to mask (client secrets, and every token as it was issued), and the
key of stored secrets. What a session leaves: both streams of every command, also of those that fail or crash, the log
at its most talkative, and every file of the project (state, its journals, the claim).
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from syncline.net.redaction import Redactor
from tests.support.ground import SECRET, Ground
from tests.support.shell import Said

PERSONAL = ("canary.bird@nest.example", "Quetzalfirst", "Cockatoolast", "731 5550177", "Magpietitle", "Heronstreet")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("check",),
    ("plan",),
    ("run",),
    ("status",),
    ("explain", PERSONAL[0]),
    ("push", PERSONAL[0]),
    ("errors",),
    ("errors", "--reveal"),
    ("holds",),
    ("conflicts",),
    ("verify",),
    ("thaw",),
    ("undo", PERSONAL[0], "--yes"),
    ("secrets", "list"),
    ("secrets", "rotate"),
)


class Session:
    """Commands on one ground, everything they said, and what must not be said."""

    def __init__(self, ground: Ground, patch: pytest.MonkeyPatch) -> None:
        self.ground, self.log = ground, ground.folder / "session.log"
        self.secrets = {SECRET}
        self.said: list[str] = []
        learn = Redactor.learn

        def noted(own: Redactor, secret: str) -> None:
            self.secrets.add(secret)
            learn(own, secret)

        patch.setattr(Redactor, "learn", noted)
        patch.setenv("SYNCLINE_LOG", "debug")
        patch.setenv("SYNCLINE_LOG_FILE", str(self.log))

    def __call__(self, *words: str) -> list[Said]:
        """A command in words and as JSON."""
        both = [self.ground.syncline(words[0], *words[1:], *more) for more in ((), ("--json",))]
        self.said += [text for said in both for text in (said.out, said.err)]
        return both

    def edit(self, field: str, value: str) -> None:
        """Somebody edits the person in Marketo."""
        self.ground.instance("people", {"input": [{"email": PERSONAL[0], field: value}], "lookupField": "email"})

    def assert_silent(self) -> None:
        """No secret in anything, nobody in the log."""
        left = {f"output {at}": text.encode() for at, text in enumerate(self.said)}
        left |= {path.name: path.read_bytes() for path in self.ground.folder.iterdir() if path.name != "key"}
        keys = (self.ground.folder / "key").read_text().split()
        for name, content in left.items():
            for secret in (*filter(None, self.secrets), *keys):
                assert secret.encode() not in content, f"a secret is in {name}"
        lines = self.log.read_text(encoding="utf-8")
        assert not [word for word in PERSONAL if word.lower() in lines.lower()], "a person is in the log"

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def session(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Secrets are stored; one person is to be found out about."""
    ground.shell.secrets.clear()  # what is said is gathered and looked through at the end
    for name in ("crm", "marketing"):
        monkeypatch.delenv(f"{name.upper()}_SECRET")
        ground.connections[name]["client_secret"] = "stored"
    session = Session(ground, monkeypatch)
    assert ground.shell("secrets", "key", "new", str(ground.folder / "key")).code == 0
    monkeypatch.setenv("SYNCLINE_KEY_FILE", str(ground.folder / "key"))
    for name in ("crm", "marketing"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(SECRET))
        assert ground.syncline("secrets", "set", name, "client_secret").code == 0
    email, first, last, phone, *_ = PERSONAL
    ground.org(
        "seed", {"Lead": [{"FirstName": first, "LastName": last, "Company": "Co", "Email": email, "Phone": phone}]}
    )
    return session


FAULTS = (
    ("org", "html_page", "/services/data/"),
    ("org", "expired_token", "/services/data/"),
    ("org", "http_status", "composite"),
    ("instance", "quota", "/rest/v1/leads"),
    ("instance", "half_body", "/rest/v1/leads.json"),
)


@pytest.mark.parametrize("is_long", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_session_leaks_nothing(session: Session, is_long: bool) -> None:
    session.ground.synced()
    session.edit("title", PERSONAL[4])
    for words in COMMANDS if is_long else [("run",), ("explain", PERSONAL[0]), ("secrets", "rotate")]:
        session(*words)
    for at, (system, name, match) in enumerate(FAULTS if is_long else FAULTS[-1:]):
        session.edit("city", f"{PERSONAL[5]} {at}")
        getattr(session.ground, system)("faults", {"name": name, "match": match, "times": None})
        session("run")
        session.ground.faults_over()
    session.assert_silent()


def test_answers_nobody_understands_and_bugs_leak_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence is shown for these: the beginning of an answer, or where we were."""
    page = {"title": f"a page that quotes {SECRET}"}
    session.ground.org("faults", {"name": "html_page", "match": "/services/data/", "times": None, "parameters": page})
    words, told = session("run")
    assert (words.code, told.code) == (7, 7)
    assert "a page that quotes ***" in told.out
    session.ground.faults_over()
    with monkeypatch.context() as patch:

        def broken(*_: Any, **__: Any) -> Any:
            raise ValueError(f"{' '.join(PERSONAL)} {SECRET} {session.secrets}")

        patch.setattr("syncline.engine.cycle.plan_links", broken)
        session.edit("title", PERSONAL[4])
        for said in session("run"):
            assert said.code == 70
            assert not [word for word in PERSONAL if word in said.out + said.err]
    last = session.logged()[-1]
    assert (last["error"], last["level"]) == ("ValueError", "error")
    assert last["frames"]
    session.assert_silent()


@pytest.mark.parametrize("where", ["state", "log", "output"])
def test_a_leak_would_be_found(session: Session, where: str) -> None:
    session("check")
    token = next(secret for secret in session.secrets if secret != SECRET and len(secret) > 8)
    if where == "output":
        session.said.append(f"... {token} ...")
    else:
        path: Path = session.ground.state if where == "state" else session.log
        session("status")
        with path.open("ab") as file:
            file.write(token.encode())
    with pytest.raises(AssertionError, match="a secret is in"):
        session.assert_silent()
