"""Computes what another price or promotion would do, from causal effects and never from a forecaster.

A forecaster has learnt from weeks in which the price rose because demand would rise. Its response to another price is
not that of customers (lesson 03, section 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError

Floats = NDArray[np.float64]
FARTHEST = 4.0  # times the planned price, up or down: beyond it an elasticity says nothing


@dataclass(frozen=True)
class Effect:
    """Hold what a price and a promotion do to log demand, each with the ends of its 95 % interval.

    Parameters
    ----------
    elasticity, low, high : float
        Change of log units with the log of the price, of ``causal.double_ml``.
    promotion, promotion_low, promotion_high : float
        Change of log units by being promoted, beside the discount; 0 where no promotion was ever run.
    """

    elasticity: float
    low: float
    high: float
    promotion: float = 0.0
    promotion_low: float = 0.0
    promotion_high: float = 0.0

    @property
    def known(self) -> bool:
        """Whether all its numbers are finite; those of a category with too few orders are not."""
        return bool(np.isfinite([getattr(self, name) for name in self.__dataclass_fields__]).all())

    @classmethod
    def of(cls, row: Mapping[str, Any] | pd.Series) -> Effect:
        """Read an effect off a row of a table of estimates; other columns are left aside."""
        names = [name for name in cls.__dataclass_fields__ if name in row]
        return cls(**{name: float(row[name]) for name in names})


@dataclass(frozen=True)
class PriceChange:
    """State what is asked: a price before the discount, whether to promote, and a discount as a share of the price.

    What is None stays as planned. A depth above zero counts as promoted unless said otherwise.
    """

    price: float | None = None
    promoted: bool | None = None
    depth: float | None = None


@dataclass(frozen=True)
class Money:
    """Hold a plan's outcome: mean price paid, units, revenue and profit (None where the unit cost is not known)."""

    price: float
    units: float
    revenue: float
    profit: float | None


@dataclass(frozen=True)
class WhatIf:
    """Hold both outcomes, and what is not known of the second: ``units_low`` to ``units_high`` (95 %).

    ``periods`` is how many they cover; ``promotion`` is above zero where more of them are promoted than was planned.
    ``prices`` and ``new_prices`` are what a unit costs in each period, as planned and as asked: the first one is what
    it costs now, while ``Money.price`` is the mean that is paid.
    """

    now: Money
    then: Money
    units_low: float
    units_high: float
    periods: int
    promotion: float
    prices: tuple[float, ...]
    new_prices: tuple[float, ...]

    def says(self, period: str = "weeks", currency: str = "") -> str:
        """Say in one sentence what would be sold, and which way profit would move where the unit cost is known.

        The price of now is that of the first period. Numbers that look alike are not set against each other.

        Parameters
        ----------
        period : str
            What the plan's rows are called.
        currency : str
            Put behind money; by default nothing.

        Returns
        -------
        str
            A sentence with its full stop.
        """
        money = f" {currency}" if currency else ""
        old, new = f"{self.prices[0]:,.2f}{money}", f"{self.new_prices[0]:,.2f}{money}"
        text = f"At {new}"
        if old != new:
            least, most = (f"{end(self.prices):,.2f}" for end in (min, max))
            text += f" instead of {old}" + f" (planned: {least} to {most})" * (least != most)
        if self.promotion:
            text += " on promotion" if self.promotion > 0 else " without promotion"
        was, would, low, high = map(_count, (self.now.units, self.then.units, self.units_low, self.units_high))
        noun = "unit" if would == "1" else "units"
        between = f" ({low} to {high})" if low != high else ""
        if was == would:
            text += f", about as many units as planned would be sold in {self.periods} {period}: {would}{between}"
        else:
            text += f", {would} {noun}{between} instead of {was} would be sold in {self.periods} {period}"
        if self.now.profit is not None and self.then.profit is not None:
            before, after = f"{self.now.profit:,.2f}", f"{self.then.profit:,.2f}"
            moves = f"{'rise' if self.then.profit > self.now.profit else 'fall'} from {before} to"
            text += f", and profit would {moves if before != after else 'stay at'} {after}{money}"
        return text + "."


def _count(units: float) -> str:
    """Units as text: whole ones from ten on, tenths below; halves upwards, as a page rounds them."""
    tenths = np.floor(round(10 * units, 2) + 0.5) / 10
    return f"{np.floor(round(units, 3) + 0.5):,.0f}" if tenths >= 10 else f"{tenths:.1f}".removesuffix(".0")


