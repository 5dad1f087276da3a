"""The control routes of the administrator: campaigns, custom objects, record types, roll-ups, sharing.

Lives here: JSON in, JSON out. The routes are described in the sandbox's README.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.control import ControlRoute, required_object

from .campaign_rules import SETTINGS, UNKNOWN_STATUS

if TYPE_CHECKING:
    from .org import SalesforceOrg


class ObjectControl:
    """The routes over one org."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def routes(self) -> dict[str, ControlRoute]:
        return {
            "POST campaigns": self._campaigns,
            "POST objects": self._add_objects,
            "POST record_types": self._add_record_types,
            "GET metadata": lambda _: self._org.components.settings(),
            "POST metadata": lambda body: self._org.components.change_settings(required_object(body)),
            "GET sharing": lambda _: self._org.objects.sharing.defaults,
            "POST sharing": lambda body: self._org.objects.sharing.set_defaults(required_object(body)),
        }

    def _add_record_types(self, body: Any) -> Any:
        specs = body if isinstance(body, list) else [body]
        made = [self._org.objects.record_types.add(dict(required_object(spec))) for spec in specs]
        self._org.schema_changed()
        return {"ids": made}

    def _add_objects(self, body: Any) -> Any:
        specs = body if isinstance(body, list) else [body]
        return {"added": [self._org.add_object(dict(required_object(spec))) for spec in specs]}

    def _campaigns(self, body: Any) -> Any:
        wanted = required_object(body)
        if unknown := wanted.keys() - SETTINGS.keys():
            raise ValueError(f"no such switch: {', '.join(sorted(unknown))}; there are {', '.join(SETTINGS)}")
        if wanted.get("unknown_status", "default") not in UNKNOWN_STATUS:
            raise ValueError(f"unknown_status is one of {', '.join(UNKNOWN_STATUS)}")
        return self._org.objects.set_campaigns(wanted)
