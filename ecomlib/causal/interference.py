"""Estimates what a rise of all prices does where products stand in for one another (lesson 03, section 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecomlib.causal.elasticity import DoubleML
from ecomlib.causal.regression import Z95, codes, poisson
from ecomlib.errors import DataError

_YEARS = 20  # weeks of the year that must be seen in two years


def others_price(frame: pd.DataFrame, *, treatment: str = "log_price") -> pd.Series:
    """Average the log price of the other products of the category in the week (lesson 03, section 5).

    Each against its own mean over time, so that a dear newcomer does not pass for a rise. NaN for a product that has
    its category to itself in that week.
    """
    apart = frame[treatment] - frame.groupby("product_id", observed=True)[treatment].transform("mean")
    cell = apart.groupby([frame["category"], frame["ds"]], observed=True)
    others = cell.transform("size") - 1
    return ((cell.transform("sum") - apart) / others.where(others > 0)).rename("others_price")


def rise_of_all_prices(
    frame: pd.DataFrame,
    fit: DoubleML,
    *,
    y: str = "units",
    exposure: str | None = None,
    treatment: str = "log_price",
    controls: Sequence[str] = ("promoted",),
) -> pd.DataFrame:
    """Estimate the elasticity of a category whose prices all rise together: own plus cross (lesson 03, section 5).

    Double machine learning compares products of one category in one week, so it sees what a price does *against the
    others'*. If customers only go over to the neighbour on the shelf (**interference**: the stable unit treatment value
    assumption fails), a rise of all prices loses far less than that. Here ``fit``'s own effect and its text's are taken
    as found, and the mean log price of the others (``others_price``) comes in as a further variable: a Poisson
    regression with a level for each product, each week, and each week of the year of a category, because a category is
    dear in its season. What is left to learn from is how a category's prices moved against last year's and the other
    categories': little, so there is one cross effect for all categories.

    Parameters
    ----------
    frame : DataFrame
        Of ``design``, the one that ``fit`` was learnt on, over two years.
    fit : DoubleML
        Of ``double_ml`` with the final stage "poisson", and the same ``y``, ``exposure`` and ``treatment``.

    Returns
    -------
    A row a category: ``category, own, cross, together, se, low, high``. The errors are those of the sum, as if both
    parts were independent; the cross effect's are clustered by quarters of a category.

    Raises
    ------
    DataError
        Another frame than ``fit``'s, a product without others in its category, or fewer than two years.
    """
    if len(fit.text) != len(frame):
        remedy = "hand over the frame from which it was learnt."
        raise DataError("the fit belongs to another frame", table="frame", value=len(frame), remedy=remedy)
    others = others_price(frame, treatment=treatment)
    if others.isna().any():
        alone = frame.loc[others.isna(), "category"].iloc[0]
        remedy = "leave out such weeks, or the category."
        raise DataError("a product has its category to itself", table="frame", value=alone, remedy=remedy)
    season = frame["ds"].dt.isocalendar().week.astype(int)
    seen = frame["ds"].drop_duplicates().dt.isocalendar().week.value_counts()
    if (seen > 1).sum() < _YEARS:
        remedy = f"bring a history in which at least {_YEARS} weeks of the year are seen twice."
        raise DataError("season and prices cannot be told apart", table="frame", column="ds", remedy=remedy)
    own = fit.table.set_index("category")
    known = frame["category"].map(own["elasticity"]).to_numpy(dtype=float) * frame[treatment].to_numpy(dtype=float)
    share = 1.0 if exposure is None else frame[exposure].to_numpy(dtype=float)
    quarter = pd.DataFrame({"category": frame["category"], "quarter": frame["ds"].dt.to_period("Q").astype(str)})
    cross = poisson(
        frame[y],
        np.column_stack([others, frame[list(controls)]]),
        absorb=[frame["product_id"], frame["ds"], pd.DataFrame({"category": frame["category"], "season": season})],
        exposure=np.exp(known + fit.text) * share,
        cluster=codes(quarter),
        tolerance=1e-4,
    )
    together = own["elasticity"] + cross.slope[0]
    error = np.hypot(own["se"], cross.se[0])
    columns = {"own": own["elasticity"], "cross": cross.slope[0], "together": together, "se": error}
    table = pd.DataFrame(columns | {"low": together - Z95 * error, "high": together + Z95 * error})
    return table.reset_index()
