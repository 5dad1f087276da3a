"""The org's own routes of the control endpoint: seed, users, rights, fields, writes by other hands.

Lives here: JSON in, JSON out; what is shared with the other sandbox is in `core/control.py`. The routes are described
in the sandbox's README.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.control import ControlRefused, ControlRoute, required_object, said_of

from .caller import Caller
from .control_life import LifeControl
from .control_login import LoginControl
from .control_objects import ObjectControl
from .control_rules import RuleControl
from .errors import OrgError
from .events.control import EventControl
from .people import CLIENT_ID, CLIENT_SECRET, PASSWORD, SECURITY_TOKEN, USERNAME
from .schema import SObject

if TYPE_CHECKING:
    from .org import SalesforceOrg


class OrgControl:
    """The routes over one org. Each takes the decoded body and answers a JSON value."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def routes(self) -> dict[str, ControlRoute]:
        routes: dict[str, ControlRoute] = {
            "GET credentials": self._credentials,
            "POST seed": self._seed,
            "POST fields": self._add_fields,
            "GET users": self._users,
            "POST users": self._add_user,
            "POST rights": self._set_rights,
            "POST hide": self._hide,
            "POST quota": self._quota,
            "POST bulk": self._bulk,
            "POST replication": self._replication,
            "POST write": self._write,
            "POST touch": self._touch,
            **LoginControl(self._org).routes(),
            **LifeControl(self._org).routes(),
            **EventControl(self._org).routes(),
            **RuleControl(self._org).routes(),
            **ObjectControl(self._org).routes(),
        }
        return {name: _refusing(route) for name, route in routes.items()}

    def _credentials(self, _body: Any) -> Any:
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "username": USERNAME,
            "password": PASSWORD,
            "security_token": SECURITY_TOKEN,
            "organization_id": self._org.auth.organization_id,
        }

    def _seed(self, body: Any) -> Any:
        wanted = required_object(body)
        username = wanted.pop("as", USERNAME)
        return {name: self._org.seed(name, records, username=username) for name, records in wanted.items()}

    def _add_fields(self, body: Any) -> Any:
        for spec in body if isinstance(body, list) else [body]:
            rest = dict(required_object(spec))
            self._org.add_field(str(rest.pop("object", "")), rest)
        return {"added": len(body) if isinstance(body, list) else 1}

    def _users(self, _body: Any) -> Any:
        org = self._org
        return [
            {"username": login.username, "id": login.user_id, "rights": org.people.rights(login.user_id).as_json()}
            for login in org.auth.logins.values()
        ]

    def _add_user(self, body: Any) -> Any:
        org, wanted = self._org, dict(required_object(body))
        username, password = str(wanted.pop("username")), str(wanted.pop("password", PASSWORD))
        rights = wanted.pop("rights", None)
        with org.storage.transaction():
            user_id = org.people.add_user(org.schema, org.stamp(), username, password, **wanted)
            if rights is not None:
                org.people.set_rights(user_id, rights)
            org.storage.keep("serials", org.ids.serials)
        return {"id": user_id}

    def _set_rights(self, body: Any) -> Any:
        org, wanted = self._org, dict(required_object(body))
        user_id = org.people.user_id(str(wanted.pop("username", USERNAME)))
        self._check_fields([*wanted.get("hidden_fields", ()), *wanted.get("read_only_fields", ())])
        with org.storage.transaction():
            rights = org.people.set_rights(user_id, wanted)
        org.schema_changed_at = org.clock.now()
        return rights.as_json()

    def _check_fields(self, names: list[str]) -> None:
        """ControlRefused for a name that is no "Object.Field" of the org."""
        for name in names:
            object_name, _, field_name = name.partition(".")
            sobject = self._org.schema.sobject(object_name)
            if sobject is None or sobject.field(field_name) is None:
                raise ControlRefused(f"no field {name!r}; fields are named as in 'Lead.Phone'")

    def _hide(self, body: Any) -> Any:
        org, wanted = self._org, required_object(body)
        user_id = org.people.user_id(str(wanted.get("username", USERNAME)))
        with org.storage.transaction():
            count = org.people.hide_records(user_id, list(wanted["ids"]), hidden=bool(wanted.get("hidden", True)))
        return {"hidden": count}

    def _quota(self, body: Any) -> Any:
        wanted = required_object(body)
        if "maximum" in wanted:
            self._org.usage.maximum = int(wanted["maximum"])
        if "used" in wanted:
            self._org.usage.clear()
            self._org.usage.count(int(wanted["used"]))
        if "per_app_maximum" in wanted:
            most = wanted["per_app_maximum"]
            self._org.usage.per_app_maximum = None if most is None else int(most)
        usage = self._org.usage
        return {"used": usage.used, "maximum": usage.maximum, "per_app_maximum": usage.per_app_maximum}

    def _bulk(self, body: Any) -> Any:
        """How long bulk jobs take by the sandbox's clock, whether Bulk API 1.0 is on, how large uploads may be."""
        wanted = required_object(body)
        self._org.bulk.switch(wanted)
        return wanted

    def _replication(self, body: Any) -> Any:
        """How many days back getDeleted reaches."""
        self._org.replication.deleted_days = int(required_object(body)["deleted_days"])
        return {"deleted_days": self._org.replication.deleted_days}

    def _write(self, body: Any) -> Any:
        """Create, update, delete or undelete records as a user, with no API call counted."""
        org, wanted = self._org, required_object(body)
        user_id = org.people.user_id(str(wanted.get("as", USERNAME)))
        # A person is shown the duplicates and saves all the same, unless told to heed the alert.
        headers = {"sforce-duplicate-rule-header": f"allowSave={str(wanted.get('allow_duplicates', True)).lower()}"}
        caller = Caller(
            user_id=user_id,
            rights=org.people.rights(user_id),
            request_line="POST /_sandbox/write",
            headers=headers,
        )
        sobject = org.reading.object(caller, str(wanted["object"]))
        operation = str(wanted["operation"])
        ids: list[str] = []
        with org.platform_transaction():
            for record in wanted["records"]:
                rest = {name: value for name, value in record.items() if name != "Id"}
                ids.append(self._write_one(caller, sobject, operation, str(record.get("Id", "")), rest))
        return {"ids": ids}

    def _write_one(
        self, caller: Caller, sobject: SObject, operation: str, record_id: str, values: dict[str, Any]
    ) -> str:
        dml = self._org.dml
        if operation == "create":
            return dml.create(caller, sobject, values)
        if operation == "update":
            dml.update(caller, sobject, record_id, values)
        elif operation == "delete":
            dml.delete(caller, sobject, record_id)
        elif operation == "undelete":
            dml.undelete(caller, sobject, record_id)
        else:
            raise ControlRefused(f"operation is create, update, delete or undelete, not {operation!r}")
        return record_id

    def _touch(self, body: Any) -> Any:
        """Move SystemModstamp alone, as a platform job does."""
        org, wanted = self._org, required_object(body)
        sobject = org.schema.sobject(str(wanted["object"]))
        if sobject is None:
            raise ControlRefused(f"no object {wanted['object']!r}")
        with org.storage.transaction():
            for record_id in wanted["ids"]:
                org.storage.update(sobject, record_id, {"SystemModstamp": org.stamp()})
        org.reading.committed([(sobject, record_id) for record_id in wanted["ids"]])
        return {"touched": len(wanted["ids"])}


def _refusing(route: ControlRoute) -> ControlRoute:
    """The route, answering 400 for a body that names what is not there."""

    def run(body: Any) -> Any:
        try:
            return route(body)
        except (LookupError, TypeError, ValueError, OrgError) as wrong:
            raise ControlRefused(said_of(wrong)) from wrong

    return run
