"""Metadata: components in the vendor's words, made and read through the Tooling API and the Metadata API."""

from .components import Components
from .soap import MetadataCalls

__all__ = ["Components", "MetadataCalls"]
