"""SOQL compiled to SQLite: text, schema and rights in; SQL with bound values and the shape of the rows out.

What null, case and order mean is said in `predicates.py`, `functions.py`, `families.py`, `statement.py` and
`groups.py`, each with the vendor's page.
"""

from .compiled import CompiledQuery, RowsById
from .compiler import Style, compile_query
from .errors import SoqlError
from .functions import install
from .shape import RowShaper

__all__ = ["CompiledQuery", "RowShaper", "RowsById", "SoqlError", "Style", "compile_query", "install"]
