"""Plays the stock of a shop from forecasts: any forecaster of the contract orders week by week (lesson 12, section 6).

A forecaster is fitted once, on the weeks before play. Each Monday it forecasts this week and the next from the books
as they are under the orders of this very play, and the plan of prices and offers; means are corrected and given a
spread by errors of the last weeks before play; the lost-sales rule turns both weeks into an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.contract import FittedForecaster, Forecaster, rolling_origins
from ecomlib.contract.frame import known_quantiles, mean_column
from ecomlib.decisions.censored import recover_weeks
from ecomlib.decisions.shop_game import Action, Obs
from ecomlib.decisions.shop_policies import _launch, _Rule, _units, base_stock_order, lost_sales_order
from ecomlib.errors import DataError
from ecomlib.features import relative_price

Floats = NDArray[np.float64]
AHEAD = 2  # weeks that an order looks at: this one, and the one that it serves
NODES = (np.arange(10) + 0.5) / 10  # shares at which this week's demand is looked at
FINE = (np.arange(100) + 0.5) / 100  # and the next one's
RECENT = 8  # weeks of sales that regions' shares are read from
SHRINK, DECAY = 300.0, 0.75
UNKNOWN = "unknown"  # of a product that came after the forecaster was fitted


def stock_panel(
    history: pd.DataFrame, about: pd.DataFrame | None = None, obs: Obs | None = None, *, recovered: bool = True
) -> pd.DataFrame:
    """Make the panel that a forecaster of stock reads: demand, prices against the usual one, and the plan ahead.

    Parameters
    ----------
    history : DataFrame
        Of ``ShopEnv.history()`` or ``make_panel``: ``unique_id, ds, y, price, promoted``, and more.
    about : DataFrame, optional
        What does not change, a row a product: ``unique_id`` and columns such as ``category``.
    obs : dict, optional
        What the shop sees this Monday: its plan adds the rows of the weeks ahead, two of them.
    recovered : bool
        Whether ``y`` is what was wanted (``recover_weeks``), or what was sold.

    Returns
    -------
    DataFrame
        With ``rel_price`` beside the columns of ``history``; ``y`` is missing in the weeks ahead.

    Raises
    ------
    DataError
        The books are not those of what the shop sees.
    """
    panel = history.assign(y=recover_weeks(history)) if recovered else history
    if obs is not None:
        last = panel["ds"].max()
        ids = panel["unique_id"].drop_duplicates().to_numpy()
        row = np.flatnonzero(obs["age"] > 0)  # a series begins with its product's launch
        if len(row) != len(ids):
            raise DataError("the books and what the shop sees hold other products", value=(len(ids), len(row)))
        plan = {
            "unique_id": np.repeat(ids, AHEAD),
            "ds": np.tile([last + pd.Timedelta(weeks=k + 1) for k in range(AHEAD)], len(ids)),
            "price": obs["plan_price"][row, :AHEAD].ravel(),
            "promoted": obs["plan_promoted"][row, :AHEAD].ravel().astype(float),
        }
        panel = pd.concat([panel, pd.DataFrame(plan)], ignore_index=True)
        panel = panel.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
        # After the store's last week there is no plan: what was paid last stands in.
        paid = panel["price"].where(panel["price"] > 0).groupby(panel["unique_id"]).ffill()
        panel = panel.assign(price=paid)
    panel = panel.join(relative_price(panel))
    if about is not None:
        known = about.set_index("unique_id")
        panel = panel.assign(**{name: panel["unique_id"].map(known[name]).fillna(UNKNOWN) for name in known.columns})
    panel.attrs = {"freq": "W-MON"}
    return panel


@dataclass(frozen=True)
class Spread:
    """Hold how means are corrected and widened, one number a week ahead, (H,) each.

    Parameters
    ----------
    factor : tuple of float
        What a forecast is multiplied by: units sold over units forecast.
    above : tuple of float
        φ of the variance, μ + φ μ²: that of a negative binomial law.
    """

    factor: tuple[float, ...]
    above: tuple[float, ...]

    def moments(self, said: Floats, step: int) -> tuple[Floats, Floats]:
        """Return mean and variance of demand, of the shape of the forecast.

        Parameters
        ----------
        said : array
            The forecast, units, of any shape.
        step : int
            Weeks ahead, from 1.
        """
        mean = self.factor[step - 1] * np.maximum(said, 0.0)
        return mean, mean + self.above[step - 1] * mean**2


def measure_spread(scored: pd.DataFrame, model: str, *, correct: bool = True) -> Spread:
    """Measure by how much a forecast's sum was off, and how far demand scattered about it.

    Parameters
    ----------
    scored : DataFrame
        Of ``backtest``: ``unique_id, ds, cutoff, y`` and the model's column, from origins that it has not learnt from.
    model : str
        Its column; ``model-mean`` goes before it.
    correct : bool
        Whether means are moved so that sums agree; else the factor is 1.
        On ten stores the factor of eight weeks cost profit in the half year after them (``stock_why``): prefer False
        unless ``scored`` spans a year.

    Returns
    -------
    Spread

    Raises
    ------
    DataError
        There is nothing to measure by.

    Examples
    --------
    >>> weeks = pd.to_datetime(["2024-01-08", "2024-01-15"] * 2)
    >>> past = pd.DataFrame({"unique_id": list("aabb"), "ds": weeks, "cutoff": pd.Timestamp("2024-01-01")})
    >>> measure_spread(past.assign(y=[9.0, 18.0, 15.0, 18.0], gru=[8.0, 16.0, 12.0, 16.0]), "gru")
    Spread(factor=(1.2, 1.125), above=(0.0, 0.0))
    """
    column = mean_column(model) if mean_column(model) in scored.columns else model
    step = ((scored["ds"] - scored["cutoff"]).dt.days // 7).to_numpy()
    factors, above = [], []
    for ahead in sorted(set(step)):
        rows = scored[step == ahead]
        said, came = rows[column].to_numpy(dtype=float), rows["y"].to_numpy(dtype=float)
        if not said.sum() > 0:
            raise DataError("the forecast is zero throughout", column=column, remedy="take a longer history.")
        factor = float(came.sum() / said.sum()) if correct else 1.0
        mean = factor * said
        over = float((((came - mean) ** 2 - mean).sum()) / (mean**2).sum())
        factors.append(factor)
        above.append(max(over, 0.0))
    return Spread(tuple(factors), tuple(above))


def fit_for_stock(
    forecaster: Forecaster, panel: pd.DataFrame, *, weeks: int = RECENT, refit: bool = True, correct: bool = True
) -> tuple[FittedForecaster, Spread]:
    """Fit a forecaster two weeks ahead, and measure its errors on the last weeks before play.

    Parameters
    ----------
    forecaster : Forecaster
        Its settings.
    panel : DataFrame
        Of ``stock_panel``, without the plan.
    weeks : int
        How many last origins its errors are measured on; for those it is fitted on what came before.
    refit : bool
        Whether it is then fitted anew on all weeks; else the first fit plays.
    correct : bool
        Whether its mean is corrected by these errors.

    Returns
    -------
    tuple
        Fitted forecaster and spread.
    """
    origins = rolling_origins(panel, AHEAD, weeks, step=1)
    early = forecaster.fit(panel, AHEAD, until=origins[0])
    frames = [early.forecast(panel, at=origin, negative="clip") for origin in origins]
    scored = pd.concat(frames, ignore_index=True).merge(panel[["unique_id", "ds", "y"]], on=["unique_id", "ds"])
    spread = measure_spread(scored, forecaster.label, correct=correct)
    return (forecaster.fit(panel, AHEAD) if refit else early), spread


@dataclass(frozen=True, eq=False)
class ForecastOrders(_Rule):
    """Order from a fitted forecaster's two weeks ahead, for one stock or by region.

    Parameters
    ----------
    game : Game
        The rules of the game.
    fitted : FittedForecaster
        Of ``fit_for_stock``: two weeks ahead, on ``stock_panel``.
    spread : Spread
        Its errors.
    about : DataFrame, optional
        As of ``stock_panel``.
    how : str
        ``"lost_sales"`` or ``"base_stock"``, from mean and spread; ``"quantiles"``: the lost-sales rule from the
        forecast's own quantiles, which are multiplied by the spread's factor.
    recovered : bool
        As of ``stock_panel``: what the forecaster was fitted on.
    groups : array (P,), optional
        By region: whose split a product's own is drawn towards, such as its category's number.
    shrink : float
        By region: as of ``region_shares``.
    """

    fitted: FittedForecaster
    spread: Spread
    about: pd.DataFrame | None = None
    how: str = "lost_sales"
    recovered: bool = True
    groups: NDArray[np.intp] | None = None
    shrink: float = SHRINK

    history_by = ("product_id",)  # type: ignore[assignment]

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the orders."""
        known = obs["age"] > 0
        frame, model = self.forecast(obs, history)
        launch, ratio = _units(_launch(obs)), self.ratio(obs)
        available = (obs["on_hand"] + obs["arriving"])[known]
        ratio = ratio[known]
        if self.how == "quantiles":
            order = self._from_quantiles(frame, model, available, ratio)
        else:
            column = mean_column(model) if mean_column(model) in frame.columns else model
            said = frame[column].to_numpy(dtype=float).reshape(-1, AHEAD)
            now, then = (self._split(obs, self.spread.moments(said[:, k], k + 1)) for k in range(AHEAD))
            if self.how == "lost_sales":
                order = lost_sales_order(available, now, then, ratio)
            else:
                order = base_stock_order(available, now[0] + then[0], now[1] + then[1], ratio)
        launch[known] = np.where(ratio > 0, order, 0)
        return {"order": launch}

    def forecast(self, obs: Obs, history: pd.DataFrame) -> tuple[pd.DataFrame, str]:
        """Forecast both weeks of every product that has sold: a forecast frame, and the model's name in it.

        Parameters
        ----------
        obs : Obs
            Of the Monday.
        history : DataFrame
            The books until then, as ``ShopEnv.history`` returns them.
        """
        label = self.fitted.forecaster.label
        panel = stock_panel(history, self.about, obs, recovered=self.recovered)
        since = history["ds"].max() - pd.Timedelta(weeks=self._look_back())
        recent = panel[panel["ds"] >= since].reset_index(drop=True)
        recent.attrs = panel.attrs
        return self.fitted.forecast(recent, negative="clip"), label

    def _look_back(self) -> int:
        window = getattr(self.fitted.forecaster, "window", None)
        return int(getattr(window, "look_back", window or 26))

    def _split(self, obs: Obs, moments: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        """Mean and variance of each stock: of the product, or of its regions."""
        if self.game.pooled:
            return moments
        mean, variance = moments
        part = mean[:, None] * region_shares(obs["sold"], self.groups, self.shrink)[obs["age"] > 0]
        above = np.divide(variance - mean, mean**2, out=np.zeros_like(mean), where=mean > 0)
        return part, part + above[:, None] * part**2

    def _from_quantiles(self, frame: pd.DataFrame, model: str, available: Floats, ratio: Floats) -> NDArray[np.int64]:
        if not self.game.pooled:
            remedy = 'take how="lost_sales": a mean can be divided.'
            raise DataError("a product's quantiles are not those of its regions", value=self.how, remedy=remedy)
        columns = known_quantiles(frame, model)
        if len(columns) < 2:
            raise DataError("the forecaster gives no quantiles", value=model, remedy='take how="lost_sales".')
        table = frame[list(columns.values())].to_numpy(dtype=float).reshape(-1, AHEAD, len(columns))
        factors = np.asarray(self.spread.factor)[:, None]
        now, then = np.moveaxis(table * factors, 1, 0)
        return lost_sales_from_quantiles(available, list(columns), now, then, ratio)


def region_shares(sold: Any, groups: Any = None, shrink: float = SHRINK) -> Floats:
    """Estimate how a product's units divide among regions, (P, R), from the shop's last weeks.

    One product's sales by region are few, and what moves a region moves all its products: a product's split is drawn
    towards its group's, and newer weeks weigh more.

    Parameters
    ----------
    sold : array (P, R, W)
        Units of the last weeks, the newest at the end.
    groups : array of int (P,), optional
        A product's group; all are one unless given.
    shrink : float
        Units of the group's split that are added to a product's own.

    Returns
    -------
    array (P, R)
        Each row sums to one.

    Examples
    --------
    >>> region_shares(np.array([[[8.0], [2.0]], [[0.0], [0.0]]]), shrink=10).round(2).tolist()
    [[0.8, 0.2], [0.8, 0.2]]
    """
    units = np.asarray(sold, dtype=float)
    of = np.zeros(len(units), dtype=int) if groups is None else np.asarray(groups)
    own = (units * DECAY ** np.arange(units.shape[2] - 1, -1, -1)).sum(axis=2)
    whole = np.zeros((int(of.max()) + 1, own.shape[1]))
    np.add.at(whole, of, own)
    shop = own.sum(axis=0) + 1e-9
    whole += 10 * shop / shop.sum()  # a group that sells next to nothing divides as the shop does
    mixed = own + shrink * (whole / whole.sum(axis=1, keepdims=True))[of]
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))


