"""The frame: environment.yml, the pins, the licences and the set-up script agree with pyproject.toml."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]


def pins(path: Path) -> dict[str, str]:
    pairs = [line.split("==") for line in path.read_text().splitlines() if "==" in line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): version for name, version in pairs}


def requirements(*extras: str) -> list[Requirement]:
    listed = list(PROJECT["dependencies"])
    for extra in extras:
        listed += PROJECT["optional-dependencies"][extra]
    return [Requirement(text) for text in listed]


def test_environment_yml_is_the_project(root: Path) -> None:
    environment = yaml.safe_load((root / "environment.yml").read_text())
    *plain, last = environment["dependencies"]
    python = next(text for text in plain if text.startswith("python"))
    assert python.split("=")[1] in SpecifierSet(PROJECT["requires-python"])
    assert "pip" in plain
    constraint, editable = last["pip"]
    assert (root / constraint.removeprefix("--constraint ")).is_file()
    extras = re.fullmatch(r"--editable \.\[(.+)\]", editable)
    assert extras and set(extras.group(1).split(",")) <= set(PROJECT["optional-dependencies"])
    default = re.search(r"EXTRAS:-([a-z,]+)", (root / ".ci/setup").read_text())
    assert default and default.group(1) == extras.group(1), "conda and make setup install different extras"


@pytest.mark.parametrize("extra", [None, *sorted(set(PROJECT["optional-dependencies"]) - {"peers"})])
def test_pins_cover_and_satisfy_the_bounds(root: Path, extra: str | None) -> None:
    pinned = pins(root / "constraints/tested.txt")
    for requirement in requirements(*([extra] if extra else [])):
        name = requirement.name.lower().replace("_", "-")
        assert name in pinned, f"{name} has no pin in constraints/tested.txt"
        assert pinned[name] in requirement.specifier, f"{name} {pinned[name]} is outside {requirement.specifier}"


def test_torch_has_no_cap() -> None:
    torch = next(requirement for requirement in requirements() if requirement.name == "torch")
    assert str(torch.specifier) == ">=2.6"


@pytest.mark.parametrize("name", ["missing", "old"])
def test_setup_says_what_is_missing(root: Path, tmp_path: Path, name: str) -> None:
    """No Python by that name, and a Python that is too old: one sentence each, and no half-made environment."""
    for folder in (".ci", "constraints"):
        (tmp_path / folder).mkdir()
    for file in (".ci/setup", "pyproject.toml", "setup.py", "constraints/tested.txt"):
        (tmp_path / file).write_text((root / file).read_text())
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\nif [ "$1" = --version ]; then echo Python 3.8.1; exit 0; fi\nexit 1\n')
    old.chmod(0o755)
    python = "no-such-python" if name == "missing" else str(old)
    result = subprocess.run(
        ["sh", ".ci/setup"], cwd=tmp_path, env={**os.environ, "PYTHON": python}, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "PYTHON=" in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / ".venv").exists()


def test_setup_says_when_venv_is_missing(root: Path, tmp_path: Path) -> None:
    for folder in (".ci", "constraints"):
        (tmp_path / folder).mkdir()
    for file in (".ci/setup", "pyproject.toml", "setup.py", "constraints/tested.txt"):
        (tmp_path / file).write_text((root / file).read_text())
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$2" in *venv*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    result = subprocess.run(
        ["sh", ".ci/setup"], cwd=tmp_path, env={**os.environ, "PYTHON": str(python)}, capture_output=True, text=True
    )
    assert result.returncode == 1 and "venv" in result.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.slow
def test_wheel_holds_lessons_and_data(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(root)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for notebook in (root / "notebooks").glob("*.ipynb"):
        assert f"ecomlib/course/lessons/{notebook.name}" in names
    for data in [*(root / "ecomlib").rglob("*.parquet"), *(root / "ecomlib/recorded").glob("*.json")]:
        assert str(data.relative_to(root)) in names, f"{data.name} is not in the wheel"
    assert not any(name.startswith(("tests/", "notebooks/", "benchmarks/")) for name in names)
