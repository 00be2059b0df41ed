"""Turns causal effects into a price list and an offers page that a shop can use (lesson 13).

Pure functions over frames: no store, no model, no clock. A price moves inside rails that were observed, because an
elasticity says nothing about prices that nobody has ever been asked to pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.decisions.pricing import Effect
from ecomlib.errors import DataError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
EVERYTHING = "all"  # the category of an effect that serves wherever a category has none of its own
CENT = 0.01
ADVICE = (
    *("product_id", "price_now", "price", "units_now", "units", "profit_now", "profit"),
    *("gain", "gain_low", "gain_high", "reason"),
)
OFFERS = ("product_id", "promote", *ADVICE[3:])


@dataclass(frozen=True)
class PriceRules:
    """Hold what a price list must keep to.

    Parameters
    ----------
    least_margin : float
        Smallest share of a new price that is left over its unit cost: 0.05 leaves five cents of each one.
    ladder : tuple of float
        Endings of a price, in [0, 1): ``(0.49, 0.99)`` allows of 4.49 and 4.99. Empty: any whole cent.
    most_changes : int, optional
        How many prices change in a week; None for no limit.
    most_move : float, optional
        Largest step of a price, as a share of today's: 0.1 is 10 % up or down; None for no limit.
    least_gain : float
        Money that a change must earn to be worth the work.
    careful : bool
        Whether a change is judged, against ``least_gain`` and against the others, by the lower end of its gain's
        interval instead of by the gain. Several hundred guesses are compared: the largest of them is the luckiest as
        well, and a price that may lose money is no advice.

    Raises
    ------
    DataError
        A number that no shop can mean.
    """

    least_margin: float = 0.05
    ladder: tuple[float, ...] = ()
    most_changes: int | None = None
    most_move: float | None = None
    least_gain: float = 0.0
    careful: bool = True

    def __post_init__(self) -> None:
        endings = self.ladder if isinstance(self.ladder, tuple | list) else (self.ladder,)
        fine = {
            "least_margin": 0 <= self.least_margin < 1,
            "ladder": all(0 <= ending < 1 for ending in endings),
            "most_changes": self.most_changes is None or self.most_changes >= 0,
            "most_move": self.most_move is None or self.most_move > 0,
            "least_gain": self.least_gain >= 0,
        }
        for name, ok in fine.items():
            if not ok:
                raise DataError(
                    "this is no rule for prices",
                    column=name,
                    value=getattr(self, name),
                    remedy="shares lie between 0 and 1, counts and money are not negative.",
                )
        object.__setattr__(self, "ladder", tuple(float(ending) for ending in endings))


def best_price(elasticity: Floats, unit_cost: Floats, low: Floats, high: Floats) -> Floats:
    """Compute the price inside the rails that earns most by a constant elasticity ε (lesson 13, section 1).

    Profit ``p^ε (p - c)`` is highest at ``c · ε / (1 + ε)`` where ε < -1, and rises up to there and falls beyond. At -1
    and above it rises with every price: there the rail decides.

    Parameters
    ----------
    elasticity, unit_cost, low, high : array (P,)
        Effect of the price, cost of a unit, and the rails, money.

    Returns
    -------
    array (P,)

    Examples
    --------
    >>> two = np.array([6.0, 6.0])
    >>> best_price(np.array([-3.0, -1.0]), two, np.array([7.0, 7.0]), np.array([12.0, 12.0])).tolist()
    [9.0, 12.0]
    """
    slope = np.asarray(elasticity, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.where(slope < -1, unit_cost * slope / (1 + slope), np.inf)
    return np.asarray(np.clip(free, low, high))


def advise_prices(products: pd.DataFrame, effects: pd.DataFrame, rules: PriceRules | None = None) -> pd.DataFrame:
    """Choose each product's price, with the reason and what it would earn (lesson 13, sections 1 and 5).

    A price goes to the optimum of its elasticity, inside the rails and the rules; of those that are worth it, the
    ``rules.most_changes`` best ones are made.

    Parameters
    ----------
    products : DataFrame
        A row a product: ``product_id, category, units`` (expected at the planned price), ``price`` (planned),
        ``unit_cost``, ``price_low, price_high`` (rails: prices that were observed).
    effects : DataFrame
        A row a category: ``category, elasticity, low, high`` of ``ecomlib.causal``; a category named ``all`` serves
        those that have none of their own, or none that is known.
    rules : PriceRules, optional
        By default any cent, any number of changes, a margin of 5 %.

    Returns
    -------
    DataFrame
        A row a product, in the order of ``products``: ``product_id, price_now, price`` money, ``units_now, units``
        expected at either, ``profit_now, profit`` of them, ``gain`` with the ends ``gain_low, gain_high`` that the ends
        of the elasticity's interval give, and ``reason``. Where a price stays it is ``price_now`` and the gain is 0.
        The interval holds what is not known of the effect; the units expected are taken as they are. Products that
        stand in for one another are not thought of.

    Raises
    ------
    DataError
        A column is missing, has gaps, or holds what no price list has.

    Examples
    --------
    >>> lamps = pd.DataFrame({"product_id": ["a", "b"], "category": ["lamps", "mugs"], "units": [100.0, 50.0]})
    >>> lamps = lamps.assign(price=8.0, unit_cost=6.0, price_low=7.0, price_high=[12.0, 8.5])
    >>> effects = pd.DataFrame({"category": ["lamps", "mugs"], "elasticity": [-3.0, -1.0]})
    >>> effects = effects.assign(low=effects["elasticity"] - 0.3, high=effects["elasticity"] + 0.3)
    >>> advise_prices(lamps, effects)[["price_now", "price", "gain", "reason"]].round(2).values.tolist()
    [[8.0, 9.0, 10.7, 'optimum inside the rails'], [8.0, 8.5, 17.65, 'no optimum: at the upper rail']]
    """
    rules = PriceRules() if rules is None else rules
    columns = ("units", "price", "unit_cost", "price_low", "price_high")
    units, price, cost, floor, ceiling = _columns(products, ("product_id", "category", *columns), columns)
    if (price <= 0).any():
        raise DataError("a price is above zero", table="products", column="price", rows=_rows(price <= 0))
    if (floor > ceiling).any():
        rows = _rows(floor > ceiling)
        raise DataError("the lower rail lies above the upper one", table="products", column="price_low", rows=rows)
    slope, low, high = _effects(products["category"], effects, ("elasticity", "low", "high"))
    known = np.isfinite(slope) & np.isfinite(low) & np.isfinite(high)
    slope, low, high = (np.where(known, end, -1.0) for end in (slope, low, high))

    margin = cost / (1 - rules.least_margin)
    move = np.inf if rules.most_move is None else rules.most_move
    step_low, step_high = price * (1 - min(move, 1.0)), price * (1 + move)
    least, most = np.maximum.reduce([floor, margin, step_low]), np.minimum(ceiling, step_high)
    aim = best_price(slope, cost, least, np.maximum(most, least))
    new = _on_ladder(aim, least, most, slope, cost, rules.ladder)
    possible = known & np.isfinite(new)
    new = np.where(possible, new, price)

    gain, *ends = (_profit(units, price, new, end, cost) - units * (price - cost) for end in (slope, low, high))
    gain_low, gain_high = np.minimum.reduce([gain, *ends]), np.maximum.reduce([gain, *ends])
    judged = gain_low if rules.careful else gain
    moves = possible & (np.abs(new - price) > CENT / 2)
    worth = moves & (judged > rules.least_gain)
    made = worth & _first(np.where(worth, judged, -np.inf), rules.most_changes)

    at_low, at_high = np.abs(aim - least) < CENT / 2, np.abs(aim - most) < CENT / 2
    why = np.select(
        [
            ~known,
            units <= 0,
            least > most + 1e-9,
            ~possible,
            ~moves,
            ~worth & (gain > rules.least_gain),
            ~worth,
            ~made,
            at_high & (most < ceiling - 1e-9),
            at_high & (slope >= -1),
            at_high,
            at_low & (margin > np.maximum(floor, step_low)),
            at_low & (least > floor + 1e-9),
            at_low,
        ],
        [
            "effect unknown",
            "nothing is expected to sell",
            "no price inside the rails keeps the rules",
            "no price of the ladder lies inside the rails",
            "stays: this is the best price there is",
            "stays: the gain is not certain",
            "stays: not worth a change",
            "waits: others gain more this week",
            "as far as one change may go",
            "no optimum: at the upper rail",
            "at the upper rail",
            "at the least margin",
            "as far as one change may go",
            "at the lower rail",
        ],
        default="optimum, on the ladder" if rules.ladder else "optimum inside the rails",
    )
    new, zero = np.where(made, new, price), np.zeros(len(price))
    told = (np.where(made, part, zero) for part in (gain, gain_low, gain_high))
    now = units * (price - cost)
    after = units * (new / price) ** slope
    return _table(ADVICE, products, (price, new, units, after, now, after * (new - cost), *told, why))


def offers_page(products: pd.DataFrame, lifts: pd.DataFrame, places: int) -> pd.DataFrame:
    """Choose what goes on the offers page: what earns more by being there (lesson 13, section 3).

    Not what sells, nor what lags: an offer is worth the profit with it less the profit without it. Units that would
    have been sold anyway earn nothing new, and lose the discount.

    Parameters
    ----------
    products : DataFrame
        A row a product: ``product_id, category, units`` (expected without the offer), ``price`` (without it),
        ``unit_cost``, and where there is one ``offer_price`` (else the price stays) and ``available`` (units that can
        be sold at most).
    lifts : DataFrame
        A row a category: ``promotion, promotion_low, promotion_high``, the change of log units by being on the page
        beside its discount, and where there are discounts ``elasticity, low, high``; ``all`` serves the others.
    places : int
        On the page.

    Returns
    -------
    DataFrame
        ``product_id, promote, units_now, units, profit_now, profit, gain, gain_low, gain_high, reason``, a row a
        product; units, profit and gain are what the offer would bring, also where it is not made. The page is filled
        by the largest gains above zero.

    Raises
    ------
    DataError
        A column is missing or has gaps.

    Examples
    --------
    >>> shelf = pd.DataFrame({"product_id": ["star", "laggard"], "category": "mugs", "units": [40.0, 60.0]})
    >>> shelf = shelf.assign(price=[10.0, 5.0], unit_cost=[4.0, 4.5])
    >>> lift = pd.DataFrame({"category": ["all"], "promotion": [0.25], "promotion_low": 0.2, "promotion_high": 0.3})
    >>> offers_page(shelf, lift, places=1)[["product_id", "promote", "gain"]].round(1).values.tolist()
    [['star', True, 68.2], ['laggard', False, 8.5]]
    """
    columns = ("units", "price", "unit_cost")
    extra = tuple(name for name in ("offer_price", "available") if name in products)
    found = _columns(products, ("product_id", "category", *columns), (*columns, *extra))
    units, price, cost = found[:3]
    optional = dict(zip(extra, found[3:], strict=True))
    offer, most = optional.get("offer_price", price), optional.get("available", np.full(len(price), np.inf))
    lift = _effects(products["category"], lifts, ("promotion", "promotion_low", "promotion_high"))
    known = np.isfinite(lift).all(axis=0)
    cut = np.log(np.divide(offer, price, out=np.ones_like(price), where=price > 0))
    if (cut != 0).any():
        slopes = _effects(products["category"], lifts, ("elasticity", "low", "high"))
        known &= np.isfinite(slopes).all(axis=0) | (cut == 0)
        lift = lift + np.where(cut == 0, 0.0, slopes[[0, 2, 1]] * cut)  # a cut: the weak end of the slope sells least
    now = np.minimum(units, most) * (price - cost)
    sold = [np.minimum(units * np.exp(np.where(known, end, 0.0)), most) for end in lift]
    gain, *ends = (part * (offer - cost) - now for part in sold)
    gain_low, gain_high = np.minimum.reduce([gain, *ends]), np.maximum.reduce([gain, *ends])
    worth = known & (gain > 0)
    chosen = worth & _first(np.where(worth, gain, -np.inf), int(places))
    why = np.select(
        [~known, chosen, worth, offer <= cost],
        ["effect unknown", "earns more by being there", "others gain more", "sold at a loss"],
        default="gains nothing",
    )
    columns_out = (chosen, np.minimum(units, most), sold[0], now, sold[0] * (offer - cost), gain, gain_low, gain_high)
    return _table(OFFERS, products, (*columns_out, why))


# --- what both read --------------------------------------------------------------------------------------------------


def _columns(products: pd.DataFrame, needed: Sequence[str], numbers: Sequence[str]) -> list[Floats]:
    missing = [name for name in needed if name not in products]
    if missing:
        remedy = f"it needs {', '.join(needed)}."
        raise DataError("a column is missing", table="products", column=missing[0], remedy=remedy)
    found = []
    for name in numbers:
        values = pd.to_numeric(products[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        wrong = ~np.isfinite(values) | (values < 0)
        if name == "available":
            wrong = np.isnan(values) | (values < 0)
        if wrong.any():
            remedy = "leave products out of which it is not known."
            raise DataError(
                "no number of zero or more", table="products", column=name, rows=_rows(wrong), remedy=remedy
            )
        found.append(values)
    return found


def _rows(wrong: Flags) -> list[int]:
    return [int(row) + 1 for row in np.flatnonzero(wrong)]


def _effects(category: pd.Series, effects: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Effect and its ends for each product, (3, P); a category without known numbers takes those of all."""
    for name in ("category", *names):
        if name not in effects:
            remedy = "as ecomlib.causal returns them."
            raise DataError("a column is missing", table="effects", column=name, remedy=remedy)
    if effects["category"].duplicated().any():
        twice = effects.loc[effects["category"].duplicated(), "category"].iloc[0]
        raise DataError("a category stands twice", table="effects", column="category", value=twice)
    rows = effects.set_index("category")[list(names)].astype(float)
    defaults = {field: 0.0 for field in ("elasticity", "low", "high") if field not in names}
    rows = rows[np.array([Effect.of(row.to_dict() | defaults).known for _, row in rows.iterrows()], dtype=bool)]
    found = rows.reindex(category).to_numpy(dtype=float)
    if EVERYTHING in rows.index:
        found = np.where(np.isfinite(found).all(axis=1)[:, None], found, rows.loc[EVERYTHING].to_numpy(dtype=float))
    return np.asarray(found.T)


