"""Plays prices, offers, and prices with stock from what was estimated before play (lesson 13, sections 2 to 4).

P products. Effects are estimated on ``env.opening()``, the shop's tables on the first Monday. A forecaster that has
seen prices rise because demand would rise answers wrongly as soon as they move for another reason. So its books are
restated at one price by the causal effect, it forecasts at that price, and the effect is put in again for the price
that will be charged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.contract import Forecaster, rolling_origins
from ecomlib.decisions.price_advice import EVERYTHING, PriceRules, advise_prices, best_price
from ecomlib.decisions.shop_game import LEAST_PRICE, Action, Game, Obs
from ecomlib.decisions.shop_policies import _OfObs, _top, expected_sales
from ecomlib.decisions.stock_policy import AHEAD, RECENT, ForecastOrders, fit_for_stock, measure_spread, stock_panel
from ecomlib.errors import DataError
from ecomlib.stores.store import Store

Floats = NDArray[np.float64]
Estimator = Literal["naive", "fixed effects", "text effects", "DML without text", "DML with text"]
ESTIMATORS: tuple[str, ...] = get_args(Estimator)


def price_effects(
    shop: Store, how: Estimator = "DML with text", *, vectors: Any = None, frame: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Estimate what a price does, by category, in one of five ways (lesson 13, section 2).

    Parameters
    ----------
    shop : Store
        What the shop knows: of ``env.opening()``.
    how : str
        ``"naive"``: units on price. ``"fixed effects"``: of products and of weeks of a category. ``"text effects"``:
        the same with a level for each version of a listing. ``"DML without text"``, ``"DML with text"``: double machine
        learning (lesson 03).
    vectors : array (L, D), optional
        Of ``causal.text_vectors`` for ``causal.listing_texts(shop)``; encoded here unless given. Read by the last way
        alone.
    frame : DataFrame, optional
        Of ``causal.design(shop)``, made here unless given: it takes a second, and serves all five ways.

    Returns
    -------
    DataFrame
        ``category, elasticity, se, low, high, rows``; of sales, with the share of the week that was in stock.

    Raises
    ------
    DataError
        No such way.
    """
    from ecomlib import causal

    if how not in ESTIMATORS:
        raise DataError("no such estimator of a price's effect", value=how, remedy=f"choose from {ESTIMATORS}.")
    frame = causal.design(shop) if frame is None else frame
    if how == "naive":
        return causal.naive(frame, exposure="in_stock")
    if how.endswith("effects"):
        level = "listing" if how == "text effects" else "product_id"
        return causal.fixed_effects(frame, exposure="in_stock", level=level)
    if how == "DML with text" and vectors is None:
        vectors = causal.text_vectors(causal.listing_texts(shop), progress=False)
    return causal.double_ml(frame, vectors if how == "DML with text" else None, exposure="in_stock").table


def promotion_lift(shop: Store, effects: pd.DataFrame) -> pd.DataFrame:
    """Estimate what a place on the offers page does beside its discount, in log units (lesson 13, section 3).

    The effect of promotion and discount together comes from the weeks in which a coin decided (lesson 03b); the
    discount's part, by the price's effect, is taken off.

    Parameters
    ----------
    shop : Store
        With the columns ``promoted, depth, promo_experiment`` of prices.
    effects : DataFrame
        ``category, elasticity``.

    Returns
    -------
    DataFrame
        One row, ``category`` "all": ``promotion, promotion_low, promotion_high``. The interval is that of promotion and
        discount together.
    """
    from ecomlib import causal

    frame = causal.design(shop)
    found = causal.promotion_effect(frame, "randomised", exposure="in_stock")
    used = frame[(frame["promoted"] > 0.5) & frame["promo_experiment"].astype(bool)]
    slope = used["category"].map(effects.set_index("category")["elasticity"])
    discount = float((slope * np.log(1 - used["depth"])).mean())
    names = ("promotion", "promotion_low", "promotion_high")
    values = (end - discount for end in (found.estimate, found.low, found.high))
    return pd.DataFrame({"category": ["all"], **dict(zip(names, values, strict=True))})


