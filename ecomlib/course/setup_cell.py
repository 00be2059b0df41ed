"""Defines the set-up cell, which is byte for byte the same in every lesson (the tests compare).

It is silent where ecomlib is installed. On Colab it installs the package alone and calls ``finish``, which writes down
what Colab ships, as constraints, and installs under them what ecomlib needs and the parts of ``ecomlib[colab]``: so pip
can add but never change. Anywhere else it says which command installs it.

This module needs the standard library and packaging only: it runs before what ecomlib needs is there.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from ecomlib.errors import CONSTRAINTS

# owner/name of the course's repository; empty until it has an address. ``make address`` writes it here.
REPOSITORY = ""

_TEXT = """\
# @title Set-up: silent where ecomlib is installed
# On Colab it adds what Colab lacks and replaces nothing that Colab ships.
import importlib.util
import re
import subprocess
import sys
import warnings
from pathlib import Path

REPOSITORY = "{repository}"
if importlib.util.find_spec("ecomlib") is None:
    warnings.filterwarnings("ignore", message="To exit: use")  # IPython's remark after each sentence below
    try:
        import google.colab  # noqa: F401
    except ImportError:
        command = 'python -m pip install -c constraints/tested.txt -e ".[course,bert,dev,causal,serve]"'
        raise SystemExit(f"ecomlib is not installed here: in the project's folder run  {{command}}") from None
    source = f"git+https://github.com/{{REPOSITORY}}" if REPOSITORY else ""
    for wheel in sorted(Path.cwd().glob("ecomlib-*.whl"), key=lambda path: path.stat().st_mtime)[-1:]:  # the newest
        source = str(wheel.replace(wheel.with_name(re.sub(r" ?\\(\\d+\\)", "", wheel.name))))  # pip refuses a "(1)"
    if not source:
        raise SystemExit("Upload ecomlib-*.whl (made by `make wheel`) to Colab's files, then run this cell again.")
    if subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", source]).returncode:
        raise SystemExit("ecomlib was not installed: pip says why above. Nothing that Colab ships was changed.")
    importlib.invalidate_caches()

from ecomlib.course import setup_cell

setup_cell.finish()  # what ecomlib needs, under constraints that keep Colab's versions
"""

# What the cells that need a part do; printed when no version of that part fits the runtime.
PARTS = {
    "statsforecast": "the classical baselines (AutoTheta, AutoETS, seasonal naive)",
    "utilsforecast": "the comparison of our metrics with utilsforecast's",
    "onnxruntime": "the service of lesson 08",
    "onnx": "the export of lesson 08, and with it its service",
}
_UNCHANGED = "Nothing that Colab ships was changed."
# What pip writes, and what it means; the first that is found counts, for without a network pip ends with "no version".
_CAUSES = {
    "network": r"Connection(Error| broken)|Max retries|Retrying \(|name resolution|Timeout|timed out|ProxyError"
    r"|SSLError|unreachable|Could not resolve host|unable to access",
    "file": r"not a valid wheel filename|Invalid wheel filename|is not a supported wheel|Wheel .* is invalid"
    r"|does not exist|BadZipFile|looks like a filename, but the file",
    "disk": r"No space left",
    "versions": r"ResolutionImpossible|conflicting dependencies|No matching distribution|requires a different Python",
}
_SENTENCES = {
    "network": "The package index cannot be reached: pip says how above. Run this cell again when there is a network.",
    "file": "pip cannot read the wheel, and says why above. Upload it again, under the name that it was built with.",
    "disk": "There is no room on this runtime's disk.",
    "versions": "ecomlib does not fit this runtime: pip says above which versions. A newer or older one may do (menu "
    "Runtime, Change runtime type, Runtime version).",
    "other": "pip failed, and says why above.",
}
# Runs ``pip install`` with the arguments given; returns its exit code and all that it wrote.
Pip = Callable[[Sequence[str]], tuple[int, str]]


def text(repository: str = REPOSITORY) -> str:
    """The set-up cell's source, without a newline at its end; ``repository`` is ``owner/name`` or empty."""
    return _TEXT.format(repository=repository).rstrip("\n")


