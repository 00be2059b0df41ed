"""The frame: environment.yml, the pins, the licences and the set-up script agree with pyproject.toml."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from systems import posix

from ecomlib.course.setup_cell import installed_versions

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]


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


@posix
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


@posix
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


def test_every_pin_installs_on_every_python_that_we_promise() -> None:
    """``>=3.11`` includes 3.11.0, and Debian 12 has 3.11.2: a pin that wants 3.11.5 makes pip give up."""
    promised = [
        f"3.{minor}.0" for minor in range(30) if SpecifierSet(PROJECT["requires-python"]).contains(f"3.{minor}.0")
    ]
    assert promised == ["3.11.0", "3.12.0", "3.13.0"]
    pinned = pins(Path(__file__).resolve().parents[2] / "constraints/tested.txt")
    versions, examined = installed_versions(), 0
    for name, version in pinned.items():
        if versions.get(canonicalize_name(name), "").partition("+")[0] == version:  # its metadata is the pin's
            needs = metadata.metadata(name)["Requires-Python"]
            examined += 1
            for python in promised:
                assert not needs or SpecifierSet(needs).contains(python), f"{name} {version} needs Python {needs}"
    assert examined > 0.9 * len(pinned), f"only {examined} of {len(pinned)} pins are installed here"


def test_a_clone_with_windows_line_endings_has_the_same_bytes(root: Path, tmp_path: Path) -> None:
    """Git for Windows turns LF into CRLF unless told not to; recorded cards hold hashes of files."""
    if not shutil.which("git") or not (root / ".git").exists():
        pytest.skip("this is no checkout of git")
    made = tmp_path / "made"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if name and (root / name).is_file()]
    assert ".gitattributes" in names
    for name in names:  # a repository of its own: the files as they lie here, committed or not
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, made / name)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "--all", "--force"], ["commit", "-q", "-m", "all", "--no-verify"]):
        subprocess.run([*git, *command], cwd=made, check=True, capture_output=True)
    clone = [*git, "-c", "core.autocrlf=true", "clone", "-q", str(made), str(tmp_path / "clone")]
    subprocess.run(clone, check=True, capture_output=True)
    changed = [name for name in names if (tmp_path / "clone" / name).read_bytes() != (root / name).read_bytes()]
    assert changed == []


@posix
def test_torch_from_an_index_of_its_own_comes_alone_and_pinned(root: Path, tmp_path: Path) -> None:
    """Such an index lacks the pinned versions of what torch needs; the next command replaces any other torch."""
    for folder in (".ci", "constraints", "fake"):
        (tmp_path / folder).mkdir()
    for file in (".ci/setup", "pyproject.toml", "setup.py", "constraints/tested.txt"):
        (tmp_path / file).write_text((root / file).read_text())
    python = tmp_path / "python"  # makes an "environment" of itself, and writes down what pip is asked for
    python.write_text(
        '#!/bin/sh\ncase "$*" in\n*"-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python;;\n'
        '*"-m pip"*) echo "$*" >> calls;;\nesac\n'
    )
    python.chmod(0o755)
    environment = {**os.environ, "PYTHON": str(python), "TORCH_INDEX": "http://127.0.0.1:9/cpu"}
    done = subprocess.run(["sh", ".ci/setup"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = (tmp_path / "calls").read_text().splitlines()
    assert first.endswith("torch") and "--index-url http://127.0.0.1:9/cpu" in first
    assert "--no-deps" in first and "--constraint constraints/tested.txt" in first
    assert "--index-url" not in second and "--editable" in second


def without_make(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8").partition("### Without make")[2].partition("\n### ")[0]


def test_the_readmes_line_for_torch_is_not_undone_by_the_next(root: Path) -> None:
    torch, everything = (line for line in without_make(root).splitlines() if " pip install " in line)
    for word in ("-c constraints/tested.txt", "--no-deps", "--index-url"):
        assert word in torch
    default = re.search(r"EXTRAS:-([a-z,]+)", (root / ".ci/setup").read_text())
    assert default and f'-c constraints/tested.txt -e ".[{default.group(1)}]"' in everything


def test_every_target_of_make_has_its_command_without_make(root: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):.*##", (root / "Makefile").read_text(encoding="utf-8"), re.M))
    said = without_make(root)
    stages = said.partition("are its stages")[0]
    missing = {name for name in targets if f"`make {name}" not in said and f"`{name}`" not in stages}
    assert missing == {"help", "setup", "test-pandas3"}, "the README's table does not name them"
    for stage in ("package", "papermill", "nbval", "style"):
        assert f'"{stage}":' in (root / "tests/run_all.py").read_text(encoding="utf-8") and f"`{stage}`" in said


@posix
def test_a_wheel_needs_no_environment(root: Path, tmp_path: Path) -> None:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    shutil.copy(root / "Makefile", tmp_path)
    done = subprocess.run(["make", "-n", "wheel", "PYTHON=any"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and ".ci/setup" not in done.stdout
    assert done.stdout.startswith("any -m pip ") and "wheel --quiet --no-deps" in done.stdout


# Modules and functions that Windows lacks. A test may use them where `posix` (or a mark like it) guards it.
POSIX_MODULES = {"fcntl", "grp", "pwd", "resource", "termios"}
POSIX_NAMES = {"SIGKILL", "SIGINT", "geteuid", "getuid", "fork", "killpg", "symlink_to", "chown", "prlimit"}


def unguarded(source: str) -> list[str]:
    """What of it would stop the tests on Windows: module-wide imports, tests that use such names without a guard."""
    tree, found = ast.parse(source), []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", "") or ""}
            found += [f"import of {name}" for name in sorted(names & POSIX_MODULES)]
    whole = re.search(r"^pytestmark = .*posix", source, re.M)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not whole:
            marks = " ".join(ast.unparse(mark) for mark in node.decorator_list)
            text = ast.unparse(node)
            guarded = "posix" in marks or "hasattr(" in text or "except OSError" in text
            used = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)} & POSIX_NAMES
            used |= {"sh"} if re.search(r"\['sh', ", text) else set()
            found += [] if guarded else [f"{node.name}: {', '.join(sorted(used))}"] * bool(used)
    return found


def test_nothing_that_windows_lacks_is_used_without_a_guard(root: Path) -> None:
    assert unguarded("import fcntl\ndef test_x():\n    os.kill(1, signal.SIGKILL)\n") == [
        "import of fcntl",
        "test_x: SIGKILL",
    ]
    found = {path.name: unguarded(path.read_text(encoding="utf-8")) for path in (root / "tests").rglob("*.py")}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_the_tests_helpers_import_where_posix_modules_are_missing(root: Path) -> None:
    code = (
        f"import sys, os, signal\nfor name in {sorted(POSIX_MODULES)}: sys.modules[name] = None\n"
        "del os.getuid, os.geteuid, signal.SIGKILL\nimport serving_help, postgres\n"
        "with postgres.server() as url: print('imported')"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests' / 'helpers'}",
        "ECOMLIB_TEST_POSTGRES": "given",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == "imported\n", done.stderr


def test_the_counter_of_operations_says_nothing_about_triton(root: Path) -> None:
    """A torch built for a GPU, without triton: torch's own import warns in red, ours is silent."""
    hidden = "import sys, torch\nsys.modules['triton'] = None\ntorch.version.cuda = '12.8'\n"
    own, ours = (
        "from torch.utils.flop_counter import FlopCounterMode",
        "from ecomlib.training.flops import FlopCounterMode",
    )
    ask = "\nwith FlopCounterMode(display=False) as c: torch.ones(2, 3) @ torch.ones(3, 4)\nprint(c.get_total_flops())"
    loud, silent = (
        subprocess.run([sys.executable, "-c", hidden + line + ask], cwd=root, capture_output=True, text=True)
        for line in (own, ours)
    )
    assert "triton not found" in loud.stderr
    assert (silent.stdout, silent.stderr) == ("48\n", "")


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
