"""The test kit names what is missing in a forecaster, and finds nothing missing in the package's own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from quick_forecasters import OF_REGIONS, QUICK, panel_of

from ecomlib.contract import REGISTERED, Forecaster
from ecomlib.errors import DataError
from ecomlib.testing import check_forecaster

DRAWN = np.random.default_rng(0)  # a generator that no fit seeds: each draw differs from the last


class Sound(Forecaster):
    """Keep the contract: the last value. Each wrong one below changes one thing."""

    name, point = "wrong", "mean"

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        last = past.dropna(subset="y").groupby("unique_id")["y"].last()
        return future["unique_id"].map(last).fillna(0.0)


class NoName(Sound):
    name = ""


class NoPoint(Sound):
    point = "mode"


class NotAhead(Sound):
    known_ahead = ("sessions",)


class Mutable(Sound):
    def __init__(self, window: int = 3) -> None:
        self.window = window


class Drawing(Sound):
    def answer(self, *given: Any) -> Any:
        return super().answer(*given) + DRAWN.random()


class Numpy(Sound):
    def answer(self, *given: Any) -> Any:
        return super().answer(*given) + 0 * np.random.random()  # noqa: NPY002


class Python(Sound):
    def answer(self, *given: Any) -> Any:
        return super().answer(*given) + 0 * random.random()


class Torch(Sound):
    def answer(self, *given: Any) -> Any:
        import torch

        return super().answer(*given) + 0 * float(torch.rand(()))


class Peeking(Sound):
    """Overrides fit, and so sees all rows."""

    def fit(self, panel: pd.DataFrame, horizon: int, *, until: Any = None) -> Any:
        fitted = super().fit(panel, horizon, until=until)
        object.__setattr__(fitted, "learned", {"mean": float(panel["y"].mean())})
        return fitted

    def learn(self, past: pd.DataFrame, horizon: int) -> Any:
        return {"mean": 0.0}

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        return np.full(len(future), learned["mean"])


class Vandal(Sound):
    def fit(self, panel: pd.DataFrame, horizon: int, *, until: Any = None) -> Any:
        panel["sessions"] = 0.0
        return super().fit(panel, horizon, until=until)


class ByRow(Sound):
    def fit(self, panel: pd.DataFrame, horizon: int, *, until: Any = None) -> Any:
        fitted = super().fit(panel, horizon, until=until)
        object.__setattr__(fitted, "learned", {"first": float(panel["price"].iloc[0])})
        return fitted

    def learn(self, past: pd.DataFrame, horizon: int) -> Any:
        return {"first": float(past["price"].iloc[0])}

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        return np.full(len(future), learned["first"])


class Negative(Sound):
    def answer(self, *given: Any) -> Any:
        return super().answer(*given) - 1.0


class Nan(Sound):
    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        return future["unique_id"].map(past.groupby("unique_id")["y"].agg(lambda y: y.iloc[-3:].mean(skipna=False)))


class NeedsTwo(Sound):
    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        return future["unique_id"].map(past.groupby("unique_id")["y"].agg(lambda y: y.iloc[-2]))


class Splits(Sound):
    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        assert not past["unique_id"].str.contains("|", regex=False).any(), "a bar"
        return super().answer(learned, past, future)


class Divides(Sound):
    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        sums = past.groupby("unique_id")["y"].sum()
        if (sums == 0).any():
            raise ZeroDivisionError("float division by zero")
        return super().answer(learned, past, future)


class Frame(Sound):
    columns: ClassVar[dict[str, float]] = {}

    def answer(self, *given: Any) -> Any:
        point = super().answer(*given) + 1.0
        return pd.DataFrame({"point": point, **{name: share * point for name, share in self.columns.items()}})


class Outside(Frame):
    columns: ClassVar[dict[str, float]] = {"lo-90": 1.1, "hi-90": 1.5}


class OneEnd(Frame):
    columns: ClassVar[dict[str, float]] = {"lo-90": 0.5}


class Crossing(Frame):
    columns: ClassVar[dict[str, float]] = {"q0.1": 1.2, "q0.9": 0.8}


class Odd(Frame):
    columns: ClassVar[dict[str, float]] = {"upper": 2.0}


class TwoMeans(Frame):
    columns: ClassVar[dict[str, float]] = {"mean": 1.0}


class Forgetful(Sound):
    def learn(self, past: pd.DataFrame, horizon: int) -> Any:
        return {"share": 0.5}

    def pack(self, learned: Any) -> dict[str, Any]:
        return {}

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        return super().answer(learned, past, future) * (learned or {"share": 0.25})["share"]


class Unpacked(Sound):
    def learn(self, past: pd.DataFrame, horizon: int) -> Any:
        return object()


@dataclass(frozen=True)
class Lossy(Sound):
    window: int = 3

    def settings(self) -> dict[str, Any]:
        return {}


class Counting(Sound):
    """Forecasts otherwise at each call."""

    calls: ClassVar[list[int]] = []

    def learn(self, past: pd.DataFrame, horizon: int) -> Any:
        self.calls.clear()
        return {}

    def answer(self, *given: Any) -> Any:
        self.calls.append(1)
        return super().answer(*given) + len(self.calls)


WRONG: dict[Callable[[], Forecaster], str] = {
    NoName: "It has no name. Write name = ",
    NoPoint: "does not say what its point forecast is",
    NotAhead: "'sessions' is not known ahead of time",
    lambda: Mutable(3): "Its settings can change after it was made",
    Drawing: "Two fits on the same panel disagree",
    Counting: "It forecasts otherwise when it is asked again",
    Numpy: "It changes the global random state of numpy",
    Python: "It changes the global random state of Python",
    Torch: "It changes the global random state of torch",
    Peeking: "It looks ahead",
    Vandal: "It changes the panel that it is handed",
    ByRow: "depend on the order of the panel's rows",
    Negative: "forecasts below zero",
    Nan: "because of series 'gaps', which has periods with y missing",
    NeedsTwo: "because of series 'young', which has one period of history",
    Splits: "because of series 'cup|north', which has a bar in its name",
    Divides: "because of series 'zeros', which sold nothing: ZeroDivisionError: float division by zero",
    Outside: "Its point forecast lies outside its 90 % interval",
    OneEnd: "Its interval has one end only: 'wrong-lo-90'",
    Crossing: "Its quantiles cross: 'wrong-q0.1' is above 'wrong-q0.9'",
    Odd: "a column 'wrong-upper', which is no part of a forecast",
    TwoMeans: "Its point is a mean, and it gives 'wrong-mean' beside it",
    Forgetful: "Saved and loaded, it forecasts otherwise",
    Unpacked: "when it is saved and loaded: 'wrong' cannot be saved: what it learnt is a object",
    lambda: Lossy(5): "Its settings do not come back",
}


@pytest.fixture
def registered() -> Iterator[Callable[[type], None]]:
    """Registers a class under the name "wrong" until the test is over."""
    kept = dict(REGISTERED)

    def put(kind: type) -> None:
        REGISTERED["wrong"] = kind

    yield put
    REGISTERED.clear()
    REGISTERED.update(kept)


def test_a_sound_one_passes_without_a_word(
    registered: Callable[[type], None], capfd: pytest.CaptureFixture[str]
) -> None:
    registered(Sound)
    check_forecaster(Sound())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("make", "words"), WRONG.items(), ids=[words[:40] for words in WRONG.values()])
def test_each_fault_gets_its_sentence(
    make: Callable[[], Forecaster], words: str, registered: Callable[[type], None]
) -> None:
    made = make()
    registered(type(made))
    with pytest.raises(DataError) as caught:
        check_forecaster(made)
    lines = str(caught.value).splitlines()
    assert "does not keep the contract of forecasters:" in lines[0]
    assert any(line.startswith("- ") and words in line for line in lines[1:]), "\n".join(lines)
    assert len(lines) == len(set(lines)), "a fault on both panels is said once"


def test_one_report_lists_all_that_is_missing() -> None:
    class Many(Crossing):
        name = "nobody"

        def answer(self, *given: Any) -> Any:
            return super().answer(*given) + DRAWN.random()

    with pytest.raises(DataError) as caught:
        check_forecaster(Many())
    text = str(caught.value)
    for words in ("No class is registered under the name 'nobody'", "Two fits", "Its quantiles cross"):
        assert words in text


def test_what_is_no_forecaster_is_refused() -> None:
    for given, words in ((Sound, "is a class"), (3, "this is no forecaster")):
        with pytest.raises(DataError, match=words):
            check_forecaster(given)  # type: ignore[arg-type]


def test_a_column_that_the_invented_panels_lack(registered: Callable[[type], None]) -> None:
    class Weather(Sound):
        known_ahead = also_known = ("rain",)

    registered(Weather)
    with pytest.raises(DataError, match=r"no column 'rain'\. Hand in one that has it: panel="):
        check_forecaster(Weather())
    panel = panel_of("naive")
    check_forecaster(Weather(), panel.assign(rain=1.0))


@pytest.mark.parametrize("name", QUICK)
def test_the_packages_own_keep_the_contract(name: str) -> None:
    check_forecaster(QUICK[name](), panel_of(name) if name in OF_REGIONS else None)
