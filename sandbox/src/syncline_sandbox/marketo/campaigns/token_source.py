"""Where the values of tokens come from: the person, its membership, My Tokens with their overrides, campaign, program.

How a token is written is in tokens.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.assets.my_tokens import MyTokens
from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.assets.replies import Parent
from syncline_sandbox.marketo.campaigns.book import CampaignBook
from syncline_sandbox.marketo.campaigns.flow import Pass
from syncline_sandbox.marketo.campaigns.tokens import Tokens, by_label, system
from syncline_sandbox.marketo.members.roll import MemberRoll
from syncline_sandbox.marketo.store import Row, Store


class TokenSource:
    """Prepares a pass of people through a campaign."""

    def __init__(
        self,
        store: Store,
        clock: SandboxClock,
        book: CampaignBook,
        programs: Programs,
        my_tokens: MyTokens,
        roll: MemberRoll,
    ) -> None:
        self._store = store
        self._clock = clock
        self._book = book
        self._programs = programs
        self._my_tokens = my_tokens
        self._roll = roll

    def going(self, campaign: Row, run_id: int, overrides: Mapping[str, str]) -> Pass:
        """A pass whose tokens are those of each person. *overrides*: My Tokens for this run."""
        program_id = self._book.program_id(campaign)
        program = None if program_id is None else self._programs.get(program_id)
        mine = self._my_tokens.inherited(Parent(campaign["folderType"], campaign["folderId"])) | dict(overrides)
        common = {
            "my": {name.lower(): value for name, value in mine.items()},
            "campaign": {name: campaign[name] for name in ("id", "name", "description")},
            "program": {name: (program or {}).get(name) for name in ("id", "name", "description")},
            "system": system(self._clock.now()),
        }

        def tokens(lead_id: int) -> Tokens:
            return self._tokens(lead_id, program, common)

        return Pass(campaign=campaign, program=program, run_id=run_id, tokens=tokens)

    def _tokens(self, lead_id: int, program: Row | None, common: Mapping[str, Mapping[str, Any]]) -> Tokens:
        fields = self._store.fields.all()
        rows = self._store.leads_where([field.name for field in fields], "id = ?", (lead_id,))
        lead = by_label(fields, rows[0]) if rows else {}
        member = None if program is None else self._roll.member(program["id"], lead_id)
        about = by_label(self._roll.fields.all(), member or {})
        return Tokens({**common, "lead": lead, "company": lead, "member": about})
