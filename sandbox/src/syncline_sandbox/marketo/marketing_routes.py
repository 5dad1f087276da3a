"""The routes of the marketing side: assets, program members, campaigns, partitions, push, forms, cookies."""

from __future__ import annotations

from collections.abc import Iterator

from syncline_sandbox.marketo.assets.replies import Members, found, page
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.marketing import Marketing
from syncline_sandbox.marketo.routes import RO_ASSET, RO_LEAD, RW_ANY_FIELD, RW_CUSTOM_FIELD, RW_LEAD, Route

RW_ASSET = "Read-Write Assets"
APPROVE_ASSET = f"{RW_ASSET}|Approve Assets"  # the table of permissions has the one, the reference the other
RO_CAMPAIGN, EXECUTE_CAMPAIGN = "Read-Only Campaign", "Execute Campaign"
V1, ASSET = "/rest/v1", "/rest/asset/v1"
# Kinds of assets that clients list and the sandbox has none of.
EMPTY = (
    "emails emailTemplates landingPages landingPageTemplates snippets files segmentation redirectRules "
    "landingPageDomains"
).split()


def marketing_routes(marketing: Marketing) -> Iterator[Route]:
    yield from _members(marketing)
    yield from _campaigns(marketing)
    yield from _people(marketing)
    yield from _programs(marketing)
    yield from _folders(marketing)
    yield from _lists(marketing)
    yield from _smart_campaigns(marketing)
    for kind in EMPTY:
        yield Route("GET", f"{ASSET}/{kind}.json", RO_ASSET, _nothing)


def _nothing(call: Call) -> Members:
    page(call)  # bad numbers are refused here as everywhere
    return found([])


def _members(marketing: Marketing) -> Iterator[Route]:
    calls, schema = marketing.member_calls, marketing.member_schema
    fields, of_program = f"{V1}/programs/members/schema/fields", f"{V1}/programs/{{id}}/members"
    yield Route("GET", f"{V1}/programs/members/describe.json", RO_LEAD, calls.describe)
    yield Route("GET", f"{V1}/program/members/describe.json", RO_LEAD, calls.describe_plainly)
    yield Route("GET", f"{fields}.json", RW_ANY_FIELD, schema.browse)
    yield Route("POST", f"{fields}.json", RW_CUSTOM_FIELD, schema.create)
    yield Route("GET", f"{fields}/{{name}}.json", RW_ANY_FIELD, schema.one)
    yield Route("POST", f"{fields}/{{name}}.json", RW_ANY_FIELD, schema.update)
    yield Route("GET", f"{of_program}.json", RO_LEAD, calls.query)
    yield Route("POST", f"{of_program}.json", RW_LEAD, calls.change, writes=True)
    yield Route("POST", f"{of_program}/status.json", RW_LEAD, calls.set_status, writes=True)
    yield Route("POST", f"{of_program}/delete.json", RW_LEAD, calls.delete, writes=True)
    yield Route("GET", f"{V1}/leads/programs/{{id}}.json", RO_LEAD, calls.leads_of_program)
    yield Route("POST", f"{V1}/leads/programs/{{id}}/status.json", RW_LEAD, calls.change_status_of_members, writes=True)
    yield Route("GET", f"{V1}/leads/{{id}}/programMembership.json", RO_ASSET, calls.programs_of_lead)


def _campaigns(marketing: Marketing) -> Iterator[Route]:
    book, calls = marketing.campaigns, marketing.campaign_calls
    yield Route("GET", f"{V1}/campaigns.json", RO_CAMPAIGN, book.campaigns)
    yield Route("GET", f"{V1}/campaigns/{{id}}.json", RO_CAMPAIGN, book.campaign)
    yield Route("POST", f"{V1}/campaigns/{{id}}/trigger.json", EXECUTE_CAMPAIGN, calls.trigger)
    yield Route("POST", f"{V1}/campaigns/{{id}}/schedule.json", EXECUTE_CAMPAIGN, calls.schedule)
    yield Route("GET", f"{V1}/leads/{{id}}/smartCampaignMembership.json", RO_ASSET, calls.of_lead)


def _people(marketing: Marketing) -> Iterator[Route]:
    intake = marketing.intake
    yield Route("GET", f"{V1}/leads/partitions.json", RO_LEAD, marketing.partitions.partitions)
    yield Route("POST", f"{V1}/leads/partitions.json", RW_LEAD, marketing.partitions.update, writes=True)
    yield Route("POST", f"{V1}/leads/push.json", RW_LEAD, intake.push, writes=True)
    yield Route("POST", f"{V1}/leads/submitForm.json", RW_LEAD, intake.submit, writes=True)
    yield Route("POST", f"{V1}/leads/{{id}}/associate.json", RW_LEAD, marketing.cookies.associate)
    yield Route("GET", f"{ASSET}/forms.json", RO_ASSET, intake.forms_list)
    yield Route("GET", f"{ASSET}/form/{{id}}.json", RO_ASSET, intake.form)


