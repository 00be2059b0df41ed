"""Cleans order lines, accounts for every line, and finds outliers and wholesale orders (lesson 01, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from ecomlib.errors import DataError

# A normal variable's standard deviation is this many times its median absolute deviation (about 1.4826).
MAD_TO_SD = float(1 / stats.norm.ppf(0.75))
# The same for its mean absolute deviation.
MEAN_AD_TO_SD = float(np.sqrt(np.pi / 2))


@dataclass(frozen=True)
class CleaningRules:
    """Say what ``clean_orders`` takes out, and what it does with wholesale-sized lines (lesson 01, section 3).

    A line is wholesale-sized when its log quantity lies more than ``z_limit`` robust standard deviations above its
    product's median **and** it holds more than ``factor`` times the median quantity: where nearly every line has one
    unit the deviation is close to zero, and two units would be an outlier otherwise. Products with fewer than
    ``min_lines`` lines are left alone.
    """

    drop_duplicates: bool = True
    drop_non_positive: bool = True
    wholesale: Literal["keep", "winsorise", "split"] = "keep"
    z_limit: float = 5.0
    factor: float = 10.0
    min_lines: int = 10


def clean_orders(
    orders: pd.DataFrame, rules: CleaningRules = CleaningRules(), *, usual_until: Any = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Order lines by the rules, and a report that accounts for every line, unit and unit of money.

    Parameters
    ----------
    orders : DataFrame
        Lines with ``product_id, quantity`` (units) and ``unit_price`` (money a unit), before or after ``Store``.
    rules : CleaningRules
        With ``wholesale="split"`` the lines stay and get the flag ``wholesale``; ``split_wholesale`` parts them.
    usual_until : object
        What is usual for a product is told by lines before this moment alone. Give the end of the training part before
        a backtest: without it all lines tell, later ones included.

    Returns
    -------
    The lines in their old order and index, and the report ``reason, rows_in, rows_out, units, revenue``: what each step
    took out (for "winsorise", what it cut off), and in the last row what is left. Units and revenue of all rows sum to
    those of ``orders``. Derived in (lesson 01, section 3).
    """
    for name in ("product_id", "quantity", "unit_price"):
        if name not in orders:
            raise DataError("the column is missing", table="orders", column=name, remedy="add it before cleaning.")
    steps: list[tuple[str, int, int, float, float]] = []

    def take_out(frame: pd.DataFrame, bad: np.ndarray, reason: str) -> pd.DataFrame:
        out = frame[bad]
        money = float((out["quantity"] * out["unit_price"]).sum())
        steps.append((reason, len(frame), len(frame) - len(out), float(out["quantity"].sum()), money))
        return frame[~bad]

    kept = orders
    if rules.drop_duplicates:
        kept = take_out(kept, kept.duplicated().to_numpy(), "exact duplicate of another line")
    if rules.drop_non_positive:
        kept = take_out(kept, ~(kept["quantity"] > 0).to_numpy(), "quantity not above zero")
        kept = take_out(kept, ~(kept["unit_price"] > 0).to_numpy(), "price not above zero")
    told = kept
    if usual_until is not None:
        if "ordered_at" not in kept:
            remedy = "add it, or leave usual_until out."
            raise DataError("the column is missing", table="orders", column="ordered_at", remedy=remedy)
        told = kept[kept["ordered_at"] < pd.Timestamp(usual_until)]
    limit = kept["product_id"].map(_wholesale_limit(told, rules)).fillna(np.inf).astype("float64")
    large = (kept["quantity"] > limit).to_numpy()
    retail = kept
    if rules.wholesale == "winsorise":
        capped = np.where(large, np.floor(limit), kept["quantity"]).astype(kept["quantity"].dtype)
        cut = kept["quantity"] - capped
        reason = f"wholesale-sized ({large.sum():,} lines), cut to the limit"
        steps.append((reason, len(kept), len(kept), float(cut.sum()), float((cut * kept["unit_price"]).sum())))
        kept = retail = kept.assign(quantity=capped)
    elif rules.wholesale == "split":
        retail = take_out(kept, large, "wholesale-sized, split off")
        kept = kept.assign(wholesale=large)
    else:
        steps.append((f"wholesale-sized ({large.sum():,} lines), kept", len(kept), len(kept), 0.0, 0.0))
    take_out(retail, np.ones(len(retail), dtype=bool), "kept")
    report = pd.DataFrame(steps, columns=["reason", "rows_in", "rows_out", "units", "revenue"])
    report.loc[len(report) - 1, "rows_out"] = len(retail)
    return kept, report


def split_wholesale(orders: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split orders into retail and wholesale lines, cleaned with ``wholesale="split"`` (lesson 01, section 3)."""
    if "wholesale" not in orders:
        remedy = 'clean them first with CleaningRules(wholesale="split").'
        raise DataError("the lines are not marked", table="orders", column="wholesale", remedy=remedy)
    rest = orders.drop(columns="wholesale")
    return rest[~orders["wholesale"]], rest[orders["wholesale"]]


def robust_z(values: pd.Series, by: pd.Series | None = None) -> pd.Series:
    """Compute ``(x - median) / (1.4826 · MAD)``, within groups where ``by`` is given (lesson 01, section 3).

    The median absolute deviation is not moved by the outliers that it is to find. Where it is zero, because more than
    half of the values are equal, 1.2533 times the mean absolute deviation stands in (Iglewicz and Hoaglin, 1993); where
    that is zero too, all values are equal and the score is zero.
    """
    centre, scale = _robust_scale(values, by)
    return ((values - centre) / scale.where(scale > 0, 1.0)).rename("robust_z")


def _robust_scale(values: pd.Series, by: pd.Series | None) -> tuple[pd.Series, pd.Series]:
    groups = by if by is not None else pd.Series(0, index=values.index)
    centre = values.groupby(groups, observed=True).transform("median")
    distance = (values - centre).abs().groupby(groups, observed=True)
    scale = distance.transform("median") * MAD_TO_SD
    return centre, scale.where(scale > 0, distance.transform("mean") * MEAN_AD_TO_SD)


def _wholesale_limit(orders: pd.DataFrame, rules: CleaningRules) -> pd.Series:
    """Largest quantity that is not of wholesale size, units, one a product; infinite where too few lines tell."""
    quantity, product = orders["quantity"].astype("float64"), orders["product_id"]
    centre, scale = _robust_scale(np.log(quantity.where(quantity > 0)), product)
    limit = np.maximum(np.exp(centre + rules.z_limit * scale), rules.factor * np.exp(centre))
    few = quantity.groupby(product, observed=True).transform("size") < rules.min_lines
    return limit.mask(few | limit.isna(), np.inf).groupby(product, observed=True).first()
