"""Topics and schemas as a user may see them: GetTopic, GetSchema, and who may subscribe or publish.

"Subscriber Permissions" of the Change Data Capture Developer Guide: View All Data and the right to read the object,
or for a platform event the right to read it; to publish, the right to create it.
"""

from __future__ import annotations

from dataclasses import dataclass

from syncline_sandbox.salesforce.events.channels import Topic
from syncline_sandbox.salesforce.events.event_schema import EventSchema
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.rights import UserRights

from .refusals import Refused


@dataclass(frozen=True)
class SeenTopic:
    """A topic with what this user may do on it."""

    topic: Topic
    can_subscribe: bool
    can_publish: bool


def see_topic(org: SalesforceOrg, rights: UserRights, name: str, empty: str = "topic.validation.empty") -> SeenTopic:
    """The topic of this name. Refused when there is none; *empty* is the code for no name at all."""
    if not name.strip():
        raise Refused(empty)
    topic = org.events.channels.topic(name)
    if topic is None:
        raise Refused("topic.not.found", text=f"The topic {name} does not exist.")
    event = topic.platform_event
    if event is not None:
        return SeenTopic(topic, rights.can_read_object(event.name), rights.allows("create", event.name))
    readable = not topic.entities or any(rights.can_read_object(sobject.name) for sobject in topic.entities)
    return SeenTopic(topic, readable and "ViewAllData" in rights.permissions, can_publish=False)


def current_schema(org: SalesforceOrg, topic: Topic) -> EventSchema:
    """The schema of a topic as it is now, kept so that GetSchema finds it."""
    schema = org.events.topic_schema(topic)
    with org.platform_transaction():
        org.events.log.keep_schema(schema)
    return schema


def schema_json(org: SalesforceOrg, schema_id: str) -> str:
    """The Avro schema of this id. Refused when there is none."""
    found = org.events.log.schema_json(schema_id) if schema_id else None
    if found is None:
        raise Refused("schema.validation.failed")
    return found
