"""A pytest plugin that plants one defect: `SYNCLINE_MUTANT=<name> pytest -p tests.mutants.plant …`.

The module's source is changed while it is imported; no file is touched and no byte code is kept. Lives here: the
planting. Which defects there are is in `planted`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

from tests.mutants.planted import MUTANTS, Mutant


class _Planting(SourceFileLoader):
    """Loads a module with a defect."""

    def __init__(self, mutant: Mutant, path: str) -> None:
        super().__init__(mutant.module, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        text = self.get_data(self.path).decode()
        return compile(self._mutant.planted_in(text), self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Planting(self._mutant, spec.origin)
        return spec


def _plant() -> None:
    name = os.environ["SYNCLINE_MUTANT"]
    mutant = next(one for one in MUTANTS if one.name == name)
    if mutant.module in sys.modules:
        raise RuntimeError(f"{mutant.module} was imported before the defect could be planted in it")
    sys.meta_path.insert(0, _Finder(mutant))


if "SYNCLINE_MUTANT" in os.environ:
    _plant()
