"""The marketing side of an instance put together: assets, program members, campaigns, ways in. No behaviour here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog
from syncline_sandbox.marketo.assets import channels, folders, my_tokens, programs, smart_lists, tags
from syncline_sandbox.marketo.assets.channels import Channels
from syncline_sandbox.marketo.assets.folders import Folders
from syncline_sandbox.marketo.assets.my_tokens import MyTokens
from syncline_sandbox.marketo.assets.program_life import ProgramLife
from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.assets.replies import FOLDER
from syncline_sandbox.marketo.assets.shelf import Shelf
from syncline_sandbox.marketo.assets.smart_lists import SmartLists
from syncline_sandbox.marketo.assets.static_lists import StaticLists
from syncline_sandbox.marketo.assets.tags import Tags
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.campaigns import book, calling, runner
from syncline_sandbox.marketo.campaigns.book import CampaignBook
from syncline_sandbox.marketo.campaigns.calling import WebhookCalls
from syncline_sandbox.marketo.campaigns.calls import CampaignCalls
from syncline_sandbox.marketo.campaigns.flow import Flow
from syncline_sandbox.marketo.campaigns.runner import Runner
from syncline_sandbox.marketo.campaigns.token_source import TokenSource
from syncline_sandbox.marketo.capture import cookies, intake
from syncline_sandbox.marketo.capture.cookies import Cookies
from syncline_sandbox.marketo.capture.intake import Intake
from syncline_sandbox.marketo.leads import Leads
from syncline_sandbox.marketo.lists import Lists
from syncline_sandbox.marketo.members import fields
from syncline_sandbox.marketo.members.endpoints import ProgramMembers
from syncline_sandbox.marketo.members.fields import MemberFields
from syncline_sandbox.marketo.members.roll import MemberRoll
from syncline_sandbox.marketo.members.schema import MemberSchema
from syncline_sandbox.marketo.partial_failure import Refusals
from syncline_sandbox.marketo.partitions import Partitions
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.sync import Writes
from syncline_sandbox.marketo.writer import LeadWriter

_TABLES = "".join(
    part.TABLES
    for part in (
        folders,
        programs,
        channels,
        tags,
        my_tokens,
        smart_lists,
        fields,
        book,
        calling,
        runner,
        cookies,
        intake,
    )
)


class Marketing:
    """The rooms by name. Made anew after a reset."""

    def __init__(
        self,
        store: Store,
        log: ActivityLog,
        clock: SandboxClock,
        settings: Settings,
        writer: LeadWriter,
        leads: Leads,
        writes: Writes,
        lists: Lists,
        partitions: Partitions,
        today: Callable[[], date],
        changing: Callable[[Callable[[], None]], None],
        refused: Callable[[Call, int], Refusals],
    ) -> None:
        store.connection.executescript(_TABLES)
        program_shelf = Shelf(store, clock, "programs", "Program", programs.COLUMNS)
        list_shelf = Shelf(store, clock, "lists", "Static list", ("programName",))
        self.partitions = partitions
        self.folders = Folders(store, clock, program_shelf)
        self.channels = Channels(store, clock)
        self.tags = Tags(store)
        self.programs = Programs(store, program_shelf, self.folders, self.channels, self.tags)
        self.my_tokens = MyTokens(store, self.folders)
        self.static_lists = StaticLists(store, list_shelf, self.folders)
        self.smart_lists = SmartLists(store, clock, self.folders)
        self.member_fields = MemberFields(store, settings)
        self.members = MemberRoll(store, log, clock, settings, self.programs, self.member_fields)
        self.member_schema = MemberSchema(self.member_fields)
        self.member_calls = ProgramMembers(store, leads, self.programs, self.members, settings, refused)
        self.campaigns = CampaignBook(store, clock, self.folders, self.smart_lists)
        self.cookies = Cookies(store)
        self.intake = Intake(store, clock, log, writer, writes, leads, self.programs, self.members, self.cookies)
        inside = {
            FOLDER: Shelf(store, clock, "folders", "Folder", ("kind",)),
            "Smart Campaign": self.campaigns.shelf,
            "Smart List": self.smart_lists.shelf,
            "List": list_shelf,
            "Form": self.intake.forms,
        }
        self.program_life = ProgramLife(
            store, self.programs, self.folders, self.my_tokens, inside, self.campaigns.adopt
        )
        flow = Flow(store, log, writer, lists, self.programs, self.members, partitions)
        tokens = TokenSource(store, clock, self.campaigns, self.programs, self.my_tokens, self.members)
        self.webhooks = WebhookCalls(store, settings)
        self.runner = Runner(
            store, log, clock, writer, self.campaigns, self.smart_lists, tokens, flow, self.webhooks, changing
        )
        self.campaign_calls = CampaignCalls(
            store, clock, self.campaigns, self.runner, self.programs, self.program_life, today
        )
        self.folders.establish()
        self.channels.establish()
        self.member_fields.establish()
        self.runner.establish()
        writer.departures[:] = [self.members.depart, self.cookies.depart, self.runner.depart]
