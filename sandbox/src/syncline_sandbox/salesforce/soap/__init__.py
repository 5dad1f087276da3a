"""The SOAP API of the org: envelopes, faults, and the calls that have no REST resource."""

from .door import SoapDoor

__all__ = ["SoapDoor"]
