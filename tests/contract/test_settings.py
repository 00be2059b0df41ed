"""Settings come back from plain values as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ecomlib.contract.settings import rebuilt
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
