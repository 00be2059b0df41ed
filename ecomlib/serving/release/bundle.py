"""Writes and opens versions: history, plan, shares, reach, effects, stock and a network (lesson 08, section 1)."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.decisions.inventory import quantile_names
from ecomlib.decisions.regions import RECENT as RECENT  # weeks whose units by region are kept
from ecomlib.errors import DataError, EcomlibError
from ecomlib.serving.release import frozen
from ecomlib.serving.release.frozen import Frozen
from ecomlib.serving.release.inputs import NEVER, Floats, SalesHistory, interval, monday, week_of
from ecomlib.serving.release.reach import Reach
from ecomlib.serving.release.versions import Promotion, Registry, Version
from ecomlib.windowing import WindowSettings

FORMAT = 3  # of settings.json; the first had no number, the network's windows under "shape", and weeks only; the
# second had one reach a region, whatever the size of the forecast
KEY = "ECOMLIB_WRITE_KEY"  # the environment's variable; what it holds is never logged
EVENTS_FILE = "events.db"  # in the home
ALL = "all"  # the sum of all regions, and the one region of a shop that has none
_FEW = 8  # products that a version is tried on
_log = logging.getLogger("ecomlib.serving")
MODEL, SMALL, TRIAL = frozen.MODEL, "model.int8.onnx", "trial"
BESIDE = (TRIAL, "means", "trial_means")  # folders of frozen forecasters beside the one that serves
_TABLES = ("weeks", "recent", "shares", "stock", "products", "regions", "launches", "effects", "reach", "order_errors")
_LATER = ("sales_plan", "sums", "lists", "board", "visits")  # tables that releases before these had not


@dataclass(frozen=True, eq=False)
class Bundle:
    """Holds one version, opened (lesson 08, section 1).

    settings: plain JSON: ``cutoff`` (the last week that it knows, a Monday), ``coverage``, ``horizon`` (weeks ahead),
    ``frequency``, ``windows`` and their ``levels``, ``source``, ``rhythm`` (share of a week's units before each of its
    168 hours) and what the card shows. forecaster: what was fitted, frozen. products: product_id, title, category,
    price, cost, begins (week's number); regions:
    region_id, name and place. shares (P, R): of a product's units, by region; stock (P, R) on hand at the end of the
    cutoff week, or None; recent (P, R, N): units of the last weeks up to the cutoff; launches: category to units of
    the first four weeks of its newcomers; reach: by region and ``all``, and by size of the forecast, half the width of
    an interval in roots of forecast + ½ (infinite where too few calibration rows say, with the ``reason``); effects: by
    category, ``elasticity, low, high`` and the effect of a promotion, or empty; order_errors: by how much two weeks'
    units missed their forecasts, as ``decisions.order_quantiles`` gives it; trial: the same kind of forecaster, fitted
    without the last ``calibrated_weeks``, which forecasts from origins before the cutoff: the forecaster knows what
    came then; means, trial_means: what forecasts means beside them, where they forecast medians; sales_plan: the
    quarter after the cutoff by category and region, ``settings["sales_plan"]`` how it was made; sums: what sums of the
    trial's forecasts missed (both of ``release.plan``; None in an older release); lists, board, visits: of customers
    (``release.customers``; None where the tables gave none, ``settings["customers"]`` says why).
    """

    number: int
    settings: Mapping[str, Any]
    forecaster: Frozen
    books: SalesHistory
    products: pd.DataFrame
    regions: pd.DataFrame
    shares: Floats
    stock: Floats | None
    recent: Floats
    launches: Mapping[str, Floats]
    reach: pd.DataFrame
    effects: pd.DataFrame
    order_errors: pd.DataFrame
    trial: Frozen | None = None
    means: Frozen | None = None
    trial_means: Frozen | None = None
    sales_plan: pd.DataFrame | None = None
    sums: pd.DataFrame | None = None
    lists: pd.DataFrame | None = None
    board: pd.DataFrame | None = None
    visits: pd.DataFrame | None = None

    @property
    def horizon(self) -> int:
        """H, the weeks ahead that it forecasts."""
        return int(self.settings["horizon"])

    @cached_property
    def windows(self) -> WindowSettings:
        """What windows over its books hold, whether or not its forecaster reads them."""
        return _windows(self.settings)[0]

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """The categories in the order of the windows' static columns."""
        return _windows(self.settings)[1]

    @property
    def cutoff(self) -> int:
        """Number of the last week that it knows."""
        return self.books.last

    @cached_property
    def row(self) -> dict[str, int]:
        """Row of each product."""
        return {name: row for row, name in enumerate(self.books.products)}

    @cached_property
    def column(self) -> dict[str, int]:
        """Column of each region."""
        return {name: column for column, name in enumerate(self.regions["region_id"])}

    @cached_property
    def list_rows(self) -> dict[str, tuple[int, int]]:
        """First row of each customer's lists, and the one after the last: they stand together."""
        if self.lists is None:
            return {}
        names = self.lists["customer_id"].astype(object).to_numpy()
        starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]]) if len(names) else np.zeros(0, dtype=np.int64)
        return dict(
            zip(names[starts], zip(starts.tolist(), [*starts[1:].tolist(), len(names)], strict=True), strict=True)
        )

    @cached_property
    def _by_size(self) -> list[tuple[Reach, str]]:
        """Reach of the regions in their order, and of ``all`` last; with why it is not known."""
        found = []
        # An older release has one row a region, in their order.
        of = self.reach["column"] if "column" in self.reach else np.arange(len(self.reach))
        for _, table in self.reach.groupby(np.asarray(of)):
            said = str(table["reason"].iloc[0] or "") if "reason" in table else ""  # an older release's has none
            found.append((Reach.of(table), said or "too few calibration rows"))
        return found

    def width(self, forecast: Any, column: int = -1) -> Floats:
        """Look up the reach for forecasts of whole weeks, of a region or of all (column R, the last).

        Infinite where it is not known.
        """
        return self._by_size[column][0].at(forecast)

    def unknown(self, column: int) -> str:
        """Say why the interval of a region, or of ``all`` (column R), has no ends; empty where it has."""
        known, why = self._by_size[column]
        return "" if np.isfinite(known.reach).all() else why

    def forecast(self, books: SalesHistory, origin: int) -> tuple[Floats, Floats]:
        """Forecast units (P, H) after ``origin``: fitted where (P,) is true, by the category's launches elsewhere.

        ``books`` may hold more weeks than the bundle's own; what comes after ``origin`` is not read.
        """
        units = self._frozen(origin).forecast(books, origin)
        fitted = np.isfinite(units[:, 0])
        return self._launched(units, books), fitted

    def mean(self, books: SalesHistory, origin: int) -> Floats:
        """Expect units (P, H) after ``origin``: what may be summed, over products, regions or weeks."""
        past = self.trial is not None and origin < self.cutoff
        means = self.trial_means if past else self.means
        return self._launched((means or self._frozen(origin)).forecast(books, origin), books)

    def _frozen(self, origin: int) -> Frozen:
        return self.trial if self.trial is not None and origin < self.cutoff else self.forecaster

    def _launched(self, units: Floats, books: SalesHistory) -> Floats:
        """The same, with the category's launches where there is no history."""
        for row in np.flatnonzero(~np.isfinite(units[:, 0])):
            units[row] = self.launches.get(books.category[row], self.launches[""])
        return units

    def table(self, books: SalesHistory, origin: int) -> pd.DataFrame:
        """Tabulate forecasts with intervals, ``product_id, ds, forecast, low, high``: all regions together.

        Where ``unknown`` says why, ``low`` is zero and ``high`` infinite.
        """
        units = self.forecast(books, origin)[0].ravel()
        low, high = interval(units, self.width(units))
        weeks = [monday(origin + 1 + step) for step in range(self.horizon)]
        frame = pd.DataFrame({"product_id": np.repeat(np.array(books.products, dtype=object), self.horizon)})
        frame = frame.assign(ds=weeks * len(books.products), forecast=units)
        return frame.assign(low=low, high=high)


