"""Events of the org: Change Data Capture and platform events, from the transaction to the log subscribers read."""

from .bus import EventBus
from .platform_events import SUFFIX as EVENT_SUFFIX

__all__ = ["EVENT_SUFFIX", "EventBus"]