def _programs(marketing: Marketing) -> Iterator[Route]:
    programs, life, one = marketing.programs, marketing.program_life, f"{ASSET}/program/{{id}}"
    yield Route("GET", f"{ASSET}/programs.json", RO_ASSET, programs.browse)
    yield Route("POST", f"{ASSET}/programs.json", RW_ASSET, programs.create)
    yield Route("GET", f"{ASSET}/program/byName.json", RO_ASSET, programs.by_name)
    yield Route("GET", f"{ASSET}/program/byTag.json", RO_ASSET, programs.by_tag)
    yield Route("GET", f"{one}.json", RO_ASSET, programs.by_id)
    yield Route("POST", f"{one}.json", RW_ASSET, programs.update)
    yield Route("POST", f"{one}/clone.json", RW_ASSET, life.clone)
    yield Route("POST", f"{one}/delete.json", RW_ASSET, life.delete)
    yield Route("POST", f"{one}/approve.json", APPROVE_ASSET, programs.approve)
    yield Route("POST", f"{one}/unapprove.json", APPROVE_ASSET, programs.unapprove)
    yield Route("POST", f"{one}/tag/{{tag}}/delete.json", RW_ASSET, programs.delete_tag)
    yield Route("POST", f"{one}/tag/{{tag}}.json", RW_ASSET, programs.set_tag)
    yield Route("GET", f"{one}/smartList.json", RO_ASSET, marketing.smart_lists.of_program)
    yield Route("GET", f"{ASSET}/channels.json", RO_ASSET, marketing.channels.browse)
    yield Route("GET", f"{ASSET}/channel/byName.json", RO_ASSET, marketing.channels.by_name)
    yield Route("GET", f"{ASSET}/tagTypes.json", RO_ASSET, marketing.tags.browse)
    yield Route("GET", f"{ASSET}/tagType/byName.json", RO_ASSET, marketing.tags.by_name)


def _folders(marketing: Marketing) -> Iterator[Route]:
    folders, tokens, one = marketing.folders, marketing.my_tokens, f"{ASSET}/folder/{{id}}"
    yield Route("GET", f"{ASSET}/folders.json", RO_ASSET, folders.browse)
    yield Route("POST", f"{ASSET}/folders.json", RW_ASSET, folders.create)
    yield Route("GET", f"{ASSET}/folder/byName.json", RO_ASSET, folders.by_name)
    yield Route("GET", f"{one}.json", RO_ASSET, folders.by_id)
    yield Route("POST", f"{one}.json", RW_ASSET, folders.update)
    yield Route("GET", f"{one}/content.json", RO_ASSET, folders.content)
    yield Route("POST", f"{one}/delete.json", RW_ASSET, folders.delete)
    yield Route("GET", f"{one}/tokens.json", RO_ASSET, tokens.read)
    yield Route("POST", f"{one}/tokens.json", RW_ASSET, tokens.put)
    yield Route("POST", f"{one}/tokens/delete.json", RW_ASSET, tokens.delete)


def _lists(marketing: Marketing) -> Iterator[Route]:
    static, smart = marketing.static_lists, marketing.smart_lists
    one_static, one_smart = f"{ASSET}/staticList/{{id}}", f"{ASSET}/smartList/{{id}}"
    yield Route("GET", f"{ASSET}/staticLists.json", RO_ASSET, static.browse)
    yield Route("POST", f"{ASSET}/staticLists.json", RW_ASSET, static.create)
    yield Route("GET", f"{ASSET}/staticList/byName.json", RO_ASSET, static.by_name)
    yield Route("GET", f"{one_static}.json", RO_ASSET, static.by_id)
    yield Route("POST", f"{one_static}.json", RW_ASSET, static.update)
    yield Route("POST", f"{one_static}/delete.json", RW_ASSET, static.delete)
    yield Route("GET", f"{ASSET}/smartLists.json", RO_ASSET, smart.browse)
    yield Route("GET", f"{ASSET}/smartList/byName.json", RO_ASSET, smart.by_name)
    yield Route("GET", f"{one_smart}.json", RO_ASSET, smart.by_id)
    yield Route("POST", f"{one_smart}/clone.json", RW_ASSET, smart.clone)
    yield Route("POST", f"{one_smart}/delete.json", RW_ASSET, smart.delete)


def _smart_campaigns(marketing: Marketing) -> Iterator[Route]:
    book, one = marketing.campaigns, f"{ASSET}/smartCampaign/{{id}}"
    yield Route("GET", f"{ASSET}/smartCampaigns.json", RO_ASSET, book.browse)
    yield Route("POST", f"{ASSET}/smartCampaigns.json", RW_ASSET, book.create)
    yield Route("GET", f"{ASSET}/smartCampaign/byName.json", RO_ASSET, book.by_name)
    yield Route("GET", f"{one}.json", RO_ASSET, book.by_id)
    yield Route("POST", f"{one}.json", RW_ASSET, book.update)
    yield Route("POST", f"{one}/clone.json", RW_ASSET, book.clone)
    yield Route("POST", f"{one}/delete.json", RW_ASSET, book.delete)
    yield Route("POST", f"{one}/activate.json", RW_ASSET, book.activate)
    yield Route("POST", f"{one}/deactivate.json", RW_ASSET, book.deactivate)
    yield Route("GET", f"{one}/smartList.json", RO_ASSET, marketing.smart_lists.of_campaign)
