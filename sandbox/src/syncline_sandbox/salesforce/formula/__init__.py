"""The vendor's formula language, a documented part of it, compiled to SQL over one record.

"Formula Operators and Functions" (Salesforce Help). Read by `reader.py`, given SQL and types by `functions.py` and
`compiler.py`.
"""

from .compiler import compile_formula
from .reader import FormulaError

__all__ = ["FormulaError", "compile_formula"]
