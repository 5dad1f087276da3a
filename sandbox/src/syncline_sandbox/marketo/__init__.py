"""An imitation of one Marketo Engage instance, REST API only."""

from syncline_sandbox.marketo.instance import MarketoInstance

__all__ = ["MarketoInstance"]
