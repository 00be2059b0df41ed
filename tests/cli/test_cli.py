"""The command ``ecomlib``: its parts, exit codes, and never a traceback for an error of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import toy_lesson
from typer.testing import CliRunner

import ecomlib
from ecomlib.cli.main import app
from ecomlib.errors import DownloadError
from ecomlib.stores.published import download


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def test_the_version() -> None:
    done = invoke("--version")
    assert (done.exit_code, done.stdout) == (0, f"ecomlib {ecomlib.__version__}\n")


@pytest.mark.parametrize("words", [[], ["data"], ["workshop"], ["run", "--help"]])
def test_help_names_what_there_is(words: list[str]) -> None:
    done = invoke(*words)
    assert "Usage" in done.output and "Traceback" not in done.output
    if not words:
        assert all(name in done.output for name in ("run", "lab", "doctor", "data", "train", "serve", "rollback"))


def test_the_installed_command_starts_quickly_and_without_the_heavy_libraries() -> None:
    code = (
        "import sys, ecomlib.cli.main as cli\n"
        "heavy = [n for n in ('torch', 'transformers', 'pandera', 'matplotlib', 'papermill') if n in sys.modules]\n"
        "print(heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_wrong_option_is_a_usage_error() -> None:
    assert invoke("run", "--colour", "red").exit_code == 2
    assert invoke("paint").exit_code == 2


def test_data_list_says_what_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(tmp_path))
    done = invoke("data", "list")
    assert done.exit_code == 0
    assert all(name in done.stdout for name in download.catalogue())
    assert "ecomlib data fetch NAME" in done.stdout


def test_data_fetch_of_an_unknown_name_is_answered_in_words() -> None:
    done = invoke("data", "fetch", "onlin_retail")
    assert done.exit_code == 1
    assert "online_retail" in done.stderr and "Traceback" not in done.output


def test_data_fetch_hands_the_name_on_and_prints_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def fetch(name: str, progress: bool = True) -> Path:
        asked.append((name, progress))
        if name == "down":
            raise DownloadError("The publisher cannot be reached. What to do: try later.")
        return Path("cache") / name

    monkeypatch.setattr(download, "fetch", fetch)
    good, bad = invoke("data", "fetch", "oj"), invoke("data", "fetch", "down")
    assert asked == [("oj", True), ("down", True)]
    assert good.exit_code == 0 and good.stdout == f"oj: {Path('cache') / 'oj'}\n"
    assert bad.exit_code == 1 and bad.stderr.startswith("ecomlib: The publisher cannot be reached.")


def test_data_check_of_a_good_and_of_a_broken_shop(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("product_id,title\nP1,Mug\n", encoding="utf-8")
    orders = "order_id,product_id,ordered_at,quantity,unit_price\nO1,P1,2024-01-02 10:00:00,2,3.5\n"
    (tmp_path / "orders.csv").write_text(orders, encoding="utf-8")
    good = invoke("data", "check", str(tmp_path))
    assert good.exit_code == 0, good.output
    (tmp_path / "orders.csv").write_text(orders.replace("P1", "P9"), encoding="utf-8")
    broken = invoke("data", "check", str(tmp_path))
    assert broken.exit_code == 1 and "P9" in broken.output and "Traceback" not in broken.output
    nowhere = invoke("data", "check", str(tmp_path / "nowhere"))
    assert nowhere.exit_code == 1 and "Traceback" not in nowhere.output


def test_a_console_of_few_letters_gets_the_whole_report(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("product_id,title\nP1,Mug\n", encoding="utf-8")
    orders = "order_id,product_id,ordered_at,quantity,unit_price\nO1,杯子-01,2024-01-02 10:00,2,3.5\n"
    (tmp_path / "orders.csv").write_text(orders, encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "ECOMLIB_DATA_DIR": str(tmp_path / "none")}
    cases = ((["data", "check", str(tmp_path)], 1, r"\u676f\u5b50-01"), (["data", "list"], 0, r"\u2713"))
    for words, code, shown in cases:
        command = [sys.executable, "-m", "ecomlib.cli", *words]
        done = subprocess.run(command, capture_output=True, env=environment, timeout=120)
        assert done.returncode == code and shown in done.stdout.decode("cp1252")
        assert b"Traceback" not in done.stderr


def test_lab_opens_the_lessons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jupyterlab")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "ecomlib"\n', encoding="utf-8")
    toy_lesson.write(tmp_path / "notebooks", exercise=False)
    monkeypatch.chdir(tmp_path)
    started: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        started.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    done = invoke("lab")
    assert done.exit_code == 3
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # JupyterLab refuses root otherwise
    assert started == [[sys.executable, "-m", "jupyterlab", str((tmp_path / "notebooks").resolve()), *root]]


def test_an_interrupted_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(name: str, progress: bool = True) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "fetch", stop)
    done = invoke("data", "fetch", "oj")
    assert done.exit_code == 130 and "stopped" in done.stderr


def test_workshop_build_outside_a_checkout_without_lessons_is_answered_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ecomlib.course import lessons

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lessons.resources, "files", lambda name: tmp_path / "package")
    monkeypatch.setattr(lessons, "__file__", str(tmp_path / "package" / "lessons.py"))
    done = invoke("workshop", "build")
    assert done.exit_code == 1 and "came without its lessons" in done.stderr
