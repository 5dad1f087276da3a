"""SOQL compiled to SQLite: text, schema and rights in; SQL with bound values and the shape of the rows out."""

from .compiled import CompiledQuery
from .compiler import compile_query
from .errors import SoqlError
from .families import install
from .shape import RowShaper

__all__ = ["CompiledQuery", "RowShaper", "SoqlError", "compile_query", "install"]
