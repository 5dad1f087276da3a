"""The house rules that conftest.py and the ledger keep: nothing is skipped, and a scenario passes only as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenario_ledger import LIST, ScenarioLedger, read_families

ROOT = Path(__file__).resolve().parents[2]


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on *folder* in a process of its own, under this project's conftest.py."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "-c", "pyproject.toml", "--rootdir", str(folder), *options, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_scenario_passes_only_if_all_its_marked_tests_passed(tmp_path: Path) -> None:
    (tmp_path / "test_marked.py").write_text(
        """
import pytest

@pytest.mark.scenario("native-1", "W7")
@pytest.mark.parametrize("preset", ["recommended", "native"])
def test_holds_in_both_presets(preset):
    assert preset

@pytest.mark.scenario("native-2")
@pytest.mark.parametrize("preset", ["recommended", "native"])
def test_holds_in_one_preset(preset):
    assert preset == "native"

@pytest.mark.scenario("native-2")
def test_holds():
    pass

@pytest.mark.scenario("native-3")
def test_skips():
    pytest.skip("not today")

@pytest.fixture
def broken():
    raise RuntimeError("no set-up")

@pytest.mark.scenario("native-4")
def test_never_starts(broken):
    pass
"""
    )
    ran = run_pytest(tmp_path, "--scenarios")
    assert ran.returncode == 1
    assert "native 1/56 passed; failed: 2 3 4; missing: 5..56" in ran.stdout
    assert "W 1/35 passed; missing: 1..6 8..35" in ran.stdout
    assert "native 1/56 passed" in (tmp_path / ".cache" / "scenarios.txt").read_text()


@pytest.mark.parametrize("name", ["native-57", "native", "W0"])
def test_an_unknown_scenario_stops_the_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "test_marked.py").write_text(
        f'import pytest\n@pytest.mark.scenario("{name}")\ndef test_holds():\n    pass\n'
    )
    ran = run_pytest(tmp_path)
    assert ran.returncode == 4
    assert repr(name) in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "source",
    [
        "import pytest\n@pytest.mark.skip(reason='later')\ndef test_it():\n    pass\n",
        "import pytest\ndef test_it():\n    pytest.skip('later')\n",
        "import pytest\nmissing = pytest.importorskip('a_library_nobody_has')\ndef test_it():\n    pass\n",
    ],
)
def test_what_is_skipped_fails(tmp_path: Path, source: str) -> None:
    (tmp_path / "test_skipped.py").write_text(source)
    assert run_pytest(tmp_path).returncode not in {0, 5}


def test_suites_on_request_are_named_when_left_out(tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text(
        "import pytest\n@pytest.mark.slow\ndef test_it():\n    assert False\ndef test_quick():\n    pass\n"
    )
    left_out, included = run_pytest(tmp_path, "--scenarios"), run_pytest(tmp_path, "--scenarios", "--slow")
    assert left_out.returncode == 0
    assert "slow: make test-all" in left_out.stdout
    assert included.returncode == 1


def test_the_list_holds_every_family_without_repeats() -> None:
    families = read_families(LIST.read_text(encoding="utf-8"))
    assert {prefix: len(numbers) for prefix, numbers in families.items()} == {
        "native-": 56,
        "wiz-": 77,
        "eac-": 46,
        "act-": 23,
        "mcc-": 19,
        "con-": 19,
        "int-": 20,
        "pro-": 48,
        "W": 35,
    }
    assert all(len(set(numbers)) == len(numbers) for numbers in families.values())


def test_an_untouched_ledger_misses_everything() -> None:
    families = {"native-": ["1", "2", "3"], "wiz-": ["1.1", "1.2", "1.3", "1.4", "1.5", "2.1", "35b"]}
    assert ScenarioLedger(families, None).lines() == [
        "native 0/3 passed; missing: 1 2 3",
        "wiz 0/7 passed; missing: 1.1..1.5 2.1 35b",
    ]
