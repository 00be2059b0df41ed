"""The house: which room may import which, how large files may be, and what no file may hold."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from code_lines import code_lines

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ecomlib"

HEAVY = ["torch", "transformers", "pandera", "statsforecast", "lightgbm", "matplotlib", "papermill", "pooch", "sklearn"]


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of the contracts in pyproject.toml, which hold the floors of the house."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_imports_run_downwards() -> None:
    found = linted(ROOT)
    assert found.returncode == 0, found.stdout[-3000:]
    assert "3 kept, 0 broken" in found.stdout


def test_an_import_that_climbs_and_a_room_without_a_floor_are_found(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "ecomlib", ignore=shutil.ignore_patterns("__pycache__", "*.parquet", "*.json"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    panel = tmp_path / "ecomlib" / "panel.py"
    panel.write_text(
        panel.read_text(encoding="utf-8") + "\n\ndef late() -> None:\n    import ecomlib.training\n", encoding="utf-8"
    )
    found = linted(tmp_path)
    assert found.returncode == 1 and "ecomlib.panel -> ecomlib.training" in found.stdout
    (tmp_path / "ecomlib" / "attic.py").touch()
    assert "attic" in linted(tmp_path).stdout


def test_imports_are_absolute() -> None:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            relative = isinstance(node, ast.ImportFrom) and node.level > 0
            assert not relative, f"{path.relative_to(ROOT)}:{node.lineno} imports relatively; write the whole name"


def test_files_stay_small() -> None:
    for path in modules():
        assert code_lines(path) <= 400, f"{path.relative_to(ROOT)} has {code_lines(path)} lines of code, more than 400"


def test_no_two_test_files_have_one_name() -> None:
    """Folders of tests are no packages: pytest imports a file by its bare name, and refuses the second of a name."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice, f"rename one of each: {twice}"


def test_importing_is_light() -> None:
    """A reader's first import must not wait for libraries that it does not use yet."""
    code = f"import sys, ecomlib; print([name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_truth_is_read_only_where_answers_are_checked() -> None:
    """Models may not see what is hidden: only the simulation itself, evaluation and the course's exercises may.

    So may the game's referee, who scores orders on demand; what it hands out is cut from ``store.observed()``.
    """
    allowed = {"evaluation"}
    judges = (Path("stores/store.py"), Path("course/game/referee.py"))
    for path in modules():
        relative = path.relative_to(PACKAGE)
        if room(path) in allowed or relative.parts[:2] == ("stores", "simulated"):
            continue
        if relative.parts[:2] == ("course", "exercises") or relative in judges:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Attribute) and node.attr == "truth"), (
                f"{path.relative_to(ROOT)}:{node.lineno} reads a store's truth"
            )


def tracked() -> list[Path]:
    """Text files that git holds (or would hold); outside a checkout, the package's files."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        paths = [ROOT / name for name in listed]
    except (OSError, subprocess.CalledProcessError):
        paths = list(PACKAGE.rglob("*"))
    return [
        path
        for path in paths
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".yml", ".ipynb", ".txt", ".json", ".csv", ""}
    ]


def test_nothing_of_a_machine_is_written_down() -> None:
    # Written in pieces, so that this file does not match itself.
    patterns = [r"/(work|farm|root)" + "/", r"\+" + "cpu", r"py" + r"pi\.org", r"files\.python" + "hosted"]
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="replace")
        text = re.sub(r'"image/png": "[^"]*"', "", text)  # in the letters of a picture any word may stand by chance
        for pattern in patterns:
            found = re.search(pattern, text)
            assert not found, f"{path.relative_to(ROOT)} holds {found.group(0)!r}"


def test_nothing_is_unpickled() -> None:
    pattern = re.compile(
        r"\b(import pickle|import joblib|allow_pickle=True|torch\.load\(|read_pickle|weights_only=False)"
    )
    for path in [*modules(), *(ROOT / "benchmarks").rglob("*.py")]:
        found = pattern.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(ROOT)} uses {found.group(0)!r}: models are safetensors, tables Parquet"


def test_files_are_written_whole_in_one_way() -> None:
    """`ecomlib.files` alone renames and makes files with temporary names; the others ask it to."""
    forbidden = {
        "os": {"replace", "rename", "renames", "link"},
        "shutil": {"move"},
        "tempfile": {"mkstemp", "mkdtemp", "mktemp", "NamedTemporaryFile"},
    }
    for path in modules():
        if room(path) == "files":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found = node.attr in forbidden.get(node.value.id, ())
            elif isinstance(node, ast.ImportFrom):
                found = bool({alias.name for alias in node.names} & forbidden.get(node.module or "", set()))
            else:
                continue
            assert not found, f"{path.relative_to(ROOT)}:{node.lineno}: write it with ecomlib.files"


def test_no_global_randomness() -> None:
    pattern = re.compile(
        r"np\.random\.(seed|rand|randn|randint|normal|choice|shuffle)\(|torch\.manual_seed\(|random\.seed\("
    )
    for path in modules():
        source = path.read_text(encoding="utf-8")
        for found in pattern.finditer(source):
            if "torch.manual_seed" in found.group(0) and "fork_rng" in source:
                continue  # seeded inside a fork, which leaves the caller's state alone
            pytest.fail(f"{path.relative_to(ROOT)} uses global randomness: {found.group(0)}")


def test_the_formatter_has_the_last_word() -> None:
    for path in [*modules(), *ROOT.glob("tests/**/*.py"), *ROOT.glob("benchmarks/**/*.py")]:
        found = re.search(r"#\s*fmt:\s*(skip|off)", path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(ROOT)} takes a line from ruff format"
