"""`compile_formula`: a formula over the fields of one object, parents included, as SQL with `{row}` for its row."""

from __future__ import annotations

import itertools

from syncline_sandbox.salesforce.schema import NUMBER_TYPES, Field, Schema, SObject

from .functions import FUNCTIONS, Value
from .reader import FieldPath, FormulaError, Literal, Tree, read_formula

MAX_PARENTS = 10
_KINDS = {**dict.fromkeys(NUMBER_TYPES, "number"), "boolean": "boolean", "date": "date", "datetime": "datetime"}


def compile_formula(text: str, schema: Schema, sobject: SObject, name: str, *, blank_is_zero: bool = True) -> str:
    """The SQL of *text*, the formula of the field or rule *name* of *sobject*.

    Raises:
        FormulaError: it is not a formula, or names what is not there.
    """
    return _Compiler(schema, sobject, name, blank_is_zero=blank_is_zero).value(read_formula(text)).sql


class _Compiler:
    def __init__(self, schema: Schema, sobject: SObject, name: str, *, blank_is_zero: bool) -> None:
        self._schema = schema
        self._sobject = sobject
        # A formula may stand inside another: no two of them may call a parent by the same alias.
        self._aliases = (f'"{sobject.name} {name} {number}"' for number in itertools.count())
        self._blank_is_zero = blank_is_zero

    def value(self, tree: Tree) -> Value:
        if isinstance(tree, Literal):
            sql = _quoted(tree.value) if tree.kind == "text" else tree.value
            return Value(sql, tree.kind)
        if isinstance(tree, FieldPath):
            return self._path(tree.names)
        known = FUNCTIONS.get(tree.name)
        if known is None:
            raise FormulaError(f"Unknown function {tree.name}. Check spelling.")
        least, most, build = known
        if not least <= len(tree.operands) <= most:
            raise FormulaError(f"Incorrect number of parameters for function '{tree.name}()'")
        # Whether a number is blank can only be asked before a blank becomes zero.
        asks_blank = tree.name in ("ISBLANK", "ISNULL", "BLANKVALUE", "NULLVALUE")
        return build([self._operand(one, blank=asks_blank) for one in tree.operands])

    def _operand(self, tree: Tree, *, blank: bool) -> Value:
        found = self.value(tree)
        zero = self._blank_is_zero and not blank and found.type == "number" and isinstance(tree, FieldPath)
        return Value(f"coalesce({found.sql}, 0)", "number") if zero else found

    def _path(self, names: tuple[str, ...]) -> Value:
        if len(names) > MAX_PARENTS:
            raise FormulaError(f"Field {'.'.join(names)} spans too many relationships")
        sql, field = self._in(self._sobject, "{row}", names, ".".join(names))
        kind = _KINDS.get(field.type, "text")
        return Value(f"coalesce({sql}, 0)" if kind == "boolean" else sql, kind)

    def _in(self, sobject: SObject, row: str, names: tuple[str, ...], whole: str) -> tuple[str, Field]:
        first, *rest = names
        if not rest:
            field = sobject.field(first)
            if field is None or field.compound:
                raise FormulaError(f"Field {whole} does not exist. Check spelling.")
            return field.sql.replace("{row}", row), field
        reference = next(
            (f for f in sobject.references() if (f.relationship_name or "").lower() == first.lower()), None
        )
        parent = None if reference is None else self._schema.sobject(reference.reference_to[-1])
        if reference is None or parent is None:
            raise FormulaError(f"Field {whole} does not exist. Check spelling.")
        alias = next(self._aliases)
        inner, field = self._in(parent, alias, tuple(rest), whole)
        key = reference.sql.replace("{row}", row)
        return f'(SELECT {inner} FROM "{parent.table}" AS {alias} WHERE {alias}."Id" = {key})', field


def _quoted(text: str) -> str:
    # What stands for the row elsewhere is only text here.
    return "'" + text.replace("'", "''").replace("{row}", "{ro' || 'w}") + "'"