def _pip(arguments: Sequence[str]) -> tuple[int, str]:
    """Not ``--quiet``: without its remarks pip does not say what conflicts with what."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.returncode, done.stdout


def on_colab() -> bool:
    """Whether this is a runtime of Colab."""
    with suppress(ModuleNotFoundError):  # there is no package google at all
        return importlib.util.find_spec("google.colab") is not None
    return False


def installed_versions() -> dict[str, str]:
    """The version of each installed distribution, by canonical name, as ``import`` finds it.

    ``metadata.distributions()`` also yields copies that lie hidden later on ``sys.path``, such as those of a system's
    own packages; ``metadata.version`` takes the first, as ``import`` does.
    """
    from packaging.utils import canonicalize_name

    names = {name for found in metadata.distributions() if (name := found.metadata["Name"])}
    versions: dict[str, str] = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):  # the rest of an interrupted removal
            versions[canonicalize_name(name)] = metadata.version(name)
    return versions


def write_constraints(path: Path) -> None:
    """Write what is installed as constraints for pip, one line a distribution, without ecomlib itself."""
    from packaging.version import InvalidVersion, Version

    pins = []
    for name, version in sorted(installed_versions().items()):
        with suppress(InvalidVersion):  # a system's package; pip would refuse the whole file, and cannot install it
            Version(version)
            pins.append(f"{name}=={version}\n")
    path.write_text("".join(pin for pin in pins if not pin.startswith("ecomlib==")), encoding="utf-8")


def requirements(extra: str = "") -> list[str]:
    """The requirements of the installed ecomlib: without an extra, or those that ``extra`` adds."""
    from packaging.requirements import Requirement

    declared = [Requirement(line) for line in metadata.requires("ecomlib") or []]
    plain = [need for need in declared if need.marker is None or need.marker.evaluate({"extra": ""})]
    added = [need for need in declared if need.marker and need.marker.evaluate({"extra": extra}) and need not in plain]
    return [str(need).partition(";")[0].strip() for need in (added if extra else plain)]


def lacking(wanted: Iterable[str]) -> list[str]:
    """Those of the requirements that no installed version satisfies."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    versions = installed_versions()
    missing = []
    for need in map(Requirement, wanted):
        version = versions.get(canonicalize_name(need.name))
        if version is None or not need.specifier.contains(version, prereleases=True):
            missing.append(str(need))
    return missing


def other_wheel(folder: Path) -> Path | None:
    """The newest uploaded wheel, where ecomlib was installed from a wheel with other bytes; else None.

    The version says too little: a wheel that was built again has the same one.
    """
    wheels = sorted(folder.glob("ecomlib-*.whl"), key=lambda path: path.stat().st_mtime)
    origin = json.loads(metadata.distribution("ecomlib").read_text("direct_url.json") or "{}")
    was = origin.get("archive_info", {}).get("hash", "")
    if not wheels or not was or was == f"sha256={hashlib.sha256(wheels[-1].read_bytes()).hexdigest()}":
        return None
    return wheels[-1].replace(wheels[-1].with_name(re.sub(r" ?\(\d+\)", "", wheels[-1].name)))


def cause(output: str) -> str:
    """Why pip failed, by what it wrote: network, file, disk, versions or other."""
    return next((name for name, pattern in _CAUSES.items() if re.search(pattern, output)), "other")


def _complaint(output: str) -> str:
    """What pip wrote from its first warning or error on."""
    lines = output.splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith(("ERROR", "WARNING"))), 0)
    return "\n".join(lines[first:])


def _stop(output: str) -> SystemExit:
    print(_complaint(output))
    return SystemExit(f"{_SENTENCES[cause(output)]} {_UNCHANGED}")


def finish(folder: Path | None = None, pip: Pip = _pip) -> None:
    """Install on Colab what ecomlib lacks, under constraints that keep Colab's versions; silent where all is there.

    It looks at what is installed, not at what an earlier run did: so it finishes one that was interrupted.

    Parameters
    ----------
    folder : Path, optional
        Where wheels are uploaded and the constraints are written; the current folder by default.
    pip : callable, optional
        Stands in for ``pip install``, for tests.

    Notes
    -----
    It returns nothing, for a notebook shows the value of a cell's last line.
    """
    if not on_colab():
        return
    try:
        metadata.distribution("ecomlib")
    except metadata.PackageNotFoundError:
        return  # a checkout that is not installed: its owner installs what it needs
    warnings.filterwarnings("ignore", message="To exit: use")  # IPython's remark after a sentence that ends the cell
    folder = folder or Path.cwd()
    wheel = other_wheel(folder)
    if wheel is not None:
        code, output = pip(["--no-deps", "--force-reinstall", str(wheel)])
        if code:
            raise _stop(output)
        importlib.invalidate_caches()
        print("The wheel that you uploaded was installed. Restart the session (menu Runtime), then run on from here.")
    constraints = folder / CONSTRAINTS
    base, parts = lacking(requirements()), lacking(requirements("colab"))
    if base or parts or not constraints.is_file():
        write_constraints(constraints)
    if not base and not parts:
        return
    code, output = pip(["--constraint", str(constraints), *base, *parts])
    if code and (cause(output) != "versions" or not parts):
        raise _stop(output)
    if code and base:  # then the parts one by one: one that does not fit must not take the others with it
        code, output = pip(["--constraint", str(constraints), *base])
        if code:
            raise _stop(output)
        code = 1
    if code:
        add_parts(parts, constraints, pip)
    importlib.invalidate_caches()


def add_parts(parts: Sequence[str], constraints: Path, pip: Pip = _pip) -> list[str]:
    """Install ``parts`` one by one; say which have no version that fits the constraints, and return them."""
    skipped = []
    for need in parts:
        code, output = pip(["--constraint", str(constraints), need])
        if code and cause(output) != "versions":
            raise _stop(output)
        if code:
            skipped.append(need)
            name = next((part for part in PARTS if need.startswith(part)), need)
            print(
                f"{need} has no version that fits this runtime. Skipped: {PARTS.get(name, 'the cells that use it')}."
                " A newer or older runtime (menu Runtime, Change runtime type, Runtime version) may have it."
            )
    return skipped
