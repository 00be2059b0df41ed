"""Makes the price list from a shop's tables: which prices to change, and what that would earn (lesson 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.decisions.price_advice import ADVICE, PriceRules, advise_prices
from ecomlib.decisions.registry import Decision
from ecomlib.decisions.shop.weeks import Weeks, ahead, monday, weeks_of
from ecomlib.errors import DataError
from ecomlib.forecasting import forecaster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecomlib.decisions.registry import Options
    from ecomlib.stores.store import Store

Floats = NDArray[np.float64]
LEAST = 26  # full weeks: half a year in which prices may have moved
MODEL, HORIZON, CHANGES = "exponential_smoothing", 4, 20
MOVED = 0.005  # of a price: less is rounding
ORDINARY = (0.05, 0.95)  # quantiles of ordinary prices by week: a single odd line is no rail
STEP = 0.2  # largest move, as a share of today's price, where no price list says that the shop itself charged the rails
# What stands in a list before the columns of ``advise_prices``, and behind them.
BESIDE, RAILS = ("title", "category"), ("price_low", "price_high", "unit_cost", "elasticity")


def decide_price(store: Store, options: Options) -> Decision:
    """Recommend prices inside the rails that were observed: the list of ``decisions.price_advice.advise_prices``.

    Units are the mean expected a week over ``horizon`` weeks at the running plan; effects are those of
    ``causal.shop_effects``, or of ordinary prices where the shop has no price lists. At most ``changes`` prices move,
    and none whose gain is not certain. ``revenue=True`` asks for revenue where no unit cost is known; ``text=False``
    leaves the listings' words out; ``least_margin``, ``most_move`` and ``ladder`` are those of ``PriceRules``. Without
    price lists a price moves by a fifth at most, unless ``most_move`` says more.

    Parameters
    ----------
    store : Store
    options : Options
        ``horizon, model, changes, returns``; under ``more`` those named above.

    Returns
    -------
    Decision
        A row a product, the changes first; see ``price_list``.

    Raises
    ------
    DataError
        No unit costs (and revenue was not asked for), prices that never moved, too few weeks, or rules out of range.
    """
    listed = store.prices is not None
    revenue, rules = bool(options.more.get("revenue", False)), rules_of(options, listed)
    weeks = weeks_of(store, options, LEAST, "price advice")
    held = weeks.store.products.drop_duplicates("product_id").set_index("product_id")
    priced = cost_of(held.get("unit_cost"), revenue)
    horizon, name = options.horizon or HORIZON, options.model or MODEL
    options.say(f"{weeks.said()}; looking at {'the price lists' if listed else 'what ordinary lines paid'} …")
    seen = _listed(weeks, horizon) if listed else _ordinary(weeks)
    if not (seen["price_high"] > seen["price_low"] * (1 + MOVED)).any():
        raise DataError(
            "no price ever moved, so nobody can know what another one would do",
            table="prices" if listed else "orders",
            column="unit_price",
            remedy="change some prices at random for some weeks (lesson 03b), then ask again.",
        )
    effects, about = _effects(weeks, bool(options.more.get("text", True)), options)
    effects, doubted = believable(effects)
    options.say(f"fitting {name} …")
    units = ahead(forecaster(name), weeks.panel(ahead=horizon), horizon).mean(axis=1)
    kinds = held["category"] if "category" in held else pd.Series(dtype=object)
    seen = seen.assign(
        units=units.reindex(seen.index),
        category=kinds.reindex(seen.index).astype(object).where(lambda kind: kind.notna(), "none"),
        unit_cost=0.0 if priced is None else priced.reindex(seen.index),
        title=held["title"].reindex(seen.index),
    )
    products, left_out = usable(seen.rename_axis("product_id").reset_index())
    table = price_list(products, effects, rules, revenue=priced is None)
    moved = table["price"] != table["price_now"]
    what = "revenue" if priced is None else "profit"
    gains = table.loc[moved, ["gain", "gain_low", "gain_high"]].sum()
    told = f"{gains['gain']:,.0f} ({gains['gain_low']:,.0f} to {gains['gain_high']:,.0f}) more {what} a week"
    facts: dict[str, Any] = weeks.facts() | {
        "model": name,
        "effects": about,
        "interval": "95 % of the effects' estimates; the ends of a sum add up, wider than 95 % if effects err apart",
        "weeks_ahead": [f"{monday(weeks.last + 1 + step):%Y-%m-%d}" for step in range(horizon)],
        "units": options.returns,
        "objective": what,
        "changes": int(moved.sum()),
        "most_changes": rules.most_changes,
        "gain_a_week": [round(float(gains[name]), 2) for name in ("gain", "gain_low", "gain_high")],
        "left_out": left_out,
        "assumed": assumed(rules, what, listed),
    }
    line = (
        f"{weeks.said()}; {int(moved.sum())} of {len(table):,} prices change, for {told}; units by {name}, a mean of "
        f"{horizon} weeks; effects by {about}"
    )
    warnings = [
        *unbelieved(doubted),
        *(f"{count:,} products are left out: {why}." for why, count in left_out.items() if count),
    ]
    if priced is None:
        warnings.insert(0, "This is about revenue, not profit: what a unit costs is not known.")
    if not listed:
        warnings.append("One elasticity for the whole shop, from prices that nobody set at random: take it as a guess.")
    return Decision(table, line, facts, tuple(warnings))


def rules_of(options: Options, listed: bool) -> PriceRules:
    """Read the rules off the options; without price lists a price moves by ``STEP`` at most, unless it says more.

    Parameters
    ----------
    options : Options
    listed : bool
        Whether the shop has price lists.
    """
    more: dict[str, Any] = {} if listed else {"most_move": STEP}
    more |= {name: options.more[name] for name in ("least_margin", "most_move", "ladder") if name in options.more}
    try:
        return PriceRules(most_changes=CHANGES if options.changes is None else options.changes, **more)
    except TypeError as fault:
        raise DataError(
            "these are no rules for prices", value=more, remedy="write numbers: most_move=0.1, ladder=(0.49,0.99)."
        ) from fault


def cost_of(costs: pd.Series | None, revenue: bool) -> pd.Series | None:
    """Return unit costs by product, None where revenue is asked for; refuse where neither is.

    Parameters
    ----------
    costs : Series or None
        Money a unit by product, as the tables have it.
    revenue : bool
        Whether revenue was asked for.

    Raises
    ------
    DataError
        No product has a unit cost, and revenue was not asked for.
    """
    if revenue:
        return None
    if costs is None or not np.isfinite(costs.to_numpy(dtype=float, na_value=np.nan)).any():
        raise DataError(
            "what a unit costs is not known, so nobody can tell which price earns most",
            table="products",
            column="unit_cost",
            remedy="add the column, or ask for the price that brings most revenue: --set revenue=True.",
        )
    return costs.astype(float)


def believable(effects: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Leave out effects by which a dearer product sells more, and name their categories: no price rests on them.

    Examples
    --------
    >>> two = pd.DataFrame({"category": ["cups", "mugs"], "elasticity": [-1.5, 0.3], "low": -2.0, "high": 0.9})
    >>> believable(two)[1]
    ['mugs']
    """
    wrong = effects["elasticity"].astype(float) >= 0
    return effects[~wrong].reset_index(drop=True), sorted(effects.loc[wrong, "category"].astype(str))


