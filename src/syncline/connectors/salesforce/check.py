"""`check`: as whom we are connected, and every problem of rights and settings found, each with its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from syncline.connectors.salesforce import soql
from syncline.connectors.salesforce.client import SalesforceClient
from syncline.connectors.salesforce.describe import Describer
from syncline.connectors.salesforce.errors import ObjectRefused
from syncline.connectors.salesforce.fates import fate_fields
from syncline.connectors.salesforce.stream import Streams
from syncline.errors import AccessError, NotUnderstood
from syncline.ports import Lane
from syncline.records import Problem
from syncline.schema import ObjectSchema

LANE = Lane.URGENT
SYNCED = ("Lead", "Contact")
PARENTS = ("Account", "User")
LITTLE_QUOTA = 0.2

# Without these the order of changes, echoes and deletes cannot be told.
_NEEDED = ("Id", "SystemModstamp", "LastModifiedById", "CreatedDate", "IsDeleted")


@dataclass(frozen=True, kw_only=True)
class User:
    """The connected user."""

    id: str
    username: str
    name: str


async def connected_user(client: SalesforceClient) -> User:
    """Who the token stands for: the last part of its identity URL ("Identity URLs")."""
    identity = (await client.token()).identity or ""
    user_id = identity.rpartition("/")[2]
    if not user_id:
        raise NotUnderstood("Salesforce issued a token without the identity it stands for.")
    query = soql.select(["Id", "Username", "Name"], "User", soql.is_in("Id", [user_id]))
    async for answer in client.query(query, LANE):
        for record in answer.body["records"]:
            return User(id=record["Id"], username=record["Username"], name=record["Name"])
    return User(id=user_id, username=user_id, name=user_id)


async def problems(client: SalesforceClient, describer: Describer, user: User) -> list[Problem]:
    found = await _version(client)
    for object_type in (*SYNCED, *PARENTS):
        found += await _object(describer, object_type)
    found += await _dedicated(client, user)
    return found + await _quota(client)


async def _version(client: SalesforceClient) -> list[Problem]:
    offered = (await client.get("/services/data", LANE)).body
    versions = [str(item["version"]) for item in offered]
    if client.version in versions:
        return []
    return [
        Problem(
            code="SYN-223",
            subject="api_version",
            message=f"The org does not offer API version {client.version}.",
            remedy=f"Set api_version to one of {versions[0]} to {versions[-1]}.",
        )
    ]


async def _object(describer: Describer, object_type: str) -> list[Problem]:
    try:
        schema = await describer.schema(object_type, LANE, again=True)
    except ObjectRefused:
        return [_no_object(object_type)]
    if object_type not in SYNCED:
        return []
    return [*_missing_rights(schema), *_missing_fields(schema)]


def _no_object(object_type: str) -> Problem:
    return Problem(
        code="SYN-220",
        subject=object_type,
        message=f"The connected user does not see the object {object_type}.",
        remedy=f"Grant Read and View All on {object_type}, in a permission set or profile.",
        blocks=object_type in SYNCED,
    )


def _missing_rights(schema: ObjectSchema) -> list[Problem]:
    rights = {"Create": schema.can_create, "Edit": schema.can_update}
    return [
        Problem(
            code="SYN-224",
            subject=schema.name,
            message=f"The connected user has no {right} right on {schema.name}.",
            remedy=f"Grant {right} (and Modify All) on {schema.name}, unless nothing is to be written to it.",
            blocks=False,
        )
        for right, granted in rights.items()
        if not granted
    ]


def _missing_fields(schema: ObjectSchema) -> list[Problem]:
    return [
        Problem(
            code="SYN-225",
            subject=f"{schema.name}.{name}",
            message=f"The connected user does not see {schema.name}.{name}, without which changes cannot be followed.",
            remedy="Use an API version and a user that show the system fields.",
        )
        for name in (*_NEEDED, *fate_fields(schema.name))
        if name not in schema.fields
    ]


async def _dedicated(client: SalesforceClient, user: User) -> list[Problem]:
    """Whether people log in as this user: then "last modified by" does not tell our writes from theirs."""
    query = soql.select(["LoginType"], "LoginHistory", f"UserId = {soql.literal(user.id)}", "LoginTime DESC")
    try:
        async for answer in client.query(f"{query} LIMIT 200", LANE):
            people = [record for record in answer.body["records"] if record["LoginType"] == "Application"]
            return [_shared(user, f"{len(people)} of its latest logins were a person's, in the browser")] * bool(people)
    except (AccessError, NotUnderstood):  # the object is hidden from it, or a field is
        return [_shared(user, "its login history cannot be read")]
    return []


def _shared(user: User, why: str) -> Problem:
    return Problem(
        code="SYN-226",
        subject=user.username,
        message=f"It is not proven that {user.username} is used by Syncline alone: {why}.",
        remedy="Give Syncline a user of its own, under which nobody and nothing else works.",
        blocks=False,
    )


async def _quota(client: SalesforceClient) -> list[Problem]:
    """What is left of the day, by `/limits` where it may be read, else by the header every answer carries."""
    used, limit = await _day(client)
    if limit is None or used is None or limit - used > limit * LITTLE_QUOTA:
        return []
    return [
        Problem(
            code="SYN-331",
            subject="API requests",
            message=f"{used} of the {limit} API requests of the last 24 hours are used, by all integrations together.",
            remedy="See in Setup, System Overview, who uses them; raise the limit or run less often.",
            blocks=used >= limit,
        )
    ]


async def _day(client: SalesforceClient) -> tuple[int | None, int | None]:
    try:
        limits: Any = (await client.get("/limits", LANE)).body
    except AccessError:  # needs View Setup and Configuration
        usage = client.budget.usage()
        return usage.day_used, usage.day_limit
    requests = limits["DailyApiRequests"]
    return int(requests["Max"]) - int(requests["Remaining"]), int(requests["Max"])


async def stream_problems(streams: Streams) -> list[Problem]:
    """Objects whose changes are not pushed although the settings ask for it; polling brings them all the same."""
    found = []
    for object_type in SYNCED if streams.endpoint is not None else ():
        why = await streams.problem_of(object_type)
        if why is not None:
            found.append(
                Problem(
                    code="SYN-228",
                    subject=object_type,
                    message=f"Changes of {object_type} are not pushed, only polled. {why}",
                    remedy=f"Select {object_type} in Setup, Change Data Capture, and grant View All on it; "
                    "or write stream: false.",
                    blocks=False,
                )
            )
    return found


def sentence(user: User, found: Sequence[Problem]) -> str:
    """The one sentence `check` begins with."""
    blocking = sum(problem.blocks for problem in found)
    verdict = f"{blocking} blocking problems" if blocking else "nothing blocks"
    return f"Connected to Salesforce as {user.name} ({user.username}); {verdict}."
