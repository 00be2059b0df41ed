"""The recipes of CONTRIBUTING.md, walked in a copy of the checkout: a store, a forecaster, a network, an exercise and a
lesson are added, each by its own file and at most one line, and every command and message then knows them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import toy_lesson

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("papermill")
pytestmark = pytest.mark.slow

STORE = '''"""A bakery, for the test of the recipes."""

import pandas as pd

from ecomlib.stores.store import Store


def load() -> Store:
    """Make the bakery's two tables."""
    days = pd.date_range("2024-01-01", periods=10)
    orders = {"order_id": [f"O{n}" for n in range(10)], "product_id": "P1", "ordered_at": days, "quantity": 2}
    products = pd.DataFrame({"product_id": ["P1"], "title": ["Rye bread"]})
    return Store("bakery", products, pd.DataFrame(orders).assign(unit_price=3.5))
'''
# The page's own code: the file of a network, a sketch of another one, and what the first can do then. Under names of
# the walk: somebody may have added the page's network to the package, as the page says.
NETWORK, SKETCH, USE = (
    code.replace("tcn", "walked_tcn").replace("TCN", "WalkedTCN")
    for code in re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
)
FORECASTER = '''"""The mean of all series, for the test of the recipes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ecomlib.contract import Forecaster


@dataclass(frozen=True)
class ShopMean(Forecaster):
    """The mean of everything that was sold, for each series."""

    name: ClassVar[str] = "shop_mean"
    point: ClassVar[str] = "mean"

    def answer(self, learned, past, future):
        return np.full(len(future), past["y"].mean())
'''
DECISION = '''"""Which product to put in the window, for the test of the recipes."""

from ecomlib.decisions.registry import Decision


def decide_window(store, options):
    """Choose the best seller."""
    units = store.orders.groupby("product_id", as_index=False)["quantity"].sum()
    return Decision(units.nlargest(int(options.more.get("places", 1)), "quantity"), "best sellers", {"weeks": 1})
'''
OUTSIDE = FORECASTER.replace("import Forecaster", "import Forecaster, register").replace(
    "@dataclass", "@register\n@dataclass"
)
LINES = {
    "ecomlib/forecasting/registry.py": (
        "\n}\n\n\ndef names(",
        '    "shop_mean": "ecomlib.models.shop_mean:ShopMean",',
    ),
    "ecomlib/decisions/registry.py": (
        "\n)\n\n\ndef names(",
        '    DecisionEntry("window", "The window", "orders", f"{_SHOP}.window:decide_window", "90", (), ("places",)),',
    ),
    "ecomlib/stores/registry.py": (
        "\n)\n\n\ndef names(",
        '    StoreEntry("bakery", "sample", "Bread and rolls", "ecomlib.stores.bakery:load"),',
    ),
    "ecomlib/models/registry.py": (
        "\n)\n\n\nclass _Networks",
        '    "ecomlib.models.walked_tcn:WalkedTCNNetwork",',
    ),
    "ecomlib/course/entries/part_two.py": (
        "\n)\n",
        '    Lesson("90", "Toy", "What is bread worth?", "90_toy.ipynb", ("What we publish", "What may fail")),',
    ),
}
OPEN = """\
total = SEED + 1
if STORE != "recorded":
    from ecomlib import load_store

    print("the second part ran on", load_store(STORE).name)"""
ASK = """
import json
from pathlib import Path
from typer.testing import CliRunner
import ecomlib
from ecomlib.course import exercises
from ecomlib.cli.main import app
import pandas as pd
import torch
from torch import Tensor, nn
from ecomlib.forecasting import forecaster
from ecomlib.models import Network, NetworkSettings
from ecomlib.testing import check_forecaster

def invoke(*words):
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "300"})
    return done.output + done.stderr

