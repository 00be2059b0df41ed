"""Settings come back from plain values as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pytest

from ecomlib.contract.settings import checked_types, rebuilt
from ecomlib.errors import DataError
from ecomlib.windowing import WindowSettings


@dataclass(frozen=True)
class Inner:
    lags: tuple[int, ...] = (1, 2)
    window: WindowSettings | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    many: tuple[Inner, ...] = ()
    by_name: Mapping[str, Inner] = field(default_factory=dict)
    places: tuple[tuple[str, int], ...] = ()
    numbers: list[int] = field(default_factory=list)
    free: Any = None


def test_dataclasses_tuples_and_mappings_come_back() -> None:
    inner = Inner((3,), WindowSettings(8, 2, future=("price",), static=("kind",)))
    for given in (Outer(), Outer(inner, (inner, Inner()), {"a": inner}, (("n", 1),), [1, 2], (1, (2, 3)))):
        plain = json.loads(json.dumps(asdict(given)))
        assert Outer(**rebuilt(Outer, plain)) == given


def test_a_hint_that_only_a_type_checker_knows_leaves_its_value_plain() -> None:
    @dataclass(frozen=True)
    class Hidden:
        shape: Unknown = None  # noqa: F821
        lags: tuple[int, ...] = ()

    assert Hidden(**rebuilt(Hidden, {"shape": {"a": [1]}, "lags": [1, 2]})) == Hidden({"a": (1,)}, (1, 2))


@dataclass(frozen=True)
class Plain:
    window: int = 8
    rate: float = 0.5
    name: str = "mean"
    fast: bool = False
    how: Literal["mean", "median"] = "mean"
    season: int | None = None
    levels: tuple[float, ...] = (90,)
    pair: tuple[str, int] = ("a", 1)
    free: Any = None
    shape: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked_types(self)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"window": "4"}, r"'window' of Plain is a whole number \(found '4'\).*write window=4\."),
        ({"window": 4.0}, r"write window=8\."),
        ({"window": True}, r"a whole number"),
        ({"window": None}, r"a whole number"),
        ({"rate": "fast"}, r"'rate' of Plain is a number.*write rate=0\.5"),
        ({"name": 3}, r"is a text"),
        ({"fast": 1}, r"is True or False"),
        ({"how": "meen"}, r"one of 'mean', 'median' .*write how='mean'"),
        ({"how": "sum"}, r"write how='mean' or 'median'"),
        ({"season": "52"}, r"a whole number or None.*write season=52"),
        ({"levels": 90}, r"write levels=\(90,\)"),
        ({"levels": ("90",)}, r"a tuple, each part a number"),
        ({"pair": ("a",)}, r"a tuple of 2 parts"),
    ],
)
def test_a_setting_of_another_type_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Plain(**settings)


def test_what_means_the_same_is_taken() -> None:
    Plain(np.int64(4), 1, "x", np.bool_(True), "median", 52, [80, np.float32(90)], ["a", 2], object(), {"a": "b"})  # type: ignore[arg-type]