def unbelieved(categories: Sequence[str]) -> list[str]:
    """Say whose prices stay because their effect cannot be right; nothing where there are none."""
    if not categories:
        return []
    which = ", ".join(categories)
    return [f"Prices of {which} stay: by the estimate a dearer product sells more there, which nobody should believe."]


def observed(price: Floats, counted: NDArray[np.bool_], promoted: Floats | None = None) -> tuple[Floats, Floats]:
    """Find the lowest and the highest price that each product had, as rails.

    Parameters
    ----------
    price : array (P, W)
        Money a unit, by week.
    counted : array (P, W)
        Whether a week is in the product's history.
    promoted : array (P, W), optional
        Above zero where a promotion ran: such weeks count only for a product that has no other.

    Returns
    -------
    low, high : array (P,)
        NaN where no week counts.

    Examples
    --------
    >>> low, high = observed(np.array([[5.0, 6.0, 4.0]]), np.ones((1, 3), dtype=bool), np.array([[0.0, 0.0, 1.0]]))
    >>> low.tolist(), high.tolist()
    ([5.0], [6.0])
    """
    here = np.asarray(counted & np.isfinite(price), dtype=bool)
    if promoted is not None:
        plain = np.asarray(here & ~(promoted > 0), dtype=bool)
        here = np.where(plain.any(axis=1, keepdims=True), plain, here)
    low, high = np.where(here, price, np.inf).min(axis=1), np.where(here, price, -np.inf).max(axis=1)
    return np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)


