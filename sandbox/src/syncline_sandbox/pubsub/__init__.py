"""The Pub/Sub API of the org: the vendor's gRPC service over the event bus of `syncline_sandbox.salesforce.events`."""

from .server import PubSubServer, serve_pubsub

__all__ = ["PubSubServer", "serve_pubsub"]
