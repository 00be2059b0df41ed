"""The set-up cell: silent where ecomlib is, careful on Colab, one sentence elsewhere; and ``make address``."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import toy_lesson
from colab_runtime import Runtime, build_wheel
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ecomlib.course import lessons, setup_cell
from ecomlib.course.authoring import address
from ecomlib.errors import LessonError, install_command
from ecomlib.files import write_whole

ROOT = Path(__file__).resolve().parents[2]
EXTRA = 'part>=1; extra == "colab"'


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(tmp_path)


def run_cell(runtime: Runtime, repository: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The cell's real source, in a new process of the runtime."""
    return runtime.run("-c", setup_cell.text(repository), **environment)


def test_it_is_silent_where_ecomlib_is_installed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", setup_cell.text()], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_it_needs_only_what_colab_ships() -> None:
    """The package's set-up runs before what ecomlib needs is there: it may import nothing that Colab may lack."""
    lists = [path.read_text(encoding="utf-8") for path in (ROOT / "constraints").glob("colab-*.txt")]
    shipped = set.intersection(*({line.partition("==")[0] for line in text.splitlines()} for text in lists))
    code = (
        "import sys\nbefore = set(sys.modules)\nimport ecomlib.course.setup_cell as s\ns.installed_versions()\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    needed = {name for name in done.stdout.split() if not name.startswith(("_", "cython_runtime"))}
    assert {"ecomlib", "packaging"} <= needed
    assert needed - {"ecomlib"} <= shipped | {"dateutil"}  # the module of python-dateutil


def test_elsewhere_one_sentence_names_the_readmes_command(runtime: Runtime) -> None:
    (runtime.site / "google" / "colab" / "__init__.py").unlink()
    (runtime.site / "google" / "colab").rmdir()
    done = run_cell(runtime)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    sentence, _, command = done.stderr.strip().partition("  ")
    assert sentence.startswith("ecomlib is not installed here") and command.startswith("python -m pip install -c ")
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")


def test_constraints_name_the_copy_that_python_imports(runtime: Runtime) -> None:
    """Colab's path ends with Ubuntu's own, older packages: they are hidden, and must not be written down."""
    runtime.upload()
    done = run_cell(runtime)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr + done.stdout
    lines = (runtime.content / "colab-constraints.txt").read_text(encoding="utf-8").splitlines()
    names = [canonicalize_name(line.partition("==")[0]) for line in lines]
    assert len(names) == len(set(names))
    imported = runtime.run("-c", "import six; print(six.__version__)").stdout.strip()
    assert imported == "1.17.0" and f"six=={imported}" in lines
    assert runtime.versions() == {"six": "1.17.0", "newlib": "1.0", "part": "1.0"}
    # The file as it was once written, with both copies, has no solution for pip.
    (runtime.content / "both.txt").write_text("six==1.16.0\nsix==1.17.0\n", encoding="utf-8")
    refused = runtime.pip("install", "--dry-run", "--ignore-installed", "--constraint", "both.txt", "newlib")
    assert refused.returncode == 1 and setup_cell.cause(refused.stderr) == "versions"


def test_a_second_run_is_silent_and_changes_nothing(runtime: Runtime) -> None:
    runtime.upload()
    assert run_cell(runtime).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in runtime.site.rglob("*.dist-info/*")}
    done = run_cell(runtime)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert before == {path: path.stat().st_mtime_ns for path in runtime.site.rglob("*.dist-info/*")}


def test_an_interrupted_set_up_is_finished_by_the_next_run(runtime: Runtime) -> None:
    wheel = runtime.upload()
    assert runtime.pip("install", "--no-deps", str(wheel)).returncode == 0
    assert runtime.versions() == {"six": "1.17.0"}
    done = run_cell(runtime)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert runtime.versions() == {"six": "1.17.0", "newlib": "1.0", "part": "1.0"}


def test_a_wheel_uploaded_later_replaces_the_first(runtime: Runtime) -> None:
    """It has the same version, as a wheel that was built again has, and perhaps the name that a browser gave it."""
    runtime.upload(mark="first")
    assert run_cell(runtime).returncode == 0
    second = runtime.upload(mark="second", file="ecomlib-0.1.0-py3-none-any (1).whl")
    os.utime(second, (2e9, 2e9))
    done = run_cell(runtime)
    assert done.returncode == 0 and "Restart the session" in done.stdout
    assert runtime.run("-c", "import ecomlib; print(ecomlib.mark)").stdout == "second\n"
    assert run_cell(runtime).stdout == ""


def test_of_two_wheels_the_newest_is_installed(runtime: Runtime) -> None:
    old, new = runtime.upload(mark="old"), runtime.upload(mark="new", file="ecomlib-0.1.0-py3-none-any (1).whl")
    os.utime(old, (1e9, 1e9))
    os.utime(new, (2e9, 2e9))
    done = run_cell(runtime)
    assert done.returncode == 0, done.stderr
    assert runtime.run("-c", "import ecomlib; print(ecomlib.mark)").stdout == "new\n"