def lost_sales_from_quantiles(
    available: Floats, levels: Sequence[float], this_week: Floats, next_week: Floats, ratio: Floats
) -> NDArray[np.int64]:
    """Order by the lost-sales rule from forecast quantiles: whole units, (n,).

    The order is the quantile ``ratio`` of what next week wants beyond what this week leaves, D' - (A - D)⁺, over pairs
    of shares of D and D'. Quantiles are joined by straight lines; outside them the nearest gap goes on.

    Parameters
    ----------
    available : array (n,)
        Units on hand, A.
    levels : sequence of float
        Shares, Q of them, rising.
    this_week, next_week : array (n, Q)
        Quantiles of D and D'.
    ratio : array (n,)
        Of ``critical_ratio``.

    Returns
    -------
    array of int

    Examples
    --------
    >>> sure = np.full((1, 2), 8.0)
    >>> lost_sales_from_quantiles(np.array([3.0]), [0.1, 0.9], sure, sure, np.array([0.9])).tolist()
    [8]
    """
    shares = np.asarray(levels, dtype=float)

    def at(table: Floats, wanted: Floats) -> Floats:
        place = np.clip(np.searchsorted(shares, wanted) - 1, 0, len(shares) - 2)
        # Beyond the last quantile demand goes on as on the last gap, on the scale of the normal law.
        z, zs = _normal(wanted), _normal(shares)
        weight = (z - zs[place]) / (zs[place + 1] - zs[place])
        return np.maximum(table[:, place] + weight * (table[:, place + 1] - table[:, place]), 0.0)

    left = np.maximum(available[:, None] - at(this_week, NODES), 0.0)
    more = np.sort((at(next_week, FINE)[:, None, :] - left[:, :, None]).reshape(len(available), -1), axis=1)
    place = np.clip(np.ceil(ratio * more.shape[1]).astype(int) - 1, 0, more.shape[1] - 1)
    wanted = more[np.arange(len(more)), place]
    return _units(np.where(ratio > 0, np.floor(wanted + 0.5), 0.0))


def _normal(share: Floats) -> Floats:
    from scipy.special import ndtri

    return np.asarray(ndtri(share))