def usable(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Leave out what no price can be told of, and count it by reason.

    Parameters
    ----------
    rows : DataFrame
        The columns of ``advise_prices``, with gaps, and ``promoted`` (above zero where a promotion runs in the
        first week).

    Returns
    -------
    DataFrame
        Rows without a gap; today's price lies inside its rails.
    dict
        Reason to number of products.
    """
    promoted = rows["promoted"].fillna(0.0) > 0
    reasons = {
        "a promotion runs in the first of these weeks": promoted,
        "no price was seen yet": rows[["price", "price_low", "price_high"]].isna().any(axis=1) | ~(rows["price"] > 0),
        "what a unit costs is not known": rows["unit_cost"].isna(),
        "nothing is known of what will be sold": rows["units"].isna(),
    }
    gone, counts = np.zeros(len(rows), dtype=bool), {}
    for why, which in reasons.items():
        mine = which.to_numpy() & ~gone
        gone |= mine
        counts[why] = int(mine.sum())
    kept = rows[~gone].reset_index(drop=True)
    return kept.assign(
        price_low=kept[["price_low", "price"]].min(axis=1), price_high=kept[["price_high", "price"]].max(axis=1)
    ), counts


def price_list(
    products: pd.DataFrame, effects: pd.DataFrame, rules: PriceRules, *, revenue: bool = False
) -> pd.DataFrame:
    """Recommend prices, with title, rails, cost and effect of each: changes first, by what they gain for certain.

    Parameters
    ----------
    products : DataFrame
        The columns of ``advise_prices``, and ``title``.
    effects : DataFrame
        ``category, elasticity, low, high``; what else it holds is left aside.
    rules : PriceRules
    revenue : bool
        Unit costs are zero because nobody knows them: columns are called ``revenue`` instead of ``profit``.

    Returns
    -------
    DataFrame
        Money and units rounded to the cent and the hundredth.
    """
    advice = advise_prices(products, effects[["category", "elasticity", "low", "high"]], rules)
    slope = effects.set_index("category")["elasticity"].astype(float)
    beside = products[["title", "category", "price_low", "price_high", "unit_cost"]]
    of = products["category"].map(slope).fillna(slope.get("all", np.nan))
    table = pd.concat([advice, beside.set_axis(advice.index)], axis=1).assign(elasticity=of.to_numpy())
    table = table[["product_id", *BESIDE, *ADVICE[1:], *RAILS]]
    moves = np.asarray(table["price"] != table["price_now"], dtype=bool)
    order = np.lexsort((-table["units_now"].to_numpy(), -table["gain_low"].to_numpy(), ~moves))
    table = table.iloc[order].reset_index(drop=True)
    numbers = [name for name, column in table.items() if pd.api.types.is_float_dtype(column)]
    table[numbers] = table[numbers].round(2) + 0.0
    if revenue:
        table = table.drop(columns="unit_cost").rename(columns={"profit_now": "revenue_now", "profit": "revenue"})
    return table


def assumed(rules: PriceRules, what: str, listed: bool) -> list[str]:
    """Say what a price list takes for granted.

    Parameters
    ----------
    rules : PriceRules
    what : str
        ``profit`` or ``revenue``.
    listed : bool
        Whether prices come from price lists, and not from what was paid.
    """
    said = [
        "a price moves only inside what this product has cost before"
        + ("" if listed else ", its ordinary price in nine weeks of ten"),
        "all products of a category answer alike, and none stands in for another",
        f"a change is made only where even the weak end of its effect brings more {what}",
    ]
    if what == "profit":
        said.append(f"at least {rules.least_margin:.0%} of a price is left over its unit cost")
    if rules.most_move is not None:
        said.append(f"no price moves by more than {rules.most_move:.0%}")
    return said


def _effects(weeks: Weeks, text: bool, options: Options) -> tuple[pd.DataFrame, str]:
    """The effects of prices, or the reason why there are none as an error."""
    from ecomlib import causal

    if weeks.store.prices is None:
        return causal.ordinary_effect(causal.ordinary_prices(weeks.store))
    table, about = causal.shop_effects(weeks.store, text=text, say=options.say)
    known = np.isfinite(table[["elasticity", "low", "high"]].to_numpy(dtype=float)).all(axis=1)
    if not known.any():
        raise DataError(
            about if table.empty else "no category has orders enough to tell what a price does",
            table="prices",
            remedy="bring a longer history, or change some prices at random for some weeks (lesson 03b).",
        )
    return table, about


def _listed(weeks: Weeks, horizon: int) -> pd.DataFrame:
    """Price of the first week ahead, rails and promotions by product, from the price lists."""
    panel = weeks.panel(ahead=horizon)
    wide = {name: _by_week(panel, name) for name in ("price", "promoted") if name in panel}
    names, days = wide["price"].index, wide["price"].columns
    past = np.asarray(days <= monday(weeks.last), dtype=bool)
    price = wide["price"].to_numpy(dtype=float)
    ran = wide["promoted"].to_numpy(dtype=float) if "promoted" in wide else np.zeros_like(price)
    low, high = observed(price[:, past], np.isfinite(price[:, past]), ran[:, past])
    found = {"price": price[:, ~past][:, 0], "price_low": low, "price_high": high}
    return pd.DataFrame(found | {"promoted": np.nan_to_num(ran[:, ~past][:, 0])}, index=names)


def _by_week(panel: pd.DataFrame, name: str) -> pd.DataFrame:
    return panel.pivot_table(name, "product_id", "ds", dropna=False, observed=True)


def _ordinary(weeks: Weeks) -> pd.DataFrame:
    """The last ordinary price, and between which it lay in most weeks, of the products that sold in most weeks."""
    from ecomlib import causal

    rows = causal.ordinary_prices(weeks.store)
    if rows.empty:
        raise DataError(
            "no product sold in eight weeks or more, so nothing is known of its prices",
            table="orders",
            remedy="bring a longer history.",
        )
    of = rows.groupby("product_id")["ordinary"]
    low, high = (of.quantile(share) for share in ORDINARY)
    return pd.DataFrame({"price": of.last(), "price_low": low, "price_high": high}).assign(promoted=0.0)
