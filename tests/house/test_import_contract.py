"""The contract types catch what they are for, shown on a small made-up package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SETTINGS = """
[tool.importlinter]
root_packages = ["house"]
include_external_packages = true
contract_types = [
    "rooms: tests.house.import_contract.Rooms",
    "siblings: tests.house.import_contract.Siblings",
    "owners: tests.house.import_contract.Owners",
    "banned: tests.house.import_contract.Banned",
]
[[tool.importlinter.contracts]]
name = "rooms"
type = "rooms"
root = "house"
rows = ["values:", "ports: values", "engine: values ports", "connectors: values", "not_built_yet: engine"]
[[tool.importlinter.contracts]]
name = "siblings"
type = "siblings"
package = "house.connectors"
[[tool.importlinter.contracts]]
name = "owners"
type = "owners"
rows = ["sqlite3: house.ports", "a_library_nobody_has: house.engine"]
[[tool.importlinter.contracts]]
name = "banned"
type = "banned"
rows = ["house.engine: time concurrent", "house.not_built_yet: time"]
"""

KEPT = {
    "__init__.py": "",
    "values.py": "import time\n",
    "ports.py": "import sqlite3\nimport house.values\n",
    "engine/__init__.py": "",
    "engine/cycle.py": "from house import ports\nfrom house.values import time\n",
    "connectors/__init__.py": "",
    "connectors/codes.py": "",
    "connectors/one/__init__.py": "from house.connectors import codes\n",
    "connectors/one/read.py": "",
    "connectors/two/__init__.py": "",
    "connectors/two/read.py": "",
}


def lint(folder: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        path = folder / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "settings.toml").write_text(SETTINGS)
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(sys.argv[1], no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", code, "settings.toml"],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{ROOT}", "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_house_in_order_passes_though_a_room_is_not_built_yet(tmp_path: Path) -> None:
    ran = lint(tmp_path, KEPT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "4 kept, 0 broken" in ran.stdout


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("values.py", "import house.ports\n", "values may not import ports"),
        ("engine/cycle.py", "def f():\n    from house.connectors import one\n", "engine may not import connectors"),
        ("cellar.py", "", "house.cellar has no row"),
        ("__init__.py", "from house import values\n", "the root package imports no room"),
        ("connectors/two/read.py", "from house.connectors.one import read\n", "house.connectors.two.read imports"),
        ("engine/cycle.py", "import sqlite3\n", "house.engine.cycle imports sqlite3, which only house.ports may"),
        ("engine/cycle.py", "import time\n", "house.engine.cycle imports time"),
        ("engine/cycle.py", "from concurrent.futures import Future\n", "house.engine.cycle imports concurrent"),
    ],
)
def test_each_breach_is_found_and_named(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    ran = lint(tmp_path, KEPT | {name: text})
    assert ran.returncode == 1
    assert complaint in ran.stdout
