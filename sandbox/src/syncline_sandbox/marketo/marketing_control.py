"""Control routes of the marketing side: what marketers set up in screens that have no API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from syncline_sandbox.core.control import ControlRefused, ControlRoute, required_object, said_of
from syncline_sandbox.marketo.activity_log import Cause
from syncline_sandbox.marketo.assets.channels import PROGRAM_TYPES
from syncline_sandbox.marketo.assets.folders import FORM_FOLDER, LIST_FOLDER, MARKETING_ACTIVITIES, SMART_LIST_FOLDER
from syncline_sandbox.marketo.assets.replies import FOLDER, PROGRAM, Parent
from syncline_sandbox.marketo.campaigns.book import BATCH, TRIGGER
from syncline_sandbox.marketo.campaigns.flow import check
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.marketing import Marketing
from syncline_sandbox.marketo.members.roll import MemberOrder
from syncline_sandbox.marketo.store import Row
from syncline_sandbox.marketo.values import parse_instant

if TYPE_CHECKING:
    from syncline_sandbox.marketo.instance import MarketoInstance

_MARKETER = "marketer@example.com"
# What only the vendor sets on a member, allowed here.
_NURTURE = ("isExhausted", "nurtureCadence", "trackName", "attendanceLikelihood", "registrationLikelihood")
_SET_HERE = (*_NURTURE, "waitlistPriority", "acquiredBy", "statusReason")


class MarketingControl:
    """Control routes of one instance; the README documents each with an example."""

    def __init__(self, instance: MarketoInstance) -> None:
        self._instance = instance

    @property
    def _rooms(self) -> Marketing:
        return self._instance.rooms.marketing

    def routes(self) -> Mapping[str, ControlRoute]:
        made: dict[str, Callable[[dict[str, Any]], Any]] = {
            "lists": self._make_list,
            "channels": self._put_channel,
            "tags": self._put_tag,
            "programs": self._put_program,
            "members": self._put_members,
            "partitions": self._put_partition,
            "partitions/users": self._restrict,
            "forms": self._make_form,
            "smart_lists": self._make_smart_list,
            "webhooks": lambda wanted: {"id": self._rooms.webhooks.put(wanted)},
            "campaigns": self._put_campaign,
            "campaigns/run": self._run,
        }
        return {
            **{f"POST {name}": self._writing(action) for name, action in made.items()},
            "GET campaigns/runs": lambda _body: self._rooms.runner.waiting(),
        }

    def _writing(self, action: Callable[[dict[str, Any]], Any]) -> ControlRoute:
        """Whatever makes no sense is told as such, and nothing of it stays."""

        def route(body: Any) -> Any:
            wanted = required_object(body)
            try:
                return self._instance.changing(lambda: action(wanted))
            except KeyError as missing:
                raise ControlRefused(said_of(missing)) from missing
            except (ValueError, TypeError) as wrong:
                raise ControlRefused(str(wrong)) from wrong
            except Refused as refused:
                raise ControlRefused(f"{refused.code} {refused.message}") from refused

        return route

    # -- assets -----------------------------------------------------------------------------------------------------

    def _place(self, wanted: Mapping[str, Any], otherwise: Parent) -> Parent:
        """The program or folder a body names, by name, or a usual one."""
        if "program" in wanted:
            return Parent(PROGRAM, self._program(wanted)["id"])
        if "folder" not in wanted:
            return otherwise
        place = Parent(FOLDER, int(wanted["folder"]))
        self._rooms.folders.row(place)
        return place

    def _program(self, wanted: Mapping[str, Any]) -> Row:
        rows = self._rooms.programs.shelf.named(str(wanted["program"]))
        if not rows:
            raise ControlRefused(f"no program {wanted['program']!r}")
        return rows[0]

    def _make_list(self, wanted: dict[str, Any]) -> dict[str, int]:
        """In a program if there is one of the name; else the name is only a label."""
        label = wanted.get("programName")
        known = self._rooms.programs.shelf.named(str(label)) if label else []
        if known or not label:
            place = self._place({"program": label} if known else wanted, LIST_FOLDER)
            return {"id": self._rooms.static_lists.make(str(wanted["name"]), place)}
        return {"id": self._instance.rooms.lists.make(str(wanted["name"]), str(label))}

    def _put_channel(self, wanted: dict[str, Any]) -> dict[str, int]:
        applies_to = str(wanted.get("applicableProgramType", "program"))
        if applies_to not in PROGRAM_TYPES.values():
            raise ValueError(f"applicableProgramType is one of {sorted(PROGRAM_TYPES.values())}")
        return {"id": self._rooms.channels.put(str(wanted["name"]), applies_to, wanted["statuses"])}

    def _put_tag(self, wanted: dict[str, Any]) -> dict[str, str]:
        applies_to = [str(kind) for kind in wanted.get("applicableProgramTypes", PROGRAM_TYPES.values())]
        values = [str(value) for value in wanted.get("allowableValues", [])]
        self._rooms.tags.put(str(wanted["tagType"]), values, applies_to, needed=bool(wanted.get("required", False)))
        return {"tagType": str(wanted["tagType"])}

    def _put_program(self, wanted: dict[str, Any]) -> dict[str, int]:
        """Make a program, or set what no endpoint sets on the one of the name."""
        shelf, name = self._rooms.programs.shelf, str(wanted["name"])
        extra = {key: str(wanted[key]) for key in ("status", "sfdcId", "sfdcName", "description") if key in wanted}
        if rows := shelf.named(name):
            shelf.change(rows[0]["id"], **extra)
            return {"id": int(rows[0]["id"])}
        kind = str(wanted.get("type", "Default"))
        place = self._place({key: wanted[key] for key in ("folder",) if key in wanted}, MARKETING_ACTIVITIES)
        return {"id": self._rooms.programs.make(name, kind, str(wanted["channel"]), place, **extra)}

    def _make_form(self, wanted: dict[str, Any]) -> dict[str, int]:
        place = self._place(wanted, FORM_FOLDER)
        program_id = place.id if place.type == PROGRAM else None
        fields = [str(name) for name in wanted.get("fields", [])]
        return {"id": self._rooms.intake.make_form(str(wanted["name"]), place, fields, program_id)}

    def _make_smart_list(self, wanted: dict[str, Any]) -> dict[str, int]:
        place, filters = self._place(wanted, SMART_LIST_FOLDER), wanted.get("filters", [])
        match_any = bool(wanted.get("any", False))
        return {"id": self._rooms.smart_lists.make(str(wanted["name"]), place, filters, match_any=match_any)}

    # -- people -----------------------------------------------------------------------------------------------------

    def _put_members(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """Set status and data of members as a marketer or the vendor's engine would."""
        program = self._program(wanted)
        cause = Cause(source=str(wanted.get("source", "Marketo UI")), user=str(wanted.get("user", _MARKETER)))
        acquires = bool(wanted.get("acquiredBy", False))
        order = MemberOrder(cause=cause, reason=str(wanted.get("reason", "")), acquires=acquires, may_leave=True)
        people, status = [int(lead_id) for lead_id in wanted["leadIds"]], wanted.get("status")
        results: list[dict[str, Any]] = [{"leadId": lead_id, "status": "updated"} for lead_id in people]
        if status is not None:
            results = self._rooms.members.join(program, people, self._rooms.members.status(program, str(status)), order)
        values = wanted.get("values", {})
        free = {name: value for name, value in values.items() if name in _SET_HERE}
        parsed = {**free, **self._rooms.members.parse({name: v for name, v in values.items() if name not in free})}
        if parsed:
            self._rooms.members.overwrite(program, people, parsed, order)
        return results

    def _put_partition(self, wanted: dict[str, Any]) -> dict[str, int]:
        return {"id": self._rooms.partitions.put(str(wanted["name"]), wanted.get("description"))}

    def _restrict(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self._rooms.partitions.restrict(str(wanted["user"]), wanted["partitions"])
        return wanted

    # -- campaigns --------------------------------------------------------------------------------------------------

    def _put_campaign(self, wanted: dict[str, Any]) -> dict[str, int]:
        """Make a campaign, or set up the one of the name: trigger, qualification, smart list and flow."""
        book, name, kind = self._rooms.campaigns, str(wanted["name"]), str(wanted.get("type", TRIGGER))
        if kind not in (BATCH, TRIGGER):
            raise ValueError(f"type is {BATCH} or {TRIGGER}")
        rules = {"any": bool(wanted.get("any", False)), "filters": wanted.get("filters", [])}
        self._rooms.smart_lists.check(rules)
        members = {
            "isActive": int(bool(wanted.get("active", kind == TRIGGER)) and kind == TRIGGER),
            "requestable": int(bool(wanted.get("requestable", True)) and kind == TRIGGER),
            "qualification": "once" if wanted.get("qualification", "once") == "once" else "any",
        }
        flow = check(wanted.get("flow", []))
        if rows := book.shelf.named(name):
            texts = {"rules": orjson.dumps(rules).decode(), "flow": orjson.dumps(flow).decode()}
            book.shelf.change(rows[0]["id"], type=kind, **members, **texts)
            return {"id": int(rows[0]["id"])}
        place = self._place(wanted, MARKETING_ACTIVITIES)
        return {"id": book.make(name, place, kind, **members, rules=rules, flow=flow)}

    def _run(self, wanted: dict[str, Any]) -> dict[str, int]:
        """Run a campaign now, or at `at`, for these people or for whom its smart list selects."""
        rows = self._rooms.campaigns.shelf.named(str(wanted["campaign"]))
        if not rows:
            raise ControlRefused(f"no campaign {wanted['campaign']!r}")
        due = self._instance.clock.now().timestamp()
        if "at" in wanted:
            due = parse_instant(str(wanted["at"])).timestamp()
        people = [int(lead_id) for lead_id in wanted["leadIds"]] if "leadIds" in wanted else None
        return {"run": self._rooms.runner.ask(rows[0]["id"], people, due, wanted.get("tokens"))}
