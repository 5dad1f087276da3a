"""A left system with owners, queues, tasks, accounts and contacts, and a right one of humans: for tests of actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from syncline.connectors.memory.system import MemorySystem
from syncline.schema import Field, ObjectSchema
from syncline.spec.actions import AccountShape, OwnerKind, PersonActions, TaskShape
from syncline.spec.model import End, FieldMap, SideSpec, Sync
from syncline.values import FieldType
from tests.support.memory_world import TwoSystems, people, schema, two_systems

TABLE = PersonActions(
    side="a",
    owner_field="owner",
    owner_kinds=(
        OwnerKind(
            word="user",
            object_type="user",
            found_by=("email", "name"),
            owns=frozenset({"person", "member", "task"}),
            shown="name",
            active="active",
        ),
        OwnerKind(
            word="queue",
            object_type="group",
            found_by=("name",),
            owns=frozenset({"person"}),
            shown="name",
            only={"kind": "queue"},
        ),
    ),
    assigned_by_rules=frozenset({"person"}),
    task=TaskShape(
        object_type="task",
        person="who",
        owner="owner",
        subject="subject",
        description="description",
        due="due",
        status="status",
        priority="priority",
        has_reminder="reminds",
        reminder_at="reminder_at",
        due_in_days=5,
        defaults={"status": "Not Started"},
    ),
    account=AccountShape(
        object_type="account", name="name", website="website", contact_type="member", contact_account="account"
    ),
    company="company",
    email="email",
    website="website",
    token_side="b",
    token_spaces=frozenset({"lead"}),
    losses={"b": "Gone for good."},
)


def _texts(name: str, *fields: str) -> ObjectSchema:
    described = {field: Field(name=field, label=field, type=FieldType.TEXT) for field in fields}
    return ObjectSchema(name=name, label=name, fields=described)


def _with(shape: ObjectSchema, *fields: str) -> ObjectSchema:
    return replace(shape, fields={**shape.fields, **_texts("", *fields).fields})


def acting_people(**changes: object) -> Sync:
    """The sync of `memory_world`, whose left people may be contacts ("member") and can be acted on."""
    base = people()
    fields = tuple(replace(m, a={**m.a, "member": next(iter(m.a.values()))}) for m in base.fields)
    company = End(inputs=("company",), field="company")
    fields += (FieldMap(key="company", a={"person": company, "member": company}, b={"human": company}),)
    a = SideSpec(
        connection="left",
        object_types=("person", "member"),
        key_fields={"person": "key", "member": "key"},
        creates_as="person",
        creates=base.a.creates,
    )
    return replace(base, **{"a": a, "fields": fields, "actions": TABLE, **changes})  # type: ignore[arg-type]


def _labelled(shape: ObjectSchema, labels: Mapping[str, str]) -> ObjectSchema:
    fields = {name: replace(field, label=labels.get(name, name)) for name, field in shape.fields.items()}
    return replace(shape, fields=fields)


async def acting_systems(**changes: object) -> TwoSystems:
    """Two systems with everything actions speak of; Ann is active, Old is not, Hall is a queue."""
    world = await two_systems(acting_people(**changes))
    own = ("owner", "company", "website", "account", "became")
    world.left.schemas |= {
        "person": _with(schema("person"), *own),
        "member": _with(schema("member"), *own),
        "user": _texts("user", "name", "email", "active"),
        "group": _texts("group", "name", "kind"),
        "account": _texts("account", "name", "website"),
        "task": _texts(
            "task", "who", "owner", "subject", "description", "due", "status", "priority", "reminds", "reminder_at"
        ),
    }
    human = _with(schema("human"), "company", "website")
    world.right.schemas["human"] = _labelled(human, {"first": "First Name", "last": "Last Name"})
    return world


def employ(system: MemorySystem) -> dict[str, str]:
    """Users and a queue; their ids by name."""
    made = {}
    for name, active in (("Ann Seller", "true"), ("Bob Seller", "true"), ("Old Seller", "false")):
        cells = {"name": name, "email": f"{name.split()[0].lower()}@sales.example", "active": active}
        made[name] = system.create("user", cells, "admin")
    made["Hall"] = system.create("group", {"name": "Hall", "kind": "queue"}, "admin")
    made["Everybody"] = system.create("group", {"name": "Everybody", "kind": "role"}, "admin")
    return made