def test_a_part_that_does_not_fit_is_skipped_by_name(runtime: Runtime) -> None:
    build_wheel(runtime.links, "statsforecast", requires=["six<1.17"])
    runtime.upload(["newlib>=1", 'statsforecast>=1; extra == "colab"', EXTRA])
    done = run_cell(runtime)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("statsforecast>=1 has no version that fits this runtime. Skipped: the classical base")
    assert runtime.versions() == {"six": "1.17.0", "newlib": "1.0", "part": "1.0"}


def test_what_does_not_fit_is_said_with_the_versions_in_conflict(runtime: Runtime) -> None:
    build_wheel(runtime.links, "newlib", "2.0", requires=["six<1.17"])
    runtime.upload(["newlib>=2", EXTRA])
    done = run_cell(runtime)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "ecomlib does not fit this runtime" in done.stderr
    assert "newlib 2.0 depends on six<1.17" in done.stdout and "(constraint) six==1.17.0" in done.stdout
    assert runtime.versions() == {"six": "1.17.0"}


def test_no_network_is_said_as_such(runtime: Runtime) -> None:
    runtime.upload()
    nobody = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "PIP_FIND_LINKS": ""}
    done = run_cell(runtime, **nobody, PIP_NO_INDEX="0")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "The package index cannot be reached" in done.stderr and "does not fit" not in done.stderr
    assert run_cell(runtime).returncode == 0, "with a network, the next run finishes it"
    assert "part" in runtime.versions()


def test_a_wheel_that_is_none_is_said_by_pip(runtime: Runtime) -> None:
    (runtime.content / "ecomlib-0.1.0-py3-none-any.whl").write_bytes(b"half an upload")
    done = run_cell(runtime)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "ERROR" in done.stderr and "is invalid" in done.stderr and "pip says why above" in done.stderr


@pytest.mark.parametrize(
    ("wrote", "cause"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n"
            "ERROR: No matching distribution found for onnx>=1.22",
            "network",
        ),
        ("fatal: unable to access 'https://example.org/': Could not resolve host: example.org", "network"),
        ("ERROR: ecomlib-0.1.0-py3-none-any (1).whl is not a valid wheel filename.", "file"),
        ("ERROR: Wheel 'ecomlib' located at /content/ecomlib-0.1.0-py3-none-any.whl is invalid.", "file"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk"),
        ("ERROR: No matching distribution found for onnx>=1.22", "versions"),
        ("ERROR: Package 'ecomlib' requires a different Python: 3.10.12 not in '<3.14,>=3.11'", "versions"),
        ("ERROR: Exception: something else", "other"),
    ],
)
def test_what_pip_writes_tells_the_causes_apart(wrote: str, cause: str) -> None:
    assert setup_cell.cause(wrote) == cause


def test_an_address_is_used_when_there_is_one(runtime: Runtime) -> None:
    """There is no such host to be reached: git's own message shows what pip was asked for."""
    (runtime.site / "sitecustomize.py").write_text(
        "import subprocess\nsubprocess.run = lambda command, **more: print(command[-1]) or"
        " subprocess.CompletedProcess(command, 1)\n",
        encoding="utf-8",
    )
    done = run_cell(runtime, "owner/name")
    assert done.returncode == 1 and done.stdout == "git+https://github.com/owner/name\n"


def test_without_wheel_and_address_it_asks_for_the_wheel(runtime: Runtime) -> None:
    done = run_cell(runtime)
    assert done.returncode == 1 and "Upload ecomlib-*.whl" in done.stderr
    assert list(runtime.content.iterdir()) == []


def test_the_parts_are_those_of_the_colab_extra() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    wanted = setup_cell.requirements("colab")
    assert {Requirement(need).name for need in wanted} == {Requirement(need).name for need in declared["colab"]}
    assert {Requirement(need).name for need in wanted} == set(setup_cell.PARTS)
    assert not set(wanted) & set(setup_cell.requirements())


def test_advice_on_colab_keeps_what_colab_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert install_command("ecomlib[serve]") == 'python -m pip install "ecomlib[serve]"'
    setup_cell.write_constraints(tmp_path / "colab-constraints.txt")
    kept = 'python -m pip install --constraint colab-constraints.txt "ecomlib[serve]"'
    assert install_command("ecomlib[serve]") == kept


def test_every_advice_is_written_by_one_function() -> None:
    """A command typed by hand would forget the constraints."""
    allowed = {"errors.py", "setup_cell.py"}
    for path in (ROOT / "ecomlib").rglob("*.py"):
        if path.name not in allowed:
            for constant in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    assert "pip install" not in constant.value, f"{path.name}:{constant.lineno}: use install_command"


def test_the_address_is_written_everywhere_and_can_be_taken_back(tmp_path: Path) -> None:
    (tmp_path / "ecomlib" / "course").mkdir(parents=True)
    setting = tmp_path / "ecomlib" / "course" / "setup_cell.py"
    shutil.copy(ROOT / "ecomlib" / "course" / "setup_cell.py", setting)
    path = toy_lesson.write(tmp_path / "notebooks")
    write_whole(path, lessons.dump(lessons.read(path)))
    before, text = path.read_text(encoding="utf-8"), setting.read_text(encoding="utf-8")
    assert "github.com/o" not in before and "colab.research" not in before

    done = subprocess.run(
        [sys.executable, "-m", "ecomlib.course.authoring.address", "owner/the.shop", str(tmp_path)],
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
