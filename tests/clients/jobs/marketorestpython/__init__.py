"""marketorestpython: the lead database, assets, campaigns, custom objects and activities, both bulk APIs."""

from . import bulk, marketing, objects, people
from .opened import JOB

__all__ = ["JOB", "bulk", "marketing", "objects", "people"]
