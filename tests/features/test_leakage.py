"""Change everything after a cut, and prove that nothing known at the cut changes.

Each public function of panel and features (and the splits of windows) has a case here that says which rows it claims to
know at the cut; a function without a case fails the test, and so does a case whose future does not matter at all.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from small_shop import FIRST, make_shop

from ecomlib import features, panel, windows
from ecomlib.panel import KNOWN_AHEAD, check_panel, make_panel
from ecomlib.stores import Store
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet, split

WEEK, DAY = pd.Timedelta(weeks=1), pd.Timedelta(days=1)
CUT = FIRST + 56 * WEEK  # the moment at which we stand: a Monday, 0:00; the last week known began seven days before
RETURNS_AFTER = pd.Timedelta("30D")


def other_future(store: Store, seed: int = 99) -> Store:
    """The same shop up to the cut, and another one after it: other lines, returns, reviews, stock and launches."""
    rng = np.random.default_rng(seed)
    lines = store.orders.copy()
    after = (lines["ordered_at"] >= CUT).to_numpy()
    n = int(after.sum())
    for column in ("product_id", "customer_id", "region_id", "order_id"):
        lines.loc[after, column] = rng.permutation(lines.loc[after, column].to_numpy())
    lines.loc[after, "quantity"] = rng.integers(1, 90, n)
    lines.loc[after, "unit_price"] = rng.uniform(1, 90, n)
    unknown = (lines["ordered_at"] + RETURNS_AFTER >= CUT).to_numpy()
    lines.loc[unknown, "returned"] = ~lines.loc[unknown, "returned"]
    keep = ~after | (rng.random(len(lines)) < 0.7)
    # The store goes on to its last day in both futures, so that both panels end alike.
    keep |= lines["ordered_at"].dt.normalize() == lines["ordered_at"].max().normalize()
    products, reviews, stock = store.products.copy(), store.reviews.copy(), store.inventory.copy()
    products.loc[products["launched_on"] >= CUT, "launched_on"] += 3 * WEEK
    late = (reviews["written_at"] + DAY >= CUT).to_numpy()
    reviews.loc[late, "rating"] = 6 - reviews.loc[late, "rating"]
    late = (stock["date"] >= CUT).to_numpy()
    for column in ("on_hand_start", "sold"):
        stock.loc[late, column] = rng.integers(0, 9, int(late.sum()))
    orders = lines[keep].sample(frac=1, random_state=seed).reset_index(drop=True)
    return dataclasses.replace(store, products=products, orders=orders, reviews=reviews, inventory=stock)


def shop() -> Store:
    """With a product that is launched only after the cut."""
    store = make_shop(3)
    products = store.products.assign(
        launched_on=store.products["launched_on"].mask(store.products["product_id"] == "P6", CUT + WEEK)
    )
    return dataclasses.replace(store, products=products)


def weekly(store: Store, **options: object) -> pd.DataFrame:
    return make_panel(store, "W-MON", ("product_id", "region_id"), **options)  # type: ignore[arg-type]


def rows_at(store: Store) -> pd.DataFrame:
    """Questions asked at the start of each week, of the same products in any future."""
    grid = pd.MultiIndex.from_product([store.products["product_id"], pd.date_range(FIRST, CUT + 10 * WEEK, freq="7D")])
    return grid.to_frame(index=False, name=["product_id", "ds"])


@dataclass(frozen=True)
class Case:
    """``make`` gives a frame with ``ds``; rows before ``until`` are claimed to be known at the cut."""

    make: Callable[[Store], pd.DataFrame]
    until: pd.Timestamp
    columns: tuple[str, ...] | None = None  # None: all
    timeless: bool = False  # knows the future rightly: nothing need change after ``until``


def with_rows(rows: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows[[c for c in ("unique_id", "product_id", "ds") if c in rows]], made], axis=1)


def per_row(function: Callable[[Store, pd.DataFrame], pd.DataFrame]) -> Callable[[Store], pd.DataFrame]:
    return lambda store: with_rows(rows_at(store), function(store, rows_at(store)))


def on_panel(function: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Store], pd.DataFrame]:
    return lambda store: with_rows(weekly(store), function(weekly(store)))


def first_rows(store: Store) -> pd.DataFrame:
    made = weekly(store)
    return made.loc[check_panel(made)[0][:-1], ["unique_id", "ds"]].assign(freq=check_panel(made)[1])


def begun(function: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Store], pd.DataFrame]:
    """Keep the series that have begun at the cut: when others will begin, and at what price, is not known."""

    def made(store: Store) -> pd.DataFrame:
        rows = weekly(store)
        rows = rows[rows.groupby("unique_id")["ds"].transform("min") < CUT].reset_index(drop=True)
        return with_rows(rows, function(rows))

    return made


def lines_known(store: Store) -> pd.DataFrame:
    """What is known of the lines, as means by product and moment: two lines of one moment have no order."""
    came = store.orders["ordered_at"] + RETURNS_AFTER
    lines = store.orders.assign(returned_at=came.where(store.orders["returned"].eq(True)))
    known = features.line_history(lines).assign(product_id=lines["product_id"], ds=lines["ordered_at"])
    return known.groupby(["product_id", "ds"], as_index=False).mean()


AT_START = CUT + DAY  # a row at the very cut may use what came before it
CASES: dict[str, list[Case]] = {
    "make_panel": [
        Case(weekly, CUT),
        Case(lambda s: weekly(s, begin="sale"), CUT),
        Case(lambda s: weekly(s, fill="nan", first="drop", ahead=2), CUT),
        Case(lambda s: make_panel(s, "D"), CUT),
        Case(lambda s: make_panel(s, "MS", ("category", "name")), CUT.replace(day=1)),
    ],
    "check_panel": [Case(first_rows, CUT, timeless=True)],
    "frequency": [Case(lambda s: first_rows(s).assign(freq=panel.frequency(weekly(s))), CUT, timeless=True)],
    "join_id": [
        Case(on_panel(lambda p: panel.join_id(p[["product_id", "region_id"]]).to_frame("id")), CUT, timeless=True)
    ],
    "split_id": [
        Case(
            lambda s: weekly(s)[["unique_id", "ds"]].join(panel.split_id(weekly(s)["unique_id"], ["a", "b"])),
            CUT,
            timeless=True,
        )
    ],
    "usual_price": [  # the plan is the same in both futures; what was paid is not
        Case(begun(features.usual_price), CUT + 10 * WEEK, timeless=True),
        Case(on_panel(lambda p: features.usual_price(p, "price_paid")), CUT),
    ],
    "relative_price": [
        Case(begun(features.relative_price), CUT + 10 * WEEK, timeless=True),
        Case(on_panel(lambda p: features.relative_price(p, "price_paid")), CUT),
    ],
    "known_ahead": [Case(lambda s: weekly(s)[["unique_id", "ds", *panel.known_ahead(weekly(s))]], CUT, timeless=True)],
    "period_index": [
        Case(per_row(lambda s, r: pd.DataFrame({"n": panel.period_index(r["ds"], "W-MON")})), AT_START, timeless=True)
    ],
    "period_start": [
        Case(
            per_row(lambda s, r: pd.DataFrame({"t": panel.period_start(panel.period_index(r["ds"], "MS"), "MS")})),
            AT_START,
            timeless=True,
        )
    ],
    "as_of_join": [
        Case(
            per_row(
                lambda s, r: features.as_of_join(
                    r, s.reviews, on=("ds", "written_at"), by="product_id", known_after="1D", columns=["rating"]
                )[["rating"]]
            ),
            AT_START,
        ),
        Case(
            per_row(
                lambda s, r: features.as_of_join(r, s.orders, on=("ds", "ordered_at"), columns=["unit_price"])[
                    ["unit_price"]
                ]
            ),
            AT_START,
        ),
    ],
    "counts": [
        Case(per_row(lambda s, r: features.counts(s.orders, r)), AT_START),
        Case(per_row(lambda s, r: features.counts(s.orders, r, within="28D", known_after="2D")), CUT + 3 * DAY),
    ],
    "customer_panel": [  # its y is a label: known when the weeks that it looks at are over
        Case(lambda s: features.customer_panel(s, ahead=3).drop(columns="y"), CUT),
        Case(lambda s: features.customer_panel(s, ahead=3)[["unique_id", "ds", "y"]], CUT - 2 * WEEK),
    ],
    "recency": [Case(per_row(lambda s, r: features.recency(s.orders, r)), AT_START)],
    "return_rate": [
        Case(per_row(lambda s, r: features.return_rate(s.orders, r)), AT_START),
        Case(per_row(lambda s, r: features.return_rate(s.orders, r, prior=(1, 9))), AT_START),
    ],
    "calendar": [
        Case(per_row(lambda s, r: features.calendar(r["ds"], "W-MON")), CUT + 500 * DAY, timeless=True),
        Case(on_panel(features.calendar), CUT + 500 * DAY, timeless=True),
    ],
    "demand_classes": [  # at the last week that is known, and at one to come
        Case(
            lambda s: pd.concat(
                [features.demand_classes(weekly(s), at).assign(ds=at) for at in (CUT - WEEK, CUT + 8 * WEEK)],
                ignore_index=True,
            ),
            CUT,
        )
    ],
    "line_history": [Case(lambda s: lines_known(s), CUT)],
    "table_rate": [
        Case(
            lambda s: lines_known(s).assign(
                rate=lambda f: features.table_rate(f["product_lines"], f["product_returns"], f["hour"] / 24, 5.0)
            )[["product_id", "ds", "rate"]],
            CUT,
        )
    ],
    "lags": [
        Case(on_panel(lambda p: features.lags(p, ewm=(0.3,))), CUT + WEEK),
        Case(on_panel(lambda p: features.lags(p, horizon=4, ewm=(0.3,))), CUT + 4 * WEEK),
    ],
    "last_year": [Case(on_panel(features.last_year), CUT + 11 * WEEK, timeless=True)],
    "split": [Case(lambda s: split(weekly(s), CUT - WEEK, 4)[0], CUT, timeless=True)],
}


def differences(case: Case, one: Store, two: Store) -> tuple[str | None, bool]:
    """What differs among the rows claimed to be known, if anything; and whether anything differs later.

    Up to the cut the rows themselves must agree. After it a new series may begin in one future and not in the other;
    what both have must agree up to ``until``. Sums over lines in another order may differ in the last digits.
    """
    made = [case.make(store) for store in (one, two)]
    key = [column for column in ("unique_id", "product_id", "region_id", "category", "name", "ds") if column in made[0]]
    a, b = (frame.set_index(key).sort_index() for frame in made)
    when = [frame.index.get_level_values("ds") for frame in (a, b)]
    if not a.index[when[0] < min(CUT, case.until)].equals(b.index[when[1] < min(CUT, case.until)]):
        return "other rows", True
    shared = a.index.intersection(b.index)
    known = shared[shared.get_level_values("ds") < case.until]
    try:
        pd.testing.assert_frame_equal(a.loc[known], b.loc[known], rtol=1e-9, atol=1e-9)
    except AssertionError as error:
        return str(error), True
    return None, not a[when[0] >= case.until].equals(b[when[1] >= case.until])


def public_functions() -> list[str]:
    named = [(module, name) for module in (panel, features, windows) for name in module.__all__]
    # The leak test itself makes no feature: it reads both futures on purpose.
    return [name for module, name in named if inspect.isfunction(getattr(module, name)) and name != "find_leaks"]


def test_modules_name_all_that_is_public() -> None:
    for module in (panel, features, windows):
        made = {n: f.__module__ for n, f in vars(module).items() if inspect.isfunction(f)}
        own = {n for n, home in made.items() if f"{home}.".startswith(f"{module.__name__}.")}
        assert {name for name in own if not name.startswith("_")} <= set(module.__all__)


@pytest.fixture(scope="module")
def futures() -> tuple[Store, Store]:
    return shop(), other_future(shop())


@pytest.mark.parametrize("name", public_functions())
def test_no_feature_changes_when_the_future_does(name: str, futures: tuple[Store, Store]) -> None:
    assert name in CASES, f"{name} has no case: say which of its rows are known at the cut"
    for case in CASES[name]:
        known, later = differences(case, *futures)
        assert known is None, f"{name} sees the future:\n{known}"
        assert later or case.timeless, f"{name}: the future changed nothing, so this case proves nothing"


def per_series(made: pd.DataFrame, function: Callable[[pd.Series], object]) -> pd.Series:
    return made["y"].groupby(made["unique_id"]).transform(function)


LEAKY: dict[str, Callable[[Store], pd.DataFrame]] = {
    "mean over all time": on_panel(lambda p: per_series(p, lambda y: y.expanding().mean().iloc[-1])),
    "rolling mean with today": on_panel(lambda p: per_series(p, lambda y: y.rolling(4).mean())),
    "centred window": on_panel(lambda p: per_series(p, lambda y: y.rolling(3, center=True).mean())),
    "scaled by all rows": on_panel(lambda p: (p[["y"]] - p["y"].mean()) / p["y"].std()),
    "returns known at once": per_row(lambda s, r: features.return_rate(s.orders, r, returns_known_after="0D")),
    "reviews known before they are read": per_row(
        lambda s, r: features.as_of_join(
            r, s.reviews.assign(written_at=s.reviews["written_at"] - 9 * DAY), on=("ds", "written_at"), by="product_id"
        )[["rating"]]
    ),
    "same moment of a daily sum": per_row(
        lambda s, r: features.as_of_join(
            r,
            make_panel(s, "D").rename(columns={"ds": "day"}),
            on=("ds", "day"),
            by="product_id",
            columns=["y"],
            same_moment=True,
        )[["y"]]
    ),
    "usual price of all time": on_panel(
        lambda p: p[["price_paid"]] / p.groupby("unique_id")[["price_paid"]].transform("mean")
    ),
    "only products that will sell": lambda s: weekly(s).loc[lambda p: per_series(p, lambda y: [y.sum()] * len(y)) > 40],
}


@pytest.mark.parametrize("name", LEAKY)
def test_the_shuffle_catches_leaks(name: str, futures: tuple[Store, Store]) -> None:
    """The test above can fail: here are the mistakes that people make."""
    known, _ = differences(Case(LEAKY[name], AT_START), *futures)
    assert known is not None


PAST_ONLY = ("y", "orders", "customers", "price_paid", "stockout", "unstocked")


def test_columns_are_known_when_their_names_say(futures: tuple[Store, Store]) -> None:
    """Columns in KNOWN_AHEAD are the same after the cut, where both futures have the row; the others are not."""
    made = [weekly(store).set_index(["unique_id", "ds"]) for store in futures]
    both = made[0].index.intersection(made[1].index)
    both = both[both.get_level_values("ds") >= CUT]
    for column in made[0].columns.difference(["product_id", "region_id"]):
        same = made[0].loc[both, column].equals(made[1].loc[both, column])
        assert same == (column in KNOWN_AHEAD), column
        assert (column in KNOWN_AHEAD) != (column in PAST_ONLY), column


@pytest.mark.parametrize("scale", ["none", "mean_abs", "log1p_mean", "log1p_shift"])
def test_no_window_sees_past_its_origin(scale: str, futures: tuple[Store, Store]) -> None:
    """Windows that end at the cut, and all that a split gives for training, are the same in both futures."""
    settings = WindowSettings(
        8,
        4,
        past=PAST_ONLY,
        future=("price", "promoted", "last_year", "week_sin"),
        static=("category",),
        scale=scale,  # type: ignore[arg-type]
    )
    sets = []
    for store in futures:
        made = weekly(store)
        made["price_paid"] = made["price_paid"].fillna(0)
        made = made.join(features.last_year(made)).join(features.calendar(made["ds"], "W-MON"))
        made = made[~made["unique_id"].str.startswith("P6")].merge(store.products[["product_id", "category"]])
        sets.append(WindowSet.from_panel(made.sort_values(["unique_id", "ds"], ignore_index=True), settings))
    now = [s.at(CUT - WEEK) for s in sets]
    assert list(now[0].ids[now[0].series]) == list(now[1].ids[now[1].series]) and len(now[0]) > 10
    one, two = (s.batch(torch.arange(len(s))) for s in now)
    for name in ("x", "seen", "f", "z", "scale"):
        assert torch.equal(getattr(one, name), getattr(two, name)), name
    assert not torch.equal(one.y, two.y)
    train = [s.split(CUT - WEEK, 4)[0] for s in sets]
    frames = [s.frame() for s in train]
    pd.testing.assert_frame_equal(*frames)
    assert frames[0]["ds"].max() == CUT - WEEK
    one, two = (s.batch(torch.arange(len(s))) for s in train)
    for name in ("x", "seen", "f", "z", "scale", "y", "target", "mask"):
        assert torch.equal(getattr(one, name), getattr(two, name)), name