def with_all(effects: pd.DataFrame) -> pd.DataFrame:
    """Add a row ``all`` for products whose category has no effect, or is not known yet: the mean over the rows.

    Parameters
    ----------
    effects : DataFrame
        ``category, elasticity, low, high, rows``.

    Returns
    -------
    DataFrame
        As ``advise_prices`` reads it.
    """
    names = [name for name in ("elasticity", "low", "high") if name in effects]
    mean = np.average(effects[names], axis=0, weights=effects.get("rows"))
    row = pd.DataFrame([{"category": EVERYTHING, **dict(zip(names, mean, strict=True))}])
    return pd.concat([effects, row], ignore_index=True)


def by_product(effects: pd.DataFrame, products: pd.DataFrame, product_ids: Any) -> Floats:
    """Look up each product's elasticity, (P,); one whose category is not known yet gets the mean of all rows.

    Parameters
    ----------
    effects : DataFrame
        ``category, elasticity``, and ``rows`` where known.
    products : DataFrame
        ``product_id, category``, as the shop knows them.
    product_ids : array (P,)
        In the order of the game: ``env.product_ids``.

    Returns
    -------
    array (P,)

    Examples
    --------
    >>> effects = pd.DataFrame({"category": ["a", "b"], "elasticity": [-1.0, -3.0]})
    >>> known = pd.DataFrame({"product_id": ["p", "q"], "category": ["b", "a"]})
    >>> by_product(effects, known, ["p", "q", "new"]).tolist()
    [-3.0, -1.0, -2.0]
    """
    slopes = with_all(effects).set_index("category")["elasticity"]
    category = products.set_index("product_id")["category"].reindex(list(product_ids))
    return category.map(slopes).fillna(slopes[EVERYTHING]).to_numpy(dtype=float)


@dataclass(frozen=True, eq=False)
class OptimalPrices(_OfObs):
    """Charge what earns most by an estimated elasticity, inside the rails (lesson 13, section 1).

    Parameters
    ----------
    elasticity : array (P,)
        Of ``by_product``.
    """

    elasticity: Floats

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the prices."""
        price = best_price(self.elasticity, obs["cost"], obs["price_low"], obs["price_high"])
        return {"price": np.maximum(np.round(price, 2), LEAST_PRICE)}


@dataclass(frozen=True, eq=False)
class AdvisedPrices(_OfObs):
    """Keep a price list, and change it each week as ``advise_prices`` says: few prices at a time, on a ladder.

    The list begins as the shop's own plan of the first week.

    Parameters
    ----------
    effects : DataFrame
        Of ``price_effects``.
    category : array (P,)
        Of each product; None where it is not known yet.
    rules : PriceRules
        What the list keeps to.
    """

    effects: pd.DataFrame
    category: NDArray[np.object_]
    rules: PriceRules
    _list: dict[str, Floats] = field(default_factory=dict, repr=False)  # of the week before; begun anew in week 0

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the prices."""
        plan = obs["plan_price"][:, 0]
        before = self._list["price"] if obs["week"] > 0 else np.zeros(len(plan))
        price = np.where(before > 0, before, plan)
        row = np.flatnonzero(obs["live"].astype(bool) & (obs["price_high"] > 0) & (price > 0))
        shelf = {"units": obs["smoothed"].reshape(len(plan), -1).sum(axis=1), "price": price, "unit_cost": obs["cost"]}
        shelf |= {name: obs[name] for name in ("price_low", "price_high")}
        frame = pd.DataFrame(shelf).assign(category=self.category, product_id=np.arange(len(plan))).iloc[row]
        price = price.copy()
        price[row] = advise_prices(frame, with_all(self.effects), self.rules)["price"]
        self._list["price"] = price
        return {"price": np.maximum(price, LEAST_PRICE)}


