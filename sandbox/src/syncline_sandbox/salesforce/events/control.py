"""Control routes of the event bus: the selection, platform events, gaps, switches and allotments.

Lives here: JSON in, JSON out. The routes are described in the sandbox's README.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.control import ControlRoute, required_object
from syncline_sandbox.salesforce.people import ADMIN_USERNAME

from .channels import STANDARD

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg


class EventControl:
    """The routes over one org."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def routes(self) -> dict[str, ControlRoute]:
        return {
            "GET change_data_capture": lambda _body: self._org.events.channels.selection(),
            "POST change_data_capture": self._select,
            "GET platform_events": lambda _body: self._org.events.platform_events.definitions(),
            "POST platform_events": self._define,
            "POST platform_events/publish": self._publish,
            "POST gap_events": self._gap,
            "GET events": self._events,
            "POST events": self._settings,
        }

    def _select(self, body: Any) -> Any:
        wanted = required_object(body)
        self._org.events.select(list(wanted["objects"]), str(wanted.get("channel", STANDARD)))
        return self._org.events.channels.selection()

    def _define(self, body: Any) -> Any:
        for spec in body if isinstance(body, list) else [body]:
            self._org.events.platform_events.define(required_object(spec))
        self._org.schema_changed_at = self._org.clock.now()
        return self._org.events.platform_events.definitions()

    def _publish(self, body: Any) -> Any:
        """Publish as a user, with no API call counted: `{"event": "X__e", "records": [{…}]}`."""
        org, wanted = self._org, required_object(body)
        user_id = org.people.user_id(str(wanted.get("as", ADMIN_USERNAME)))
        sobject = org.schema.sobject(str(wanted["event"]))
        if sobject is None:
            raise LookupError(f"no platform event {wanted['event']!r}")
        with org.platform_transaction():
            published = [org.events.publish(sobject, record, user_id)[1] for record in wanted["records"]]
        return {"uuids": published}

    def _gap(self, body: Any) -> Any:
        org, wanted = self._org, required_object(body)
        sobject = org.schema.sobject(str(wanted["object"]))
        if sobject is None:
            raise LookupError(f"no object {wanted['object']!r}")
        with org.platform_transaction():
            user_id = org.people.user_id(ADMIN_USERNAME)
            org.events.publish_gap(sobject, str(wanted.get("change", "UPDATE")), list(wanted.get("ids", [])), user_id)
        return {"published": 1}

    def _events(self, _body: Any) -> Any:
        events = self._org.events
        used = {"delivered": events.delivered.used, "published": events.published.used}
        return {"settings": asdict(events.settings), "used": used, "open_streams": events.open_streams}

    def _settings(self, body: Any) -> Any:
        events, wanted = self._org.events, dict(required_object(body))
        for name, allotment in (("delivered", events.delivered), ("published", events.published)):
            if name in wanted:
                allotment.clear()
                allotment.spend(int(wanted.pop(name)))
        events.change_settings(wanted)
        return self._events(None)