def write(folder: Path, settings: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> None:
    """Put the settings and tables of a bundle into a folder; the forecaster is written there by the caller."""
    for name in _TABLES:
        tables[name].to_parquet(folder / f"{name}.parquet", index=False)
    for name in _LATER:
        if name in tables:
            tables[name].to_parquet(folder / f"{name}.parquet", index=False)
    text = json.dumps(settings, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "settings.json").write_text(text + "\n", encoding="utf-8")


def read(version: Version) -> Bundle:
    """Open a published version; ``DataError`` where it is not one of a forecaster."""
    try:
        settings = json.loads((version.path / "settings.json").read_text(encoding="utf-8"))
        if settings.get("format", 1) > FORMAT:
            raise DataError(
                f"version {version.number:04d} was made by a newer ecomlib",
                value=settings["format"],
                remedy="update ecomlib, or roll back to another version.",
            )
        files = {name: version.path / f"{name}.parquet" for name in (*_TABLES, *_LATER)}
        t = {name: pd.read_parquet(path) for name, path in files.items() if path.exists()}
        products, regions = t["products"], t["regions"]
        books = _books(t["weeks"], products, settings)
        columns = list(regions["region_id"])
        recent = np.zeros((len(products), len(columns), settings["recent_weeks"]))
        recent[t["recent"]["row"], t["recent"]["column"], t["recent"]["back"]] = t["recent"]["units"]
        stock = t["stock"][columns].to_numpy(dtype=float) if len(t["stock"]) else None
        launches = {row[0]: np.array(row[1:], dtype=float) for row in t["launches"].itertuples(index=False)}
        return Bundle(
            version.number,
            settings,
            _forecaster(settings, version.path),
            books,
            products,
            regions,
            t["shares"][columns].to_numpy(dtype=float),
            stock,
            recent,
            launches,
            t["reach"],
            t["effects"],
            t["order_errors"] if "order_errors" in t else errors_in(t["reach"]),
            *(frozen.read(path) if (path := version.path / name).exists() else None for name in BESIDE),
            **{name: t.get(name) for name in _LATER},
        )
    except EcomlibError:
        raise
    except Exception as error:  # each library that reads a part has its own errors, and all mean the same here
        raise DataError(
            f"version {version.number:04d} is no forecaster that can be served: {error!r}",
            remedy="roll back to another version, or train again: ecomlib train.",
        ) from error


def open_bundle(home: str | os.PathLike[str], number: int | None = None) -> Bundle:
    """Open the version in force of a home folder, or another one by its number (lesson 08, section 1)."""
    return read(registry(home).open(number))


def open_serving(home: str | os.PathLike[str]) -> tuple[Version, Bundle, Promotion, str]:
    """Open the version in force, or the newest before it that can be served; the last word says why, empty for neither.

    Each is tried on a forecast of a few products. Raises the ``DataError`` of the version in force where none will do.
    """
    versions = registry(home)
    standing = versions.standing()
    if not standing:
        versions.open()  # says what to do
    later = {promotion.version: promotion for promotion in versions.history()}  # what was rolled back from comes last
    first: DataError | None = None
    for promotion in {p.version: p for p in [*reversed(standing), *reversed(later.values())]}.values():
        try:
            version = versions.open(promotion.version)
            bundle = read(version)
            try_out(bundle)
        except DataError as error:
            first = first or error
            continue
        if first is not None:
            _log.error("version %04d serves in the place of the one in force: %s", version.number, first)
        return version, bundle, promotion, str(first or "")
    raise first or DataError("no version is in force", remedy="publish one and promote it: ecomlib train.")


def try_out(bundle: Bundle) -> None:
    """Forecast a few products: a network may open, and still not fit the tables beside it; ``DataError`` then."""
    some, books = slice(0, _FEW), bundle.books
    few = replace(
        books,
        products=books.products[some],
        category=books.category[some],
        begin=books.begin[some],
        units=books.units[some],
        plan={name: values[some] for name, values in books.plan.items()},
    )
    try:
        made = [bundle.forecast(few, bundle.cutoff)[0], bundle.mean(few, bundle.cutoff)]
        wrong = any(one.shape != (len(few.products), bundle.horizon) or not np.isfinite(one).all() for one in made)
    except EcomlibError:
        raise
    except Exception as error:  # each library has its own errors
        raise _useless(
            bundle.number, f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
        ) from error
    if wrong:
        raise _useless(bundle.number, "its forecasts are no numbers of the right shape")


def _useless(number: int, why: str) -> DataError:
    return DataError(
        f"version {number:04d} opens, but cannot forecast: {why}",
        remedy="roll back to another version, or train again: ecomlib train.",
    )


def registry(home: str | os.PathLike[str]) -> Registry:
    """Return the registry in a home folder."""
    return Registry(Path(home) / "registry")


def database_url(home: str | os.PathLike[str]) -> str:
    """Return where events live unless another database is named."""
    from sqlalchemy import URL

    # Not pasted into a text: a folder's name may hold "?" or "%", which mean something there.
    return URL.create("sqlite", database=str(Path(home) / EVENTS_FILE)).render_as_string(hide_password=False)


def flat(books: SalesHistory) -> pd.DataFrame:
    """Flatten books to a long table: ``product_id, ds, units`` (missing in the plan's weeks) and the plan's columns."""
    ahead = max((plan.shape[1] for plan in books.plan.values()), default=books.units.shape[1])
    weeks = np.arange(books.first, books.first + ahead)
    product, at = np.nonzero(weeks >= np.where(books.begin == NEVER, books.last + 1, books.begin)[:, None])
    units = np.where(at < books.units.shape[1], books.units[product, np.minimum(at, books.units.shape[1] - 1)], np.nan)
    frame = pd.DataFrame({"product_id": np.array(books.products, dtype=object)[product], "week": weeks[at]})
    return frame.assign(units=units, **{name: plan[product, at] for name, plan in books.plan.items()})


def errors_in(reach: pd.DataFrame) -> pd.DataFrame:
    """Read the errors for orders off the reach of an older release: one class a region, so that nothing is pooled."""
    rows = reach.get("two_week_rows", pd.Series(None, reach.index, dtype=object))
    table = reach[["region_id", *quantile_names()]].assign(at_least=0.0, rows=rows)
    return table.drop_duplicates("region_id", keep="last")


def _books(weeks: pd.DataFrame, products: pd.DataFrame, settings: Mapping[str, Any]) -> SalesHistory:
    names = tuple(products["product_id"])
    first, last = settings["first_week"], week_of(settings["cutoff"])
    row = pd.Series(np.arange(len(names)), index=names)[weeks["product_id"]].to_numpy()
    at = weeks["week"].to_numpy() - first
    plan = {name: np.zeros((len(names), settings["plan_weeks"])) for name in settings["plan"]}
    for name, table in plan.items():
        table[row, at] = weeks[name]
    units, known = np.zeros((len(names), last - first + 1)), weeks["units"].notna().to_numpy()
    units[row[known], at[known]] = weeks["units"][known]
    return SalesHistory(names, tuple(products["category"]), first, products["begins"].to_numpy(np.int64), units, plan)


def _windows(settings: Mapping[str, Any]) -> tuple[WindowSettings, tuple[str, ...]]:
    """The windows of a version's settings, of this format or of the first."""
    if settings.get("format", 1) > 1:
        return frozen.windows_of_note(settings)
    held = settings["shape"]
    made = WindowSettings(
        held["look_back"],
        settings["horizon"],
        tuple(held["past"]),
        tuple(held["future"]),
        ("category",) if held["levels"] else (),
        also_known=("log_price",),
    )
    return made, tuple(held["levels"])


def _forecaster(settings: Mapping[str, Any], folder: Path) -> Frozen:
    """The frozen forecaster of a version; in the first format it was a network, without a note beside it."""
    if settings.get("format", 1) == 1:
        return frozen.OnnxNetwork.of_note(frozen.window_note(*_windows(settings)), folder)
    return frozen.read(folder)


def describe(books: SalesHistory, windows: WindowSettings, levels: tuple[str, ...]) -> dict[str, Any]:
    """Describe books and windows by what ``read`` needs to know of them."""
    ahead = max((plan.shape[1] for plan in books.plan.values()), default=0)
    return {
        "format": FORMAT,
        "horizon": windows.horizon,
        "frequency": "W-MON",
        "cutoff": f"{monday(books.last):%Y-%m-%d}",
        "first_week": books.first,
        "plan": list(books.plan),
        "plan_weeks": ahead,
        **frozen.window_note(windows, levels),
    }