@dataclass(frozen=True, eq=False)
class EarningOffers:
    """Promote what earns more by being on the page, of what is there to be sold (lesson 13, section 3).

    Each product's weekly rate is that of its last eight weeks, the later ones weighing more, with their offers, their
    prices and their empty shelves taken out. Of the stock is sold ``expected_sales`` with the offer and without it: the
    difference times this week's margin is what a place is worth.

    Parameters
    ----------
    places : int
        On the page.
    lift : float
        Change of log units by a place, of ``promotion_lift``.
    elasticity : array (P,)
        Of ``by_product``.
    decay : float
        Weight of a week before in that of the next one.
    above : float
        φ of demand's variance, μ + φ μ².
    """

    places: int
    lift: float
    elasticity: Floats
    decay: float = 0.85
    above: float = 0.15

    history_by = ("product_id",)

    def __call__(self, obs: Obs, history: pd.DataFrame) -> Action:
        """Return the offers page."""
        rate, shelf = self.rate(obs, history), obs["on_hand"] + obs["arriving"]
        total = shelf.reshape(len(rate), -1).sum(axis=1)
        more = np.exp(self.lift) * rate
        with_offer, without = (
            expected_sales(total.astype(float), mean, mean + self.above * mean**2) for mean in (more, rate)
        )
        return {
            "promote": _top((with_offer - without) * (obs["plan_price"][:, 0] - obs["cost"]) * obs["live"], self.places)
        }

    def rate(self, obs: Obs, history: pd.DataFrame) -> Floats:
        """Estimate the units of a week at this week's price, without an offer.

        Parameters
        ----------
        obs, history : dict, DataFrame
            As of ``play``.

        Returns
        -------
        array (P,)
        """
        last = history["ds"].max()
        recent = history[history["ds"] > last - pd.Timedelta(weeks=RECENT)]
        ids = history["unique_id"].drop_duplicates().to_numpy()
        product = np.flatnonzero(obs["age"] > 0)[pd.Index(ids).get_indexer(recent["unique_id"])]
        planned, paid = obs["plan_price"][product, 0], recent["price"].to_numpy(dtype=float)
        planned = np.where(planned > 0, planned, paid)
        exposure = np.exp(self.lift * recent["promoted"].to_numpy(dtype=float))
        exposure *= carry(1 - recent["unstocked"].to_numpy(dtype=float), planned, paid, self.elasticity[product])
        weight = self.decay ** ((last - recent["ds"]).dt.days // 7).to_numpy()
        sold, could = (
            np.bincount(product, weight * part, len(obs["cost"])) for part in (recent["y"].to_numpy(), exposure)
        )
        return np.asarray(sold / np.maximum(could, 0.1))


# --- price and stock together ----------------------------------------------------------------------------------------


def carry(units: Floats, planned: Floats, charged: Floats, elasticity: Floats) -> Floats:
    """Compute units at the price that will be charged: a causal effect carried into a forecast (lesson 13, section 4).

    Parameters
    ----------
    units : array
        Forecast at the planned price.
    planned, charged : array
        Money; broadcast.
    elasticity : array
        ε; broadcast.

    Returns
    -------
    array
        ``units · (charged / planned)^ε``.

    Examples
    --------
    >>> carry(np.array([20.0]), np.array([5.0]), np.array([10.0]), np.array([-2.0])).tolist()
    [5.0]
    """
    return np.asarray(units * (np.asarray(charged, dtype=float) / planned) ** elasticity)


def restate(history: pd.DataFrame, price: pd.Series, elasticity: pd.Series) -> pd.DataFrame:
    """Change the books as if each product had always cost the same: sales carried to that price, and the price itself.

    Parameters
    ----------
    history : DataFrame
        ``unique_id, y, price``.
    price, elasticity : Series
        By ``unique_id``.

    Returns
    -------
    DataFrame
        With other ``y`` and ``price``; rows without a price stay.
    """
    at, slope = (history["unique_id"].map(of).to_numpy(dtype=float) for of in (price, elasticity))
    was = history["price"].to_numpy(dtype=float)
    fine = np.isfinite(at) & np.isfinite(slope) & (was > 0)
    y = history["y"].to_numpy(dtype=float)
    restated = carry(y, np.where(fine, was, 1.0), np.where(fine, at, 1.0), np.where(fine, slope, 0.0))
    found = history.assign(y=restated, price=np.where(fine, at, was))
    found.attrs = dict(history.attrs)
    return found


@dataclass(frozen=True, eq=False)
class CarriedOrders(ForecastOrders):
    """Order from forecasts at one price, carried to the price that will be charged (lesson 13, section 4).

    Fitted and played on books that are restated at ``markup`` times each product's cost.

    Parameters
    ----------
    elasticity : array (P,)
        Of ``by_product``.
    markup : float
        One price for each product, times its cost: any, as it is taken out again; near what is usual, so that no noise
        is blown up.
    """

    elasticity: Floats = None  # type: ignore[assignment]
    markup: float = 1.6

    def forecast(self, obs: Obs, history: pd.DataFrame) -> tuple[pd.DataFrame, str]:
        """Forecast both weeks of every product that has sold, at the prices of the plan.

        Parameters
        ----------
        obs, history : dict, DataFrame
            As of ``play``.

        Returns
        -------
        tuple
            A forecast frame, and the model's name in it.
        """
        row = np.flatnonzero(obs["age"] > 0)
        ids = history["unique_id"].drop_duplicates().to_numpy()
        fixed = self.markup * obs["cost"]
        slope = pd.Series(self.elasticity[row], index=ids)
        books = restate(history, pd.Series(fixed[row], index=ids), slope)
        at_fixed = np.where(obs["plan_price"] > 0, fixed[:, None], 0.0)
        frame, label = super().forecast(obs | {"plan_price": at_fixed}, books)
        charged = obs["plan_price"][row, :AHEAD]
        charged = np.where(charged > 0, charged, history.groupby("unique_id")["price"].last().to_numpy()[:, None])
        factor = carry(np.ones_like(charged), fixed[row, None], charged, self.elasticity[row, None]).ravel()
        return _times(frame, label, factor), label


def carried_orders(
    game: Game,
    forecaster: Forecaster,
    history: pd.DataFrame,
    elasticity: Floats,
    cost: Mapping[str, float] | pd.Series,
    *,
    markup: float = 1.6,
    about: pd.DataFrame | None = None,
    weeks: int = RECENT,
) -> CarriedOrders:
    """Fit a forecaster on restated books, for play with prices of one's own.

    Parameters
    ----------
    game : Game
        The rules of the game.
    forecaster : Forecaster
        As of ``fit_for_stock``.
    history : DataFrame
        The books before play.
    elasticity : array (P,)
        Of ``by_product``.
    cost : Series
        By ``unique_id``, of all P products in the order of the game.
    markup : float
        As of ``CarriedOrders``.
    about : DataFrame, optional
        As of ``stock_panel``.
    weeks : int
        How many last origins its errors are measured on.

    Returns
    -------
    CarriedOrders
    """
    costs, slope = pd.Series(cost, dtype=float), pd.Series(elasticity, index=pd.Series(cost).index)
    panel = stock_panel(restate(history, markup * costs, slope), about)
    origins = rolling_origins(panel, AHEAD, weeks, step=1)
    early = forecaster.fit(panel, AHEAD, until=origins[0])
    scored = pd.concat([early.forecast(panel, at=origin, negative="clip") for origin in origins], ignore_index=True)
    scored = scored.merge(history[["unique_id", "ds", "y", "price", "stockout"]], on=["unique_id", "ds"])
    # Errors are measured at the prices that were charged: restated units scatter more than any that are sold.
    fixed, power = (scored["unique_id"].map(of).to_numpy(dtype=float) for of in (markup * costs, slope))
    factor = carry(np.ones(len(scored)), fixed, scored["price"].to_numpy(dtype=float), power)
    spread = measure_spread(_times(scored, forecaster.label, factor), forecaster.label)
    return CarriedOrders(game, forecaster.fit(panel, AHEAD), spread, about, elasticity=elasticity, markup=markup)


def _times(frame: pd.DataFrame, label: str, factor: Floats) -> pd.DataFrame:
    """Multiply all columns of a model."""
    models = [name for name in frame if name == label or str(name).startswith(f"{label}-")]
    return frame.assign(**{name: frame[name] * factor for name in models})


def reading_orders(
    game: Game, forecaster: Forecaster, history: pd.DataFrame, *, about: pd.DataFrame | None = None, **options: Any
) -> ForecastOrders:
    """Fit a forecaster that only reads the price, on the books as they are: the rival of ``carried_orders``.

    Parameters
    ----------
    game : Game
        The rules of the game.
    forecaster : Forecaster
        As of ``fit_for_stock``.
    history : DataFrame
        The books before play.
    about : DataFrame, optional
        As of ``stock_panel``.
    **options : Any
        Of ``fit_for_stock``.

    Returns
    -------
    ForecastOrders
        After a policy of prices in ``Together`` it finds those prices as the plan.
    """
    fitted, spread = fit_for_stock(forecaster, stock_panel(history, about), **options)
    return ForecastOrders(game, fitted, spread, about)


__all__ = [
    "ESTIMATORS",
    "AdvisedPrices",
    "CarriedOrders",
    "EarningOffers",
    "OptimalPrices",
    "by_product",
    "carried_orders",
    "carry",
    "price_effects",
    "promotion_lift",
    "reading_orders",
    "restate",
    "with_all",
]
