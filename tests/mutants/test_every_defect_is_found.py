"""Every planted defect turns the suite red: the named tests fail with it, and pass without it like all others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.planted import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src"
FAILED = 1  # pytest's exit code for "tests were run and some failed"; any other says that nothing was shown

by_name = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@by_name
def test_the_defect_is_found(mutant: Mutant) -> None:
    env = os.environ | {"SYNCLINE_MUTANT": mutant.name, "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "tests.mutants.plant", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, "-p", "no:xdist", *mutant.found_by], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == FAILED, f"{mutant.name} was not found by {mutant.found_by}:\n{ran.stdout[-3000:]}"


@by_name
def test_the_defect_has_one_place(mutant: Mutant) -> None:
    path = SOURCES / (mutant.module.replace(".", "/") + ".py")
    text = path.read_text(encoding="utf-8")
    compile(mutant.planted_in(text), str(path), "exec")
