"""Docstrings: their examples run, and in the rooms that are done each says in the field's terms what a thing does."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import ecomlib
from ecomlib.contract import REGISTERED
from ecomlib.errors import MissingDependencyError

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ecomlib"

# Rooms and files whose docstrings are not in this form yet. The list may only shrink: a room that is clean leaves it.
NOT_YET = (
    "adversarial",
    "cli",
    "course",
    "ensemble",
    "evaluation",
    "models",
    "plots.py",
    "serving",
    "spatial",
    "stores/simulated",
    "text",
    "training",
)
# The rooms that the list began with: none joins it.
BEGAN_WITH = set(
    re.findall(
        r"\S+",
        "adversarial cli course ensemble evaluation models plots.py serving spatial stores/simulated text training",
    )
)
# Rooms and files that are done but for this: some functions of several parameters tell them in prose, without a section
# of their own. This list may only shrink too.
IN_PROSE = (
    "causal",
    "contract",
    "errors.py",
    "features",
    "files.py",
    "forecasting",
    "periods.py",
    "preprocessing",
    "recorded",
    "stores",
    "windows.py",
)
IN_PROSE_BEGAN_WITH = set(
    re.findall(
        r"\S+",
        "causal contract errors.py features files.py forecasting periods.py preprocessing recorded stores windows.py",
    )
)
# A first line begins with one of these: what the thing does, in the imperative. A new verb is added here.
VERBS = set(
    re.findall(
        r"\w+",
        """
        Adapt Add Answer Append Apply Average Backtest Build Calibrate Change Check Choose Clip Collect
        Combine Compare Compute Conform Convert Copy Correct Count Cut Decide Decorate Define Describe
        Detect Divide Download Draw Drop Encode Estimate Export Fetch Fill Find Fit Forecast Format Gather
        Generate Give Guess Hold Import Infer Interpolate Join Keep Learn Leave List Load Look Lower Make
        Map Mark Measure Merge Move Name Note Number Open Order Pack Parse Plan Plot Predict Print Project
        Prove Put Raise Rank Read Refuse Register Regress Relate Remove Rename Report Reshape Return Revert
        Run Sample Save Say Scale Score Search Set Shift Show Simulate Smooth Sort Split Stack State
        Begin Charge Narrow Play Promote Recommend Sell
        Subtract Sum Summarise Sweep Tabulate Take Tell Test Train Transform Translate Turn Update
        Validate Weigh
        Wrap Write
        """,
    )
)
# Methods whose meaning stands at the class that demands them; a subclass says more only where there is more to say.
INHERITED = {"answer", "learn", "pack", "unpack", "make", "settings", "from_settings", "label", "point"}
INHERITED |= {"known_ahead", "also_known", "forward", "backward"}
SECTIONS = ("Parameters", "Returns", "Yields", "Raises", "Attributes", "Notes", "Examples", "See Also", "References")
PARAMETER = re.compile(r"^\*{0,2}\w+(, \*{0,2}\w+)* : \S")
ROLE = re.compile(r":\w+:`[^`]+`")

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def public(tree: ast.Module) -> Iterator[tuple[str, Documented, bool]]:
    """Each public function, class and method with its name, and whether it may lean on a base class."""
    for node in tree.body:
        if not isinstance(node, Documented) or node.name.startswith("_"):
            continue
        yield node.name, node, False
        for part in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(part, Documented) and not part.name.startswith("_"):
                yield f"{node.name}.{part.name}", part, bool(node.bases) and part.name in INHERITED


def sections(text: str) -> dict[str, list[str]]:
    """Lines of each section of a numpydoc docstring."""
    found: dict[str, list[str]] = {}
    lines, inside = text.splitlines(), ""
    for number, line in enumerate(lines):
        ruled = number + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[number + 1])
        if ruled and line in SECTIONS:
            inside = line
            found[inside] = []
        elif inside and not re.fullmatch(r"-{3,}", line):
            found[inside].append(line)
    return found


def faults(source: str) -> list[str]:
    """What is wrong with the docstrings of one file."""
    found = []
    for name, node, leans in public(ast.parse(source)):
        text = ast.get_docstring(node)
        if not text:
            found += [] if leans else [f"{name} has no docstring"]
            continue
        first = text.splitlines()[0]
        is_property = any(ast.unparse(d).endswith(("property", ".setter")) for d in node.decorator_list)
        if not first.endswith("."):
            found.append(f"{name}: the first line ends with a full stop, not '…{first[-20:]}'")
        if first.split()[0].rstrip(",.;:") not in VERBS and not is_property:
            found.append(
                f"{name}: the first line begins with a verb, not '{first.split()[0]}' (a verb? add it to VERBS)"
            )
        for line in sections(text).get("Parameters", []) + sections(text).get("Attributes", []):
            if line.strip() and not line.startswith(" ") and not PARAMETER.match(line):
                found.append(f"{name}: parameters are written 'name : type', not '{line}'")
        if re.search(r"(?<!`)`(?!`)", ROLE.sub("", text.replace("``", ""))):
            found.append(f"{name}: code stands in double backticks")
    return found


def without_parameters(source: str) -> list[str]:
    """Public functions and methods of several parameters whose docstrings have no section for them."""
    found = []
    for name, node, leans in public(ast.parse(source)):
        if isinstance(node, ast.ClassDef) or leans:
            continue
        given = [part.arg for part in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        if len(set(given) - {"self", "cls"}) > 1 and "Parameters" not in sections(ast.get_docstring(node) or ""):
            found.append(name)
    return found


def within(path: Path, rooms: Iterable[str]) -> bool:
    return any(name_of(path) == room or name_of(path).startswith(f"{room}/") for room in rooms)


def done(path: Path) -> bool:
    return not within(path, NOT_YET)


@pytest.mark.parametrize("path", [path for path in files() if done(path)], ids=name_of)
def test_docstrings_of_a_room_that_is_done(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("room", NOT_YET)
def test_the_list_of_rooms_may_only_shrink(room: str) -> None:
    there = [path for path in files() if within(path, [room])]
    assert there, f"there is no {room}: take it out of NOT_YET"
    assert any(faults(path.read_text(encoding="utf-8")) for path in there), f"{room} is clean: take it out of NOT_YET"
    assert room in BEGAN_WITH, f"{room} was done: mend its docstrings instead"


@pytest.mark.parametrize("path", [path for path in files() if done(path) and not within(path, IN_PROSE)], ids=name_of)
def test_several_parameters_have_a_section(path: Path) -> None:
    assert without_parameters(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("room", IN_PROSE)
def test_the_list_of_rooms_in_prose_may_only_shrink(room: str) -> None:
    there = [path for path in files() if within(path, [room]) and done(path)]
    found = [name for path in there for name in without_parameters(path.read_text(encoding="utf-8"))]
    assert found, f"{room} has a section wherever one is due: take it out of IN_PROSE"
    assert room in IN_PROSE_BEGAN_WITH, f"{room} had them all: mend its docstrings instead"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def a():\n    pass", "no docstring"),
        ('def a():\n    """Count units"""', "full stop"),
        ('def a():\n    """The units."""', "begins with a verb"),
        ('def a():\n    """Count units.\n\n    Parameters\n    ----------\n    x: units.\n    """', "name : type"),
        ('def a():\n    """Count `units`."""', "double backticks"),
        ('class A:\n    """Count units."""\n    def b(self):\n        pass', "A.b has no docstring"),
    ],
)
def test_a_rule_bites(source: str, says: str) -> None:
    found = faults(source)
    assert len(found) == 1 and says in found[0]


def test_a_missing_section_for_parameters_is_found() -> None:
    assert without_parameters('def a(x, y):\n    """Count units."""') == ["a"]
    assert without_parameters('def a(x):\n    """Count units."""') == []
    told = 'def a(x, *, y):\n    """Count units.\n\n    Parameters\n    ----------\n    x, y : int\n    """'
    assert without_parameters(told) == []


def test_what_leans_on_a_base_class_and_what_is_private_needs_none() -> None:
    source = (
        'class A(Base):\n    """Count units."""\n    def answer(self):\n        pass\n    def _b(self):\n        pass'
    )
    assert faults(source) == []


def examples() -> list[str]:
    """Modules with examples, as Python imports them."""
    with_examples = [path for path in files() if ">>>" in path.read_text(encoding="utf-8")]
    parts = [path.relative_to(ROOT).with_suffix("").parts for path in with_examples]
    return [".".join(part for part in names if part != "__init__") for names in parts]


@pytest.mark.parametrize("name", examples())
def test_examples_run(name: str) -> None:
    before = dict(REGISTERED)
    try:
        module = importlib.import_module(name)
    except MissingDependencyError as fault:  # of an extra that is not installed
        pytest.skip(str(fault))
    result = doctest.testmod(module)
    REGISTERED.clear()
    REGISTERED.update(before)  # an example that registers a class of its own leaves none behind
    assert result.attempted and not result.failed


@pytest.mark.parametrize("name", ecomlib._ROOM)
def test_a_name_of_the_front_door_has_an_example_and_a_section_for_its_parameters(name: str) -> None:
    thing = getattr(ecomlib, name)
    text = inspect.getdoc(thing) or ""
    assert ">>>" in text
    if inspect.isfunction(thing):
        assert "Parameters" in sections(text) or len(inspect.signature(thing).parameters) < 2
        assert "Returns" in sections(text)
