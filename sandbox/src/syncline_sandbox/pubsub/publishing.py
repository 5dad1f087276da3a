"""Publishing platform events: decode what was sent by the schema it names, publish it by the current one.

"Publish Events" of the Pub/Sub API guide: a result per event, with its replay id or an error, and the id the
publisher gave. Lives here: what happens under the org's lock.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.events.event_schema import decode
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.rights import UserRights
from syncline_sandbox.salesforce.schema import SObject

from .proto import pubsub_api_pb2 as pb
from .refusals import Refused
from .topics import see_topic

# A date in seconds is one before this number of milliseconds, March 1973: the vendor's own samples send seconds.
_FIRST_MILLISECONDS = 100_000_000_000


def publish(org: SalesforceOrg, rights: UserRights, request: pb.PublishRequest, rpc_id: str) -> pb.PublishResponse:
    """Publish a batch. Refused as a whole for its topic or for no events; one by one for what is wrong with one."""
    if request.auth_refresh:
        raise Refused("publish.auth.refresh.invalid")
    seen = see_topic(org, rights, request.topic_name, "publish.topic.validation.empty")
    event = seen.topic.platform_event
    if event is None or not seen.can_publish:
        raise Refused("topic.meta.permission", text="The user can't publish to the topic.")
    if not request.events:
        raise Refused("publish.event.count.invalid")
    with org.platform_transaction():
        results = [_publish_one(org, rights.user_id, event, sent) for sent in request.events]
    return pb.PublishResponse(results=results, schema_id=org.events.platform_schema(event).id, rpc_id=rpc_id)


def _publish_one(org: SalesforceOrg, user_id: str, event: SObject, sent: pb.ProducerEvent) -> pb.PublishResult:
    try:
        values = _values(org, event, sent)
        n, _ = org.events.publish(event, values, user_id, _uuid(sent.id))
    except (ValueError, OrgError) as wrong:
        told = f"{wrong.code}: {wrong.message}" if isinstance(wrong, OrgError) else str(wrong)
        return pb.PublishResult(error=pb.Error(code=pb.PUBLISH, msg=told), correlation_key=sent.id)
    return pb.PublishResult(replay_id=org.events.log.replay_id(n, f"/event/{event.name}"), correlation_key=sent.id)


def _values(org: SalesforceOrg, event: SObject, sent: pb.ProducerEvent) -> dict[str, Any]:
    current = org.events.platform_schema(event)
    schema_json = current.json if sent.schema_id == current.id else org.events.log.schema_json(sent.schema_id)
    if schema_json is None:
        raise ValueError(f"there is no schema {sent.schema_id!r}")
    written = decode(schema_json, sent.payload)
    known = {slot.name for slot in current.slots}
    values = {name: value for name, value in written.items() if name in known}
    required = [field.name for field in event.required_fields() if field.custom and values.get(field.name) is None]
    if required:
        raise ValueError(f"Required fields are missing: {required}")
    return {**values, **_created(written)}


def _created(written: Mapping[str, Any]) -> dict[str, Any]:
    """When and by whom, as far as the publisher says so."""
    created: dict[str, Any] = {}
    if moment := written.get("CreatedDate"):
        created["CreatedDate"] = moment if moment >= _FIRST_MILLISECONDS else moment * 1000
    if user_id := written.get("CreatedById"):
        created["CreatedById"] = user_id
    return created


def _uuid(text: str) -> str | None:
    """The publisher's id where it is a uuid; else the event gets one of its own."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
