"""The set-up cell: silent where ecomlib is, careful on Colab, one sentence elsewhere; and ``make address``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import toy_lesson

from ecomlib.course import address, lessons, setup_cell
from ecomlib.errors import LessonError
from ecomlib.files import write_whole

ROOT = Path(__file__).resolve().parent.parent
# Stands in for pip: notes its arguments; fails where it is told to; "installs" ecomlib by making its folder.
PIP = """\
import json, os, pathlib, sys
here = pathlib.Path(os.environ["FAKE"])
with (here / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if os.environ.get("FAIL") and any(os.environ["FAIL"] in word for word in sys.argv):
    sys.exit("no version fits")
made = here / "site" / "ecomlib" / "course"
made.mkdir(parents=True, exist_ok=True)
(made.parent / "__init__.py").touch()
(made / "__init__.py").touch()
(made / "setup_cell.py").write_text("def add_parts(path): print('parts under', path.name)")
"""


def run_cell(
    folder: Path, *, colab: bool, wheel: bool = False, repository: str = "", fail: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the set-up cell in a Python that does not have ecomlib, with a pip that installs nothing."""
    site = folder / "site"
    (site / "pip").mkdir(parents=True)
    (site / "pip" / "__init__.py").touch()
    (site / "pip" / "__main__.py").write_text(PIP, encoding="utf-8")
    if colab:
        (site / "google" / "colab").mkdir(parents=True)
        (site / "google" / "colab" / "__init__.py").touch()
    shipped = site / "torch-2.9.0.dist-info"
    shipped.mkdir()
    (shipped / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0\n", encoding="utf-8")
    if wheel:
        (folder / "ecomlib-0.1.0-py3-none-any.whl").touch()
    (folder / "cell.py").write_text(setup_cell.text(repository), encoding="utf-8")
    environment = {"PYTHONPATH": str(site), "FAKE": str(folder), "FAIL": fail, "PATH": ""}
    # -S leaves this environment's packages out: here nothing but the fake ones is installed.
    python = [sys.executable, "-S", "cell.py"]
    return subprocess.run(python, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def calls(folder: Path) -> list[list[str]]:
    file = folder / "calls.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def test_it_is_silent_where_ecomlib_is_installed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", setup_cell.text()], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_elsewhere_one_sentence_says_what_to_run(tmp_path: Path) -> None:
    done = run_cell(tmp_path, colab=False)
    assert done.returncode == 1
    assert re.fullmatch(r"ecomlib is not installed here: .*python -m pip install -e \"\.\[course\]\"\n", done.stderr)
    assert calls(tmp_path) == []


def test_on_colab_the_uploaded_wheel_is_installed_under_what_colab_ships(tmp_path: Path) -> None:
    done = run_cell(tmp_path, colab=True, wheel=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "parts under colab-constraints.txt\n"
    [call] = calls(tmp_path)
    assert call[:1] == ["install"] and call[-1].endswith("ecomlib-0.1.0-py3-none-any.whl")
    assert call[call.index("--constraint") + 1] == "colab-constraints.txt"
    assert "--upgrade" not in call
    assert "torch==2.9.0" in (tmp_path / "colab-constraints.txt").read_text(encoding="utf-8").splitlines()


def test_on_colab_an_address_is_used_when_there_is_one(tmp_path: Path) -> None:
    done = run_cell(tmp_path, colab=True, repository="owner/name")
    assert done.returncode == 0, done.stderr
    assert calls(tmp_path)[0][-1] == "git+https://github.com/owner/name"


def test_on_colab_without_wheel_and_address_it_asks_for_the_wheel(tmp_path: Path) -> None:
    done = run_cell(tmp_path, colab=True)
    assert done.returncode == 1 and "Upload ecomlib-*.whl" in done.stderr
    assert calls(tmp_path) == []


def test_on_colab_a_package_that_does_not_fit_is_said(tmp_path: Path) -> None:
    done = run_cell(tmp_path, colab=True, wheel=True, fail="ecomlib")
    assert done.returncode == 1
    assert "does not fit this runtime" in done.stderr and "Traceback" not in done.stderr


def test_the_parts_come_from_the_colab_extra() -> None:
    wanted = setup_cell.colab_requirements()
    assert wanted and all(re.match(r"[a-z]", need) and ";" not in need for need in wanted)
    assert {re.split(r"[<>=! \[]", need)[0] for need in wanted} >= set(setup_cell.PARTS)


def test_a_part_that_does_not_fit_is_skipped_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tried: list[list[str]] = []

    def install(arguments: list[str]) -> int:
        tried.append(list(arguments))
        return int(any(word.startswith("statsforecast") for word in arguments))

    skipped = setup_cell.add_parts(tmp_path / "c.txt", install)  # type: ignore[arg-type]
    assert [need.partition(">")[0] for need in skipped] == ["statsforecast"]
    assert "Skipped: the classical baselines" in capsys.readouterr().out
    assert all(call[:2] == ["--constraint", str(tmp_path / "c.txt")] for call in tried)
    assert len(tried) == 1 + len(setup_cell.colab_requirements())


def test_parts_that_fit_are_installed_silently(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup_cell.add_parts(tmp_path / "c.txt", lambda arguments: 0) == []
    assert capsys.readouterr().out == ""


def test_the_address_is_written_everywhere_and_can_be_taken_back(tmp_path: Path) -> None:
    (tmp_path / "ecomlib" / "course").mkdir(parents=True)
    setting = tmp_path / "ecomlib" / "course" / "setup_cell.py"
    shutil.copy(ROOT / "ecomlib" / "course" / "setup_cell.py", setting)
    path = toy_lesson.write(tmp_path / "notebooks")
    write_whole(path, lessons.dump(lessons.read(path)))
    before, text = path.read_text(encoding="utf-8"), setting.read_text(encoding="utf-8")
    assert "github.com/o" not in before and "colab.research" not in before

    done = subprocess.run(
        [sys.executable, "-m", "ecomlib.course.address", "owner/the.shop", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and "90_toy.ipynb" in done.stdout, done.stderr
    assert 'REPOSITORY = "owner/the.shop"' in setting.read_text(encoding="utf-8")
    nb = lessons.read(path)
    assert nb.cells[1].source == setup_cell.text("owner/the.shop")
    assert (
        "(https://colab.research.google.com/github/owner/the.shop/blob/main/notebooks/90_toy.ipynb)"
        in nb.cells[0].source
    )
    assert lessons.source_hash(nb) == lessons.source_hash(toy_lesson.lesson())

    assert address.write("owner/the.shop", tmp_path) == []
    address.write("", tmp_path)
    assert path.read_text(encoding="utf-8") == before
    assert setting.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("wrong", ["owner", "https://github.com/owner/name", "owner/na me", 'o"/x', "a/b/c"])
def test_what_is_no_address_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(LessonError, match="owner/name"):
        address.write(wrong, tmp_path)


def test_the_address_needs_a_checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert address.main(["owner/name", str(tmp_path)]) == 1
    assert "holds no checkout" in capsys.readouterr().err
    assert address.main([]) == 2


def test_no_address_is_invented() -> None:
    """As long as the setting is empty, no lesson carries a link to a repository or to Colab."""
    if setup_cell.REPOSITORY:
        pytest.skip("the repository has its address")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        first = lessons.read(path).cells[0].source
        assert "<!-- badge --><!-- /badge -->" in first and "colab.research" not in first
