"""Installing ``ecomlib[colab]`` may change nothing that Colab ships: pip's own resolver says so, list by list."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LISTS = {path.stem: path for path in (ROOT / "constraints").glob("colab-*.txt")}
PLATFORMS = [
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "manylinux1_x86_64",
]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def shipped(path: Path) -> dict[str, str]:
    return {
        canonical(line.split("==")[0]): line.split("==")[1] for line in path.read_text().splitlines() if "==" in line
    }


def wanted(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [text for extra in extras for text in project["optional-dependencies"][extra]]
    return [Requirement(text) for text in [*project["dependencies"], *asked]]


def resolve(name: str, requirements: list[Requirement], folder: Path) -> dict[str, str]:
    """What pip would install for the image's Python under the image's versions, by a dry run: names and versions.

    Torch is left out: Colab's own is a build that no index serves.
    """
    ships = shipped(LISTS[name])
    python = re.search(r"python3(\d+)", name)
    assert python
    requests = [str(requirement) for requirement in requirements if requirement.name != "torch"]
    constraints = folder / "constraints.txt"
    constraints.write_text(
        "\n".join(f"{key}=={value}" for key, value in ships.items() if "+" not in value and key != "torch")
    )
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--quiet",
        "--report",
        str(folder / "report.json"),
        "--target",
        str(folder / "none"),
        "--implementation",
        "cp",
        "--python-version",
        f"3.{python.group(1)}",
        *[word for platform in PLATFORMS for word in ("--platform", platform)],
        "--only-binary=:all:",
        "--constraint",
        str(constraints),
        *requests,
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    return {
        canonical(item["metadata"]["name"]): item["metadata"]["version"]
        for item in json.loads((folder / "report.json").read_text())["install"]
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LISTS))
def test_colab_keeps_what_it_ships(name: str, tmp_path: Path) -> None:
    """pip must find an answer, and in it no package of Colab's may have another version."""
    ships, requirements = shipped(LISTS[name]), wanted("colab")
    (torch,) = (requirement for requirement in requirements if requirement.name == "torch")
    assert Version(ships["torch"]) in torch.specifier
    installed = resolve(name, requirements, tmp_path)
    changed = {
        key: (ships[key], version) for key, version in installed.items() if key in ships and ships[key] != version
    }
    assert not changed, f"Colab's versions would change: {changed}"
    added = sorted(set(installed) - set(ships))
    assert "statsforecast" in added or "statsforecast" in ships


def test_causal_never_moves_pandas_past_3() -> None:
    """EconML itself has no bound; the course's own statsforecast needs pandas below 3."""
    bounds = [requirement.specifier for requirement in wanted("causal") if requirement.name == "pandas"]
    assert not all("3.0.0" in bound for bound in bounds) and all("2.2.2" in bound for bound in bounds)


def test_colab_keeps_its_ipython() -> None:
    """IPython 7.34 and ipywidgets 7.7 are Colab's: our bounds admit them."""
    for path in LISTS.values():
        ships = shipped(path)
        assert ships["ipython"] == "7.34.0" and ships["ipywidgets"] == "7.7.1"
        for requirement in wanted("colab"):
            if canonical(requirement.name) in ships:
                assert requirement.specifier.contains(ships[canonical(requirement.name)], prereleases=True), requirement
