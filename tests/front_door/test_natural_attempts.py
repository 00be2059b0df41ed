"""What users of pandas and of other forecasting libraries try first: it works, or an error of ours names the remedy."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ecomlib
from ecomlib import EcomlibError, Store, WindowSet, WindowSettings, make_panel
from ecomlib.contract import FittedForecaster, load_plugins
from ecomlib.decisions.registry import Options, decide
from ecomlib.ensemble import Average, Conformal
from ecomlib.evaluation import score, wape
from ecomlib.features import as_of_join, calendar, counts, lags, last_year, recency, relative_price
from ecomlib.forecasting import backtest, forecaster, load, save
from ecomlib.models import NETWORKS, GRUNetwork
from ecomlib.models.baselines import Naive, WindowMean
from ecomlib.panel import check_panel, frequency
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windows import split

WEEKS = pd.date_range("2024-01-01", periods=20, freq="7D")
PRODUCTS = ("cup", "mug", "pot")


def shop() -> Store:
    """Three products, each sold on most days of twenty weeks, and their plan of prices."""
    days = pd.date_range("2024-01-01", periods=140)
    every = pd.MultiIndex.from_product([PRODUCTS, days], names=["product_id", "ordered_at"]).to_frame(index=False)
    orders = every.assign(
        order_id=[f"O{row}" for row in range(len(every))],
        quantity=1 + every.index % 3,
        unit_price=5.0,
        region_id=np.where(every.index % 2, "north", "south"),
        returned=False,
    )
    plan = every.rename(columns={"ordered_at": "date"}).assign(unit_price=5.0, promoted=False)
    products = pd.DataFrame({"product_id": PRODUCTS, "title": ["a cup", "a mug", "a pot"]})
    return Store("corner shop", products, orders, prices=plan)


STORE = shop()
PANEL = make_panel(STORE)
NAIVE = forecaster("naive")
FITTED = NAIVE.fit(PANEL, horizon=4)
TABLE = backtest(PANEL, ["naive", "window_mean"], origins=3, horizon=2)
WINDOWS = WindowSet.from_panel(PANEL, WindowSettings(look_back=4, horizon=2))
ELSEWHERE = PANEL[["unique_id", "ds", "y"]].rename(columns={"unique_id": "item_id", "ds": "date", "y": "sales"})
WIDE = PANEL.set_index(["ds", "unique_id"])["y"].unstack()  # noqa: PD010, as a user makes it
POLARS = type("DataFrame", (), {"to_pandas": lambda self: PANEL, "columns": list(PANEL.columns)})()
SKLEARN = SimpleNamespace(fit=lambda x, y: None, predict=lambda x: None)


def columns(*names: str) -> Callable[[Any], bool]:
    return lambda frame: set(names) <= set(frame.columns) and len(frame) > 0


# (what is tried, how, and what must come of it: a check of the result, or a piece of the remedy).
ATTEMPTS: list[tuple[str, Callable[[], Any], Callable[[Any], bool] | str]] = [
    # The package itself, as other libraries are used.
    ("ecomlib.nonsense", lambda: ecomlib.nonsense, "dir(ecomlib)"),
    ("ecomlib.make_pannel", lambda: ecomlib.make_pannel, "did you mean make_panel"),
    ("ecomlib.fit", lambda: ecomlib.fit, 'ecomlib.forecaster("gru").fit(panel, horizon=4)'),
    ("ecomlib.predict", lambda: ecomlib.predict, ".forecast()"),
    ("ecomlib.read_csv", lambda: ecomlib.read_csv("orders.csv"), 'ecomlib.load_store("folder")'),
    ("ecomlib.NeuralForecast", lambda: ecomlib.NeuralForecast(models=[], freq="W"), 'ecomlib.forecaster("gru")'),
    ("ecomlib.StatsForecast", lambda: ecomlib.StatsForecast, 'ecomlib.forecaster("gru")'),
    ("ecomlib.TimeSeries", lambda: ecomlib.TimeSeries.from_dataframe(PANEL), "ecomlib.make_panel(store)"),
    ("ecomlib.Prophet", lambda: ecomlib.Prophet().fit(PANEL), ".fit(panel, horizon=4)"),
    ("ecomlib.GRU", lambda: ecomlib.GRU(h=4), 'ecomlib.forecaster("gru")'),
    ("ecomlib.train_test_split", lambda: ecomlib.train_test_split, "ecomlib.windows.split"),
    ("ecomlib.cross_validation", lambda: ecomlib.cross_validation, "ecomlib.backtest"),
    ("ecomlib.features", lambda: ecomlib.features.calendar(PANEL), columns("holidays")),
    ("ecomlib.causal", lambda: ecomlib.causal, lambda room: room.__name__ == "ecomlib.causal"),
    # Stores.
    ('load_store("")', lambda: ecomlib.load_store(""), "simulated, tiny"),
    ("load_store(None)", lambda: ecomlib.load_store(None), "simulated, tiny"),
    ('load_store("tinny")', lambda: ecomlib.load_store("tinny"), "did you mean tiny"),
    ('load_store("Tiny")', lambda: ecomlib.load_store("Tiny"), "did you mean tiny"),
    ("a folder that is not", lambda: ecomlib.load_store("folder/that/is/not"), "products.csv and orders.csv"),
    ("a file for a folder", lambda: ecomlib.load_store(__file__), "name the folder that it is in"),
    ("load_store(frame)", lambda: ecomlib.load_store(STORE.orders), "Store(name, products, orders)"),
    ('load_store("tiny", "full")', lambda: ecomlib.load_store("tiny", "full"), "size='small'"),
    ("load_store(nrows=)", lambda: ecomlib.load_store("tiny", nrows=10), "start=…"),
    ("Store.from_csv", lambda: Store.from_csv("orders.csv"), "Store.from_directory(folder)"),
    ("Store(orders=)", lambda: Store(orders=STORE.orders), "Store(name, products, orders"),
    ("Store(path=)", lambda: Store(path="shop"), "Store.from_directory(folder)"),
    ('store["orders"]', lambda: STORE["orders"], "write store.orders"),
    ("for row in store", lambda: list(STORE), "its tables are products"),
    ("store.orders.quantity", lambda: STORE.orders.quantity, lambda units: units.sum() > 0),
    ("store.order", lambda: STORE.order, "did you mean orders"),
    ("store.sales", lambda: STORE.sales, "store.orders"),
    ("store.plot()", lambda: STORE.plot(), "ecomlib.plots"),
    ("store.head()", lambda: STORE.head(), "store.orders.head()"),
    ("store.to_csv()", lambda: STORE.to_csv("shop.csv"), "store.to_directory(folder)"),
    ("if store", lambda: bool(STORE), lambda truth: truth is True),  # though it has no length
    ("len(store)", lambda: len(STORE), "len(store.orders)"),
    # Panels.
    ('make_panel(by="product_id")', lambda: make_panel(STORE, by="product_id"), columns("unique_id", "ds", "y")),
    ('make_panel("W")', lambda: make_panel(STORE, "W"), columns("y")),
    ('make_panel(freq="weekly")', lambda: make_panel(STORE, freq="weekly"), columns("y")),
    ("make_panel(frequency=)", lambda: make_panel(STORE, frequency="W"), "it is called freq here"),
    ("make_panel(groupby=)", lambda: make_panel(STORE, groupby="region_id"), "it is called by here"),
    ("make_panel(horizon=)", lambda: make_panel(STORE, horizon=4), "ahead=4"),
    ("make_panel(freqq=)", lambda: make_panel(STORE, freqq="W"), "did you mean freq?"),
    ("make_panel()", lambda: make_panel(), "write make_panel(store"),
    ("make_panel(orders)", lambda: make_panel(STORE.orders), "load_store"),
    ("make_panel(panel)", lambda: make_panel(PANEL), "this is a panel already"),
    ('make_panel("tiny")', lambda: make_panel("tiny"), "load one with load_store"),
    ('make_panel(by="product")', lambda: make_panel(STORE, by="product"), "product_id"),
    ('make_panel("Q")', lambda: make_panel(STORE, "Q"), "monthly panel"),
    ('make_panel(start="soon")', lambda: make_panel(STORE, start="soon"), '"2024-01-31"'),
    ("make_panel(end=tz)", lambda: make_panel(STORE, end=pd.Timestamp("2024-03-04", tz="UTC")), '"2024-03-04"'),
    ("make_panel(end=4)", lambda: make_panel(STORE, end=4), '"2024-01-31"'),
    ("frequency(None)", lambda: frequency(None), "make_panel(store)"),
    ("frequency(store)", lambda: frequency(STORE), "panel = make_panel(store)"),
    ("a panel in the index", lambda: check_panel(PANEL.set_index(["unique_id", "ds"])), "panel.reset_index()"),
    ("a wide table", lambda: check_panel(WIDE), "melt"),
    # Features.
    ("calendar(panel)", lambda: calendar(PANEL), columns("holidays")),
    ('calendar("2024-01-01", "D")', lambda: calendar("2024-01-01", "D"), 'calendar(["2024-01-01"], "D")'),
    ('calendar(["2024-01-01"], "D")', lambda: calendar(["2024-01-01"], "D"), columns("holidays")),
    ('calendar(None, "W")', lambda: calendar(None, "W"), "calendar(panel)"),
    ("calendar(store)", lambda: calendar(STORE), "calendar(make_panel(store))"),
    ('calendar(panel["ds"])', lambda: calendar(PANEL["ds"]), 'calendar(dates, "W-MON")'),
    ("calendar(country=)", lambda: calendar(PANEL, country="DE"), "holidays="),
    ("calendar of words", lambda: calendar(PANEL["unique_id"], "D"), "pd.to_datetime"),
    ("lags(panel, 3)", lambda: lags(PANEL, 3), "lags=(3,)"),
    ("lags(panel, rolling=)", lambda: lags(PANEL, rolling=4), "windows=(4, 12)"),
    ('lags(column="sales")', lambda: lags(PANEL, column="sales"), "it has unique_id"),
    ("last_year(array)", lambda: last_year(PANEL["y"].to_numpy()), "make_panel(store)"),
    ("relative_price of text", lambda: relative_price(PANEL, "product_id"), 'pd.to_numeric(panel["product_id"])'),
    ("relative_price(column=)", lambda: relative_price(PANEL, "prize"), "did you mean price"),
    ("as_of_join(key=)", lambda: as_of_join(PANEL, STORE.orders, key="product_id", on="ds"), "it is called by here"),
    ("counts(store)", lambda: counts(STORE, PANEL), "store.orders"),
    ("recency()", lambda: recency(STORE.orders), "needs 'at'"),
    # Frames that are nearly panels.
    ("columns of elsewhere", lambda: NAIVE.fit(ELSEWHERE, horizon=4), "'item_id': 'unique_id', 'date': 'ds'"),
    ("dates as text", lambda: NAIVE.fit(PANEL.assign(ds=PANEL["ds"].astype(str)), horizon=4), "pd.to_datetime"),
    ("units as text", lambda: NAIVE.fit(PANEL.assign(y=PANEL["y"].astype(str)), horizon=4), "pd.to_numeric"),
    ("a time zone", lambda: NAIVE.fit(PANEL.assign(ds=PANEL["ds"].dt.tz_localize("UTC")), horizon=4), "tz_localize"),
    ("fit(series)", lambda: NAIVE.fit(PANEL["y"], horizon=4), "one series is a panel too"),
    ("fit(array)", lambda: NAIVE.fit(np.ones(8), horizon=4), "pd.DataFrame("),
    ("fit(polars)", lambda: NAIVE.fit(POLARS, horizon=4), "to_pandas()"),
    ("fit(store)", lambda: NAIVE.fit(STORE, horizon=4), "panel = make_panel(store)"),
    ("an empty panel", lambda: NAIVE.fit(PANEL.iloc[:0], horizon=4), "make_panel"),
    ("rows in any order", lambda: NAIVE.fit(PANEL[::-1], horizon=4).forecast(), columns("naive")),
    # Forecasters.
    ('forecaster("GRU")', lambda: forecaster("GRU"), "did you mean gru"),
    ('forecaster("naiv")', lambda: forecaster("naiv"), "did you mean naive"),
    ("forecaster(Naive)", lambda: forecaster(Naive), "take one of naive"),
    ("forecaster()", lambda: forecaster(), 'forecaster("naive")'),
    ("fit without horizon", lambda: NAIVE.fit(PANEL), "write fit(panel, horizon=4)"),
    ("fit(h=4)", lambda: NAIVE.fit(PANEL, h=4), "it is called horizon here"),
    ("fit(X, y)", lambda: NAIVE.fit(PANEL, PANEL), "the panel comes first"),
    ("fit(freq=)", lambda: NAIVE.fit(df=PANEL, horizon=4), "it is called panel here"),
    ('horizon="4"', lambda: NAIVE.fit(PANEL, horizon="4"), "fit(panel, horizon=4)"),
    ("horizon=-1", lambda: NAIVE.fit(PANEL, horizon=-1), "fit(panel, horizon=4)"),
    ("horizon=4.0", lambda: NAIVE.fit(PANEL, horizon=4.0), "fit(panel, horizon=4)"),
    ("until=a Tuesday", lambda: NAIVE.fit(PANEL, horizon=4, until="2024-03-05"), "rolling_origins"),
    ("model.predict", lambda: NAIVE.predict(4), "fit it first"),
    ("model.forecast", lambda: NAIVE.forecast(PANEL), "fit it first"),
    ("Forecaster()", lambda: ecomlib.Forecaster().fit(PANEL, horizon=4), "answer"),
    ("FittedForecaster(naive)", lambda: FittedForecaster(NAIVE), ".fit(panel, horizon=4)"),
    ("fitted.predict(4)", lambda: FITTED.predict(4), "fitted.forecast()"),
    ("fitted.forecast(h=4)", lambda: FITTED.forecast(h=4), "fit(panel, horizon=4).forecast()"),
    ("fitted.forecast(4)", lambda: FITTED.forecast(4), "fit(panel, horizon=4).forecast()"),
    ("fitted.forecast(date)", lambda: FITTED.forecast("2024-05-13"), "at="),
    ("fitted.forecast(level=)", lambda: FITTED.forecast(level=90), "conformal"),
    ("fitted.forecast()", lambda: FITTED.forecast(), columns("unique_id", "ds", "cutoff", "naive")),
    ("forecast from the past", lambda: FITTED.forecast(at="2024-03-04"), "until="),
    ("a daily panel", lambda: FITTED.forecast(make_panel(STORE, "D")), "same frequency"),
    ("fitted.plot()", lambda: FITTED.plot(), "plots.fan(panel, fitted.forecast()"),
    ("fitted.save()", lambda: FITTED.save("model"), "save(fitted, folder)"),
    # Backtests and files.
    ('backtest(panel, "naive")', lambda: backtest(PANEL, "naive"), columns("y", "naive")),
    ("backtest([Naive])", lambda: backtest(PANEL, [Naive]), "make one: Naive()"),
    ("backtest(fitted)", lambda: backtest(PANEL, FITTED), "fitted.forecaster"),
    ("backtest(sklearn)", lambda: backtest(PANEL, [SKLEARN]), "learn and answer"),
    ("backtest(store)", lambda: backtest(STORE, "naive"), "panel = make_panel(store)"),
    ("backtest(model, panel)", lambda: backtest("naive", PANEL), "the panel comes first"),
    ("backtest(h=4)", lambda: backtest(PANEL, "naive", h=4), "it is called horizon here"),
    ("backtest(models=)", lambda: backtest(PANEL, models=["naive"]), "it is called forecasters here"),
    ("backtest(n_windows=)", lambda: backtest(PANEL, "naive", n_windows=3), "it is called origins here"),
    ('backtest(origins="2024-03-04")', lambda: backtest(PANEL, "naive", origins="2024-03-04"), "origins=["),
    ("backtest(origins=400)", lambda: backtest(PANEL, "naive", origins=400), "fewer origins"),
    ("backtest(horizon=0)", lambda: backtest(PANEL, "naive", horizon=0), "horizon=4"),
    ("rolling_origins(panel)", lambda: ecomlib.rolling_origins(PANEL), "rolling_origins(panel, horizon, count"),
    ("save(unfitted)", lambda: save(NAIVE, "model"), "save what fit returned"),
    ("save(path, model)", lambda: save("model", FITTED), "save what fit returned"),
    ('load("nowhere")', lambda: load("nowhere"), "ecomlib.save"),
    # Scores.
    ("score(table)", lambda: score(TABLE, train=PANEL), columns("model", "metric", "value")),
    ("score(panel)", lambda: score(PANEL), "backtest(panel"),
    ("score(y, yhat)", lambda: score(TABLE["y"], TABLE["naive"]), "what backtest returned"),
    ("score(y_true=)", lambda: score(y_true=TABLE["y"], y_pred=TABLE["naive"]), "score(backtest("),
    ("score(forecast)", lambda: score(FITTED.forecast()), "a forecast has no y"),
    ("score(model)", lambda: score(FITTED), "what backtest returned"),
    ('score(metrics="wape")', lambda: score(TABLE, metrics="wape"), 'metrics=["wape"]'),
    ('score(metrics=["mape"])', lambda: score(TABLE, metrics=["mape"]), "choose one of mae"),
    ("score without train", lambda: score(TABLE, metrics=["rmsse"]), "train="),
    ("wape(y, yhat)", lambda: wape(TABLE["y"].to_numpy(), TABLE["naive"].to_numpy()), "what backtest returned"),
    ("wape(table)", lambda: wape(TABLE), "wape(frame, models)"),
    ("compare(table)", lambda: ecomlib.compare(TABLE), "rng=np.random.default_rng(0)"),
    ("compare(seed=)", lambda: ecomlib.compare(TABLE, "naive", "mean", seed=0), "rng=np.random.default_rng(0)"),
    ("combine(series)", lambda: ecomlib.combine([TABLE["naive"], TABLE["y"]]), 'combine(frame, ["naive", "gru"]'),
    ('combine(table, "naive")', lambda: ecomlib.combine(TABLE, "naive"), '["naive", …]'),
    ("combine(method=)", lambda: ecomlib.combine(TABLE, ["naive"], method="median"), 'how="median"'),
    ("split_conformal(model)", lambda: ecomlib.split_conformal(NAIVE), "split_conformal(calibration, test"),
    ("split_conformal(alpha=)", lambda: ecomlib.split_conformal(TABLE, TABLE, "naive", alpha=0.1), "coverage=0.9"),
    ("fan of several series", lambda: ecomlib.plots.fan(PANEL, FITTED.forecast()), 'series="'),
    ("fan of no series", lambda: ecomlib.plots.fan(PANEL, FITTED.forecast(), series="jug"), "name one of"),
    # Networks.
    ("GRUNetwork(hidden=32)", lambda: GRUNetwork(hidden=32), 'make_network("gru", windows, hidden=32)'),
    ("network.predict(windows)", lambda: make_network("gru", WINDOWS).predict(WINDOWS), "training.predict(network"),
    ('make_network("GRU")', lambda: make_network("GRU", WINDOWS), "take one of gru"),
    ("make_network(hidden_size=)", lambda: make_network("gru", WINDOWS, hidden_size=8), "did you mean hidden"),
    ('fit("gru", windows)', lambda: fit("gru", WINDOWS), 'make_network("gru", windows)'),
    ("fit(network, panel)", lambda: fit(make_network("gru", WINDOWS), PANEL), "WindowSet.from_panel(panel"),
    ("fit(epochs=)", lambda: fit(make_network("gru", WINDOWS), WINDOWS, epochs=2), "TrainSettings(epochs=20)"),
    ("predict(windows, network)", lambda: predict(WINDOWS, make_network("gru", WINDOWS)), "predict(network, windows)"),
    ("predict(network, panel)", lambda: predict(make_network("gru", WINDOWS), PANEL), "WindowSet.from_panel(panel"),
    ("TrainSettings(max_epochs=)", lambda: TrainSettings(max_epochs=5), "it is called epochs here"),
    ("backtest(network)", lambda: backtest(PANEL, make_network("gru", WINDOWS)), 'forecaster("gru", …)'),
    ('forecaster("gru", lookback=)', lambda: forecaster("gru", lookback=8), "did you mean look_back"),
    ('NETWORKS["rnn"]', lambda: NETWORKS["rnn"], "take one of gru"),
    ('make_network("gru", panel)', lambda: make_network("gru", PANEL), "WindowSet.from_panel(panel"),
    ('forecaster("conformal", model=)', lambda: forecaster("conformal", model="naive"), "member=forecaster("),
    ("conformal, level=90", lambda: forecaster("conformal", member=NAIVE, level=90), "levels=(90,)"),
    ('forecaster("naive", h=4)', lambda: forecaster("naive", h=4), "fit(panel, horizon=4)"),
    ('forecaster("window_mean", size=4)', lambda: forecaster("window_mean", size=4), "it has window"),
    ("score(table) without train", lambda: score(TABLE), columns("model", "metric", "value")),
    ("fan of lists", lambda: ecomlib.plots.fan(PANEL["y"], [1, 2]), "plots.fan(panel, fitted.forecast()"),
    ("leaderboard(backtest)", lambda: ecomlib.plots.leaderboard(TABLE), "score the table of a backtest first"),
    # Decisions.
    ('decide("orders", store)', lambda: decide("orders", STORE), "write one of plan, stock, price"),
    ('decide("stok", store)', lambda: decide("stok", STORE), "did you mean stock"),
    ('decide("stock", "tiny")', lambda: decide("stock", "tiny"), 'load_store("tiny")'),
    ('decide("plan", panel)', lambda: decide("plan", PANEL), "Options(ratio=3.0)"),
    ('decide("plan", store, horizon=8)', lambda: decide("plan", STORE, horizon=8), "it stands in options"),
    ('decide("stock", store, {"ratio": 3})', lambda: decide("stock", STORE, {"ratio": 3}), "Options(ratio=3.0)"),
    ('decide("plan", store)', lambda: decide("plan", STORE, Options(horizon=4)).table, columns("mean", "low", "high")),
    ("decide stock by periods", lambda: decide("stock", STORE, Options(horizon=4)), "it is for plan"),
    ("decide price of a shop without costs", lambda: decide("price", STORE), "26 full weeks"),
    # Windows.
    ("from_panel(look_back=)", lambda: WindowSet.from_panel(PANEL, look_back=26), "WindowSettings(look_back=26"),
    ("from_panel(panel)", lambda: WindowSet.from_panel(PANEL), "WindowSettings(look_back=26"),
    ("from_panel(panel, 26)", lambda: WindowSet.from_panel(PANEL, 26), "WindowSettings(look_back=26"),
    ("WindowSet(panel)", lambda: WindowSet(PANEL), "WindowSet.from_panel"),
    ("WindowSettings(input_size=)", lambda: WindowSettings(input_size=26), "it is called look_back here"),
    ('WindowSettings(past="y")', lambda: WindowSettings(past="y"), 'past=("y",)'),
    ('WindowSettings(look_back="26")', lambda: WindowSettings(look_back="26"), "look_back=26"),
    ("windows.split(last, 4)", lambda: WINDOWS.split(WEEKS[-1], 4), "end training earlier"),
    ("split(panel, last, 4)", lambda: split(PANEL, WEEKS[-1], 4), "end training earlier"),
    ("split(test_size=)", lambda: split(PANEL, test_size=0.2), "8)"),
    # Settings.
    ("window=0", lambda: forecaster("window_mean", window=0), "write window=1, or more"),
    ("window=4.5", lambda: forecaster("window_mean", window=4.5), "write window=8"),
    ("window=-1", lambda: WindowMean(-1), "write window=1, or more"),
    ('window="4"', lambda: WindowMean("4"), "write window=4"),
    ("season=0", lambda: forecaster("seasonal_naive", season=0), "write season=1, or more"),
    ("season=-1", lambda: forecaster("auto_ets", season=-1), "write season=1, or more"),
    ('lightgbm, objective="mae"', lambda: forecaster("lightgbm", objective="mae"), "'squared' or 'absolute'"),
    ("lightgbm, trees=0", lambda: forecaster("lightgbm", trees=0), "write trees=1, or more"),
    ("lightgbm, rate=5", lambda: forecaster("lightgbm", rate=5), "write rate=0.5"),
    ('average, how="meen"', lambda: Average((NAIVE, NAIVE), how="meen"), "write how='mean'"),
    ("average of three weights", lambda: Average((NAIVE, NAIVE), weights=(0.5, 0.3, 0.2)), "write one each"),
    ("average, weights by name", lambda: Average((NAIVE, NAIVE), weights={"a": 0.5, "b": 0.5}), "weights=(0.5, 0.5)"),
    ("average, weights=(1, 1)", lambda: Average((NAIVE, NAIVE), weights=(1, 1)), "divide each by their sum"),
    ("a weighed median", lambda: Average((NAIVE, NAIVE), how="median", weights=(0.5, 0.5)), "leave out weights"),
    ("Average(a, b)", lambda: Average(NAIVE, NAIVE), "Average((first, second))"),
    ("Average(models=)", lambda: Average(models=(NAIVE, NAIVE)), "it is called members here"),
    (
        'forecaster("average")',
        lambda: forecaster("average"),
        'members=(forecaster("naive"), forecaster("window_mean"))',
    ),
    ("Conformal(level=90)", lambda: Conformal(NAIVE, level=90), "it is called levels here"),
    ("Conformal(model=)", lambda: Conformal(model=NAIVE), "it is called member here"),
    ("Conformal(levels='90')", lambda: Conformal(NAIVE, levels="90"), "write levels=(90,)"),
    ("quantiles=0.9", lambda: forecaster("trees", quantiles=0.9), "write quantiles=(0.9,)"),
    ("n_estimator=", lambda: forecaster("trees", n_estimator=5).fit(PANEL, 2), "did you mean n_estimators?"),
    # Names, and calls that nearly fit.
    ('backtest({"y": …})', lambda: backtest(PANEL, {"y": "naive"}), "take another name"),
    ('backtest({"gru-mean": …})', lambda: backtest(PANEL, {"gru-mean": "naive"}), '"gru_mean"'),
    ('forecast(name="ds")', lambda: FITTED.forecast(name="ds"), "take another name"),
    ("backtest(origins=0)", lambda: backtest(PANEL, "naive", origins=0), "write origins=4"),
    ("coverage(table)", lambda: ecomlib.coverage(TABLE), 'coverage(frame, "gru", level=90)'),
    ('register("mine")', lambda: ecomlib.register("mine"), "@ecomlib.register in the line above the class"),
    ("register(model)", lambda: ecomlib.register(NAIVE), "@ecomlib.register in the line above the class"),
    ("register()", lambda: ecomlib.register(), "@ecomlib.register in the line above the class"),
    ("register(class without name)", lambda: ecomlib.register(type("Mine", (), {})), 'kind = "my_network"'),
    ("load(None)", lambda: load(None), 'load("folder")'),
    ("compare(rng=0)", lambda: ecomlib.compare(TABLE, "naive", "window_mean", rng=0), "rng=np.random.default_rng(0)"),
    ("split_conformal(…, 90)", lambda: ecomlib.split_conformal(TABLE, TABLE, "naive", 90), "write 0.9"),
    ("score(train=wide)", lambda: score(TABLE, train=WIDE), "melt"),
    ("fan(forecast)", lambda: ecomlib.plots.fan(FITTED.forecast()), "plots.fan(panel, fitted.forecast()"),
    ("fan(forecast, panel)", lambda: ecomlib.plots.fan(FITTED.forecast(), PANEL), "plots.fan(panel, fitted.forecast()"),
    ('fan(series=["cup"])', lambda: ecomlib.plots.fan(PANEL, FITTED.forecast(), series=["cup"]), "name one of cup"),
    ("backtest([GRUNetwork])", lambda: backtest(PANEL, [GRUNetwork]), 'forecaster("gru", …)'),
    ("fitted.residuals", lambda: FITTED.residuals, "it has answer, forecast, panel, point."),
    ("a file as a plug-in", lambda: load_plugins(["./mine_own.py"]), "--plugin mine_own"),
    ("ecomlib.Average", lambda: ecomlib.Average, 'ecomlib.forecaster("average"'),
    ("ecomlib.Conformal", lambda: ecomlib.Conformal, 'ecomlib.forecaster("conformal"'),
    ("ecomlib.export", lambda: ecomlib.export, "ecomlib.forecasting.export"),
    ("trees, num_trees=", lambda: forecaster("trees", num_trees=5).check() or NAIVE, lambda made: made is NAIVE),
    # A network's forecaster, called as elsewhere.
    ('forecaster("gru", h=4)', lambda: forecaster("gru", h=4), "fit(panel, horizon=4)"),
    ('forecaster("gru", input_size=26)', lambda: forecaster("gru", input_size=26), "called look_back here"),
    ('forecaster("gru", max_steps=100)', lambda: forecaster("gru", max_steps=100), "called epochs here"),
    ('forecaster("gru", learning_rate=0.1)', lambda: forecaster("gru", learning_rate=0.1), "called lr here"),
    ('forecaster("gru", loss="mae")', lambda: forecaster("gru", loss="mae"), "called head here"),
    ('forecaster("gru", hidden="64")', lambda: forecaster("gru", hidden="64"), "write hidden=64"),
    ('forecaster("gru", device="gpu")', lambda: forecaster("gru", device="gpu"), 'device="auto"'),
    ("TrainSettings(epochs=1.5)", lambda: TrainSettings(epochs=1.5), "write epochs="),
]


@pytest.mark.parametrize(("attempt", "wanted"), [pytest.param(a, w, id=name) for name, a, w in ATTEMPTS])
def test_it_works_or_says_what_to_do(attempt: Callable[[], Any], wanted: Callable[[Any], bool] | str) -> None:
    if not isinstance(wanted, str):
        assert wanted(attempt())
        return
    with pytest.raises(EcomlibError) as caught:
        attempt()
    assert wanted in str(caught.value)
    assert "What to do:" in str(caught.value)
