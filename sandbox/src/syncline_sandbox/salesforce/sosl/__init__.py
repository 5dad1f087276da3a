"""SOSL: `FIND {term} IN … FIELDS RETURNING Object(fields WHERE … LIMIT n)` to terms, objects and SELECTs."""

from .find import Search, parse_search
from .terms import Terms, escaped, install_search

__all__ = ["Search", "Terms", "escaped", "install_search", "parse_search"]