def _profit(units: Floats, price: Floats, new: Floats, slope: Floats, cost: Floats) -> Floats:
    return np.asarray(units * (new / price) ** slope * (new - cost))


def _on_ladder(
    aim: Floats, least: Floats, most: Floats, slope: Floats, cost: Floats, ladder: tuple[float, ...]
) -> Floats:
    """The best price of the ladder from ``least`` to ``most``, NaN where there is none.

    Profit rises up to the aim and falls beyond it, so that the best one is its neighbour below or above.
    """
    if ladder:
        whole = np.floor(aim)[:, None] + np.arange(-1, 2)[:, None, None]
        steps = np.sort((whole + np.array(ladder)).transpose(1, 0, 2).reshape(len(aim), -1), axis=1)
    else:
        steps = np.floor(aim / CENT + 1e-6)[:, None] * CENT + np.array([0.0, CENT])
    steps = np.round(steps, 2)
    inside = (steps >= least[:, None] - 1e-9) & (steps <= most[:, None] + 1e-9) & (steps > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(inside, steps ** slope[:, None] * (steps - cost[:, None]), -np.inf)
    best = np.take_along_axis(steps, np.argmax(worth, axis=1)[:, None], axis=1)[:, 0]
    return np.where(inside.any(axis=1), best, np.nan)


def _first(gain: Floats, most: int | None) -> Flags:
    """Mark the largest ones, ``most`` at most; the first of equals."""
    chosen = np.zeros(len(gain), dtype=bool)
    chosen[np.argsort(-gain, kind="stable")[: len(gain) if most is None else most]] = True
    return chosen


def _table(names: Sequence[str], products: pd.DataFrame, columns: Sequence[NDArray[np.generic]]) -> pd.DataFrame:
    found = pd.DataFrame(dict(zip(names[1:], columns, strict=True)), index=products.index)
    found.insert(0, "product_id", products["product_id"])
    return found
