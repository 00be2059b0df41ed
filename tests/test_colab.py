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

ROOT = Path(__file__).parent.parent
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


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"]["colab"]]]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LISTS))
def test_colab_keeps_what_it_ships(name: str, tmp_path: Path) -> None:
    """A dry run of pip for the image's Python, under the image's versions, with torch left out (Colab's own is a build
    that no index serves): it must find an answer, and in it no package of Colab's may have another version."""
    ships = shipped(LISTS[name])
    python = re.search(r"python3(\d+)", name)
    assert python
    requests = []
    for requirement in wanted():
        if requirement.name == "torch":
            assert Version(ships["torch"]) in requirement.specifier
        else:
            requests.append(str(requirement))
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(
        "\n".join(f"{key}=={value}" for key, value in ships.items() if "+" not in value and key != "torch")
    )
    command = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--report", str(tmp_path / "report.json"),
        "--target", str(tmp_path / "none"), "--implementation", "cp", "--python-version", f"3.{python.group(1)}",
        *[word for platform in PLATFORMS for word in ("--platform", platform)],
        "--only-binary=:all:", "--constraint", str(constraints), *requests,
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    installed = {
        canonical(item["metadata"]["name"]): item["metadata"]["version"]
        for item in json.loads((tmp_path / "report.json").read_text())["install"]
    }
    changed = {
        key: (ships[key], version) for key, version in installed.items() if key in ships and ships[key] != version
    }
    assert not changed, f"Colab's versions would change: {changed}"
    added = sorted(set(installed) - set(ships))
    assert "statsforecast" in added or "statsforecast" in ships


def test_colab_keeps_its_ipython() -> None:
    """IPython 7.34 and ipywidgets 7.7 are Colab's: our bounds admit them."""
    for path in LISTS.values():
        ships = shipped(path)
        assert ships["ipython"] == "7.34.0" and ships["ipywidgets"] == "7.7.1"
        for requirement in wanted():
            if canonical(requirement.name) in ships:
                assert requirement.specifier.contains(ships[canonical(requirement.name)], prereleases=True), requirement
