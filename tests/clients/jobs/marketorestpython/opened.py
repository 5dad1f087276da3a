"""How this client is opened and asked, and what its jobs look up again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from syncline_sandbox.marketo.identity import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests.clients.bridge import Bridge
from tests.clients.capability import Job
from tests.clients.places import MARKETO_HOST
from tests.clients.truth import Row, control
from tests.clients.worlds import person

if TYPE_CHECKING:
    from tests.clients.room import Room

JOB = Job()
FIELDS = list(person(0))
SECONDS = 120  # it waits 0.2 s between two calls
Ask = Callable[..., Any]


class Client:
    """One client for a with statement; called with the name of a method and its arguments."""

    def __init__(self, room: Room) -> None:
        munchkin_id = MARKETO_HOST.partition(".")[0]
        credentials = {"client_id": DEFAULT_CLIENT_ID, "client_secret": DEFAULT_CLIENT_SECRET}
        self._bridge: Bridge = room.python("marketorestpython", munchkin_id=munchkin_id, **credentials)

    def __enter__(self) -> Ask:
        self._bridge.__enter__()
        return self._ask

    def __exit__(self, *problem: Any) -> None:
        self._bridge.__exit__(*problem)

    def _ask(self, method: str, **arguments: Any) -> Any:
        return self._bridge("execute", kwargs={"method": method, **arguments})


def id_of(ask: Ask, email: str) -> int:
    """The id of the person with this address, as the client finds it."""
    (row,) = ask("get_multiple_leads_by_filter_type", filterType="email", filterValues=[email], fields=["id"])
    return int(row["id"])


def people_stored(room: Room, by: str, values: list[Any], *fields: str) -> list[Row]:
    """People as the instance stores them."""
    wanted = {"field": by, "values": values, "fields": [by, *fields]}
    rows = control(room.instance, "POST people/read", wanted)
    booleans = {field.name for field in room.instance.store.fields.all() if field.type == "boolean"}
    return [{name: bool(value) if name in booleans else value for name, value in row.items()} for row in rows]


def make_type(ask: Ask) -> None:
    """A custom object type pet_c, linked to people."""
    ask("create_update_custom_object_type", apiName="pet_c", displayName="Pet", pluralName="Pets")
    fields = [
        {"name": "petId", "displayName": "Pet Id", "dataType": "string", "isDedupeField": True},
        {"name": "name", "displayName": "Name", "dataType": "string"},
        {
            "name": "keeper",
            "displayName": "Keeper",
            "dataType": "link",
            "relatedTo": {"name": "Lead", "field": "email"},
        },
    ]
    ask("add_field_custom_object_type", apiName="pet_c", fields=fields)
    ask("approve_custom_object_type", apiName="pet_c")