def what_if(plan: pd.DataFrame, effect: Effect, change: PriceChange, unit_cost: float | None = None) -> WhatIf:
    """Compute units, revenue and profit as planned and as asked (lesson 08, section 3).

    Units change by (new price / planned price) ** elasticity, and by the promotion's effect in the periods whose
    promotion changes.

    Parameters
    ----------
    plan : DataFrame
        A row a period: ``units`` (expected as planned), ``price`` (planned, discount taken off), and where the shop
        plans them ``promoted`` (0 or 1) and ``depth`` (share of the price).
    effect : Effect
        Of the product's category.
    change : PriceChange
        What is asked, in every period of the plan.
    unit_cost : float, optional
        Money a unit; without it profit is not known.

    Returns
    -------
    WhatIf
        The interval holds what is not known of the two effects, as if their errors were independent, not what else
        may happen.

    Raises
    ------
    DataError
        Nothing is asked, the effect is not known, or a price lies more than ``FARTHEST`` times from the planned one.

    Examples
    --------
    >>> import pandas as pd
    >>> plan = pd.DataFrame({"units": [10.0, 10.0], "price": [5.0, 5.0]})
    >>> answer = what_if(plan, Effect(-2.0, -2.5, -1.5), PriceChange(price=6.0), unit_cost=3.0)
    >>> answer.says().partition(", and ")[0]
    'At 6.00 instead of 5.00, 14 units (13 to 15) instead of 20 would be sold in 2 weeks'
    >>> round(answer.now.profit, 2), round(answer.then.profit, 2)
    (40.0, 41.67)
    """
    if change == PriceChange():
        raise DataError("no change is named", remedy="name at least one: price, promoted or depth.")
    if not effect.known:
        raise DataError(
            "this effect is not known", value=effect, remedy="take that of a category with more orders, or of all."
        )
    units, price = plan["units"].to_numpy(dtype=float), plan["price"].to_numpy(dtype=float)
    promoted, off_now = (
        plan[name].to_numpy(dtype=float) if name in plan else np.zeros(len(plan)) for name in ("promoted", "depth")
    )
    full = np.full(len(plan), change.price) if change.price is not None else price / (1 - off_now)
    as_planned = change.depth is None and change.price is None and change.promoted is not False
    new = full * (1 - (off_now if as_planned else (change.depth or 0.0)))
    if not ((new < FARTHEST * price) & (new > price / FARTHEST)).all():
        raise DataError(
            f"nothing is known beyond {FARTHEST:g} times the planned price of {price.mean():.2f}, up or down",
            column="price" if change.price else "depth",
            value=float(new.mean()),
            remedy="ask for a price nearer to those that were tried.",
        )
    runs = float(change.promoted) if change.promoted is not None else 1.0 if change.depth else promoted
    ratio, more = np.log(new / price), runs - promoted
    moved = effect.elasticity * ratio + effect.promotion * more
    slack = effect.high - effect.low, effect.promotion_high - effect.promotion_low
    wide = np.hypot(slack[0] * ratio, slack[1] * more)
    low, high = (float((units * np.exp(moved + side * wide / 2)).sum()) for side in (-1, 1))
    now, then = _money(units, price, unit_cost), _money(units * np.exp(moved), new, unit_cost)
    return WhatIf(now, then, low, high, len(plan), float(np.sum(more)), tuple(price.tolist()), tuple(new.tolist()))


def _money(units: Floats, price: Floats, unit_cost: float | None) -> Money:
    total = float(units.sum())
    mean = float((units * price).sum() / total) if total > 0 else float(price.mean())
    profit = None
    if unit_cost is not None and np.isfinite(unit_cost):
        profit = float((units * (price - unit_cost)).sum())
    return Money(mean, total, float((units * price).sum()), profit)


def price_change(sold: pd.DataFrame, elasticities: pd.DataFrame, change: float = 0.05) -> pd.DataFrame:
    """Project the units and money of raising every price by ``change``, all else equal (lesson 03, section 6).

    Parameters
    ----------
    sold : DataFrame
        ``category, units, price, unit_cost``, a row a product or finer.
    elasticities : DataFrame
        Of the estimators, or the truth's ``category, elasticity``.
    change : float
        A share: 0.05 raises every price by 5 %.

    Returns
    -------
    DataFrame
        A row a category and one named ``all``: ``units`` now, ``units_change`` and ``money_change`` (of units times
        price less cost), and where the elasticities have ``low`` and ``high`` the same at those ends. The ends of
        ``all`` add up the categories' ends: wider than 95 % if they err independently.

    Examples
    --------
    >>> import pandas as pd
    >>> sold = pd.DataFrame({"category": ["cups"], "units": [100], "price": [10.0], "unit_cost": [6.0]})
    >>> table = price_change(sold, pd.DataFrame({"category": ["cups"], "elasticity": [-2.0]}))
    >>> table.round(2).to_dict("records")[0]
    {'category': 'cups', 'units': 100.0, 'units_change': -9.3, 'money_change': 8.16}
    """
    both = sold.merge(elasticities, on="category")
    rows: dict[str, Any] = {"units": both["units"].astype(float)}
    for end, suffix in (("elasticity", ""), ("low", "_low"), ("high", "_high")):
        if end in both:
            factor = (1 + change) ** both[end]
            rows[f"units_change{suffix}"] = both["units"] * (factor - 1)
            margin = both["price"] - both["unit_cost"]
            rows[f"money_change{suffix}"] = both["units"] * ((margin + change * both["price"]) * factor - margin)
    table = pd.DataFrame(rows).groupby(both["category"], observed=True).sum()
    table.loc["all"] = table.sum()
    return table.rename_axis("category").reset_index()