weeks = pd.date_range("2023-01-02", periods=60, freq="7D")
panel = pd.concat([pd.DataFrame({"unique_id": name, "ds": weeks, "y": range(60)}) for name in ("mug", "cup")])
panel["y"] = panel["y"].astype(float)
exec(USE)
exec(SKETCH)
ecomlib.register(FlatNetwork)
flat = forecaster("flat", look_back=8, hidden=8, epochs=1).fit(panel, 4).forecast()
print(json.dumps({
    "package": ecomlib.__file__,
    "title": ecomlib.load_store("bakery").products["title"].tolist(),
    "data list": invoke("data", "list"),
    "data check": invoke("data", "check", "shop"),
    "run, misspelt": invoke("run", "90", "--store", "bakry"),
    "train, misspelt": invoke("train", "--store", "bakry", "--home", "home"),
    "train": invoke("train", "--store", "bakery", "--home", "home"),
    "loaded network": type(again.learned["networks"][0]).__name__,
    "its columns": list(forecast.columns),
    "the sketch's columns": list(flat.columns),
    "backtest": list(scored.columns),
    "exported": sorted(path.name for path in Path("walked_tcn_onnx").iterdir()),
    "same after a file": again.forecast(panel).equals(forecast),
    "forecasters": invoke("forecasters"),
    "forecast": invoke("forecast", "--store", "bakery", "--model", "shop_mean", "--horizon", "1", "--freq", "daily",
                       "--out", "made.csv", "--save", "kept"),
    "plugin": invoke("forecast", "--store", "bakery", "--model", "outside", "--plugin", "outside", "--freq", "daily",
                     "--out", "outside.csv"),
    "report": check_forecaster(forecaster("shop_mean")) or check_forecaster(forecaster("outside")),
    "decide": invoke("decide", "window", "--store", "bakery", "--out", "decided", "--set", "places=1"),
    "decide, misspelt": invoke("decide", "windw", "--store", "bakery", "--out", "decided"),
    "decide, help": invoke("decide", "--help"),
    "exercises": list(exercises.exercises("90")),
}))
"""


def python(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, with the copy's package."""
    env = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, *words], cwd=copy, env=env, capture_output=True, text=True, timeout=600)


def sources(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in root.rglob("*.py")}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the package, a README, and one lesson of which the syllabus does not know yet."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "ecomlib", root / "ecomlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, root / name)
    toy_lesson.write(root / "notebooks", exercise=True, extra=OPEN)
    return root


@pytest.fixture(scope="module")
def walked(copy: Path) -> Path:
    """The copy, after the recipes."""
    refused = python(copy, "-m", "ecomlib.course.authoring.execute", "90")
    assert refused.returncode == 1 and "not in the syllabus, so nothing was executed" in refused.stderr
    before = sources(copy)
    (copy / "ecomlib/stores/bakery.py").write_text(STORE, encoding="utf-8")
    (copy / "ecomlib/models/walked_tcn.py").write_text(NETWORK, encoding="utf-8")
    (copy / "ecomlib/models/shop_mean.py").write_text(FORECASTER, encoding="utf-8")
    (copy / "ecomlib/decisions/shop/window.py").write_text(DECISION, encoding="utf-8")
    shutil.copy(toy_lesson.CHECKS / "lesson_90.py", copy / "ecomlib/course/exercises/lesson_90.py")
    for name, (end, line) in LINES.items():
        assert before[name].count(end) == 1, f"{name}: the list's end was not found"
        (copy / name).write_text(before[name].replace(end, f"\n{line}{end}"), encoding="utf-8")
    after = sources(copy)
    touched = {name for name in before if before[name] != after[name]}
    assert touched == set(LINES) and all(after[n].count("\n") == before[n].count("\n") + 1 for n in touched)
    assert {name.rpartition("/")[2] for name in after.keys() - before.keys()} == {
        "bakery.py",
        "shop_mean.py",
        "walked_tcn.py",
        "window.py",
        "lesson_90.py",
    }
    return copy


@pytest.fixture(scope="module")
def answers(walked: Path) -> dict[str, Any]:
    shop = walked / "shop"
    shop.mkdir()
    (walked / "outside.py").write_text(OUTSIDE.replace("shop_mean", "outside"), encoding="utf-8")
    (shop / "products.csv").write_text("product_id,title\nP1,Mug\n", encoding="utf-8")
    order = "order_id,product_id,ordered_at,quantity,unit_price\nO1,P1,2024-01-02 10:00:00,2,3.5\n"
    (shop / "orders.csv").write_text(order, encoding="utf-8")
    done = python(walked, "-c", f"USE, SKETCH = {USE!r}, {SKETCH!r}\n{ASK}")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["package"]).is_relative_to(walked)
    return found


