"""The set-up cell: byte for byte the same in every lesson (the tests compare).

It is silent where ecomlib is installed. On Colab it writes down what Colab ships, as constraints, and installs
``ecomlib[colab]`` under them, so that pip can add but never change. Anywhere else it says which command installs it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

# owner/name of the course's repository; empty until it has an address. ``make address`` writes it here.
REPOSITORY = ""

_TEXT = """\
# Set-up: silent where ecomlib is installed. On Colab it adds what Colab lacks and replaces nothing that Colab ships.
import importlib.util
import subprocess
import sys
from importlib import metadata
from pathlib import Path

REPOSITORY = "{repository}"
if importlib.util.find_spec("ecomlib") is None:
    try:
        import google.colab  # noqa: F401
    except ImportError:
        command = 'python -m pip install -e ".[course]"'
        raise SystemExit(f"ecomlib is not installed here: in the project's folder run  {{command}}") from None
    wheels = sorted(str(path) for path in Path.cwd().glob("ecomlib-*.whl"))
    source = wheels[-1] if wheels else f"git+https://github.com/{{REPOSITORY}}" if REPOSITORY else ""
    if not source:
        raise SystemExit("Upload ecomlib-*.whl (made by `make wheel`) to Colab's files, then run this cell again.")
    constraints = Path("colab-constraints.txt")
    pins = sorted({{f"{{d.metadata['Name']}}=={{d.version}}" for d in metadata.distributions() if d.metadata["Name"]}})
    constraints.write_text("\\n".join(pins) + "\\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", str(constraints), source]
    if subprocess.run(pip).returncode:
        raise SystemExit("ecomlib does not fit this runtime: pip says why above. Nothing that Colab ships was changed.")
    importlib.invalidate_caches()
    from ecomlib.course.setup_cell import add_parts

    add_parts(constraints)
"""

# What the cells that need a part do; printed when no version of that part fits the runtime.
PARTS = {
    "statsforecast": "the classical baselines (AutoTheta, AutoETS, seasonal naive)",
    "utilsforecast": "the comparison of our metrics with utilsforecast's",
    "onnxruntime": "the service of lesson 08",
    "onnx": "the export of lesson 08, and with it its service",
}


def text(repository: str = REPOSITORY) -> str:
    """The set-up cell's source, without a newline at its end; ``repository`` is ``owner/name`` or empty."""
    return _TEXT.format(repository=repository).rstrip("\n")


def _pip(arguments: Sequence[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *arguments]).returncode


def colab_requirements() -> list[str]:
    """The requirements of the ``colab`` extra, as the installed package declares them."""
    marked = (r.partition(";") for r in metadata.requires("ecomlib") or [])
    return [need.strip() for need, _, when in marked if 'extra=="colab"' in when.replace(" ", "").replace("'", '"')]


def add_parts(constraints: Path, install: Callable[[Sequence[str]], int] = _pip) -> list[str]:
    """Install the ``colab`` extra under ``constraints``; say which parts have no version that fits, and return them.

    ``install`` gets pip's arguments after ``install`` and returns its exit code.
    """
    wanted = colab_requirements()
    under = ["--constraint", str(constraints)]
    if not wanted or install([*under, *wanted]) == 0:
        return []
    skipped = [need for need in wanted if install([*under, need])]
    for need in skipped:
        name = next((part for part in PARTS if need.startswith(part)), need)
        print(
            f"{need} has no version that fits this runtime. Skipped: {PARTS.get(name, 'the cells that use it')}."
            " A newer or older runtime (menu Runtime, Change runtime type, Runtime version) may have it."
        )
    return skipped
