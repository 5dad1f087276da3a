"""Control routes for what people do to records: convert, merge, purge, and the queues and mapping they work with.

Lives here: JSON in, JSON out, on behalf of any user, with no API call counted. The routes are described in the
sandbox's README; the operations are in `convert.py`, `merge.py`, `recycle_bin.py` and `queues.py`.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.control import ControlRoute, required_object

from .caller import Caller
from .convert import LeadConvert
from .people import ADMIN_USERNAME

if TYPE_CHECKING:
    from .org import SalesforceOrg

_CONVERT_KEYS = frozenset(field.name for field in fields(LeadConvert))


class LifeControl:
    """The routes over one org. Whoever is not named acts as the administrator."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def routes(self) -> dict[str, ControlRoute]:
        return {
            "POST convert": self._convert,
            "POST merge": self._merge,
            "POST purge": self._purge,
            "POST queues": self._add_queue,
            "GET queues": self._queues,
            "POST lead_mapping": self._map_leads,
        }

    def _convert(self, body: Any) -> Any:
        wanted = dict(required_object(body))
        caller = self._caller(wanted, "convert")
        wanted.setdefault("converted_status", self._converted_status())
        if unknown := wanted.keys() - _CONVERT_KEYS:
            raise ValueError(f"a conversion has no {', '.join(sorted(unknown))}; it has {sorted(_CONVERT_KEYS)}")
        with self._org.platform_transaction():
            return asdict(self._org.conversion.convert(caller, LeadConvert(**wanted)))

    def _merge(self, body: Any) -> Any:
        wanted = dict(required_object(body))
        caller = self._caller(wanted, "merge")
        org = self._org
        sobject = org.reading.object(caller, str(wanted["object"]))
        with org.platform_transaction():
            done = org.merging.merge(caller, sobject, wanted["master"], wanted.get("fields", {}), wanted["losers"])
            return asdict(done)

    def _purge(self, body: Any) -> Any:
        """Empty the recycle bin: of these records, or of all."""
        wanted, dml = required_object(body), self._org.dml
        with self._org.platform_transaction():
            if "ids" not in wanted:
                return {"purged": dml.bin.empty_all()}
            for record_id in wanted["ids"]:
                dml.bin.empty(dml.sobject_of(record_id), record_id)
        return {"purged": len(wanted["ids"])}

    def _add_queue(self, body: Any) -> Any:
        org, wanted = self._org, required_object(body)
        members = [org.people.user_id(username) for username in wanted.get("members", [])]
        with org.platform_transaction():
            queue_id = org.queues.add(
                str(wanted["name"]), wanted.get("objects", ["Lead"]), members, org.stamp(), self._admin()
            )
        return {"id": queue_id}

    def _queues(self, _body: Any) -> Any:
        sql = 'SELECT "Id", "Name" FROM "Group" WHERE "Type" = \'Queue\' ORDER BY "Id"'
        return [{"id": queue_id, "name": name} for queue_id, name in self._org.storage.db.execute(sql)]

    def _map_leads(self, body: Any) -> Any:
        org, wanted = self._org, required_object(body)
        with org.storage.transaction():
            org.conversion.mapping.set_custom(wanted)
            org.storage.keep("lead_mapping", org.conversion.mapping.custom)
        return org.conversion.mapping.custom

    def _caller(self, wanted: dict[str, Any], route: str) -> Caller:
        user_id = self._org.people.user_id(str(wanted.pop("as", ADMIN_USERNAME)))
        rights = self._org.people.rights(user_id)
        headers = {"sforce-auto-assign": "FALSE", "sforce-duplicate-rule-header": "allowSave=true"}
        return Caller(user_id=user_id, rights=rights, request_line=f"POST /_sandbox/{route}", headers=headers)

    def _admin(self) -> str:
        return self._org.people.user_id(ADMIN_USERNAME)

    def _converted_status(self) -> str:
        sql = 'SELECT "ApiName" FROM "LeadStatus" WHERE "IsConverted" = 1 ORDER BY "SortOrder" LIMIT 1'
        return str(self._org.storage.db.execute(sql).fetchone()[0])