def test_a_store_is_its_file_and_one_line(answers: dict[str, Any]) -> None:
    assert answers["title"] == ["Rye bread"]
    assert re.search(r"^✓ bakery +Bread and rolls", answers["data list"], re.M)
    for misspelt in ("run, misspelt", "train, misspelt"):
        assert "'bakry'" in answers[misspelt] and ", bakery" in answers[misspelt]
    assert "reading the store bakery" in answers["train"] and "neither" not in answers["train"]


def test_a_forecaster_is_its_file_and_one_line(answers: dict[str, Any], walked: Path) -> None:
    assert re.search(r"^shop_mean +mean +nothing +The mean of everything", answers["forecasters"], re.M)
    assert "the column 'shop_mean' is a mean" in answers["forecast"]
    assert json.loads((walked / "kept/card.json").read_text(encoding="utf-8"))["forecaster"] == "shop_mean"
    assert answers["report"] is None


def test_a_forecaster_outside_is_its_file_alone(answers: dict[str, Any]) -> None:
    assert "the column 'outside' is a mean" in answers["plugin"]


def test_a_network_is_its_file_and_one_line(answers: dict[str, Any]) -> None:
    assert answers["loaded network"] == "WalkedTCNNetwork" and answers["same after a file"]
    assert answers["its columns"][:5] == ["unique_id", "ds", "cutoff", "walked_tcn", "walked_tcn-q0.1"]
    assert {"walked_tcn", "naive"} <= set(answers["backtest"])
    assert answers["the sketch's columns"][3:5] == ["flat", "flat-q0.1"]
    assert answers["exported"] == ["onnx.json", "seed0.onnx"]


def test_a_decision_is_its_file_and_one_line(answers: dict[str, Any], walked: Path) -> None:
    assert "best sellers" in answers["decide"] and "1 rows: decided/window.csv" in answers["decide"]
    assert (walked / "decided/window.csv").read_text(encoding="utf-8-sig") == "product_id,quantity\nP1,20\n"
    assert json.loads((walked / "decided/window.json").read_text(encoding="utf-8"))["line"] == "best sellers"
    assert "did you mean window" in answers["decide, misspelt"]
    assert "window: The window (lesson 90). Needs orders." in " ".join(answers["decide, help"].split())


def test_an_exercise_is_its_file(answers: dict[str, Any]) -> None:
    assert answers["exercises"] == ["90.double"]


def test_a_lesson_is_its_notebook_and_one_line(walked: Path, answers: dict[str, Any]) -> None:
    assert re.search(r"^  90  Toy +no +needs 1 full week of orders", answers["data check"], re.M)
    made = python(walked, "-m", "ecomlib.course.authoring.execute", "90")
    assert made.returncode == 0, made.stderr
    readme = (walked / "README.md").read_text(encoding="utf-8")
    assert re.search(r"\| \[90 · Toy\]\(notebooks/90_toy.ipynb\) \| What is bread worth\? \| [^|]+ \| \d+ s \|", readme)
    assert "\n90,simulated,naive" in (walked / "ecomlib/course/assets/results.csv").read_text(encoding="utf-8")
    ran = python(walked, "-m", "ecomlib.cli", "run", "90", "--size", "tiny", "--store", "bakery")
    assert ran.returncode == 0, ran.stderr
    report = (walked / "build/report.html").read_text(encoding="utf-8")
    assert "90 · Toy" in report and "What is bread worth?" in report and "<b>bakery</b>" in report
    executed = (walked / "build/executed/90_toy.ipynb").read_text(encoding="utf-8")
    assert "the second part ran on bakery" in executed


def test_contributing_holds_each_recipe() -> None:
    """The recipes name the lists that the walk touched, and every file that the page names is there."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipes = text.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    for name in (*LINES, "ecomlib/course/exercises/lesson_NN.py", "notebooks/NN_name.ipynb"):
        assert f"`{name}`" in recipes, name
    named = set(re.findall(r"\b(?:ecomlib|tests|benchmarks|data)/[\w/-]+\.\w+", text))
    assert len(named) > 15 and "| @" not in text
    to_come = {name for name in named if re.search(r"NN|NAME", name)}
    assert [name for name in sorted(named - to_come) if not (ROOT / name).exists()] == []
