"""The ground of a history: both sandboxes' cores, the disk with our state, and the time; prepared once, copied often.

Lives here: founding and copying. Most histories begin after a first copy that was made once for their shape: what is
copied are the three databases, as they stood when everything rested.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncline.store import migrations, opening
from syncline.store.sqlite import SqliteStore
from syncline.trees import Store
from syncline_sandbox.core.wire import Request
from syncline_sandbox.marketo.instance import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.simulation.loop import VirtualTime
from tests.simulation.ports import Section

ADMIN, SELLER = "admin@sandbox.example", "admin@sandbox.example"
KEY_FIELD = {"name": "Syncline_Key__c", "type": "string", "length": 255, "external_id": True, "unique": True}
SCORE_FIELD = {"name": "mkto71_Lead_Score__c", "type": "double", "scale": 0}
PERSON_FIELDS = {
    "synclineKey": "string",
    "synclineSfdcId": "string",
    "synclineSfdcType": "string",
    "synclineSfdcIsDeleted": "boolean",
}


class Refused(Exception):
    """A system refused what somebody wanted to do there."""


@dataclass(kw_only=True)
class Ground:
    """Two systems and a disk. `disk` outlives every process of ours."""

    org: SalesforceOrg
    instance: MarketoInstance
    disk: sqlite3.Connection
    time: VirtualTime
    section: Section = field(default_factory=Section)

    def store(self) -> Store:
        """A process' opening of the state."""
        return SqliteStore(self.disk, where="the disk", clock=self.time, closing=lambda: None)

    def ask_org(self, method: str, route: str, body: Any = None) -> Any:
        return _asked(self.org.handle(_control(method, route, body)))

    def ask_instance(self, method: str, route: str, body: Any = None) -> Any:
        return _asked(self.instance.handle(_control(method, route, body)))

    def pictures(self) -> Mapping[str, sqlite3.Connection]:
        """Copies of the three databases, to begin others with."""
        own = {"org": self.org.storage.db, "instance": self.instance.store.connection, "disk": self.disk}
        return {name: _copied(connection) for name, connection in own.items()}

    def close(self) -> None:
        self.org.storage.db.close()
        self.instance.store.connection.close()
        self.disk.close()


def _control(method: str, route: str, body: Any) -> Request:
    return Request(method=method, path=f"/_sandbox/{route}", body=b"" if body is None else json.dumps(body).encode())


def _asked(answer: Any) -> Any:
    found = json.loads(answer.body) if answer.body else None
    if answer.status != 200:
        raise Refused(str(found))
    return found


def _copied(connection: sqlite3.Connection) -> sqlite3.Connection:
    target = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.backup(target)
    return target


def found(time: VirtualTime, pictures: Mapping[str, sqlite3.Connection] | None = None) -> Ground:
    """New systems with the custom fields a people sync needs; with *pictures*, as they stood when those were taken."""
    org, instance = SalesforceOrg(clock=time), MarketoInstance(clock=time)
    for name in ("Lead", "Contact"):
        for spec in (KEY_FIELD, SCORE_FIELD):
            org.add_field(name, dict(spec))
    disk = opening._connect(":memory:")
    ground = Ground(org=org, instance=instance, disk=disk, time=time)
    for name, kind in PERSON_FIELDS.items():
        ground.ask_instance("POST", "fields", {"name": name, "type": kind})
    ground.ask_instance("POST", "settings", {"enforce_limits": False})
    org.events.select(["Lead", "Contact"])
    if pictures is None:
        migrations.create(disk)
        return ground
    pictures["disk"].backup(disk)
    pictures["org"].backup(org.storage.db)
    pictures["instance"].backup(instance.store.connection)
    _take_up(ground)
    return ground


def _take_up(ground: Ground) -> None:
    """What the cores keep beside their databases."""
    org, store = ground.org, ground.instance.store
    org.ids.serials.clear()
    org.ids.serials.update(org.storage.kept("serials") or {})
    org.people.load()
    org.reading.forget_replica()
    org.events.take_up()
    store._last_lead_id = store.one("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'leads'")[0]
    store._last_activity_id = store.one("SELECT coalesce(max(id), 0) FROM activities")[0]
