"""Several calls in one request: Composite, Batch, Graph and Tree."""

from .resources import CompositeResources

__all__ = ["CompositeResources"]
